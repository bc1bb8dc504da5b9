"""From scenes to pixels: the law's choices become an image whose every part is known.

`compose` draws a scene through one similarity, object and surroundings alike, and knows where the object came to lie. Several
scenes make one image of several objects: the first one gives the surroundings.
"""

from __future__ import annotations

from collections.abc import Collection, Mapping, Sequence
from dataclasses import dataclass

import numpy as np
from PIL import Image, ImageFilter

from zfhelpers.toyworld.drawings.companions import COMPANIONS
from zfhelpers.toyworld.ground import background, camera_noise, clutter, occlude, texture
from zfhelpers.toyworld.law import FILL, Scene
from zfhelpers.toyworld.pen import Pen
from zfhelpers.toyworld.subject import Subject

SURROUNDINGS = ("clutter", "companion")
"""What an image can be drawn without, besides the parts of its objects."""


@dataclass(frozen=True, eq=False)
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
    subjects: Mapping[str, Subject],
    frame_size: int = 146,
    image_size: int = 128,
    shift: tuple[float, float] = (0.0, 0.0),
    scale: float = 1.0,
    rotation: float = 0.0,
    without: Collection[str] = (),
) -> list[Drawing]:
    """One image of one or several objects, each with its ground truth; later ones lie before earlier ones.

    A world point p (x + iy, in half image sides) appears at  scale * exp(-i rotation) * p + shift,  object and background alike.

    Args:
        scenes: each gives its object; the first one also the background, light, clutter, companion, occluder, blur and noise.
        subjects: what is drawn for each class, by name, in the order of the labels.
        frame_size: F, side of the drawn frame in pixels.
        image_size: S, side of the image proper, the frame's centre crop.
        shift: (rows, columns) in pixels, down and to the right.
        scale: above 1 enlarges.
        rotation: degrees, counter-clockwise, about the image's centre.
        without: parts of the objects, or of the `SURROUNDINGS`, that are left out; what lies behind them is to be seen.

    Returns:
        One `Drawing` per scene; all hold the same image.

    Raises:
        ValueError: a frame smaller than the image, or a scale that is not positive.
    """
    view = View(frame_size, image_size, shift, scale, rotation)
    first = scenes[0]
    rng = np.random.Generator(np.random.PCG64(first.detail))
    shown = [list(subjects.values())[scene.label] for scene in scenes]
    behind, objects = draw_layers(view, scenes, shown, rng, without=without)

    world = view.world()
    noise = texture(world, first.offset)
    picture = background(first.backdrop, first.colours, first.light, first.offset, first.grain, world, noise.real)
    picture, _ = lay(picture, behind)
    masks = []
    for scene, subject, pen in zip(scenes, shown, objects, strict=True):
        brightness, shadow = light(world, scene, first.light, first.shading)
        if subject.wearer is None:
            picture *= shadow[..., None]
        picture, opacity = lay(picture, pen, brightness + subject.roughness * noise.imag)
        masks = [seen * (1 - opacity) for seen in masks] + [opacity]
    if first.occluder:
        before = view.pen()
        occlude(before, first.occluder)
        picture, opacity = lay(picture, before, 1 + 0.08 * noise.imag)
        masks = [seen * (1 - opacity) for seen in masks]

    image = photograph(picture, first, view, rng)
    return [view.truth(image, *each) for each in zip(scenes, objects, masks, strict=True)]


