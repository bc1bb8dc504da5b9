"""Instruments, vessels and other household things that the toy network never saw: classes of the set "toy-novel".

Guitar and violin, teapot and watering can share their parts, so that there is something to confuse.
"""

from __future__ import annotations

from itertools import pairwise

import numpy as np

from zfhelpers.toyworld.palette import GOLD, INK, PAINTS, STEEL, WHITE, mix, pick, vary
from zfhelpers.toyworld.pen import Pen, sided, symmetric
from zfhelpers.toyworld.subject import Subject

WOODS = [(184, 112, 56), (146, 78, 42), (214, 156, 88), (112, 58, 36)]


def guitar(pen: Pen, rng: np.random.Generator, borrowed: bool) -> None:
    """A guitar: two round bouts, a round hole, a long neck with frets; a borrowed one is as dark and slim as a violin."""
    wood = vary(rng, pick(rng, WOODS[:2] if borrowed else (*WOODS, *PAINTS[:3])))
    wide, dark = rng.uniform(0.36, 0.4) if borrowed else rng.uniform(0.42, 0.5), mix(wood, INK, 0.5)
    body = [0.02j, 0.2 + 0.0j, 0.72 * wide + 0.14j, 0.56 * wide + 0.36j, wide + 0.62j, 0.8 * wide + 0.88j, 0.97j]
    pen.blob(symmetric(body), dark)
    pen.blob(0.5j + 0.92 * (symmetric(body) - 0.5j), wood)
    neck = mix(WOODS[3], INK, rng.uniform(0, 0.5))
    pen.polygon(symmetric([0.06 - 0.66j, 0.075 + 0.3j]), neck)
    for y in np.arange(-0.6, 0.16, 0.11):
        pen.line([-0.06 + 1j * y, 0.06 + 1j * y], 0.018, GOLD)
    pen.polygon(symmetric([0.12 - 0.94j, 0.08 - 0.64j]), dark)
    for y in (-0.88, -0.79, -0.7):
        for side in (-1, 1):
            pen.disc(side * 0.16 + 1j * y, 0.035, STEEL)
    pen.disc(0.4j, 0.17, mix(wood, WHITE, 0.4))
    pen.disc(0.4j, 0.135, INK)
    pen.polygon(symmetric([0.17 + 0.7j, 0.17 + 0.77j]), mix(dark, INK, 0.5))
    for x in (-0.036, 0.0, 0.036):
        pen.line([x - 0.7j, x + 0.73j], 0.012, (232, 226, 210))


def violin(pen: Pen, rng: np.random.Generator, borrowed: bool) -> None:
    """A violin: cut-in waist, two f-holes, a black fingerboard, a scroll, half of them with a bow; a borrowed one is painted."""
    wood = vary(rng, pick(rng, PAINTS[:3] if borrowed else WOODS))
    dark, wide = mix(wood, INK, 0.5), rng.uniform(0.36, 0.42)
    body = [0.02j, 0.62 * wide + 0.04j, 0.84 * wide + 0.2j, 0.74 * wide + 0.36j, 0.48 * wide + 0.46j, 0.52 * wide + 0.56j]
    body += [0.88 * wide + 0.64j, wide + 0.78j, 0.7 * wide + 0.95j, 0.97j]
    if rng.random() < 0.5:
        pen.line([0.62 - 0.9j, 0.54 + 0.94j], 0.045, mix(WOODS[3], INK, 0.3))
        pen.line([0.55 - 0.84j, 0.48 + 0.9j], 0.025, (238, 232, 216))
    pen.blob(symmetric(body), dark)
    pen.blob(0.5j + 0.91 * (symmetric(body) - 0.5j), wood)
    pen.polygon(symmetric([0.04 - 0.7j, 0.07 + 0.44j]), INK)
    pen.ring(-0.84j, 0.09, 0.05, dark)
    pen.line([-0.78j, -0.6j], 0.09, dark)
    for y, side in ((-0.72, -1), (-0.66, 1), (-0.6, -1), (-0.54, 1)):
        pen.line([1j * y, side * 0.15 + 1j * y], 0.04, INK)
    for side in (-1, 1):
        hole = np.array([0.1 + 0.44j, 0.16 + 0.5j, 0.15 + 0.64j, 0.21 + 0.7j])
        pen.line(sided(side, hole), 0.03, INK)
    pen.polygon(symmetric([0.13 + 0.56j, 0.13 + 0.6j]), (226, 190, 130))
    pen.polygon(symmetric([0.08 + 0.68j, 0.04 + 0.93j]), INK)
    for x in (-0.027, 0.027):
        pen.line([x - 0.66j, x + 0.7j], 0.01, (232, 226, 210))
    pen.ellipse(-0.5 * wide + 0.88j, 0.12, 0.07, INK)


