"""The parts of Views: pixels counted and measured, sliders moved."""

import ipywidgets as widgets
import numpy as np
import pytest
from PIL import Image, ImageColor

from zfhelpers.views.panels import BELOW, MARK, bars, beside, enlarged, frame, readout, resized, slider_below, stacked

RNG = np.random.default_rng(0)
BLACK = Image.new("RGB", (20, 30))


def is_black(image):
    return (np.asarray(image) == 0).all(-1)


def test_panels_stand_beside_each_other_below_their_headings():
    sheet = beside([("left", BLACK), ("right", Image.new("RGB", (40, 10)))], gap=6)
    assert sheet.size == (66, 54)
    black = is_black(sheet)[24:]
    assert black[:30, :20].all()
    assert black[:10, 26:].all()
    assert black.sum() == 20 * 30 + 40 * 10


def test_rows_stand_below_each_other():
    sheet = stacked([BLACK, Image.new("RGB", (40, 10))])
    assert sheet.size == (40, 48)
    black = is_black(sheet)
    assert black[:30, :20].all()
    assert black[38:].all()
    assert black.sum() == 20 * 30 + 40 * 10


@pytest.mark.parametrize("width", [1, 3])
def test_a_frame_lies_just_inside_its_box(width):
    image = Image.new("RGB", (20, 30))
    frame(image, (4, 2, 24, 17), width)
    marked = (np.asarray(image) == ImageColor.getrgb(MARK)).all(-1)
    expected = np.zeros((30, 20), bool)
    expected[4:24, 2:17] = True
    expected[4 + width : 24 - width, 2 + width : 17 - width] = False
    assert (marked == expected).all()


def test_images_are_enlarged_to_a_panel_by_whole_pixels():
    image = RNG.integers(0, 256, (3, 64, 64), dtype=np.uint8)
    assert (np.asarray(enlarged(image)) == image.transpose(1, 2, 0).repeat(4, 0).repeat(4, 1)).all()
    assert enlarged(RNG.integers(0, 256, (3, 600, 600), dtype=np.uint8)).size == (600, 600)  # never reduced


def test_images_are_reduced_by_averaging_and_enlarged_without():
    image = RNG.integers(0, 256, (3, 80, 80), dtype=np.uint8)
    means = image.reshape(3, 20, 4, 20, 4).mean((2, 4)).transpose(1, 2, 0)
    assert np.abs(np.asarray(resized(image, 20)) - means).max() <= 1
    assert (np.asarray(resized(image, 240)) == image.transpose(1, 2, 0).repeat(3, 0).repeat(3, 1)).all()


def test_a_slider_reaches_as_far_as_the_choice_above_it():
    menu = widgets.Dropdown(options=["layer1", "layer2"], description="layer")
    slider = slider_below(menu, {"layer1": 3, "layer2": 9}, "map", value=1)
    assert (slider.min, slider.max, slider.value) == (0, 2, 1)
    menu.value, slider.value = "layer2", 8
    assert (slider.max, slider.value) == (8, 8)
    menu.value = "layer1"
    assert (slider.max, slider.value) == (2, 2)


def test_a_menu_without_a_choice_is_refused():
    with pytest.raises(ValueError, match="no layer to choose"):
        slider_below(widgets.Dropdown(options=[], description="layer"), {}, "map")


def test_a_readout_is_html_of_names_and_values():
    assert readout(same_class="1 < 2", map=3) == "same class: <strong>1 &lt; 2</strong> &nbsp; map: <strong>3</strong>"


def shares(image):
    """How many pixels are of each colour, row by row of bars."""
    rows = [np.asarray(image)[top : top + 16] for top in range(2, image.height - 16, 16)]
    return np.array([[(row == ImageColor.getrgb(colour)).all(-1).sum() for colour in (MARK, BELOW)] for row in rows])


def test_bars_are_as_long_as_their_values_and_on_their_side():
    up, down = shares(bars(["a", "b", "c"], [4.0, -2.0, 9.0], -5, 5)).T
    assert up[1] == 0
    assert down[[0, 2]].tolist() == [0, 0]
    assert up[0] / down[1] == pytest.approx(2, rel=0.05)
    assert up[2] / up[0] == pytest.approx(5 / 4, rel=0.05)  # cut off at the end of the axis


def test_bars_start_at_zero_where_the_axis_does():
    drawn = bars(["long name", "x"], [1.0, 2.0], 0, 2)
    up, _ = shares(drawn).T
    assert up[1] / up[0] == pytest.approx(2, rel=0.05)
