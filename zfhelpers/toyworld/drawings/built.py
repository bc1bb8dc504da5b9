"""Buildings and craft that the toy network never saw: classes of the set "toy-novel".

House and church share their parts, so that there is something to confuse.
"""

from __future__ import annotations

import numpy as np

from zfhelpers.toyworld.palette import GLASS, GOLD, INK, PAINTS, STEEL, WHITE, mix, pick, vary
from zfhelpers.toyworld.pen import SQUARE, Pen, sided, symmetric
from zfhelpers.toyworld.subject import Subject

WALLS = [(236, 226, 206), (206, 120, 92), (226, 196, 140), (176, 180, 184), (244, 240, 232), (164, 96, 72)]
ROOFS = [(160, 62, 50), (92, 72, 66), (70, 78, 96), (126, 84, 58), (86, 112, 96)]


def house(pen: Pen, rng: np.random.Generator, borrowed: bool) -> None:
    """A house from the front: gable roof, chimney, door and windows; a borrowed one is as white or grey as a church."""
    wall, roof = vary(rng, pick(rng, WALLS[3:5] if borrowed else WALLS)), vary(rng, pick(rng, ROOFS))
    half, eaves, peak = rng.uniform(0.68, 0.84), rng.uniform(-0.16, 0.0), rng.uniform(-0.86, -0.66)
    glass = mix(vary(rng, pick(rng, (GLASS, (244, 214, 130)))), INK, rng.uniform(0, 0.4))
    pipe = half * rng.uniform(0.4, 0.6)
    chimney = [pipe - 0.1 + 1j * peak, pipe + 0.12 + 1j * peak, pipe + 0.12 + 1j * eaves, pipe - 0.1 + 1j * eaves]
    pen.polygon(chimney, mix(roof, INK, 0.3))
    pen.polygon(symmetric([1j * peak, half + 1j * eaves, half + 0.86j]), wall)
    tiles = [1j * peak - 0.08j, half + 0.14 + 1j * eaves + 0.06j, half + 0.06 + 1j * eaves + 0.16j, 1j * peak + 0.1j]
    pen.polygon(symmetric(tiles), roof)
    door = pick(rng, (0.0, 0.34, -0.34))
    pen.polygon(door + np.array([-0.17 + 0.32j, 0.17 + 0.32j, 0.17 + 0.86j, -0.17 + 0.86j]), mix(roof, INK, 0.4))
    pen.disc(door + 0.1 + 0.6j, 0.03, GOLD)
    for x in (-0.48, 0.48) if door == 0 else (-door,):
        pen.polygon(x * half / 0.8 + 0.42j + 0.17 * SQUARE, mix(wall, INK, 0.5))
        for pane in 0.075 * SQUARE:
            pen.polygon(x * half / 0.8 + 0.42j + pane + 0.06 * SQUARE, glass)
    pen.disc(1j * (eaves + peak * 0.4), 0.12, mix(wall, INK, 0.5))
    pen.disc(1j * (eaves + peak * 0.4), 0.09, glass)


