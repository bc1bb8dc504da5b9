"""Targets: the data sets that features learned in a world are carried over to (sec. 5.2 and 5.3; Tables 4 to 7, Fig. 9).

A target's images come at the size of the world that the network was trained in, and are preprocessed by that world.

    >>> from zfhelpers.worlds.opening import open_world
    >>> default_target(open_world("toy")), default_target(open_world("imagenette"))
    ('toy-novel', 'caltech101')
"""

from __future__ import annotations

import os
from collections.abc import Callable, Sequence
from dataclasses import dataclass
from pathlib import Path
from xml.etree import ElementTree

import numpy as np

from zfhelpers.files import cached_array, data_dir
from zfhelpers.toyworld import novel, scenes
from zfhelpers.worlds.formats import is_companion
from zfhelpers.worlds.frames import decode
from zfhelpers.worlds.opening import classes_in, from_folders
from zfhelpers.worlds.world import ImageSet, World

CALTECH = {
    "caltech101": ("101_ObjectCategories", 102, "https://data.caltech.edu/records/mzrjq-6wc02"),
    "caltech256": ("256_ObjectCategories", 257, "https://data.caltech.edu/records/nyy15-4j048"),
}
VOC_CLASSES = (
    "aeroplane", "bicycle", "bird", "boat", "bottle", "bus", "car", "cat", "chair", "cow", "diningtable", "dog", "horse",
    "motorbike", "person", "pottedplant", "sheep", "sofa", "train", "tvmonitor",
)  # fmt: skip


@dataclass(frozen=True)
class Target:
    """A data set to classify with the features of another one.

    Attributes:
        name: as `open_target` takes it.
        classes: names of the C classes, in the order of the labels.
        images: N images at the source world's size, one label each; of several objects the largest gives the label.
        present: (N, C) bool, every class that is in an image; None where an image shows one object.
        train, test: (n,) int64, which images the data set itself sets aside for training and testing; None where it has no such
            split, and the paper draws one at random.
    """

    name: str
    classes: tuple[str, ...]
    images: ImageSet
    present: np.ndarray | None = None
    train: np.ndarray | None = None
    test: np.ndarray | None = None

    def __repr__(self) -> str:
        return f"Target({self.name!r}: {len(self.images):,} images of {len(self.classes)} classes, {self.images.image_size} px)"


def default_target(world: World) -> str:
    """The target that suits a world: drawn things for the toy world, photographs for the others."""
    return "toy-novel" if world.name == "toy" else "caltech101"


def open_target(name: str, world: World) -> Target:
    """Open a target, its images at the frame and image size of `world`; decoded or drawn once, then kept in the cache.

    Args:
        name: "toy-novel" (20 drawn classes that the toy network never saw) or "toy-scenes" (several toy objects per image);
            or photographs that lie in `$ZF_DATA` as torchvision keeps them: "caltech101" (102 classes with the background, the
            9,144 images that the paper counts), "caltech256" (257 with the clutter, 30,607 images) or "voc2012" (20 classes,
            several objects per image); or "folder:PATH", your own photographs in PATH/CLASS/*.jpg.
        world: the world whose network makes the features.

    Raises:
        ValueError: there is no target of that name, or a photograph or annotation of it cannot be read.
        FileNotFoundError: its photographs are not there, or not all of them.
        OSError: the cache cannot be written.
    """
    targets: dict[str, Callable[[str, World], Target]] = {
        "toy-novel": _toy_novel,
        "toy-scenes": _toy_scenes,
        "caltech101": _caltech,
        "caltech256": _caltech,
        "voc2012": _voc,
    }
    if str(name).startswith("folder:"):
        return _folder(name, world)
    if name not in targets:
        raise ValueError(f"There is no target {name!r}; there are {', '.join(targets)}, and folder:PATH.")
    return targets[name](name, world)


def _folder(name: str, world: World) -> Target:
    root = Path(name.partition(":")[2]).expanduser().absolute()
    classes, empty = classes_in(root, "a target of your own is PATH/CLASS/*.jpg")
    own = World(f"folder:{root}", classes, world.image_size, None)
    own.frame_size, own.resampling = world.frame_size, world.resampling
    images = from_folders(own, "train", root, os.environ.get("ZF_UNREADABLE") or "error", empty)
    return Target(own.name, own.classes, images)


def _toy_novel(name: str, world: World) -> Target:
    count, size = novel.PER_CLASS * len(novel.CLASSES), world.frame_size

    def fill(array: np.ndarray) -> None:
        array[:] = novel.render(frame_size=size, image_size=world.image_size)

    frames = cached_array(f"{name}-{size}", f"{novel.VERSION} {count}", (count, 3, size, size), fill)
    return Target(name, novel.CLASSES, ImageSet(frames, np.arange(count) % len(novel.CLASSES), world.image_size))


