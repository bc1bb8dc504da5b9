"""Parts: they cover the object, what is drawn without one differs there alone, and half of the images that teach it lack some."""

from dataclasses import replace

import numpy as np
import pytest

from zfhelpers import toyworld
from zfhelpers.toyworld.canvas import View
from zfhelpers.toyworld.familiar import CLASSES, DRAWINGS, draw, parts, scene
from zfhelpers.toyworld.missing import _layers, lacking, part_masks, render_lacking, surrounding_masks
from zfhelpers.toyworld.pen import Pen

CROP = slice(9, 137)  # the image proper in its frame


def changed(here, without, by=0):
    """Pixels of the image that a part that is left out changes by more than so many grey levels."""
    before, after = (draw(here, without=left_out).image[CROP, CROP].astype(int) for left_out in ((), without))
    return np.abs(before - after).max(-1) > by


def touched(here, part, layer=1):
    """Pixels that show ever so little of a part of the object (layer 1), or of the surroundings (0)."""
    pen = _layers(View(146, 128, (0.0, 0.0), 1.0, 0.0), here)[layer]
    fine = np.asarray(pen.owners) == pen.parts.index(part) + 1
    return fine.reshape(146, 2, 146, 2).any((1, 3))[CROP, CROP]


@pytest.mark.parametrize("name", CLASSES)
def test_every_class_has_three_to_eight_parts_whatever_chance_decides(name):
    assert 3 <= len(parts(name)) <= 8
    for borrowed in (False, True):
        for seed in range(8):
            pen = Pen(200, 90, 100 + 100j)
            DRAWINGS[name].draw(pen, np.random.default_rng(seed), borrowed)
            assert tuple(pen.parts) == parts(name)


@pytest.mark.parametrize("name", CLASSES)
def test_the_parts_are_the_object_and_do_not_overlap(name):
    for index in range(CLASSES.index(name), 240, 24):
        here = scene("val", index)
        masks = part_masks(here)
        assert tuple(masks) == parts(name)
        np.testing.assert_array_equal(sum(mask.astype(int) for mask in masks.values()), draw(here).mask)


@pytest.mark.parametrize("name", CLASSES)
def test_without_a_part_the_image_changes_there_alone(name):
    """All else stays as it was, to the last bit: what else chance decides, and the noise of the camera."""
    for index in range(3):
        here, seen = replace(scene("val", CLASSES.index(name) + 24 * index), blur=0.0), 0
        for part, mask in part_masks(here).items():
            difference, drawn = changed(here, part), touched(here, part)
            assert not (difference & ~drawn).any(), part
            assert not (mask & ~drawn).any(), part
            seen += (changed(here, part, 2) & mask).sum()
        assert seen > 0.6 * draw(here).mask.sum()  # a white snout before a white head is hard to see


@pytest.mark.parametrize("name", CLASSES)
def test_without_all_parts_nothing_of_the_object_is_left(name):
    here = scene("val", CLASSES.index(name))
    assert not draw(here, without=parts(name)).mask.any()


def test_what_lies_behind_a_missing_part_is_seen(plain):
    """The eyes lie before the head: without the head they stay, without the eyes there is more of it."""
    here = plain("labrador", centre=0j, scale=1.0)
    masks = part_masks(here)
    seen = draw(here, without="head").mask
    assert seen[masks["eyes"]].all()
    assert seen[masks["head"]].mean() < 0.5  # ears reach behind it
    assert draw(here, without="eyes").mask[masks["eyes"]].mean() > 0.95


@pytest.mark.parametrize("mirror", [False, True])
@pytest.mark.parametrize("name", ["husky", "siamese cat"])
def test_the_left_ear_is_on_the_animals_own_left(name, mirror, plain):
    masks = part_masks(plain(name, mirror=mirror, tilt=0.0, centre=0j))
    left, right = (np.nonzero(masks[f"{side} ear"])[1].mean() for side in ("left", "right"))
    assert left > right  # it faces us


def test_surroundings_can_be_left_out_and_change_there_alone():
    for index in (1, 37, 169):
        here = replace(scene("val", index), blur=0.0)
        for thing, mask in surrounding_masks(here).items():
            assert not (changed(here, thing) & ~touched(here, thing, 0)).any()
            assert (changed(here, thing, 2) & mask).sum() > 0.5 * mask.sum()
            assert not (mask & draw(here).mask).any()
    assert set(surrounding_masks(scene("val", 1))) == set(toyworld.SURROUNDINGS)


def test_a_part_that_a_class_has_not_is_refused_with_those_it_has():
    with pytest.raises(ValueError, match="An image of a sailboat has no part wheel; it has hull, mast, main sail, fore"):
        draw(scene("val", CLASSES.index("sailboat")), without="wheel")
    with pytest.raises(ValueError, match="no class 'cow'; it has dalmatian"):
        parts("cow")


def test_half_of_the_images_lack_one_part_to_half_of_their_parts():
    found = [lacking("train", index) for index in range(2400)]
    assert sum(not each for each in found) / len(found) == pytest.approx(0.5, abs=0.04)
    for index, missing in enumerate(found):
        names = parts(CLASSES[index % 24])
        assert set(missing) <= set(names)
        assert len(set(missing)) == len(missing) <= len(names) // 2
    sailboats = [each for each in found[CLASSES.index("sailboat") :: 24] if each]
    counts = [sum(part in each for each in sailboats) for part in parts("sailboat")]
    assert max(counts) < 2.5 * min(counts)  # any part as often as any other, give or take
    assert found[:48] != [lacking("val", index) for index in range(48)]
    assert found[:48] != [lacking("train", index, seed=1) for index in range(48)]


def test_the_images_that_lack_parts_are_those_of_the_toy_world_otherwise(monkeypatch):
    monkeypatch.setenv("ZF_PROGRESS", "0")
    monkeypatch.setattr(toyworld.missing, "SIZES", {"train": 1, "val": 1})
    frames = render_lacking("val", workers=1)
    assert frames.shape == (24, 3, 146, 146)
    for index, frame in enumerate(frames):
        whole = draw(scene("val", index)).image.transpose(2, 0, 1)
        assert (frame != whole).any() == bool(lacking("val", index))
