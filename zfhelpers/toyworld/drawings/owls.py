"""The owls of the toy world, from the front: two kinds that differ by ear tufts, face and breast."""

from __future__ import annotations

from collections.abc import Sequence
from typing import NamedTuple

import numpy as np

from zfhelpers.toyworld.drawings.eyes import eyes
from zfhelpers.toyworld.palette import INK, WHITE, Colour, fur, mix, pick
from zfhelpers.toyworld.pen import Pen, symmetric
from zfhelpers.toyworld.subject import FUR, Subject


class Owl(NamedTuple):
    """The colours of one owl: its coat, paler for the belly and darker for the wings; and how far the face is turned sideways."""

    coat: Colour
    pale: Colour
    dark: Colour
    look: float


def horned_owl(pen: Pen, rng: np.random.Generator, borrowed: bool) -> None:
    """Ear tufts, two round discs around eyes that are mostly yellow, a breast of small arrows."""
    owl = grown(rng, ("brown", "red", "grey", "gold", "slate"))
    perched(pen, owl)
    tall = rng.uniform(0.84, 1.02)
    with pen.part("tufts"):
        for side in (-1, 1):
            pen.polygon([side * 0.52 - 0.36j, side * 0.52 - 1j * tall, side * 0.16 - 0.64j], owl.dark)
    with pen.part("breast"):
        for place in plumage(pen, owl):
            pen.line([place - 0.05, place + 0.04j, place + 0.05], 0.03, owl.dark)
    with pen.part("face"):
        for side in (-0.24, 0.24):
            pen.disc(owl.look - 0.26j + side, 0.28, owl.dark)
            pen.disc(owl.look - 0.26j + side, 0.245, mix(owl.pale, owl.coat, 0.3))
    face(pen, rng, owl, bright=0.85, beak=(226, 186, 96))


def barn_owl(pen: Pen, rng: np.random.Generator, borrowed: bool) -> None:
    """A face like a heart around dark eyes, a dotted breast; borrowed, in any colour of the horned owl."""
    owl = grown(rng, ("brown", "red", "grey", "gold", "slate") if borrowed else ("gold", "fawn", "red", "grey"))
    perched(pen, owl)
    with pen.part("breast"):
        for place in plumage(pen, owl):
            pen.disc(place, 0.024, owl.dark)
    heart = symmetric([-0.2j, 0.2 - 0.34j, 0.45 - 0.16j, 0.4 + 0.14j, 0.16 + 0.38j, 0.44j])
    with pen.part("face"):
        pen.blob(owl.look - 0.26j + heart * 1.06, owl.dark)
        pen.blob(owl.look - 0.26j + heart * 0.96, mix(owl.pale, WHITE, 0.5))
    face(pen, rng, owl, bright=0.15, beak=(232, 206, 180))


def grown(rng: np.random.Generator, coats: Sequence[str]) -> Owl:
    """An owl in one of these `coats`."""
    coat = fur(rng, coats)
    return Owl(coat, mix(coat, WHITE, rng.uniform(0.45, 0.75)), mix(coat, INK, 0.45), rng.uniform(-0.04, 0.04))


def perched(pen: Pen, owl: Owl) -> None:
    """A sitting owl's wings and body."""
    for side, name in ((-1, "right wing"), (1, "left wing")):
        with pen.part(name):
            pen.blob(
                [side * 0.4 - 0.1j, side * 0.66 + 0.2j, side * 0.66 + 0.7j, side * 0.44 + 0.98j, side * 0.3 + 0.5j], owl.dark
            )
    with pen.part("body"):
        pen.blob(symmetric([-0.74j, 0.4 - 0.66j, 0.56 - 0.3j, 0.54 + 0.3j, 0.46 + 0.8j, 0.2 + 0.98j, 0.98j]), owl.coat)


def plumage(pen: Pen, owl: Owl) -> list[complex]:
    """Draws the pale breast, and says where on it, row by row, the feathers have their markings."""
    pen.blob(symmetric([0.16j, 0.34 + 0.22j, 0.4 + 0.56j, 0.22 + 0.9j, 0.92j]), owl.pale)
    rows = enumerate(np.arange(0.3, 0.86, 0.14))
    return [x + 1j * y for row, y in rows for x in np.arange(-0.24, 0.25, 0.16) + (0.08 if row % 2 else 0)]


def face(pen: Pen, rng: np.random.Generator, owl: Owl, bright: float, beak: Colour) -> None:
    """Eyes, with probability `bright` yellow or orange, and the beak, which is marked as the nose."""
    glowing = rng.random() < bright
    size = rng.uniform(0.085, 0.12)
    eyes(pen, 0.22 - 0.27j, size, pick(rng, ((240, 190, 50), (236, 140, 40))) if glowing else (70, 44, 30), owl.look)
    nose = owl.look - 0.26j + 0.16j
    with pen.part("beak"):
        pen.blob(nose + np.array([-0.07 - 0.1j, 0.07 - 0.1j, 0.05 + 0.02j, 0.16j, -0.05 + 0.02j]), beak)
    pen.mark("nose", nose)


OWLS = {"horned owl": Subject(horned_owl, roughness=FUR), "barn owl": Subject(barn_owl, roughness=FUR)}
