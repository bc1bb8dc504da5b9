"""The cats, owls and fish of the toy world: cats and owls from the front, fish from the side.

Every drawing takes a pen, a random generator for its small choices and whether it may wear a colour that is `borrowed` from
another class; it marks its key points with `pen.mark`.
"""

from __future__ import annotations

from collections.abc import Callable, Sequence
from functools import partial

import numpy as np

from zfhelpers.toyworld.drawings.dogs import FURS, eyes
from zfhelpers.toyworld.pen import INK, PINK, WHITE, Colour, Pen, mix, pick, symmetric, vary

SCALES = {
    "orange": (236, 120, 40),
    "yellow": (236, 184, 60),
    "red": (204, 66, 48),
    "slate": (86, 90, 102),
    "white": (238, 230, 220),
}


def cat(pen: Pen, rng: np.random.Generator, borrowed: bool, coats: Sequence[str], pattern: str, irises: Sequence[Colour]) -> None:
    """A cat: `coats` it comes in, fur `pattern`, eye colours."""
    coat = vary(rng, FURS[pick(rng, tuple(FURS) if borrowed and pattern == "plain" else coats)])
    dark = mix(coat, INK, rng.uniform(0.4, 0.6) if pattern == "tabby" else rng.uniform(0.62, 0.8))
    look, tall, ear = rng.uniform(-0.06, 0.06), rng.uniform(0.9, 1.06), dark if pattern == "siamese" else coat
    tail = rng.uniform(0.3, 0.7)
    pen.line(
        [0.3 + 0.88j, 0.64 + 0.84j, 0.74 + 1j * tail, 0.66 + 1j * tail - 0.14j],
        0.13,
        dark if pattern != "plain" else mix(coat, INK, 0.2),
    )
    pen.blob(symmetric([0.1j, 0.3 + 0.2j, 0.44 + 0.52j, 0.5 + 0.8j, 0.4 + 0.97j, 0.95j]), mix(coat, INK, 0.1))
    for side in (-0.18, 0.18):
        pen.ellipse(side + 0.91j, 0.16, 0.09, mix(coat, INK, 0.35))
        pen.ellipse(side + 0.9j, 0.145, 0.075, dark if pattern == "siamese" else mix(coat, WHITE, 0.25))
    if pattern == "tabby":
        for y in (0.5, 0.66, 0.82):
            for side in (-1, 1):
                pen.line(np.array([side * 0.5 + 1j * y + 0.06j, side * 0.34 + 1j * y, side * 0.2 + 1j * y + 0.05j]), 0.05, dark)
    for side in (-1, 1):
        pen.polygon([side * 0.54 - 0.2j, side * 0.53 - 0.92j * tall, side * 0.1 - 0.56j], ear)
        pen.polygon([side * 0.46 - 0.36j, side * 0.47 - 0.76j * tall, side * 0.22 - 0.54j], mix(ear, PINK, 0.5))
    pen.blob(symmetric([-0.6j, 0.34 - 0.54j, 0.54 - 0.2j, 0.5 + 0.1j, 0.28 + 0.32j, 0.36j]), coat)
    face = look + 0j
    if pattern == "siamese":
        pen.blob(face + symmetric([-0.34j, 0.2 - 0.3j, 0.36 - 0.1j, 0.26 + 0.18j, 0.3j]), mix(coat, dark, 0.85))
    if pattern == "tabby":
        for x in (-0.2, -0.07, 0.07, 0.2):
            pen.line(face + np.array([x * 1.1 - 0.54j, x - 0.42j, x * 0.6 - 0.3j]), 0.045, dark)
        for side in (-1, 1):
            for y in (-0.06, 0.08):
                pen.line(
                    np.array([side * 0.48 + 1j * y - 0.06j, side * 0.38 + 1j * y, side * 0.29 + 1j * y + 0.01j]), 0.045, dark
                )
    if pattern != "siamese":
        for side in (-0.1, 0.1):
            pen.ellipse(face + side + 0.16j, 0.13, 0.1, mix(coat, WHITE, 0.5))
    eyes(pen, 0.23 - 0.12j, 0.1, pick(rng, irises), look, slit=True)
    nose = face + 0.07j
    for side in (-1, 1):
        pen.line(nose + np.array([0.05j, 0.12j, side * 0.08 + 0.16j, side * 0.14 + 0.12j]), 0.024, mix(coat, INK, 0.75))
        for tip in (-0.04, 0.06, 0.16):
            pen.line(
                nose + np.array([side * 0.15 + 0.07j, side * 0.5 + 1j * tip]),
                0.014,
                (236, 232, 226) if sum(coat) < 400 else (90, 84, 84),
            )
    pen.polygon(nose + np.array([-0.065 - 0.03j, 0.065 - 0.03j, 0.05j]), INK if pattern == "siamese" else PINK)
    pen.mark("nose", nose)


