"""The things of the toy world: flowers, clock, window, mug, necklace; and the person, ball and sign that accompany others.

Every drawing takes a pen, a random generator for its small choices and whether its colour or shape may be `borrowed` from
another class; it marks its key points with `pen.mark`.
"""

from __future__ import annotations

from collections.abc import Callable
from functools import partial

import numpy as np

from zfhelpers.toyworld.drawings.vehicles import GLASS, GOLD, PAINTS, STEEL, WORDS, word_colour
from zfhelpers.toyworld.pen import INK, PINK, WHITE, Pen, around, mix, pick, symmetric, vary

PETALS = [(236, 92, 128), (246, 204, 72), (246, 242, 234), (150, 104, 196), (226, 72, 60), (244, 152, 84), (110, 140, 220)]
SKINS = [(244, 208, 180), (226, 178, 142), (190, 134, 98), (140, 92, 64), (96, 62, 46)]
HAIRS = [(44, 32, 30), (92, 58, 36), (168, 116, 60), (224, 190, 120), (150, 146, 144), (140, 60, 34)]


def flower(pen: Pen, rng: np.random.Generator, borrowed: bool, petals: int) -> None:
    """A flower of n petals, exactly n-fold symmetric in its outline; any number of petals comes in any shape and colour."""
    paint = vary(rng, pick(rng, PETALS))
    leaf, middle = (
        vary(rng, (70, 138, 64)),
        vary(rng, pick(rng, ((246, 208, 70), (250, 226, 120), (110, 70, 44), (196, 216, 110)))),
    )
    stem = rng.uniform(-0.3, 0.3)
    pen.line([0, stem * 0.6 + 0.5j, stem + 1j], 0.07, leaf)
    for side in (-1, 1):
        pen.blob(stem * 0.75 + 0.7j + side * np.array([0, 0.16 - 0.14j, 0.42 - 0.2j, 0.26 + 0.02j]), mix(leaf, INK, 0.15))
    reach, centre, start = 0.72, -0.14j, rng.random()
    wide = np.tan(np.pi / petals) * rng.uniform(0.52, 0.82)
    outline = {
        "round": [0.1 + 0j, 0.45 + 0.85j * wide, 0.8 + 1j * wide, 0.97 + 0.55j * wide, 1],
        "pointed": [0.1 + 0j, 0.4 + 0.8j * wide, 0.62 + 0.9j * wide, 0.86 + 0.4j * wide, 1.05],
        "notched": [0.1 + 0j, 0.45 + 0.8j * wide, 0.82 + 1j * wide, 0.99 + 0.55j * wide, 0.93],
    }[pick(rng, ("round", "pointed", "notched"))]
    half = np.array(outline) * reach
    petal = np.concatenate([half, half[1:-1][::-1].conj()])
    for turn in around(petals, start=start):
        pen.blob(centre + turn * petal * 1.04, mix(paint, INK, 0.35))
        pen.blob(centre + turn * petal * 0.97, paint)
        pen.line(centre + turn * np.array([0.2, 0.62]) * reach, 0.035, mix(paint, INK, 0.22))
    size = rng.uniform(0.15, 0.24)
    pen.disc(centre, size, mix(middle, INK, 0.25))
    pen.disc(centre, size * 0.86, middle)
    for dot in around(7, size * 0.52, start=start):
        pen.disc(centre + dot, size * 0.12, mix(middle, INK, 0.4))
    pen.mark("centre", centre)


def clock(pen: Pen, rng: np.random.Generator, borrowed: bool) -> None:
    """A clock with twelve ticks and two hands; square ones are borrowed from the windows."""
    rim, face = vary(rng, pick(rng, PAINTS)), vary(rng, pick(rng, (WHITE, (244, 232, 200), (214, 226, 232), (60, 64, 72))))
    ink = word_colour(face)
    if borrowed:
        pen.polygon(np.array([-1 - 1j, 1 - 1j, 1 + 1j, -1 + 1j]) * 0.82, rim)
    else:
        pen.disc(0, 0.92, rim)
        pen.disc(0, 0.84, mix(rim, INK, 0.3))
    pen.disc(0, 0.78, face)
    for hour, tick in enumerate(around(12)):
        pen.line(tick * np.array([0.54 if hour % 3 == 0 else 0.62, 0.7]), 0.07 if hour % 3 == 0 else 0.035, ink)
    time = rng.random() * 12
    for turns, reach, width in ((time / 12, 0.36, 0.09), (time % 1, 0.56, 0.06)):
        hand = np.exp(2j * np.pi * (turns - 0.25))
        pen.line([-0.1 * hand, reach * hand], width, ink)
    if rng.random() < 0.4:
        pen.line(np.exp(2j * np.pi * rng.random()) * np.array([-0.14, 0.6]), 0.025, (206, 50, 44))
    pen.disc(0, 0.07, mix(ink, face, 0.15))
    pen.mark("centre", 0)


