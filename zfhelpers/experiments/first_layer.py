"""Measures of a first layer and what follows it (Fig. 6): sizes of filters, activity, dead maps, and what strides fold.

>>> rms(torch.stack([torch.ones(3, 7, 7), torch.full((3, 7, 7), 0.5)]))
tensor([1.0000, 0.5000])
"""

from __future__ import annotations

from collections.abc import Sequence

import numpy as np
import torch
from torch import Tensor, nn

from zfhelpers.experiments.aliasing import folded_share
from zfhelpers.hooks import activations, recording
from zfhelpers.model import ZFNet
from zfhelpers.worlds.world import World

AT_ONCE = 50  # images


def rms(filters: Tensor) -> Tensor:
    """Root-mean-square weight of every filter, (N,), the largest first; `filters` are (N, C, k, k)."""
    return filters.square().mean(dim=(1, 2, 3)).sqrt().sort(descending=True).values


def liveliest_tenth(module: nn.Module, images: Tensor) -> float:
    """How much of layer 1's activity comes from the liveliest tenth of its maps, in %.

    Args:
        module: has a layer1 of maps.
        images: (N, 3, S, S) float, as the network takes them.

    Returns:
        the share of the sum of squared activations; a tenth if no map is livelier than another.
    """
    power = sum(activations(module, part, "layer1")["layer1"].square().sum((0, 2, 3)) for part in images.split(AT_ONCE))
    most = power.sort(descending=True).values[: round(len(power) / 10)]
    return float(100 * most.sum() / power.sum())


@torch.no_grad()
def peaks_and_scores(
    module: nn.Module, world: World, indices: Sequence[int], layers: Sequence[str] = ("layer1", "layer2"), at_once: int = 100
) -> tuple[dict[str, Tensor], Tensor]:
    """The strongest activation of every map over some validation images, and the class scores of all: one pass for both.

    Args:
        module: the network.
        world: it looks at.
        indices: which images.
        layers: of maps.
        at_once: images in a forward pass, about.

    Returns:
        {layer: (maps,)}; 0 where no image excites a map, which is dead. And (N, classes) scores, in the order of `indices`.
    """
    peaks, scores = {layer: [] for layer in layers}, []
    with recording(module, layers, read=lambda maps: maps.amax((2, 3))) as forward:
        for part in np.array_split(np.asarray(indices), -(-len(indices) // at_once)):
            said, found = forward(world.preprocess(world.val.images(part)))
            scores.append(said)
            for layer, values in peaks.items():
                values.append(found[layer].amax(0))
    return {layer: torch.stack(values).amax(0) for layer, values in peaks.items()}, torch.cat(scores)


def folded_by_strides(module: nn.Module, images: Tensor) -> dict[str, float]:
    """How much of what each convolution with a stride lets through is too fast for its stride, in %: see `folded_share`.

    Args:
        module: of a `ZFNet` layers 1 and 2 are measured, of any other network its first convolution.
        images: (N, 3, S, S) float, as the network takes them.

    Returns:
        {layer: mean over the filters that let something through}.
    """
    if isinstance(module, ZFNet):
        after = activations(module, images, "norm1")["norm1"]
        steps = {"layer1": (module.layer1.conv, images), "layer2": (module.layer2.conv, after)}
    else:
        steps = {"layer1": (next(part for part in module.modules() if isinstance(part, nn.Conv2d)), images)}
    return {layer: float(100 * folded_share(*step).nanmean()) for layer, step in steps.items()}
