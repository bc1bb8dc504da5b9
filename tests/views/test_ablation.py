"""The view of Table 3, driven without a browser."""

import time

import numpy as np
import pytest
from PIL import ImageColor

from zfhelpers.views.ablation import ablation_view, dots
from zfhelpers.views.panels import MARK


def entry(row, seed, of_class):
    return {
        "row": row,
        "seed": seed,
        "of_class": of_class,
        "val_top1": float(np.mean([error for error in of_class if error is not None])),
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
    assert "replication without layer 7: <strong>20.0 %" in view.readout
    assert "against: <strong>20.0 % (the replication)" in view.readout
    assert "seeds: <strong>0, 1" in view.readout
    assert "pays most: <strong>dog" in view.readout
    assert "pays least: <strong>cat" in view.readout  # no owl was judged


def test_compares_only_seeds_that_both_have(table):
    view = ablation_view(table).set(row="zfnet")
    assert "seeds: <strong>1<" in view.readout
    assert "against: <strong>25.0 % (the replication)" in view.readout
    view.set(seed=0)
    assert "not both trained with this seed" in view.error
    view.set(row="alexnet-no-7")
    assert view.error is None
    assert "replication without layer 7: <strong>20.0 %" in view.readout


def test_the_menus_say_what_the_tables_say(table):
    controls = ablation_view(table).controls
    named = [("the replication", "alexnet"), ("replication without layer 7", "alexnet-no-7"), ("ours", "zfnet")]
    assert [list(controls[menu].options) for menu in ("row", "against")] == [named, named]


def test_equal_trainings_do_not_hide_each_other():
    both = {("zfnet", seed): entry("zfnet", seed, [20.0]) for seed in range(3)}
    one = {("zfnet", 0): both["zfnet", 0]}
    areas = [
        (np.asarray(dots(found, ["zfnet"], "zfnet", "alexnet")) == ImageColor.getrgb(MARK)).all(-1).sum() for found in (both, one)
    ]
    assert areas[0] > 1.8 * areas[1]


def test_alt_text_holds_no_measured_number(table):
    view = ablation_view(table)
    assert "replication without layer 7 and the replication in colour" in view.alt
    assert not any(digit in view.alt.replace("Table 3", "").replace("layer 7", "") for digit in "0123456789")


def test_follows_a_click(table):
    view = ablation_view(table)
    began = time.process_time()
    before = view.png
    view.set(row="zfnet")
    assert time.process_time() - began < 0.15
    assert view.png != before
    assert "ours and the replication in colour" in view.alt


def test_a_table_without_networks_is_refused():
    with pytest.raises(ValueError, match="no network to compare"):
        ablation_view({"classes": ["dog"], "networks": []})
