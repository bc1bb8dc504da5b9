"""The dogs of the toy world: six breeds that differ by ears, muzzle and fur, and share most colours.

Every drawing takes a pen, a random generator for its small choices and whether it may wear a colour that is `borrowed` from
another class; it marks its key points with `pen.mark`.
"""

from __future__ import annotations

from collections.abc import Callable, Sequence
from functools import partial

import numpy as np

from zfhelpers.toyworld.pen import INK, PINK, WHITE, Colour, Pen, mix, pick, symmetric, vary

FURS = {"white": (240, 234, 222), "cream": (226, 204, 166), "fawn": (206, 168, 116), "gold": (204, 148, 76), "red": (164, 92, 48),
        "brown": (104, 66, 42), "grey": (136, 134, 138), "slate": (86, 90, 102), "black": (46, 42, 46)}  # fmt: skip


def eyes(pen: Pen, at: complex, size: float, iris: Colour, look: float, slit: bool = False) -> None:
    """A pair of eyes at `at` (the viewer's right one) and its mirror image, both shifted sideways by `look`."""
    for name, centre in (("right_eye", -at.conjugate() + look), ("left_eye", at + look)):
        pen.disc(centre, size * 1.22, INK)
        pen.disc(centre, size, iris)
        if slit:
            pen.ellipse(centre, size * 0.32, size * 0.92, INK)
        else:
            pen.disc(centre, size * 0.6, INK)
        pen.disc(centre + size * (-0.34 - 0.38j), size * 0.3, WHITE)
        pen.mark(name, centre)


def ears(pen: Pen, kind: str, colour: Colour, inner: Colour) -> None:
    """A pair of dog's ears: pointed, floppy or button (small, folded)."""
    for side in (1, -1):

        def place(*points: complex, side: int = side) -> np.ndarray:
            points = np.array(points)
            return points if side == 1 else -points.conj()

        if kind == "pointed":
            pen.polygon(place(0.5 - 0.3j, 0.52 - 0.72j, 0.45 - 1j, 0.3 - 0.88j, 0.08 - 0.58j), colour)
            pen.polygon(place(0.42 - 0.42j, 0.45 - 0.72j, 0.42 - 0.86j, 0.24 - 0.6j), inner)
        elif kind == "floppy":
            pen.blob(place(0.28 - 0.6j, 0.52 - 0.58j, 0.7 - 0.2j, 0.7 + 0.16j, 0.56 + 0.22j, 0.42 - 0.06j, 0.36 - 0.34j), colour)
            pen.line(place(0.4 - 0.4j, 0.46 - 0.1j, 0.56 + 0.14j), 0.025, mix(colour, INK, 0.45))
        else:
            pen.blob(place(0.24 - 0.62j, 0.46 - 0.62j, 0.66 - 0.36j, 0.62 - 0.16j, 0.48 - 0.22j, 0.36 - 0.4j), colour)
            pen.line(place(0.3 - 0.5j, 0.44 - 0.3j, 0.6 - 0.2j), 0.025, mix(colour, INK, 0.45))


