"""Eyes as dogs, cats and owls have them."""

from __future__ import annotations

from collections.abc import Callable

from zfhelpers.toyworld.palette import INK, WHITE, Colour
from zfhelpers.toyworld.pen import Pen


def round_pupil(pen: Pen, centre: complex, size: float) -> None:
    """A dog's or an owl's pupil, in an iris of radius `size`."""
    pen.disc(centre, size * 0.6, INK)


def slit_pupil(pen: Pen, centre: complex, size: float) -> None:
    """A cat's pupil, in an iris of radius `size`."""
    pen.ellipse(centre, size * 0.32, size * 0.92, INK)


def eyes(
    pen: Pen,
    at: complex,
    size: float,
    iris: Colour,
    look: float,
    pupil: Callable[[Pen, complex, float], None] = round_pupil,
) -> None:
    """A pair of eyes, marked as the animal's own "right_eye" and "left_eye".

    Args:
        pen: draws them.
        at: the viewer's right one; the other is its mirror image.
        size: radius of the iris.
        iris: its colour.
        look: both are shifted sideways by so much.
        pupil: draws a pupil.
    """
    for name, centre in (("right_eye", -at.conjugate() + look), ("left_eye", at + look)):
        with pen.part("eyes"):
            pen.disc(centre, size * 1.22, INK)
            pen.disc(centre, size, iris)
            pupil(pen, centre, size)
            pen.disc(centre + size * (-0.34 - 0.38j), size * 0.3, WHITE)
        pen.mark(name, centre)
