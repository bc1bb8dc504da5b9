"""The dogs of the toy world: six breeds that differ by ears, muzzle and fur, and share most colours.

Each breed is one function that paints from back to front: body, legs, ears, head, snout, face; what makes the breed is a part
of its own, or belongs to the head. A breed takes some random numbers
for which only others have a use: an image is fixed by its choices down to the last number, and so are the trained networks.
"""

from __future__ import annotations

from collections.abc import Callable, Sequence
from typing import NamedTuple

import numpy as np

from zfhelpers.toyworld.drawings.eyes import eyes
from zfhelpers.toyworld.palette import FURS, INK, PINK, WHITE, Colour, fur, mix, pick, vary
from zfhelpers.toyworld.pen import Pen, sided, symmetric
from zfhelpers.toyworld.subject import FUR, Subject

IRISES = ((116, 72, 36), (82, 50, 30))


class Dog(NamedTuple):
    """The colours and proportions of one dog.

    Attributes:
        coat, dark: its fur, and the same in the shade.
        spots, tan, white, mask: what its marks would look like if it had them.
        wide, long: of the muzzle, half its width and its length.
        head: width of the head, 1 for most.
        look: how far the face is turned sideways.
    """

    coat: Colour
    dark: Colour
    spots: Colour
    tan: Colour
    white: Colour
    mask: Colour
    wide: float
    long: float
    head: float
    look: float


def grown(rng: np.random.Generator, coats: Sequence[str], wide: float, long: float, head: float = 1.0) -> Dog:
    """A dog of a breed: one of its `coats`, and its proportions give or take a tenth."""
    coat = fur(rng, coats)
    spots = FURS[pick(rng, ("black", "black", "brown", "slate"))]
    tan = fur(rng, ("red", "gold", "fawn"))
    white = vary(rng, WHITE)
    mask = mix(coat, INK, rng.uniform(0.55, 0.9))
    wide, long = wide * rng.uniform(0.9, 1.1), long * rng.uniform(0.9, 1.1)
    head, look = head * rng.uniform(0.94, 1.06), rng.uniform(-0.07, 0.07)
    return Dog(coat, mix(coat, INK, 0.35), spots, tan, white, mask, wide, long, head, look)


def dalmatian(pen: Pen, rng: np.random.Generator, borrowed: bool) -> None:
    """White, with dark spots all over; never in another breed's colour, which would hide them."""
    dog = grown(rng, ("white", "white", "cream"), wide=0.2, long=0.36)
    ear = pick(rng, (dog.coat, dog.spots))
    body(pen, dog.coat)
    legs(pen, dog.coat, dog.coat)
    ears(pen, rng, (floppy,), ear)
    skull(pen, dog)
    snout(pen, dog, dog.coat)
    with pen.part("spots"):
        for _ in range(int(rng.uniform(9, 17))):
            where = np.exp(2j * np.pi * rng.random()) * np.sqrt(rng.random())
            place = complex(where.real * 0.37, where.imag * 0.4 - 0.22)
            pen.ellipse(place, rng.uniform(0.035, 0.075), rng.uniform(0.035, 0.065), dog.spots)
        for _ in range(int(rng.uniform(6, 12))):
            place = complex(rng.uniform(-0.46, 0.46), rng.uniform(0.42, 0.86))
            pen.ellipse(place, rng.uniform(0.04, 0.09), rng.uniform(0.04, 0.07), dog.spots)
    face(pen, rng, dog, pick(rng, IRISES), dog.coat)