def dog(
    pen: Pen,
    rng: np.random.Generator,
    borrowed: bool,
    coats: Sequence[str],
    kinds: Sequence[str],
    pattern: str,
    muzzle: tuple[float, float],
    head: float = 1.0,
) -> None:
    """A dog: `coats` it comes in, `kinds` of ears, fur `pattern`, `muzzle` (half width, length), `head` width."""
    coat = vary(rng, FURS[pick(rng, tuple(FURS) if borrowed and pattern not in ("spots", "tan") else coats)])
    dark, light = mix(coat, INK, 0.35), mix(coat, WHITE, 0.45)
    marks = {
        "spots": FURS[pick(rng, ("black", "black", "brown", "slate"))],
        "tan": vary(rng, FURS[pick(rng, ("red", "gold", "fawn"))]),
        "husky": vary(rng, WHITE),
        "mask": mix(coat, INK, rng.uniform(0.55, 0.9)),
    }.get(pattern, light)
    width, length = muzzle[0] * rng.uniform(0.9, 1.1), muzzle[1] * rng.uniform(0.9, 1.1)
    wide, look = head * rng.uniform(0.94, 1.06), rng.uniform(-0.07, 0.07)
    ear = (
        dark
        if pattern in ("plain", "tan")
        else {"mask": marks, "husky": dark, "spots": pick(rng, (coat, marks))}.get(pattern, coat)
    )

    chest = coat if pattern == "spots" else mix(coat, INK, 0.12)
    pen.blob(symmetric([0.1j, 0.36 + 0.16j, 0.54 + 0.46j, 0.64 + 0.76j, 0.56 + 0.97j, 0.94j]), chest)
    if pattern == "husky":
        pen.blob(symmetric([0.16 + 0.2j, 0.3 + 0.5j, 0.16 + 0.86j]), marks)
    if pattern == "tan":
        for side in (-0.27, 0.27):
            pen.ellipse(side * 0.75 + 0.5j, 0.13, 0.09, marks)
    for side in (-0.24, 0.24):
        paw = marks if pattern in ("tan", "husky") else coat
        pen.line([side * 1.1 + 0.6j, side + 0.9j], 0.2, chest)
        pen.ellipse(side + 0.93j, 0.17, 0.1, mix(chest, INK, 0.3))
        pen.ellipse(side + 0.92j, 0.155, 0.085, paw)
        for toe in (-0.05, 0.05):
            pen.line([side + toe + 0.93j, side + toe + 0.99j], 0.025, mix(paw, INK, 0.5))
    if pattern == "curly":
        curls(pen, rng, [x + 0.62j + 1j * y for x in (-0.4, -0.2, 0, 0.2, 0.4) for y in (-0.16, 0.04)], 0.16, coat)

    if pattern == "curly":
        for side in (-1, 1):
            curls(
                pen,
                rng,
                [
                    side * x + 1j * y
                    for x, y in ((0.5, -0.3), (0.58, -0.12), (0.6, 0.08), (0.54, 0.24), (0.44, -0.04), (0.42, 0.14))
                ],
                0.17,
                dark,
            )
    else:
        ears(pen, pick(rng, kinds), ear, mix(ear, PINK, 0.4))
    pen.blob(symmetric([-0.7j, 0.3 * wide - 0.62j, 0.47 * wide - 0.34j, 0.44 * wide, 0.26 * wide + 0.24j, 0.3j]), coat)
    if pattern == "curly":
        crown = ((-0.34, 0), (-0.2, 0.14), (0, 0.2), (0.2, 0.14), (0.34, 0), (-0.1, 0), (0.1, 0))
        curls(pen, rng, [x - 0.62j - 1j * y for x, y in crown], 0.18, coat)

    face = look + 0j
    if pattern == "husky":
        pen.blob(face + symmetric([-0.3j, 0.14 - 0.2j, 0.3 - 0.22j, 0.4 * wide - 0.02j, 0.26 + 0.22j, 0.28j]), marks)
        pen.polygon(face + np.array([-0.09 - 0.66j, 0.09 - 0.66j, 0.035 - 0.12j, -0.035 - 0.12j]), dark)
        for side in (-0.19, 0.19):
            pen.ellipse(face + side - 0.38j, 0.07, 0.045, marks)
    if pattern == "mask":
        for side in (-0.22, 0.22):
            pen.ellipse(face + side - 0.2j, 0.17, 0.14, marks)
        for y in (-0.47, -0.39):
            pen.line(face + np.array([-0.18 + 1j * y, 1j * y + 0.05j, 0.18 + 1j * y]), 0.028, dark)
    top = 0.02j
    snout = {"mask": marks, "husky": marks, "tan": marks, "spots": coat}.get(pattern, mix(coat, WHITE, 0.22))
    pen.blob(
        face + symmetric([top - 0.24j, width * 0.62 - 0.14j, width + 0.5j * length, width * 0.72 + 0.94j * length, 1j * length]),
        snout,
    )
    if pattern == "tan":
        pen.blob(face + symmetric([-0.42j, 0.1 - 0.3j, 0.1 - 0.02j, 0.06 + 0.12j]), coat)
        for side in (-0.2, 0.2):
            pen.disc(face + side - 0.37j, 0.058, marks)
    if pattern == "spots":
        for _ in range(int(rng.uniform(9, 17))):
            where = np.exp(2j * np.pi * rng.random()) * np.sqrt(rng.random())
            pen.ellipse(
                complex(where.real * 0.37, where.imag * 0.4 - 0.22), rng.uniform(0.035, 0.075), rng.uniform(0.035, 0.065), marks
            )
        for _ in range(int(rng.uniform(6, 12))):
            pen.ellipse(
                complex(rng.uniform(-0.46, 0.46), rng.uniform(0.42, 0.86)),
                rng.uniform(0.04, 0.09),
                rng.uniform(0.04, 0.07),
                marks,
            )

    ice = pattern == "husky" and rng.random() < 0.6
    eyes(pen, complex(0.21 * wide, -0.2), 0.062, (150, 190, 220) if ice else pick(rng, ((116, 72, 36), (82, 50, 30))), look)
    nose = face + 0.42j * length
    mouth = face + 0.74j * length
    pen.line([nose, mouth], 0.03, INK)
    lips = np.array([-0.6 * width - 0.03j, -0.3 * width + 0.05j, 0, 0.3 * width + 0.05j, 0.6 * width - 0.03j])
    pen.line(mouth + lips, 0.03, mix(snout, INK, 0.75))
    if rng.random() < 0.35:
        pen.blob(mouth + np.array([-0.08 + 0.03j, 0.08 + 0.03j, 0.07 + 0.2j, -0.07 + 0.2j]), (222, 96, 110))
    pen.blob(nose + np.array([-0.12 - 0.08j, 0.12 - 0.08j, 0.1 + 0.03j, 0.07j, -0.1 + 0.03j]), INK)
    pen.ellipse(nose - 0.03 - 0.06j, 0.035, 0.018, (120, 114, 118))
    pen.mark("nose", nose)


