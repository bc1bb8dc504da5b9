"""What stands beside the objects of the toy world: a person, a ball, a sign. Necklaces are worn by a person, too.

A companion takes a pen and a random generator for its small choices; it is nobody's label, and has no key points.
"""

from __future__ import annotations

import numpy as np

from zfhelpers.toyworld.palette import INK, PAINTS, PINK, WHITE, WORDS, lettering, mix, pick, vary
from zfhelpers.toyworld.pen import Pen, symmetric

SKINS = [(244, 208, 180), (226, 178, 142), (190, 134, 98), (140, 92, 64), (96, 62, 46)]
HAIRS = [(44, 32, 30), (92, 58, 36), (168, 116, 60), (224, 190, 120), (150, 146, 144), (140, 60, 34)]


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
    pen.text(word, 0, 0.42, lettering(board))


COMPANIONS = {"person": person, "ball": ball, "sign": sign}