def husky(pen: Pen, rng: np.random.Generator, borrowed: bool) -> None:
    """A white mask with a dark blaze and white brows, pointed ears, often eyes like ice."""
    dog = grown(rng, tuple(FURS) if borrowed else ("grey", "slate", "black", "red"), wide=0.2, long=0.32)
    rng.random()  # which ear a Dalmatian would have
    chest = shaded(dog.coat)
    body(pen, chest)
    with pen.part("body"):
        pen.blob(symmetric([0.16 + 0.2j, 0.3 + 0.5j, 0.16 + 0.86j]), dog.white)
    legs(pen, chest, dog.white)
    ears(pen, rng, (pointed,), dog.dark)
    skull(pen, dog)
    with pen.part("mask"):
        cheeks = [-0.3j, 0.14 - 0.2j, 0.3 - 0.22j, 0.4 * dog.head - 0.02j, 0.26 + 0.22j, 0.28j]
        pen.blob(dog.look + symmetric(cheeks), dog.white)
        pen.polygon(dog.look + np.array([-0.09 - 0.66j, 0.09 - 0.66j, 0.035 - 0.12j, -0.035 - 0.12j]), dog.dark)
        for side in (-0.19, 0.19):
            pen.ellipse(dog.look + side - 0.38j, 0.07, 0.045, dog.white)
    snout(pen, dog, dog.white)
    iris = (150, 190, 220) if rng.random() < 0.6 else pick(rng, IRISES)
    face(pen, rng, dog, iris, dog.white)


def dobermann(pen: Pen, rng: np.random.Generator, borrowed: bool) -> None:
    """Dark with tan paws, breast, snout and brows; never in another breed's colour. Narrow, its ears floppy or pointed."""
    dog = grown(rng, ("black", "black", "brown", "slate"), wide=0.18, long=0.42, head=0.9)
    chest = shaded(dog.coat)
    body(pen, chest)
    with pen.part("body"):
        for side in (-0.27, 0.27):
            pen.ellipse(side * 0.75 + 0.5j, 0.13, 0.09, dog.tan)
    legs(pen, chest, dog.tan)
    ears(pen, rng, (floppy, pointed), dog.dark)
    skull(pen, dog)
    snout(pen, dog, dog.tan)
    with pen.part("snout"):
        pen.blob(dog.look + symmetric([-0.42j, 0.1 - 0.3j, 0.1 - 0.02j, 0.06 + 0.12j]), dog.coat)
    with pen.part("brows"):
        for side in (-0.2, 0.2):
            pen.disc(dog.look + side - 0.37j, 0.058, dog.tan)
    face(pen, rng, dog, pick(rng, IRISES), dog.tan)


def labrador(pen: Pen, rng: np.random.Generator, borrowed: bool) -> None:
    """Of one colour, with darker floppy ears and a paler snout."""
    dog = grown(rng, tuple(FURS) if borrowed else ("gold", "cream", "black", "brown"), wide=0.22, long=0.38)
    chest, pale = shaded(dog.coat), mix(dog.coat, WHITE, 0.22)
    body(pen, chest)
    legs(pen, chest, dog.coat)
    ears(pen, rng, (floppy,), dog.dark)
    skull(pen, dog)
    snout(pen, dog, pale)
    face(pen, rng, dog, pick(rng, IRISES), pale)


def poodle(pen: Pen, rng: np.random.Generator, borrowed: bool) -> None:
    """Curly on breast, ears and crown, with a narrow head and muzzle."""
    dog = grown(rng, tuple(FURS) if borrowed else ("white", "cream", "grey", "brown", "black"), wide=0.15, long=0.36, head=0.86)
    rng.random()  # which ear a Dalmatian would have
    chest, pale = shaded(dog.coat), mix(dog.coat, WHITE, 0.22)
    body(pen, chest)
    legs(pen, chest, dog.coat)
    with pen.part("body"):
        curls(pen, rng, [x + 0.62j + 1j * y for x in (-0.4, -0.2, 0, 0.2, 0.4) for y in (-0.16, 0.04)], 0.16, dog.coat)
    ear = ((0.5, -0.3), (0.58, -0.12), (0.6, 0.08), (0.54, 0.24), (0.44, -0.04), (0.42, 0.14))
    for side, name in ((-1, "right ear"), (1, "left ear")):
        with pen.part(name):
            curls(pen, rng, [side * x + 1j * y for x, y in ear], 0.17, dog.dark)
    skull(pen, dog)
    crown = ((-0.34, 0), (-0.2, 0.14), (0, 0.2), (0.2, 0.14), (0.34, 0), (-0.1, 0), (0.1, 0))
    with pen.part("crown"):
        curls(pen, rng, [x - 0.62j - 1j * y for x, y in crown], 0.18, dog.coat)
    snout(pen, dog, pale)
    face(pen, rng, dog, pick(rng, IRISES), pale)


