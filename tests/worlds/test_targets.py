"""Targets: drawn ones show what their labels say, photographs are read from torchvision's folders, half a download is told."""

from dataclasses import replace

import numpy as np
import pytest
import torch
from PIL import Image

from zfhelpers.files import data_dir
from zfhelpers.toyworld import familiar, novel, scenes
from zfhelpers.worlds import targets
from zfhelpers.worlds.frames import DecodedOnDemand
from zfhelpers.worlds.opening import open_world
from zfhelpers.worlds.preprocessing import Preprocessing
from zfhelpers.worlds.targets import VOC_CLASSES, default_target, open_target
from zfhelpers.worlds.world import World


@pytest.fixture
def tiny(tmp_path, monkeypatch):
    """A source world of 32 px, so that drawing and decoding take no time; data and cache are private."""
    monkeypatch.setenv("ZF_DATA", str(tmp_path / "data"))
    monkeypatch.setenv("ZF_CACHE", str(tmp_path / "cache"))
    monkeypatch.setenv("ZF_PROGRESS", "0")
    monkeypatch.setattr(novel, "PER_CLASS", 3)
    monkeypatch.setattr(scenes, "SIZES", {"train": 30, "test": 20})
    return World("tiny", ("one",), 32, None, mean=torch.full((3, 32, 32), 100.0))


def test_novel_classes_are_new_and_in_balance(tiny):
    target = open_target("toy-novel", tiny)
    assert len(set(target.classes)) == 20
    assert not set(target.classes) & set(familiar.CLASSES)
    assert np.bincount(target.images.labels).tolist() == [3] * 20
    assert (target.present, target.train, target.test) == (None, None, None)
    assert repr(target) == "Target('toy-novel': 60 images of 20 classes, 32 px)"


def test_novel_images_are_the_drawings_at_the_worlds_size(tiny):
    target = open_target("toy-novel", tiny)
    assert target.images.frames.shape == (60, 3, 37, 37)
    for index in (0, 47, 48, 59):  # either side of the end of a chunk
        drawing = novel.draw(novel.scene(index), 37, 32)
        np.testing.assert_array_equal(target.images.frames[index], drawing.image.transpose(2, 0, 1))
        assert target.images[index][1] == drawing.label
    pixels = target.images.images([3, 4])
    torch.testing.assert_close(tiny.preprocess(pixels), pixels.float() - 100)


def test_drawing_does_not_depend_on_the_number_of_workers(tiny):
    frames = novel.render(workers=1, frame_size=37, image_size=32)
    np.testing.assert_array_equal(frames, open_target("toy-novel", tiny).images.frames)  # two workers


def test_scene_labels_are_the_largest_and_all_that_was_drawn(tiny, monkeypatch):
    target = open_target("toy-scenes", tiny)
    assert (len(target.images), target.train.tolist(), target.test.tolist()) == (50, [*range(30)], [*range(30, 50)])
    assert target.images.labels.tolist() == [*range(24), *range(6), *range(20)]
    called = []

    def noting(key, subject):
        return replace(subject, draw=lambda *how: (called.append(key), subject.draw(*how)))

    for key, subject in list(familiar.DRAWINGS.items()):
        monkeypatch.setitem(familiar.DRAWINGS, key, noting(key, subject))
    for i, split, index in ((0, "train", 0), (7, "train", 7), (29, "train", 29), (30, "test", 0), (49, "test", 19)):
        called.clear()
        here = scenes.scene(split, index)
        drawn = scenes.draw(here, 37, 32)
        np.testing.assert_array_equal(target.images.frames[i], drawn[0].image.transpose(2, 0, 1))
        assert {target.classes[k] for k in np.flatnonzero(target.present[i])} == set(called)
        # How much larger each one is than the same drawing at scale 0.5, from its outlines.
        halves = scenes.draw([replace(choices, scale=0.5) for choices in here])
        ratios = [side(full) / side(half) for full, half in zip(scenes.draw(here), halves, strict=True)]
        assert drawn[int(np.argmax(ratios))].label == target.images.labels[i]


def side(drawing):
    """The longer side of a drawing's box, in pixels."""
    top, left, bottom, right = drawing.box
    return max(bottom - top, right - left)


