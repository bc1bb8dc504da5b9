"""The 24 classes that the toy networks know: the data set of the world "toy".

Real enough to need a hierarchy of features (edges, corners, textures, parts, objects), known well enough to judge visualisations.
`scene` makes every random choice of one image, `draw` turns a scene into pixels and ground truth, `render` draws a whole split.
`draw` moves, scales and rotates object *and* surroundings before anything becomes a pixel, so that Fig. 5 can be measured without
resampling and without borders.

    >>> drawing = draw(scene("val", 0))
    >>> drawing.image.shape, CLASSES[drawing.label], sorted(drawing.points)
    ((146, 146, 3), 'dalmatian', ['left_eye', 'nose', 'right_eye'])
"""

from __future__ import annotations

import operator
from collections.abc import Collection
from functools import cache, partial

import numpy as np

from zfhelpers.toyworld import law
from zfhelpers.toyworld.canvas import SURROUNDINGS, Drawing, compose
from zfhelpers.toyworld.drawings.cats import CATS
from zfhelpers.toyworld.drawings.dogs import DOGS
from zfhelpers.toyworld.drawings.fish import FISH
from zfhelpers.toyworld.drawings.owls import OWLS
from zfhelpers.toyworld.drawings.things import THINGS
from zfhelpers.toyworld.drawings.vehicles import VEHICLES
from zfhelpers.toyworld.law import Scene
from zfhelpers.toyworld.pen import Pen
from zfhelpers.toyworld.rendering import render_frames

VERSION = f"2-{law.DIFFICULTY}"  # a cache of drawn images is good for one version
SIZES = {"train": 300, "val": 50}
"""Images of each class."""

STREAMS = {"train": 0, "val": 1}
DRAWINGS = DOGS | CATS | OWLS | FISH | VEHICLES | THINGS
CLASSES: tuple[str, ...] = tuple(DRAWINGS)


def scene(split: str, index: int, seed: int = 0, difficulty: float | None = None) -> Scene:
    """The choices of image `index` of a split; image i shows class i % 24.

    Args:
        split: "train" or "val"; splits share no random numbers.
        index: from 0 to 24 * SIZES[split] - 1.
        seed: another seed is another world.
        difficulty: in [0, 1]; by default `law.DIFFICULTY`.

    Raises:
        ValueError: no such split or index.
    """
    index = law.checked_index(f"The toy world's split {split!r}", _count(split), index)
    label = index % len(CLASSES)
    accompanied = DRAWINGS[CLASSES[label]].accompanied
    return law.choose(law.stream(seed, STREAMS[split], index), label, difficulty, accompanied)


def draw(
    scene: Scene,
    frame_size: int = 146,
    image_size: int = 128,
    shift: tuple[float, float] = (0.0, 0.0),
    scale: float = 1.0,
    rotation: float = 0.0,
    without: str | Collection[str] = (),
) -> Drawing:
    """The scene as pixels, with its ground truth; sized, moved, enlarged and turned as `canvas.compose` says.

    Args:
        scene: of the function `scene`.
        frame_size, image_size, shift, scale, rotation: as in `canvas.compose`.
        without: a part, or several, of those that `parts` lists, or of `canvas.SURROUNDINGS`; it is left out, and what lies
            behind it is to be seen. All else stays pixel for pixel. The mask is that of what is left; box and points are those
            of the whole object.

    Raises:
        ValueError: a frame smaller than the image, a scale that is not positive, or a part that the class has not.
    """
    left_out = {without} if isinstance(without, str) else set(without)
    name = CLASSES[scene.label]
    if unknown := left_out - {*parts(name), *SURROUNDINGS}:
        there = ", ".join((*parts(name), *SURROUNDINGS))
        raise ValueError(f"An image of a {name} has no part {', '.join(sorted(unknown))}; it has {there}.")
    return compose([scene], DRAWINGS, frame_size, image_size, shift, scale, rotation, left_out)[0]


@cache
def parts(name: str) -> tuple[str, ...]:
    """The parts of a class, in the order in which they are drawn. Those that chance decides about are among them.

    >>> parts("sailboat")
    ('hull', 'mast', 'main sail', 'fore sail', 'pennant')

    Raises:
        ValueError: there is no such class.
    """
    if name not in DRAWINGS:
        raise ValueError(f"The toy world has no class {name!r}; it has {', '.join(CLASSES)}.")
    pen = Pen(200, 90, 100 + 100j)
    DRAWINGS[name].draw(pen, np.random.Generator(np.random.PCG64(0)), False)
    return tuple(pen.parts)


def render(
    split: str, size: int | None = None, seed: int = 0, frame_size: int = 146, image_size: int | None = None, workers: int = 2
) -> tuple[np.ndarray, np.ndarray]:
    """Draw the first `size` images of a split, in order; the same bytes for any number of workers.

    Args:
        split: "train" or "val".
        size: how many images; by default all of them.
        seed: another seed is another world.
        frame_size: F in pixels.
        image_size: of the image proper, the centre of the frame; 224 / 256 of it unless given.
        workers: processes; 1 draws in this one. `ZF_PROGRESS=0` silences the progress bar.

    Returns:
        frames (N, 3, F, F) uint8 and labels (N,) int64.

    Raises:
        ValueError: no such split, or more images than it has.
    """
    count = _count(split)
    size = count if size is None else operator.index(size)
    if not 1 <= size <= count:
        raise ValueError(f"The toy world's split {split!r} has {count} images: 1 to {count} can be rendered, not {size}.")
    sizes = frame_size, image_size or round(frame_size * 224 / 256)
    picture = partial(_picture, split, seed=seed, difficulty=law.DIFFICULTY, sizes=sizes)
    return render_frames(picture, size, frame_size, split, workers), np.arange(size, dtype=np.int64) % len(CLASSES)


def _count(split: str) -> int:
    return SIZES[law.checked_split("The toy world", SIZES, split)] * len(CLASSES)


def _picture(split: str, index: int, *, seed: int, difficulty: float, sizes: tuple[int, int]) -> np.ndarray:
    return draw(scene(split, index, seed, difficulty), *sizes).image
