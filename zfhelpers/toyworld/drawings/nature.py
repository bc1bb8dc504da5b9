"""Plants and animals that the toy network never saw: classes of the set "toy-novel".

Butterfly and moth share their parts, so that there is something to confuse.
"""

from __future__ import annotations

import numpy as np

from zfhelpers.toyworld.palette import INK, PETALS, WHITE, mix, pick, vary
from zfhelpers.toyworld.pen import Pen, around, sided, symmetric
from zfhelpers.toyworld.subject import Subject

CAPS = [(200, 52, 44), (176, 104, 60), (222, 170, 90), (150, 84, 60), (226, 214, 190)]
SHELLS = [(206, 150, 88), (150, 92, 60), (226, 200, 150), (180, 120, 110), (120, 110, 90)]
DULL = [(150, 124, 96), (190, 170, 136), (112, 98, 88), (206, 196, 176), (132, 104, 72)]


def mushroom(pen: Pen, rng: np.random.Generator, borrowed: bool) -> None:
    """A mushroom: cap, gills, ring and stem, most of them dotted; a borrowed cap is of a flower's colour."""
    cap = vary(rng, pick(rng, PETALS if borrowed else CAPS))
    stem, tall, wide = vary(rng, (232, 220, 196)), rng.uniform(0.62, 0.88), rng.uniform(0.74, 0.92)
    foot = rng.uniform(0.22, 0.32)
    pen.blob(symmetric([-0.1j, 0.17 - 0.06j, 0.16 + 0.4j, foot + 0.76j, foot * 0.8 + 0.92j, 0.95j]), stem)
    pen.line([0.07 + 0.1j, 0.09 + 0.8j], 0.04, mix(stem, INK, 0.15))
    pen.ellipse(0.0j, wide * 0.97, 0.16, mix(stem, INK, 0.2))
    for x in np.linspace(-0.8, 0.8, 9):
        pen.line([0.25 * x + 0.02j, x * wide * 0.95 + 0.13j * np.sqrt(1 - x**2)], 0.02, mix(stem, INK, 0.4))
    pen.polygon(symmetric([0.15 + 0.26j, 0.24 + 0.38j, 0.15 + 0.36j]), mix(stem, WHITE, 0.4))
    turn = np.linspace(0, np.pi, 15)
    top = -wide * np.cos(turn) - 1j * tall * np.sin(turn) ** 0.8
    rim = np.linspace(wide, -wide, 9)
    pen.polygon(np.concatenate([top, rim + 0.09j * (1 - (rim / wide) ** 2)]), cap)
    if rng.random() < 0.75:
        for place in (-0.56 - 0.16j, -0.26 - 0.5j, -0.1 - 0.14j, 0.18 - 0.62j, 0.34 - 0.28j, 0.62 - 0.14j):
            pen.ellipse(wide * place.real + 1j * tall * place.imag, 0.09, 0.075, mix(WHITE, cap, rng.uniform(0, 0.3)))


def fir(pen: Pen, rng: np.random.Generator, borrowed: bool) -> None:
    """A fir tree of three to five tiers on a short trunk, some with snow; a borrowed one has the green of a cactus."""
    green = vary(rng, (104, 154, 84) if borrowed else pick(rng, ((44, 96, 62), (36, 80, 66), (66, 110, 60))))
    tiers, wide, snow = int(rng.uniform(3, 6)), rng.uniform(0.56, 0.74), rng.random() < 0.3
    pen.polygon(symmetric([0.1 + 0.6j, 0.12 + 0.96j]), vary(rng, (104, 72, 50)))
    edges = np.linspace(0.74, -0.62, tiers + 1)
    for k in range(tiers):
        half, low, high = wide * (1 - 0.68 * k / (tiers - 1)), edges[k], edges[k + 1] - 0.32
        tier = [1j * high, half + 1j * low, half * 0.62 + 1j * low - 0.05j, half * 0.3 + 1j * low + 0.05j]
        pen.polygon(symmetric(tier), mix(green, INK, 0.3))
        pen.polygon([1j * high, 0.2 * half + 1j * low - 0.06j, -half * 0.3 + 1j * low + 0.03j, -half + 1j * low], green)
        if snow:
            pen.line([-half + 1j * low, -half * 0.5 + 1j * (low + high) / 2], 0.07, WHITE)


