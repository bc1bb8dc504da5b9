"""The explorer's pictures: maps in the colours of one stated scale, a wall of them, projections around mid-grey, nine in a block.

Each is small and encoded by itself, so that what changes is all that travels.

>>> wall(np.ones((3, 4, 4), np.float32), [1.0, 1.0, 2.0]).size
(381, 45)
>>> png(coloured(np.array([[0.0, 1.0], [2.0, 9.0]]), top=2.0))[1:4]
b'PNG'
"""

from __future__ import annotations

import io
from collections.abc import Sequence

import matplotlib
import numpy as np
from PIL import Image

from zfhelpers.figures.tiles import array, from_pillow, mosaic, to_pillow

LEVELS = 255  # of the palette; the colour after them is nothing, and lets the page shine through
COLUMNS, ROWS, TILE, GAP = 8, 8, 45, 3  # of a wall: tiles, and pixels
PAGE = COLUMNS * ROWS  # maps on one page of the wall
NINE = 84  # pixels: side of one of nine
_VIRIDIS = matplotlib.colormaps["viridis"](np.linspace(0, 1, LEVELS), bytes=True)[:, :3]
PALETTE = [*_VIRIDIS.ravel().tolist(), 0, 0, 0]
STOPS = ["#" + bytes(_VIRIDIS[round(place * (LEVELS - 1) / 12)].tolist()).hex() for place in range(13)]


def levels(values, top: float) -> np.ndarray:
    """Values as numbers of the palette: 0 at 0 and below, the last at `top` and above."""
    shares = array(values).astype(np.float32) / max(float(top), 1e-30)
    return np.rint(shares.clip(0, 1) * (LEVELS - 1)).astype(np.uint8)


def paletted(numbers: np.ndarray) -> Image.Image:
    """Numbers of the palette (H, W) uint8 as an image of as many pixels."""
    image = Image.fromarray(numbers, "P")
    image.putpalette(PALETTE)
    return image


def coloured(values, top: float) -> Image.Image:
    """A map (rows, columns) in viridis from 0 to `top`, one pixel a value."""
    return paletted(levels(values, top))


def tile(values, top: float, side: int = TILE) -> np.ndarray:
    """A map as numbers of the palette at about `side` pixels: enlarged by a whole factor, or reduced by averaging."""
    values = array(values).astype(np.float32)
    most = max(values.shape)
    if most > side:
        size = [max(1, round(length * side / most)) for length in values.shape[::-1]]
        values = np.asarray(Image.fromarray(values).resize(size, Image.Resampling.BOX))
    factor = side // max(values.shape)
    return levels(values, top).repeat(factor, axis=0).repeat(factor, axis=1)


def wall(maps, tops: Sequence[float]) -> Image.Image:
    """Up to `PAGE` maps (N, rows, columns) side by side, each in its own scale from 0 to its top; the rest is transparent."""
    rows = max(1, -(-len(maps) // COLUMNS))
    sheet = np.full((rows * (TILE + GAP) - GAP, COLUMNS * (TILE + GAP) - GAP), LEVELS, np.uint8)
    for number, (values, top) in enumerate(zip(maps, tops, strict=True)):
        row, column = divmod(number, COLUMNS)
        drawn = tile(values, top)
        down, across = (row * (TILE + GAP) + (TILE - drawn.shape[0]) // 2, column * (TILE + GAP) + (TILE - drawn.shape[1]) // 2)
        sheet[down : down + drawn.shape[0], across : across + drawn.shape[1]] = drawn
    return paletted(sheet)


def nine(tiles) -> Image.Image:
    """Nine tiles or fewer (N, 3, h, w), uint8, as a block of three columns."""
    fitted = [from_pillow(to_pillow(each).resize((NINE, NINE), _how(each.shape[-1]))) for each in array(tiles)]
    return to_pillow(mosaic(np.stack(fitted), columns=3, separator=2))


def _how(side: int) -> Image.Resampling:
    return Image.Resampling.BOX if side > NINE else Image.Resampling.NEAREST


def scale_of(projections, percentile: float = 99.5) -> float:
    """The |value| that becomes black or white: a high percentile of what is not zero; 1 where all is."""
    values = np.abs(array(projections))
    live = values[values > 0]
    return float(np.percentile(live, percentile)) if live.size else 1.0


def png(image: Image.Image) -> bytes:
    """Bytes of a PNG, quickly made; the palette's last colour is transparent."""
    file = io.BytesIO()
    image.save(file, "PNG", compress_level=3, **({"transparency": LEVELS} if image.mode == "P" else {}))
    return file.getvalue()


def webp(image: Image.Image) -> bytes:
    """Bytes of a WebP, with a loss that is hard to see: a third of the PNG of photographs."""
    file = io.BytesIO()
    image.save(file, "WEBP", quality=88, method=2)
    return file.getvalue()
