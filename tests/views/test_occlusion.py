"""The occlusion View: its square lies where the maps say, and its words are those of that place."""

import io
import re

import numpy as np
import torch
from PIL import Image

from tests.views.test_every_view import MAKERS
from zfhelpers import views
from zfhelpers.figures import heat
from zfhelpers.occlusion import OcclusionMaps

RNG = np.random.default_rng(0)
CLASSES = ("husky", "tabby cat", "sailboat")
PHOTO = RNG.integers(0, 256, (3, 64, 64), dtype=np.uint8)
SWEEP = OcclusionMaps(
    torch.from_numpy(RNG.dirichlet(np.full(3, 20.0), (6, 5))),
    {"layer5": torch.from_numpy(RNG.random((6, 5, 4)))},
    torch.tensor([0.8, 0.1, 0.1]),
    {"layer5": torch.ones(4)},
    strongest_map=2,
    size=14,
    stride=10,
)


def pixels(view):
    return np.asarray(Image.open(io.BytesIO(view.png)).convert("RGB"))


def test_the_occluder_covers_its_box_and_the_readout_is_that_of_the_position():
    view = views.occlusion_view(PHOTO, SWEEP, CLASSES, 0).set(row=2, column=4)
    zoom = 4  # 64 px shown at about 264
    grey = (pixels(view)[24 : 24 + 64 * zoom, : 64 * zoom] == 0x7C).all(-1)
    rows, columns = np.nonzero(grey)
    assert (rows.min(), rows.max() + 1, columns.min(), columns.max() + 1) == (20 * zoom, 34 * zoom, 40 * zoom, 54 * zoom)
    assert grey[20 * zoom : 34 * zoom, 40 * zoom : 54 * zoom].all()
    assert "row 3 of 6 and column 5 of 5" in view.alt
    there = SWEEP.probabilities[2, 4]
    assert f"probability of husky: <strong>{there[0]:.2f} (without the square 0.80)" in view.readout
    assert f"most probable: <strong>{CLASSES[there.argmax()]} {there.max():.2f}" in view.readout
    assert f"activity: <strong>{SWEEP.activity[2, 4] / SWEEP.activity.max():.0%} of its" in view.readout


def test_the_maps_are_coloured_and_the_place_is_crossed():
    view = views.occlusion_view(PHOTO, SWEEP, CLASSES, 0).set(row=0, column=0)
    side, close = 256, 8  # of each panel, in pixels; of colours, for the PNG has a palette
    page = pixels(view)[24:].astype(int)
    ys, xs = (np.arange(0.5, count) * side / count for count in (6, 5))  # the middles of the cells
    for number, drawn in enumerate((heat(SWEEP.probabilities[..., 0], low=0), heat(SWEEP.activity)), start=1):
        panel = page[:side, number * (side + 16) : number * (side + 16) + side]
        cells = panel[np.ix_(ys[1:].astype(int), xs[1:].astype(int))]
        assert np.abs(cells - drawn[:, 1:, 1:].transpose(1, 2, 0)).max() <= close
        down = panel[side // 6 + 4 :, int(xs[0])]
        assert np.abs(down - 0x22).max() <= close


def test_a_long_name_does_not_run_into_the_next_heading():
    def between(name):
        """The headings' line just before the last panel, where the one in the middle must have ended."""
        view = views.occlusion_view(PHOTO, SWEEP, (name, *CLASSES[1:]), 0)
        return pixels(view)[:24, 2 * (256 + 16) - 10 : 2 * (256 + 16) - 1]

    for name in ("husky", "American Staffordshire terrier"):
        assert (between(name) > 0xF0).all(), name


def test_any_image_is_swept_once_and_any_class_followed():
    view = MAKERS["any_occlusion"]()  # classes cat, dog, owl with images 0 1, 2, 3 4 5 6; it starts at 4
    assert view.sweeps == {4: 1}
    assert (view.state["shows"], view.state["which"]) == ("owl", 1)
    view.set(which=3).set(row=0).set(which=1)
    assert view.sweeps == {4: 1, 6: 1}
    probabilities = np.random.default_rng(4).dirichlet(np.ones(3), (6, 5))
    for follow, output in (("cat", 0), ("the true class", 2), ("the answer without the square", probabilities[0, 0].argmax())):
        view.set(follow=follow, row=5, column=2)
        said = re.search(r"probability of (\w+): <strong>([.\d]+)", view.readout)
        assert said.groups() == (("cat", "dog", "owl")[output], f"{probabilities[5, 2, output]:.2f}")
    view.set(shows="dog")
    assert (view.state["which"], view.controls["which"].max) == (0, 0)
    assert "image of dog" in view.alt
    assert view.sweeps == {4: 1, 6: 1, 2: 1}
