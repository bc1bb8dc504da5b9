"""Curves and bars: the numbers given are the numbers drawn."""

import numpy as np
import pytest
import torch

from zfhelpers import figures

SERIES = {"top-1": ([1, 2, 3], torch.tensor([3.0, 2.0, 1.0]), [1, 1, 1]), "top-5": ([1, 3], [1, 1])}


def test_curves_and_their_bands_are_those_given(drawings):
    figures.curves_figure(SERIES, "epoch", "error (%)", level=(2.5, "chance"))
    (axes,) = drawings[0].axes
    top1, top5, level = axes.get_lines()
    assert [line.get_label() for line in (top1, top5, level)] == ["top-1", "top-5", "chance"]
    assert top1.get_xydata().tolist() == [[1, 3], [2, 2], [3, 1]]
    assert top5.get_xydata().tolist() == [[1, 1], [3, 1]]
    assert set(level.get_ydata()) == {2.5}
    (band,) = axes.collections
    assert {tuple(point) for point in band.get_paths()[0].vertices.tolist()} == {(1, 2), (1, 4), (2, 1), (2, 3), (3, 0), (3, 2)}


def test_a_logarithmic_axis_has_plain_numbers(drawings):
    figures.curves_figure({"error": ([1, 10, 100], [3, 2, 1])}, "epoch", "error (%)", xlog=True)
    (axes,) = drawings[0].axes
    assert axes.get_xscale() == "log"
    assert {1, 10, 100} <= {float(label.get_text()) for label in axes.get_xticklabels()}  # no powers of ten in TeX


def test_an_axis_is_marked_where_it_should_be(drawings):
    figures.curves_figure({"shifted": (range(1, 6), range(5))}, "layer", "distance", xticks=[1, 2, 3, 4, 5])
    (axes,) = drawings[0].axes
    assert axes.get_xticks().tolist() == [1, 2, 3, 4, 5]


def test_marks_are_named_and_nothing_is_written_between_them(drawings):
    figures.curves_figure({"one": ([0.5, 1, 64], [0, 1, 2])}, "epoch", "CKA", xlog=True, xticks={0.5: "random", 1: "1", 64: "64"})
    (axes,) = drawings[0].axes
    assert [label.get_text() for label in axes.get_xticklabels()] == ["random", "1", "64"]
    assert len(axes.get_xticks(minor=True)) == 0


def test_a_line_on_top_is_dashed_and_a_place_on_the_axis_marked(drawings):
    figures.curves_figure(SERIES, "epoch", "error (%)", dashed=["top-5"], mark=(2, "the rate falls"))
    (axes,) = drawings[0].axes
    top1, top5, mark = axes.get_lines()
    assert [line.is_dashed() for line in (top1, top5)] == [False, True]
    assert (mark.get_label(), set(mark.get_xdata()), mark.get_linestyle()) == ("the rate falls", {2}, ":")


def test_bars_are_as_long_as_their_numbers_and_stand_by_their_labels(drawings):
    figures.bars_figure({"here": [1, 2], "the paper": [2, np.nan]}, ["no 7", "ours"], "top-1 error (%)")
    (axes,) = drawings[0].axes
    here, paper = axes.containers
    assert [bar.get_width() for bar in here] == [1, 2]
    assert paper[0].get_width() == 2
    assert np.isnan(paper[1].get_width())
    assert [label.get_text() for label in axes.get_yticklabels()] == ["no 7", "ours"]
    middles = [[bar.get_y() + bar.get_height() / 2 for bar in group] for group in (here, paper)]
    np.testing.assert_allclose(np.mean(middles, axis=0), [0, 1], atol=1e-9)
    assert axes.yaxis_inverted()  # the first label is at the top


@pytest.mark.parametrize(
    ("call", "sentence"),
    [
        (lambda: figures.curves_figure({}, "epoch", "error (%)"), "no curve to draw"),
        (lambda: figures.curves_figure({"top-1": ([1, 2], [1])}, "epoch", "error (%)"), "'top-1' has 2 and 1"),
        (lambda: figures.bars_figure({}, ["ours"], "error (%)"), "no bar to draw"),
        (lambda: figures.bars_figure({"here": [1, 2]}, ["ours"], "error (%)"), "'here' has 2 numbers for 1 labels"),
    ],
)
def test_what_does_not_fit_is_refused(call, sentence):
    with pytest.raises(ValueError, match=sentence):
        call()