def _toy_scenes(name: str, world: World) -> Target:
    counts, size = list(scenes.SIZES.values()), world.frame_size
    total, key = sum(counts), f"{scenes.VERSION} {counts}"

    def fill(array: np.ndarray) -> None:
        array[:] = np.concatenate([scenes.render(split, frame_size=size, image_size=world.image_size) for split in scenes.SIZES])

    frames = cached_array(f"{name}-{size}", key, (total, 3, size, size), fill)
    labels = np.concatenate([np.arange(count) % len(scenes.CLASSES) for count in counts])
    present = np.concatenate([scenes.present(split) for split in scenes.SIZES])
    train, test = np.split(np.arange(total), counts[:1])
    return Target(name, scenes.CLASSES, ImageSet(frames, labels, world.image_size), present, train, test)


def _caltech(name: str, world: World) -> Target:
    folder, count, source = CALTECH[name]
    root = data_dir() / name / folder
    advice = (
        f"fetch it from {source} and unpack it so that its {count} class folders lie in {str(root)!r}, "
        "or set ZF_DATA to the folder that holds it"
    )
    classes = sorted(entry.name for entry in root.glob("*") if entry.is_dir() and not is_companion(entry.name))
    if not classes:
        raise FileNotFoundError(f"{name} is not in {str(root)!r}; {advice}.")
    if len(classes) != count:
        raise FileNotFoundError(f"{name} has {count} class folders, but {str(root)!r} holds {len(classes)}; {advice}.")
    files, labels = [], []
    for label, each in enumerate(classes):
        found = sorted(str(file) for file in (root / each).glob("[!.]*") if file.suffix.lower() == ".jpg")
        if not found:
            raise FileNotFoundError(f"{name} has no .jpg in {str(root / each)!r}; {advice}.")
        files += found
        labels += [label] * len(found)
    return Target(name, tuple(each.replace("_", " ") for each in classes), _photographs(name, files, labels, world, advice))


def _voc(name: str, world: World) -> Target:
    root = data_dir() / "VOCdevkit" / "VOC2012"
    advice = (
        'fetch it (2 GB) with \'torchvision.datasets.VOCDetection(ZF_DATA, year="2012", image_set="trainval", download=True)\', '
        "or set ZF_DATA to the folder that holds VOCdevkit"
    )
    # The labels of the test half were never published: they lie on the server that computed the paper's Table 6. The 11,540
    # images of train + val are all there is to measure on, so the training list trains and the validation list tests.
    counts, stems = [], []
    for split in ("train", "val"):
        listing = root / "ImageSets" / "Main" / f"{split}.txt"
        if not listing.is_file() or not (listed := listing.read_text(encoding="utf-8", errors="replace").split()):
            raise FileNotFoundError(f"voc2012 has no list of images {str(listing)!r}; {advice}.")
        counts.append(len(listed))
        stems += listed
    files = [root / "JPEGImages" / f"{stem}.jpg" for stem in stems]
    notes = [root / "Annotations" / f"{stem}.xml" for stem in stems]
    for file in (*files, *notes):
        if not file.is_file():
            raise FileNotFoundError(f"voc2012 lists {file.stem!r}, but there is no {str(file)!r}; {advice}.")
    labels, present = np.zeros(len(stems), np.int64), np.zeros((len(stems), len(VOC_CLASSES)), bool)
    for i, note in enumerate(notes):
        labels[i], present[i] = _annotation(note)
    train, test = np.split(np.arange(len(stems)), counts[:1])
    return Target(
        name, VOC_CLASSES, _photographs(name, [str(file) for file in files], labels, world, advice), present, train, test
    )


def _annotation(path: Path) -> tuple[int, np.ndarray]:
    """The class of the largest object, and (20,) bool of all; those that VOC calls difficult count only where all of them are."""
    objects = []
    try:
        for found in ElementTree.parse(path).iter("object"):
            left, top, right, bottom = (float(found.findtext(f"bndbox/{edge}")) for edge in ("xmin", "ymin", "xmax", "ymax"))
            easy = found.findtext("difficult", "0").strip() != "1"
            objects.append((easy, (right - left) * (bottom - top), VOC_CLASSES.index(found.findtext("name"))))
        easy = max(objects)[0]
    except (ElementTree.ParseError, TypeError, ValueError) as error:
        raise ValueError(f"The annotation {str(path)!r} cannot be read as one of VOC 2012: {error}.") from None
    counted = [each for each in objects if each[0] == easy]
    return max(counted, key=lambda each: each[1])[2], np.isin(np.arange(len(VOC_CLASSES)), [each[2] for each in counted])


def _photographs(name: str, files: Sequence[str], labels: Sequence[int], world: World, advice: str) -> ImageSet:
    try:
        return ImageSet(decode(files, world.frame_size, name, world.resampling), np.asarray(labels), world.image_size, files)
    except ValueError as error:
        raise ValueError(f"{str(error).rstrip('.')}; {advice}.") from None