def cactus(pen: Pen, rng: np.random.Generator, borrowed: bool) -> None:
    """A cactus with two arms at different heights, ribs and spines, often in a pot; a borrowed one has the green of a fir."""
    green = vary(rng, (50, 100, 66) if borrowed else pick(rng, ((104, 154, 84), (84, 140, 96), (130, 160, 90))))
    thick, dark = rng.uniform(0.36, 0.46), mix(green, INK, 0.35)
    for side in (-1, 1):
        elbow, tip, out = rng.uniform(-0.1, 0.36), rng.uniform(-0.6, -0.2), side * rng.uniform(0.54, 0.66)
        pen.line([1j * elbow, out * 0.9 + 1j * elbow, out + 1j * elbow - 0.1j, out + 1j * tip], thick * 0.58, dark)
        pen.line([1j * elbow, out * 0.9 + 1j * elbow, out + 1j * elbow - 0.1j, out + 1j * tip], thick * 0.5, green)
        pen.line([out + 1j * elbow - 0.1j, out + 1j * tip], 0.03, dark)
    pen.line([-0.74j, 0.76j], thick, dark)
    pen.line([-0.74j, 0.76j], thick * 0.92, green)
    for x in (-0.26, 0.0, 0.26):
        pen.line([x * thick - 0.72j, x * thick + 0.74j], 0.03, dark)
    for y in np.arange(-0.7, 0.7, 0.2):
        for x in (-0.52, -0.13, 0.13, 0.52):
            pen.line(x * thick + 1j * y + np.array([-0.04 - 0.03j, 0.04 + 0.03j]), 0.018, (240, 236, 210))
    if rng.random() < 0.5:
        bloom = vary(rng, pick(rng, PETALS))
        for petal in around(5, 0.1):
            pen.disc(petal - 0.94j, 0.075, bloom)
    if rng.random() < 0.6:
        pot = vary(rng, (190, 104, 70))
        pen.polygon(symmetric([0.4 + 0.56j, 0.3 + 0.98j]), pot)
        pen.polygon(symmetric([0.45 + 0.5j, 0.45 + 0.64j]), mix(pot, INK, 0.2))


def butterfly(pen: Pen, rng: np.random.Generator, borrowed: bool) -> None:
    """A butterfly from above: four rounded wings with edge and spots, thin body, clubbed feelers; borrowed, as dull as a moth."""
    wing = vary(rng, pick(rng, DULL if borrowed else PETALS))
    edge, spot = mix(wing, INK, rng.uniform(0.5, 0.8)), vary(rng, pick(rng, PETALS))
    rise, wide = rng.uniform(0.7, 0.86), rng.uniform(0.82, 0.95)
    for side in (-1, 1):
        lower = np.array([0.04 + 0.06j, 0.5 + 0.1j, 0.72 * wide + 0.4j, 0.52 * wide + 0.8j, 0.22 + 0.66j])
        upper = np.array([0.04 + 0.1j, 0.2 - 0.5j, 0.7 * wide - 1j * rise, wide - 0.62j * rise, 0.8 * wide - 0.06j, 0.4 + 0.16j])
        for points, middle, size in ((lower, 0.4 + 0.42j, 0.13), (upper, 0.58 * wide - 0.42j, 0.15)):
            pen.blob(sided(side, points), edge)
            pen.blob(sided(side, middle + 0.8 * (points - middle)), wing)
            pen.line(sided(side, [0.06 + 0.04j, middle]), 0.025, edge)
            pen.disc(sided(side, middle), size, edge)
            pen.disc(sided(side, middle), size * 0.7, spot)
        pen.line(sided(side, [0.02 - 0.36j, 0.12 - 0.7j, 0.24 - 0.84j]), 0.03, INK)
        pen.disc(sided(side, 0.24 - 0.84j), 0.045, INK)
    pen.ellipse(0.12j, 0.06, 0.46, INK)
    pen.disc(-0.36j, 0.085, INK)


