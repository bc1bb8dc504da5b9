"""Two to four things of the toy world in one image: the target "toy-scenes", as PASCAL VOC has several objects in a photograph.

The classes are those of the toy world and differ within an image; the surroundings follow the toy world's own law. The largest
object lies at the back and gives the image's one exclusive label.

    >>> [CLASSES[one.label] for one in scene("train", 23)]
    ['necklace', 'barn owl', 'clock', 'cosmos']
"""

from __future__ import annotations

import operator
from collections.abc import Sequence
from dataclasses import replace
from functools import partial
from itertools import combinations

import numpy as np

from zfhelpers.toyworld import familiar
from zfhelpers.toyworld.canvas import Drawing, Scene, compose
from zfhelpers.toyworld.familiar import CLASSES, DRAWINGS

SIZES = {"train": 1200, "test": 600}
STREAMS = {"train": 3, "test": 4}  # the toy world and toy-novel draw from streams 0 to 2
OVERLAP = 0.2  # of the smaller one's square: of what is drawn, not more than 30 % is then hidden by other objects
VERSION = f"1-{familiar.VERSION}"


def scene(split: str, index: int, seed: int = 0, difficulty: float | None = None) -> tuple[Scene, ...]:
    """The objects of image `index`, from the largest, at the back, to the smallest; the largest of image i is of class i % 24.

    How large an object is means here the scale it is drawn at, so that a bus, which is low, counts as much as a clock.

    Args:
        split: "train" or "test"; splits share no random numbers.
        index: from 0 to SIZES[split] - 1.
        seed: another seed is another set.
        difficulty: in [0, 1]; by default the toy world's.

    Raises:
        ValueError: no such split or index.
    """
    if split not in SIZES:
        raise ValueError(f"toy-scenes has no split {split!r}; it has {', '.join(SIZES)}.")
    index = operator.index(index)
    if not 0 <= index < SIZES[split]:
        raise ValueError(f"toy-scenes' split {split!r} has images 0 to {SIZES[split] - 1}, not {index}.")
    hard = familiar.DIFFICULTY if difficulty is None else difficulty
    rng = familiar.stream(seed, STREAMS[split], index)
    labels = _classes(rng, index)
    return tuple(
        _moved(familiar.choose(rng, label, hard, dog=False), centre, scale)
        for label, (centre, scale) in zip(labels, _places(rng, len(labels)), strict=True)
    )


def present(split: str, seed: int = 0) -> np.ndarray:
    """Which classes are in each image of a split, (N, 24) bool."""
    shown = np.zeros((SIZES[split], len(CLASSES)), bool)
    for i in range(SIZES[split]):
        shown[i, _classes(familiar.stream(seed, STREAMS[split], i), i)] = True
    return shown


def _classes(rng: np.random.Generator, index: int) -> list[int]:
    """The labels of two to four objects, the first numbers that are drawn for an image."""
    others = rng.permutation(len(CLASSES) - 1)[: int(rng.uniform(1, 4))]
    return [int(label) for label in (index % len(CLASSES) + np.append(0, 1 + others)) % len(CLASSES)]


def _places(rng: np.random.Generator, count: int) -> list[tuple[complex, float]]:
    """Centres and scales of `count` objects, largest first, drawn anew until no two squares overlap too much."""
    while True:
        scales = np.sort(rng.uniform(0.34, 0.72 - 0.06 * count, count))[::-1]
        reach = 1 - 0.8 * scales
        centres = rng.uniform(-reach, reach) + 1j * rng.uniform(-reach, reach)
        places = [(complex(centre), float(scale)) for centre, scale in zip(centres, scales, strict=True)]
        if all(_shared(*pair) <= OVERLAP for pair in combinations(places, 2)):
            return places


def _shared(one: tuple[complex, float], other: tuple[complex, float]) -> float:
    """The part of the smaller of two squares that the other covers; an object fills at most the square of 0.85 of its scale."""
    sides = (0.85 * one[1], 0.85 * other[1])
    apart = one[0] - other[0]
    wide, high = (min(sum(sides) - abs(d), 2 * min(sides)) for d in (apart.real, apart.imag))
    return max(0.0, wide) * max(0.0, high) / (2 * min(sides)) ** 2


def _moved(one: Scene, centre: complex, scale: float) -> Scene:
    """The same choices elsewhere and at another size, with what stands before the object."""
    occluder, ratio = one.occluder, scale / one.scale
    if occluder:
        kind, where, width, turn, colour = occluder
        occluder = (kind, centre + (where - one.centre) * ratio, width * ratio, turn, colour)
    return replace(one, centre=centre, scale=scale, occluder=occluder)


def draw(here: Sequence[Scene], frame_size: int = 146, image_size: int = 128) -> list[Drawing]:
    """The image with the ground truth of each object, in the order of the scenes; the sizes are those of `toycanvas.compose`."""
    return compose(here, DRAWINGS, frame_size, image_size)


def render(split: str, seed: int = 0, frame_size: int = 146, image_size: int = 128, workers: int = 2) -> np.ndarray:
    """All images of a split in order, (N, 3, F, F) uint8; the same bytes for any number of workers."""
    chunk = partial(render_chunk, split, seed=seed, frame_size=frame_size, image_size=image_size, difficulty=familiar.DIFFICULTY)
    return familiar.render_frames(chunk, SIZES[split], frame_size, f"toy-scenes {split}", workers)


def render_chunk(
    split: str, start: int, stop: int, *, seed: int, frame_size: int, image_size: int, difficulty: float
) -> np.ndarray:
    """Images `start` to `stop` as (n, 3, F, F) uint8; a top-level function, so that a process can be given it."""
    images = (draw(scene(split, i, seed, difficulty), frame_size, image_size)[0].image for i in range(start, stop))
    return np.stack([image.transpose(2, 0, 1) for image in images])
