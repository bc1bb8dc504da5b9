"""From a scene to pixels: what the toy world and the images it is compared with share.

A `Scene` holds every random choice of one image; `compose` draws it through one similarity, object and surroundings alike, and
knows where the object came to lie. Several scenes make one image of several objects: the first one gives the surroundings.
"""

from __future__ import annotations

from collections.abc import Callable, Sequence
from dataclasses import dataclass

import numpy as np
from PIL import Image, ImageFilter

from zfhelpers.toyworld.drawings.animals import ANIMALS
from zfhelpers.toyworld.drawings.dogs import DOGS
from zfhelpers.toyworld.drawings.things import ball, person, sign
from zfhelpers.toyworld.ground import background, camera_noise, clutter, occlude, texture
from zfhelpers.toyworld.pen import Colour, Pen

FURRY = tuple(name for name in DOGS | ANIMALS if "fish" not in name)


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
        label: index into the classes that are drawn.
        mask: (S, S) bool, the object's visible pixels in the centre crop: nothing before it, and a necklace without its wearer.
        box: (top, left, bottom, right) of the whole object in pixels of the centre crop, half-open; may reach outside.
        points: key points, name -> (row, column) in pixels of the centre crop; may lie outside or behind an occluder.
    """

    image: np.ndarray
    label: int
    mask: np.ndarray
    box: tuple[int, int, int, int]
    points: dict[str, tuple[float, float]]


def compose(
    scenes: Sequence[Scene],
    drawings: dict[str, Callable],
    frame_size: int = 146,
    image_size: int = 128,
    shift: tuple[float, float] = (0.0, 0.0),
    scale: float = 1.0,
    rotation: float = 0.0,
) -> list[Drawing]:
    """One image of one or several objects, each with its ground truth; later ones lie before earlier ones.

    A world point p (x + iy, in half image sides) appears at  scale * exp(-i rotation) * p + shift,  object and background alike.

    Args:
        scenes: each gives its object; the first one also the background, light, clutter, companion, occluder, blur and noise.
        drawings: what draws each class, by name, in the order of the labels.
        frame_size: F, side of the drawn frame in pixels.
        image_size: S, side of the image proper, the frame's centre crop.
        shift: (rows, columns) in pixels, down and to the right.
        scale: above 1 enlarges.
        rotation: degrees, counter-clockwise, about the image's centre.

    Returns:
        One `Drawing` per scene; all hold the same image.

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
    here = scenes[0]
    rng = np.random.Generator(np.random.PCG64(here.detail))

    def pen() -> Pen:  # at twice the size
        return Pen(2 * frame_size, 2 * half * view, 2 * half * moved + 2 * (margin + half) * (1 + 1j))

    def layer(pen: Pen) -> tuple[np.ndarray, np.ndarray]:  # colour times opacity, opacity
        pixels = np.asarray(pen.layer.reduce(2), np.float32)
        return pixels[..., :3], pixels[..., 3:] / 255

    behind = pen()
    clutter(behind, here.clutter)
    if here.companion:
        kind, where, size = here.companion
        {"person": person, "ball": ball, "sign": sign}[kind](behind.at(where, size), rng)
    names = [tuple(drawings)[one.label] for one in scenes]
    objects = []
    for one, name in zip(scenes, names, strict=True):
        place = (one.centre, 0.85 * one.scale, float(np.deg2rad(-one.tilt)), one.mirror)
        if name == "necklace":
            person(behind.at(*place), rng)
        objects.append(pen().at(*place))
        drawings[name](objects[-1], rng, one.borrowed)
    side = (np.arange(frame_size, dtype=np.float32) - np.float32(margin + half - 0.5)) / np.float32(half)
    world = ((side[None, :] + 1j * side[:, None] - moved) / view).astype(np.complex64)
    noise = texture(world, here.offset)
    picture = background(here.backdrop, here.colours, here.light, here.offset, here.grain, world, noise.real)
    colour, opacity = layer(behind)
    picture = picture * (1 - opacity) + colour

    rays = np.complex64(np.exp(1j * here.light))
    masks = []
    for one, name, mine in zip(scenes, names, objects, strict=True):
        local = (world - np.complex64(one.centre)) / np.float32(0.85 * one.scale)
        shadow = local + rays * np.float32(0.16)
        if name != "necklace":
            picture *= (1 - 0.45 * np.exp(-1.6 * (shadow.real**2 + shadow.imag**2) ** 2))[..., None]
        toward = local.real * rays.real + local.imag * rays.imag
        lit = 1 + here.shading * np.clip(toward, -1, 1) + (0.1 if name in FURRY else 0.03) * noise.imag
        colour, opacity = layer(mine)
        picture = picture * (1 - opacity) + colour * lit[..., None]
        masks = [seen * (1 - opacity[..., 0]) for seen in masks] + [opacity[..., 0]]
    if here.occluder:
        before = pen()
        occlude(before, here.occluder)
        colour, opacity = layer(before)
        picture = picture * (1 - opacity) + colour * (1 + 0.08 * noise.imag[..., None])
        masks = [seen * (1 - opacity[..., 0]) for seen in masks]

    image = np.clip(picture, 0, 255).astype(np.uint8)
    if here.blur:
        image = np.asarray(Image.fromarray(image).filter(ImageFilter.GaussianBlur(here.blur * image_size / 128)))
    row, column = int(256 * rng.random()), int(256 * rng.random())
    grains = camera_noise(frame_size + 256)[row : row + frame_size, column : column + frame_size]
    image = np.clip(image + np.float32(here.noise) * grains, 0, 255).astype(np.uint8)
    crop = slice(margin, margin + image_size)

    def truth(one: Scene, mine: Pen, seen: np.ndarray) -> Drawing:
        top, left, bottom, right = (edge / 2 - margin for edge in mine.box())
        box = (int(np.floor(top)), int(np.floor(left)), int(np.ceil(bottom)), int(np.ceil(right)))
        points = {key: (z.imag / 2 - margin, z.real / 2 - margin) for key, z in mine.points.items()}
        return Drawing(image, one.label, seen[crop, crop] > 0.5, box, points)

    return [truth(*each) for each in zip(scenes, objects, masks, strict=True)]