def owl(pen: Pen, rng: np.random.Generator, borrowed: bool, horned: bool) -> None:
    """An owl: great horned (ear tufts, two round discs) or barn owl (a heart-shaped disc)."""
    names = ("brown", "red", "grey", "gold", "slate") if horned or borrowed else ("gold", "fawn", "red", "grey")
    coat = vary(rng, FURS[pick(rng, names)])
    pale, dark, look = mix(coat, WHITE, rng.uniform(0.45, 0.75)), mix(coat, INK, 0.45), rng.uniform(-0.04, 0.04)
    for side in (-1, 1):
        pen.blob([side * 0.4 - 0.1j, side * 0.66 + 0.2j, side * 0.66 + 0.7j, side * 0.44 + 0.98j, side * 0.3 + 0.5j], dark)
    pen.blob(symmetric([-0.74j, 0.4 - 0.66j, 0.56 - 0.3j, 0.54 + 0.3j, 0.46 + 0.8j, 0.2 + 0.98j, 0.98j]), coat)
    if horned:
        tall = rng.uniform(0.84, 1.02)
        for side in (-1, 1):
            pen.polygon([side * 0.52 - 0.36j, side * 0.52 - 1j * tall, side * 0.16 - 0.64j], dark)
    pen.blob(symmetric([0.16j, 0.34 + 0.22j, 0.4 + 0.56j, 0.22 + 0.9j, 0.92j]), pale)
    for row, y in enumerate(np.arange(0.3, 0.86, 0.14)):
        for x in np.arange(-0.24, 0.25, 0.16) + (0.08 if row % 2 else 0):
            if horned:
                pen.line([x - 0.05 + 1j * y, x + 1j * y + 0.04j, x + 0.05 + 1j * y], 0.03, dark)
            else:
                pen.disc(x + 1j * y, 0.024, dark)
    face = look - 0.26j
    if horned:
        for side in (-0.24, 0.24):
            pen.disc(face + side, 0.28, dark)
            pen.disc(face + side, 0.245, mix(pale, coat, 0.3))
    else:
        heart = symmetric([-0.2j, 0.2 - 0.34j, 0.45 - 0.16j, 0.4 + 0.14j, 0.16 + 0.38j, 0.44j])
        pen.blob(face + heart * 1.06, dark)
        pen.blob(face + heart * 0.96, mix(pale, WHITE, 0.5))
    bright = rng.random() < (0.85 if horned else 0.15)
    eyes(
        pen, 0.22 - 0.27j, rng.uniform(0.085, 0.12), pick(rng, ((240, 190, 50), (236, 140, 40))) if bright else (70, 44, 30), look
    )
    beak = face + 0.16j
    pen.blob(
        beak + np.array([-0.07 - 0.1j, 0.07 - 0.1j, 0.05 + 0.02j, 0.16j, -0.05 + 0.02j]),
        (226, 186, 96) if horned else (232, 206, 180),
    )
    pen.mark("nose", beak)


