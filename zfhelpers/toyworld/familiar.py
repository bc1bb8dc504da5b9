"""The toy world: images drawn by a program that knows where every part lies.

Real enough to need a hierarchy of features (edges, corners, textures, parts, objects), known well enough to judge visualisations.
`scene` makes every random choice of one image, `draw` turns a scene into pixels and ground truth, `render` draws a whole split.
`draw` moves, scales and rotates object *and* surroundings before anything becomes a pixel, so that Fig. 5 can be measured without
resampling and without borders.

    >>> drawing = draw(scene("val", 0))
    >>> drawing.image.shape, CLASSES[drawing.label], sorted(drawing.points)
    ((146, 146, 3), 'dalmatian', ['left_eye', 'nose', 'right_eye'])
"""

from __future__ import annotations

import multiprocessing
import operator
import os
import sys
from collections.abc import Callable
from concurrent.futures import ProcessPoolExecutor
from functools import partial

import numpy as np
from tqdm import tqdm

from zfhelpers.toyworld.canvas import Drawing, Scene, compose
from zfhelpers.toyworld.drawings.animals import ANIMALS
from zfhelpers.toyworld.drawings.dogs import DOGS
from zfhelpers.toyworld.drawings.things import THINGS
from zfhelpers.toyworld.drawings.vehicles import PAINTS, VEHICLES
from zfhelpers.toyworld.ground import BACKDROPS, CLUTTER
from zfhelpers.toyworld.pen import mix, pick, vary

DIFFICULTY = 1.0
"""One number in [0, 1] for all nuisances: occlusion, clutter, shared colours, shading, texture, blur, noise."""

VERSION = f"2-{DIFFICULTY}"  # a cache of drawn images is good for one version
SIZES = {"train": 300, "val": 50}
DRAWINGS = DOGS | ANIMALS | VEHICLES | THINGS
CLASSES: tuple[str, ...] = tuple(DRAWINGS)


def scene(split: str, index: int, seed: int = 0, difficulty: float | None = None) -> Scene:
    """The choices of image `index` of a split; image i shows class i % 24.

    Args:
        split: "train" or "val"; splits share no random numbers.
        index: from 0 to 24 * SIZES[split] - 1.
        seed: another seed is another world.
        difficulty: in [0, 1]; by default the module's `DIFFICULTY`.

    Raises:
        ValueError: no such split or index.
    """
    if split not in SIZES:
        raise ValueError(f"The toy world has no split {split!r}; it has {', '.join(SIZES)}.")
    index, count = operator.index(index), SIZES[split] * len(CLASSES)
    if not 0 <= index < count:
        raise ValueError(f"The toy world's split {split!r} has images 0 to {count - 1}, not {index}.")
    hard = DIFFICULTY if difficulty is None else difficulty
    label = index % len(CLASSES)
    return choose(stream(seed, list(SIZES).index(split), index), label, hard, dog=CLASSES[label] in DOGS)


def stream(seed: int, number: int, index: int) -> np.random.Generator:
    """The random numbers of one image; each set of images has a `number` of its own, so that no two share any."""
    return np.random.Generator(np.random.PCG64(np.random.SeedSequence([seed, number, index])))


def choose(rng: np.random.Generator, label: int, hard: float, dog: bool) -> Scene:
    """The random choices of one image of a class, at a difficulty `hard` in [0, 1]; a `dog` often has a companion."""

    def chance(p: float) -> bool:
        return bool(rng.random() < p)

    def inside(reach: float) -> complex:
        return complex(rng.uniform(-reach, reach), rng.uniform(-reach, reach))

    scale = rng.uniform(0.5, 1)
    centre = inside(1 - 0.8 * scale)
    tilt = rng.uniform(-20, 20)
    mirror, borrowed = chance(0.5), chance(0.6 * hard)
    light, shading = rng.uniform(-np.pi, 0), rng.uniform(0.1, 0.2 + 0.4 * hard)  # always from above
    grey = rng.uniform(50, 215)
    tone = tuple(int(c) for c in np.clip(grey + rng.uniform(-45, 45, 3), 0, 255))
    colours = (vary(rng, tone, 24), vary(rng, mix(tone, pick(rng, PAINTS), 0.45), 24))
    backdrop, grain, offset = pick(rng, BACKDROPS), rng.uniform(0.2, 0.4 + 0.9 * hard), complex(rng.random(), rng.random()) * 256
    clutter = tuple(
        (pick(rng, CLUTTER), inside(1.7), rng.uniform(0.08, 0.34), rng.uniform(0, 6.3),
         mix(vary(rng, pick(rng, PAINTS)), tone, rng.uniform(0.2, 0.7)))
        for _ in range(int(rng.uniform(0, 24 * hard)))
    )  # fmt: skip
    beside = pick(rng, (-1, 1)) * (0.62 + 0.3 * rng.random())
    companion, kind = None, rng.random()
    if dog and kind < 0.4:
        if kind < 0.2:
            companion = ("person", centre + beside * 1.1 + 0.25j, rng.uniform(0.4, 0.6))
        else:
            companion = ("ball", centre + (beside + 0.55j) * scale, rng.uniform(0.16, 0.28))
    elif kind > 1 - 0.3 * hard:
        companion = ("sign", complex(beside, rng.uniform(-0.75, 0.2)), rng.uniform(0.22, 0.34))
    elif kind > 1 - 0.5 * hard:
        companion = ("ball" if chance(0.5) else "person", complex(beside * 1.25, rng.uniform(0.3, 0.8)), rng.uniform(0.2, 0.4))
    occluder = None
    if chance(0.6 * hard):
        kind = pick(rng, ("bar", "leaf"))
        where, turn = centre + 0.5 * scale * inside(1), rng.uniform(-0.3, 0.3) + (np.pi / 2 if chance(0.3) else 0)
        colour = vary(rng, pick(rng, ((92, 70, 52), (110, 112, 116), (70, 120, 60))) if kind == "bar" else (74, 130, 62))
        occluder = (kind, where, scale * rng.uniform(0.12, 0.26), float(turn), colour)
    blur = rng.uniform(0, 2 * hard) if chance(0.5) else 0.0
    noise, detail = rng.uniform(1, 2 + 20 * hard), int(rng.integers(2**32))
    return Scene(
        label, centre, scale, tilt, mirror, borrowed, light, shading, backdrop, colours, grain, offset, clutter, companion,
        occluder, blur, noise, detail,
    )  # fmt: skip


