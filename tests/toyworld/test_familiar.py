"""The toy world's own classes: in balance, deterministic, every part where it is said to be."""

from dataclasses import replace

import numpy as np
import pytest

from zfhelpers.toyworld import familiar
from zfhelpers.toyworld.familiar import CLASSES, DRAWINGS, SIZES, draw, render, scene

MARGIN = 9  # (146 - 128) / 2
ANIMALS = CLASSES[:11]
OLD = {  # colours of the frame's four quarters, written down when the toy world was new
    0: [146.11, 98.03, 99.42, 155.16, 94.1, 96.98, 160.54, 117.92, 109.23, 154.39, 102.56, 101.89],
    30: [164.1, 140.27, 107.49, 165.51, 145.91, 122.09, 166.86, 143.55, 110.95, 102.68, 96.06, 86.4],
    1111: [88.83, 93.71, 123.61, 84.49, 84.58, 122.52, 106.39, 101.31, 108.85, 86.42, 84.43, 123.02],
}


def near(mask, row, column, radius):
    """Whether the mask has a pixel within `radius` of a point."""
    rows, columns = np.nonzero(mask)
    return np.hypot(rows + 0.5 - row, columns + 0.5 - column).min() <= radius


def test_there_are_24_classes_in_balance():
    assert len(CLASSES) == len(set(CLASSES)) == 24
    assert SIZES == {"train": 300, "val": 50}
    assert [scene("train", i).label for i in range(48)] == [*range(24), *range(24)]
    assert scene("val", 24 * 50 - 1).label == 23


@pytest.mark.parametrize("index", OLD)
def test_the_toy_world_stays_as_it_was(index):
    image = familiar.draw(familiar.scene("val", index)).image.astype(float)
    np.testing.assert_allclose(image.reshape(2, 73, 2, 73, 3).mean(axis=(1, 3)).ravel(), OLD[index], atol=0.05)
    assert familiar.VERSION == "2-1.0"  # caches and shipped weights belong to it


def test_same_choices_same_bytes():
    for index in range(0, 24, 5):
        assert scene("train", index) == scene("train", index)
        np.testing.assert_array_equal(draw(scene("train", index)).image, draw(scene("train", index)).image)


@pytest.mark.parametrize("name", CLASSES)
def test_ground_truth_of_every_class_is_consistent(name, plain):
    for index in range(4):
        drawing = draw(plain(name, index, centre=0j))
        mask, (top, left, bottom, right) = drawing.mask, drawing.box
        assert CLASSES[drawing.label] == name
        assert mask.shape == (128, 128)
        rows, columns = np.nonzero(mask)
        # The box is computed from outlines, the mask from pixels; within two pixels they agree.
        np.testing.assert_allclose(
            np.clip([top, left, bottom, right], 0, 128), [rows.min(), columns.min(), rows.max() + 1, columns.max() + 1], atol=2
        )
        assert drawing.points
        for row, column in drawing.points.values():
            assert top <= row <= bottom
            assert left <= column <= right
            assert near(mask, row, column, 3)


@pytest.mark.parametrize("name", CLASSES)
def test_the_mask_is_where_the_object_is(name, plain):
    """Without its drawing the picture changes inside the mask and nowhere far from it."""
    here = plain(name, centre=0j)
    with pytest.MonkeyPatch.context() as patch:
        nothing = replace(DRAWINGS[name], draw=lambda pen, rng, borrowed: pen.disc(0, 1e-3, (0, 0, 0)))
        patch.setitem(DRAWINGS, name, nothing)
        without = draw(here).image.astype(int)
    drawing = draw(here)
    changed = np.abs(drawing.image.astype(int) - without).max(-1)[MARGIN:-MARGIN, MARGIN:-MARGIN] > 40
    around_centre = np.hypot(*(np.indices((128, 128)) - 63.5)) < 3  # the disc itself
    assert (changed & drawing.mask).sum() > 0.3 * drawing.mask.sum()
    rows, columns = np.nonzero(drawing.mask)
    for row, column in np.argwhere(changed & ~drawing.mask & ~around_centre):
        assert np.hypot(rows - row, columns - column).min() <= 2


@pytest.mark.parametrize("name", ANIMALS)
@pytest.mark.parametrize("mirror", [False, True])
def test_the_right_eye_is_on_the_animals_own_right(name, mirror, plain):
    points = draw(plain(name, mirror=mirror, tilt=0.0)).points
    assert set(points) == {"right_eye", "left_eye", "nose"}
    assert points["right_eye"][1] < points["left_eye"][1]  # it faces us
    assert points["nose"][0] > points["right_eye"][0]


def test_a_necklace_is_worn_and_its_mask_leaves_out_the_wearer(plain):
    drawing = draw(plain("necklace"))
    assert drawing.mask.mean() < 0.15
    assert "pendant" in drawing.points


def test_bad_input_is_told_what_is_possible():
    with pytest.raises(ValueError, match="no split 'test'; it has train, val"):
        scene("test", 0)
    with pytest.raises(ValueError, match="no split 'test'"):
        render("test")
    for index in (-1, 1200):
        with pytest.raises(ValueError, match="images 0 to 1199"):
            scene("val", index)
    with pytest.raises(TypeError):
        scene("val", 1.5)
    with pytest.raises(ValueError, match="1 to 1200"):
        render("val", 1201)
    with pytest.raises(ValueError, match="cannot hold"):
        draw(scene("val", 0), frame_size=100, image_size=128)
    with pytest.raises(ValueError, match="scale must be positive"):
        draw(scene("val", 0), scale=0)