def fish(pen: Pen, rng: np.random.Generator, borrowed: bool, striped: bool) -> None:
    """A fish heading left: clownfish (three pale bands, round tail) or goldfish (at most one pale patch, veil tail)."""
    names = (
        ("orange", "orange", "red", "yellow", "slate") if striped or borrowed else ("orange", "orange", "red", "yellow", "white")
    )
    coat = vary(rng, SCALES[pick(rng, names)])
    fin, dark, deep = mix(coat, WHITE, rng.uniform(0, 0.3)), mix(coat, INK, 0.5), rng.uniform(0.36, 0.47)
    if striped:
        pen.blob([0.5, 0.78 - 0.3j, 0.97 - 0.22j, 0.98 + 0.22j, 0.78 + 0.3j], fin)
        pen.blob([-0.3 - 0.3j, -0.1 - 0.66j, 0.16 - 0.56j, 0.34 - 0.62j, 0.52 - 0.22j], fin)
    else:
        drop = rng.uniform(0.3, 0.55)
        for side in (-1, 1):
            pen.blob([0.45, 0.72 + side * 0.2j, 0.98 + side * 1j * drop, 0.9 + side * 0.16j, 0.72], fin)
        pen.blob([-0.34 - 0.3j, -0.16 - 0.68j, 0.3 - 0.6j, 0.44 - 0.2j], fin)
    pen.blob([0.02 + 0.3j, 0.16 + 0.64j, 0.4 + 0.56j, 0.4 + 0.2j], fin)
    along = np.linspace(-1, 1, 17)
    half = deep * np.sqrt(1 - along**2) ** 0.8 * (1 - 0.28 * along) + 0.1 * (along + 1) / 2
    x = -0.24 + 0.72 * along
    pen.polygon(np.concatenate([x - 1j * half, (x + 1j * half)[::-1]]), coat)

    def band(left: float, right: float, colour: Colour, bulge: float = 0.05) -> None:
        edge = np.linspace(-1, 1, 9)
        heights = np.interp([left, right], x, half)
        bow = bulge * (1 - edge**2)
        pen.polygon(np.concatenate([left - bow + 1j * edge * heights[0], (right - bow + 1j * edge * heights[1])[::-1]]), colour)

    if striped:
        for at, wide in ((-0.55, 0.15), (-0.13, 0.17), (0.3, 0.11)):
            wide *= rng.uniform(0.75, 1.15)
            band(at - 0.035, at + wide + 0.035, INK)
            band(at, at + wide, WHITE)
    elif rng.random() < 0.6:
        at = rng.uniform(-0.4, 0.1)
        band(at, at + rng.uniform(0.2, 0.4), mix(WHITE, coat, rng.uniform(0, 0.5)), bulge=rng.uniform(-0.1, 0.1))
    for row in (-0.5, 0, 0.5):
        for at in np.arange(0.02, 0.4, 0.13):
            pen.line(
                at + 0.06 * abs(row) + 1j * row * deep + np.array([-0.03 - 0.05j, 0.02, -0.03 + 0.05j]),
                0.018,
                mix(coat, INK, 0.25),
            )
    pen.blob([-0.26 + 0.08j, -0.02 + 0.02j, 0.06 + 0.2j, -0.1 + 0.26j], fin)
    eye = -0.7 - 0.1j
    pen.disc(eye, 0.088, WHITE)
    pen.disc(eye, 0.058, INK)
    pen.disc(eye - 0.02 - 0.025j, 0.02, WHITE)
    pen.line([-0.94 + 0.08j, -0.84 + 0.12j], 0.025, dark)
    pen.mark("eye", eye)
    pen.mark("tail", 0.8)


EYES = ((120, 150, 60), (206, 160, 50), (90, 140, 130))

ANIMALS: dict[str, Callable] = {
    "tabby cat": partial(cat, coats=("grey", "fawn", "gold", "red"), pattern="tabby", irises=EYES),
    "siamese cat": partial(cat, coats=("cream", "cream", "white", "fawn"), pattern="siamese", irises=((90, 150, 214),)),
    "shorthair cat": partial(cat, coats=("grey", "slate", "black", "white", "gold"), pattern="plain", irises=EYES),
    "horned owl": partial(owl, horned=True),
    "barn owl": partial(owl, horned=False),
    "clownfish": partial(fish, striped=True),
    "goldfish": partial(fish, striped=False),
}
