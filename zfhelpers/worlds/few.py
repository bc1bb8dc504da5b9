"""Few images: the part of a target that a network from scratch is trained on, and that all divisions are drawn from (sec. 5.2).

>>> from zfhelpers.worlds.targets import open_target
>>> from zfhelpers.worlds.opening import open_world
>>> world = open_world("toy")
>>> few_images(open_target("toy-novel", world), world, per_class=15, fold=0)
World('toy-novel-15-0': 20 classes, 128 px)
"""

from __future__ import annotations

import numpy as np

from zfhelpers.worlds.divisions import split, thin_out
from zfhelpers.worlds.targets import Target
from zfhelpers.worlds.world import ImageSet, World

PER_EPOCH = 3000  # images: a pass over 300 would be ten steps, and nothing could be said after each
POOL = 80  # images of a class that training and test images are drawn from: 30 to train on and 50 to test on
TEST = 50  # of a class, at most (sec. 5.2)


def pool(target: Target) -> ImageSet:
    """The images that all folds are drawn from, for pretrained features and from scratch alike: `POOL` of each class at most."""
    return thin_out(target.images, POOL)


def few_images(target: Target, world: World, per_class: int, fold: int) -> World:
    """A world that consists of one fold's training images of a target.

    Its training set repeats them, until an epoch has `PER_EPOCH` images or more; each time they are cropped and mirrored anew.
    Its validation set is the same images once: the recipe lowers the rate when the validation error stops falling, and test
    images must have no part in that. Its mean image is theirs as well.

    Args:
        target: what is to be learnt.
        world: whose image size counts.
        per_class: training images of each class.
        fold: which of the random draws, see `divisions.split`.

    Raises:
        ValueError: what `split` raises, for instance a class with too few images.
    """
    images = pool(target)
    rows, _ = split(images.labels, per_class, TEST, fold)
    frames, labels = np.ascontiguousarray(images.frames[rows]), images.labels[rows]
    again = np.tile(np.arange(len(rows)), -(-PER_EPOCH // len(rows)))
    sets = {"train": (frames[again], labels[again]), "val": (frames, labels)}
    return World(
        f"{target.name}-{per_class}-{fold}",
        target.classes,
        world.image_size,
        lambda _, which: ImageSet(*sets[which], world.image_size),
    )