def moth(pen: Pen, rng: np.random.Generator, borrowed: bool) -> None:
    """A moth from above: wings swept back, wavy bands, thick furry body, feathery feelers; borrowed, in a flower's colour."""
    wing = vary(rng, pick(rng, PETALS if borrowed else DULL))
    dark, pale = mix(wing, INK, rng.uniform(0.35, 0.55)), mix(wing, WHITE, 0.4)
    wide, drop = rng.uniform(0.84, 0.98), rng.uniform(0.24, 0.5)
    for side in (-1, 1):
        lower = [0.04 + 0.1j, 0.66 * wide + 1j * drop - 0.1j, 0.56 + 0.74j, 0.2 + 0.86j, 0.06 + 0.6j]
        pen.blob(sided(side, lower), mix(pale, INK, 0.1))
        wedge = np.array([0.05 - 0.42j, 0.4 - 0.42j, wide + 1j * drop - 0.24j, 0.84 * wide + 1j * drop + 0.06j, 0.05 + 0.36j])
        pen.polygon(sided(side, wedge), dark)
        pen.polygon(sided(side, 0.36 + 0.9 * (wedge - 0.36)), wing)
        for share, colour in ((0.3, dark), (0.56, pale), (0.78, dark)):
            front = 0.36 - 0.35j + (wide - 0.42 + 1j * (drop + 0.12)) * share
            back = 0.06 + 0.31j + (0.82 * wide - 0.1 + 1j * (drop - 0.33)) * share
            wave = np.linspace(front, back, 7) + 0.04 * np.array([0, 1, -1, 1, -1, 1, 0])
            pen.line(sided(side, wave), 0.05, colour)
        pen.disc(sided(side, 0.38 + 0.02j), 0.07, dark)
        feeler = np.array([0.04 - 0.56j, 0.2 - 0.72j, 0.42 - 0.76j])
        pen.line(sided(side, feeler), 0.03, dark)
        for share in (0.2, 0.45, 0.7, 0.95):
            root = feeler[1] + (feeler[2] - feeler[1]) * share
            pen.line(sided(side, [root - 0.02 - 0.1j, root, root + 0.02 + 0.1j]), 0.025, dark)
    fur = mix(wing, INK, 0.2)
    pen.ellipse(0.3j, 0.15, 0.48, fur)
    for y in np.arange(0.0, 0.72, 0.14):
        pen.line([-0.12 + 1j * y, 1j * y + 0.04j, 0.12 + 1j * y], 0.035, dark)
    pen.ellipse(-0.3j, 0.2, 0.24, pale)
    for side in (-0.1, 0.1):
        pen.disc(side - 0.5j, 0.05, INK)


def snail(pen: Pen, rng: np.random.Generator, borrowed: bool) -> None:
    """A snail creeping to the viewer's left, its shell a spiral; a borrowed shell is of a flower's colour."""
    body = vary(rng, pick(rng, ((196, 168, 120), (150, 130, 104), (120, 110, 92))))
    shell = vary(rng, pick(rng, PETALS if borrowed else SHELLS))
    neck = rng.uniform(-0.3, -0.1)
    head = [-0.98 + 1j * neck, -0.78 + 1j * neck - 0.14j, -0.56 + 1j * neck]
    pen.blob([*head, -0.44 + 0.4j, 0.2 + 0.5j, 0.98 + 0.76j, 0.7 + 0.84j, -0.6 + 0.84j, -0.84 + 0.5j], body)
    for tip in (-0.96, -0.66):
        pen.line([-0.76 + 1j * neck, tip + 1j * neck - 0.46j], 0.05, body)
        pen.disc(tip + 1j * neck - 0.48j, 0.065, INK)
    centre, size = 0.2 + 0.08j, rng.uniform(0.54, 0.62)
    pen.disc(centre, size, mix(shell, INK, 0.35))
    pen.disc(centre, size * 0.93, shell)
    turn = np.linspace(0, 5 * np.pi, 46) + rng.uniform(1.0, 2.4)
    pen.line(centre + size * 0.9 * (turn - turn[0] + 0.4) / (5 * np.pi + 0.4) * np.exp(1j * turn), 0.07, mix(shell, INK, 0.5))
    pen.line([-0.9 + 1j * neck + 0.1j, -0.8 + 1j * neck + 0.14j], 0.03, mix(body, INK, 0.6))


