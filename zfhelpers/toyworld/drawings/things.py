"""The things of the toy world: flowers, clock, window, mug, necklace."""

from __future__ import annotations

from functools import partial

import numpy as np

from zfhelpers.toyworld.drawings.companions import person
from zfhelpers.toyworld.palette import GLASS, GOLD, INK, PAINTS, PETALS, STEEL, WHITE, lettering, mix, pick, vary
from zfhelpers.toyworld.pen import SQUARE, Pen, around, symmetric
from zfhelpers.toyworld.subject import Subject

FRAMES = [WHITE, (150, 106, 66), (96, 66, 46), (214, 204, 186), (70, 90, 80)]


def flower(pen: Pen, rng: np.random.Generator, borrowed: bool, petals: int) -> None:
    """A flower of n petals, exactly n-fold symmetric in its outline; any number of petals comes in any shape and colour."""
    paint = vary(rng, pick(rng, PETALS))
    leaf = vary(rng, (70, 138, 64))
    middle = vary(rng, pick(rng, ((246, 208, 70), (250, 226, 120), (110, 70, 44), (196, 216, 110))))
    stem = rng.uniform(-0.3, 0.3)
    with pen.part("stem"):
        pen.line([0, stem * 0.6 + 0.5j, stem + 1j], 0.07, leaf)
    with pen.part("leaves"):
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
    for k, turn in enumerate(around(petals, start=start)):
        with pen.part(f"petals {1 + 3 * k // petals}"):  # a third of them
            pen.blob(centre + turn * petal * 1.04, mix(paint, INK, 0.35))
            pen.blob(centre + turn * petal * 0.97, paint)
            pen.line(centre + turn * np.array([0.2, 0.62]) * reach, 0.035, mix(paint, INK, 0.22))
    size = rng.uniform(0.15, 0.24)
    with pen.part("heart"):
        pen.disc(centre, size, mix(middle, INK, 0.25))
        pen.disc(centre, size * 0.86, middle)
        for dot in around(7, size * 0.52, start=start):
            pen.disc(centre + dot, size * 0.12, mix(middle, INK, 0.4))
    pen.mark("centre", centre)


def clock(pen: Pen, rng: np.random.Generator, borrowed: bool) -> None:
    """A clock with twelve ticks and two hands; square ones are borrowed from the windows."""
    rim = vary(rng, pick(rng, PAINTS))
    face = vary(rng, pick(rng, (WHITE, (244, 232, 200), (214, 226, 232), (60, 64, 72))))
    ink = lettering(face)
    with pen.part("rim"):
        if borrowed:
            pen.polygon(SQUARE * 0.82, rim)
        else:
            pen.disc(0, 0.92, rim)
            pen.disc(0, 0.84, mix(rim, INK, 0.3))
    with pen.part("dial"):
        pen.disc(0, 0.78, face)
    with pen.part("ticks"):
        for hour, tick in enumerate(around(12)):
            pen.line(tick * np.array([0.54 if hour % 3 == 0 else 0.62, 0.7]), 0.07 if hour % 3 == 0 else 0.035, ink)
    time = rng.random() * 12
    for name, turns, reach, width in (("hour hand", time / 12, 0.36, 0.09), ("minute hand", time % 1, 0.56, 0.06)):
        hand = np.exp(2j * np.pi * (turns - 0.25))
        with pen.part(name):
            pen.line([-0.1 * hand, reach * hand], width, ink)
    with pen.part("second hand"):
        if rng.random() < 0.4:
            pen.line(np.exp(2j * np.pi * rng.random()) * np.array([-0.14, 0.6]), 0.025, (206, 50, 44))
    with pen.part("hub"):
        pen.disc(0, 0.07, mix(ink, face, 0.15))
    pen.mark("centre", 0)


def window(pen: Pen, rng: np.random.Generator, borrowed: bool) -> None:
    """A window with n x n panes, equal to itself after every quarter turn (the paper's entertainment centre of Fig. 5)."""
    frame = vary(rng, pick(rng, PAINTS if borrowed else FRAMES))
    glass = vary(rng, pick(rng, (GLASS, (92, 120, 150), (244, 214, 130), (58, 66, 84))))
    with pen.part("frame"):
        pen.polygon(SQUARE * 0.84, mix(frame, INK, 0.35))
        pen.polygon(SQUARE * 0.8, frame)
    panes, gap = pick(rng, (2, 2, 3, 4)), rng.uniform(0.03, 0.06)
    half = 0.68 / panes
    middles = (np.arange(panes) - (panes - 1) / 2) * 2 * half
    diamond = rng.random() < 0.35
    for x in middles:
        for y in middles:
            with pen.part(f"{'upper' if y < 0 else 'lower'} {'left' if x < 0 else 'right'} panes"):
                pen.polygon(x + 1j * y + SQUARE * (half - gap / 2), mix(glass, INK, 0.35))
                pen.polygon(x + 1j * y + SQUARE * (half - gap / 2 - 0.02), glass)
                if diamond:
                    pen.polygon(x + 1j * y + around(4, half * 0.7), mix(glass, WHITE, 0.45))
    pen.mark("centre", 0)