def church(pen: Pen, rng: np.random.Generator, borrowed: bool) -> None:
    """A church from the front: a tower with spire and cross beside a nave; a borrowed one has the colours of any house."""
    wall, roof = vary(rng, pick(rng, WALLS if borrowed else WALLS[3:5])), vary(rng, pick(rng, ROOFS))
    tower, eaves, spire = -0.4, rng.uniform(-0.26, -0.06), rng.uniform(-0.74, -0.62)
    glass = mix(vary(rng, pick(rng, (GLASS, (244, 214, 130)))), INK, rng.uniform(0.1, 0.5))
    pen.polygon([-0.3 + 0.9j, -0.3 + 0.16j, 0.32 - 0.34j, 0.9 + 0.16j, 0.9 + 0.9j], mix(wall, INK, 0.12))
    pen.polygon([-0.3 + 0.06j, 0.32 - 0.44j, 0.98 + 0.12j, 0.92 + 0.22j, 0.32 - 0.28j, -0.3 + 0.22j], roof)
    pen.polygon(tower + symmetric([0.27 + 1j * eaves, 0.27 + 0.9j]), wall)
    pen.polygon(tower + symmetric([1j * spire, 0.36 + 1j * eaves]), roof)
    pen.line([tower + 1j * spire - 0.24j, tower + 1j * spire + 0.04j], 0.05, mix(roof, INK, 0.5))
    pen.line([tower - 0.09 + 1j * spire - 0.15j, tower + 0.09 + 1j * spire - 0.15j], 0.05, mix(roof, INK, 0.5))
    arch = symmetric([-0.22j, 0.08 - 0.16j, 0.11, 0.11 + 0.14j])
    for place, size in ((tower + 1j * eaves + 0.32j, 0.8), (0.1 + 0.44j, 0.9), (0.52 + 0.44j, 0.9)):
        pen.polygon(place + size * 1.25 * arch, mix(wall, INK, 0.35))
        pen.polygon(place + size * arch, glass)
    pen.polygon(tower + 0.68j + 1.5 * arch, mix(roof, INK, 0.45))
    pen.ring(0.32, 0.12, 0.04, mix(wall, INK, 0.4))
    pen.disc(0.32, 0.08, glass)


def lighthouse(pen: Pen, rng: np.random.Generator, borrowed: bool) -> None:
    """A lighthouse on a rock: a tapered tower in bands, gallery, lantern and cap; a borrowed one has no bands."""
    paint = vary(rng, pick(rng, PAINTS[:2] + PAINTS[5:7]))
    foot, neck, top, bottom = rng.uniform(0.3, 0.4), rng.uniform(0.17, 0.23), -0.42, 0.82
    pen.blob([-0.8 + 0.98j, -0.62 + 0.76j, -0.2 + 0.68j, 0.3 + 0.7j, 0.68 + 0.8j, 0.82 + 0.98j, 0.98j], vary(rng, (104, 98, 92)))
    pen.polygon(symmetric([neck + 1j * top, foot + 1j * bottom]), WHITE)
    bands = pick(rng, (5, 7))
    edges = np.linspace(top, bottom, bands + 1)
    for y, below in [] if borrowed else zip(edges[::2], edges[1::2], strict=True):
        wide, wider = np.interp([y, below], [top, bottom], [neck, foot])
        pen.polygon(symmetric([wide + 1j * y, wider + 1j * below]), paint)
    pen.polygon(symmetric([neck + 0.1 + 1j * top - 0.06j, neck + 0.1 + 1j * top + 0.03j]), mix(paint, INK, 0.5))
    pen.polygon(symmetric([neck * 0.75 + 1j * top - 0.32j, neck * 0.75 + 1j * top - 0.06j]), (250, 226, 130))
    for x in (-0.7, 0.0, 0.7):
        pen.line(x * neck + np.array([1j * top - 0.32j, 1j * top - 0.06j]), 0.03, mix(paint, INK, 0.5))
    pen.blob(symmetric([1j * top - 0.54j, neck * 0.7 + 1j * top - 0.42j, neck + 0.05 + 1j * top - 0.3j]), mix(paint, INK, 0.2))
    for y in (-0.14, 0.22):
        pen.polygon(1j * y + np.array([-0.05 - 0.08j, 0.05 - 0.08j, 0.05 + 0.08j, -0.05 + 0.08j]), INK)
    pen.polygon([-0.09 + 0.56j, 0.09 + 0.56j, 0.09 + 0.8j, -0.09 + 0.8j], mix(paint, INK, 0.6))


