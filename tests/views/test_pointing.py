"""Pointing: a place in the picture becomes the state whose mark lies there, for every View that can be pointed at."""

import io

import numpy as np
import pytest
import torch
from PIL import Image, ImageColor

from tests.views.test_every_view import MAKERS
from zfhelpers import views
from zfhelpers.geometry import ReceptiveField, receptive_field
from zfhelpers.views.panels import MARK
from zfhelpers.views.pointing import PointedPicture

RNG = np.random.default_rng(0)
PHOTO = RNG.integers(0, 256, (3, 64, 64), dtype=np.uint8)
POINTED = ("any_occlusion", "deconv", "features", "invariance", "occlusion", "receptive_field")


def pixels(view):
    return np.asarray(Image.open(io.BytesIO(view.png)).convert("RGB")).astype(int)


@pytest.mark.parametrize("name", POINTED)
def test_any_place_in_and_around_the_picture_is_answered(name):
    view = MAKERS[name]()
    wide, high = view.picture.size
    for x, y in [
        (0, 0),
        (wide - 1, high - 1),
        (wide / 2, high / 2),
        (-50, -50),
        (wide * 2, high * 2),
        *RNG.uniform(0, wide, (40, 2)),
    ]:
        view.point_at(x, y)
        assert view.error is None, (x, y)


@pytest.mark.parametrize("name", POINTED)
def test_arrow_keys_walk_and_stop_at_the_ends(name):
    view = MAKERS[name]()
    for _ in range(70):
        view.step(-1, -1)
    across, down = view.arrows
    first = view.controls[across].min, view.controls[down].min
    assert (view.state[across], view.state[down]) == first
    view.step(1, 0)
    assert view.state[across] == first[0] + (view.controls[across].max > first[0])
    for _ in range(70):
        view.step(1, 1)
    assert (view.state[across], view.state[down]) == (view.controls[across].max, view.controls[down].max)
    assert view.error is None


def test_the_square_comes_under_the_pointer():
    view = MAKERS["occlusion"]()  # 6 x 5 places of a 14 px square, 10 px apart; 64 px are shown four times as large
    for row in range(6):
        for column in range(5):
            view.point_at(4 * (10 * column + 7) + 9, 24 + 4 * (10 * row + 7) - 9)
            assert (view.state["row"], view.state["column"]) == (row, column)
            top, left, bottom, right = view.picture.handle
            assert (top, left, bottom, right) == (24 + 40 * row, 40 * column, 24 + 40 * row + 56, 40 * column + 56)
    view.point_at(272 + 256 * 4.5 / 5, 24 + 256 * 0.5 / 6)  # the last cell of the first row of the first map
    assert (view.state["row"], view.state["column"]) == (0, 4)
    view.point_at(272 * 2 + 256 * 0.5 / 5, 24 + 256 * 5.5 / 6)
    assert (view.state["row"], view.state["column"]) == (5, 0)


def test_a_unit_is_picked_where_its_field_lies():
    fields = {"layer1": ReceptiveField(7, 4, 0), "layer2": ReceptiveField(75, 16, -10)}
    view = views.receptive_field_view(PHOTO, fields, {"layer1": 15, "layer2": 4})
    margin = 64 // 3
    for layer, field in fields.items():
        view.set(layer=layer)
        for row, column in ((0, 0), (2, 3), (3, 1)):
            top, left, bottom, right = (4 * (edge + margin) for edge in field.box(row, column))
            view.point_at((left + right) / 2 + 3, (top + bottom) / 2 - 3)
            assert (view.state["row"], view.state["column"]) == (row, column)


def test_clicking_a_projection_asks_the_unit_that_looks_there():
    torch.manual_seed(0)
    net = torch.nn.Sequential(torch.nn.Conv2d(3, 5, 7, stride=3), torch.nn.ReLU()).eval()
    view = views.deconv_view(net, torch.from_numpy(PHOTO).float() - 128, PHOTO, ["1"], {"1": receptive_field(net, "1", 64)})
    strongest = net(torch.from_numpy(PHOTO)[None].float() - 128)[0].detach()
    which = int(strongest.amax((1, 2)).argmax())
    assert (view.state["row"], view.state["column"]) == divmod(int(strongest[which].argmax()), 20)
    for left in (0, 256 + 16):  # either picture
        view.set(row=0, column=0).point_at(left + 4 * (3 * 12 + 3.5), 24 + 4 * (3 * 5 + 3.5))
        assert (view.state["row"], view.state["column"]) == (5, 12)
        assert f"activation: <strong>{strongest[which, 5, 12]:.3g}" in view.readout
    view.set(rank=3)  # another map begins with its own most active unit
    other = int(strongest.amax((1, 2)).argsort(descending=True)[3])
    assert (view.state["row"], view.state["column"]) == divmod(int(strongest[other].argmax()), 20)


def test_clicking_the_wall_picks_a_map_and_the_frame_is_around_it():
    view = MAKERS["features"]()
    count = view.controls["map"].max + 1
    for which in range(count):
        off = np.abs(pixels(view.set(map=which)) - ImageColor.getrgb(MARK)).max(-1)
        ys, xs = np.nonzero(off[24:, 598:] < 20)  # the frame on the wall, right of two nines
        view.set(map=(which + 1) % count).point_at(598 + xs.mean(), 24 + ys.mean())
        assert view.state["map"] == which


def test_pointing_at_a_curve_picks_the_amount_there():
    view = MAKERS["invariance"]()
    for amount in range(view.controls["amount"].max + 1):
        before = pixels(view.set(amount=amount))
        wide = 256
        panel = before[24:, wide + 16 : wide + 16 + 264]
        reddest = panel @ np.array([1, -0.5, -0.5])
        x = np.nonzero((reddest > 100).sum(0) > 100)[0].mean()  # the upright line
        view.set(amount=0).point_at(wide + 16 + x, 100)
        assert view.state["amount"] == amount


def test_several_controls_move_with_one_picture():
    drawn = []

    def render(state):
        drawn.append(state)
        return np.zeros((3, 8, 8), np.uint8), "Black."

    import ipywidgets as widgets

    controls = {name: widgets.IntSlider(description=name, max=9) for name in ("row", "column")}
    view = views.View(render, controls, point=lambda x, y, state: {"row": int(y), "column": int(x)}, arrows=("column", "row"))
    view.point_at(3, 4).set(row=1, column=2).step(1, 1)
    assert [tuple(state.values()) for state in drawn] == [(0, 0), (4, 3), (1, 2), (2, 3)]
    view._picture.place = [9.0, 50.0, 1]  # as the script sends it; beyond the end is the end
    assert view.state == {"row": 9, "column": 9}
    view._picture.step = [-1, 0, 2]
    assert view.state == {"row": 9, "column": 8}


def test_a_view_that_cannot_be_pointed_at_says_so():
    with pytest.raises(ValueError, match=r"^This View cannot be pointed at; it has controls alone\.$"):
        MAKERS["grey"]().point_at(0, 0)


def test_the_script_names_nothing_outside_itself():
    script = str(PointedPicture._esm)
    assert "function render(" in script
    assert "import " not in script
    assert "http" not in script