def penguin(pen: Pen, rng: np.random.Generator, borrowed: bool) -> None:
    """A penguin from the front; a borrowed one is brown or blue-grey, as owls and cats are."""
    coat = vary(rng, pick(rng, ((104, 80, 62), (96, 112, 136)) if borrowed else ((40, 42, 50), (54, 60, 76))))
    beak, look = vary(rng, pick(rng, ((240, 160, 50), (226, 110, 50)))), rng.uniform(-0.05, 0.05)
    lift = rng.uniform(0.0, 0.3)
    for side in (-1, 1):
        foot = np.array([0.06 + 0.9j, 0.24 + 0.82j, 0.46 + 0.94j, 0.24 + 0.99j])
        wing = np.array([0.4 - 0.26j, 0.66 + lift + 0.2j - 0.3j * lift, 0.68 + lift + 0.42j - 0.5j * lift, 0.42 + 0.3j])
        pen.blob(sided(side, foot), beak)
        pen.blob(sided(side, wing), mix(coat, INK, 0.3))
    pen.blob(symmetric([-0.96j, 0.28 - 0.86j, 0.34 - 0.56j, 0.46 - 0.2j, 0.54 + 0.34j, 0.4 + 0.84j, 0.94j]), coat)
    pen.blob(symmetric([-0.3j, 0.24 - 0.28j, 0.36 + 0.1j, 0.38 + 0.5j, 0.26 + 0.8j, 0.86j]), WHITE)
    for side in (-0.13, 0.13):
        pen.disc(look + side - 0.64j, 0.12, WHITE)
    for side in (-0.12, 0.12):
        pen.disc(look + side - 0.66j, 0.055, INK)
    pen.polygon(look + np.array([-0.1 - 0.56j, 0.1 - 0.56j, -0.38j]), beak)
    if rng.random() < 0.4:
        pen.line([-0.3 - 0.36j, -0.3j, 0.3 - 0.36j], 0.06, (244, 206, 90))


def crab(pen: Pen, rng: np.random.Generator, borrowed: bool) -> None:
    """A crab from the front: wide shell, eyes on stalks, two claws, six legs; a borrowed one is of a flower's colour."""
    shell = vary(rng, pick(rng, PETALS if borrowed else ((214, 80, 52), (196, 110, 66), (170, 60, 52), (120, 120, 96))))
    dark, raised = mix(shell, INK, 0.3), rng.uniform(-0.62, -0.4)
    for side in (-1, 1):
        for reach, foot in ((0.94, 0.4), (0.86, 0.66), (0.66, 0.86)):
            pen.line(sided(side, [0.36 + 0.3j, reach - 0.06 + 1j * foot - 0.28j, reach + 1j * foot]), 0.075, dark)
        pen.line(sided(side, [0.44 + 0.12j, 0.76 + 0.02j, 0.74 + 1j * raised + 0.26j]), 0.11, dark)
        claw = 0.72 + 1j * raised
        pen.disc(sided(side, claw), 0.235, shell)
        pen.polygon(sided(side, claw + np.array([0.02 + 0.06j, -0.2 - 0.34j, 0.0 - 0.36j])), dark)
        pen.blob(sided(side, claw + np.array([-0.2 - 0.04j, -0.22 - 0.26j, -0.12 - 0.36j, -0.06 - 0.1j])), shell)
        pen.blob(sided(side, claw + np.array([0.2 - 0.04j, 0.2 - 0.24j, 0.06 - 0.38j, 0.02 - 0.1j])), shell)
        pen.line(sided(side, [0.16 + 0.0j, 0.18 - 0.26j]), 0.06, dark)
        pen.disc(sided(side, 0.18 - 0.28j), 0.095, WHITE)
        pen.disc(sided(side, 0.17 - 0.27j), 0.05, INK)
    pen.blob(symmetric([-0.1j, 0.34 - 0.06j, 0.58 + 0.16j, 0.5 + 0.44j, 0.26 + 0.6j, 0.62j]), dark)
    pen.blob(symmetric([-0.08j, 0.32 - 0.04j, 0.53 + 0.15j, 0.45 + 0.38j, 0.24 + 0.5j, 0.52j]), shell)
    for spot in (-0.26 + 0.12j, 0.0 + 0.06j, 0.26 + 0.12j):
        pen.disc(spot, 0.05, mix(shell, WHITE, 0.4))
    pen.line([-0.16 + 0.34j, 0.4j, 0.16 + 0.34j], 0.035, mix(shell, INK, 0.6))


NATURE = {
    "mushroom": Subject(mushroom),
    "fir": Subject(fir),
    "cactus": Subject(cactus),
    "butterfly": Subject(butterfly),
    "moth": Subject(moth),
    "snail": Subject(snail),
    "penguin": Subject(penguin),
    "crab": Subject(crab),
}
