"""Opening a world by its name: one function for each kind.

    >>> world = open_world("toy")
    >>> world, len(world.val)
    (World('toy': 24 classes, 128 px), 1200)

Photographs lie where `files.data_dir` says; `download` fetches those that a program may fetch.
"""

from __future__ import annotations

import math
import os
import warnings
from collections import Counter
from collections.abc import Sequence
from pathlib import Path

import numpy as np
from torch import Tensor

from zfhelpers import toyworld
from zfhelpers.files import cached_array, data_dir
from zfhelpers.hooks import whole
from zfhelpers.worlds import folders, tinyimagenet
from zfhelpers.worlds.formats import is_companion
from zfhelpers.worlds.frames import decode, readable
from zfhelpers.worlds.world import ImageSet, World

IMAGENETTE = {  # in the order of the labels: sorted by folder
    "n01440764": "tench",
    "n02102040": "English springer",
    "n02979186": "cassette player",
    "n03000684": "chain saw",
    "n03028079": "church",
    "n03394916": "French horn",
    "n03417042": "garbage truck",
    "n03425413": "gas pump",
    "n03445777": "golf ball",
    "n03888257": "parachute",
}
IMAGENETTE_IMAGES = {"train": 9469, "val": 3925}
WORLDS = "toy, imagenette, tinyimagenet, imagenet or folder:PATH"


def open_world(name: str, image_size: int | None = None, mean: Tensor | None = None, *, unreadable: str | None = None) -> World:
    """Open a world by name. Images are read only when `train` or `val` is asked for.

    Args:
        name: "toy", "imagenette", "tinyimagenet", "imagenet" or "folder:PATH" with PATH/{train,val}/CLASS/*.jpg.
        image_size: side of the network's input in pixels; 224 for imagenet, 128 for the others unless given.
        mean: the mean image, if it is known already, (3, S, S).
        unreadable: what becomes of a picture in your own folders that cannot be read: "error" refuses the world and names the
            picture, "skip" leaves it out and says so; as `$ZF_UNREADABLE` says unless given, and otherwise "error".

    What is left out of your own folders is said once, as a warning: files that are no pictures, classes without a picture.

    Raises:
        TypeError: an image size that is no number.
        ValueError: there is no world of that name; an image size that is not positive and whole; a folder cannot be read, or is
            no UTF-8.
        FileNotFoundError: the folder of a `folder:` world is missing, or the list of classes of tinyimagenet or imagenet; for
            toy and imagenette, whose classes are known, images are looked for when they are asked for.
    """
    if image_size is not None:
        image_size = whole("image_size", image_size)
    kind, _, path = str(name).partition(":")
    if kind == "folder" and path:
        return _folder(Path(path), image_size, mean, unreadable or os.environ.get("ZF_UNREADABLE") or "error")
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
            array[:] = toyworld.render(split, frame_size=world.frame_size, image_size=world.image_size)[0]

        frames = cached_array(f"toy-{split}", f"{toyworld.VERSION} {toyworld.DIFFICULTY} {shape}", shape, fill)
        return ImageSet(frames, np.arange(shape[0]) % len(toyworld.CLASSES), world.image_size)

    def drawing(world: World, split: str, index: int) -> toyworld.Drawing:
        return toyworld.draw(toyworld.scene(split, index), world.frame_size, world.image_size)

    return World("toy", toyworld.CLASSES, 128, open_split, mean=mean, drawing=drawing)


def _imagenette(image_size: int | None, mean: Tensor | None) -> World:
    def open_split(world: World, split: str) -> ImageSet:
        folder, advice = imagenette_folder(world.frame_size), "or set ZF_DATA to where it lies"
        if not folder.is_dir():
            raise FileNotFoundError(f"Imagenette is not in {str(folder)!r}; fetch it (95 MB) with 'make data', {advice}.")
        there = [(label, folder / split / wnid) for label, wnid in enumerate(IMAGENETTE) if (folder / split / wnid).is_dir()]
        samples = [(file, label) for label, each in there for file in folders.pictures(each)[0]]
        if len(samples) < (count := IMAGENETTE_IMAGES[split]):
            raise FileNotFoundError(
                f"{str(folder / split)!r} holds {len(samples)} of Imagenette's {count} images: its download was cut short; "
                f"remove the folder and fetch it again with 'make data', {advice}."
            )
        return _from_samples(world, split, samples)

    return World("imagenette", tuple(IMAGENETTE.values()), image_size or 128, open_split, mean=mean)


def imagenette_folder(frame_size: int) -> Path:
    """Where Imagenette lies, in the smallest edition whose images are large enough for such frames, or else in the largest."""
    editions = {160: "imagenette2-160", 320: "imagenette2-320", math.inf: "imagenette2"}
    there = {side: data_dir() / name for side, name in editions.items() if (data_dir() / name).is_dir()}
    large = [side for side in there if side >= frame_size]
    return there[min(large)] if large else there[max(there)] if there else data_dir() / editions[160]


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
        samples = [(path, label) for path, label in _ilsvrc(split).samples if not is_companion(os.path.basename(path))]
        return _from_samples(world, split, samples)

    return World("imagenet", [names[0] for names in _ilsvrc("val").classes], image_size or 224, open_split, mean=mean)


