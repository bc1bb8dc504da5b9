"""Targets: drawn ones show what their labels say, photographs are read from torchvision's folders, half a download is told."""

from dataclasses import replace

import numpy as np
import pytest
import torch
from PIL import Image

from zfhelpers.files import data_dir
from zfhelpers.toyworld import canvas, familiar, novel, scenes
from zfhelpers.worlds import targets
from zfhelpers.worlds.frames import DecodedOnDemand
from zfhelpers.worlds.targets import VOC_CLASSES, default_target, open_target
from zfhelpers.worlds.opening import open_world
from zfhelpers.worlds.world import World

OLD = {  # of the toy world before it shared its machinery: colours of the frame's four quarters
    0: [146.11, 98.03, 99.42, 155.16, 94.1, 96.98, 160.54, 117.92, 109.23, 154.39, 102.56, 101.89],
    30: [164.1, 140.27, 107.49, 165.51, 145.91, 122.09, 166.86, 143.55, 110.95, 102.68, 96.06, 86.4],
    1111: [88.83, 93.71, 123.61, 84.49, 84.58, 122.52, 106.39, 101.31, 108.85, 86.42, 84.43, 123.02],
}


@pytest.fixture
def tiny(tmp_path, monkeypatch):
    """A source world of 32 px, so that drawing and decoding take no time; data and cache are private."""
    monkeypatch.setenv("ZF_DATA", str(tmp_path / "data"))
    monkeypatch.setenv("ZF_CACHE", str(tmp_path / "cache"))
    monkeypatch.setenv("ZF_PROGRESS", "0")
    monkeypatch.setattr(novel, "PER_CLASS", 3)
    monkeypatch.setattr(scenes, "SIZES", {"train": 30, "test": 20})
    return World("tiny", ("one",), 32, None, mean=torch.full((3, 32, 32), 100.0))


@pytest.mark.parametrize("index", OLD)
def test_the_toy_world_stays_as_it_was(index):
    image = familiar.draw(familiar.scene("val", index)).image.astype(float)
    np.testing.assert_allclose(image.reshape(2, 73, 2, 73, 3).mean(axis=(1, 3)).ravel(), OLD[index], atol=0.05)
    assert familiar.VERSION == "2-1.0"  # caches and shipped weights belong to it


def test_novel_classes_are_new_and_in_balance(tiny):
    target = open_target("toy-novel", tiny)
    assert len(set(target.classes)) == 20
    assert not set(target.classes) & set(familiar.CLASSES)
    assert np.bincount(target.images.labels).tolist() == [3] * 20
    assert (target.present, target.train, target.test) == (None, None, None)
    assert repr(target) == "Target('toy-novel': 60 images of 20 classes, 32 px)"


def test_there_are_enough_images_for_the_papers_split():
    assert novel.PER_CLASS == 30 + 50
    assert scenes.SIZES == {"train": 1200, "test": 600}


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


@pytest.mark.parametrize("label", range(20))
def test_every_novel_class_fills_its_place_and_its_mask_and_box_agree(label):
    for index in (label, label + 20):
        here = replace(novel.scene(index), centre=0j, scale=0.9, tilt=0.0, occluder=None)
        drawing = novel.draw(here)
        top, left, bottom, right = drawing.box
        assert min(top, left) > 0
        assert max(bottom, right) < 128
        assert max(bottom - top, right - left) > 75  # of the 98 px of its square
        rows, columns = np.nonzero(drawing.mask)
        np.testing.assert_allclose(drawing.box, [rows.min(), columns.min(), rows.max() + 1, columns.max() + 1], atol=2)


@pytest.mark.parametrize("name", novel.CLASSES)
def test_a_novel_label_names_what_is_drawn(name, monkeypatch):
    called = []
    for key in novel.CLASSES:
        monkeypatch.setitem(
            novel.DRAWINGS, key, lambda pen, rng, borrowed, key=key: (called.append(key), pen.disc(0, 1, (0, 0, 0)))
        )
    index = 40 + novel.CLASSES.index(name)
    novel.draw(novel.scene(index), 37, 32)
    assert called == [name]
    assert novel.scene(index).label == index % 20


def test_same_choices_same_images_and_no_two_sets_share_any():
    assert novel.scene(7) == novel.scene(7)
    assert scenes.scene("test", 7) == scenes.scene("test", 7)
    firsts = [
        novel.scene(7),
        novel.scene(7, seed=1),
        novel.scene(27),
        familiar.scene("train", 7),
        familiar.scene("val", 7),
    ]
    firsts += [scenes.scene("train", 7)[0], scenes.scene("test", 7)[0], scenes.scene("test", 7, seed=1)[0]]
    assert len({here.detail for here in firsts}) == len(firsts)
    np.testing.assert_array_equal(novel.draw(firsts[0]).image, novel.draw(novel.scene(7)).image)