def rocket(pen: Pen, rng: np.random.Generator, borrowed: bool) -> None:
    """A rocket with three fins and a porthole, its engine lit more often than not; a borrowed one wears a lighthouse's bands."""
    body = vary(rng, pick(rng, (WHITE, STEEL, *PAINTS)))
    paint, wide = vary(rng, pick(rng, PAINTS)), rng.uniform(0.25, 0.34)
    if rng.random() < 0.7:
        pen.blob(symmetric([0.5j, 0.2 + 0.62j, 0.13 + 0.8j, 0.98j]), (240, 130, 44))
        pen.blob(symmetric([0.5j, 0.11 + 0.62j, 0.82j]), (252, 220, 110))
    for side in (-1, 1):
        fin = np.array([wide * 0.8 + 0.14j, wide + 0.3 + 0.5j, wide + 0.28 + 0.76j, wide * 0.7 + 0.52j])
        pen.polygon(sided(side, fin), paint)
    pen.polygon(symmetric([0.15 + 0.5j, 0.19 + 0.62j]), mix(STEEL, INK, 0.5))
    hull = symmetric([-0.96j, wide * 0.45 - 0.72j, wide * 0.9 - 0.34j, wide, wide * 0.92 + 0.3j, wide * 0.66 + 0.54j])
    pen.blob(hull, body)
    pen.polygon(symmetric([-0.96j, wide * 0.28 - 0.8j, wide * 0.56 - 0.62j, wide * 0.68 - 0.5j]), paint)
    if borrowed:
        for y in (0.06, 0.3):
            pen.polygon(symmetric([wide * 0.99 + 1j * y, wide * 0.95 + 1j * y + 0.11j]), paint)
    pen.disc(-0.2j, wide * 0.56, mix(paint, INK, 0.3))
    pen.disc(-0.2j, wide * 0.4, mix(GLASS, INK, rng.uniform(0, 0.4)))
    pen.polygon([-0.035 + 0.2j, 0.035 + 0.2j, 0.045 + 0.78j, -0.045 + 0.78j], mix(paint, INK, 0.25))


def aeroplane(pen: Pen, rng: np.random.Generator, borrowed: bool) -> None:
    """An aeroplane flying to the viewer's left; a borrowed one has a propeller instead of jet engines."""
    body, paint = vary(rng, pick(rng, (WHITE, STEEL, *PAINTS))), vary(rng, pick(rng, PAINTS))
    thick = rng.uniform(0.15, 0.2)
    wing = mix(body, INK, 0.25)
    pen.polygon([0.02 - 0.1j, 0.3 - 0.6j, 0.44 - 0.6j, 0.3 - 0.08j], mix(body, INK, 0.4))
    pen.polygon([0.58 - 0.06j, 0.84 - 0.56j, 0.98 - 0.56j, 0.93 - 0.04j], paint)
    back = [-0.97 + 0.06j, -0.84 - 0.09j, -0.5 - 1j * thick, 0.4 - 1j * thick, 0.96 - 0.1j]
    belly = [0.94, 0.4 + 1j * thick, -0.5 + 1j * thick, -0.86 + 0.15j]
    pen.blob(back + belly, body)
    pen.line([-0.84 + 0.09j, 0.86 + 0.03j], 0.04, paint)
    pen.polygon([-0.82 - 0.08j, -0.66 - 0.11j, -0.64 - 0.02j, -0.84 - 0.01j], mix(GLASS, INK, 0.5))
    for x in np.arange(-0.46, 0.6, 0.15):
        pen.disc(x - 0.06j, 0.04, mix(GLASS, INK, 0.6))
    pen.polygon([0.7 - 0.02j, 0.94 - 0.02j, 1 + 0.16j, 0.88 + 0.16j], wing)
    pen.polygon([-0.24 + 0.07j, 0.2 + 0.07j, 0.5 + 0.6j, 0.33 + 0.6j], wing)
    if borrowed:
        pen.ellipse(-1 + 0.06j, 0.03, 0.36, mix(STEEL, INK, 0.4))
        pen.disc(-0.98 + 0.06j, 0.07, mix(paint, INK, 0.3))
    else:
        pen.ellipse(0.02 + 0.3j, 0.17, 0.085, mix(paint, INK, 0.15))
        pen.ellipse(-0.12 + 0.3j, 0.035, 0.08, INK)


BUILT = {
    "house": Subject(house),
    "church": Subject(church),
    "lighthouse": Subject(lighthouse),
    "rocket": Subject(rocket),
    "aeroplane": Subject(aeroplane),
}
