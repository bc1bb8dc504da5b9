"""Pictures of which little changes: a base that stays, and marks over it, which a script can draw as well as Pillow.

>>> base = Image.new("RGB", (40, 30), "white")
>>> Marked(base, [Filled((5, 5, 15, 15), "#7c7c7c")], "A grey square.", handle=(5, 5, 15, 15)).size
(40, 30)
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from functools import cached_property

from PIL import Image, ImageDraw

from zfhelpers.boxes import Box
from zfhelpers.figures.picture import Picture, described, encode

VEIL = 0.55  # how much of a veil's colour is seen


@dataclass(frozen=True)
class Filled:
    """A filled rectangle (top, left, bottom, right)."""

    box: Box
    colour: str

    def draw(self, image: Image.Image) -> None:
        """Draws it into a picture."""
        top, left, bottom, right = self.box
        ImageDraw.Draw(image).rectangle((left, top, right - 1, bottom - 1), self.colour)


@dataclass(frozen=True)
class Framed:
    """The frame of a rectangle (top, left, bottom, right), `width` pixels inside it."""

    box: Box
    colour: str
    width: int = 3

    def draw(self, image: Image.Image) -> None:
        """Draws it into a picture."""
        top, left, bottom, right = self.box
        ImageDraw.Draw(image).rectangle((left, top, right - 1, bottom - 1), outline=self.colour, width=self.width)


@dataclass(frozen=True)
class Cross:
    """A cross-hair through a cell (top, left, bottom, right) of a panel: its frame, and four arms from there to the borders.

    It is drawn twice, broad in white and fine in its colour, to be seen on any ground.
    """

    box: tuple[float, float, float, float]
    panel: Box
    colour: str

    def draw(self, image: Image.Image) -> None:
        """Draws it into a picture."""
        draw = ImageDraw.Draw(image)
        (top, left, bottom, right), (first, start, last, end) = self.box, self.panel
        y, x = (top + bottom) / 2, (left + right) / 2
        arms = [(start, y, left, y), (right, y, end, y), (x, first, x, top), (x, bottom, x, last)]
        for colour, width in (("white", 3), (self.colour, 1)):
            for arm in arms:
                draw.line(arm, colour, width)
            draw.rectangle((left, top, right, bottom), outline=colour, width=width)


@dataclass(frozen=True)
class Outside:
    """Everything but a box (top, left, bottom, right), under a veil of a colour."""

    box: Box
    colour: str

    def draw(self, image: Image.Image) -> None:
        """Draws it into a picture."""
        veiled = Image.blend(image, Image.new("RGB", image.size, self.colour), VEIL)
        top, left, bottom, right = (max(edge, 0) for edge in self.box)
        veiled.paste(image.crop((left, top, right, bottom)), (left, top))
        image.paste(veiled)


Mark = Filled | Framed | Cross | Outside


class Marked(Picture):
    """A picture that is a base with marks over it.

    Args:
        base: what stays; states that share it are given the same object.
        marks: in the order in which they are drawn.
        alt: what is to be seen.
        handle: the box (top, left, bottom, right) that is dragged, if one is.

    Attributes:
        base, marks, handle: as given.
    """

    def __init__(self, base: Image.Image, marks: Sequence[Mark], alt: str, handle: Box | None = None):
        self.base, self.marks, self.handle = base, list(marks), handle
        self.alt, self.size = described(alt), base.size

    @cached_property
    def png(self) -> bytes:
        """The base with its marks as PNG, drawn when it is asked for: a thousand states are told apart without a picture."""
        whole = self.base.copy()
        for mark in self.marks:
            mark.draw(whole)
        return encode(whole)

    def plain_marks(self) -> list[list]:
        """The marks as plain data for a script: each its kind, and then its fields, flat, in tenths of a pixel."""
        return [[type(mark).__name__.lower(), *_flat(vars(mark).values())] for mark in self.marks]


def _flat(values) -> list:
    """Numbers rounded to a tenth, sequences opened, words as they are."""
    flat = []
    for value in values:
        flat += _flat(value) if isinstance(value, list | tuple) else [value if isinstance(value, str) else round(float(value), 1)]
    return flat