def pug(pen: Pen, rng: np.random.Generator, borrowed: bool) -> None:
    """A dark mask around the eyes and over a short, broad snout, dark button ears, a wrinkled forehead."""
    dog = grown(rng, tuple(FURS) if borrowed else ("fawn", "fawn", "cream", "gold"), wide=0.27, long=0.27, head=1.1)
    rng.random()  # which ear a Dalmatian would have
    chest = shaded(dog.coat)
    body(pen, chest)
    legs(pen, chest, dog.coat)
    ears(pen, rng, (button,), dog.mask)
    skull(pen, dog)
    with pen.part("mask"):
        for side in (-0.22, 0.22):
            pen.ellipse(dog.look + side - 0.2j, 0.17, 0.14, dog.mask)
    with pen.part("head"):
        for y in (-0.47, -0.39):
            pen.line(dog.look + np.array([-0.18 + 1j * y, 1j * y + 0.05j, 0.18 + 1j * y]), 0.028, dog.dark)
    snout(pen, dog, dog.mask)
    face(pen, rng, dog, pick(rng, IRISES), dog.mask)


def shaded(coat: Colour) -> Colour:
    """The colour of the breast, a little darker than the coat."""
    return mix(coat, INK, 0.12)


def body(pen: Pen, chest: Colour) -> None:
    """A sitting dog's body from the front."""
    with pen.part("body"):
        pen.blob(symmetric([0.1j, 0.36 + 0.16j, 0.54 + 0.46j, 0.64 + 0.76j, 0.56 + 0.97j, 0.94j]), chest)


def legs(pen: Pen, chest: Colour, paw: Colour) -> None:
    """Two front legs with paws of three toes."""
    with pen.part("body"):
        for side in (-0.24, 0.24):
            pen.line([side * 1.1 + 0.6j, side + 0.9j], 0.2, chest)
            pen.ellipse(side + 0.93j, 0.17, 0.1, mix(chest, INK, 0.3))
            pen.ellipse(side + 0.92j, 0.155, 0.085, paw)
            for toe in (-0.05, 0.05):
                pen.line([side + toe + 0.93j, side + toe + 0.99j], 0.025, mix(paw, INK, 0.5))


def ears(pen: Pen, rng: np.random.Generator, kinds: Sequence[Callable[[Pen, int, Colour], None]], colour: Colour) -> None:
    """A pair of ears of one of the kinds that the breed has."""
    ear = pick(rng, kinds)
    for side, name in ((1, "left ear"), (-1, "right ear")):
        with pen.part(name):
            ear(pen, side, colour)


def pointed(pen: Pen, side: int, colour: Colour) -> None:
    """An ear that stands upright, pink inside."""
    pen.polygon(sided(side, [0.5 - 0.3j, 0.52 - 0.72j, 0.45 - 1j, 0.3 - 0.88j, 0.08 - 0.58j]), colour)
    pen.polygon(sided(side, [0.42 - 0.42j, 0.45 - 0.72j, 0.42 - 0.86j, 0.24 - 0.6j]), mix(colour, PINK, 0.4))


def floppy(pen: Pen, side: int, colour: Colour) -> None:
    """An ear that hangs down beside the head."""
    outline = [0.28 - 0.6j, 0.52 - 0.58j, 0.7 - 0.2j, 0.7 + 0.16j, 0.56 + 0.22j, 0.42 - 0.06j, 0.36 - 0.34j]
    pen.blob(sided(side, outline), colour)
    pen.line(sided(side, [0.4 - 0.4j, 0.46 - 0.1j, 0.56 + 0.14j]), 0.025, mix(colour, INK, 0.45))


