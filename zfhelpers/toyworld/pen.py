"""The pen of the toy world: shapes in an object's own coordinates, drawn through a similarity onto a transparent layer.

Points are complex numbers x + iy (x right, y down), so that a similarity is `zoom * z + origin` and a mirror image is `-conj(z)`.
An object fills at most the square from -1 - i to 1 + i; widths and radii are in the same unit.

    >>> pen = Pen(100, zoom=40, origin=50 + 50j)
    >>> pen.disc(0, 1, (200, 40, 40))
    >>> [round(float(edge)) for edge in pen.box()]
    [10, 10, 90, 90]
"""

from __future__ import annotations

from collections.abc import Sequence

import numpy as np
from PIL import Image, ImageDraw

from zfhelpers.toyworld.palette import Colour

CIRCLE = np.exp(2j * np.pi * np.arange(20) / 20)
SQUARE = np.array([-1 - 1j, 1 - 1j, 1 + 1j, -1 + 1j])
_t = np.arange(5)[:, None] / 5
SPLINE = 0.5 * np.hstack(
    [-_t + 2 * _t**2 - _t**3, 2 - 5 * _t**2 + 3 * _t**3, _t + 4 * _t**2 - 3 * _t**3, _t**3 - _t**2]
)  # Catmull-Rom: the weights of four points, (5, 4), at five places between the second and the third

# Every letter is a few strokes on a grid two wide and four high: "xy xy xy", strokes separated by commas.
STROKES = {
    "A": "04 01 10 21 24,02 22", "C": "20 00 04 24", "E": "20 00 04 24,02 12", "F": "20 00 04,02 12", "H": "00 04,20 24,02 22",
    "I": "10 14", "K": "00 04,20 02 24", "L": "00 04 24", "M": "04 00 12 20 24", "O": "00 20 24 04 00", "P": "04 00 20 22 02",
    "S": "20 00 02 22 24 04", "T": "00 20,10 14", "X": "00 24,20 04", "Y": "00 12 20,12 14", "Z": "00 20 04 24",
}  # fmt: skip
GLYPHS = {letter: [np.array([complex(int(x), int(y)) for x, y in stroke.split()]) for stroke in strokes.split(",")]
          for letter, strokes in STROKES.items()}  # fmt: skip


def symmetric(half: Sequence[complex]) -> np.ndarray:
    """A closed outline from its right half, listed from top to bottom; points on the axis are not repeated."""
    half = np.array(half, complex)
    left = half[half.real != 0][::-1]
    return np.concatenate([half, -left.conj()])


def sided(side: int, points) -> np.ndarray:
    """`points` of a right half as they are (`side` 1) or mirrored to the left (-1)."""
    points = np.asarray(points, complex)
    return points if side == 1 else -points.conj()


def around(n: int, radius: float = 1.0, start: float = -0.25) -> np.ndarray:
    """`n` points evenly on a circle; `start` in turns, by default at the top."""
    return radius * np.exp(2j * np.pi * (np.arange(n) / n + start))


