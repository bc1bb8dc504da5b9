"""Which classes and images a network of the curve sees, by sets and counts; and what was done to its images."""

import re
from itertools import combinations, pairwise

import numpy as np
import pytest
import torch
from PIL import Image

from zfhelpers.files import data_dir
from zfhelpers.training.batches import batches
from zfhelpers.worlds import selections
from zfhelpers.worlds.frames import Rows
from zfhelpers.worlds.selections import CALTECH101, DRAWS, Selection, draw_of, selected
from zfhelpers.worlds.tinyimagenet import FOLDER
from zfhelpers.worlds.world import ImageSet, World

CLASSES, EACH, HELD = 8, 12, 3


@pytest.fixture(scope="module")
def world():
    """Every frame has its own number as its grey value, below its label times 30: 8 classes of 12 + 3 images, mixed."""

    def half(each, first):
        rng = np.random.default_rng(each)
        labels = rng.permutation(np.arange(CLASSES * each) % CLASSES)
        greys = np.zeros(len(labels), np.uint8)
        for label in range(CLASSES):
            greys[labels == label] = 30 * label + first + np.arange(each)
        return ImageSet(np.broadcast_to(greys[:, None, None, None], (len(labels), 3, 9, 9)), labels, 8)

    halves = {"train": half(EACH, 0), "val": half(HELD, EACH)}
    return World("numbers", [f"class {label}" for label in range(CLASSES)], 8, lambda _, split: halves[split])


def greys(images):
    return np.array([images.frames[place][0, 0, 0] for place in range(len(images))])


@pytest.mark.parametrize("count", [200, 60])
def test_fewer_classes_are_among_more_and_draws_share_as_few_as_they_can(count):
    sizes = [size for size in (5, 10, 20, 50, 100, 200) if size <= count]
    for draw in range(DRAWS):
        sets = [set(draw_of(count, size, draw)) for size in sizes]
        assert [len(each) for each in sets] == sizes
        assert all(few < many for few, many in pairwise(sets))
    for size in sizes:
        drawn = [set(draw_of(count, size, draw)) for draw in range(DRAWS)]
        assert len(set.union(*drawn)) == min(count, DRAWS * size)  # none is left out that could be in
        shared = [len(one & other) for one, other in combinations(drawn, 2)]
        assert max(shared) - min(shared) <= 1
        assert draw_of(count, size, 1) == sorted(drawn[1])


@pytest.mark.parametrize("classes", [0, 1, 9])
def test_classes_that_cannot_be_drawn(classes):
    with pytest.raises(ValueError, match=f"2 to 8 classes can be drawn from 8, not {classes}"):
        draw_of(8, classes, 0)


