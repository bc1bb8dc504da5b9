"""The colours of the toy world: inks, paints, furs and petals, and how they vary and mix; and the words that are lettered.

Colours are (red, green, blue), 0 to 255. What is random takes the image's own random numbers, so that a scene repeats itself.

    >>> mix(INK, WHITE, 0.5), lettering((236, 180, 44)) == INK
    ((137, 134, 131), True)
"""

from __future__ import annotations

from collections.abc import Sequence
from typing import TypeVar

import numpy as np

Colour = tuple[int, int, int]
Option = TypeVar("Option")

INK, WHITE, PINK = (28, 24, 26), (246, 243, 236), (214, 130, 132)
GLASS, GOLD, STEEL = (150, 190, 206), (226, 180, 62), (176, 180, 186)
PAINTS = [
    (200, 52, 48), (42, 98, 176), (236, 180, 44), (52, 140, 84), (238, 236, 228), (58, 62, 72), (226, 120, 44), (112, 176, 200),
    (128, 66, 128), (164, 40, 74),
]  # fmt: skip
"""Of whatever is man-made."""

FURS = {
    "white": (240, 234, 222), "cream": (226, 204, 166), "fawn": (206, 168, 116), "gold": (204, 148, 76), "red": (164, 92, 48),
    "brown": (104, 66, 42), "grey": (136, 134, 138), "slate": (86, 90, 102), "black": (46, 42, 46),
}  # fmt: skip
"""Of dogs, cats and owls."""

PETALS = [(236, 92, 128), (246, 204, 72), (246, 242, 234), (150, 104, 196), (226, 72, 60), (244, 152, 84), (110, 140, 220)]
"""Of flowers, and of the plants and animals that borrow from them."""

WORDS = ("TAXI", "POST", "ZOO", "CAFE", "MILK", "HOTEL", "TOYS", "ICE", "SALE", "TEA")
"""On buses and signs; the first five on cars."""


def mix(first: Colour, second: Colour, share: float) -> Colour:
    """`first` with a `share` (0-1) of `second`."""
    return tuple(round(p + (q - p) * share) for p, q in zip(first, second, strict=True))


def vary(rng: np.random.Generator, colour: Colour, amount: float = 14.0) -> Colour:
    """`colour` made a little lighter or darker, warmer or colder, by `amount` grey levels or so; takes two random numbers."""
    tint, warmth = rng.uniform(-1.6, 1.6) * amount, rng.uniform(-0.6, 0.6) * amount
    return tuple(min(255, max(0, round(c + tint + w))) for c, w in zip(colour, (warmth, 0, -warmth), strict=True))


def pick(rng: np.random.Generator, options: Sequence[Option]) -> Option:
    """One of `options`, listed twice to make it twice as likely; takes one random number, however many there are."""
    return options[int(rng.random() * len(options))]


def fur(rng: np.random.Generator, names: Sequence[str]) -> Colour:
    """The colour of one of these `FURS`, varied; takes three random numbers."""
    return vary(rng, FURS[pick(rng, names)])


def lettering(ground: Colour) -> Colour:
    """A colour in which words on `ground` can be read."""
    return INK if sum(ground) > 380 else WHITE