class Pen:
    """Draws on a transparent layer, and remembers the extent of what it drew and the points it was told.

    Args:
        size: side of the layer in pixels.
        zoom: complex; its modulus is pixels per unit, its angle the rotation.
        origin: complex; where the object's own origin lies, in pixels.
        mirror: whether the object is drawn as its mirror image (lettering stays readable).
    """

    def __init__(self, size: int, zoom: complex, origin: complex, mirror: bool = False):
        self.layer = Image.new("RGBa", (size, size))  # colours times opacity
        self.ink = ImageDraw.Draw(self.layer)
        self.zoom, self.origin, self.mirror = complex(zoom), complex(origin), mirror
        self.points: dict[str, complex] = {}
        self.drawn: list[tuple[np.ndarray, float]] = []  # outlines in pixels, each with a margin around it

    def at(self, origin: complex, size: float = 1.0, turn: float = 0.0, mirror: bool = False) -> Pen:
        """A second pen on the same layer, with its own coordinates inside this one's (`turn` in radians) and its own memory."""
        pen = object.__new__(Pen)
        pen.__dict__.update(self.__dict__)
        pen.origin = complex(self.place(origin))
        pen.zoom = self.zoom * size * np.exp(1j * (-turn if self.mirror else turn))
        pen.mirror = self.mirror != mirror
        pen.points, pen.drawn = {}, []
        return pen

    def place(self, points) -> np.ndarray:
        """Own coordinates to pixels of the layer."""
        points = np.asarray(points, complex)
        return self.zoom * (-points.conj() if self.mirror else points) + self.origin

    def mark(self, name: str, point: complex) -> None:
        """Remember a key point. In a mirror image right and left change names: an animal's right eye is on its own right."""
        if self.mirror:
            name = name.replace("right_", "*").replace("left_", "right_").replace("*", "left_")
        self.points[name] = complex(self.place(point))

    def box(self) -> tuple[float, float, float, float]:
        """(top, left, bottom, right) of everything drawn, in pixels; it may reach outside the layer."""
        z = np.concatenate([np.atleast_1d(points) for points, _ in self.drawn])
        margin = np.concatenate([np.full(np.size(points), margin) for points, margin in self.drawn])
        return tuple(
            float(e) for e in ((z.imag - margin).min(), (z.real - margin).min(), (z.imag + margin).max(), (z.real + margin).max())
        )

    def _square(self, centre: complex, radius: float) -> tuple[float, float, float, float]:
        x, y = centre.real, centre.imag
        return x - radius, y - radius, x + radius - 1, y + radius - 1  # the last pixel is included

    def polygon(self, points, colour: Colour) -> None:
        """A filled polygon."""
        z = self.place(points)
        self.drawn.append((z, 0))
        self.ink.polygon(np.rint(z.view(float) - 0.5).tolist(), fill=colour)

    def blob(self, points, colour: Colour) -> None:
        """A filled smooth closed curve through `points`."""
        p = np.asarray(points, complex)
        p = np.concatenate([p[-1:], p, p[:2]])
        self.polygon((SPLINE @ np.array([p[:-3], p[1:-2], p[2:-1], p[3:]])).T.ravel(), colour)

    def ellipse(self, centre: complex, rx: float, ry: float, colour: Colour, turn: float = 0.0) -> None:
        """A filled ellipse, turned by `turn` radians."""
        self.polygon(centre + np.exp(1j * turn) * (rx * CIRCLE.real + 1j * ry * CIRCLE.imag), colour)

    def disc(self, centre: complex, radius: float, colour: Colour) -> None:
        """A filled circle."""
        z, radius = self.place(centre), max(0.6, radius * abs(self.zoom))
        self.drawn.append((z, radius))
        self.ink.ellipse(self._square(z, radius), fill=colour)

    def ring(self, centre: complex, radius: float, width: float, colour: Colour) -> None:
        """A circle's outline of outer `radius`."""
        z, radius = self.place(centre), radius * abs(self.zoom)
        self.drawn.append((z, radius))
        self.ink.ellipse(self._square(z, radius), outline=colour, width=max(1, round(width * abs(self.zoom))))

    def line(self, points, width: float, colour: Colour) -> None:
        """A line through `points` with round ends."""
        z, thick = self.place(points), max(1, round(width * abs(self.zoom)))
        self.drawn.append((z, thick / 2))
        ends = np.rint(z.view(float) - 0.5).tolist()
        self.ink.line(ends, fill=colour, width=thick, joint="curve" if thick > 3 else None)
        if thick > 3:
            self.ink.ellipse(self._square(z[0], thick / 2), fill=colour)
            self.ink.ellipse(self._square(z[-1], thick / 2), fill=colour)

    def text(self, word: str, centre: complex, height: float, colour: Colour) -> None:
        """A word in capitals, `height` high; never mirrored."""
        unit = height / 4
        flip = -1 if self.mirror else 1
        for k, letter in enumerate(word):
            for stroke in GLYPHS[letter]:
                z = ((k - (len(word) - 1) / 2) * 3.2 + stroke - 1 - 2j) * unit
                self.line(centre + flip * z.real + 1j * z.imag, unit * 0.75, colour)
