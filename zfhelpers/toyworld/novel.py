"""Things and beings that the toy network never saw, drawn with everything the toy world has: the target "toy-novel".

Position, scale, tilt, colour, light, background, clutter, occluders, blur and noise follow the toy world's own law
(`toyworld.choose`) at its own difficulty; only what is drawn differs.

    >>> drawing = draw(scene(0))
    >>> drawing.image.shape, CLASSES[drawing.label], len(CLASSES)
    ((146, 146, 3), 'house', 20)
"""

from __future__ import annotations

import operator
from functools import partial

import numpy as np

from zfhelpers.toyworld import familiar
from zfhelpers.toyworld.canvas import Drawing, Scene, compose
from zfhelpers.toyworld.drawings.built import BUILT
from zfhelpers.toyworld.drawings.household import CRAFT
from zfhelpers.toyworld.drawings.nature import NATURE

PER_CLASS = 80  # 30 to train on and up to 50 to test, as the paper has it for Caltech-101 (sec. 5.2)
STREAM = 2  # the toy world's splits draw from streams 0 and 1
VERSION = f"1-{familiar.VERSION}"  # the surroundings are the toy world's: when they change, so do these images
DRAWINGS = BUILT | CRAFT | NATURE
CLASSES: tuple[str, ...] = tuple(DRAWINGS)


def scene(index: int, seed: int = 0, difficulty: float | None = None) -> Scene:
    """The choices of image `index`; image i shows class i % 20.

    Args:
        index: from 0 to 20 * PER_CLASS - 1.
        seed: another seed is another set.
        difficulty: in [0, 1]; by default the toy world's.

    Raises:
        ValueError: no such index.
    """
    index, count = operator.index(index), PER_CLASS * len(CLASSES)
    if not 0 <= index < count:
        raise ValueError(f"toy-novel has images 0 to {count - 1}, not {index}.")
    hard = familiar.DIFFICULTY if difficulty is None else difficulty
    return familiar.choose(familiar.stream(seed, STREAM, index), index % len(CLASSES), hard, dog=False)


def draw(here: Scene, frame_size: int = 146, image_size: int = 128) -> Drawing:
    """The scene as pixels, with its ground truth; the sizes are those of `toycanvas.compose`."""
    return compose([here], DRAWINGS, frame_size, image_size)[0]


def render(seed: int = 0, frame_size: int = 146, image_size: int = 128, workers: int = 2) -> np.ndarray:
    """All images in order, (N, 3, F, F) uint8; the same bytes for any number of workers."""
    chunk = partial(render_chunk, seed=seed, frame_size=frame_size, image_size=image_size, difficulty=familiar.DIFFICULTY)
    return familiar.render_frames(chunk, PER_CLASS * len(CLASSES), frame_size, "toy-novel", workers)


def render_chunk(start: int, stop: int, *, seed: int, frame_size: int, image_size: int, difficulty: float) -> np.ndarray:
    """Images `start` to `stop` as (n, 3, F, F) uint8; a top-level function, so that a process can be given it."""
    drawings = (draw(scene(i, seed, difficulty), frame_size, image_size) for i in range(start, stop))
    return np.stack([drawing.image.transpose(2, 0, 1) for drawing in drawings])
