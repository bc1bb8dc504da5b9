"""Worlds: a data set together with how its images become the numbers a network sees.

Every world has the same face, so that a notebook needs only its name.

    >>> world = open_world("toy")
    >>> world.image_size, world.pixels(50), len(world.classes)
    (128, 29, 24)

The paper (sec. 3.1) resizes each image until its shorter side is 256, keeps the centre 256 x 256 (the *frame* here), takes
crops of 224 from it and subtracts the mean image. A world of 128 px keeps the proportion: frames of 146, crops of 128.
"""

from __future__ import annotations

from collections.abc import Callable, Sequence
from functools import cached_property
from pathlib import Path

import numpy as np
import torch
from PIL import Image
from torch import Tensor
from torch.utils.data import Dataset

from zfhelpers import toyworld
from zfhelpers.files import cached_array, data_dir
from zfhelpers.worlds.frames import centre_crop, decode, to_frame, to_rgb

PAPER_CROP, PAPER_FRAME = 224, 256
IMAGENETTE = (
    "tench",
    "English springer",
    "cassette player",
    "chain saw",
    "church",
    "French horn",
    "garbage truck",
    "gas pump",
    "golf ball",
    "parachute",
)
IMAGENETTE_IMAGES = {"train": 9469, "val": 3925}
WORLDS = "toy, imagenette, imagenet or folder:PATH"


class ImageSet(Dataset):
    """One half of a world: item `i` is (image (3, S, S) uint8, label), the centre crop of frame `i`.

    Attributes:
        frames: (N, 3, F, F) uint8, an array or anything that is indexed like one.
        labels: (N,) int64.
        files: the paths of the image files, in the same order; empty where images are drawn, not read.
    """

    def __init__(self, frames, labels: np.ndarray, image_size: int, files: Sequence[str] = ()):
        self.frames, self.labels, self.image_size = frames, np.asarray(labels, dtype=np.int64), image_size
        self.files = tuple(files)
        self.frame_size = frames.shape[-1]

    def __len__(self) -> int:
        return len(self.labels)

    def __getitem__(self, index: int) -> tuple[Tensor, int]:
        if not -len(self) <= index < len(self):
            raise IndexError(f"There is no image {index}; this set has {len(self)}.")
        return centre_crop(torch.from_numpy(np.array(self.frames[index])), self.image_size), int(self.labels[index])

    def images(self, indices: Sequence[int]) -> Tensor:
        """Several items at once, (n, 3, S, S) uint8."""
        return centre_crop(torch.from_numpy(np.array(self.frames[np.asarray(indices, dtype=np.int64)])), self.image_size)


