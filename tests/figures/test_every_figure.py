"""What holds of every figure: no text is cut off or lies on another, and it looks the same in every reader's set-up."""

from functools import partial
from itertools import combinations

import matplotlib
import numpy as np
import pytest
import torch

from zfhelpers import figures
from zfhelpers.model import ALEXNET, Architecture, ZFNet
from zfhelpers.occlusion import OcclusionMaps

CLASSES = ("husky", "tabby cat", "sailboat", "clock")
EPOCHS = (1, 2, 5, 10, 20, 30, 40, 64)


def photos(*shape):
    """The same pixels at every call, so that a figure can be drawn twice."""
    return np.random.default_rng(0).integers(0, 256, shape, dtype=np.uint8)


def signal(*shape):
    return np.random.default_rng(0).normal(size=shape)


def occluded(label=0, cells=6):
    probabilities = torch.from_numpy(signal(cells, cells, len(CLASSES))).softmax(-1)
    sums = {"layer5": torch.from_numpy(signal(cells, cells, 3))}
    maps = OcclusionMaps(probabilities, sums, probabilities[0, 0], {"layer5": sums["layer5"][0, 0]}, 1, size=14, stride=10)
    return figures.OccludedImage(photos(3, 64, 64), maps, label, signal(4, 3, 40, 40))


def invariance(xlabel):
    amounts = np.linspace(-20, 20, 9)
    distances = {"layer 1": abs(signal(5, 9)), "layer 7": abs(signal(5, 9))}
    return figures.InvarianceRow(xlabel, amounts, photos(5, 8, 3, 40, 40), distances, abs(signal(5, 9)))


def small_net(**changes):
    return ZFNet(Architecture(classes=24, image_size=128, width=0.125, **{"fc": (32, 32)} | changes))


ALEX = {"conv1": ALEXNET.conv1, "conv2": ALEXNET.conv2, "maps": (96, 256, 0, 0, 256), "fc": ()}
SERIES = {"one": ([1, 2, 3], [3, 2, 1], [1, 1, 1]), "two": ([1, 3], [1, 1])}
BARS = {"here": [1, 2], "the paper": [2, np.nan]}
TITLES = ["7×7 without a cap, one scale", "11×11, stride 4", "7×7, stride 2", "layer 2 of 11×11", "layer 2 of 7×7"]


def selection():
    filters, projections = [np.ones((24, 3, k, k)) for k in (7, 11, 7)], [np.ones((25, 9, 3, h, h)) for h in (51, 27)]
    return figures.selection_figure(filters[0], filters[1:], projections, TITLES)


PANEL = {
    "curves": {"layer 2": {5: (54, 52, 56), 20: (55, 53, 57)}, "layer 7": {5: (20, 18, 22), 20: (25, 24, 26)}},
    "band": (28, 34),
    "marks": {"untrained": (0, {"layer 2": 40}), "the paper, softmax on layer 7": (1000, {"layer 7": 86})},
    "missing": [10, 200],
}
ROWS = ("shift (pixels)", "rotation (degrees)")
DRAWINGS = {
    "top9": lambda: figures.top9_figure(signal(5, 9, 3, 27, 27), photos(5, 9, 3, 27, 27), "layer2", [3, 18, 200, 5, 77]),
    "filters": lambda: figures.filters_figure(signal(30, 3, 7, 7)),
    "images": lambda: figures.images_figure(photos(7, 3, 64, 64), ["tabby cat, a long title that must be cut"] * 7, columns=4),
    "evolution": lambda: figures.evolution_figure(signal(3, 8, 3, 75, 75), EPOCHS, "layer3"),
    "evolution with winners": lambda: figures.evolution_figure(
        signal(3, 8, 3, 75, 75), EPOCHS, "layer3", maps=[3, 18, 200], winners=np.zeros((3, 8), int)
    ),
    "occlusion": lambda: figures.occlusion_figure([occluded(0), occluded(2)], CLASSES),
    "invariance": lambda: figures.invariance_figure([invariance(row) for row in ROWS], [*CLASSES, "window"]),
    "curves": lambda: figures.curves_figure(SERIES, "epoch", "error (%)", "Training"),
    "seeds": lambda: figures.seeds_figure({"a long name, no dropout": {"train": [9], "val": [16, 18]}, "b": {"val": []}}, "%"),
    "bars": lambda: figures.bars_figure(BARS, ["removed layers 3,4", "our model"], "top-1 error (%)"),
    "classes": lambda: figures.class_curve_figure({"15 a class": PANEL, "30 a class": PANEL}, "from scratch"),
    "selection": selection,
    "network": lambda: figures.architecture_figure(small_net()),
    "alexnet": lambda: figures.architecture_figure(small_net(**ALEX)),
    "deconvnet": lambda: figures.deconvnet_figure(),
}


@pytest.mark.parametrize("name", sorted(DRAWINGS.keys() - {"filters"}))  # they have no text
def test_no_text_is_cut_off_or_lies_on_another(name, drawings, monkeypatch):
    boxes, draw_text = {}, matplotlib.text.Text.draw

    def noted(text, renderer):  # what is drawn and where: an axis also holds tick labels beyond its ends
        if text.get_visible() and text.get_text().strip():
            boxes[text] = text.get_window_extent(renderer)
        draw_text(text, renderer)

    monkeypatch.setattr(matplotlib.text.Text, "draw", noted)
    DRAWINGS[name]()
    (figure,) = drawings
    assert boxes
    for text, box in boxes.items():
        inside = box.x0 >= -0.5 and box.y0 >= -0.5 and box.x1 <= figure.bbox.width + 0.5 and box.y1 <= figure.bbox.height + 0.5
        assert inside, f"{text.get_text()!r} is cut off at {box}"
    for text, other in combinations(boxes, 2):
        lies_on = boxes[text].padded(-1).overlaps(boxes[other].padded(-1))
        assert not lies_on, f"{text.get_text()!r} lies on {other.get_text()!r}"


@pytest.mark.parametrize("name", DRAWINGS)
def test_figures_leave_matplotlib_as_it_was(name):
    with matplotlib.rc_context({"font.size": 17}):
        before = dict(matplotlib.rcParams)
        assert DRAWINGS[name]().alt
        assert dict(matplotlib.rcParams) == before
    assert not matplotlib._pylab_helpers.Gcf.figs  # nothing that inline plotting would show a second time


@pytest.mark.parametrize("name", DRAWINGS)
def test_a_readers_own_style_changes_nothing(name):
    plain = DRAWINGS[name]()
    with matplotlib.style.context("dark_background"), matplotlib.rc_context({"font.family": "serif", "font.size": 17}):
        styled = DRAWINGS[name]()
    assert styled.png == plain.png
    assert styled.alt == plain.alt


@pytest.mark.parametrize("name", DRAWINGS)
def test_own_alt_text_replaces_the_default(name, monkeypatch):
    for function in (function for function in figures.__all__ if function.endswith("_figure")):
        monkeypatch.setattr(figures, function, partial(getattr(figures, function), alt="What I see."))
    assert repr(DRAWINGS[name]()) == "<Picture: What I see.>"
