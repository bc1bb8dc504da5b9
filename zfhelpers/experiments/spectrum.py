"""How much fine structure a filter holds: the share of its spectral power at high spatial frequencies (sec. 4.1, Fig. 6 b, c).

    F(u, v) = sum over x, y of w(x, y) exp(-2 pi i (u x + v y))                       one spectrum per colour
    share   = sum of |F|^2 where sqrt(u^2 + v^2) > cutoff, over sum of |F|^2          colours added up

A filter that was learned is smooth across its pixels and keeps its power low; one that still is the noise it started from has as
much of it everywhere. Nothing is subtracted beforehand, and the filter is set among zeros, so that u and v are fine-grained.

    >>> noise = np.random.default_rng(0).normal(size=(500, 3, 7, 7))
    >>> print(f"{high_frequency_share(noise).mean():.1f}")
    0.8
"""

from __future__ import annotations

import itertools
from collections.abc import Sequence

import numpy as np

CUTOFF = 0.25  # cycles per pixel: half of what a grid of pixels can hold
GRID = 64  # frequencies along each axis


def band_shares(filters, edges: Sequence[float], grid: int = GRID) -> np.ndarray:
    """How each filter's spectral power is shared out over bands of spatial frequency.

    Args:
        filters: (N, colours, k, k) array or tensor, for instance `net.layer1.conv.weight`.
        edges: E rising radial frequencies in cycles per pixel, each in (0, 0.5], where one band ends and the next begins.
        grid: side of the square of zeros that a filter is set into, at least k.

    Returns:
        (N, E + 1) float64, rows adding up to 1, lowest band first; NaN for a filter of zeros, which has no power.

    Raises:
        ValueError: another shape, edges that do not rise or that no pixel grid can hold, or a grid smaller than the filters.

    >>> band_shares(np.ones((1, 3, 7, 7)), (0.1, 0.25)).round(2)
    array([[0.74, 0.18, 0.08]])
    """
    filters = np.asarray(filters.detach().cpu() if hasattr(filters, "detach") else filters, np.float64)
    if filters.ndim != 4 or max(filters.shape[2:]) > grid:
        raise ValueError(f"Filters have the shape (N, colours, k, k) with k at most {grid}, not {filters.shape}.")
    if not all(low < high for low, high in itertools.pairwise((0, *edges, np.nextafter(0.5, 1)))):
        given = ", ".join(map(str, edges))
        raise ValueError(f"Bands must be cut at rising frequencies in (0, 0.5] cycles per pixel, not at {given}.")
    power = (np.abs(np.fft.fft2(filters, (grid, grid))) ** 2).sum(axis=1)  # (N, grid, grid)
    frequency = np.fft.fftfreq(grid)
    band = np.searchsorted(edges, np.hypot(frequency[:, None], frequency[None, :]))  # a frequency at an edge is of the lower band
    with np.errstate(invalid="ignore"):
        return np.stack([power[:, band == b].sum(axis=1) for b in range(len(edges) + 1)], 1) / power.sum(axis=(1, 2))[:, None]


def high_frequency_share(filters, cutoff: float = CUTOFF, grid: int = GRID) -> np.ndarray:
    """The share of each filter's spectral power above `cutoff`, (N,): the upper of two `band_shares`.

    White noise gives 1 - pi cutoff^2 on average: 0.80 at 0.25 cycles per pixel.

    >>> high_frequency_share(np.ones((1, 3, 7, 7))).round(2)
    array([0.08])
    """
    return band_shares(filters, (cutoff,), grid)[:, 1]


def one_grating_share(filters, widest: float = 10.0, grid: int = GRID) -> np.ndarray:
    """How much of each filter's energy a single sinusoidal grating explains, its phase and strength free for every colour.

    About one for a regular stripe pattern; a seventh or less for 7 x 7 pixels of noise, whose energy is spread over all gratings.
    The share is 2 |F|^2 / (k^2 |w|^2), largest over frequencies: a projection onto the grating, as if its sine and cosine were
    orthogonal within the filter.

    Args:
        filters: (N, colours, k, k) array or tensor.
        widest: pixels from one stripe to the next, at most: a wider grating would be an even patch in a small filter.
        grid: as in `band_shares`.

    Returns:
        (N,) float64.

    >>> stripes = np.cos(2 * np.pi / 3 * np.arange(9)) * np.ones((1, 3, 9, 1))
    >>> one_grating_share(stripes).round(1)
    array([1.])
    """
    filters = np.asarray(filters.detach().cpu() if hasattr(filters, "detach") else filters, np.float64)
    power = (np.abs(np.fft.fft2(filters, (grid, grid))) ** 2).sum(axis=1)  # (N, grid, grid)
    frequency = np.fft.fftfreq(grid)
    power = power * (np.hypot(frequency[:, None], frequency) > 1 / widest)
    return 2 * power.max(axis=(1, 2)) / (filters[0, 0].size * np.square(filters).sum(axis=(1, 2, 3)))
