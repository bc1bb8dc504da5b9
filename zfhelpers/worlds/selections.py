"""Some of a world's classes and images: what the networks of "how many classes does borrowing need?" are trained on.

    >>> draw_of(200, 5, 0), draw_of(200, 5, 1), draw_of(200, 200, 1) == list(range(200))
    ([6, 65, 90, 105, 168], [53, 102, 118, 124, 133], True)

The classes stand on a circle in random order. Each of the draws begins a third further round, and more classes are the next ones:
within a draw fewer classes are among more, so that a step along the curve is what was added. Between draws no class is shared
while three of them find room, up to 66 of 200, and as few as possible are shared above; every class counts about equally often.

An epoch has as many images whatever was selected: they come over and over. So networks of a recipe with the same epochs take the
same number of steps, and the learning rate falls after the same ones.
"""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np
from PIL import Image
from torch import Tensor

from zfhelpers.files import cached_array, fingerprint
from zfhelpers.worlds.frames import Rows
from zfhelpers.worlds.world import ImageSet, World

DRAWS = 3  # of classes
PER_CLASS = 225  # training images of a class at most, whichever edition of Tiny-ImageNet lies here
EPOCH = 200 * PER_CLASS  # images
CALTECH101 = {  # {class of Tiny-ImageNet: what Caltech-101 calls it}; one of its names is that, or ends in it
    "trilobite": "trilobite",
    "scorpion": "scorpion",
    "American lobster": "lobster",
    "spiny lobster": "crayfish",
    "cougar": "cougar",
    "dragonfly": "dragonfly",
    "monarch": "butterfly",
    "sulphur butterfly": "butterfly",
    "African elephant": "elephant",
    "lesser panda": "panda",
    "barrel": "barrel",
    "beach wagon": "car",  # estate car
    "binoculars": "binocular",
    "cannon": "cannon",
    "freight car": "car",
    "rocking chair": "chair",
    "sports car": "car",
    "stopwatch": "watch",
    "umbrella": "umbrella",
    "pizza": "pizza",
}


@dataclass(frozen=True)
class Selection:
    """Which images of which world.

    Attributes:
        world: as `opening.open_world` takes it.
        classes: how many; None: all.
        draw: which of the draws of classes.
        per_class: training images of each class at most, those of fewer among those of more.
        without: names of classes that are left out.
        side: pixels that every frame is shrunk to, and enlarged again; None: it stays as it is.
        epoch: training images of an epoch.
    """

    world: str
    classes: int | None = None
    draw: int = 0
    per_class: int = PER_CLASS
    without: tuple[str, ...] = ()
    side: int | None = None
    epoch: int = EPOCH


def draw_of(count: int, classes: int, draw: int) -> list[int]:
    """The labels of some of a world's classes, in their order.

    Args:
        count: classes of the world.
        classes: how many are drawn.
        draw: which of the `DRAWS`.

    Raises:
        ValueError: more classes than there are, or fewer than two.
    """
    if not 2 <= classes <= count:
        raise ValueError(f"2 to {count} classes can be drawn from {count}, not {classes}.")
    circle = np.random.default_rng(0).permutation(count)
    return sorted(np.roll(circle, -round(draw * count / DRAWS))[:classes].tolist())


def selected(world: World, selection: Selection) -> World:
    """A world that consists of what was selected; its validation images are those of the same classes, its mean image its own.

    Args:
        world: the one that the selection names.
        selection: what of it.

    Raises:
        ValueError: what `draw_of` raises, or a class to be left out that there is not.
    """
    if unknown := set(selection.without) - set(world.classes):
        raise ValueError(f"{world.name} has no class {min(unknown)!r} that could be left out.")
    kept = [label for label, name in enumerate(world.classes) if name not in selection.without]
    if selection.classes is not None:
        kept = [kept[place] for place in draw_of(len(kept), selection.classes, selection.draw)]
    few, val = (_of_classes(_through(world, split, selection.side), kept) for split in ("train", "val"))
    few = _at_most(few, selection.per_class)
    order = np.random.default_rng(0).permutation(len(few))
    again = _rows(few, np.resize(order, selection.epoch))
    size = f"-{selection.side}px" if selection.side else ""

    def world_of(train: ImageSet, mean: Tensor | None = None) -> World:
        return World(
            f"{world.name}-{len(kept)}-{selection.draw}-{len(few)}{size}",
            [world.classes[label] for label in kept],
            world.image_size,
            lambda _, split: {"train": train, "val": val}[split],
            mean=mean,
            images_a_class=_each(few, val),
        )

    return world_of(again, world_of(few).mean)


def _of_classes(images: ImageSet, kept: list[int]) -> ImageSet:
    """Images of some classes, with new labels from 0 on."""
    return _rows(images, np.flatnonzero(np.isin(images.labels, kept)), np.searchsorted(kept, images.labels))


def _at_most(images: ImageSet, per_class: int) -> ImageSet:
    """So many images of each class, drawn once."""
    order = np.random.default_rng(0).permutation(len(images))
    drawn = [order[images.labels[order] == label][:per_class] for label in np.unique(images.labels)]
    return _rows(images, np.sort(np.concatenate(drawn)))


def _rows(images: ImageSet, rows: np.ndarray, labels: np.ndarray | None = None) -> ImageSet:
    labels = images.labels if labels is None else labels
    files = [images.files[row] for row in rows] if images.files else ()
    return ImageSet(Rows(images.frames, rows), labels[rows], images.image_size, files)


def _each(*halves: ImageSet) -> tuple[int, ...] | None:
    """Images of each class in each half; None where classes differ."""
    counts = [np.unique(np.bincount(half.labels)) for half in halves]
    return tuple(int(count[0]) for count in counts) if all(len(count) == 1 for count in counts) else None


def _through(world: World, split: str, side: int | None) -> ImageSet:
    """A half of a world; with a side every frame is shrunk to it and enlarged again, as if the photographs had been so small."""
    images = getattr(world, split)
    if side is None:
        return images
    shape = (len(images), 3, world.frame_size, world.frame_size)

    def fill(array: np.ndarray) -> None:
        for place in range(len(images)):
            frame = Image.fromarray(images.frames[place].transpose(1, 2, 0))
            for size in (side, world.frame_size):
                frame = frame.resize((size, size), Image.Resampling.BICUBIC)
            array[place] = np.asarray(frame).transpose(2, 0, 1)

    frames = cached_array(f"{world.name}-{split}-through-{side}", f"{shape} {fingerprint(images.files)}", shape, fill)
    return ImageSet(frames, images.labels, world.image_size, images.files)
