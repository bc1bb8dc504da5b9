"""The law of the toy world: every random choice of an image is made here, before anything is drawn.

Random numbers are taken in one fixed order. It belongs to the world as much as the ranges do: one number more or less, and all
images are others.

    >>> here = choose(stream(0, 1, 0), label=4)
    >>> here.backdrop, here.colours, len(here.clutter), here.companion
    ('gradient', ((159, 97, 98), (147, 58, 76)), 16, None)
"""

from __future__ import annotations

import operator
from collections.abc import Mapping
from dataclasses import dataclass
from typing import NamedTuple

import numpy as np

from zfhelpers.toyworld.ground import BACKDROPS, CLUTTER, OCCLUDERS, Shape
from zfhelpers.toyworld.palette import PAINTS, Colour, mix, pick, vary

DIFFICULTY = 1.0
"""One number in [0, 1] for all nuisances: occlusion, clutter, shared colours, shading, texture, blur, noise."""

FILL = 0.85
"""What an object of scale 1 fills of the image, from side to side."""


class Companion(NamedTuple):
    """What stands beside an object: "person", "ball" or "sign"; `centre` and `size` in half image sides."""

    kind: str
    centre: complex
    size: float


@dataclass(frozen=True)
class Scene:
    """Every random choice of one image. Lengths are in half image sides: the image is [-1, 1] x [-1, 1], x to the right, y down.

    Args:
        label: index into the classes that are drawn, `toyworld.CLASSES` or others.
        centre: of the object, as x + iy.
        scale: 1 fills about 85 % of the image.
        tilt: degrees, counter-clockwise.
        mirror: whether the object is mirrored (lettering stays readable).
        borrowed: whether its colours or proportions are another class's.
        light, shading: the direction light comes from, in radians, and its strength.
        backdrop, colours, grain, offset: kind, colours and roughness of the background, and where in the noise it lies.
        clutter: shapes in the background.
        companion: what stands beside the object, or None.
        occluder: what stands before the object, or None.
        blur, noise: radius in image sides / 128, and standard deviation in grey levels.
        detail: seed of the small choices that a drawing makes, such as where a Dalmatian's spots lie.
    """

    label: int
    centre: complex
    scale: float
    tilt: float
    mirror: bool
    borrowed: bool
    light: float
    shading: float
    backdrop: str
    colours: tuple[Colour, Colour]
    grain: float
    offset: complex
    clutter: tuple[Shape, ...]
    companion: Companion | None
    occluder: Shape | None
    blur: float
    noise: float
    detail: int

    @property
    def place(self) -> tuple[complex, float, float, bool]:
        """Where a pen of the world draws the object: `pen.at(*scene.place)`."""
        return self.centre, FILL * self.scale, float(np.deg2rad(-self.tilt)), self.mirror


def stream(seed: int, number: int, index: int) -> np.random.Generator:
    """The random numbers of image `index`; each split of each set has a `number` of its own, so that no two share any."""
    return np.random.Generator(np.random.PCG64(np.random.SeedSequence([seed, number, index])))