def teapot(pen: Pen, rng: np.random.Generator, borrowed: bool) -> None:
    """A teapot, spout to the viewer's left, plain or with bands or dots; a borrowed one is of metal, like a watering can."""
    paint, other = vary(rng, pick(rng, (STEEL, (120, 150, 140)) if borrowed else PAINTS)), vary(rng, pick(rng, PAINTS))
    tall = rng.uniform(0.4, 0.5)
    pen.ring(0.54 + 0.1j, 0.36, 0.1, mix(paint, INK, 0.25))
    pen.polygon(
        [-0.4 + 0.34j, -0.66 + 0.14j, -0.82 - 0.32j, -0.97 - 0.36j, -0.9 - 0.46j, -0.7 - 0.4j, -0.52 - 0.06j, -0.36 + 0.0j],
        mix(paint, INK, 0.12),
    )
    pen.ellipse(0.2j, 0.6, tall, paint)
    pen.polygon(symmetric([0.28 + 0.2j + 0.88j * tall, 0.34 + 0.3j + 0.96j * tall]), mix(paint, INK, 0.3))
    design = rng.random()
    if design < 0.35:
        pen.polygon(symmetric([0.595 + 0.14j, 0.59 + 0.28j]), other)
    elif design < 0.7:
        for x in (-0.36, -0.12, 0.12, 0.36):
            pen.disc(x + 0.2j + 0.1j * (-1) ** round(x * 4), 0.075, other)
    pen.ellipse(0.22j - 0.9j * tall, 0.34, 0.11, mix(paint, WHITE, 0.3))
    pen.ellipse(0.18j - 0.9j * tall, 0.3, 0.1, mix(paint, INK, 0.08))
    pen.disc(0.05j - 0.9j * tall, 0.085, other if design < 0.7 else mix(paint, INK, 0.3))


def watering_can(pen: Pen, rng: np.random.Generator, borrowed: bool) -> None:
    """A watering can, its long spout with a rose to the viewer's left; a borrowed one is painted like a teapot."""
    paint = vary(rng, pick(rng, PAINTS if borrowed else (STEEL, (120, 150, 140), *PAINTS[1:4])))
    dark, top = mix(paint, INK, 0.3), rng.uniform(-0.26, -0.14)
    pen.ring(0.5 + 0.22j, 0.42, 0.09, dark)
    pen.line([-0.28 + 1j * top, -0.1 + 1j * top - 0.4j, 0.36 + 1j * top - 0.4j, 0.5 + 1j * top + 0.1j], 0.08, dark)
    pen.polygon([-0.3 + 0.7j, -0.3 + 0.4j, -0.8 - 0.38j, -0.7 - 0.44j, -0.28 + 0.12j], mix(paint, INK, 0.12))
    pen.line([-0.62 - 0.2j, -0.3 + 1j * top + 0.06j], 0.04, dark)
    pen.polygon([-0.68 - 0.52j, -0.86 - 0.3j, -0.98 - 0.36j, -0.78 - 0.66j], dark)
    pen.polygon([-0.36 + 1j * top, 0.48 + 1j * top, 0.56 + 0.82j, -0.42 + 0.82j], paint)
    for y in (top + 0.08, 0.66):
        pen.polygon([-0.4 + 1j * y, 0.52 + 1j * y, 0.52 + 1j * y + 0.06j, -0.4 + 1j * y + 0.06j], mix(paint, INK, 0.22))
    pen.ellipse(0.06 + 1j * top, 0.42, 0.09, mix(paint, INK, 0.5))
    pen.polygon([-0.36 + 1j * top, 0.06 + 1j * top - 0.09j, 0.06 + 1j * top + 0.09j], mix(paint, WHITE, 0.25))


