"""What lies in a folder of Tiny-ImageNet, and whether it is whole.

The official archive has 200 classes of ImageNet with 500 training and 50 validation photographs each, at 64 px:

    wnids.txt                                    the classes, one a line
    words.txt                                    class, tab, its names
    train/WNID/images/*.JPEG                     training photographs; train/WNID/WNID_boxes.txt lists them
    val/images/*.JPEG, val/val_annotations.txt   validation photographs, and file, tab, class of each

A smaller set is taken as well, if it is uniform and complete by its own listing: there is a folder for each class of `wnids.txt`
and no other, every class has the same number of training images, those of a `WNID_boxes.txt` where there is one, and of
validation images, and these are the files that `val_annotations.txt` lists. An archive that was unpacked in part is none of this.
"""

from __future__ import annotations

from collections import Counter
from dataclasses import dataclass
from pathlib import Path

from zfhelpers.worlds.formats import is_companion

FOLDER = "tiny-imagenet-200"
CLASSES, IMAGES_A_CLASS = 200, (500, 50)  # of the official archive
FETCH = "'make data WORLD=tinyimagenet'"


@dataclass(frozen=True)
class Listing:
    """The classes and files of a whole Tiny-ImageNet.

    Attributes:
        classes: the first name of each class, in the order of the labels: that of the sorted WordNet numbers.
        samples: "train" and "val" -> (file, label) of each image.
        images_a_class: training and validation images of each class; 500 and 50 in the official archive.
    """

    classes: tuple[str, ...]
    samples: dict[str, list[tuple[str, int]]]
    images_a_class: tuple[int, int]


def read_listing(root: Path) -> Listing:
    """What lies in a folder of the official layout.

    Raises:
        FileNotFoundError: there is no such folder, or not all of it.
        ValueError: a list that cannot be read.
    """
    if not root.is_dir():
        raise FileNotFoundError(
            f"Tiny-ImageNet is not in {str(root)!r}; fetch it (250 MB) with {FETCH}, or set ZF_DATA to where it lies."
        )
    wnids, names = sorted(_text(root, "wnids.txt").split()), _table(root, "words.txt")
    if not wnids:
        raise _in_part(root, "lists no classes in wnids.txt")
    if unnamed := sorted(set(wnids) - set(names)):
        raise _in_part(root, f"has no name of {unnamed[0]} in words.txt")
    labels = {wnid: label for label, wnid in enumerate(wnids)}
    train, val = _training(root, wnids), _validation(root, wnids)
    held = Counter(val.values())
    return Listing(
        tuple(names[wnid].split(",")[0].strip() for wnid in wnids),
        {
            "train": [(str(root / "train" / wnid / "images" / file), labels[wnid]) for wnid in wnids for file in train[wnid]],
            "val": [(str(root / "val" / "images" / file), labels[wnid]) for file, wnid in val.items()],
        },
        (
            _same_for_all(root, "training", {wnid: len(train[wnid]) for wnid in wnids}),
            _same_for_all(root, "validation", {wnid: held[wnid] for wnid in wnids}),
        ),
    )


def _training(root: Path, wnids: list[str]) -> dict[str, list[str]]:
    """The file names of each class."""
    folders = {entry.name for entry in (root / "train").glob("*") if entry.is_dir() and not is_companion(entry.name)}
    if differs := sorted(folders ^ set(wnids)):
        raise _in_part(root, f"and its wnids.txt differ in {len(differs)} class folders, {differs[0]!r} first")
    files = {wnid: _names(root / "train" / wnid / "images") for wnid in wnids}
    for wnid in wnids:
        boxes = f"train/{wnid}/{wnid}_boxes.txt"
        if (root / boxes).is_file() and sorted(listed := _table(root, boxes)) != files[wnid]:
            raise _in_part(root, f"has {len(files[wnid])} images of {wnid}, not the {len(listed)} that {boxes} lists")
    return files


def _validation(root: Path, wnids: list[str]) -> dict[str, str]:
    """The class of each file name."""
    val = _table(root, "val/val_annotations.txt")
    if unknown := sorted(set(val.values()) - set(wnids)):
        raise ValueError(f"{str(root)!r} has validation images of the class {unknown[0]!r}, which its wnids.txt does not list.")
    there = set(_names(root / "val" / "images"))
    if differs := sorted(there ^ set(val)):
        raise _in_part(root, f"and its val_annotations.txt differ in {len(differs)} images, {differs[0]!r} first")
    return val


def _same_for_all(root: Path, which: str, counts: dict[str, int]) -> int:
    """The number of images that every class has."""
    least, most = min(counts, key=counts.get), max(counts, key=counts.get)
    if counts[least] != counts[most] or not counts[most]:
        raise _in_part(root, f"has {counts[least]} {which} images of {least} and {counts[most]} of {most}")
    return counts[most]


def _names(folder: Path) -> list[str]:
    return sorted(entry.name for entry in folder.glob("*") if not is_companion(entry.name))


def _text(root: Path, file: str) -> str:
    try:
        return (root / file).read_text(encoding="utf-8")
    except FileNotFoundError:
        raise _in_part(root, f"has no {file}") from None
    except UnicodeDecodeError:
        raise ValueError(f"{str(root / file)!r} is not text.") from None


def _table(root: Path, file: str) -> dict[str, str]:
    """The second column of a list, by the first."""
    rows = [line.split("\t") for line in _text(root, file).splitlines() if line]
    if any(len(row) < 2 for row in rows):
        raise ValueError(f"{str(root / file)!r} has a line without a tab; it was cut short, or is no list of Tiny-ImageNet's.")
    return {row[0]: row[1] for row in rows}


def _in_part(root: Path, what: str) -> FileNotFoundError:
    return FileNotFoundError(f"{str(root)!r} {what}: it was unpacked in part; remove it and fetch it again with {FETCH}.")
