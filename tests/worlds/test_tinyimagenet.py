"""Tiny-ImageNet: what a whole one gives, and that a part is refused."""

import numpy as np
import pytest

from zfhelpers.files import cache_dir, data_dir
from zfhelpers.worlds.opening import open_world
from zfhelpers.worlds.tinyimagenet import CLASSES, FOLDER, IMAGES_A_CLASS, read_listing

AGAIN = "it was unpacked in part; remove it and fetch it again with 'make data WORLD=tinyimagenet'"


def write(files):
    for name, data in files.items():
        path = data_dir() / name
        path.parent.mkdir(parents=True, exist_ok=True)
        path.write_bytes(data)
    return data_dir() / FOLDER


def test_a_smaller_but_whole_one_opens_and_says_its_size(tiny):
    write(tiny)
    world = open_world("tinyimagenet")
    assert world.classes == ("goldfish", "bullfrog", "bus")
    assert (world.image_size, world.frame_size) == (128, 146)  # as imagenette: the files have 64 px
    assert (world.images_a_class, len(world.train), len(world.val)) == ((4, 2), 12, 6)
    assert repr(world) == "World('tinyimagenet': 3 classes, 4 + 2 images each, 128 px)"
    assert world.train.frames.shape == (12, 3, 146, 146)
    for images in (world.train, world.val):
        greys = images.frames.mean(axis=(1, 2, 3))
        assert np.abs(greys - 60 * (images.labels + 1)).max() < 2
    assert world.train.labels.tolist() == [0] * 4 + [1] * 4 + [2] * 4
    assert world.val.labels.tolist() == [2, 0, 1, 1, 0, 2]
    assert open_world("tinyimagenet", image_size=32).val[0][0].shape == (3, 32, 32)


def test_the_lists_of_boxes_may_be_missing_and_hidden_files_do_not_count(tiny):
    root = write({name: data for name, data in tiny.items() if not name.endswith("boxes.txt")})
    for place in ("train/.DS_Store", "train/n01/images/.DS_Store", "val/images/.DS_Store", "val/images/Thumbs.db"):
        (root / place).write_bytes(b"")
    (root / "train" / "@eaDir").mkdir()
    assert read_listing(root).images_a_class == (4, 2)


PARTS = {  # what to change: {a file: its new content, None where it goes}, and what is said of it
    "no list of classes": ({"wnids.txt": None}, "has no wnids.txt"),
    "an empty list of classes": ({"wnids.txt": b""}, "lists no classes in wnids.txt"),
    "no names": ({"words.txt": None}, "has no words.txt"),
    "a name less": ({"words.txt": b"n01\tgoldfish\n"}, "has no name of n02 in words.txt"),
    "a class folder less": (
        {f"train/n02/{end}": None for end in ("n02_boxes.txt", *(f"images/n02_{i}.JPEG" for i in range(4)))},
        "and its wnids.txt differ in 1 class folders, 'n02' first",
    ),
    "a class folder more": ({"train/n09/images/n09_0.JPEG": b""}, "and its wnids.txt differ in 1 class folders, 'n09' first"),
    "a training image less": (
        {"train/n03/images/n03_2.JPEG": None},
        "has 3 images of n03, not the 4 that train/n03/n03_boxes.txt lists",
    ),
    "one less than the others": (
        {"train/n03/images/n03_2.JPEG": None, "train/n03/n03_boxes.txt": None},
        "has 3 training images of n03 and 4 of n01",
    ),
    "empty folders": (
        {f"train/n0{k}/images/n0{k}_{i}.JPEG": None for k in (1, 2, 3) for i in range(4)}
        | {f"train/n0{k}/n0{k}_boxes.txt": b"" for k in (1, 2, 3)},
        "has 0 training images of n01 and 0 of n01",
    ),
    "no list of validation images": ({"val/val_annotations.txt": None}, "has no val/val_annotations.txt"),
    "a validation image less": (
        {"val/images/val_4.JPEG": None},
        "and its val_annotations.txt differ in 1 images, 'val_4.JPEG' first",
    ),
    "a list cut short": (
        {"val/val_annotations.txt": b"val_0.JPEG\tn03\nval_1.JPEG\tn01\n"},
        "and its val_annotations.txt differ in 4 images, 'val_2.JPEG' first",
    ),
    "validation images of one class more": (
        {"val/val_annotations.txt": b"".join(b"val_%d.JPEG\tn0%d\n" % (i, k) for i, k in enumerate((1, 1, 1, 2, 2, 3)))},
        "has 1 validation images of n03 and 3 of n01",
    ),
}


@pytest.mark.parametrize("part", PARTS)
def test_a_part_of_it_is_refused(part, tiny):
    changes, message = PARTS[part]
    root = write(tiny)
    for name, data in changes.items():
        (root / name).parent.mkdir(parents=True, exist_ok=True)
        (root / name).unlink(missing_ok=True) if data is None else (root / name).write_bytes(data)
    if part == "a class folder less":
        (root / "train" / "n02" / "images").rmdir()
        (root / "train" / "n02").rmdir()
    with pytest.raises(FileNotFoundError) as error:
        open_world("tinyimagenet")
    assert str(error.value) == f"{str(root)!r} {message}: {AGAIN}."


@pytest.mark.parametrize(
    ("data", "message"),
    [
        (b"val_0.JPEG\tn07\n", "has validation images of the class 'n07', which its wnids.txt does not list"),
        (b"val_0.JPEG n01\n", "val_annotations.txt' has a line without a tab"),
        (b"\xff\xfe", "val_annotations.txt' is not text"),
    ],
)
def test_a_list_that_is_none(data, message, tiny):
    root = write(tiny)
    (root / "val" / "val_annotations.txt").write_bytes(data)
    with pytest.raises(ValueError, match=message):
        read_listing(root)


def test_an_image_that_cannot_be_read_is_named(tiny):
    root = write(tiny)
    file = root / "train" / "n03" / "images" / "n03_1.JPEG"
    file.write_bytes(file.read_bytes()[:300])
    world = open_world("tinyimagenet")
    with pytest.raises(
        ValueError, match=r"n03_1\.JPEG' cannot be read: .*; remove '.*' and fetch it again with 'make data WORLD"
    ):
        len(world.train)
    assert not list(cache_dir().glob("*")), "a failed decoding must leave nothing behind"
    assert len(world.val) == 6


def test_a_missing_folder_is_told_and_how_to_get_it(tiny):
    with pytest.raises(FileNotFoundError, match=r"not in '.*tiny-imagenet-200'; fetch it \(250 MB\) with 'make data WORLD=tiny"):
        open_world("tinyimagenet")


@pytest.mark.skipif(not (data_dir() / FOLDER).is_dir(), reason="Tiny-ImageNet is not in ZF_DATA")
def test_tinyimagenet():
    listing = read_listing(data_dir() / FOLDER)
    train, val = listing.images_a_class
    assert len(set(listing.classes)) == CLASSES
    assert (len(listing.samples["train"]), len(listing.samples["val"])) == (200 * train, 200 * val)
    assert all(held <= whole for held, whole in zip(listing.images_a_class, IMAGES_A_CLASS, strict=True))
    assert (listing.classes[0], listing.classes[-1]) == ("goldfish", "acorn")