def test_scenes_hold_two_to_four_different_classes_each_seen_mostly():
    counts, hidden = [], []
    for index in range(60):
        here = scenes.scene("train", index)
        labels = [one.label for one in here]
        assert len(set(labels)) == len(labels)
        assert index % 24 in labels
        counts.append(len(here))
        if index < 8:
            here = (replace(here[0], occluder=None), *here[1:])
            whole = [scenes.draw(here[: k + 1])[k].mask.sum() for k in range(len(here))]  # nothing lies before the last one
            hidden += [1 - each.mask.sum() / all_of_it for each, all_of_it in zip(scenes.draw(here), whole, strict=True)]
    assert set(counts) == {2, 3, 4}
    assert max(hidden) <= 0.3
    assert max(hidden) > 0, "some do overlap"


def test_scene_labels_are_the_largest_and_all_that_was_drawn(tiny, monkeypatch):
    target = open_target("toy-scenes", tiny)
    assert (len(target.images), target.train.tolist(), target.test.tolist()) == (50, [*range(30)], [*range(30, 50)])
    assert target.images.labels.tolist() == [*range(24), *range(6), *range(20)]
    called = []

    def noting(key, drawing):
        return lambda pen, rng, borrowed: (called.append(key), drawing(pen, rng, borrowed))

    for key, drawing in list(familiar.DRAWINGS.items()):
        monkeypatch.setitem(familiar.DRAWINGS, key, noting(key, drawing))
    for i, split, index in ((0, "train", 0), (7, "train", 7), (29, "train", 29), (30, "test", 0), (49, "test", 19)):
        called.clear()
        here = scenes.scene(split, index)
        drawn = scenes.draw(here, 37, 32)
        np.testing.assert_array_equal(target.images.frames[i], drawn[0].image.transpose(2, 0, 1))
        assert {target.classes[k] for k in np.flatnonzero(target.present[i])} == set(called)
        # How much larger each one is than the same drawing at scale 0.5, from its outlines.
        halves = scenes.draw([replace(one, scale=0.5) for one in here])
        ratios = [side(one) / side(half) for one, half in zip(scenes.draw(here), halves, strict=True)]
        assert drawn[int(np.argmax(ratios))].label == target.images.labels[i]


def side(drawing):
    """The longer side of a drawing's box, in pixels."""
    top, left, bottom, right = drawing.box
    return max(bottom - top, right - left)


def test_an_occluder_follows_its_object():
    """What is moved and shrunk stays alike: as far from the object, in its own measure, as `choose` had put it."""
    for index in range(40):
        first = scenes.scene("train", index)[0]
        if first.occluder:
            assert abs(first.occluder[1] - first.centre) <= 0.5 * np.sqrt(2) * first.scale
            assert 0.12 * first.scale <= first.occluder[2] <= 0.26 * first.scale


def test_later_objects_lie_before_earlier_ones():
    here = replace(familiar.scene("val", 21), occluder=None, centre=0j, tilt=0.0)  # a clock
    small = replace(here, label=22, scale=0.4)  # a window
    behind, before = canvas.compose([here, small], familiar.DRAWINGS)
    assert not (behind.mask & before.mask).any()
    assert before.mask[64, 64]
    assert not canvas.compose([small, here], familiar.DRAWINGS)[0].mask.any()


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
    with pytest.raises(ValueError, match="images 0 to 1599, not 1600"):
        novel.scene(1600)
    with pytest.raises(ValueError, match="no split 'val'; it has train, test"):
        scenes.scene("val", 0)
    with pytest.raises(ValueError, match="images 0 to 599, not -1"):
        scenes.scene("test", -1)


@pytest.mark.skipif(not (data_dir() / "caltech101").is_dir(), reason="Caltech-101 is not in ZF_DATA")
def test_caltech101(monkeypatch):
    monkeypatch.setattr(targets, "decode", lambda files, size, name: DecodedOnDemand(files, size))  # a few, not all
    target = open_target("caltech101", open_world("imagenette"))
    assert (len(target.images), len(target.classes)) == (9144, 102)
    assert target.classes[0] == "BACKGROUND_Google"
    assert np.bincount(target.images.labels).min() == 31
    assert target.images[9143][0].shape == (3, 128, 128)