def write_caltech(root, count, extension="jpg"):
    for k in range(count):
        folder = root / f"class {k:03d}"
        folder.mkdir(parents=True)
        for i in range(1 + k % 2):
            Image.new("L", (50, 40), 50 + k // 2).save(folder / f"image_{i:04d}.{extension}", "JPEG")


@pytest.mark.parametrize(("name", "count"), [("caltech101", 102), ("caltech256", 257)])
def test_caltech_from_its_folders(name, count, tiny):
    folder = f"{name[7:]}_ObjectCategories"
    root = data_dir() / name / folder
    write_caltech(root, count)
    (root / ".DS_Store").write_text("")
    (root / "__MACOSX").mkdir()
    (root / "class 003" / "RENAME2").write_text("a stray file, as there is one in Caltech-256")
    target = open_target(name, tiny)
    assert target.classes == tuple(f"class {k:03d}" for k in range(count))
    assert np.bincount(target.images.labels).tolist() == [1 + k % 2 for k in range(count)]
    greys = target.images.frames.mean(axis=(1, 2, 3))
    assert np.abs(greys - (50 + target.images.labels // 2)).max() < 2
    assert all(target.classes[label] in file for label, file in zip(target.images.labels, target.images.files, strict=True))


def test_half_a_caltech_is_told_and_how_to_get_it(tiny):
    how = r"fetch it from https://data\.caltech\.edu/records/mzrjq-6wc02 and unpack it so that its 102 class folders lie in"
    root = data_dir() / "caltech101" / "101_ObjectCategories"
    with pytest.raises(FileNotFoundError, match=f"caltech101 is not in .*{how}"):
        open_target("caltech101", tiny)
    write_caltech(root, 101)
    with pytest.raises(FileNotFoundError, match=f"has 102 class folders, but .* holds 101; {how}"):
        open_target("caltech101", tiny)
    (root / "class 101").mkdir()
    with pytest.raises(FileNotFoundError, match=rf"no \.jpg in .*class 101'; {how}"):
        open_target("caltech101", tiny)
    (root / "class 101" / "image_0001.jpg").write_bytes((root / "class 000" / "image_0000.jpg").read_bytes()[:200])
    with pytest.raises(ValueError, match=rf"image_0001\.jpg' cannot be read.*; {how}"):
        open_target("caltech101", tiny)


def voc_object(name, box, difficult=0):
    edges = "".join(f"<{edge}>{value}</{edge}>" for edge, value in zip(("xmin", "ymin", "xmax", "ymax"), box, strict=True))
    return f"<object><name>{name}</name><difficult>{difficult}</difficult><bndbox>{edges}</bndbox></object>"


@pytest.fixture
def voc(tiny):
    root = data_dir() / "VOCdevkit" / "VOC2012"
    for folder in ("JPEGImages", "Annotations", "ImageSets/Main"):
        (root / folder).mkdir(parents=True)
    images = {
        "a": [voc_object("dog", (1, 1, 30, 20)), voc_object("cat", (5, 5, 25, 40)), voc_object("dog", (0, 0, 5, 5))],
        "b": [voc_object("bus", (1, 1, 99, 90), difficult=1), voc_object("person", (1, 1, 4.5, 9))],
        "c": [voc_object("sheep", (1, 1, 9, 9), difficult=1), voc_object("cow", (1, 1, 8, 8), difficult=1)],
    }
    for stem, objects in images.items():
        Image.new("RGB", (60, 50), (9, 99, 9)).save(root / "JPEGImages" / f"{stem}.jpg")
        (root / "Annotations" / f"{stem}.xml").write_text(f"<annotation>{''.join(objects)}</annotation>")
    (root / "ImageSets/Main/train.txt").write_text("a\nb\n")
    (root / "ImageSets/Main/val.txt").write_text("c\n")
    return root


def test_voc_takes_the_largest_object_and_lists_all(voc, tiny):
    target = open_target("voc2012", tiny)
    assert [VOC_CLASSES[label] for label in target.images.labels] == ["cat", "person", "sheep"]
    assert [[VOC_CLASSES[k] for k in np.flatnonzero(row)] for row in target.present] == [
        ["cat", "dog"],
        ["person"],
        ["cow", "sheep"],
    ]
    assert (target.train.tolist(), target.test.tolist()) == ([0, 1], [2])
    assert target.images[2][0].shape == (3, 32, 32)
    assert len(target.classes) == 20


def test_half_a_voc_is_told_and_how_to_get_it(voc, tiny):
    how = "fetch it .2 GB. with 'torchvision"
    for file, message in (
        ("JPEGImages/b.jpg", r"voc2012 lists 'b', but there is no .*JPEGImages/b\.jpg"),
        ("Annotations/c.xml", r"voc2012 lists 'c', but there is no .*Annotations/c\.xml"),
        ("ImageSets/Main/val.txt", r"voc2012 has no list of images .*val\.txt"),
    ):
        kept = (voc / file).read_bytes()
        (voc / file).unlink()
        with pytest.raises(FileNotFoundError, match=f"{message}'; {how}"):
            open_target("voc2012", tiny)
        (voc / file).write_bytes(kept)
    for text in ("<annotation><object>", "<annotation/>", f"<annotation>{voc_object('fox', (1, 1, 2, 2))}</annotation>"):
        (voc / "Annotations/c.xml").write_text(text)
        with pytest.raises(ValueError, match=r"c\.xml' cannot be read as one of VOC 2012"):
            open_target("voc2012", tiny)


def test_names():
    assert default_target(open_world("toy")) == "toy-novel"
    assert default_target(World("folder:/x", ("a",), 128, None)) == "caltech101"
    with pytest.raises(ValueError, match="no target 'mnist'; there are toy-novel, toy-scenes, caltech101, caltech256, voc2012"):
        open_target("mnist", open_world("toy"))


@pytest.mark.skipif(not (data_dir() / "caltech101").is_dir(), reason="Caltech-101 is not in ZF_DATA")
def test_caltech101(monkeypatch):
    monkeypatch.setattr(targets, "decode", lambda files, size, name, how: DecodedOnDemand(files, size, how))  # a few, not all
    target = open_target("caltech101", open_world("imagenette"))
    assert (len(target.images), len(target.classes)) == (9144, 102)
    assert target.classes[0] == "BACKGROUND Google"
    assert np.bincount(target.images.labels).min() == 31
    assert target.images[9143][0].shape == (3, 128, 128)


# ------------------------------------------------------------------------------------------------------- folders of one's own


def photographs(root, counts):
    """Class folders with so many pictures each, every picture of one grey."""
    for name, count in counts.items():
        for number in range(count):
            (root / name).mkdir(parents=True, exist_ok=True)
            Image.new("RGB", (50, 40), (10 + 5 * number,) * 3).save(root / name / f"{number}.png")


def test_a_folder_of_class_folders_is_a_target(tiny, tmp_path):
    photographs(tmp_path / "mine", {"cups": 3, "bowls/deep": 2, "jugs": 4})
    target = open_target(f"folder:{tmp_path / 'mine'}", tiny)
    assert target.name == f"folder:{tmp_path / 'mine'}"
    assert target.classes == ("bowls", "cups", "jugs")
    assert np.bincount(target.images.labels).tolist() == [2, 3, 4]
    assert target.images.images([8]).unique().tolist() == [25]
    assert (target.images.frames.shape[-1], target.images.image_size) == (37, 32)


def test_a_target_of_ones_own_comes_as_the_network_takes_it(tiny, tmp_path):
    photographs(tmp_path / "mine", {"cups": 1, "jugs": 1})
    seen = tiny.seen_by("x", Preprocessing(image_size=40, frame_size=44))
    target = open_target(f"folder:{tmp_path / 'mine'}", seen)
    assert (target.images.frames.shape[-1], target.images.image_size) == (44, 40)


def test_what_is_wrong_with_a_target_of_ones_own_is_one_sentence(tiny, tmp_path, monkeypatch):
    layout = r"a target of your own is PATH/CLASS/\*\.jpg\.$"
    with pytest.raises(FileNotFoundError, match=rf"^There is no folder '.*nowhere'; {layout}"):
        open_target(f"folder:{tmp_path / 'nowhere'}", tiny)
    (tmp_path / "empty" / "cups").mkdir(parents=True)
    with pytest.raises(FileNotFoundError, match=rf"holds class folders, but no picture; {layout}"):
        open_target(f"folder:{tmp_path / 'empty'}", tiny)
    photographs(tmp_path / "mine", {"cups": 2, "jugs": 2})
    (tmp_path / "mine" / "jugs" / "broken.png").write_bytes(b"no picture")
    with pytest.raises(ValueError, match=r"broken\.png' cannot be read: .*; to leave out what cannot be read, set ZF_UNREADABLE"):
        open_target(f"folder:{tmp_path / 'mine'}", tiny)
    monkeypatch.setenv("ZF_UNREADABLE", "skip")
    with pytest.warns(UserWarning, match=r"^1 file of '.*mine' is left out: 1 that cannot be read"):
        assert len(open_target(f"folder:{tmp_path / 'mine'}", tiny).images) == 4
