"""Random divisions of a set into training and test images."""

from __future__ import annotations

import numpy as np

from zfhelpers.worlds.frames import Rows
from zfhelpers.worlds.world import ImageSet


def split(labels: np.ndarray, per_class: int, test_per_class: int = 50, fold: int = 0) -> tuple[np.ndarray, np.ndarray]:
    """Draws training and test images of every class at random (sec. 5.2: 15 or 30 to train on, up to 50 to test on).

    The training images of a smaller `per_class` are among those of a larger one, and the test images are the same as far as the
    class has enough: the points of a learning curve differ by what was added.

    Args:
        labels: (N,) the class of each image: numbers, or names, which then appear in messages.
        per_class: training images of each class.
        test_per_class: the most test images of a class; a class that has fewer left gives what it has.
        fold: which of the random draws.

    Returns:
        two arrays of indices into `labels`, class by class.

    Raises:
        ValueError: a number below 1, or a class without an image left to test on.

    >>> train, test = split(np.array(["cat", "dog", "dog", "cat", "cat", "dog"]), per_class=1)
    >>> len(train), len(test)
    (2, 4)
    """
    labels = np.asarray(labels)
    for name, number in (("per_class", per_class), ("test_per_class", test_per_class)):
        if number < 1:
            raise ValueError(f"{name} must be at least 1, not {number}.")
    rng = np.random.default_rng(fold)
    train, test = [], []
    for label in np.unique(labels):
        own = rng.permutation(np.flatnonzero(labels == label))
        if len(own) <= per_class:
            raise ValueError(f"Class {label} has {len(own)} images; {per_class} to train on and 1 to test on are asked for.")
        train.append(own[:per_class])
        test.append(own[max(per_class, len(own) - test_per_class) :])
    return np.concatenate(train), np.concatenate(test)


def thin_out(images: ImageSet, per_class: int) -> ImageSet:
    """The set with at most so many images of each class, drawn once at random: what makes a large set affordable.

    >>> thin_out(ImageSet(np.zeros((5, 3, 9, 9), np.uint8), [0, 0, 0, 0, 1], 8), per_class=2).labels
    array([0, 0, 1])
    """
    order = np.random.default_rng(0).permutation(len(images))
    rows = np.sort(np.concatenate([order[images.labels[order] == label][:per_class] for label in np.unique(images.labels)]))
    files = [images.files[row] for row in rows] if images.files else ()
    return ImageSet(Rows(images.frames, rows), images.labels[rows], images.image_size, files)
