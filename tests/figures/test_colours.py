"""Maps in colours against matplotlib's own, one value at a time."""

import matplotlib
import numpy as np
import pytest
import torch

from zfhelpers import figures

RNG = np.random.default_rng(0)
VIRIDIS = matplotlib.colormaps["viridis"]


def test_every_value_has_its_place_between_the_darkest_and_the_lightest():
    values = RNG.normal(size=(4, 6))
    drawn = figures.heat(torch.from_numpy(values))
    assert (drawn.shape, drawn.dtype) == ((3, 4, 6), np.uint8)
    for row, column in np.ndindex(4, 6):
        share = (values[row, column] - values.min()) / np.ptp(values)
        np.testing.assert_array_equal(drawn[:, row, column], VIRIDIS(share, bytes=True)[:3])


def test_low_and_high_are_the_ends_of_the_scale():
    counts = np.array([[2, 4], [6, 12]], np.uint8)
    drawn = figures.heat(counts, low=4, high=12)
    ends = VIRIDIS([0.0, 0.25, 1.0], bytes=True)[:, :3].tolist()
    assert drawn.reshape(3, -1).T.tolist() == [ends[0], *ends]  # what lies below has the darkest colour


def test_a_side_makes_rectangles_of_one_colour():
    values = RNG.random((3, 4))
    np.testing.assert_array_equal(figures.heat(values, side=24), figures.heat(values).repeat(8, 1).repeat(6, 2))


def test_a_map_of_one_value_is_dark():
    assert (figures.heat(np.ones((3, 3))) == np.reshape(VIRIDIS(0.0, bytes=True)[:3], (3, 1, 1))).all()


@pytest.mark.parametrize(
    ("values", "sentence"),
    [
        (np.zeros(4), r"shape \(rows, columns\), not \(4,\)"),
        (np.zeros((0, 4)), r"not \(0, 4\)"),
        (np.array([[0, np.nan]]), "must be finite"),
    ],
)
def test_what_is_no_map_is_refused(values, sentence):
    with pytest.raises(ValueError, match=sentence):
        figures.heat(values)
