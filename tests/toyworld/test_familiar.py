"""The toy world: deterministic, balanced, and its ground truth follows the same similarity as its pixels."""

from dataclasses import replace

import numpy as np
import pytest
from PIL import Image

from zfhelpers.toyworld import familiar
from zfhelpers.toyworld.familiar import CLASSES, DRAWINGS, SIZES, draw, render, scene
from zfhelpers.toyworld.ground import noise_tile, texture
from zfhelpers.toyworld.pen import Pen

MARGIN = 9  # (146 - 128) / 2
ANIMALS = CLASSES[:11]
INDEX = {name: i for i, name in enumerate(CLASSES)}


def plain(name, index=0, **changes):
    """A scene of one class with nothing before it, no blur and no noise."""
    here = scene("val", INDEX[name] + 24 * index)
    return replace(here, **{"occluder": None, "blur": 0.0, "noise": 0.0, **changes})


def near(mask, row, column, radius):
    """Whether the mask has a pixel within `radius` of a point."""
    rows, columns = np.nonzero(mask)
    return np.hypot(rows + 0.5 - row, columns + 0.5 - column).min() <= radius


def test_there_are_24_classes_in_balance():
    assert len(CLASSES) == len(set(CLASSES)) == 24
    assert SIZES == {"train": 300, "val": 50}
    assert [scene("train", i).label for i in range(48)] == [*range(24), *range(24)]
    assert scene("val", 24 * 50 - 1).label == 23


def test_same_choices_same_bytes():
    for index in range(0, 24, 5):
        assert scene("train", index) == scene("train", index)
        np.testing.assert_array_equal(draw(scene("train", index)).image, draw(scene("train", index)).image)


def test_splits_seeds_and_indices_share_nothing():
    scenes = [scene("train", 0), scene("val", 0), scene("train", 0, seed=1), scene("train", 24)]
    assert len({here.detail for here in scenes}) == len({here.centre for here in scenes}) == 4


def test_scenes_are_the_same_on_every_platform():
    """Integers of PCG64 are defined bit by bit; written down once."""
    assert [scene("train", i, difficulty=0.5).detail for i in (0, 7199)] == [313304722, 659938606]


@pytest.mark.parametrize("workers", [1, 2, 3])
def test_rendering_does_not_depend_on_the_number_of_workers(workers, monkeypatch):
    monkeypatch.setenv("ZF_PROGRESS", "0")
    frames, labels = render("val", 100, workers=workers)  # three chunks
    assert frames.shape == (100, 3, 146, 146)
    assert frames.dtype == np.uint8
    assert labels.dtype == np.int64
    np.testing.assert_array_equal(labels, np.arange(100) % 24)
    for index in (0, 47, 48, 99):
        np.testing.assert_array_equal(frames[index], draw(scene("val", index)).image.transpose(2, 0, 1))


def test_workers_draw_at_the_callers_difficulty(monkeypatch):
    monkeypatch.setenv("ZF_PROGRESS", "0")
    monkeypatch.setattr(familiar, "DIFFICULTY", 0.1)
    frames, _ = render("val", 2, workers=2)
    np.testing.assert_array_equal(frames[1], draw(scene("val", 1, difficulty=0.1)).image.transpose(2, 0, 1))


@pytest.mark.parametrize("name", CLASSES)
def test_ground_truth_of_every_class_is_consistent(name):
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
def test_the_mask_is_where_the_object_is(name):
    """Without its drawing the picture changes inside the mask and nowhere far from it."""
    here = plain(name, centre=0j)
    with pytest.MonkeyPatch.context() as patch:
        patch.setitem(DRAWINGS, name, lambda pen, rng, borrowed: pen.disc(0, 1e-3, (0, 0, 0)))
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
def test_the_right_eye_is_on_the_animals_own_right(name, mirror):
    points = draw(plain(name, mirror=mirror, tilt=0.0)).points
    assert set(points) == {"right_eye", "left_eye", "nose"}
    assert points["right_eye"][1] < points["left_eye"][1]  # it faces us
    assert points["nose"][0] > points["right_eye"][0]


def test_a_mirrored_object_is_the_mirror_image():
    here = plain("husky", centre=0j, tilt=0.0)
    one, other = draw(replace(here, mirror=False)), draw(replace(here, mirror=True))
    assert (one.mask != other.mask[:, ::-1]).mean() < 0.01
    np.testing.assert_allclose(one.points["nose"][1], 128 - other.points["nose"][1])
    np.testing.assert_allclose(one.points["right_eye"][1], 128 - other.points["left_eye"][1])


@pytest.mark.parametrize("index", range(4))
def test_the_window_equals_itself_after_a_quarter_turn(index):
    here = plain("window", index, centre=0j, clutter=(), companion=None, shading=0.0, tilt=0.0, offset=0j, grain=0.0)
    here = replace(here, colours=((90, 90, 90), (90, 90, 90)))
    one, turned = draw(here), draw(here, rotation=90)
    assert (one.mask != turned.mask).mean() < 0.01
    inside = one.mask & turned.mask
    difference = np.abs(one.image.astype(int) - turned.image)[MARGIN:-MARGIN, MARGIN:-MARGIN].max(-1)
    assert (difference[inside] > 40).mean() < 0.03  # edges of panes, by half a pixel; the grain is 3 % of the grey level
    car = replace(plain("car"), centre=0j, tilt=0.0)
    assert (draw(car).mask != draw(car, rotation=90).mask).mean() > 0.05


