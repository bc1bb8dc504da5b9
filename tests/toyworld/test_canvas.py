"""The canvas: ground truth follows the same similarity as the pixels, and every part lies where it is said to lie."""

from dataclasses import replace

import numpy as np
import pytest
from PIL import Image

from zfhelpers.toyworld import canvas
from zfhelpers.toyworld.familiar import DRAWINGS, draw, scene
from zfhelpers.toyworld.ground import Shape
from zfhelpers.toyworld.subject import Subject

MARGIN = 9  # (146 - 128) / 2


def test_a_mirrored_object_is_the_mirror_image(plain):
    here = plain("husky", centre=0j, tilt=0.0)
    straight, mirrored = draw(replace(here, mirror=False)), draw(replace(here, mirror=True))
    assert (straight.mask != mirrored.mask[:, ::-1]).mean() < 0.01
    np.testing.assert_allclose(straight.points["nose"][1], 128 - mirrored.points["nose"][1])
    np.testing.assert_allclose(straight.points["right_eye"][1], 128 - mirrored.points["left_eye"][1])


@pytest.mark.parametrize("index", range(4))
def test_the_window_equals_itself_after_a_quarter_turn(index, plain):
    here = plain("window", index, centre=0j, clutter=(), companion=None, shading=0.0, tilt=0.0, offset=0j, grain=0.0)
    here = replace(here, colours=((90, 90, 90), (90, 90, 90)))
    still, turned = draw(here), draw(here, rotation=90)
    assert (still.mask != turned.mask).mean() < 0.01
    inside = still.mask & turned.mask
    difference = np.abs(still.image.astype(int) - turned.image)[MARGIN:-MARGIN, MARGIN:-MARGIN].max(-1)
    assert (difference[inside] > 40).mean() < 0.03  # edges of panes, by half a pixel; the grain is 3 % of the grey level
    car = replace(plain("car"), centre=0j, tilt=0.0)
    assert (draw(car).mask != draw(car, rotation=90).mask).mean() > 0.05


@pytest.mark.parametrize(
    ("shift", "scale", "rotation"), [((5.0, -7.5), 1.0, 0.0), ((0, 0), 1.4, 0.0), ((0, 0), 1.0, 30.0), ((3, 4), 0.7, -75)]
)
def test_points_move_as_the_similarity_says(shift, scale, rotation, plain):
    here = plain("poodle")
    still, moved = draw(here).points, draw(here, shift=shift, scale=scale, rotation=rotation).points
    c, s = np.cos(np.deg2rad(rotation)), np.sin(np.deg2rad(rotation))
    for name, (row, column) in still.items():
        y, x = row - 64, column - 64  # y down: a counter-clockwise turn sends right (x) to up (-y)
        expected = (64 + scale * (c * y - s * x) + shift[0], 64 + scale * (c * x + s * y) + shift[1])
        np.testing.assert_allclose(moved[name], expected, atol=1e-6)


def test_a_shift_moves_every_pixel_object_and_background():
    here = scene("val", 3)
    here = replace(here, noise=0.0, blur=0.0)
    still, moved = draw(here).image.astype(int), draw(here, shift=(6, -4)).image.astype(int)
    assert np.abs(still[:-6, 4:] - moved[6:, :-4]).max() <= 1


def test_a_quarter_turn_turns_every_pixel(plain):
    here = replace(plain("mug"), clutter=(), companion=None)
    still, turned = draw(here).image.astype(int), draw(here, rotation=90).image.astype(int)
    assert np.abs(np.rot90(still) - turned).mean() < 1.5  # polygons round their corners to half a pixel
    assert np.abs(still - turned).mean() > 5


def test_enlarging_agrees_with_resampling(plain):
    here = plain("clock", centre=0j, grain=0.0)
    large = draw(here, frame_size=256, image_size=256).image.astype(int)
    small = np.asarray(Image.fromarray(large.astype(np.uint8)).reduce(2)).astype(int)
    assert np.abs(draw(here, frame_size=128, image_size=128).image.astype(int) - small).mean() < 4


def test_no_border_ever_shows():
    """Far outside and far too small, the world goes on: no row or column is of one colour."""
    for index in range(24):
        image = draw(replace(scene("val", index), noise=0.0), shift=(90, 90), scale=0.4, rotation=40).image.astype(float)
        assert image[:, :20].std() > 0.5
        assert image[-20:].std() > 0.5


def test_an_occluder_hides_part_of_the_object(plain):
    here = plain("bus", centre=0j)
    whole = draw(here).mask
    hidden = draw(replace(here, occluder=Shape("bar", here.centre, 0.2 * here.scale, 0.0, (90, 70, 50)))).mask
    assert not (hidden & ~whole).any()
    assert 0.05 < 1 - hidden.sum() / whole.sum() < 0.3


def test_later_objects_lie_before_earlier_ones():
    here = replace(scene("val", 21), occluder=None, centre=0j, tilt=0.0)  # a clock
    small = replace(here, label=22, scale=0.4)  # a window
    behind, before = canvas.compose([here, small], DRAWINGS)
    assert not (behind.mask & before.mask).any()
    assert before.mask[64, 64]
    assert not canvas.compose([small, here], DRAWINGS)[0].mask.any()


def test_a_wearer_is_behind_what_is_worn_and_in_no_mask(plain):
    """With a wearer the picture changes around the object; its mask does not, and no shadow falls on who wears it."""
    here = plain("mug", centre=0j, scale=1.0, companion=None)
    ink = (200, 30, 30)
    alone = Subject(lambda pen, rng, borrowed: pen.disc(0, 0.3, ink))
    worn = replace(alone, wearer=lambda pen, rng: pen.disc(0, 0.9, (90, 200, 90)))
    (first,), (second,) = (canvas.compose([here], {**DRAWINGS, "mug": subject}) for subject in (alone, worn))
    np.testing.assert_array_equal(first.mask, second.mask)
    assert first.box == second.box
    ring = slice(73 + 20, 73 + 45), 73  # a column below the small disc, within the large one
    np.testing.assert_allclose(second.image[ring], [(90, 200, 90)] * 25, atol=1)  # neither light nor shadow
    assert np.ptp(first.image[ring].astype(int), axis=0).max() > 10


def test_rough_things_show_more_of_the_noise(plain):
    here = plain("mug", centre=0j, scale=1.0, companion=None, shading=0.0)

    def spread(roughness):
        subject = Subject(lambda pen, rng, borrowed: pen.disc(0, 0.9, (128, 128, 128)), roughness=roughness)
        return canvas.compose([here], {**DRAWINGS, "mug": subject})[0].image[50:96, 50:96].std()

    assert 3 < spread(0.1) / spread(0.03) < 3.7
    assert spread(0.0) < 1