class World:
    """A data set and its preprocessing.

    Attributes:
        name: as `open_world` takes it.
        classes: names of the classes, in the order of the labels.
        image_size, frame_size: sides S of what the network sees and F of what crops are taken from, in pixels.
    """

    def __init__(
        self,
        name: str,
        classes: Sequence[str],
        image_size: int,
        open_split: Callable[[World, str], ImageSet],
        *,
        mean: Tensor | None = None,
    ):
        self.name, self.classes, self.image_size = name, tuple(classes), image_size
        self.frame_size = round(image_size * PAPER_FRAME / PAPER_CROP)
        self._open_split = open_split
        if mean is not None:
            self.mean = mean.float()

    def __repr__(self) -> str:
        return f"World({self.name!r}: {len(self.classes)} classes, {self.image_size} px)"

    @cached_property
    def train(self) -> ImageSet:
        """The training images."""
        return self._open_split(self, "train")

    @cached_property
    def val(self) -> ImageSet:
        """The validation images."""
        return self._open_split(self, "val")

    @cached_property
    def mean(self) -> Tensor:
        """The mean training image, (3, S, S) float32 in [0, 255]; computed only where no weights brought it along."""
        total = torch.zeros(3, self.image_size, self.image_size, dtype=torch.float64)
        for start in range(0, len(self.train), 256):
            total += self.train.images(range(start, min(start + 256, len(self.train)))).sum(dim=0, dtype=torch.float64)
        return (total / len(self.train)).float()

    def pixels(self, paper_px: float) -> int:
        """A length of the paper, in pixels of 224, as whole pixels of this world, at least 1."""
        return max(1, round(paper_px * self.image_size / PAPER_CROP))

    def crop(self, image) -> Tensor:
        """What the network would see of an image, still uint8: shorter side to F, centre crop of S.

        Args:
            image: a PIL image of any mode, or a uint8 tensor (3, H, W) or (N, 3, H, W).

        Returns:
            (3, S, S) or (N, 3, S, S) uint8.
        """
        if isinstance(image, Image.Image):
            frame = to_frame(to_rgb(image), self.frame_size)
            return centre_crop(torch.from_numpy(np.array(frame)).permute(2, 0, 1), self.image_size)
        if not isinstance(image, Tensor) or image.dtype != torch.uint8 or image.ndim not in (3, 4) or image.shape[-3] != 3:
            what = f"{tuple(image.shape)} {image.dtype}" if isinstance(image, Tensor) else type(image).__name__
            raise TypeError(f"An image here is a PIL image or a uint8 tensor (3, H, W) or (N, 3, H, W), not {what}.")
        if image.shape[-2:] == (self.image_size, self.image_size):
            return image
        if image.shape[-2:] == (self.frame_size, self.frame_size):
            return centre_crop(image, self.image_size)
        if image.ndim == 4:
            return torch.stack([self.crop(one) for one in image])
        return self.crop(Image.fromarray(image.permute(1, 2, 0).cpu().numpy()))

    def preprocess(self, image) -> Tensor:
        """An image as the network takes it: `crop`, as float32, minus the mean image.

        Args:
            image: a PIL image of any mode, or a uint8 tensor (3, H, W) or (N, 3, H, W).

        Returns:
            (3, S, S) or (N, 3, S, S) float32, about [-128, 128].
        """
        pixels = self.crop(image)
        return pixels.float() - self.mean.to(pixels.device)

    def ten_crop(self, frames: Tensor) -> Tensor:
        """The paper's ten views of each frame: four corners and the centre, and their mirror images.

        Args:
            frames: (N, 3, F, F) uint8.

        Returns:
            (N, 10, 3, S, S) float32, preprocessed.
        """
        if frames.ndim != 4 or frames.shape[1:] != (3, self.frame_size, self.frame_size):
            raise ValueError(
                f"Ten crops are taken from frames (N, 3, {self.frame_size}, {self.frame_size}), not {tuple(frames.shape)}."
            )
        size, end = self.image_size, self.frame_size - self.image_size
        corners = [frames[..., r : r + size, c : c + size] for r in (0, end) for c in (0, end)]
        five = torch.stack([*corners, centre_crop(frames, size)], dim=1)  # (N, 5, 3, S, S)
        return torch.cat([five, five.flip(-1)], dim=1).float() - self.mean.to(frames.device)

    def parts(self, split: str, index: int):
        """Where the object and its parts are, in pixels of the centre crop; only the toy world knows. See `toyworld.Drawing`."""
        if self.name != "toy":
            raise ValueError(f"The world {self.name!r} does not know where the parts of its objects are; 'toy' does.")
        return toyworld.draw(toyworld.scene(split, index), self.frame_size, self.image_size)


def open_world(name: str, image_size: int | None = None, mean: Tensor | None = None) -> World:
    """Open a world by name. Images are read only when `train` or `val` is asked for.

    Args:
        name: "toy", "imagenette", "imagenet" or "folder:PATH" with PATH/{train,val}/CLASS/*.jpg.
        image_size: side of the network's input in pixels; 224 for imagenet, 128 for the others unless given.
        mean: the mean image, if it is known already, (3, S, S).

    Raises:
        ValueError: there is no world of that name.
        FileNotFoundError: the folder of a `folder:` world is missing (for the others: when images are asked for).
    """
    kind, _, path = str(name).partition(":")
    if kind == "folder" and path:
        root = Path(path).expanduser().absolute()  # a card keeps the name, and is read from other folders
        return World(f"folder:{root}", _class_folders(root / "train"), image_size or 128, _open_folder(root), mean=mean)
    if name == "toy":
        if image_size not in (None, 128):
            raise ValueError(f"The toy world is drawn at 128 px, not {image_size}.")
        return World(name, toyworld.CLASSES, 128, _open_toy, mean=mean)
    if name == "imagenette":
        return World(name, IMAGENETTE, image_size or 128, _open_imagenette, mean=mean)
    if name == "imagenet":
        return World(name, _imagenet_classes(), image_size or 224, _open_imagenet, mean=mean)
    raise ValueError(f"There is no world {name!r}; there are {WORLDS}.")