def window(pen: Pen, rng: np.random.Generator, borrowed: bool) -> None:
    """A window with n x n panes, equal to itself after every quarter turn (the paper's entertainment centre of Fig. 5)."""
    frame = vary(
        rng, pick(rng, PAINTS) if borrowed else pick(rng, (WHITE, (150, 106, 66), (96, 66, 46), (214, 204, 186), (70, 90, 80)))
    )
    glass = vary(rng, pick(rng, (GLASS, (92, 120, 150), (244, 214, 130), (58, 66, 84))))
    square = np.array([-1 - 1j, 1 - 1j, 1 + 1j, -1 + 1j])
    pen.polygon(square * 0.84, mix(frame, INK, 0.35))
    pen.polygon(square * 0.8, frame)
    panes, gap = pick(rng, (2, 2, 3, 4)), rng.uniform(0.03, 0.06)
    half = 0.68 / panes
    middles = (np.arange(panes) - (panes - 1) / 2) * 2 * half
    diamond = rng.random() < 0.35
    for x in middles:
        for y in middles:
            pen.polygon(x + 1j * y + square * (half - gap / 2), mix(glass, INK, 0.35))
            pen.polygon(x + 1j * y + square * (half - gap / 2 - 0.02), glass)
            if diamond:
                pen.polygon(x + 1j * y + around(4, half * 0.7), mix(glass, WHITE, 0.45))
    pen.mark("centre", 0)


def mug(pen: Pen, rng: np.random.Generator, borrowed: bool) -> None:
    """A mug with its handle at the viewer's right, plain, banded, dotted or lettered."""
    paint, other = vary(rng, pick(rng, PAINTS)), vary(rng, pick(rng, PAINTS))
    wide, foot, tall = rng.uniform(0.5, 0.6), rng.uniform(0.38, 0.56), rng.uniform(0.54, 0.72)
    centre = -0.18
    pen.ring(centre + wide + 0.08 + 0.02j, 0.36, 0.12, mix(paint, INK, 0.2))
    left, right = centre - wide, centre + wide
    pen.blob(
        [centre - foot + 1j * tall, centre + 1j * (tall + 0.13), centre + foot + 1j * tall, centre + 1j * (tall - 0.1)],
        mix(paint, INK, 0.15),
    )
    pen.polygon([left - 1j * tall, right - 1j * tall, centre + foot + 1j * tall, centre - foot + 1j * tall], paint)
    design = rng.random()
    if design < 0.25:
        for y in (-0.18, 0.12):
            pen.polygon(
                [left + 0.05 + 1j * y, right - 0.05 + 1j * y, right - 0.06 + 1j * y + 0.1j, left + 0.06 + 1j * y + 0.1j], other
            )
    elif design < 0.45:
        for x in (-0.28, 0, 0.28):
            for y in (-0.22, 0.06, 0.34):
                pen.disc(centre + x + 1j * y, 0.075, other)
    elif design < 0.8:
        pen.text(pick(rng, ("TEA", "ZOO", "ICE", "CAFE", "MILK")), centre + 0.08j, 0.3 if borrowed else 0.24, word_colour(paint))
    pen.ellipse(centre - 1j * tall, wide, 0.17, mix(paint, WHITE, 0.3))
    pen.ellipse(centre - 1j * tall + 0.02j, wide * 0.88, 0.125, mix(paint, INK, 0.45))
    pen.ellipse(centre - 1j * tall + 0.05j, wide * 0.78, 0.085, pick(rng, ((96, 58, 36), (150, 92, 40), (222, 206, 184))))
    pen.mark("handle", right + 0.36)
    pen.mark("rim", centre - 1j * tall)


def necklace(pen: Pen, rng: np.random.Generator, borrowed: bool) -> None:
    """Beads or a chain with a pendant, to be worn by a `person` drawn with the same pen before."""
    colour = vary(rng, pick(rng, (GOLD, WHITE, STEEL, (64, 150, 140), (190, 50, 60), (60, 90, 170))))
    beads, drop = int(rng.uniform(15, 24)), rng.uniform(0.5, 0.86)
    angle = np.linspace(0.06, np.pi - 0.06, beads)
    arc = 0.42 * np.cos(angle) - 0.06j + 1j * drop * np.sin(angle) ** 0.9
    size = rng.uniform(0.035, 0.06)
    pen.line(arc, size * 0.6, mix(colour, INK, 0.4))
    for place in arc[1:-1]:
        pen.disc(place, size, mix(colour, INK, 0.35))
        pen.disc(place - size * (0.15 + 0.15j), size * 0.75, colour)
    pendant = 1j * (drop - 0.06 + size + 0.06)
    stone = vary(rng, pick(rng, ((200, 40, 60), (50, 100, 190), (60, 160, 110), GOLD)))
    shape = rng.random()
    if shape < 0.4:
        pen.disc(pendant, 0.12, mix(colour, INK, 0.2))
        pen.disc(pendant, 0.085, stone)
    elif shape < 0.75:
        pen.polygon(pendant + around(4, 0.14), mix(colour, INK, 0.2))
        pen.polygon(pendant + around(4, 0.1), stone)
    else:
        pen.blob(pendant + symmetric([-0.06j, 0.09 - 0.13j, 0.15 - 0.04j, 0.15j]), stone)
    pen.mark("pendant", pendant)


