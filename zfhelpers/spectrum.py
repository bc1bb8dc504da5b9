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

import numpy as np

CUTOFF = 0.25  # cycles per pixel: half of what a grid of pixels can hold
GRID = 64  # frequencies along each axis


def high_frequency_share(filters, cutoff: float = CUTOFF, grid: int = GRID) -> np.ndarray:
    """The share of each filter's spectral power above `cutoff`.

    Args:
        filters: (N, colours, k, k) array or tensor, for instance `net.layer1.conv.weight`.
        cutoff: radial frequency in cycles per pixel, in (0, 0.5].
        grid: side of the square of zeros that a filter is set into, at least k.

    Returns:
        (N,) float64 in [0, 1]; NaN for a filter of zeros, which has no power. White noise gives 1 - pi cutoff^2 on average, 0.80.

    Raises:
        ValueError: another shape, a cutoff that no pixel grid can hold, or a grid smaller than the filters.

    >>> high_frequency_share(np.ones((1, 3, 7, 7))).round(2)
    array([0.08])
    """
    filters = np.asarray(filters.detach().cpu() if hasattr(filters, "detach") else filters, np.float64)
    if filters.ndim != 4 or max(filters.shape[2:]) > grid:
        raise ValueError(f"Filters have the shape (N, colours, k, k) with k at most {grid}, not {filters.shape}.")
    if not 0 < cutoff <= 0.5:
        raise ValueError(f"The cutoff must lie in (0, 0.5] cycles per pixel, not {cutoff}.")
    power = (np.abs(np.fft.fft2(filters, (grid, grid))) ** 2).sum(axis=1)  # (N, grid, grid)
    frequency = np.fft.fftfreq(grid)
    high = np.hypot(frequency[:, None], frequency[None, :]) > cutoff
    with np.errstate(invalid="ignore"):
        return power[:, high].sum(axis=1) / power.sum(axis=(1, 2))
