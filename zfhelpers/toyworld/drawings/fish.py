"""The fish of the toy world, heading to the viewer's left unless mirrored: two kinds that differ by tail and bands."""

from __future__ import annotations

from collections.abc import Sequence
from typing import NamedTuple

import numpy as np

from zfhelpers.toyworld.palette import INK, WHITE, Colour, mix, pick, vary
from zfhelpers.toyworld.pen import Pen
from zfhelpers.toyworld.subject import Subject

SCALES = {
    "orange": (236, 120, 40),
    "yellow": (236, 184, 60),
    "red": (204, 66, 48),
    "slate": (86, 90, 102),
    "white": (238, 230, 220),
}


class Fish(NamedTuple):
    """The colours and the outline of one fish.

    Attributes:
        coat, fin: of its scales and fins.
        deep: half its height.
        x, half: (17,) of places along the body and half its height there.
    """

    coat: Colour
    fin: Colour
    deep: float
    x: np.ndarray
    half: np.ndarray


def clownfish(pen: Pen, rng: np.random.Generator, borrowed: bool) -> None:
    """Three white bands with black edges, and a round tail."""
    fish = grown(rng, ("orange", "orange", "red", "yellow", "slate"))
    with pen.part("tail"):
        pen.blob([0.5, 0.78 - 0.3j, 0.97 - 0.22j, 0.98 + 0.22j, 0.78 + 0.3j], fish.fin)
    with pen.part("upper fin"):
        pen.blob([-0.3 - 0.3j, -0.1 - 0.66j, 0.16 - 0.56j, 0.34 - 0.62j, 0.52 - 0.22j], fish.fin)
    flanks(pen, fish)
    for at, wide in ((-0.55, 0.15), (-0.13, 0.17), (0.3, 0.11)):
        end = at + wide * rng.uniform(0.75, 1.15)
        with pen.part("bands"):
            band(pen, fish, at - 0.035, end + 0.035, INK)
            band(pen, fish, at, end, WHITE)
    details(pen, fish)


def goldfish(pen: Pen, rng: np.random.Generator, borrowed: bool) -> None:
    """At most one pale patch, and a tail like a veil; borrowed, as dark as some clownfish instead of white."""
    fish = grown(rng, ("orange", "orange", "red", "yellow", "slate" if borrowed else "white"))
    drop = rng.uniform(0.3, 0.55)
    with pen.part("tail"):
        for side in (-1, 1):
            pen.blob([0.45, 0.72 + side * 0.2j, 0.98 + side * 1j * drop, 0.9 + side * 0.16j, 0.72], fish.fin)
    with pen.part("upper fin"):
        pen.blob([-0.34 - 0.3j, -0.16 - 0.68j, 0.3 - 0.6j, 0.44 - 0.2j], fish.fin)
    flanks(pen, fish)
    with pen.part("patch"):
        if rng.random() < 0.6:
            at = rng.uniform(-0.4, 0.1)
            end, pale = at + rng.uniform(0.2, 0.4), mix(WHITE, fish.coat, rng.uniform(0, 0.5))
            band(pen, fish, at, end, pale, bulge=rng.uniform(-0.1, 0.1))
    details(pen, fish)


def grown(rng: np.random.Generator, names: Sequence[str]) -> Fish:
    """A fish in one of these `SCALES`."""
    coat = vary(rng, SCALES[pick(rng, names)])
    fin, deep = mix(coat, WHITE, rng.uniform(0, 0.3)), rng.uniform(0.36, 0.47)
    along = np.linspace(-1, 1, 17)
    half = deep * np.sqrt(1 - along**2) ** 0.8 * (1 - 0.28 * along) + 0.1 * (along + 1) / 2
    return Fish(coat, fin, deep, -0.24 + 0.72 * along, half)


def flanks(pen: Pen, fish: Fish) -> None:
    """The lower fin, and the body before it."""
    with pen.part("lower fin"):
        pen.blob([0.02 + 0.3j, 0.16 + 0.64j, 0.4 + 0.56j, 0.4 + 0.2j], fish.fin)
    with pen.part("body"):
        pen.polygon(np.concatenate([fish.x - 1j * fish.half, (fish.x + 1j * fish.half)[::-1]]), fish.coat)


def band(pen: Pen, fish: Fish, left: float, right: float, colour: Colour, bulge: float = 0.05) -> None:
    """A band across the body, its edges bent outwards by `bulge`."""
    edge = np.linspace(-1, 1, 9)
    heights = np.interp([left, right], fish.x, fish.half)
    bow = bulge * (1 - edge**2)
    pen.polygon(np.concatenate([left - bow + 1j * edge * heights[0], (right - bow + 1j * edge * heights[1])[::-1]]), colour)


def details(pen: Pen, fish: Fish) -> None:
    """Some scales, the fin on the flank, eye and mouth; marks "eye" and "tail"."""
    with pen.part("body"):
        for row in (-0.5, 0, 0.5):
            for at in np.arange(0.02, 0.4, 0.13):
                place = at + 0.06 * abs(row) + 1j * row * fish.deep
                pen.line(place + np.array([-0.03 - 0.05j, 0.02, -0.03 + 0.05j]), 0.018, mix(fish.coat, INK, 0.25))
    with pen.part("side fin"):
        pen.blob([-0.26 + 0.08j, -0.02 + 0.02j, 0.06 + 0.2j, -0.1 + 0.26j], fish.fin)
    eye = -0.7 - 0.1j
    with pen.part("eye"):
        pen.disc(eye, 0.088, WHITE)
        pen.disc(eye, 0.058, INK)
        pen.disc(eye - 0.02 - 0.025j, 0.02, WHITE)
    with pen.part("body"):
        pen.line([-0.94 + 0.08j, -0.84 + 0.12j], 0.025, mix(fish.coat, INK, 0.5))
    pen.mark("eye", eye)
    pen.mark("tail", 0.8)


FISH = {"clownfish": Subject(clownfish), "goldfish": Subject(goldfish)}
