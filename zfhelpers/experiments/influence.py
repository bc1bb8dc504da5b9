"""How much each pixel of an image influences a unit: the effective receptive field (Luo et al., 1701.04128).

    G[y, x] = sum over colours c of |d (sum over maps m of a[m, middle, middle]) / d image[c, y, x]|

`geometry.receptive_field` says which pixels a unit can see at all; G says how much each of them counts. The side of a uniform
square that is as spread out as G, along the rows, is sqrt(12) standard deviations of G.

    >>> conv = nn.Conv2d(3, 4, 5)
    >>> found = influence(conv, "", torch.zeros(2, 3, 9, 9))
    >>> found.shape, touched(found.mean(0))
    (torch.Size([2, 9, 9]), (2, 2, 7, 7))
"""

from __future__ import annotations

import math

import numpy as np
import torch
from torch import Tensor, nn

from zfhelpers.boxes import Box


def influence(module: nn.Module, layer: str, images: Tensor) -> Tensor:
    """The size of the gradient of a layer's middle unit, all its maps together, with respect to every pixel.

    Args:
        module: a network in evaluation mode.
        layer: dotted name of a layer of maps, for instance "layer5"; "" is the whole module.
        images: (N, C, H, W) float, preprocessed.

    Returns:
        (N, H, W) float: |gradient|, added up over colours.

    Raises:
        ValueError: a layer whose values are not (N, maps, rows, columns).
        AttributeError: there is no such layer.
    """
    pixels, caught = images.detach().clone().requires_grad_(), []

    def listen(_module, _given, value: Tensor) -> None:
        if value.ndim != 4:
            raise ValueError(f"{layer!r} gives values of shape {tuple(value.shape)}; it must be a layer of maps.")
        caught.append(value[:, :, value.shape[2] // 2, value.shape[3] // 2].sum())

    with module.get_submodule(layer).register_forward_hook(listen), torch.enable_grad():
        module(pixels)
    return torch.autograd.grad(caught[0], pixels)[0].abs().sum(dim=1)


def touched(values: Tensor) -> Box | None:
    """The box around all pixels with any influence, (top, left, bottom, right), half-open; None if there is none.

    Args:
        values: (H, W).

    >>> touched(torch.eye(5)[:3])
    (0, 0, 3, 3)
    """
    values = np.asarray(values)
    rows, columns = np.flatnonzero(values.any(axis=1)), np.flatnonzero(values.any(axis=0))
    return (int(rows[0]), int(columns[0]), int(rows[-1]) + 1, int(columns[-1]) + 1) if len(rows) else None


def effective_side(values: Tensor) -> float:
    """The side, in pixels, of a uniform square as spread out as the influence is: sqrt(12) standard deviations along the rows.

    Args:
        values: (H, W), not negative, not all zero.

    >>> round(effective_side(torch.ones(100, 100)))
    100
    """
    weight = np.asarray(values, dtype=np.float64).sum(axis=1)
    weight /= weight.sum()
    place = np.arange(len(weight)) + 0.5
    return math.sqrt(12 * float(weight @ (place - weight @ place) ** 2))