@pytest.mark.parametrize(("classes", "draw", "per_class"), [(4, 1, 12), (4, 1, 6), (8, 0, 12), (2, 2, 12)])
def test_an_epoch_has_every_selected_image_equally_often(world, classes, draw, per_class):
    few = selected(world, Selection("numbers", classes, draw, per_class, epoch=96))
    found, times = np.unique(greys(few.train), return_counts=True)
    assert len(few.train) == 96
    assert set(times) == {96 // (classes * per_class)}
    assert np.bincount(found // 30, minlength=CLASSES)[draw_of(8, classes, draw)].tolist() == [per_class] * classes
    assert few.images_a_class == (per_class, HELD)
    for images in (few.train, few.val):  # labels are the classes' new numbers
        assert [few.classes[label] for label in images.labels] == [f"class {grey // 30}" for grey in greys(images)]
    assert sorted(set(greys(few.val) // 30)) == draw_of(8, classes, draw)
    assert len(few.val) == classes * HELD
    assert few.mean == pytest.approx(np.full((3, 8, 8), found.mean()))


def test_fewer_images_of_a_class_are_among_more(world):
    half, all_ = (selected(world, Selection("numbers", 4, 0, count, epoch=48)) for count in (6, 12))
    assert set(greys(half.train)) < set(greys(all_.train))


def test_all_classes_are_the_world_itself_and_another_draw_is_another_seed_alone(world):
    for draw in range(DRAWS):
        whole = selected(world, Selection("numbers", 8, draw, 12, epoch=96))
        assert whole.classes == world.classes
        assert sorted(greys(whole.train)) == sorted(greys(world.train))


def test_an_epoch_that_images_do_not_fill_evenly(world):
    few = selected(world, Selection("numbers", 4, 0, 12, epoch=100))
    assert sorted(np.unique(np.unique(greys(few.train), return_counts=True)[1])) == [2, 3]


def test_names_tell_every_selection_of_the_course_apart(world):
    some = [
        Selection("numbers", 4, 0, 12),
        Selection("numbers", 4, 1, 12),
        Selection("numbers", 4, 0, 6),
        Selection("numbers", 2),
    ]
    some += [Selection("numbers", without=("class 3",)), Selection("numbers")]
    names = [selected(world, each).name for each in some]
    assert len(set(names)) == len(some)
    assert names[0] == "numbers-4-0-48"


def test_classes_that_are_left_out(world):
    few = selected(world, Selection("numbers", without=("class 3", "class 5"), per_class=12, epoch=72))
    assert few.classes == tuple(f"class {label}" for label in (0, 1, 2, 4, 6, 7))
    assert set(greys(few.train) // 30) == set(greys(few.val) // 30) == {0, 1, 2, 4, 6, 7}
    with pytest.raises(ValueError, match="numbers has no class 'class 9' that could be left out"):
        selected(world, Selection("numbers", without=("class 9",)))


def test_frames_are_shrunk_and_enlarged_again(tmp_path, monkeypatch):
    monkeypatch.setenv("ZF_CACHE", str(tmp_path))
    frames = np.random.default_rng(0).integers(0, 256, (6, 3, 18, 18), dtype=np.uint8)
    own = World("noise", "ab", 16, lambda _, split: ImageSet(frames, np.arange(6) % 2, 16))
    plain, small = (selected(own, Selection("noise", side=side, epoch=6)) for side in (None, 8))
    order = [[(frames[place] == frame).all() for place in range(6)].index(True) for frame in plain.train.frames[np.arange(6)]]
    for place, found in zip(order, small.train.frames[np.arange(6)], strict=True):
        image = Image.fromarray(frames[place].transpose(1, 2, 0)).resize((8, 8), 3).resize((18, 18), 3)  # 3: bicubic
        assert (found == np.asarray(image).transpose(2, 0, 1)).all()
    assert plain.name != small.name
    spread = [float(each.val.images(range(6)).float().std()) for each in (plain, small)]
    assert spread[1] < 0.8 * spread[0]  # fine noise is gone


def test_rows_of_decoded_frames_are_read_at_once_and_not_one_by_one(world, monkeypatch):
    monkeypatch.setattr("zfhelpers.training.batches._decoded_ahead", None)
    few = selected(world, Selection("numbers", 4, 0, 12, epoch=48))
    assert isinstance(few.train.frames, Rows)
    ((frames, labels),) = batches(few.train, [np.array([5, 3])])
    assert frames[:, 0, 0, 0].tolist() == greys(few.train)[[5, 3]].tolist()
    assert torch.equal(labels, torch.from_numpy(few.train.labels[[5, 3]]))


def names_of_tiny_imagenet():
    """{first name of a class: all its names}, from the archive."""
    root = data_dir() / FOLDER
    if not (root / "words.txt").is_file():
        pytest.skip("Tiny-ImageNet is not in ZF_DATA")
    rows = [line.split("\t") for line in (root / "words.txt").read_text().splitlines() if line]
    listed = (root / "wnids.txt").read_text().split()
    return {names.split(", ")[0]: names.lower().split(", ") for wnid, names, *_ in rows if wnid in listed}


def test_what_caltech101_has_by_name():
    """A class is one of Caltech-101's if one of its names is that class's name, or ends in it; views of it do not count."""
    folder = data_dir() / "caltech101" / "101_ObjectCategories"
    if not folder.is_dir():
        pytest.skip("Caltech-101 is not in ZF_DATA")
    theirs = {re.sub("_(side|body|head|face|easy)$", "", each.name).replace("_", " ").lower() for each in folder.iterdir()}
    found = {}
    for first, names in names_of_tiny_imagenet().items():
        words = [re.findall("[a-z]+", name.removesuffix("s")) for name in names]
        ends = {" ".join(each[start:]) for each in words for start in range(len(each))}
        if both := ends & theirs:
            found[first] = max(both, key=len)
    assert found == CALTECH101


def test_what_is_left_out_is_in_tiny_imagenet():
    assert set(CALTECH101) <= set(names_of_tiny_imagenet())
    assert len(CALTECH101) == 20
    assert selections.EPOCH % (5 * selections.PER_CLASS) == 0  # every count of the curve fills an epoch evenly
