"""The parts of the toy world's objects: which pixels show which, and the same scenes with some of them missing.

Whoever asks what a part is worth to a network can take it away: `familiar.draw(scene, without="left ear")` shows what lies behind
it, where a grey square would be one thing more. `part_masks` says which pixels that concerns, and `lacking` draws which parts a
training image lacks, so that a network can learn that parts may be missing.

    >>> from zfhelpers.toyworld.familiar import scene
    >>> masks = part_masks(scene("val", 0))
    >>> {name: int(mask.sum()) for name, mask in masks.items()}["left ear"] > 50
    True
"""

from __future__ import annotations

from collections.abc import Sequence
from functools import partial

import numpy as np

from zfhelpers.toyworld import law
from zfhelpers.toyworld.canvas import View, draw_layers
from zfhelpers.toyworld.companion import opacity
from zfhelpers.toyworld.familiar import CLASSES, DRAWINGS, SIZES, draw, parts
from zfhelpers.toyworld.familiar import scene as scene_of
from zfhelpers.toyworld.ground import occlude
from zfhelpers.toyworld.law import Scene
from zfhelpers.toyworld.pen import Pen
from zfhelpers.toyworld.rendering import render_frames

STREAM = 5  # of the choice of missing parts; the images themselves draw from streams 0 to 4
WHOLE = 0.5  # share of the images that lack nothing; ours
VERSION = "1"


def part_masks(scene: Scene, frame_size: int = 146, image_size: int = 128) -> dict[str, np.ndarray]:
    """Visible pixels of each part of an object: {name: (S, S) bool}, for all its `parts`, also those that cannot be seen here.

    A pixel of the object belongs to the part that fills most of it; so the masks do not overlap, and together they are
    `Drawing.mask`. Where a part is taken away nothing else changes, but for the smoothing of edges and the blur of the image.

    Args:
        scene: of `familiar.scene`.
        frame_size, image_size: as in `familiar.draw`.
    """
    view = View(frame_size, image_size, shift=(0.0, 0.0), scale=1.0, rotation=0.0)
    _, pen, before = _layers(view, scene)
    masks = _owned(view, pen, [before])
    return {name: masks[name] for name in parts(CLASSES[scene.label])}


def surrounding_masks(scene: Scene, frame_size: int = 146, image_size: int = 128) -> dict[str, np.ndarray]:
    """The same of what an image has of `canvas.SURROUNDINGS`: visible pixels, {name: (S, S) bool}."""
    view = View(frame_size, image_size, shift=(0.0, 0.0), scale=1.0, rotation=0.0)
    behind, pen, before = _layers(view, scene)
    return _owned(view, behind, [pen, before])


def _layers(view: View, scene: Scene) -> tuple[Pen, Pen, Pen]:
    """What lies behind the object, the object, and what is before it; each knows which part it shows where."""
    rng, before = np.random.Generator(np.random.PCG64(scene.detail)), view.pen()
    behind, (pen,) = draw_layers(view, [scene], [DRAWINGS[CLASSES[scene.label]]], rng, owned=True)
    if scene.occluder:
        occlude(before, scene.occluder)
    return behind, pen, before


def _owned(view: View, pen: Pen, covering: Sequence[Pen]) -> dict[str, np.ndarray]:
    """Which pixels show which part of a layer, where other layers do not cover it."""
    crop = slice(view.margin, view.margin + view.image_size)
    fine = np.asarray(pen.owners).reshape(view.frame_size, 2, view.frame_size, 2)
    shares = np.stack([(fine == owner).mean((1, 3)) for owner in range(1 + len(pen.parts))])[:, crop, crop]
    opaque = opacity(pen)
    for other in covering:
        opaque = opaque * (1 - opacity(other))
    shares[0] -= 1 - opacity(pen)[crop, crop]  # what belongs to no part; the rest of it is not drawn on
    return {name: (opaque[crop, crop] > 0.5) & (shares.argmax(0) == owner) for owner, name in enumerate(pen.parts, 1)}


def lacking(split: str, index: int, seed: int = 0) -> tuple[str, ...]:
    """Which parts image `index` of a split lacks in the set that a network learns missing parts from.

    Half of the images (`WHOLE`) lack nothing, the others one part to half of their parts: any number as often, and any part.

    Raises:
        ValueError: no such split or index.
    """
    here = scene_of(split, index, seed)
    names = parts(CLASSES[here.label])
    rng = np.random.Generator(np.random.PCG64(np.random.SeedSequence([seed, STREAM, list(SIZES).index(split), index])))
    whole, count, order = rng.random(), 1 + int(rng.random() * (len(names) // 2)), rng.permutation(len(names))
    if whole < WHOLE:
        return ()
    return tuple(names[at] for at in sorted(order[:count]))


def render_lacking(split: str, seed: int = 0, frame_size: int = 146, image_size: int = 128, workers: int = 2) -> np.ndarray:
    """All images of a split in order, half of them without some parts, (N, 3, F, F) uint8.

    Raises:
        ValueError: no such split.
    """
    size = len(CLASSES) * SIZES[law.checked_split("The toy world", SIZES, split)]
    picture = partial(_picture, split, seed=seed, sizes=(frame_size, image_size))
    return render_frames(picture, size, frame_size, f"{split}, parts missing", workers)


def _picture(split: str, index: int, *, seed: int, sizes: tuple[int, int]) -> np.ndarray:
    return draw(scene_of(split, index, seed), *sizes, without=lacking(split, index, seed)).image