def choose(rng: np.random.Generator, label: int, difficulty: float | None = None, accompanied: bool = False) -> Scene:
    """The random choices of one image.

    Args:
        rng: the image's own numbers, as `stream` gives them.
        label: the class that is drawn.
        difficulty: in [0, 1]; by default `DIFFICULTY`.
        accompanied: whether a person or a ball is often beside the object, as `Subject.accompanied` says.
    """
    hard = DIFFICULTY if difficulty is None else difficulty
    scale = rng.uniform(0.5, 1)
    centre = _inside(rng, 1 - 0.8 * scale)
    tilt = rng.uniform(-20, 20)
    mirror, borrowed = _chance(rng, 0.5), _chance(rng, 0.6 * hard)
    light, shading = rng.uniform(-np.pi, 0), rng.uniform(0.1, 0.2 + 0.4 * hard)  # always from above
    grey = rng.uniform(50, 215)
    tone = tuple(int(c) for c in np.clip(grey + rng.uniform(-45, 45, 3), 0, 255))
    colours = (vary(rng, tone, 24), vary(rng, mix(tone, pick(rng, PAINTS), 0.45), 24))
    backdrop, grain, offset = pick(rng, BACKDROPS), rng.uniform(0.2, 0.4 + 0.9 * hard), complex(rng.random(), rng.random()) * 256
    clutter = _clutter(rng, hard, tone)
    companion = _companion(rng, hard, centre, scale, accompanied)
    occluder = _occluder(rng, centre, scale) if _chance(rng, 0.6 * hard) else None
    blur = rng.uniform(0, 2 * hard) if _chance(rng, 0.5) else 0.0
    noise, detail = rng.uniform(1, 2 + 20 * hard), int(rng.integers(2**32))
    return Scene(
        label, centre, scale, tilt, mirror, borrowed, light, shading, backdrop, colours, grain, offset, clutter, companion,
        occluder, blur, noise, detail,
    )  # fmt: skip


def _chance(rng: np.random.Generator, probability: float) -> bool:
    return bool(rng.random() < probability)


def _inside(rng: np.random.Generator, reach: float) -> complex:
    return complex(rng.uniform(-reach, reach), rng.uniform(-reach, reach))


def _clutter(rng: np.random.Generator, hard: float, tone: Colour) -> tuple[Shape, ...]:
    count = int(rng.uniform(0, 24 * hard))
    return tuple(
        Shape(pick(rng, CLUTTER), _inside(rng, 1.7), rng.uniform(0.08, 0.34), rng.uniform(0, 6.3),
              mix(vary(rng, pick(rng, PAINTS)), tone, rng.uniform(0.2, 0.7)))
        for _ in range(count)
    )  # fmt: skip


def _companion(rng: np.random.Generator, hard: float, centre: complex, scale: float, accompanied: bool) -> Companion | None:
    beside = pick(rng, (-1, 1)) * (0.62 + 0.3 * rng.random())
    chance = rng.random()
    if accompanied and chance < 0.2:
        return Companion("person", centre + beside * 1.1 + 0.25j, rng.uniform(0.4, 0.6))
    if accompanied and chance < 0.4:
        return Companion("ball", centre + (beside + 0.55j) * scale, rng.uniform(0.16, 0.28))
    if chance > 1 - 0.3 * hard:
        return Companion("sign", complex(beside, rng.uniform(-0.75, 0.2)), rng.uniform(0.22, 0.34))
    if chance > 1 - 0.5 * hard:
        kind = "ball" if _chance(rng, 0.5) else "person"
        return Companion(kind, complex(beside * 1.25, rng.uniform(0.3, 0.8)), rng.uniform(0.2, 0.4))
    return None


def _occluder(rng: np.random.Generator, centre: complex, scale: float) -> Shape:
    kind = pick(rng, tuple(OCCLUDERS))
    where, turn = centre + 0.5 * scale * _inside(rng, 1), rng.uniform(-0.3, 0.3) + (np.pi / 2 if _chance(rng, 0.3) else 0)
    colour = vary(rng, pick(rng, ((92, 70, 52), (110, 112, 116), (70, 120, 60))) if kind == "bar" else (74, 130, 62))
    return Shape(kind, where, scale * rng.uniform(0.12, 0.26), float(turn), colour)


def checked_split(title: str, sizes: Mapping[str, int], split: str) -> str:
    """`split`, if the set of images called `title` has it.

    Raises:
        ValueError: it has not.
    """
    if split not in sizes:
        raise ValueError(f"{title} has no split {split!r}; it has {', '.join(sizes)}.")
    return split


def checked_index(title: str, count: int, index: int) -> int:
    """`index` as an int, if the set or split called `title` has that many images.

    Raises:
        ValueError: there is no such image.
        TypeError: not a whole number.
    """
    index = operator.index(index)
    if not 0 <= index < count:
        raise ValueError(f"{title} has images 0 to {count - 1}, not {index}.")
    return index
