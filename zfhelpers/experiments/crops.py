"""Is it the layer, or the number of crops? A softmax on frozen features of one crop of each training image, or of ten (sec. 5.2).

A network from scratch sees each image in many random crops, half of them mirrored; frozen features see one.

    >>> from zfhelpers.networks.checkpoints import load
    >>> net, world = load("toy")
    >>> ten = ten_crops(world, world.val, [3, 8])
    >>> len(ten), ten.labels.tolist() == [world.val.labels[3]] * 10 + [world.val.labels[8]] * 10
    (20, True)
"""

from __future__ import annotations

from collections.abc import Iterable, Sequence

import numpy as np
import torch
from sklearn.linear_model import LogisticRegression
from sklearn.metrics import balanced_accuracy_score
from threadpoolctl import threadpool_limits
from torch import nn

from zfhelpers.experiments.features import features
from zfhelpers.experiments.intervals import over_images
from zfhelpers.worlds.world import ImageSet, World

AT_ONCE = 50  # images cropped at a time


def chosen(images: ImageSet, rows: Sequence[int]) -> ImageSet:
    """Some images of a set as a set of their own."""
    return ImageSet(images.frames[np.asarray(rows)], images.labels[rows], images.image_size)


def ten_crops(world: World, images: ImageSet, rows: Sequence[int]) -> ImageSet:
    """The paper's ten crops of some images (four corners, the centre, and mirrored) as a set of their own, image by image."""
    frames = torch.from_numpy(np.array(images.frames[np.asarray(rows)]))
    parts = [world.restore(world.ten_crop(part)).flatten(0, 1) for part in frames.split(AT_ONCE)]
    return ImageSet(torch.cat(parts).numpy(), np.repeat(images.labels[rows], 10), images.image_size)


def softmax_accuracy(
    module: nn.Module, world: World, layers: str | Iterable[str], learnt: ImageSet, test: ImageSet, cost: float, seed: int = 0
) -> dict[str, tuple[float, tuple[float, float]]]:
    """What a softmax regression reaches that learnt from the features of one set of images, on another.

    Args:
        module, world, layers: whose features, see `features.features`.
        learnt, test: the two sets.
        cost: the constant C of the regression; features are scaled as in `probes`.
        seed: of the interval.

    Returns:
        {layer: the mean accuracy over classes in %, and its interval over test images}.
    """
    here, there = (features(module, world, some, layers) for some in (learnt, test))
    found = {}
    for layer in here:
        known, asked = here[layer].astype(float), there[layer].astype(float)
        mean, scale = known.mean(0), known.var(0).sum() ** 0.5
        with threadpool_limits(1):  # several threads would wait for each other
            model = LogisticRegression(C=cost, max_iter=2000).fit((known - mean) / scale, learnt.labels)
        said = model.predict((asked - mean) / scale)
        found[layer] = 100 * balanced_accuracy_score(test.labels, said), over_images(100 * (said == test.labels), seed)
    return found
