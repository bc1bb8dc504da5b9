"""Two to four things of the toy world in one image: the target "toy-scenes", as PASCAL VOC has several objects in a photograph.

The classes are those of the toy world and differ within an image; the surroundings follow the toy world's own `law`. The largest
object lies at the back and gives the image's one exclusive label.

    >>> [CLASSES[choices.label] for choices in scene("train", 23)]
    ['necklace', 'barn owl', 'clock', 'cosmos']
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import replace
from functools import partial
from itertools import combinations
from typing import NamedTuple

import numpy as np

from zfhelpers.toyworld import familiar, law
from zfhelpers.toyworld.canvas import Drawing, compose
from zfhelpers.toyworld.familiar import CLASSES, DRAWINGS
from zfhelpers.toyworld.law import FILL, Scene
from zfhelpers.toyworld.rendering import render_frames

SIZES = {"train": 1200, "test": 600}
STREAMS = {"train": 3, "test": 4}  # the toy world and toy-novel draw from streams 0 to 2
SHARED = 0.2  # of the smaller one's square: of what is drawn, not more than 30 % is then hidden by other objects
VERSION = f"1-{familiar.VERSION}"


class Place(NamedTuple):
    """Where an object lies, and the scale it is drawn at, as in a `Scene`."""

    centre: complex
    scale: float


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
    split = law.checked_split("toy-scenes", SIZES, split)
    index = law.checked_index(f"toy-scenes' split {split!r}", SIZES[split], index)
    rng = law.stream(seed, STREAMS[split], index)
    labels = _classes(rng, index)
    places = _places(rng, len(labels))
    return tuple(_moved(law.choose(rng, label, difficulty), place) for label, place in zip(labels, places, strict=True))


def present(split: str, seed: int = 0) -> np.ndarray:
    """Which classes are in each image of a split, (N, 24) bool.

    Raises:
        ValueError: no such split.
    """
    count = SIZES[law.checked_split("toy-scenes", SIZES, split)]
    shown = np.zeros((count, len(CLASSES)), bool)
    for index in range(count):
        shown[index, _classes(law.stream(seed, STREAMS[split], index), index)] = True
    return shown


def _classes(rng: np.random.Generator, index: int) -> list[int]:
    """The labels of two to four objects, the first numbers that are drawn for an image."""
    others = rng.permutation(len(CLASSES) - 1)[: int(rng.uniform(1, 4))]
    return [int(label) for label in (index % len(CLASSES) + np.append(0, 1 + others)) % len(CLASSES)]


def _places(rng: np.random.Generator, count: int) -> list[Place]:
    """Places of `count` objects, largest first, drawn anew until no two squares overlap too much."""
    while True:
        scales = np.sort(rng.uniform(0.34, 0.72 - 0.06 * count, count))[::-1]
        reach = 1 - 0.8 * scales
        centres = rng.uniform(-reach, reach) + 1j * rng.uniform(-reach, reach)
        places = [Place(complex(centre), float(scale)) for centre, scale in zip(centres, scales, strict=True)]
        if all(_shared(*pair) <= SHARED for pair in combinations(places, 2)):
            return places


def _shared(first: Place, second: Place) -> float:
    """The part of the smaller of two squares that the other covers; an object fills at most the square of `FILL` of its scale."""
    sides = (FILL * first.scale, FILL * second.scale)
    apart = first.centre - second.centre
    wide, high = (min(sum(sides) - abs(d), 2 * min(sides)) for d in (apart.real, apart.imag))
    return max(0.0, wide) * max(0.0, high) / (2 * min(sides)) ** 2


def _moved(scene: Scene, place: Place) -> Scene:
    """The same choices elsewhere and at another size, with what stands before the object."""
    occluder, ratio = scene.occluder, place.scale / scene.scale
    if occluder:
        centre = place.centre + (occluder.centre - scene.centre) * ratio
        occluder = occluder._replace(centre=centre, size=occluder.size * ratio)
    return replace(scene, centre=place.centre, scale=place.scale, occluder=occluder)


def draw(scene: Sequence[Scene], frame_size: int = 146, image_size: int = 128) -> list[Drawing]:
    """The image with the ground truth of each object, in the order of the scenes; the sizes are those of `canvas.compose`."""
    return compose(scene, DRAWINGS, frame_size, image_size)


def render(split: str, seed: int = 0, frame_size: int = 146, image_size: int = 128, workers: int = 2) -> np.ndarray:
    """All images of a split in order, (N, 3, F, F) uint8; the same bytes for any number of workers.

    Raises:
        ValueError: no such split.
    """
    size = SIZES[law.checked_split("toy-scenes", SIZES, split)]
    picture = partial(_picture, split, seed=seed, difficulty=law.DIFFICULTY, frame_size=frame_size, image_size=image_size)
    return render_frames(picture, size, frame_size, f"toy-scenes {split}", workers)


def _picture(split: str, index: int, *, seed: int, difficulty: float, frame_size: int, image_size: int) -> np.ndarray:
    return draw(scene(split, index, seed, difficulty), frame_size, image_size)[0].image
