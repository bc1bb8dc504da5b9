"""Opening a world by its name: one function for each kind.

    >>> world = open_world("toy")
    >>> world, len(world.val)
    (World('toy': 24 classes, 128 px), 1200)

Photographs lie where `files.data_dir` says; `download` fetches those that a program may fetch.
"""

from __future__ import annotations

from collections.abc import Sequence
from pathlib import Path

import numpy as np
from PIL import Image
from torch import Tensor

from zfhelpers import toyworld
from zfhelpers.files import cached_array, data_dir
from zfhelpers.worlds import tinyimagenet
from zfhelpers.worlds.frames import decode
from zfhelpers.worlds.world import ImageSet, World

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
WORLDS = "toy, imagenette, tinyimagenet, imagenet or folder:PATH"


def open_world(name: str, image_size: int | None = None, mean: Tensor | None = None) -> World:
    """Open a world by name. Images are read only when `train` or `val` is asked for.

    Args:
        name: "toy", "imagenette", "tinyimagenet", "imagenet" or "folder:PATH" with PATH/{train,val}/CLASS/*.jpg.
        image_size: side of the network's input in pixels; 224 for imagenet, 128 for the others unless given.
        mean: the mean image, if it is known already, (3, S, S).

    Raises:
        ValueError: there is no world of that name.
        FileNotFoundError: the folder of a `folder:` world is missing, or the list of classes of tinyimagenet or imagenet; for
            toy and imagenette, whose classes are known, images are looked for when they are asked for.
    """
    kind, _, path = str(name).partition(":")
    if kind == "folder" and path:
        return _folder(Path(path), image_size, mean)
    kinds = {"toy": _toy, "imagenette": _imagenette, "tinyimagenet": _tinyimagenet, "imagenet": _imagenet}
    if name not in kinds:
        raise ValueError(f"There is no world {name!r}; there are {WORLDS}.")
    return kinds[name](image_size, mean)


def _toy(image_size: int | None, mean: Tensor | None) -> World:
    if image_size not in (None, 128):
        raise ValueError(f"The toy world is drawn at 128 px, not {image_size}.")

    def open_split(world: World, split: str) -> ImageSet:
        shape = (toyworld.SIZES[split] * len(toyworld.CLASSES), 3, world.frame_size, world.frame_size)

        def fill(array: np.ndarray) -> None:
            array[:] = toyworld.render(split, frame_size=world.frame_size)[0]

        frames = cached_array(f"toy-{split}", f"{toyworld.VERSION} {toyworld.DIFFICULTY} {shape}", shape, fill)
        return ImageSet(frames, np.arange(shape[0]) % len(toyworld.CLASSES), world.image_size)

    def drawing(world: World, split: str, index: int) -> toyworld.Drawing:
        return toyworld.draw(toyworld.scene(split, index), world.frame_size, world.image_size)

    return World("toy", toyworld.CLASSES, 128, open_split, mean=mean, drawing=drawing)


def _imagenette(image_size: int | None, mean: Tensor | None) -> World:
    def open_split(world: World, split: str) -> ImageSet:
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

    return World("imagenette", IMAGENETTE, image_size or 128, open_split, mean=mean)


def _tinyimagenet(image_size: int | None, mean: Tensor | None) -> World:
    root = data_dir() / tinyimagenet.FOLDER
    listing = tinyimagenet.read_listing(root)

    def open_split(world: World, split: str) -> ImageSet:
        try:
            return _from_samples(world, split, listing.samples[split])
        except ValueError as error:
            again = f"remove {str(root)!r} and fetch it again with {tinyimagenet.FETCH}"
            raise ValueError(f"{str(error).rstrip('.')}; {again}.") from None

    size = image_size or 128  # twice that of the files: the network is Imagenette's, so that only the data differ
    return World("tinyimagenet", listing.classes, size, open_split, mean=mean, images_a_class=listing.images_a_class)


def _imagenet(image_size: int | None, mean: Tensor | None) -> World:
    def open_split(world: World, split: str) -> ImageSet:
        return _from_samples(world, split, _ilsvrc(split).samples)

    return World("imagenet", [names[0] for names in _ilsvrc("val").classes], image_size or 224, open_split, mean=mean)


def _ilsvrc(split: str):
    from torchvision.datasets import ImageNet

    root = data_dir() / "imagenet"
    try:
        return ImageNet(root, split=split)
    except (RuntimeError, FileNotFoundError):
        raise FileNotFoundError(
            f"ILSVRC-2012 is not in {str(root)!r}; put its archives there (torchvision.datasets.ImageNet says which), "
            "or set ZF_DATA to the folder above it."
        ) from None


def _folder(path: Path, image_size: int | None, mean: Tensor | None) -> World:
    root = path.expanduser().absolute()  # a card keeps the name, and is read from other folders

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

    return World(f"folder:{root}", _class_folders(root / "train"), image_size or 128, open_split, mean=mean)


def _class_folders(root: Path) -> list[str]:
    if not root.is_dir():
        raise FileNotFoundError(
            f"There is no folder {str(root)!r}; a folder world is PATH/train/CLASS/*.jpg and PATH/val/CLASS/*.jpg."
        )
    names = sorted(entry.name for entry in root.iterdir() if entry.is_dir() and not entry.name.startswith("."))
    if not names:
        raise FileNotFoundError(f"{str(root)!r} holds no class folders; a folder world is PATH/train/CLASS/*.jpg.")
    return names


def _from_samples(world: World, split: str, samples: Sequence[tuple[str, int]]) -> ImageSet:
    if not samples:
        raise FileNotFoundError(f"The world {world.name!r} has no images to read for {split!r}.")
    name = f"{world.name.replace(':', '-').replace('/', '-')[-60:]}-{split}"
    files = [str(path) for path, _ in samples]
    labels = np.array([label for _, label in samples])
    return ImageSet(decode(files, world.frame_size, name), labels, world.image_size, files)