def umbrella(pen: Pen, rng: np.random.Generator, borrowed: bool) -> None:
    """An open umbrella of five gores in one or two colours; a borrowed one is dotted like a mushroom."""
    paint = vary(rng, pick(rng, PAINTS))
    other = mix(paint, INK, 0.25) if rng.random() < 0.5 else vary(rng, pick(rng, PAINTS))
    tall, rim = rng.uniform(0.66, 0.8), -0.04
    pen.line([1j * rim - 1j * tall - 0.1j, 0.74j], 0.055, (112, 84, 62))
    pen.line([0.7j, 0.06 + 0.86j, 0.2 + 0.9j, 0.3 + 0.78j], 0.08, (92, 58, 40))
    ribs = 0.92 * np.sin(np.linspace(-0.5, 0.5, 6) * np.pi)
    down = np.linspace(0, np.pi / 2, 8)
    for k, (left, right) in enumerate(pairwise(ribs)):
        over, back = 1j * rim - 1j * tall * np.cos(down), 1j * rim - 1j * tall * np.cos(down[::-1])
        scallop = 1j * rim - 0.1j * np.sin(np.linspace(0, np.pi, 7)) + np.linspace(left, right, 7)
        pen.polygon(
            np.concatenate([over + left * np.sin(down), scallop, back + right * np.sin(down[::-1])]), other if k % 2 else paint
        )
    if borrowed:
        for place in (-0.5 - 0.3j, -0.16 - 0.52j, 0.02 - 0.26j, 0.26 - 0.56j, 0.5 - 0.28j):
            pen.disc(place, 0.075, WHITE)


def anchor(pen: Pen, rng: np.random.Generator, borrowed: bool) -> None:
    """An anchor: ring, stock, shank and two arms with flukes; a borrowed one is painted, and half of them have a rope."""
    iron = vary(rng, pick(rng, PAINTS if borrowed else ((70, 78, 90), (110, 116, 122), (52, 56, 62))))
    wide, thick = rng.uniform(0.62, 0.76), rng.uniform(0.13, 0.17)
    if rng.random() < 0.5:
        pen.line([0.06 - 0.76j, 0.34 - 0.5j, 0.1 - 0.1j, 0.3 + 0.3j, 0.62 + 0.2j], 0.06, (206, 178, 126))
    pen.ring(-0.76j, 0.2, 0.09, iron)
    pen.line([-0.6j, 0.8j], thick, iron)
    pen.line([-0.42 - 0.36j, 0.42 - 0.36j], 0.12, mix(iron, INK, 0.25))
    bend = np.linspace(0.08, 0.92, 13) * np.pi
    arc = wide * np.cos(bend) + 1j * (0.24 + 0.6 * np.sin(bend))
    pen.line(arc, thick, iron)
    for side in (-1, 1):
        fluke = np.array([0.3j - 0.14j, 0.18 + 0.44j, -0.2 + 0.42j]) + wide
        pen.polygon(sided(side, fluke), mix(iron, INK, 0.15))
    pen.line([-0.06 - 0.5j, -0.04 + 0.7j], 0.03, mix(iron, WHITE, 0.4))


def chair(pen: Pen, rng: np.random.Generator, borrowed: bool) -> None:
    """A chair seen a little from the left: slatted or (borrowed) solid back, seat and four legs."""
    wood, seat = vary(rng, pick(rng, (*WOODS, *PAINTS[:4]))), vary(rng, pick(rng, (*WOODS, *PAINTS)))
    dark, tall = mix(wood, INK, 0.35), rng.uniform(0.8, 0.96)
    for foot in (-0.32 + 0.7j, 0.6 + 0.66j):
        pen.line([foot.real + 0.06j, foot], 0.085, mix(wood, INK, 0.5))
    left, right = -0.36 - 1j * tall, 0.46 - 1j * tall + 0.06j
    if borrowed:
        pen.polygon([left + 0.04j, right + 0.04j, 0.48 - 0.2j, -0.34 - 0.22j], seat)
    else:
        for share in (0.06, 0.36, 0.66):
            pen.line([left + 1j * tall * share, right + 1j * tall * share], 0.12, wood)
    for post in (left, right):
        pen.line([post, post.real + 0.08j], 0.1, wood)
    pen.polygon([-0.4 - 0.02j, 0.54 - 0.0j, 0.74 + 0.24j, -0.62 + 0.24j], mix(seat, WHITE, 0.15))
    pen.polygon([-0.62 + 0.24j, 0.74 + 0.24j, 0.74 + 0.34j, -0.62 + 0.34j], mix(seat, INK, 0.25))
    for foot in (-0.54, 0.66):
        pen.line([foot + 0.36j, foot * 1.04 + 0.93j], 0.1, wood)
    pen.line([-0.54 + 0.64j, 0.66 + 0.64j], 0.05, dark)


HOUSEHOLD = {
    "guitar": Subject(guitar),
    "violin": Subject(violin),
    "teapot": Subject(teapot),
    "watering can": Subject(watering_can),
    "umbrella": Subject(umbrella),
    "anchor": Subject(anchor),
    "chair": Subject(chair),
}