def _open_toy(world: World, split: str) -> ImageSet:
    shape = (toyworld.SIZES[split] * len(toyworld.CLASSES), 3, world.frame_size, world.frame_size)

    def fill(array: np.ndarray) -> None:
        array[:] = toyworld.render(split, frame_size=world.frame_size)[0]

    frames = cached_array(f"toy-{split}", f"{toyworld.VERSION} {toyworld.DIFFICULTY} {shape}", shape, fill)
    return ImageSet(frames, np.arange(shape[0]) % len(toyworld.CLASSES), world.image_size)


def _class_folders(root: Path) -> list[str]:
    if not root.is_dir():
        raise FileNotFoundError(
            f"There is no folder {str(root)!r}; a folder world is PATH/train/CLASS/*.jpg and PATH/val/CLASS/*.jpg."
        )
    names = sorted(entry.name for entry in root.iterdir() if entry.is_dir() and not entry.name.startswith("."))
    if not names:
        raise FileNotFoundError(f"{str(root)!r} holds no class folders; a folder world is PATH/train/CLASS/*.jpg.")
    return names


def _open_folder(root: Path) -> Callable[[World, str], ImageSet]:
    def open_split(world: World, split: str) -> ImageSet:
        folder = root / split
        unknown = set(_class_folders(folder)) - set(world.classes)
        if unknown:
            raise ValueError(f"{str(folder)!r} has classes that are not in train: {', '.join(sorted(unknown))}.")
        endings = Image.registered_extensions()
        samples = [
            (str(file), label)
            for label, name in enumerate(world.classes)
            for file in sorted((folder / name).glob("*"))
            if file.suffix.lower() in endings
        ]
        return _from_samples(world, split, samples)

    return open_split


def _from_samples(world: World, split: str, samples: Sequence[tuple[str, int]]) -> ImageSet:
    if not samples:
        raise FileNotFoundError(f"The world {world.name!r} has no images to read for {split!r}.")
    name = f"{world.name.replace(':', '-').replace('/', '-')[-60:]}-{split}"
    files = [str(path) for path, _ in samples]
    labels = np.array([label for _, label in samples])
    return ImageSet(decode(files, world.frame_size, name), labels, world.image_size, files)


def _open_imagenette(world: World, split: str) -> ImageSet:
    from torchvision.datasets import Imagenette

    folder, advice = data_dir() / "imagenette2-160", "or set ZF_DATA to where it lies"
    try:
        found = Imagenette(data_dir(), split=split, size="160px")
    except (RuntimeError, FileNotFoundError):
        found = ()
    if not folder.is_dir():
        raise FileNotFoundError(f"Imagenette is not in {str(folder)!r}; fetch it (95 MB) with 'make data', {advice}.")
    if len(found) < (count := IMAGENETTE_IMAGES[split]):
        raise FileNotFoundError(
            f"{str(folder / split)!r} holds {len(found)} of Imagenette's {count} images: its download was cut short; "
            f"remove the folder and fetch it again with 'make data', {advice}."
        )
    return _from_samples(world, split, found._samples)


def _open_imagenet(world: World, split: str) -> ImageSet:
    return _from_samples(world, split, _imagenet(split).samples)


def _imagenet_classes() -> list[str]:
    return [names[0] for names in _imagenet("val").classes]


def _imagenet(split: str):
    from torchvision.datasets import ImageNet

    root = data_dir() / "imagenet"
    try:
        return ImageNet(root, split=split)
    except (RuntimeError, FileNotFoundError):
        raise FileNotFoundError(
            f"ILSVRC-2012 is not in {str(root)!r}; put its archives there (torchvision.datasets.ImageNet says which), "
            "or set ZF_DATA to the folder above it."
        ) from None
