"""The pen of the toy world: shapes in an object's own coordinates, drawn through a similarity onto a transparent layer.

Points are complex numbers x + iy (x right, y down), so that a similarity is `zoom * z + origin` and a mirror image is `-conj(z)`.
An object fills at most the square from -1 - i to 1 + i; widths and radii are in the same unit.

    >>> pen = Pen(100, zoom=40, origin=50 + 50j)
    >>> pen.disc(0, 1, (200, 40, 40))
    >>> [round(float(edge)) for edge in pen.box()]
    [10, 10, 90, 90]
"""

from __future__ import annotations

import re
from collections.abc import Collection, Iterator, Sequence
from contextlib import contextmanager

import numpy as np
from PIL import Image, ImageDraw

from zfhelpers.toyworld.palette import Colour

CIRCLE = np.exp(2j * np.pi * np.arange(20) / 20)
SIDES = {"right": "left", "left": "right"}
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
        without: names of parts that are left out, see `part`.
        owned: whether `owners` is to be drawn.
    """

    def __init__(
        self,
        size: int,
        zoom: complex,
        origin: complex,
        mirror: bool = False,
        without: Collection[str] = (),
        owned: bool = False,
    ):
        self.layer = Image.new("RGBa", (size, size))  # colours times opacity
        self.owners = Image.new("L", (size, size)) if owned else None  # 1 + the place in `parts` of what is seen
        self.inks = [ImageDraw.Draw(each) for each in (self.layer, self.owners) if each is not None]
        self.zoom, self.origin, self.mirror = complex(zoom), complex(origin), mirror
        self.without = frozenset(without)
        self.points: dict[str, complex] = {}
        self.drawn: list[tuple[np.ndarray, float]] = []  # outlines in pixels, each with a margin around it
        self.parts: list[str] = []  # in the order in which they were begun
        self.now = ""  # the part that is being drawn

    def at(self, origin: complex, size: float = 1.0, turn: float = 0.0, mirror: bool = False) -> Pen:
        """A second pen on the same layer, with its own coordinates inside this one's (`turn` in radians) and its own memory.

        What it draws belongs to the part that this one is drawing.
        """
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
        self.points[self._seen(name)] = complex(self.place(point))

    @contextmanager
    def part(self, name: str) -> Iterator[None]:
        """What is drawn inside belongs to a part of the object; a part may be gone on with, and holds no other part.

        A pen `without` it leaves it out: whatever lies behind is to be seen, and all that was chosen at random for it is chosen
        all the same. Right and left change names in a mirror image, as they do for `mark`.

        Raises:
            ValueError: inside another part.
        """
        name = self._seen(name)
        if self.now:
            raise ValueError(f"The part {name!r} lies inside the part {self.now!r}; draw one after the other.")
        self.now = name
        self.parts += [name] * (name not in self.parts)
        try:
            yield
        finally:
            self.now = ""

    def _seen(self, name: str) -> str:
        """A name with right and left as they are in what is drawn."""
        return re.sub("right|left", lambda side: SIDES[side[0]], name) if self.mirror else name

    def _paint(self, shape: str, where, colour: Colour, paint: str = "fill", **how) -> None:
        """Draw a shape of `ImageDraw` in a colour, and remember whose it is; draw nothing of a part that is left out."""
        if self.now in self.without:
            return
        owner = self.parts.index(self.now) + 1 if self.now else 0
        for ink, value in zip(self.inks, (colour, owner), strict=False):
            getattr(ink, shape)(where, **{paint: value}, **how)

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
        self._paint("polygon", np.rint(z.view(float) - 0.5).tolist(), colour)

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
        self._paint("ellipse", self._square(z, radius), colour)

    def ring(self, centre: complex, radius: float, width: float, colour: Colour) -> None:
        """A circle's outline of outer `radius`."""
        z, radius = self.place(centre), radius * abs(self.zoom)
        self.drawn.append((z, radius))
        thick = max(1, round(width * abs(self.zoom)))
        self._paint("ellipse", self._square(z, radius), colour, "outline", width=thick)

    def line(self, points, width: float, colour: Colour) -> None:
        """A line through `points` with round ends."""
        z, thick = self.place(points), max(1, round(width * abs(self.zoom)))
        self.drawn.append((z, thick / 2))
        ends = np.rint(z.view(float) - 0.5).tolist()
        self._paint("line", ends, colour, width=thick, joint="curve" if thick > 3 else None)
        if thick > 3:
            self._paint("ellipse", self._square(z[0], thick / 2), colour)
            self._paint("ellipse", self._square(z[-1], thick / 2), colour)

    def text(self, word: str, centre: complex, height: float, colour: Colour) -> None:
        """A word in capitals, `height` high; never mirrored."""
        unit = height / 4
        flip = -1 if self.mirror else 1
        for k, letter in enumerate(word):
            for stroke in GLYPHS[letter]:
                z = ((k - (len(word) - 1) / 2) * 3.2 + stroke - 1 - 2j) * unit
                self.line(centre + flip * z.real + 1j * z.imag, unit * 0.75, colour)
