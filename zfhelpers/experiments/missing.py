"""What a part is truly worth to a network: the image is drawn anew without it, and the answer's logit falls by so much.

Only a world that is drawn can do that. What a method says of a part, the sum of its map over the part's pixels, is held against
the truth as FunnyBirds does it (Hesse, Schaub-Meyer and Roth, 2023, arXiv 2308.06248): `rank_correlation`, and the checks
`deletion`, `preservation`, `distractibility` and `target_sensitivity`. They follow that paper's ideas; how they count here is
said in each function.

    >>> truth, said = np.array([3.0, 0.5, 0.0]), np.array([9.0, 8.0, -1.0])
    >>> rank_correlation(said, truth), important(said)
    (1.0, array([ True,  True, False]))
"""

from __future__ import annotations

from collections.abc import Collection, Iterable, Sequence
from dataclasses import dataclass

import numpy as np
import scipy
import torch
from torch import Tensor, nn

from zfhelpers import toyworld
from zfhelpers.worlds.world import World

LEAST = 20  # pixels: a part of which less is seen is left out
NOTHING = 0.05  # of the answer's logit: a part that takes less away is unimportant; FunnyBirds' 5 %
AT_ONCE = 64  # images in a forward pass


@dataclass(frozen=True, eq=False)
class Parted:
    """An image of the toy world, with what can be taken away from it.

    Attributes:
        index: of the validation image.
        parts: names of the parts that are to be seen.
        surroundings: names of `toyworld.SURROUNDINGS` that are to be seen.
        masks: {name: (S, S) bool} of both, visible pixels.
        object: (S, S) bool, the whole object.
    """

    index: int
    parts: tuple[str, ...]
    surroundings: tuple[str, ...]
    masks: dict[str, np.ndarray]
    object: np.ndarray

    def sums(self, importance, names: Sequence[str] | None = None) -> np.ndarray:
        """What a map (S, S) says of parts: the sum over the visible pixels of each; of all parts if not given."""
        values = np.asarray(importance, dtype=np.float64)
        return np.array([values[self.masks[name]].sum() for name in (self.parts if names is None else names)])

    def means(self, importance) -> np.ndarray:
        """The mean over the visible pixels of each part, in place of the sum: size does not count."""
        return self.sums(importance) / [self.masks[name].sum() for name in self.parts]


def parted(world: World, index: int, least: int = LEAST) -> Parted:
    """What can be taken away from a validation image, as far as at least so many pixels of it are to be seen.

    Raises:
        ValueError: a world of photographs, which cannot be drawn anew.
    """
    scene, sizes = _scene(world, index), (world.frame_size, world.image_size)
    masks, others = toyworld.part_masks(scene, *sizes), toyworld.surrounding_masks(scene, *sizes)
    seen = {name: mask for name, mask in (masks | others).items() if mask.sum() >= least}
    names = tuple(name for name in masks if name in seen), tuple(name for name in others if name in seen)
    return Parted(int(index), *names, seen, np.any(list(masks.values()), axis=0))


def _scene(world: World, index: int) -> toyworld.Scene:
    if world.name != "toy":
        raise ValueError(f"The world {world.name!r} cannot be drawn without a part; 'toy' can.")
    return toyworld.scene("val", int(index))


def redrawn(world: World, index: int, without: Collection[str] = ()) -> Tensor:
    """A validation image of the toy world without some parts, (3, S, S) uint8, as `world.val` holds it with all of them."""
    frame = toyworld.draw(_scene(world, index), world.frame_size, world.image_size, without=tuple(without)).image
    return world.crop(torch.from_numpy(frame.transpose(2, 0, 1)))


class Redrawer:
    """Asks a network about images without parts, each set of parts once.

    >>> from zfhelpers.networks.checkpoints import load
    >>> net, world = load("toy")
    >>> ask = Redrawer(net, world)
    >>> ask.logits(2, [(), ("body",), ("left ear", "right ear")]).shape  # image 2 is a dobermann
    (3, 24)
    """

    def __init__(self, module: nn.Module, world: World):
        self.module, self.world = module, world
        self._known: dict[tuple[int, frozenset[str]], np.ndarray] = {}

    def logits(self, index: int, withouts: Iterable[Collection[str]]) -> np.ndarray:
        """The logits of a validation image without each of several sets of parts, (sets, outputs) float32."""
        keys = [(int(index), frozenset(without)) for without in withouts]
        new = list(dict.fromkeys(key for key in keys if key not in self._known))
        for start in range(0, len(new), AT_ONCE):
            some = new[start : start + AT_ONCE]
            images = torch.stack([redrawn(self.world, at, sorted(without)) for at, without in some])
            with torch.inference_mode():
                answers = self.module(self.world.preprocess(images)).float().cpu().numpy()
            self._known |= dict(zip(some, answers, strict=True))
        return np.stack([self._known[key] for key in keys])

    def falls(self, index: int, output: int, names: Sequence[str]) -> np.ndarray:
        """How far an output's logit falls without each thing alone, (names,): what it is truly worth to this answer."""
        whole, *rest = self.logits(index, [(), *((name,) for name in names)])[:, output]
        return whole - np.array(rest)


