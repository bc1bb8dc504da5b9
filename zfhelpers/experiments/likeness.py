"""How alike the nine tiles of a feature map are: its projections, or its image patches (claim 2, Fig. 2).

A tile becomes a row of numbers; what all tiles of the layer have in common is subtracted; rows are compared by correlation.

    pixels    the tile as it is
    edges     how strong edges are in four directions, in 6 x 6 places: roughly what the first stages of vision compute

A thin line that moves by one pixel is a different drawing by pixels, and the same by edges.

    >>> stripe = torch.zeros(2, 9, 3, 24, 24)
    >>> stripe[0, :, :, 12], stripe[1, :, :, :, 12] = 1, 1  # the nine of a map are one drawing, and the two maps differ
    >>> mean_correlation(stripe, "edges").round(2), sorted_right(stripe, torch.arange(18).reshape(2, 9))
    (array([1., 1.], dtype=float32), 1.0)
"""

from __future__ import annotations

import math
from collections.abc import Mapping

import numpy as np
import torch
import torch.nn.functional as F
from torch import Tensor

from zfhelpers.patches import TopPatches

PLACES = 6  # along each side of a tile, in which the strength of edges is averaged
DIRECTIONS = 4


def mean_correlation(tiles: Tensor, by: str = "edges") -> np.ndarray:
    """The mean correlation of the pairs of tiles in each block.

    Args:
        tiles: (maps, k, C, h, h) float or uint8, k at least 2: the blocks of one layer.
        by: "edges" or "pixels".

    Returns:
        (maps,) float32.

    Raises:
        ValueError: another shape, or another way to compare.
    """
    rows, k = _rows(tiles, by), tiles.shape[1]
    return (((rows @ rows.mT).sum((1, 2)) - k) / (k * (k - 1))).numpy()


def compared(found: Mapping[str, TopPatches]) -> dict[str, dict[str, np.ndarray]]:
    """How alike projections and patches are, in both ways.

    Args:
        found: {layer: the strongest activations of some of its maps}.

    Returns:
        {"projections, by edges": {layer: (maps,)}, ...} of the mean correlations; also "patches" and "by pixels".
    """
    return {
        f"{what}, by {by}": {layer: mean_correlation(getattr(each, what), by) for layer, each in found.items()}
        for what in ("projections", "patches")
        for by in ("pixels", "edges")
    }


def advantage(alike: Mapping[str, Mapping[str, np.ndarray]], by: str) -> dict[str, np.ndarray]:
    """By how much the projections of each map are more alike than its patches, {layer: (maps,)}, of what `compared` found.

    >>> one = {"layer1": np.array([0.75])}
    >>> advantage({"projections, by edges": one, "patches, by edges": {"layer1": np.array([0.5])}}, "edges")
    {'layer1': array([0.25])}
    """
    projections, patches = (alike[f"{what}, by {by}"] for what in ("projections", "patches"))
    return {layer: projections[layer] - patches[layer] for layer in projections}


def sorted_right(tiles: Tensor, images: Tensor, by: str = "edges") -> float:
    """A sorting game: of each tile, the most similar one of all that come from other images; does it belong to the same map?

    Args:
        tiles: (maps, k, C, h, h) float or uint8.
        images: (maps, k) which image each tile comes from.
        by: "edges" or "pixels".

    Returns:
        the share of tiles that are sorted right, 0 to 1.

    Raises:
        ValueError: see `mean_correlation`.
    """
    rows, images = _rows(tiles, by).flatten(0, 1), images.flatten()
    maps = torch.arange(len(tiles)).repeat_interleave(tiles.shape[1])
    alike = (rows @ rows.T).masked_fill(images[:, None] == images, -2)
    return (maps[alike.argmax(1)] == maps).double().mean().item()


def _rows(tiles: Tensor, by: str) -> Tensor:
    """Tiles as rows of length 1, (maps, k, D), without what all of them have in common."""
    if by not in ("edges", "pixels"):
        raise ValueError(f"Tiles are compared by 'edges' or by 'pixels', not by {by!r}.")
    if tiles.ndim != 5 or tiles.shape[1] < 2:
        raise ValueError(f"Tiles have the shape (maps, k, C, h, h) with k at least 2, not {tuple(tiles.shape)}.")
    rows = torch.stack([_edges(block.float()) if by == "edges" else block.float().flatten(1) for block in tiles])
    rows = F.normalize(rows - rows.mean(-1, keepdim=True), dim=-1)
    return F.normalize(rows - rows.mean((0, 1)), dim=-1)


def _edges(tiles: Tensor) -> Tensor:
    """The strength of edges in four directions and 6 x 6 places, (k, 144)."""
    down, right = torch.gradient(tiles.mean(1), dim=(1, 2))
    angles = torch.arange(DIRECTIONS)[:, None, None] * math.pi / DIRECTIONS
    strength = (down[:, None] * angles.sin() + right[:, None] * angles.cos()).abs()
    return F.adaptive_avg_pool2d(strength, PLACES).flatten(1)
