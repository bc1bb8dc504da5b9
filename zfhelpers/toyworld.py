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
from concurrent.futures import ProcessPoolExecutor
from dataclasses import dataclass
from functools import partial

import numpy as np
from PIL import Image, ImageFilter
from tqdm import tqdm

from zfhelpers.toyanimals import ANIMALS
from zfhelpers.toydogs import DOGS
from zfhelpers.toyground import BACKDROPS, CLUTTER, background, camera_noise, clutter, occlude, texture
from zfhelpers.toypen import Colour, Pen, mix, pick, vary
from zfhelpers.toythings import THINGS, ball, person, sign
from zfhelpers.toyvehicles import PAINTS, VEHICLES

DIFFICULTY = 1.0
"""One number in [0, 1] for all nuisances: occlusion, clutter, shared colours, shading, texture, blur, noise."""

VERSION = f"2-{DIFFICULTY}"  # a cache of drawn images is good for one version
SIZES = {"train": 300, "val": 50}
DRAWINGS = DOGS | ANIMALS | VEHICLES | THINGS
CLASSES: tuple[str, ...] = tuple(DRAWINGS)
FURRY = CLASSES[:11]


@dataclass(frozen=True)
class Scene:
    """Every random choice of one image. Lengths are in half image sides: the image is [-1, 1] x [-1, 1], x to the right, y down.

    Args:
        label: index into `CLASSES`.
        centre: of the object, as x + iy.
        scale: 1 fills about 85 % of the image.
        tilt: degrees, counter-clockwise.
        mirror: whether the object is mirrored (lettering stays readable).
        borrowed: whether its colours or proportions are another class's.
        light, shading: the direction light comes from, in radians, and its strength.
        backdrop, colours, grain, offset: kind, colours and roughness of the background, and where in the noise it lies.
        clutter: shapes in the background, each (kind, centre, size, turn, colour).
        companion: what stands beside the object, (kind, centre, size), or None; kinds are "person", "ball" and "sign".
        occluder: what stands before the object, (kind, centre, width, turn, colour), or None; kinds are "bar" and "leaf".
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
    clutter: tuple[tuple[str, complex, float, float, Colour], ...]
    companion: tuple[str, complex, float] | None
    occluder: tuple[str, complex, float, float, Colour] | None
    blur: float
    noise: float
    detail: int


@dataclass(frozen=True)
class Drawing:
    """One image with its ground truth.

    Attributes:
        image: (F, F, 3) uint8, the whole frame; the image proper is its centre crop, which starts at (F - S) // 2.
        label: index into `CLASSES`.
        mask: (S, S) bool, the object's visible pixels in the centre crop: no occluder, and a necklace without its wearer.
        box: (top, left, bottom, right) of the whole object in pixels of the centre crop, half-open; may reach outside.
        points: key points, name -> (row, column) in pixels of the centre crop; may lie outside or behind an occluder.
    """

    image: np.ndarray
    label: int
    mask: np.ndarray
    box: tuple[int, int, int, int]
    points: dict[str, tuple[float, float]]


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
    rng = np.random.Generator(np.random.PCG64(np.random.SeedSequence([seed, list(SIZES).index(split), index])))

    def chance(p: float) -> bool:
        return bool(rng.random() < p)

    def inside(reach: float) -> complex:
        return complex(rng.uniform(-reach, reach), rng.uniform(-reach, reach))

    label = index % len(CLASSES)
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
    if CLASSES[label] in DOGS and kind < 0.4:
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
    """The scene as pixels, with its ground truth.

    A world point p (x + iy, in half image sides) appears at  scale * exp(-i rotation) * p + shift,  object and background alike.

    Args:
        here: what to draw.
        frame_size: F, side of the drawn frame in pixels.
        image_size: S, side of the image proper, the frame's centre crop.
        shift: (rows, columns) in pixels, down and to the right.
        scale: above 1 enlarges.
        rotation: degrees, counter-clockwise, about the image's centre.

    Raises:
        ValueError: a frame smaller than the image, or a scale that is not positive.
    """
    if frame_size < image_size:
        raise ValueError(f"A frame of {frame_size} pixels cannot hold an image of {image_size}.")
    if scale <= 0:
        raise ValueError(f"scale must be positive, not {scale}.")
    half, margin = image_size / 2, (frame_size - image_size) // 2
    view = complex(scale * np.exp(-1j * np.deg2rad(rotation)))
    moved = complex(shift[1], shift[0]) / half
    rng = np.random.Generator(np.random.PCG64(here.detail))

    def pen() -> Pen:  # at twice the size
        return Pen(2 * frame_size, 2 * half * view, 2 * half * moved + 2 * (margin + half) * (1 + 1j))

    def layer(pen: Pen) -> tuple[np.ndarray, np.ndarray]:  # colour times opacity, opacity
        pixels = np.asarray(pen.layer.reduce(2), np.float32)
        return pixels[..., :3], pixels[..., 3:] / 255

    turn = float(np.deg2rad(-here.tilt))
    behind = pen()
    clutter(behind, here.clutter)
    if here.companion:
        kind, where, size = here.companion
        {"person": person, "ball": ball, "sign": sign}[kind](behind.at(where, size), rng)
    name = CLASSES[here.label]
    if name == "necklace":
        person(behind.at(here.centre, 0.85 * here.scale, turn, here.mirror), rng)
    mine = pen().at(here.centre, 0.85 * here.scale, turn, here.mirror)
    DRAWINGS[name](mine, rng, here.borrowed)

    side = (np.arange(frame_size, dtype=np.float32) - np.float32(margin + half - 0.5)) / np.float32(half)
    world = ((side[None, :] + 1j * side[:, None] - moved) / view).astype(np.complex64)
    noise = texture(world, here.offset)
    picture = background(here.backdrop, here.colours, here.light, here.offset, here.grain, world, noise.real)
    colour, opacity = layer(behind)
    picture = picture * (1 - opacity) + colour

    rays = np.complex64(np.exp(1j * here.light))
    local = (world - np.complex64(here.centre)) / np.float32(0.85 * here.scale)
    shadow = local + rays * np.float32(0.16)
    if name != "necklace":
        picture *= (1 - 0.45 * np.exp(-1.6 * (shadow.real**2 + shadow.imag**2) ** 2))[..., None]
    toward = local.real * rays.real + local.imag * rays.imag
    lit = 1 + here.shading * np.clip(toward, -1, 1) + (0.1 if name in FURRY else 0.03) * noise.imag
    colour, opacity = layer(mine)
    picture = picture * (1 - opacity) + colour * lit[..., None]
    seen = opacity[..., 0]
    if here.occluder:
        before = pen()
        occlude(before, here.occluder)
        colour, opacity = layer(before)
        picture = picture * (1 - opacity) + colour * (1 + 0.08 * noise.imag[..., None])
        seen = seen * (1 - opacity[..., 0])

    image = np.clip(picture, 0, 255).astype(np.uint8)
    if here.blur:
        image = np.asarray(Image.fromarray(image).filter(ImageFilter.GaussianBlur(here.blur * image_size / 128)))
    row, column = int(256 * rng.random()), int(256 * rng.random())
    grains = camera_noise(frame_size + 256)[row : row + frame_size, column : column + frame_size]
    image = np.clip(image + np.float32(here.noise) * grains, 0, 255).astype(np.uint8)
    crop = slice(margin, margin + image_size)
    top, left, bottom, right = (edge / 2 - margin for edge in mine.box())
    box = (int(np.floor(top)), int(np.floor(left)), int(np.ceil(bottom)), int(np.ceil(right)))
    points = {key: (z.imag / 2 - margin, z.real / 2 - margin) for key, z in mine.points.items()}
    return Drawing(image, here.label, seen[crop, crop] > 0.5, box, points)


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
    frames = np.empty((size, 3, frame_size, frame_size), np.uint8)
    starts = range(0, size, 48)
    stops = [min(start + 48, size) for start in starts]
    chunk = partial(render_chunk, split, seed=seed, frame_size=frame_size, difficulty=DIFFICULTY)
    with tqdm(total=size, desc=f"drawing {split}", unit="image", disable=os.environ.get("ZF_PROGRESS") == "0") as bar:

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
    return frames, np.arange(size, dtype=np.int64) % len(CLASSES)
