"""A trial of methods on images whose truth is known: the same images, parts and answers for all.

>>> from zfhelpers.networks.checkpoints import load
>>> trial = Trial.of(*load("toy"), range(30), count=4)
>>> maps = trial.controls(seed=0)
>>> trial.score(maps["truth"])["rank correlation"].tolist()
[1.0, 1.0, 1.0, 1.0]
"""

from __future__ import annotations

from collections.abc import Iterable
from dataclasses import dataclass

import numpy as np
import torch
from torch import Tensor, nn

from zfhelpers.experiments import localisation, missing
from zfhelpers.experiments.attribution import importance
from zfhelpers.experiments.missing import Parted, Redrawer
from zfhelpers.toyworld import scenes
from zfhelpers.worlds.world import World

PARTS = 4  # so many must be seen: of fewer there is little to rank
LARGE = 0.03  # of the image: what each of two objects must fill


@dataclass(frozen=True, eq=False)
class Trial:
    """Images of the toy world that the network answers rightly, and what each of their parts is worth to it.

    Attributes:
        ask: the network, and what it said so far.
        images: N images with their parts.
        outputs: the right output of each.
        truths: for each (parts,), how far the logit of that output falls without each part.
    """

    ask: Redrawer
    images: list[Parted]
    outputs: list[int]
    truths: list[np.ndarray]

    @classmethod
    def of(cls, module: nn.Module, world: World, indices: Iterable[int], count: int, parts: int = PARTS) -> Trial:
        """The first so many of some validation images that are answered rightly and show so many parts.

        Raises:
            ValueError: a world that cannot be drawn without a part.
        """
        ask, images, outputs = Redrawer(module, world), [], []
        for index in indices:
            image, output = missing.parted(world, index), int(world.answers[world.val.labels[index]])
            if len(image.parts) >= parts and int(ask.logits(index, [()])[0].argmax()) == output:
                images.append(image)
                outputs.append(output)
            if len(images) == count:
                break
        truths = [ask.falls(each.index, output, each.parts) for each, output in zip(images, outputs, strict=True)]
        return cls(ask, images, outputs, truths)

    @property
    def inputs(self) -> Tensor:
        """The images as the network takes them, (N, C, S, S)."""
        world = self.ask.world
        return world.preprocess(world.val.images([image.index for image in self.images]))

    @property
    def objects(self) -> np.ndarray:
        """Where the objects are, (N, S, S) bool."""
        return np.stack([image.object for image in self.images])

    def maps(self, method: str, of_answer: bool = True) -> np.ndarray:
        """What a method says of the right answers, or of each image's strongest map of layer 5; (N, S, S)."""
        found = importance(self.ask.module, self.inputs, method, self.outputs if of_answer else None)
        return found.float().cpu().numpy()

    def controls(self, seed: int = 0) -> dict[str, np.ndarray]:
        """Maps of no method: the truth, spread evenly over each part; noise; and one number everywhere: size alone counts."""
        shape = self.objects.shape
        truth = np.stack([missing.drops_as_map(*each) for each in zip(self.images, self.truths, strict=True)])
        return {"truth": truth, "noise": np.random.default_rng(seed).random(shape), "size alone": np.ones(shape)}

    def score(self, maps: np.ndarray) -> dict[str, np.ndarray]:
        """What a method's maps (N, S, S) are worth, (N,) of each score: those of `missing` and `localisation`, by name.

        "rank correlation" is that of sums over the parts, "of means" that of means over their pixels.
        """
        rows = [self._of_parts(*each) for each in zip(self.images, self.outputs, self.truths, maps, strict=True)]
        found = {name: np.array([row[name] for row in rows], dtype=np.float64) for name in rows[0]}
        return found | {
            "mass accuracy": localisation.mass_accuracy(maps, self.objects),
            "rank accuracy": localisation.rank_accuracy(maps, self.objects),
            "pointing game": localisation.pointing(maps, self.objects).astype(np.float64),
        }

    def _of_parts(self, image: Parted, output: int, truth: np.ndarray, values: np.ndarray) -> dict[str, float]:
        said = image.sums(values)
        return {
            "rank correlation": missing.rank_correlation(said, truth),
            "rank correlation of means": missing.rank_correlation(image.means(values), truth),
            "deletion": missing.deletion(self.ask, image, output, said),
            "preservation": missing.preservation(self.ask, image, output, said),
            "distractibility": missing.distractibility(self.ask, image, output, values),
        }

    def background_independence(self) -> np.ndarray:
        """Of each thing in the surroundings that is to be seen, whether the network does not mind when it goes; (things,) bool.

        A property of the network, not of a method: the share is in [0, 1]. A thing is unimportant as `missing.unimportant` says.
        """
        found = [
            missing.unimportant(self.ask, image, output, image.surroundings)
            for image, output in zip(self.images, self.outputs, strict=True)
            if image.surroundings
        ]
        return np.concatenate(found) if found else np.zeros(0, bool)


def target_sensitivities(module: nn.Module, world: World, method: str, pairs: Pairs) -> np.ndarray:
    """`missing.target_sensitivity` of a method on images of two objects, (N,)."""
    inputs = world.preprocess(pairs.images)
    asked = [importance(module, inputs, method, outputs).float().cpu().numpy() for outputs in pairs.outputs.T.tolist()]
    return np.array([missing.target_sensitivity(*each) for each in zip(np.stack(asked, 1), pairs.masks, strict=True)])


@dataclass(frozen=True, eq=False)
class Pairs:
    """Images that show two objects of different classes, or more: (N, 3, S, S) uint8, outputs (N, 2), masks (N, 2, S, S) bool."""

    images: Tensor
    outputs: np.ndarray
    masks: np.ndarray


def pairs(world: World, count: int) -> Pairs:
    """The first so many images of the set "toy-scenes" that show two objects well; of more, the two that show most.

    Raises:
        ValueError: a world whose classes are not those of the toy world.
    """
    if world.name != "toy":
        raise ValueError(f"Images of two objects with known pixels are drawn of the classes of 'toy', not of {world.name!r}.")
    images, outputs, masks = [], [], []
    for index in range(scenes.SIZES["test"]):
        drawn = scenes.draw(scenes.scene("test", index), world.frame_size, world.image_size)
        first, second = sorted(drawn, key=lambda each: -each.mask.sum())[:2]
        if second.mask.mean() >= LARGE:
            images.append(world.crop(torch.from_numpy(first.image.transpose(2, 0, 1))))
            outputs.append(world.answers[[first.label, second.label]])
            masks.append([first.mask, second.mask])
        if len(images) == count:
            break
    return Pairs(torch.stack(images), np.array(outputs), np.array(masks))
