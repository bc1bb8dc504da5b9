"""Things and beings that the toy network never saw, drawn with everything the toy world has: the target "toy-novel".

Position, scale, tilt, colour, light, background, clutter, occluders, blur and noise follow the toy world's own `law` at its own
difficulty; only what is drawn differs.

    >>> drawing = draw(scene(0))
    >>> drawing.image.shape, CLASSES[drawing.label], len(CLASSES)
    ((146, 146, 3), 'house', 20)
"""

from __future__ import annotations

from functools import partial

import numpy as np

from zfhelpers.toyworld import familiar, law
from zfhelpers.toyworld.canvas import Drawing, compose
from zfhelpers.toyworld.drawings.built import BUILT
from zfhelpers.toyworld.drawings.household import HOUSEHOLD
from zfhelpers.toyworld.drawings.nature import NATURE
from zfhelpers.toyworld.law import Scene
from zfhelpers.toyworld.rendering import render_frames

PER_CLASS = 80  # 30 to train on and up to 50 to test, as the paper has it for Caltech-101 (sec. 5.2)
STREAM = 2  # the toy world's splits draw from streams 0 and 1
VERSION = f"1-{familiar.VERSION}"  # the surroundings are the toy world's: when they change, so do these images
DRAWINGS = BUILT | HOUSEHOLD | NATURE
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
    index = law.checked_index("toy-novel", PER_CLASS * len(CLASSES), index)
    label = index % len(CLASSES)
    return law.choose(law.stream(seed, STREAM, index), label, difficulty, DRAWINGS[CLASSES[label]].accompanied)


def draw(scene: Scene, frame_size: int = 146, image_size: int = 128) -> Drawing:
    """The scene as pixels, with its ground truth; the sizes are those of `canvas.compose`."""
    return compose([scene], DRAWINGS, frame_size, image_size)[0]


def render(seed: int = 0, frame_size: int = 146, image_size: int = 128, workers: int = 2) -> np.ndarray:
    """All images in order, (N, 3, F, F) uint8; the same bytes for any number of workers."""
    picture = partial(_picture, seed=seed, difficulty=law.DIFFICULTY, frame_size=frame_size, image_size=image_size)
    return render_frames(picture, PER_CLASS * len(CLASSES), frame_size, "toy-novel", workers)


def _picture(index: int, *, seed: int, difficulty: float, frame_size: int, image_size: int) -> np.ndarray:
    return draw(scene(index, seed, difficulty), frame_size, image_size).image
