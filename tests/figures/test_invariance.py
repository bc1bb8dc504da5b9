"""Fig. 5: curves, samples and names in one colour for each image."""

from dataclasses import replace

import numpy as np
import pytest
import torch

from zfhelpers import figures
from zfhelpers.experiments.invariance import InvarianceCurves
from zfhelpers.figures.colours import COLOURS

NAMES = ["mug", "car", "bus"]
VALUES = np.random.default_rng(0).random((3, 3))
ROW = figures.InvarianceRow(
    "rotation (degrees)",
    amounts=np.array([0.0, 90.0, 180.0]),
    samples=np.zeros((3, 4, 3, 40, 40), np.uint8),
    distances={"layer1": VALUES, "layer7": 2 * VALUES},
    probability=VALUES / 2,
    ticks=[0, 90, 180],
)


def test_names_have_the_colours_of_their_curves(drawings):
    figures.invariance_figure([ROW], NAMES)
    shown, *plots = drawings[0].axes
    names = [(label.get_text(), label.get_color()) for label in shown.get_yticklabels()]
    assert names == list(zip(NAMES, COLOURS, strict=False))
    for axes, expected in zip(plots, (VALUES, 2 * VALUES, VALUES / 2), strict=True):
        assert [line.get_color() for line in axes.get_lines()] == [colour for _, colour in names]
        assert axes.get_xticks().tolist() == [0, 90, 180]
        np.testing.assert_array_equal([line.get_ydata() for line in axes.get_lines()], expected)


def test_panels_are_lettered_row_by_row(drawings):
    figures.invariance_figure([ROW, replace(ROW, xlabel="scale (times)")], NAMES)
    assert [axes.get_title(loc="left") for axes in drawings[0].axes] == [f"({row}{column})" for row in "ab" for column in "1234"]


def test_a_row_of_what_was_measured_takes_the_first_and_the_last_picture():
    curves = InvarianceCurves("rotation", torch.arange(0, 361, 30.0), {"layer1": torch.rand(3, 13)}, torch.rand(3, 13))
    pictures = np.random.default_rng(1).integers(0, 256, (3, 13, 3, 40, 40), np.uint8)
    row = figures.invariance_row(curves, pictures)
    assert (row.xlabel, list(row.ticks)) == ("rotation (degrees)", [0, 90, 180, 270, 360])
    np.testing.assert_array_equal(row.samples[:, [0, -1]], pictures[:, [0, -1]])
    assert row.samples.shape[1] == 8


@pytest.mark.parametrize(
    ("answers", "label", "legend"),
    [
        (NAMES, "P(true class)", NAMES),
        (["cup", "car", "minibus"], "P(followed output)", ["mug: cup", "car", "bus: minibus"]),
    ],
)
def test_what_is_followed_is_named_in_the_legend_alone(drawings, answers, label, legend):
    drawn = figures.invariance_figure([ROW], NAMES, answers=answers)
    samples, *_, last = drawings[0].axes
    assert [text.get_text() for text in samples.get_yticklabels()] == NAMES
    assert last.get_ylabel() == label
    assert [text.get_text() for text in drawings[0].legends[0].get_texts()] == legend
    assert drawn.alt.endswith(f"probability of the {label[2:-1]} for {', '.join(legend)}.")


@pytest.mark.parametrize(
    ("rows", "names", "sentence"),
    [
        ([], NAMES, "one row or more"),
        ([ROW], NAMES[:2], r"2 names and 3 amounts, but samples of 3 images and values \(3, 3\)"),
        ([replace(ROW, amounts=[0, 90])], NAMES, "3 names and 2 amounts"),
        ([replace(ROW, samples=ROW.samples[:1])], NAMES, "samples of 1 images"),
        ([ROW, replace(ROW, distances={"layer1": VALUES})], NAMES, r"the same layers; rotation \(degrees\) has \['layer1'\]"),
    ],
)
def test_what_does_not_agree_is_refused(rows, names, sentence):
    with pytest.raises(ValueError, match=sentence):
        figures.invariance_figure(rows, names)
