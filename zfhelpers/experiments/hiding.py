"""What hiding tells: the numbers behind Fig. 7, from sweeps of a square and from hiding exactly one thing.

>>> from zfhelpers.model import Architecture, ZFNet
>>> from zfhelpers.occlusion import occlusion_maps
>>> net = ZFNet(Architecture(classes=5, image_size=64, width=0.125, fc=(16, 16)))
>>> maps = occlusion_maps(net, torch.zeros(3, 64, 64), "layer5", size=16, stride=8)
>>> list(summary(maps, label=2))[:2]
['least P(true)', 'median P(true)']
>>> apart(maps, 0, 1), apart(maps, 0, 2)  # the squares at places 0 and 1 overlap by half, those at 0 and 2 touch
(False, True)
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass

import numpy as np
import torch
from torch import Tensor, nn
from torch.nn import functional as F
from torch.utils.data import Subset

from zfhelpers.boxes import Box
from zfhelpers.deconv import Deconvnet
from zfhelpers.experiments.classification import probabilities
from zfhelpers.occlusion import OcclusionMaps, points_at, touching
from zfhelpers.strongest import top_activations
from zfhelpers.worlds.world import World

AT_ONCE = 60  # images in a forward pass
LEAST_HIDDEN = 1 / 4  # of all places: where a square hides least of a projection
PAPER = {  # decoded from the colour bars and legends of Fig. 7: Pomeranian, car wheel, Afghan hound
    "dog with ball": (0.06, 0.95, 0.98, 5.4, 97.7),
    "car with sign": (0.01, 0.14, 0.29, None, 14.3),
    "dog with person": (0.01, 0.38, 0.75, None, 84.7),
}


def true_probability(module: nn.Module, world: World, indices: Sequence[int], hidden: np.ndarray | None = None) -> np.ndarray:
    """The probability of the true class of validation images, some pixels of which show the mean image.

    Args:
        module: a network that gives logits (n, outputs).
        world: whose images; the network must have an output for every class that occurs.
        indices: n validation images.
        hidden: (n, S, S) bool, the pixels of each that are hidden; None: none.

    Returns:
        (n,) float32.

    Raises:
        ValueError: not a mask for each image, or a class that the network has no output for.
    """
    indices = np.asarray(indices, dtype=np.int64)
    if hidden is not None and len(hidden) != len(indices):
        raise ValueError(f"There are {len(indices)} images and {len(hidden)} masks; give one for each.")
    true = world.answers[world.val.labels[indices]]
    if (true < 0).any():
        raise ValueError(f"{world.network} has no output for the class {world.classes[world.val.labels[indices][true < 0][0]]}.")
    found = []
    for start in range(0, len(indices), AT_ONCE):
        part = slice(start, start + AT_ONCE)
        shown = world.preprocess(world.val.images(indices[part]))
        if hidden is not None:
            shown = shown * ~torch.from_numpy(np.stack(hidden[part]))[:, None]  # the mean image is zero
        with torch.inference_mode():
            found.append(module(shown).softmax(1)[torch.arange(len(shown)), torch.from_numpy(true[part])])
    return torch.cat(found).cpu().numpy()


def summary(maps: OcclusionMaps, label: int) -> dict[str, tuple[float, str]]:
    """{name: (value, unit)} of the probability of the true class over all places of a sweep; `PAPER` has the same of Fig. 7."""
    p = maps.probabilities[..., label]
    low, middle, high = torch.quantile(p, torch.tensor([0.0, 0.5, 1.0], dtype=p.dtype)).tolist()
    return {
        "least P(true)": (low, ""),
        "median P(true)": (middle, ""),
        "most P(true)": (high, ""),
        "places below half of the most": (100 * float((p < high / 2).float().mean()), "%"),
        "places with the right label": (100 * float((maps.labels == label).float().mean()), "%"),
    }


def answered(module: nn.Module, world: World, indices: Sequence[int]) -> tuple[dict[int, int], list[int], list[int]]:
    """Which output is the true one for validation images, and which of them the network answers correctly.

    Args:
        module: a network that gives logits.
        world: whose images; where the network has no output for a class, its own answer counts as true (`World.follow`).
        indices: n validation images.

    Returns:
        {image: its true output}; the images whose most probable output that is; and those of them to which it has more than half
        of the probability, so that there is something to lose. All in the order of `indices`.
    """
    said = probabilities(module, world, world.val, indices)
    true = world.follow(world.val.labels[np.asarray(indices, dtype=np.int64)], said)
    right = said.argmax(1) == true
    sure = right & (said.max(1) > 0.5)
    true = {int(index): int(output) for index, output in zip(indices, true, strict=True)}
    right, sure = ([index for index, well in zip(true, each, strict=True) if well] for each in (right, sure))
    return true, right, sure


def projections(
    module: nn.Module, world: World, cases: Sequence[int], maps: Sequence[OcclusionMaps], indices: Sequence[int], layer="layer5"
) -> list[Tensor]:
    """Fig. 7c: the strongest map of each case, projected from it and from the three other images that excite this map most.

    Args:
        module: a network that `Deconvnet` can go back through.
        world: whose images.
        cases: validation images.
        maps: the sweep of each.
        indices: the validation images that the three others are among, four or more.
        layer: whose maps are meant.

    Returns:
        for each case (4, C, S, S) float, each projection divided by its largest value.
    """
    among = Subset(world.val, list(indices))
    top = top_activations(module, among, layer, k=4, preprocess=world.preprocess)[layer]
    found = []
    for case, swept in zip(cases, maps, strict=True):
        others = [indices[place] for place in top.images[swept.strongest_map] if indices[place] != case][:3]
        four = world.preprocess(world.val.images([case, *others]))
        backs = Deconvnet(module).project(four, layer, [swept.strongest_map] * 4)
        found.append(backs / backs.abs().amax((1, 2, 3), keepdim=True).clamp(min=1e-30))
    return found


@dataclass(frozen=True)
class Sweeps:
    """Many images under one square, as `occlusion_maps` gives them.

    Attributes:
        maps: of each of N images, all over the same places.
        truth: the true class of each.
    """

    maps: Sequence[OcclusionMaps]
    truth: Sequence[int]

    @property
    def worst(self) -> list[int]:
        """The place of each image where P(true) is least; places are numbered in reading order."""
        return [int(maps.probabilities[..., label].argmin()) for maps, label in zip(self.maps, self.truth, strict=True)]

    @property
    def worst_boxes(self) -> list[Box]:
        """The pixels that the square covers there."""
        return self._boxes(self.worst)

    @property
    def silent(self) -> list[int]:
        """The place of each image where the activity of its strongest map is least."""
        return [int(maps.activity.argmin()) for maps in self.maps]

    @property
    def silent_boxes(self) -> list[Box]:
        """The pixels that the square covers there."""
        return self._boxes(self.silent)

    def _boxes(self, places: Sequence[int]) -> list[Box]:
        return [maps.box(*divmod(place, maps.labels.shape[1])) for maps, place in zip(self.maps, places, strict=True)]

    @property
    def left(self) -> np.ndarray:
        """(N,): P(true) at the worst place as a share of P(true) without the square."""
        return self._shares(self.worst)

    @property
    def left_when_silent(self) -> np.ndarray:
        """(N,): the same at the place where the strongest map is least active."""
        return self._shares(self.silent)

    def _shares(self, places: Sequence[int]) -> np.ndarray:
        each = zip(self.maps, self.truth, places, strict=True)
        return np.array(
            [float(m.probabilities[..., label].flatten()[place] / m.probabilities_clean[label]) for m, label, place in each]
        )

    @property
    def apart(self) -> np.ndarray:
        """(N,) bool: whether the worst places for the class and for the strongest map are `apart`."""
        return np.array([apart(*each) for each in zip(self.maps, self.silent, self.worst, strict=True)])

    def hits(self, masks: np.ndarray) -> tuple[np.ndarray, np.ndarray]:
        """The pointing game with the objects (N, H, W) bool: who hits, (N,) bool, and the chance of a blind guess, (N,) in %."""
        masks = torch.from_numpy(masks)
        hits = [points_at(*each) for each in zip(self.maps, self.truth, masks, strict=True)]
        blind = [100 * float(touching(maps, mask).float().mean()) for maps, mask in zip(self.maps, masks, strict=True)]
        return np.array(hits), np.array(blind)

    def activity_lost(self, module: nn.Module, world: World, indices: Sequence[int], layer: str = "layer5") -> np.ndarray:
        """`activity_lost` of the strongest map of each image, projected by `Deconvnet`: (N, 2) in %."""
        deconv, found = Deconvnet(module), []
        for start in range(0, len(indices), AT_ONCE):
            part = slice(start, start + AT_ONCE)
            images = world.preprocess(world.val.images(indices[part]))
            backs = deconv.project(images, layer, [maps.strongest_map for maps in self.maps[part]])
            found += [activity_lost(maps, back) for maps, back in zip(self.maps[part], backs, strict=True)]
        return np.array(found)


def activity_lost(maps: OcclusionMaps, projection: Tensor) -> tuple[float, float]:
    """What the strongest map loses where the square hides most of its projection, and where it hides least, in %.

    The squared values of the projection say how much of it lies where. The second number is the mean over the quarter of the
    places that hide least.

    Args:
        maps: of a square.
        projection: (C, S, S) of the strongest map of the same image.
    """
    energy = projection.square().sum(0)
    under = F.avg_pool2d(energy[None] / energy.mean(), maps.size, maps.stride).flatten()
    clean = next(iter(maps.sums_clean.values()))[maps.strongest_map]
    lost = 100 * (1 - maps.activity / clean).flatten()
    least = under.argsort(stable=True)[: int(len(under) * LEAST_HIDDEN)]
    return float(lost[under.argmax()]), float(lost[least].mean())


def apart(maps: OcclusionMaps, one: int, other: int) -> bool:
    """Whether the squares at two places, numbered in reading order, do not overlap."""
    columns = maps.labels.shape[1]
    rows_and_columns = zip(divmod(int(one), columns), divmod(int(other), columns), strict=True)
    return max(abs(a - b) for a, b in rows_and_columns) * maps.stride >= maps.size


def apart_blindly(maps: OcclusionMaps) -> float:
    """How often two places drawn at random would be apart, in %: counted over all pairs."""
    places = range(maps.labels.numel())
    return 100 * float(np.mean([apart(maps, one, other) for one in places for other in places]))
