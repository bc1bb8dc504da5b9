"""The curve over classes draws what it was given, where it says."""

import pytest

from zfhelpers.figures import class_curve_figure
from zfhelpers.figures.class_curve import NONE_AT

PANEL = {
    "curves": {"layer 5": {5: (40, 38, 42), 20: (45, 44, 46)}, "layer 7": {5: (20, 18, 22), 20: (25, 24, 26)}},
    "band": (28, 34),
    "marks": {"untrained": (0, {"layer 7": 11}), "the paper": (1000, {"layer 7": 86})},
    "missing": [10, 200],
}


def lines(axes):
    return [(*map(list, line.get_data()), line.get_marker()) for line in axes.lines]


def test_curves_marks_and_what_is_missing_are_where_they_belong(drawings):
    class_curve_figure({"a": PANEL, "b": PANEL | {"missing": []}}, "from scratch")
    (figure,) = drawings
    first, second = figure.axes
    assert lines(first) == [
        ([5, 20], [40, 45], "o"),
        ([5, 20], [20, 25], "o"),
        ([NONE_AT], [11], "s"),
        ([1000], [86], "D"),
        ([10], [0.02], "x"),
        ([200], [0.02], "x"),
    ]
    assert len(lines(second)) == 4
    colours = [line.get_color() for line in first.lines[:2]]
    assert [line.get_markeredgecolor() for line in first.lines[2:4]] == [colours[1]] * 2  # of their layer
    assert colours[0] != colours[1]
    band = first.patches[0].get_bbox()
    assert (band.y0, band.y1) == (28, 34)
    spreads = [(path.vertices[:, 1].min(), path.vertices[:, 1].max()) for each in first.collections for path in each.get_paths()]
    assert spreads == [(38, 46), (18, 26)]


def test_the_legend_tells_of_missing_networks_only_where_some_are(drawings):
    class_curve_figure({"a": PANEL}, "from scratch")
    class_curve_figure({"a": PANEL | {"missing": []}}, "from scratch")
    said = [[text.get_text() for text in figure.legends[0].get_texts()] for figure in drawings]
    assert said[0] == ["from scratch", "layer 5", "layer 7", "untrained", "the paper", "not trained yet"]
    assert said[1] == said[0][:-1]


def test_a_curve_without_any_network_is_empty(drawings):
    class_curve_figure({"a": PANEL | {"curves": {"layer 7": {}}, "marks": {}}}, "from scratch")
    assert lines(drawings[0].axes[0])[0] == ([], [], "o")


def test_no_panel():
    with pytest.raises(ValueError, match="There is no panel to draw"):
        class_curve_figure({}, "from scratch")
