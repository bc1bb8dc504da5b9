"""Folders as people have them: companions, nested folders, stray files, empty classes, names of all kinds, damaged pictures."""

import contextlib
import os
import pickle
import shutil
import sys
import warnings

import numpy as np
import pytest
from PIL import Image

from zfhelpers.worlds import folders, formats
from zfhelpers.worlds.opening import open_world


def world_of(folder, **options):
    return open_world(f"folder:{folder}", image_size=32, **options)


def said(folder, half="train", **options):
    """What opening a half warns of, and how many pictures it has."""
    with warnings.catch_warnings(record=True) as caught:
        warnings.simplefilter("always")
        count = len(getattr(world_of(folder, **options), half))
    return [str(each.message) for each in caught], count


@pytest.mark.parametrize(
    "name",
    [
        "._0.png",
        ".DS_Store",
        ".hidden.jpg",
        "Thumbs.db",
        "thumbs.DB",
        "desktop.ini",
        "Icon\r",
        "__MACOSX/._0.png",
        "@eaDir/0.jpg",
    ],
)
def test_companions_are_passed_over_without_a_word(name, folder):
    for place in (folder / "train" / "cat", folder / "train", folder / "val"):
        (place / name).parent.mkdir(exist_ok=True)
        (place / name).write_bytes(b"\x00\x05\x16\x07" + bytes(200))
    assert said(folder) == ([], 10)
    assert said(folder, "val") == ([], 4)
    assert world_of(folder).classes == ("cat", "dog")


@pytest.mark.parametrize("name", ["notes.pdf", "clip.mpg", "features.h5", "figure.ps", "figure.eps", "a.txt", "x.nef", "LICENSE"])
@pytest.mark.parametrize("start", [b"\x00\x05\x16\x07", b"%!PS-Adobe-3.0 EPSF-3.0\n", b"\x89HDF\r\n\x1a\n", b"%PDF-1.7\n", b""])
def test_what_is_no_picture_is_counted_and_said(name, start, folder):
    (folder / "train" / "dog" / name).write_bytes(start + bytes(300))
    ending = os.path.splitext(name)[1] or "without an ending"
    kind = f"1 that Pillow cannot read as pictures (1 {ending})"
    assert said(folder) == ([f"1 file of {str(folder / 'train')!r} is left out: {kind}."], 10)


def test_all_that_is_left_out_is_said_once_and_by_reason(folder):
    train = folder / "train"
    for name in ("a.heic", "b.HEIC", "c.txt", "x.mp4", "x.mov", "x.xml", "x.csv", "d.caf\udce9"):
        (train / "cat" / name).write_bytes(b"????ftypheic")
    (train / "cat" / "nowhere.jpg").symlink_to("gone.jpg")
    (train / "dog" / "again").symlink_to(".", target_is_directory=True)
    os.mkfifo(train / "dog" / "pipe.jpg")
    (train / "README").write_text("?")
    (train / "beside.png").write_bytes((train / "cat" / "0.png").read_bytes())
    (message,), count = said(folder)
    assert count == 10
    assert message.startswith(
        f"13 files of {str(train)!r} are left out: 8 that Pillow cannot read as pictures (2 .heic: convert to"
    )
    for part in ("and others", "2 that are no files, or links to nothing", "1 that lead back to a folder", "2 beside the class"):
        assert part in message
    with warnings.catch_warnings(record=True) as caught:
        warnings.simplefilter("default")
        for _ in range(3):
            len(world_of(folder).train)
    assert len(caught) == 1


@pytest.mark.parametrize("depth", [1, 3, 300])
def test_pictures_in_folders_of_a_class_are_found(depth, folder):
    with contextlib.chdir(folder / "train" / "dog"):
        for _ in range(depth):
            os.mkdir("n")
            os.chdir("n")
        Image.new("RGB", (50, 40), (255, 0, 0)).save("z.png")
    world = world_of(folder)
    assert (len(world.train), world.train.labels.tolist()) == (11, [0] * 5 + [1] * 6)
    assert world.train[10][0][:, 9, 9].tolist() == [255, 0, 0]
    assert world.train.files[10].endswith("n/z.png")


@pytest.mark.parametrize("ending", ["", ".jfif", ".HEIC", ".pdf", ".1", ".JPG", ".unknown"])
@pytest.mark.parametrize("kind", ["PNG", "JPEG", "GIF", "WEBP", "BMP"])
def test_a_picture_under_another_name_is_read_by_what_is_in_it(ending, kind, folder):
    Image.new("RGB", (50, 40), (255, 255, 255)).save(folder / "train" / "cat" / f"9{ending}", kind)
    assert said(folder) == ([], 11)
    assert world_of(folder).train[5][0].min() > 250