def button(pen: Pen, side: int, colour: Colour) -> None:
    """A small ear, folded forward."""
    pen.blob(sided(side, [0.24 - 0.62j, 0.46 - 0.62j, 0.66 - 0.36j, 0.62 - 0.16j, 0.48 - 0.22j, 0.36 - 0.4j]), colour)
    pen.line(sided(side, [0.3 - 0.5j, 0.44 - 0.3j, 0.6 - 0.2j]), 0.025, mix(colour, INK, 0.45))


def skull(pen: Pen, dog: Dog) -> None:
    """The head without anything on it."""
    half = [-0.7j, 0.3 * dog.head - 0.62j, 0.47 * dog.head - 0.34j, 0.44 * dog.head, 0.26 * dog.head + 0.24j, 0.3j]
    with pen.part("head"):
        pen.blob(symmetric(half), dog.coat)


def snout(pen: Pen, dog: Dog, colour: Colour) -> None:
    """The muzzle, from between the eyes to the chin."""
    wide, long = dog.wide, dog.long
    half = [0.02j - 0.24j, wide * 0.62 - 0.14j, wide + 0.5j * long, wide * 0.72 + 0.94j * long, 1j * long]
    with pen.part("snout"):
        pen.blob(dog.look + symmetric(half), colour)


def face(pen: Pen, rng: np.random.Generator, dog: Dog, iris: Colour, muzzle: Colour) -> None:
    """Eyes, mouth and nose, and every third time a tongue; marks both eyes and the nose."""
    eyes(pen, complex(0.21 * dog.head, -0.2), 0.062, iris, dog.look)
    nose, mouth = dog.look + 0.42j * dog.long, dog.look + 0.74j * dog.long
    with pen.part("nose and mouth"):
        pen.line([nose, mouth], 0.03, INK)
        lips = np.array([-0.6 * dog.wide - 0.03j, -0.3 * dog.wide + 0.05j, 0, 0.3 * dog.wide + 0.05j, 0.6 * dog.wide - 0.03j])
        pen.line(mouth + lips, 0.03, mix(muzzle, INK, 0.75))
        if rng.random() < 0.35:
            pen.blob(mouth + np.array([-0.08 + 0.03j, 0.08 + 0.03j, 0.07 + 0.2j, -0.07 + 0.2j]), (222, 96, 110))
        pen.blob(nose + np.array([-0.12 - 0.08j, 0.12 - 0.08j, 0.1 + 0.03j, 0.07j, -0.1 + 0.03j]), INK)
        pen.ellipse(nose - 0.03 - 0.06j, 0.035, 0.018, (120, 114, 118))
    pen.mark("nose", nose)


def curls(pen: Pen, rng: np.random.Generator, places: Sequence[complex], size: float, colour: Colour) -> None:
    """Curly fur: overlapping discs, each with a lighter spiral, or on pale fur a darker one."""
    for place in places:
        pen.disc(place, size, mix(colour, INK if rng.random() < 0.6 else WHITE, 0.22 * rng.random()))
    line = mix(colour, INK if sum(colour) > 250 else WHITE, 0.3)
    for place in places:
        turn = np.exp(2j * np.pi * (rng.random() + np.linspace(0, 0.7, 6)))
        pen.line(place + size * np.linspace(0.3, 0.75, 6) * turn, size * 0.16, line)


BREEDS = {
    "dalmatian": dalmatian,
    "husky": husky,
    "dobermann": dobermann,
    "labrador": labrador,
    "poodle": poodle,
    "pug": pug,
}
DOGS = {name: Subject(draw, roughness=FUR, accompanied=True) for name, draw in BREEDS.items()}
