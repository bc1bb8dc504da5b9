"""The cats of the toy world, from the front: three kinds that differ by their markings.

Each kind is one function that paints from back to front: tail, body, head, markings, face.
"""

from __future__ import annotations

from collections.abc import Sequence
from typing import NamedTuple

import numpy as np

from zfhelpers.toyworld.drawings.eyes import eyes, slit_pupil
from zfhelpers.toyworld.palette import FURS, INK, PINK, WHITE, Colour, fur, mix, pick
from zfhelpers.toyworld.pen import Pen, symmetric
from zfhelpers.toyworld.subject import FUR, Subject

IRISES = ((120, 150, 60), (206, 160, 50), (90, 140, 130))


class Cat(NamedTuple):
    """The colours and proportions of one cat.

    Attributes:
        coat, dark: its fur, and that of its markings.
        look: how far the face is turned sideways.
        tall: height of the ears, about 1.
        tail: where the tail ends, the lower the larger.
    """

    coat: Colour
    dark: Colour
    look: float
    tall: float
    tail: float


def tabby_cat(pen: Pen, rng: np.random.Generator, borrowed: bool) -> None:
    """Striped on flanks, forehead and cheeks; never in another cat's colour, which would hide that."""
    cat = grown(rng, ("grey", "fawn", "gold", "red"), markings=(0.4, 0.6))
    seated(pen, cat, tail=cat.dark, paws=mix(cat.coat, WHITE, 0.25))
    with pen.part("stripes"):
        for y in (0.5, 0.66, 0.82):
            for side in (-1, 1):
                pen.line([side * 0.5 + 1j * y + 0.06j, side * 0.34 + 1j * y, side * 0.2 + 1j * y + 0.05j], 0.05, cat.dark)
    head(pen, cat, cat.coat)
    with pen.part("stripes"):
        for x in (-0.2, -0.07, 0.07, 0.2):
            pen.line(cat.look + np.array([x * 1.1 - 0.54j, x - 0.42j, x * 0.6 - 0.3j]), 0.045, cat.dark)
        for side in (-1, 1):
            for y in (-0.06, 0.08):
                pen.line([side * 0.48 + 1j * y - 0.06j, side * 0.38 + 1j * y, side * 0.29 + 1j * y + 0.01j], 0.045, cat.dark)
    cheeks(pen, cat)
    face(pen, rng, cat, IRISES, PINK)


def siamese_cat(pen: Pen, rng: np.random.Generator, borrowed: bool) -> None:
    """Pale, with dark face, ears, paws and tail and blue eyes; never in another cat's colour."""
    cat = grown(rng, ("cream", "cream", "white", "fawn"), markings=(0.62, 0.8))
    seated(pen, cat, tail=cat.dark, paws=cat.dark)
    head(pen, cat, cat.dark)
    with pen.part("mask"):
        pen.blob(cat.look + symmetric([-0.34j, 0.2 - 0.3j, 0.36 - 0.1j, 0.26 + 0.18j, 0.3j]), mix(cat.coat, cat.dark, 0.85))
    face(pen, rng, cat, ((90, 150, 214),), INK)


def shorthair_cat(pen: Pen, rng: np.random.Generator, borrowed: bool) -> None:
    """Of one colour, which may be any animal's."""
    cat = grown(rng, tuple(FURS) if borrowed else ("grey", "slate", "black", "white", "gold"), markings=(0.62, 0.8))
    seated(pen, cat, tail=mix(cat.coat, INK, 0.2), paws=mix(cat.coat, WHITE, 0.25))
    head(pen, cat, cat.coat)
    cheeks(pen, cat)
    face(pen, rng, cat, IRISES, PINK)


def grown(rng: np.random.Generator, coats: Sequence[str], markings: tuple[float, float]) -> Cat:
    """A cat in one of these `coats`; its `markings` are darker by a share between these."""
    coat = fur(rng, coats)
    return Cat(
        coat, mix(coat, INK, rng.uniform(*markings)), rng.uniform(-0.06, 0.06), rng.uniform(0.9, 1.06), rng.uniform(0.3, 0.7)
    )


def seated(pen: Pen, cat: Cat, tail: Colour, paws: Colour) -> None:
    """A sitting cat's tail, body and paws."""
    with pen.part("tail"):
        pen.line([0.3 + 0.88j, 0.64 + 0.84j, 0.74 + 1j * cat.tail, 0.66 + 1j * cat.tail - 0.14j], 0.13, tail)
    with pen.part("body"):
        pen.blob(symmetric([0.1j, 0.3 + 0.2j, 0.44 + 0.52j, 0.5 + 0.8j, 0.4 + 0.97j, 0.95j]), mix(cat.coat, INK, 0.1))
        for side in (-0.18, 0.18):
            pen.ellipse(side + 0.91j, 0.16, 0.09, mix(cat.coat, INK, 0.35))
            pen.ellipse(side + 0.9j, 0.145, 0.075, paws)


def head(pen: Pen, cat: Cat, ear: Colour) -> None:
    """Ears, and a head without anything on it."""
    for side, name in ((-1, "right ear"), (1, "left ear")):
        with pen.part(name):
            pen.polygon([side * 0.54 - 0.2j, side * 0.53 - 0.92j * cat.tall, side * 0.1 - 0.56j], ear)
            pen.polygon([side * 0.46 - 0.36j, side * 0.47 - 0.76j * cat.tall, side * 0.22 - 0.54j], mix(ear, PINK, 0.5))
    with pen.part("head"):
        pen.blob(symmetric([-0.6j, 0.34 - 0.54j, 0.54 - 0.2j, 0.5 + 0.1j, 0.28 + 0.32j, 0.36j]), cat.coat)


def cheeks(pen: Pen, cat: Cat) -> None:
    """Two pale cushions below the nose."""
    with pen.part("muzzle"):
        for side in (-0.1, 0.1):
            pen.ellipse(cat.look + side + 0.16j, 0.13, 0.1, mix(cat.coat, WHITE, 0.5))


def face(pen: Pen, rng: np.random.Generator, cat: Cat, irises: Sequence[Colour], muzzle: Colour) -> None:
    """Eyes, mouth, whiskers and a nose of the colour `muzzle`; marks both eyes and the nose."""
    eyes(pen, 0.23 - 0.12j, 0.1, pick(rng, irises), cat.look, slit_pupil)
    nose = cat.look + 0.07j
    whisker = (236, 232, 226) if sum(cat.coat) < 400 else (90, 84, 84)
    with pen.part("muzzle"):
        for side in (-1, 1):
            pen.line(nose + np.array([0.05j, 0.12j, side * 0.08 + 0.16j, side * 0.14 + 0.12j]), 0.024, mix(cat.coat, INK, 0.75))
            for tip in (-0.04, 0.06, 0.16):
                pen.line(nose + np.array([side * 0.15 + 0.07j, side * 0.5 + 1j * tip]), 0.014, whisker)
        pen.polygon(nose + np.array([-0.065 - 0.03j, 0.065 - 0.03j, 0.05j]), muzzle)
    pen.mark("nose", nose)


KINDS = {"tabby cat": tabby_cat, "siamese cat": siamese_cat, "shorthair cat": shorthair_cat}
CATS = {name: Subject(draw, roughness=FUR) for name, draw in KINDS.items()}