def test_a_thumbnail_in_a_raw_file_is_not_the_picture(folder):
    for name, count in (("a.nef", 10), ("b.dng", 10), ("c", 11), ("d.tif", 12)):
        Image.new("RGB", (50, 40)).save(folder / "train" / "cat" / name, "TIFF")
        assert said(folder)[1] == count


def test_a_format_that_a_plugin_reads_is_a_picture(folder, monkeypatch):
    def opened(file, _):
        file.close()
        return Image.new("RGB", (9, 9))

    opened.__module__ = "a_plugin"
    Image.init()
    monkeypatch.setitem(Image.OPEN, "HEIF", (opened, lambda start: start[4:8] == b"ftyp"))
    (folder / "train" / "cat" / "a.heic").write_bytes(b"????ftypheic")
    assert formats.is_picture(folder / "train" / "cat" / "a.heic")
    assert said(folder) == ([], 11)


def test_empty_classes(folder):
    for name in ("emptied", "zebra"):
        (folder / "train" / name).mkdir()
    (folder / "train" / "zebra" / "notes.txt").write_text("?")
    (folder / "val" / "emptied").mkdir()
    told = f"Of {str(folder / 'train')!r} these folders hold no picture, and are no classes: emptied, zebra."
    assert said(folder, "val") == ([told], 4)
    messages, count = said(folder)
    assert (messages[0], count, len(messages)) == (told, 10, 2)
    with pytest.warns(UserWarning, match="are no classes"):
        assert world_of(folder).classes == ("cat", "dog")
    Image.new("RGB", (50, 40)).save(folder / "val" / "emptied" / "0.png")
    with pytest.warns(UserWarning, match="are no classes"), pytest.raises(ValueError, match=r"not in train: emptied\."):
        len(world_of(folder).val)
    for name in ("cat", "dog"):
        shutil.rmtree(folder / "train" / name)
    with pytest.raises(FileNotFoundError, match=r"train' holds class folders, but no picture; a folder world is PATH/train"):
        world_of(folder)


def test_a_class_without_validation_pictures_is_said(folder):
    shutil.rmtree(folder / "val" / "dog")
    assert said(folder, "val") == ([f"{str(folder / 'val')!r} has no picture of these classes: dog."], 2)
    shutil.rmtree(folder / "val" / "cat")
    with pytest.raises(FileNotFoundError, match="val' holds no class folders"):
        len(world_of(folder).val)


NAMES = [
    "caf\udce9",
    "café",
    "cafe\u0301",
    "two\nlines",
    "tab\there",
    "🐈",
    "wide\u3000space",
    "it's",
    'say "x"',
    "a" * 255,
    "#1",
    "%s{}",
    "-x",
]


@pytest.mark.parametrize("name", NAMES, ids=ascii)
def test_names_of_all_kinds(name, folder, capsys):
    picture = folder / "train" / "cat" / f"{name[:250]}.png"
    Image.new("RGB", (50, 40), (7, 7, 7)).save(os.fsencode(folder / "x.png"))
    os.rename(folder / "x.png", picture)
    for half in ("train", "val"):
        os.rename(folder / half / "dog", folder / half / name)
    world = world_of(folder)
    assert sorted(world.train.labels.tolist()) == [0] * 6 + [1] * 5 or sorted(world.train.labels.tolist()) == [0] * 5 + [1] * 6
    assert (len(world.val), len(world.classes)) == (4, 2)
    shown = "\n".join([*world.classes, repr(world)])
    shown.encode()
    assert len(shown.splitlines()) == 3
    picture.write_bytes(b"")
    with pytest.raises(ValueError, match="cannot be read: it is empty") as error:
        len(world_of(folder).train)
    assert repr(str(picture)) in str(error.value)
    str(error.value).encode()


def test_names_are_composed_alike_on_both_sides(folder):
    os.rename(folder / "train" / "dog", folder / "train" / "chie\u0302n")
    os.rename(folder / "val" / "dog", folder / "val" / "chi\u00ean")
    world = world_of(folder)
    assert world.classes == ("cat", "chi\u00ean")
    assert world.val.labels.tolist() == [0, 0, 1, 1]
    shutil.copytree(folder / "train" / "cat", folder / "train" / "chi\u00ean")
    with pytest.raises(ValueError, match="two folders of the name 'chiên', written differently; rename one"):
        world_of(folder)


def test_classes_that_are_numbers_or_differ_in_case(folder):
    for half in ("train", "val"):
        for name in ("10", "9", "Cat"):
            shutil.copytree(folder / half / "cat", folder / half / name)
    world = world_of(folder)
    assert world.classes == ("10", "9", "Cat", "cat", "dog")
    assert np.bincount(world.train.labels).tolist() == [5] * 5


