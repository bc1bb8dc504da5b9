"""The view of Table 3, driven without a browser."""

import time

import numpy as np
import pytest

from zfhelpers.views.ablation import ablation_view
from zfhelpers.views.panels import BELOW, MARK, bars


def entry(row, seed, of_class):
    return {
        "row": row,
        "seed": seed,
        "of_class": of_class,
        "val_top1": float(np.mean([one for one in of_class if one is not None])),
    }


@pytest.fixture
def table():
    networks = [
        entry("alexnet", 0, [10.0, 20.0, None]),
        entry("alexnet", 1, [10.0, 40.0, None]),
        entry("alexnet-no-7", 0, [30.0, 10.0, None]),
        entry("alexnet-no-7", 1, [20.0, 20.0, None]),
        entry("zfnet", 1, [0.0, 0.0, None]),
    ]
    return {"classes": ["dog", "cat", "owl"], "networks": networks}


def test_starts_with_a_change_and_its_base(table):
    view = ablation_view(table)
    assert view.state == {"row": "alexnet-no-7", "against": "alexnet", "seed": -1}
    assert "alexnet-no-7: <strong>20.0 %" in view.readout
    assert "against: <strong>20.0 % (alexnet)" in view.readout
    assert "seeds: <strong>0, 1" in view.readout
    assert "pays most: <strong>dog" in view.readout
    assert "pays least: <strong>cat" in view.readout  # no owl was judged


def test_compares_only_seeds_that_both_have(table):
    view = ablation_view(table).set(row="zfnet")
    assert "seeds: <strong>1<" in view.readout
    assert "against: <strong>25.0 % (alexnet)" in view.readout
    view.set(seed=0)
    assert "not both trained with this seed" in view.error
    view.set(row="alexnet-no-7")
    assert view.error is None
    assert "alexnet-no-7: <strong>20.0 %" in view.readout


def test_alt_text_holds_no_measured_number(table):
    view = ablation_view(table)
    assert "alexnet-no-7 and alexnet in colour" in view.alt
    assert not any(digit in view.alt.replace("Table 3", "").replace("no-7", "") for digit in "0123456789")


def test_follows_a_click(table):
    view = ablation_view(table)
    began = time.process_time()
    before = view.png
    view.set(row="zfnet")
    assert time.process_time() - began < 0.15
    assert view.png != before
    assert "zfnet and alexnet in colour" in view.alt


def shares(image):
    """How many pixels are of each colour, row by row of bars."""
    pixels = np.asarray(image)
    found = [[(pixels[2 + 16 * n : 18 + 16 * n] == tuple(bytes.fromhex(colour[1:]))).all(-1).sum() for colour in (MARK, BELOW)]
             for n in range((image.height - 4) // 16)]  # fmt: skip
    return np.array(found)


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
