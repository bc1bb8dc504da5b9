"""What surrounds the objects of the toy world: noise, backgrounds, clutter and occluders, all defined on the endless plane.

Nothing here ends at the frame, so a world that is moved, scaled or rotated shows no border.
"""

from __future__ import annotations

from collections.abc import Sequence
from functools import cache
from typing import NamedTuple

import numpy as np

from zfhelpers.toyworld.palette import INK, Colour, mix
from zfhelpers.toyworld.pen import Pen, around

BACKDROPS = ("cloud", "gradient", "stripes", "tiles", "horizon", "bokeh")
CLUTTER = ("disc", "triangle", "square", "star", "line")


class Shape(NamedTuple):
    """A shape behind or before an object; `turn` in radians, `centre` and `size` in half image sides."""

    kind: str
    centre: complex
    size: float
    turn: float
    colour: Colour


@cache
def noise_tile() -> np.ndarray:
    """An endless 256 x 256 tile of noise, flat, complex64: real like the 1/f of natural images, imaginary finer, like fur."""
    rng = np.random.Generator(np.random.PCG64(2013))
    frequency = np.hypot(*np.meshgrid(np.fft.fftfreq(256), np.fft.fftfreq(256)))
    frequency[0, 0] = np.inf
    tile = []
    for power, lowest in ((1.3, 0.0), (0.6, 0.07)):
        spectrum = np.fft.fft2(rng.standard_normal((256, 256))) * (frequency > lowest) * (frequency < 0.4) / frequency**power
        field = np.fft.ifft2(spectrum).real
        tile.append(np.rint(field / field.std() * 64) / 64)  # rounded, so that no platform's FFT shows
    return (tile[0] + 1j * tile[1]).astype(np.complex64).ravel()


@cache
def camera_noise(side: int) -> np.ndarray:
    """White noise of unit variance, (side, side, 3) float32; it belongs to the frame, not to the world."""
    return np.random.Generator(np.random.PCG64(1311)).standard_normal((side, side, 3), np.float32)


def texture(world: np.ndarray, offset: complex) -> np.ndarray:
    """The noise tile at world coordinates, (F, F) complex64 -> (F, F) complex64, by linear interpolation.

    Args:
        world: in half image sides; 64 pixels of the tile are one.
        offset: where in the tile the world's origin lies, in its pixels.
    """
    z = world * np.float32(64) + np.complex64(offset)
    x, y = np.floor(z.real), np.floor(z.imag)
    u, v = z.real - x, z.imag - y
    x, y, tile = x.astype(np.int32), y.astype(np.int32), noise_tile()
    left, right, up, down = x & 255, (x + 1) & 255, (y & 255) << 8, ((y + 1) & 255) << 8
    top, bottom = tile[up | left], tile[down | left]
    top += (tile[up | right] - top) * u
    bottom += (tile[down | right] - bottom) * u
    return top + (bottom - top) * v


def background(
    backdrop: str,
    colours: tuple[Colour, Colour],
    light: float,
    offset: complex,
    grain: float,
    world: np.ndarray,
    field: np.ndarray,
) -> np.ndarray:
    """Two colours mixed by a pattern that is defined on the whole plane, roughened by noise.

    Args:
        backdrop: the pattern, one of `BACKDROPS`.
        colours: the two.
        light: the pattern is turned by so many radians; a horizon stays level.
        offset: where in the noise the world lies; moves the horizon and sets the period of stripes, tiles and bokeh.
        grain: how rough the surface is.
        world: (F, F) complex64, where in the world each pixel lies.
        field: (F, F) float32 of noise there, of unit variance.

    Returns:
        (F, F, 3) float32, grey levels of 255, here and there a little beyond.
    """
    turned = world * np.complex64(np.exp(1j * light))
    x, y = turned.real, turned.imag
    period = 3 + abs(offset.real) / 16
    soft = 0.12 * field
    if backdrop == "horizon":
        share = 0.5 + 0.5 * np.tanh(12 * (world.imag - 0.3 + offset.imag / 400 - 0.1 * field))
    elif backdrop == "stripes":
        share = 0.5 + 0.5 * np.tanh(3 * np.sin(period * x)) + soft
    elif backdrop == "tiles":
        share = 0.25 + 0.6 * np.exp(-6 * np.minimum(np.abs(np.sin(period * x / 2)), np.abs(np.sin(period * y / 2)))) + soft
    elif backdrop == "bokeh":
        share = 0.5 + 0.5 * np.tanh(4 * (np.sin(period * x) * np.sin(period * y + 1.3 * np.sin(period * x / 3)) - 0.3))
    elif backdrop == "gradient":
        share = 0.5 + 0.5 * np.tanh(x) + soft
    else:
        share = 0.5 + 0.4 * field
    first, second = (np.array(c, np.float32) for c in colours)
    return (first + (second - first) * np.clip(share, 0, 1)[..., None]) * (1 + 0.14 * grain * field[..., None])


def clutter(pen: Pen, shapes: Sequence[Shape]) -> None:
    """Shapes that mean nothing, of the kinds in `CLUTTER`."""
    for shape in shapes:
        mine = pen.at(shape.centre, shape.size, shape.turn)
        if shape.kind == "disc":
            mine.disc(0, 0.9, shape.colour)
        elif shape.kind == "line":
            mine.line([-1.4, 1.4], 0.25, shape.colour)
        elif shape.kind == "star":
            mine.polygon(around(10) * np.tile([1, 0.45], 5), shape.colour)
        else:
            mine.polygon(around(3 if shape.kind == "triangle" else 4), shape.colour)


def occlude(pen: Pen, shape: Shape) -> None:
    """What stands before the object, of one of the kinds in `OCCLUDERS`; its size is its width."""
    OCCLUDERS[shape.kind](pen.at(shape.centre, 1, shape.turn), shape.size, shape.colour)


def bar(pen: Pen, width: float, colour: Colour) -> None:
    """A bar that crosses the world, one of its sides in the shade."""
    half = width / 2
    pen.polygon([-half - 9j, half - 9j, half + 9j, -half + 9j], colour)
    pen.polygon([-half - 9j, -half * 0.4 - 9j, -half * 0.4 + 9j, -half + 9j], mix(colour, INK, 0.3))


def leaf(pen: Pen, width: float, colour: Colour) -> None:
    """A leaf on a long stalk, its vein darker."""
    pen.line([0, 9j], 0.03, mix(colour, INK, 0.3))
    pen.blob(width * np.array([-2j, 0.8 - 0.8j, 0.9 + 0.4j, 1.5j, -0.9 + 0.4j, -0.8 - 0.8j]), colour)
    pen.line(width * np.array([-1.9j, 1.5j]), 0.02, mix(colour, INK, 0.35))


OCCLUDERS = {"bar": bar, "leaf": leaf}
