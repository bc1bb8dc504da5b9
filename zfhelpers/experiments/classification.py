"""Several networks as one: the softmax outputs of all of them, averaged (Table 2; so did Krizhevsky et al., 2012).

    p(class | image) = 1/M sum over networks m of 1/V sum over views v of softmax(f_m(v))[class]

with one view of an image, its centre crop, or the paper's ten (sec. 3.1: four corners and the centre, each also mirrored).

    >>> from zfhelpers.networks.checkpoints import load
    >>> net, world = load("toy")
    >>> of_views = view_probabilities(net, world, world.val, range(4))
    >>> of_views.shape, one_crop(of_views).shape, ten_crops(of_views).shape
    ((4, 10, 24), (4, 24), (4, 24))
    >>> wrong(average([one_crop(of_views), ten_crops(of_views)]), world.val.labels[:4], k=5)
    array([False, False, False, False])
"""

from __future__ import annotations

from collections.abc import Iterable, Sequence

import numpy as np
import torch
from torch import Tensor, nn

from zfhelpers.answers import check_alone, check_output, explained
from zfhelpers.answers import probabilities as probabilities_of
from zfhelpers.hooks import checked_images, run
from zfhelpers.training.errors import wrong
from zfhelpers.worlds.world import ImageSet, World

__all__ = ["average", "one_crop", "probabilities", "ten_crops", "view_probabilities", "wrong"]

CENTRE = 4  # where `World.ten_crop` puts the centre crop
AT_ONCE = 64  # images in a forward pass, or a tenth as many where each has ten views


def probabilities(
    module: nn.Module, world: World, images: ImageSet, indices: Sequence[int] | None = None, output: str = "logits"
) -> np.ndarray:
    """The class probabilities of centre crops, a batch at a time.

    Args:
        module: a network in evaluation mode that takes the world's images and returns logits (n, classes), or what `output` says.
        world: whose mean image is subtracted.
        images: for instance `world.val`.
        indices: which of them, (N,); all if None.
        output: what the network puts out: "logits", "probabilities" or "sigmoid", as for `occlusion_maps`.

    Returns:
        (N, classes) float32, rows that add up to 1, but for classes that stand each for itself.

    Raises:
        ValueError: no image, a network that is still in training mode, or one whose answers are not what `output` says, are not
            finite, or depend on the other images of a batch.
    """
    return _probabilities(module, images, indices, AT_ONCE, world.preprocess, output)


def view_probabilities(
    module: nn.Module, world: World, images: ImageSet, indices: Sequence[int] | None = None, output: str = "logits"
) -> np.ndarray:
    """The class probabilities of the paper's ten views of each image: (N, 10, classes) float32. Otherwise as `probabilities`."""
    return _probabilities(module, images, indices, AT_ONCE // 10, world.ten_crop, output)


def one_crop(of_views: np.ndarray) -> np.ndarray:
    """What the network makes of the centre crop alone: (N, 10, classes) to (N, classes)."""
    return of_views[:, CENTRE]


def ten_crops(of_views: np.ndarray) -> np.ndarray:
    """The mean over all views: (N, 10, classes) to (N, classes)."""
    return of_views.mean(axis=1)


def average(members: Iterable[np.ndarray]) -> np.ndarray:
    """The ensemble's probabilities: the mean of those of its members, each (N, classes).

    Raises:
        ValueError: no member, or members that judged different numbers of images or classes.
    """
    members = list(members)
    shapes = {np.shape(member) for member in members}
    if len(shapes) != 1:
        raise ValueError(f"An ensemble averages networks that judged the same images, not arrays of shape {sorted(shapes)}.")
    return np.mean(members, axis=0)


def _probabilities(module, images: ImageSet, indices, at_once: int, prepare, output: str) -> np.ndarray:
    check_output(output)
    rows = np.arange(len(images)) if indices is None else np.asarray(indices, dtype=np.int64)
    if not len(rows):
        raise ValueError("There is no image to judge; give a set of one image or more.")
    if module.training:
        raise ValueError("The network is in training mode, where dropout draws at random; call its eval() first.")
    found = []
    with torch.inference_mode():
        for part in np.array_split(rows, -(-len(rows) // at_once)):
            seen = prepare(torch.from_numpy(np.array(images.frames[part])))  # (n, 3, S, S) or (n, 10, 3, S, S)
            flat = checked_images(module, seen.flatten(0, -4))
            if not found:
                check_alone(lambda batch: (answer_to(module, batch), {}), flat, output=True, layout=torch.channels_last)
            flat = flat.contiguous(memory_format=torch.channels_last)  # faster on a CPU
            answer = answer_to(module, flat)

            def called(row: int, part: np.ndarray = part, views: int = len(flat) // len(part)) -> str:
                return f"Image {part[row // views]}"

            said = probabilities_of(module, flat, answer, output, called)
            found.append(said.unflatten(0, seen.shape[:-3]).cpu().numpy())
    return np.concatenate(found)


def answer_to(module: nn.Module, images: Tensor) -> object:
    """What a network puts out, or one sentence with the images' shape where it cannot take them."""
    with explained(module, images):
        return run(module, images)