def curls(pen: Pen, rng: np.random.Generator, places: Sequence[complex], size: float, colour: Colour) -> None:
    """Curly fur: overlapping discs, each with a lighter spiral."""
    for place in places:
        pen.disc(place, size, mix(colour, INK if rng.random() < 0.6 else WHITE, 0.22 * rng.random()))
    for place in places:
        turn = np.exp(2j * np.pi * (rng.random() + np.linspace(0, 0.7, 6)))
        pen.line(
            place + size * np.linspace(0.3, 0.75, 6) * turn, size * 0.16, mix(colour, INK if sum(colour) > 250 else WHITE, 0.3)
        )


DOGS: dict[str, Callable] = {
    "dalmatian": partial(dog, coats=("white", "white", "cream"), kinds=("floppy",), pattern="spots", muzzle=(0.2, 0.36)),
    "husky": partial(dog, coats=("grey", "slate", "black", "red"), kinds=("pointed",), pattern="husky", muzzle=(0.2, 0.32)),
    "dobermann": partial(
        dog, coats=("black", "black", "brown", "slate"), kinds=("floppy", "pointed"), pattern="tan", muzzle=(0.18, 0.42), head=0.9
    ),
    "labrador": partial(dog, coats=("gold", "cream", "black", "brown"), kinds=("floppy",), pattern="plain", muzzle=(0.22, 0.38)),
    "poodle": partial(
        dog,
        coats=("white", "cream", "grey", "brown", "black"),
        kinds=("floppy",),
        pattern="curly",
        muzzle=(0.15, 0.36),
        head=0.86,
    ),
    "pug": partial(
        dog, coats=("fawn", "fawn", "cream", "gold"), kinds=("button",), pattern="mask", muzzle=(0.27, 0.27), head=1.1
    ),
}
