"""The colours of the house: eight that every eye tells apart, and maps between dark and light.

>>> heat([[0, 1], [2, 4]])[:, 0, 0], heat([[0, 1], [2, 4]])[:, 1, 1]
(array([68,  1, 84], dtype=uint8), array([253, 231,  36], dtype=uint8))
"""

from __future__ import annotations

import matplotlib
import numpy as np
from PIL import Image

from zfhelpers.figures.tiles import array, from_pillow

# Okabe and Ito (2008): told apart with every kind of colour vision.
BLUE, ORANGE, GREEN, PINK, SKY = "#0072B2", "#E69F00", "#009E73", "#CC79A7", "#56B4E9"
VERMILION, YELLOW, BLACK = "#D55E00", "#F0E442", "#000000"
COLOURS = (BLUE, ORANGE, GREEN, PINK, SKY, VERMILION, YELLOW, BLACK)
GREY = "#7c7c7c"  # of the square in Fig. 7: about 124 of 255


def heat(values, side: int | None = None, low: float | None = None, high: float | None = None) -> np.ndarray:
    """A map in the colours of "viridis", from dark where it is low to yellow where it is high.

    Args:
        values: (rows, columns), for instance the probability of a class at every position of an occluder.
        side: pixels high and wide, each value a rectangle of one colour; if not given, each value is one pixel.
        low, high: values of the darkest and the lightest colour; the map's own smallest and largest if not given.

    Returns:
        (3, side, side) uint8, or (3, rows, columns).

    Raises:
        ValueError: another shape, no values, NaN or infinite ones.
    """
    values = 1.0 * array(values)  # so that counts have fractions too
    if values.ndim != 2 or not values.size:
        raise ValueError(f"A map to colour has the shape (rows, columns), not {values.shape}.")
    if not np.isfinite(values).all():
        raise ValueError("A map to colour must be finite; this one has NaN or infinite values.")
    low, high = (values.min() if low is None else low), (values.max() if high is None else high)
    colours = matplotlib.colormaps["viridis"]((values - low) / max(high - low, 1e-12), bytes=True)[..., :3]
    if side is None:
        return colours.transpose(2, 0, 1)
    return from_pillow(Image.fromarray(colours).resize((side, side), Image.Resampling.NEAREST))
