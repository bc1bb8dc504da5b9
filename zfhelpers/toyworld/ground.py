"""What surrounds the objects of the toy world: noise, backgrounds, clutter and occluders, all defined on the endless plane.

Nothing here ends at the frame, so a world that is moved, scaled or rotated shows no border.
"""

from __future__ import annotations

from functools import cache

import numpy as np

from zfhelpers.toyworld.pen import INK, Colour, Pen, around, mix

BACKDROPS = ("cloud", "gradient", "stripes", "tiles", "horizon", "bokeh")
CLUTTER = ("disc", "triangle", "square", "star", "line")


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
    """(side, side, 3) float32 of white noise of unit variance; it belongs to the frame, not to the world."""
    return np.random.Generator(np.random.PCG64(1311)).standard_normal((side, side, 3), np.float32)


def texture(world: np.ndarray, offset: complex) -> np.ndarray:
    """The noise tile at complex world coordinates, (F, F) complex64 -> (F, F) complex64, by linear interpolation."""
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
    """(F, F, 3) float32: two colours mixed by a pattern that is defined on the whole plane, roughened by noise."""
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


def clutter(pen: Pen, shapes: tuple) -> None:
    """Shapes that mean nothing."""
    for kind, centre, size, turn, colour in shapes:
        mine = pen.at(centre, size, turn)
        if kind == "disc":
            mine.disc(0, 0.9, colour)
        elif kind == "line":
            mine.line([-1.4, 1.4], 0.25, colour)
        elif kind == "star":
            mine.polygon(around(10) * np.tile([1, 0.45], 5), colour)
        else:
            mine.polygon(around(3 if kind == "triangle" else 4), colour)


def occlude(pen: Pen, occluder: tuple) -> None:
    """A bar that crosses the world, or a leaf on a long stalk."""
    kind, centre, width, turn, colour = occluder
    mine = pen.at(centre, 1, turn)
    if kind == "bar":
        half = width / 2
        mine.polygon([-half - 9j, half - 9j, half + 9j, -half + 9j], colour)
        mine.polygon([-half - 9j, -half * 0.4 - 9j, -half * 0.4 + 9j, -half + 9j], mix(colour, INK, 0.3))
    else:
        mine.line([0, 9j], 0.03, mix(colour, INK, 0.3))
        mine.blob(width * np.array([-2j, 0.8 - 0.8j, 0.9 + 0.4j, 1.5j, -0.9 + 0.4j, -0.8 - 0.8j]), colour)
        mine.line(width * np.array([-1.9j, 1.5j]), 0.02, mix(colour, INK, 0.35))
