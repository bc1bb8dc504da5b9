"""The pen: mirror images, key points and boxes follow from coordinates."""

import numpy as np
import pytest

from zfhelpers.toyworld.pen import Pen, around, sided, symmetric


def test_pen_mirrors_about_its_own_axis_but_keeps_lettering_readable():
    layers = {}
    for mirror in (False, True):
        pen = Pen(64, zoom=20, origin=32 + 32j, mirror=mirror)
        pen.text("LF", 0, 1, (255, 255, 255))
        layers[mirror] = np.asarray(pen.layer)[..., 3] > 0
    assert (layers[False] != layers[True]).mean() < 0.01


def test_a_mirror_image_swaps_right_and_left_of_the_marked_points():
    marked = {}
    for mirror in (False, True):
        pen = Pen(64, zoom=20, origin=32 + 32j).at(0.2 - 0.1j, 0.5, mirror=mirror)
        pen.mark("right_eye", -0.3 + 0.1j)
        pen.mark("left_eye", 0.3 + 0.1j)
        pen.mark("nose", 0.2j)
        marked[mirror] = pen.points
    for name, point in marked[False].items():
        assert marked[True][name] == pytest.approx(point)  # a face that is its own mirror image


def test_a_pen_within_a_pen_places_as_both_similarities_say():
    outer = Pen(64, zoom=20 * np.exp(0.3j), origin=30 + 34j)
    inner = outer.at(0.1 + 0.2j, 0.5, turn=0.7)
    inner.mark("point", 0.4 - 0.3j)
    assert inner.points["point"] == pytest.approx(complex(outer.place(0.1 + 0.2j + 0.5 * np.exp(0.7j) * (0.4 - 0.3j))))
    assert outer.points == {}


@pytest.mark.parametrize("kind", ["polygon", "blob", "ellipse", "disc", "ring", "line"])
def test_a_box_is_what_the_pixels_fill(kind):
    pen = Pen(200, zoom=60 + 10j, origin=100 + 90j)
    outline = symmetric([-0.7j, 0.5 - 0.1j, 0.3 + 0.6j])
    draw = {
        "polygon": lambda: pen.polygon(outline, (255, 255, 255)),
        "blob": lambda: pen.blob(outline, (255, 255, 255)),
        "ellipse": lambda: pen.ellipse(0.1 + 0.1j, 0.6, 0.3, (255, 255, 255), turn=0.4),
        "disc": lambda: pen.disc(0.1 - 0.1j, 0.5, (255, 255, 255)),
        "ring": lambda: pen.ring(0.1 - 0.1j, 0.5, 0.1, (255, 255, 255)),
        "line": lambda: pen.line([-0.5 - 0.2j, 0.5 + 0.3j], 0.2, (255, 255, 255)),
    }
    draw[kind]()
    rows, columns = np.nonzero(np.asarray(pen.layer)[..., 3])
    found = [rows.min(), columns.min(), rows.max() + 1, columns.max() + 1]
    np.testing.assert_allclose(pen.box(), found, atol=2)


def test_outlines():
    half = [-1j, 0.5 - 0.2j, 0.3 + 0.4j, 1j]
    outline = symmetric(half)
    assert len(outline) == 6  # the two points on the axis are not repeated
    assert set(outline) == set(-outline.conj())
    assert sided(1, half).tolist() == half
    assert sided(-1, half).tolist() == [-1j, -0.5 - 0.2j, -0.3 + 0.4j, 1j]
    np.testing.assert_allclose(around(4, 2), [-2j, 2, 2j, -2], atol=1e-12)


def test_a_pen_without_a_part_leaves_it_out_and_paints_what_it_hid():
    layers = {}
    for without in ((), ("spot",)):
        pen = Pen(64, zoom=20, origin=32 + 32j, without=without, owned=True)
        with pen.part("ground"):
            pen.disc(0, 1, (10, 20, 30))
        with pen.part("spot"):
            pen.at(0.2j, 0.5).disc(0, 0.4, (200, 0, 0))  # what a second pen draws is the part's, too
        layers[without] = np.asarray(pen.layer), np.asarray(pen.owners)
        assert pen.parts == ["ground", "spot"]
    (whole, owners), (rest, _) = layers.values()
    np.testing.assert_array_equal((whole != rest).any(-1), owners == 2)
    assert (owners == 2).sum() > 40
    np.testing.assert_array_equal(owners > 0, whole[..., 3] > 0)


def test_parts_change_sides_in_a_mirror_image_and_hold_no_parts():
    pen = Pen(64, zoom=20, origin=32 + 32j, mirror=True)
    with pen.part("left ear"):
        pen.disc(0.5, 0.1, (1, 1, 1))
    assert pen.parts == ["right ear"]
    with (
        pytest.raises(ValueError, match="The part 'nose' lies inside the part 'head'; draw one after the other"),
        pen.part("head"),
        pen.part("nose"),
    ):
        pass
    assert pen.now == ""  # a mistake leaves no part begun