def _ilsvrc(split: str):
    from torchvision.datasets import ImageNet

    root = data_dir() / "imagenet"
    if int(os.environ.get("WORLD_SIZE", 1)) > 1 and not ((root / split).is_dir() and (root / "meta.bin").is_file()):
        raise FileNotFoundError(
            f"ILSVRC-2012 is not unpacked in {str(root)!r}, and several processes would do it at once; let one begin: "
            "python -c \"from zfhelpers import open_world; world = open_world('imagenet'); world.val, world.train\"."
        )
    try:
        return ImageNet(root, split=split)
    except (RuntimeError, OSError) as error:
        why = str(error).partition("\n")[0]
    except KeyError as error:
        raise ValueError(f"{str(root / split)!r} has a folder {error} that is no class of ILSVRC-2012; remove it.") from None
    if (root / "train").is_dir() and not (root / "meta.bin").is_file():
        raise FileNotFoundError(
            f"{str(root)!r} holds class folders of ILSVRC-2012, but not its development kit, which names the classes; put "
            f"ILSVRC2012_devkit_t12.tar.gz there, or take the folders as they are: 'folder:{root.absolute()}'."
        )
    raise FileNotFoundError(
        f"ILSVRC-2012 is not in {str(root)!r} ({why}); put its archives there (torchvision.datasets.ImageNet says which), "
        "or set ZF_DATA to the folder above it."
    )


def _folder(path: Path, image_size: int | None, mean: Tensor | None, unreadable: str) -> World:
    root = path.expanduser().absolute()  # a card keeps the name, and is read from other folders
    if unreadable not in ("error", "skip"):
        raise ValueError(f"What cannot be read is an 'error' or is to 'skip' (ZF_UNREADABLE), not {unreadable!r}.")
    try:
        str(root).encode()
    except UnicodeEncodeError:  # cards and reports are named after the world
        raise ValueError(f"The folder {str(root)!r} has a name that is not UTF-8; rename it.") from None
    classes, empty = classes_in(root / "train")

    def open_split(world: World, split: str) -> ImageSet:
        return from_folders(world, split, root / split, unreadable, empty)

    return World(f"folder:{root}", classes, image_size or 128, open_split, mean=mean)


def classes_in(root: Path, layout: str = folders.LAYOUT) -> tuple[list[str], set[str]]:
    """The classes whose folders lie in `root`, and, after a warning, the names of folders without a picture.

    Raises:
        FileNotFoundError: no folder, or no picture in its folders; the sentence says what the layout is.
        ValueError: what `folders.class_folders` refuses.
    """
    there = folders.class_folders(root, layout)
    classes = [name for name, folder in there.items() if folders.has_pictures(folder)]
    if not classes:
        raise FileNotFoundError(f"{str(root)!r} holds class folders, but no picture; {layout}.")
    empty = set(there) - set(classes)
    if empty:
        names = ", ".join(sorted(empty))
        warnings.warn(f"Of {str(root)!r} these folders hold no picture, and are no classes: {names}.", stacklevel=3)
    return classes, empty


def from_folders(world: World, split: str, root: Path, unreadable: str, empty: set[str]) -> ImageSet:
    """One half of a world of class folders; `empty` are the training folders that are no classes."""
    found = {name: folders.pictures(folder) for name, folder in folders.class_folders(root).items()}
    unknown = [name for name, (files, _) in found.items() if name not in world.classes and (files or name not in empty)]
    if unknown:
        raise ValueError(f"{str(root)!r} has classes that are not in train: {', '.join(unknown)}.")
    left_out = sum((others for _, others in found.values()), Counter({folders.OUTSIDE: folders.outside(root)}))
    samples = [(file, label) for label, name in enumerate(world.classes) for file in found.get(name, ((), ()))[0]]
    if unreadable == "skip" and samples:
        good = readable([file for file, _ in samples], _cache_name(world, split))
        bad = [file for (file, _), kept in zip(samples, good, strict=True) if not kept]
        samples = [sample for sample, kept in zip(samples, good, strict=True) if kept]
        left_out += Counter({f"that cannot be read, {bad[0]!r} first": len(bad)} if bad else {})
    if left_out:
        warnings.warn(folders.left_out_sentence(root, left_out), stacklevel=2)
    held = {label for _, label in samples}
    if missing := [name for label, name in enumerate(world.classes) if label not in held]:
        if split == "train":
            raise ValueError(f"{str(root)!r} has no picture that can be read of: {', '.join(missing)}; remove the folders.")
        warnings.warn(f"{str(root)!r} has no picture of these classes: {', '.join(missing)}.", stacklevel=2)
    try:
        return _from_samples(world, split, samples)
    except ValueError as error:
        choice = "to leave out what cannot be read, set ZF_UNREADABLE=skip, or open the world with unreadable='skip'"
        raise ValueError(f"{str(error).rstrip('.')}; {choice}.") from None


def _from_samples(world: World, split: str, samples: Sequence[tuple[str, int]]) -> ImageSet:
    if not samples:
        raise FileNotFoundError(f"The world {world.name!r} has no images to read for {split!r}.")
    files = [str(path) for path, _ in samples]
    labels = np.array([label for _, label in samples])
    return ImageSet(decode(files, world.frame_size, _cache_name(world, split), world.resampling), labels, world.image_size, files)


def _cache_name(world: World, split: str) -> str:
    return f"{world.name[-60:]}-{split}"