def test_a_world_whose_own_name_is_not_text_is_refused(folder):
    os.rename(folder, folder.with_name("w\udce9"))
    with pytest.raises(ValueError, match=r"w\\udce9' has a name that is not UTF-8; rename it"):
        world_of(folder.with_name("w\udce9"))


@pytest.mark.parametrize("how", ["class", "nested", "half"])
def test_a_folder_that_may_not_be_read_is_named(how, folder, monkeypatch):
    (folder / "train" / "cat" / "more").mkdir()
    closed = {"class": folder / "train" / "cat", "nested": folder / "train" / "cat" / "more", "half": folder / "train"}[how]
    scandir = os.scandir

    def refusing(path):
        if str(path) == str(closed):
            raise PermissionError(13, "Permission denied", str(path))
        return scandir(path)

    monkeypatch.setattr(os, "scandir", refusing)
    with pytest.raises(ValueError, match=r"^The folder '.*' cannot be read: Permission denied\.$") as error:
        len(world_of(folder).train)
    assert str(closed) in str(error.value)


def test_links_that_run_in_circles_come_to_an_end(folder):
    cat = folder / "train" / "cat"
    (cat / "self").symlink_to(cat, target_is_directory=True)
    (cat / "loop").symlink_to(cat / "loop")
    (cat / "more").mkdir()
    (cat / "more" / "up").symlink_to(folder / "train" / "cat", target_is_directory=True)
    os.rename(folder / "train" / "dog", folder / "elsewhere")
    (folder / "train" / "dog").symlink_to(folder / "elsewhere", target_is_directory=True)
    (message,), count = said(folder)
    assert count == 10
    assert "2 that lead back to a folder already seen" in message
    assert "1 that are no files, or links to nothing" in message


@pytest.mark.parametrize("by", ["argument", "setting"])
def test_whether_a_damaged_picture_stops_the_world_is_a_choice(by, folder, monkeypatch):
    for name in ("1.png", "3.png"):
        (folder / "train" / "cat" / name).write_bytes((folder / "train" / "cat" / name).read_bytes()[:900])
    with pytest.raises(
        ValueError, match=r"1\.png' cannot be read: .*; to leave out what cannot be read, set ZF_UNREADABLE=skip, or"
    ):
        len(world_of(folder).train)
    if by == "setting":
        monkeypatch.setenv("ZF_UNREADABLE", "skip")
    options = {"unreadable": "skip"} if by == "argument" else {}
    (message,), count = said(folder, **options)
    assert count == 8
    assert (
        message
        == f"2 files of {str(folder / 'train')!r} are left out: 2 that cannot be read, {str(folder / 'train/cat/1.png')!r} first."
    )
    with pytest.warns(UserWarning, match="2 that cannot be read"):
        train = world_of(folder, **options).train
    assert [os.path.basename(file) for file in train.files] == [
        "0.png",
        "2.png",
        "4.png",
        "0.png",
        "1.png",
        "2.png",
        "3.png",
        "4.png",
    ]
    assert train.labels.tolist() == [0] * 3 + [1] * 5
    assert said(folder, "val", **options) == ([], 4)
    shutil.copy(folder / "train" / "dog" / "1.png", folder / "train" / "cat" / "1.png")
    assert said(folder, **options)[1] == 9
    for picture in (folder / "train" / "dog").iterdir():
        picture.write_bytes(b"")
    with (
        pytest.warns(UserWarning, match="6 that cannot be read"),
        pytest.raises(ValueError, match=r"no picture that can be read of: dog; remove the folder"),
    ):
        len(world_of(folder, **options).train)


def test_an_unknown_choice(folder):
    with pytest.raises(ValueError, match=r"an 'error' or is to 'skip' \(ZF_UNREADABLE\), not 'maybe'"):
        world_of(folder, unreadable="maybe")


def test_a_set_of_odd_names_can_be_handed_to_workers(folder):
    os.rename(folder / "train" / "cat" / "0.png", folder / "train" / "cat" / "caf\udce9.png")
    files = world_of(folder).train.files
    assert pickle.loads(pickle.dumps(files)) == files


def test_a_listing_is_sorted_and_each_reason_is_counted(folder):
    (folder / "train" / "cat" / "b").mkdir()
    shutil.copy(folder / "train" / "cat" / "0.png", folder / "train" / "cat" / "b" / "0.png")
    (folder / "train" / "cat" / "b" / "0.txt").write_text("?")
    files, left_out = folders.pictures(folder / "train" / "cat")
    assert [os.path.relpath(file, folder / "train" / "cat") for file in files] == [*(f"{i}.png" for i in range(5)), "b/0.png"]
    assert left_out == {".txt": 1}
    assert sys.getrecursionlimit() < 2000