def draw(here: Scene, frame_size: int = 146, image_size: int = 128, shift: tuple[float, float] = (0.0, 0.0), scale: float = 1.0,
         rotation: float = 0.0) -> Drawing:  # fmt: skip
    """The scene as pixels, with its ground truth; moved, enlarged and turned as `toycanvas.compose` says.

    Raises:
        ValueError: a frame smaller than the image, or a scale that is not positive.
    """
    return compose([here], DRAWINGS, frame_size, image_size, shift, scale, rotation)[0]


def render_chunk(split: str, start: int, stop: int, *, seed: int, frame_size: int, difficulty: float) -> np.ndarray:
    """Images `start` to `stop` as (n, 3, F, F) uint8; a top-level function, so that a process can be given it."""
    image_size = round(frame_size * 224 / 256)
    drawings = (draw(scene(split, i, seed, difficulty), frame_size, image_size) for i in range(start, stop))
    return np.stack([drawing.image.transpose(2, 0, 1) for drawing in drawings])


def render(
    split: str, size: int | None = None, seed: int = 0, frame_size: int = 146, workers: int = 2
) -> tuple[np.ndarray, np.ndarray]:
    """Draw the first `size` images of a split, in order; the same bytes for any number of workers.

    Args:
        split: "train" or "val".
        size: how many images; by default all of them.
        seed: another seed is another world.
        frame_size: F in pixels; the image proper is the centre 224 / 256 of it.
        workers: processes; 1 draws in this one. `ZF_PROGRESS=0` silences the progress bar.

    Returns:
        frames (N, 3, F, F) uint8 and labels (N,) int64.

    Raises:
        ValueError: no such split, or more images than it has.
    """
    if split not in SIZES:
        raise ValueError(f"The toy world has no split {split!r}; it has {', '.join(SIZES)}.")
    count = SIZES[split] * len(CLASSES)
    size = count if size is None else operator.index(size)
    if not 1 <= size <= count:
        raise ValueError(f"The toy world's split {split!r} has {count} images: 1 to {count} can be rendered, not {size}.")
    chunk = partial(render_chunk, split, seed=seed, frame_size=frame_size, difficulty=DIFFICULTY)
    return render_frames(chunk, size, frame_size, split, workers), np.arange(size, dtype=np.int64) % len(CLASSES)


def render_frames(
    chunk: Callable[[int, int], np.ndarray], size: int, frame_size: int, title: str, workers: int = 2
) -> np.ndarray:
    """Images 0 to `size` as (N, 3, F, F) uint8, in chunks that processes share.

    Args:
        chunk: draws images start to stop, (n, 3, F, F) uint8; a top-level function or a `partial` of one.
        size: how many images.
        frame_size: F in pixels.
        title: stands beside the progress bar.
        workers: processes; 1 draws in this one.
    """
    frames = np.empty((size, 3, frame_size, frame_size), np.uint8)
    starts = range(0, size, 48)
    stops = [min(start + 48, size) for start in starts]
    with tqdm(total=size, desc=f"drawing {title}", unit="image", disable=os.environ.get("ZF_PROGRESS") == "0") as bar:

        def keep(chunks) -> None:
            for start, stop, drawn in zip(starts, stops, chunks, strict=True):
                frames[start:stop] = drawn
                bar.update(stop - start)

        if workers == 1:
            keep(map(chunk, starts, stops))
        else:
            # Linux may fork, so that a script needs no `if __name__ == "__main__"`; elsewhere forking is unsafe or impossible.
            context = multiprocessing.get_context("fork" if sys.platform == "linux" else "spawn")
            with ProcessPoolExecutor(workers, mp_context=context) as pool:
                keep(pool.map(chunk, starts, stops))
    return frames