def person(pen: Pen, rng: np.random.Generator) -> None:
    """A person's head and shoulders: neck at the origin, shoulders below, head above and often cut by the frame."""
    skin, hair, cloth = vary(rng, pick(rng, SKINS)), vary(rng, pick(rng, HAIRS)), vary(rng, pick(rng, PAINTS))
    long, look = rng.random() < 0.55, rng.uniform(-0.04, 0.04)
    if long:
        pen.blob(symmetric([-1.42j, 0.44 - 1.3j, 0.58 - 0.8j, 0.6 - 0.1j, 0.4 + 0.2j, 0.1j]), mix(hair, INK, 0.25))
    pen.blob(symmetric([-0.02j, 0.34 + 0.06j, 0.82 + 0.22j, 1.04 + 0.6j, 1.08 + 4j, 4j]), skin)
    neckline = rng.uniform(0.62, 1.0)
    pen.polygon(
        symmetric([1j * neckline, 0.42 + 1j * (neckline - 0.3), 0.62 + 0.1j, 0.84 + 0.18j, 1.06 + 0.6j, 1.12 + 4j]), cloth
    )
    pen.polygon(symmetric([0.24 - 0.5j, 0.26 - 0.1j, 0.36 + 0.14j, 0.34j]), mix(skin, INK, 0.14))
    pen.blob(symmetric([-1.3j, 0.3 - 1.22j, 0.42 - 0.8j, 0.32 - 0.42j, 0.12 - 0.22j, -0.2j]), skin)
    pen.blob(symmetric([-1.42j, 0.36 - 1.3j, 0.46 - 0.8j, 0.38 - 0.96j, 0.16 - 1.12j, -1.06j]), hair)
    for side in (-0.17, 0.17):
        pen.ellipse(look + side - 0.78j, 0.07, 0.045, WHITE)
        pen.disc(look + side - 0.78j, 0.04, (70, 50, 40))
        pen.line([look + side - 0.08 - 0.89j, look + side + 0.08 - 0.89j], 0.03, hair)
    pen.line(look + np.array([-0.74j, 0.05 - 0.6j, -0.01 - 0.58j]), 0.03, mix(skin, INK, 0.35))
    pen.line(look + np.array([-0.13 - 0.46j, -0.42j, 0.13 - 0.46j]), 0.045, mix(skin, (190, 50, 60), 0.7))
    for side in (-0.26, 0.26):
        pen.ellipse(look + side - 0.6j, 0.07, 0.05, mix(skin, PINK, 0.4))


def ball(pen: Pen, rng: np.random.Generator) -> None:
    """A ball with two bands, unit radius."""
    paint, other = vary(rng, pick(rng, PAINTS)), vary(rng, pick(rng, PAINTS))
    pen.disc(0, 1, paint)
    side, turn = np.linspace(-1, 1, 9), np.exp(2j * np.pi * rng.random())
    edge = np.sqrt(np.maximum(0, 0.96 - (0.3 * (1 - side**2) + 0.1) ** 2))
    for sign in (-1, 1):
        pen.line(turn * (side * edge + 1j * sign * (0.3 * (1 - side**2) + 0.1)), 0.12, other)
    pen.disc(-0.35 - 0.4j, 0.16, mix(paint, WHITE, 0.7))


def sign(pen: Pen, rng: np.random.Generator) -> None:
    """A lettered board on a post."""
    board, word = vary(rng, pick(rng, PAINTS)), pick(rng, WORDS)
    half = 0.24 * len(word) + 0.2
    pen.polygon([-0.07 + 0j, 0.07 + 0j, 0.07 + 2.4j, -0.07 + 2.4j], (120, 110, 104))
    pen.polygon(np.array([-1, 1, 1, -1]) * half + 0.42j * np.array([-1, -1, 1, 1]), mix(board, WHITE, 0.7))
    pen.polygon(np.array([-1, 1, 1, -1]) * (half - 0.06) + 0.36j * np.array([-1, -1, 1, 1]), board)
    pen.text(word, 0, 0.42, word_colour(board))


THINGS: dict[str, Callable] = {
    "primrose": partial(flower, petals=5),
    "lily": partial(flower, petals=6),
    "cosmos": partial(flower, petals=8),
    "clock": clock,
    "window": window,
    "mug": mug,
    "necklace": necklace,
}
