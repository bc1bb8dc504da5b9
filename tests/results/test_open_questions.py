"""Differences and main effects against least squares, and what is said where seeds are few."""

import json

import numpy as np
import pytest
from scipy import stats

from zfhelpers.files import project_dir
from zfhelpers.paper.measurements import begin, running
from zfhelpers.results import open_questions, open_record
from zfhelpers.results.open_questions import STRIDES, Difference, asked, lacking
from zfhelpers.worlds.opening import open_world

FOUR = STRIDES[:4]


def record(values):
    """{kind: {seed: error}} as a record."""
    return asked(
        {"networks": [{"kind": kind, "seed": s, "val_error": e} for kind, row in values.items() for s, e in row.items()]}
    )


def test_seeds_are_paired_where_both_have_them():
    found = record({"plain": {0: 20.0, 1: 22.0, 2: 27.0}, "turned": {2: 29.0, 0: 21.0, 7: 90.0}})
    mean, ends, count = found.difference("turned", "plain", "val_error")
    expected = stats.ttest_1samp([1.0, 2.0], 0).confidence_interval(0.95)
    assert (mean, count) == (1.5, 2)
    assert ends == pytest.approx((expected.low, expected.high))
    mean, ends, count = found.difference("turned", "plain", "val_error", paired=False)
    expected = stats.ttest_ind([29.0, 21.0, 90.0], [20.0, 22.0, 27.0]).confidence_interval(0.95)
    assert (mean, count) == (pytest.approx(140 / 3 - 23), 3)
    assert ends == pytest.approx((expected.low, expected.high))


def test_a_network_of_one_seed_scatters_as_the_other_does():
    found = record({"plain": {0: 20.0, 1: 22.0, 2: 27.0}, "turned": {1: 40.0}})
    expected = stats.ttest_ind([40.0], [20.0, 22.0, 27.0]).confidence_interval(0.95)
    assert found.difference("turned", "plain", "val_error") == (17.0, pytest.approx((expected.low, expected.high)), 1)


@pytest.mark.parametrize("seeds", [(3, 3, 3, 3), (3, 1, 1, 3), (1, 2, 1, 1)])
def test_a_main_effect_is_that_of_least_squares(seeds):
    rng = np.random.default_rng(0)
    errors = {k: dict(enumerate(rng.normal(20 + 3 * ("4" in k[4:]), 1, n))) for k, n in zip(FOUR, seeds, strict=True)}
    begin("a_lesson", "toy")
    record(errors).measure_effect("stride", FOUR[:2], FOUR[2:], "val_error")
    found = record(errors).main_effect(FOUR[:2], FOUR[2:], "val_error")
    codes = [(0.5 if place < 2 else -0.5, 0.5 if place % 2 else -0.5) for place in range(4)]
    rows = [(1, one, two, one * two, e) for (one, two), k in zip(codes, FOUR, strict=True) for e in errors[k].values()]
    table = np.array(rows)
    weights = np.linalg.lstsq(table[:, :4], table[:, 4])[0]
    known = len(table) - 4
    rest = ((table[:, 4] - table[:, :4] @ weights) ** 2).sum() / known
    reach = stats.t.ppf(0.975, known) * (rest * np.linalg.inv(table[:, :4].T @ table[:, :4])[1, 1]) ** 0.5
    assert found.mean == pytest.approx(weights[1])
    assert found.interval == pytest.approx((weights[1] - reach, weights[1] + reach))
    assert found.seeds == min(seeds)
    assert found.says in running().measurements[-1].note


def test_one_training_of_each_has_no_interval():
    assert record({"a": {0: 1.0}, "b": {0: 5.0}}).main_effect(["a"], ["b"], "val_error") == (-4.0, None, 1)


def test_what_was_not_trained_is_not_compared():
    begin("a_lesson", "toy")
    found = record({"a": {0: 1.0}, "b": {1: 5.0}})
    assert found.there(["c", "b"]) == ["b"]
    found.measure("x", "a", "c", "val_error", paired=False)
    found.measure_effect("x", ["a"], ["c"], "val_error")
    assert not running().measurements
    assert "-" in found.table(["c"], {"error": ("val_error", ".1f")}, "")._repr_html_()


def test_what_few_seeds_can_tell():
    assert Difference(-3.0, (-4.0, -2.0), 3).says == "less"
    assert Difference(9.0, None, 1).says == "cannot be told from 1 seed"


def test_the_gap_is_what_validation_images_have_more():
    both = asked({"networks": [{"kind": "plain", "seed": 0, "val_error": 21.0, "train_error": 17.0}]})
    assert both.seeds("gap", "plain").tolist() == [4.0]


def test_photographs_were_not_asked():
    assert "toy world" in lacking(open_world("imagenette"))
    with pytest.raises(FileNotFoundError, match="toy world alone"):
        open_record.open_questions("imagenette")


def test_what_is_on_record_is_what_the_notebook_asks_for():
    path = project_dir() / "data" / "results" / "toy" / "open_questions.json"
    found = asked(json.loads(path.read_text()))
    assert set(found.there(open_questions.NETWORKS)) == {each["kind"] for each in found.networks}
    for columns, kinds in ((open_questions.OF_LAYER7, open_questions.LAYER7), (open_questions.OF_STRIDES, STRIDES)):
        for path, _ in columns.values():
            assert all(np.isfinite(found.seeds(path, kind)).all() for kind in kinds)