def drops_as_map(parted: Parted, drops: Sequence[float]) -> np.ndarray:
    """The true importance as a map (S, S), spread evenly over each part: a method that knows the truth; sums give it back."""
    found = np.zeros(parted.object.shape)
    for name, drop in zip(parted.parts, drops, strict=True):
        found[parted.masks[name]] = drop / parted.masks[name].sum()
    return found


def rank_correlation(said: Sequence[float], truth: Sequence[float]) -> float:
    """Spearman's rank correlation of what a method says of the parts of one image with what they are worth: -1 to 1.

    0, a method that knows nothing, where it says the same of all parts, or all are worth the same. FunnyBirds' "single deletion".
    """
    said, truth = np.asarray(said, dtype=np.float64), np.asarray(truth, dtype=np.float64)
    if len(np.unique(said)) < 2 or len(np.unique(truth)) < 2:
        return 0.0
    return float(scipy.stats.spearmanr(said, truth).statistic)


def important(said: Sequence[float]) -> np.ndarray:
    """Which parts a method calls important, bool: those of which it says at least the mean, what is below 0 counting as 0.

    FunnyBirds asks with several thresholds; the mean needs none, and gives every method some part (unless it finds nothing).
    """
    positive = np.asarray(said, dtype=np.float64).clip(min=0)
    return (positive >= positive.mean()) & (positive > 0)


def deletion(ask: Redrawer, image: Parted, output: int, said: Sequence[float]) -> bool:
    """Whether the answer changes when all parts that a method calls important are taken away; over images a share in [0, 1]."""
    return _answer(ask, image, important(said)) != output


def preservation(ask: Redrawer, image: Parted, output: int, said: Sequence[float]) -> bool:
    """Whether the answer stays when all parts are taken away but those that a method calls important; a share in [0, 1]."""
    return _answer(ask, image, ~important(said)) == output


def _answer(ask: Redrawer, image: Parted, gone: np.ndarray) -> int:
    return int(ask.logits(image.index, [tuple(np.array(image.parts)[gone])])[0].argmax())


def unimportant(ask: Redrawer, image: Parted, output: int, names: Sequence[str]) -> np.ndarray:
    """Which of some things take less than `NOTHING` of the answer's logit away when they go, bool."""
    whole = ask.logits(image.index, [()])[0, output]
    return ask.falls(image.index, output, names) < NOTHING * abs(whole)


def distractibility(ask: Redrawer, image: Parted, output: int, importance) -> float:
    """Of the parts and surroundings that are unimportant to the network, the share that a method does not call important.

    In [0, 1], and the higher the better, in spite of its name, which is FunnyBirds'; NaN where everything is important.
    """
    names = image.parts + image.surroundings
    idle = unimportant(ask, image, output, names)
    return float((~important(image.sums(importance, names)))[idle].mean()) if idle.any() else float("nan")


def target_sensitivity(asked: np.ndarray, masks: np.ndarray) -> float:
    """Whether a method answers what it is asked, on an image of two objects: in [0, 1], a method that does not listen gets 1/2.

    FunnyBirds asks for two classes that each share parts with a bird. Our image holds an object of each class: the share of the
    importance on either object should be larger when it is asked about that object's class than when about the other's.

    Args:
        asked: (2, S, S), the map for the class of the first object, and for that of the second; negative values count as 0.
        masks: (2, S, S) bool, the objects.

    >>> masks = np.array([[[True, False, False]], [[False, True, False]]])
    >>> target_sensitivity(masks * 1.0, masks), target_sensitivity(np.ones((2, 1, 3)), masks)
    (1.0, 0.5)
    """
    asked = np.asarray(asked, dtype=np.float64).clip(min=0)
    totals = asked.sum((1, 2))
    shares = np.einsum("ahw,bhw->ab", asked, np.asarray(masks, float)) / np.where(totals > 0, totals, 1)[:, None]
    gains = shares[0, 0] - shares[1, 0], shares[1, 1] - shares[0, 1]
    return float(np.mean([0.5 + 0.5 * np.sign(gain) for gain in gains]))