def mug(pen: Pen, rng: np.random.Generator, borrowed: bool) -> None:
    """A mug with its handle at the viewer's right, plain, banded, dotted or lettered."""
    paint, other = vary(rng, pick(rng, PAINTS)), vary(rng, pick(rng, PAINTS))
    wide, foot, tall = rng.uniform(0.5, 0.6), rng.uniform(0.38, 0.56), rng.uniform(0.54, 0.72)
    centre = -0.18
    with pen.part("handle"):
        pen.ring(centre + wide + 0.08 + 0.02j, 0.36, 0.12, mix(paint, INK, 0.2))
    left, right = centre - wide, centre + wide
    bottom = [centre - foot + 1j * tall, centre + 1j * (tall + 0.13), centre + foot + 1j * tall, centre + 1j * (tall - 0.1)]
    with pen.part("foot"):
        pen.blob(bottom, mix(paint, INK, 0.15))
    with pen.part("wall"):
        pen.polygon([left - 1j * tall, right - 1j * tall, centre + foot + 1j * tall, centre - foot + 1j * tall], paint)
    with pen.part("design"):
        design = rng.random()
        if design < 0.25:
            for y in (-0.18, 0.12):
                edges = left + 0.05 + 1j * y, right - 0.05 + 1j * y, right - 0.06 + 1j * y + 0.1j, left + 0.06 + 1j * y + 0.1j
                pen.polygon(edges, other)
        elif design < 0.45:
            for x in (-0.28, 0, 0.28):
                for y in (-0.22, 0.06, 0.34):
                    pen.disc(centre + x + 1j * y, 0.075, other)
        elif design < 0.8:
            pen.text(
                pick(rng, ("TEA", "ZOO", "ICE", "CAFE", "MILK")), centre + 0.08j, 0.3 if borrowed else 0.24, lettering(paint)
            )
    with pen.part("rim"):
        pen.ellipse(centre - 1j * tall, wide, 0.17, mix(paint, WHITE, 0.3))
        pen.ellipse(centre - 1j * tall + 0.02j, wide * 0.88, 0.125, mix(paint, INK, 0.45))
    with pen.part("drink"):
        pen.ellipse(centre - 1j * tall + 0.05j, wide * 0.78, 0.085, pick(rng, ((96, 58, 36), (150, 92, 40), (222, 206, 184))))
    pen.mark("handle", right + 0.36)
    pen.mark("rim", centre - 1j * tall)


def necklace(pen: Pen, rng: np.random.Generator, borrowed: bool) -> None:
    """Beads with a pendant, to be worn by a `person` drawn at the same place before."""
    colour = vary(rng, pick(rng, (GOLD, WHITE, STEEL, (64, 150, 140), (190, 50, 60), (60, 90, 170))))
    beads, drop = int(rng.uniform(15, 24)), rng.uniform(0.5, 0.86)
    angle = np.linspace(0.06, np.pi - 0.06, beads)
    arc = 0.42 * np.cos(angle) - 0.06j + 1j * drop * np.sin(angle) ** 0.9
    size = rng.uniform(0.035, 0.06)
    with pen.part("cord"):
        pen.line(arc, size * 0.6, mix(colour, INK, 0.4))
    for place in arc[1:-1]:
        with pen.part("right beads" if place.real > 0 else "left beads"):
            pen.disc(place, size, mix(colour, INK, 0.35))
            pen.disc(place - size * (0.15 + 0.15j), size * 0.75, colour)
    pendant = 1j * (drop - 0.06 + size + 0.06)
    stone = vary(rng, pick(rng, ((200, 40, 60), (50, 100, 190), (60, 160, 110), GOLD)))
    shape = rng.random()
    with pen.part("pendant"):
        if shape < 0.4:
            pen.disc(pendant, 0.12, mix(colour, INK, 0.2))
            pen.disc(pendant, 0.085, stone)
        elif shape < 0.75:
            pen.polygon(pendant + around(4, 0.14), mix(colour, INK, 0.2))
            pen.polygon(pendant + around(4, 0.1), stone)
        else:
            pen.blob(pendant + symmetric([-0.06j, 0.09 - 0.13j, 0.15 - 0.04j, 0.15j]), stone)
    pen.mark("pendant", pendant)


THINGS = {
    "primrose": Subject(partial(flower, petals=5)),
    "lily": Subject(partial(flower, petals=6)),
    "cosmos": Subject(partial(flower, petals=8)),
    "clock": Subject(clock),
    "window": Subject(window),
    "mug": Subject(mug),
    "necklace": Subject(necklace, wearer=person),
}
