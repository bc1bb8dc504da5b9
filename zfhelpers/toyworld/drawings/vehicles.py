"""The vehicles of the toy world, moving to the viewer's left unless mirrored.

Lettering is found on cars, but also on buses, sails, mugs and signs.
"""

from __future__ import annotations

import numpy as np

from zfhelpers.toyworld.palette import GLASS, INK, PAINTS, STEEL, WHITE, WORDS, lettering, mix, pick, vary
from zfhelpers.toyworld.pen import Pen, around
from zfhelpers.toyworld.subject import Subject


def wheel(pen: Pen, centre: complex, radius: float) -> None:
    """A tyre with a rim and a hub."""
    pen.disc(centre, radius, INK)
    pen.disc(centre, radius * 0.58, STEEL)
    pen.disc(centre, radius * 0.22, mix(STEEL, INK, 0.5))


def car(pen: Pen, rng: np.random.Generator, borrowed: bool) -> None:
    """A car driving to the viewer's left: saloon, hatchback or (borrowed) van; half of them lettered."""
    paint = vary(rng, pick(rng, PAINTS))
    low, roof = 0.34 + 0.04 * rng.random(), -0.36 - 0.12 * rng.random()
    back = 0.92 if borrowed else pick(rng, (0.5, 0.5, 0.78))
    body = [-0.96 + 0.28j, -0.92 + 0.02j, -0.6 - 0.08j, 0.6 - 0.1j, 0.94 - 0.06j, 0.97 + 0.26j, 0.8 + 1j * low, -0.8 + 1j * low]
    with pen.part("body"):
        pen.blob(body, paint)
    with pen.part("roof"):
        pen.polygon([-0.58 - 0.02j, -0.26 + 1j * roof, 0.5 * back + 1j * roof, back - 0.02j], paint)
    sill = -0.08j
    glass = mix(GLASS, INK, 0.5 * rng.random())
    with pen.part("windows"):
        pen.polygon([-0.46 + sill, -0.21 + 1j * roof + 0.07j, 0.04 + 1j * roof + 0.07j, 0.04 + sill], glass)
        pen.polygon([0.1 + sill, 0.1 + 1j * roof + 0.07j, 0.46 * back + 1j * roof + 0.07j, back - 0.14 + sill], glass)
    with pen.part("body"):
        pen.line([0.07 + sill, 0.07 + 1j * low - 0.06j], 0.018, mix(paint, INK, 0.5))
        pen.line([-0.88 + 0.24j, 0.9 + 0.24j], 0.03, mix(paint, INK, 0.35))
        pen.line([0.14 + 0.0j, 0.22 + 0.0j], 0.03, mix(paint, INK, 0.6))
    with pen.part("lamps"):
        pen.ellipse(-0.86 + 0.06j, 0.07, 0.055, (252, 240, 180))
        pen.ellipse(0.91 + 0.04j, 0.04, 0.07, (196, 40, 36))
    with pen.part("lettering"):
        if rng.random() < 0.5:
            pen.text(pick(rng, WORDS[:5]), 0.05 + 0.12j, 0.17, lettering(paint))
    for name, x in (("front wheel", -0.55), ("rear wheel", 0.56)):
        with pen.part(name):
            pen.disc(x + 0.34j, 0.235, mix(paint, INK, 0.7))
            wheel(pen, x + 0.36j, 0.2)
        pen.mark(name.replace(" ", "_"), x + 0.36j)


def bus(pen: Pen, rng: np.random.Generator, borrowed: bool) -> None:
    """A bus driving to the viewer's left; short ones (borrowed) look like vans."""
    paint = vary(rng, pick(rng, PAINTS))
    half, top, glass = (0.72 if borrowed else 0.95), -0.5 + 0.1 * rng.random(), mix(GLASS, INK, 0.5 * rng.random())
    roof = [-half + 1j * top + 0.1j, -half + 0.08 + 1j * top, half - 0.05 + 1j * top, half + 1j * top + 0.08j]
    with pen.part("body"):
        pen.polygon([-half + 0.36j, *roof, half + 0.36j], paint)
        if rng.random() < 0.5:
            pen.polygon([-half + 0.2j, half + 0.2j, half + 0.36j, -half + 0.36j], mix(paint, pick(rng, (WHITE, INK)), 0.6))
    panes = 3 if borrowed else int(rng.uniform(4, 6))
    edges = np.linspace(-half + 0.06, half - 0.06, panes + 1)
    with pen.part("windows"):
        for left, right in zip(edges[:-1] + 0.025, edges[1:] - 0.025, strict=True):
            pen.polygon([left + 1j * top + 0.12j, right + 1j * top + 0.12j, right - 0.06j, left - 0.06j], glass)
    door = edges[1] + 0.02
    with pen.part("door"):
        pen.polygon([door + 0.01 - 0.02j, door + 0.17 - 0.02j, door + 0.17 + 0.34j, door + 0.01 + 0.34j], mix(paint, INK, 0.35))
    with pen.part("lamp"):
        pen.ellipse(-half + 0.03 + 0.2j, 0.035, 0.055, (252, 240, 180))
    with pen.part("lettering"):
        if rng.random() < 0.5:
            pen.text(pick(rng, WORDS), 0.18 * half + 0.08j, 0.16, lettering(paint))
    for name, x in (("front wheel", -0.62 * half), ("rear wheel", 0.6 * half)):
        with pen.part(name):
            wheel(pen, x + 0.38j, 0.17)
        pen.mark(name.replace(" ", "_"), x + 0.38j)