@dataclass(frozen=True)
class View:
    """How the world is seen: in a frame of so many pixels, through a similarity; the arguments are those of `compose`.

    Raises:
        ValueError: a frame smaller than the image, or a scale that is not positive.
    """

    frame_size: int
    image_size: int
    shift: tuple[float, float]
    scale: float
    rotation: float

    def __post_init__(self):
        if self.frame_size < self.image_size:
            raise ValueError(f"A frame of {self.frame_size} pixels cannot hold an image of {self.image_size}.")
        if self.scale <= 0:
            raise ValueError(f"scale must be positive, not {self.scale}.")

    @property
    def half(self) -> float:
        """Half the image's side in pixels."""
        return self.image_size / 2

    @property
    def margin(self) -> int:
        """Pixels of the frame above the image and to its left."""
        return (self.frame_size - self.image_size) // 2

    @property
    def zoom(self) -> complex:
        """Scale and turn in one factor."""
        return complex(self.scale * np.exp(-1j * np.deg2rad(self.rotation)))

    @property
    def moved(self) -> complex:
        """The shift in half image sides, x + iy."""
        return complex(self.shift[1], self.shift[0]) / self.half

    def pen(self, **how) -> Pen:
        """A pen for a new layer in world coordinates, at twice the size, so that `lay` can smooth its edges."""
        middle = 2 * (self.margin + self.half) * (1 + 1j)
        return Pen(2 * self.frame_size, 2 * self.half * self.zoom, 2 * self.half * self.moved + middle, **how)

    def world(self) -> np.ndarray:
        """Where in the world each pixel of the frame lies, (F, F) complex64."""
        side = (np.arange(self.frame_size, dtype=np.float32) - np.float32(self.margin + self.half - 0.5)) / np.float32(self.half)
        return ((side[None, :] + 1j * side[:, None] - self.moved) / self.zoom).astype(np.complex64)

    def truth(self, image: np.ndarray, scene: Scene, pen: Pen, seen: np.ndarray) -> Drawing:
        """The ground truth of an object, from what its pen remembers and how much of it is seen in each pixel, (F, F)."""
        top, left, bottom, right = (edge / 2 - self.margin for edge in pen.box())
        box = (int(np.floor(top)), int(np.floor(left)), int(np.ceil(bottom)), int(np.ceil(right)))
        points = {name: (z.imag / 2 - self.margin, z.real / 2 - self.margin) for name, z in pen.points.items()}
        crop = slice(self.margin, self.margin + self.image_size)
        return Drawing(image, scene.label, seen[crop, crop] > 0.5, box, points)


def draw_layers(
    view: View, scenes: Sequence[Scene], shown: Sequence[Subject], rng: np.random.Generator, **how
) -> tuple[Pen, list[Pen]]:
    """The layer behind all objects, with clutter, companion and wearers, and one layer for each object, by pens made so."""
    behind = view.pen(**how)
    with behind.part("clutter"):
        clutter(behind, scenes[0].clutter)
    if companion := scenes[0].companion:
        with behind.part("companion"):
            COMPANIONS[companion.kind](behind.at(companion.centre, companion.size), rng)
    objects = []
    for scene, subject in zip(scenes, shown, strict=True):
        if subject.wearer:
            subject.wearer(behind.at(*scene.place), rng)
        objects.append(view.pen(**how).at(*scene.place))
        subject.draw(objects[-1], rng, scene.borrowed)
    return behind, objects


def lay(picture: np.ndarray, pen: Pen, brightness: np.ndarray | None = None) -> tuple[np.ndarray, np.ndarray]:
    """The picture with a pen's layer before it, (F, F, 3), and how opaque that layer is, (F, F); all float32."""
    layer = np.asarray(pen.layer.reduce(2), np.float32)  # colours times opacity, opacity
    colour, opacity = layer[..., :3], layer[..., 3:] / 255
    if brightness is not None:
        colour = colour * brightness[..., None]
    return picture * (1 - opacity) + colour, opacity[..., 0]


def light(world: np.ndarray, scene: Scene, direction: float, strength: float) -> tuple[np.ndarray, np.ndarray]:
    """How bright the light makes an object, and how bright its shadow leaves what lies behind; (F, F) float32 each."""
    rays = np.complex64(np.exp(1j * direction))
    local = (world - np.complex64(scene.centre)) / np.float32(FILL * scene.scale)
    toward = local.real * rays.real + local.imag * rays.imag
    shadow = local + rays * np.float32(0.16)
    darkness = 0.45 * np.exp(-1.6 * (shadow.real**2 + shadow.imag**2) ** 2)
    return 1 + strength * np.clip(toward, -1, 1), 1 - darkness


def photograph(picture: np.ndarray, scene: Scene, view: View, rng: np.random.Generator) -> np.ndarray:
    """What a camera makes of the picture, (F, F, 3) uint8: blurred, with noise that belongs to the frame."""
    image = np.clip(picture, 0, 255).astype(np.uint8)
    if scene.blur:
        image = np.asarray(Image.fromarray(image).filter(ImageFilter.GaussianBlur(scene.blur * view.image_size / 128)))
    row, column = int(256 * rng.random()), int(256 * rng.random())
    grains = camera_noise(view.frame_size + 256)[row : row + view.frame_size, column : column + view.frame_size]
    return np.clip(image + np.float32(scene.noise) * grains, 0, 255).astype(np.uint8)
