"""Likeness against correlations written out, and the sorting game against a loop."""

import numpy as np
import pytest
import torch

from zfhelpers.experiments.likeness import advantage, compared, mean_correlation, sorted_right
from zfhelpers.patches import TopPatches

TILES = torch.randn(3, 4, 3, 12, 12, generator=torch.Generator().manual_seed(0))
IMAGES = torch.tensor([[0, 1, 2, 3], [4, 5, 0, 6], [7, 8, 9, 1]])


def unit_rows(tiles) -> np.ndarray:
    """Every tile as numbers, (maps, k, D): less its own mean, of length 1, less the mean of all, of length 1."""
    rows = np.array([[tile.flatten().double().numpy() for tile in block] for block in tiles])
    rows -= rows.mean(-1, keepdims=True)
    rows /= np.linalg.norm(rows, axis=-1, keepdims=True)
    rows -= rows.mean((0, 1))
    return rows / np.linalg.norm(rows, axis=-1, keepdims=True)


def test_pixels_are_correlated_pair_by_pair():
    pairs = [[rows[a] @ rows[b] for a in range(4) for b in range(a)] for rows in unit_rows(TILES)]
    assert mean_correlation(TILES, "pixels") == pytest.approx(np.mean(pairs, axis=1), abs=1e-5)


def test_a_line_moved_by_a_pixel_is_the_same_by_edges_and_another_by_pixels():
    """Of two maps, so that something is left when what all tiles have in common is subtracted."""
    lines = torch.zeros(2, 2, 3, 24, 24)
    lines[0, 0, :, 9], lines[0, 1, :, 10], lines[1, :, :, :, 13] = 1, 1, 1
    assert mean_correlation(lines, "edges")[0] > 0.99
    assert mean_correlation(lines, "pixels")[0] < 0.5


def test_a_tile_is_never_sorted_to_its_own_image():
    rows, images = unit_rows(TILES).reshape(12, -1), IMAGES.flatten().tolist()
    right = 0
    for tile in range(12):
        others = [other for other in range(12) if images[other] != images[tile]]
        nearest = max(others, key=lambda other: rows[tile] @ rows[other])
        right += nearest // 4 == tile // 4
    assert sorted_right(TILES, IMAGES, "pixels") == right / 12


def test_projections_of_one_drawing_have_the_advantage_over_patches_of_noise():
    still = TILES[:, :1].expand_as(TILES)
    where = torch.zeros(3, 4, dtype=torch.int64)
    found = TopPatches("layer2", torch.arange(3), where.float(), IMAGES, where, where, torch.zeros(3, 4, 4), TILES, still)
    gain = advantage(compared({"layer2": found}), "pixels")
    assert gain["layer2"] == pytest.approx(1 - mean_correlation(TILES, "pixels"), abs=1e-5)


def test_what_cannot_be_compared_is_refused():
    with pytest.raises(ValueError, match="not by 'colour'"):
        mean_correlation(TILES, "colour")
    with pytest.raises(ValueError, match="k at least 2"):
        mean_correlation(TILES[:, :1])