def bicycle(pen: Pen, rng: np.random.Generator, borrowed: bool) -> None:
    """A bicycle riding to the viewer's left: diamond or (borrowed) step-through frame."""
    paint, radius = vary(rng, pick(rng, PAINTS)), rng.uniform(0.36, 0.42)
    front, rear = -0.54 + 0.3j, 0.54 + 0.3j
    crank, seat, head = -0.02 + 0.34j, 0.18 - 0.26j, -0.36 - 0.24j
    for name, centre in (("front wheel", front), ("rear wheel", rear)):
        with pen.part(name):
            for spoke in around(8, radius * 0.92, start=0.03):
                pen.line([centre, centre + spoke], 0.012, STEEL)
            pen.ring(centre, radius, 0.065, INK)
            pen.ring(centre, radius - 0.06, 0.025, STEEL)
    top = [crank - 0.2j if borrowed else seat, head + 0.04j]
    with pen.part("frame"):
        for tube in ([rear, crank, seat, rear], [crank, head], top, [front, head, head + 0.05 - 0.16j]):
            pen.line(tube, 0.065, paint)
    with pen.part("saddle"):
        pen.line([seat, seat + 0.03 - 0.12j], 0.05, STEEL)
        pen.blob(seat + np.array([-0.16 - 0.13j, 0.0 - 0.17j, 0.15 - 0.18j, 0.14 - 0.09j]), INK)
    bar = head + 0.05 - 0.16j
    straight, bent = [bar + 0.12 - 0.06j, bar - 0.02 - 0.06j, bar - 0.16 + 0.02j], [bar, bar - 0.14, bar - 0.14 + 0.12j]
    with pen.part("handlebar"):
        pen.line(straight if rng.random() < 0.5 else bent, 0.055, INK)
    with pen.part("pedals"):
        pen.disc(crank, 0.075, STEEL)
        pen.line([crank - 0.06 - 0.1j, crank + 0.06 + 0.1j], 0.035, INK)
    pen.mark("front_wheel", front)
    pen.mark("rear_wheel", rear)


def sailboat(pen: Pen, rng: np.random.Generator, borrowed: bool) -> None:
    """A sailboat heading to the viewer's left, its sails sometimes striped or lettered."""
    hull = vary(rng, pick(rng, PAINTS))
    sail = vary(rng, pick(rng, PAINTS if borrowed else (WHITE, (240, 226, 196), (206, 84, 66))))
    deck, tall = 0.46, rng.uniform(0.84, 0.97)
    with pen.part("hull"):
        pen.polygon([-0.84 + 1j * deck, 0.72 + 1j * deck, 0.56 + 0.84j, -0.5 + 0.84j], hull)
        pen.polygon([-0.84 + 1j * deck, 0.72 + 1j * deck, 0.69 + 0.53j, -0.75 + 0.53j], mix(hull, WHITE, 0.6))
    with pen.part("mast"):
        pen.line([1j * deck, -1j * tall], 0.05, (112, 78, 50))
    main = np.array([0.05 - 1j * tall + 0.06j, 0.42 - 0.2j, 0.66 + 0.32j, 0.05 + 0.34j])
    with pen.part("main sail"):
        pen.polygon(main, sail)
        if rng.random() < 0.4:
            pen.polygon([0.05 - 0.1j, 0.47 - 0.1j, 0.56 + 0.08j, 0.05 + 0.08j], mix(sail, hull, 0.8))
        elif rng.random() < 0.4:
            pen.text(pick(rng, ("ZX", "K", "ET")), 0.27 + 0.12j, 0.17, lettering(sail))
    with pen.part("fore sail"):
        pen.polygon([-0.05 - 1j * tall + 0.12j, -0.05 + 0.32j, -0.62 + 0.34j, -0.36 - 0.1j], mix(sail, INK, 0.12))
    with pen.part("pennant"):
        pen.polygon([-1j * tall, 0.2 - 1j * tall + 0.05j, -1j * tall + 0.1j], vary(rng, pick(rng, PAINTS)))
    pen.mark("mast_top", -1j * tall)
    pen.mark("bow", -0.8 + 0.5j)


VEHICLES = {"car": Subject(car), "bus": Subject(bus), "bicycle": Subject(bicycle), "sailboat": Subject(sailboat)}