@pytest.mark.parametrize(
    ("shift", "scale", "rotation"), [((5.0, -7.5), 1.0, 0.0), ((0, 0), 1.4, 0.0), ((0, 0), 1.0, 30.0), ((3, 4), 0.7, -75)]
)
def test_points_move_as_the_similarity_says(shift, scale, rotation):
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


def test_a_quarter_turn_turns_every_pixel():
    here = replace(plain("mug"), clutter=(), companion=None)
    still, turned = draw(here).image.astype(int), draw(here, rotation=90).image.astype(int)
    assert np.abs(np.rot90(still) - turned).mean() < 1.5  # polygons round their corners to half a pixel
    assert np.abs(still - turned).mean() > 5


def test_enlarging_agrees_with_resampling():
    here = plain("clock", centre=0j, grain=0.0)
    large = draw(here, frame_size=256, image_size=256).image.astype(int)
    small = np.asarray(Image.fromarray(large.astype(np.uint8)).reduce(2)).astype(int)
    assert np.abs(draw(here, frame_size=128, image_size=128).image.astype(int) - small).mean() < 4


def test_texture_is_the_endless_tile_interpolated():
    tile = noise_tile().reshape(256, 256)
    rng = np.random.default_rng(0)
    world = rng.uniform(-9, 9, (6, 7)) + 1j * rng.uniform(-9, 9, (6, 7))
    fast = texture(world.astype(np.complex64), 3 + 5j)
    for place in np.ndindex(world.shape):
        x, y = world[place].real * 64 + 3, world[place].imag * 64 + 5
        left, up = int(np.floor(x)), int(np.floor(y))
        slow = sum(
            (1 - abs(x - column)) * (1 - abs(y - row)) * tile[row % 256, column % 256]
            for row in (up, up + 1)
            for column in (left, left + 1)
        )
        assert abs(fast[place] - slow) < 0.01  # float32 coordinates
    np.testing.assert_allclose([tile.real.std(), tile.imag.std()], 1, atol=0.01)


def test_no_border_ever_shows():
    """Far outside and far too small, the world goes on: no row or column is of one colour."""
    for index in range(24):
        image = draw(replace(scene("val", index), noise=0.0), shift=(90, 90), scale=0.4, rotation=40).image.astype(float)
        assert image[:, :20].std() > 0.5
        assert image[-20:].std() > 0.5


def test_an_occluder_hides_part_of_the_object():
    here = plain("bus", centre=0j)
    whole = draw(here).mask
    hidden = draw(replace(here, occluder=("bar", here.centre, 0.2 * here.scale, 0.0, (90, 70, 50)))).mask
    assert not (hidden & ~whole).any()
    assert 0.05 < 1 - hidden.sum() / whole.sum() < 0.3


def test_most_of_every_occluded_object_can_be_seen():
    occluded = [here for here in (scene("train", i, difficulty=0.5) for i in range(480)) if here.occluder]
    assert 0.15 < len(occluded) / 480 < 0.45
    solid = [here for here in occluded if CLASSES[here.label] not in ("necklace", "bicycle")]  # not of thin lines
    shares = [draw(here).mask.sum() / draw(replace(here, occluder=None)).mask.sum() for here in solid[:60]]
    assert min(shares) > 0.6
    assert np.mean(shares) > 0.75


def test_a_necklace_is_worn_and_its_mask_leaves_out_the_wearer():
    drawing = draw(plain("necklace"))
    assert drawing.mask.mean() < 0.15
    assert "pendant" in drawing.points


def test_confounders_accompany_dogs_and_lettering_is_elsewhere_too():
    kinds = [(CLASSES[here.label], here.companion and here.companion[0]) for here in (scene("train", i) for i in range(960))]
    dogs = [kind for name, kind in kinds if name in CLASSES[:6]]
    assert dogs.count("person") > 20
    assert dogs.count("ball") > 20
    assert sum(kind == "sign" for name, kind in kinds if name != "car") > 50


def test_scale_and_tilt_span_the_ranges_promised():
    scenes = [scene("train", i, difficulty=0.5) for i in range(480)]
    for values, low, high in (([here.scale for here in scenes], 0.5, 1), ([here.tilt for here in scenes], -20, 20)):
        assert low <= min(values) < low + 0.05 * (high - low)
        assert high - 0.05 * (high - low) < max(values) <= high


def test_difficulty_scales_the_nuisances():
    easy, hard = ([scene("train", i, difficulty=d) for i in range(240)] for d in (0.0, 1.0))
    assert not any(here.occluder or here.clutter or here.borrowed or here.blur for here in easy)
    assert np.mean([here.occluder is not None for here in hard]) > 0.4
    assert np.mean([here.noise for here in hard]) > 4 * np.mean([here.noise for here in easy])


def test_pen_mirrors_about_its_own_axis_but_keeps_lettering_readable():
    layers = {}
    for mirror in (False, True):
        pen = Pen(64, zoom=20, origin=32 + 32j, mirror=mirror)
        pen.text("LF", 0, 1, (255, 255, 255))
        layers[mirror] = np.asarray(pen.layer)[..., 3] > 0
    assert (layers[False] != layers[True]).mean() < 0.01


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
