"""The rule of tolerances in closed form, and records that are whole or not there."""

import json
from dataclasses import replace

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st
from scipy import stats

from zfhelpers.files import project_dir
from zfhelpers.paper import expectations
from zfhelpers.paper.expectations import Decided, Expectation, Record, read_expected, read_file, summarise, write_expected

NUMBERS = st.floats(-1e6, 1e6, allow_nan=False)


@given(st.lists(NUMBERS, min_size=2, max_size=6))
def test_the_tolerance_covers_rounding_and_a_quarter_of_the_spread(values):
    found = summarise(dict(enumerate(values)))
    assert found.value == values[0]
    assert found.tolerance >= 0.25 * np.std(values, ddof=1) * (1 - 1e-9)
    assert found.tolerance >= 0.01 * abs(values[0])
    assert found.holds(values[0])
    assert not found.holds(values[0] + 1.001 * found.tolerance + 1e-9)


@given(st.lists(NUMBERS, min_size=2, max_size=6), st.booleans())
def test_all_seeds_on_record_lie_within_reach(values, repeats):
    low, high = summarise(dict(enumerate(values)), repeats=repeats).reach
    assert all(low - 1e-6 * abs(low) <= value <= high + 1e-6 * abs(high) for value in values)


def test_the_reach_is_a_prediction_interval():
    values = [3.0, 5.0, 4.0, 8.0]
    half = stats.t.ppf(0.975, 3) * np.std(values, ddof=1) * np.sqrt(1 + 1 / 4)
    assert summarise(dict(enumerate(values))).reach == pytest.approx((5 - half, 5 + half))


def test_a_fresh_seed_lies_within_reach_95_times_in_100():
    rng = np.random.default_rng(0)
    drawn = rng.normal(10, 2, (4000, 5))
    hits = [low <= row[4] <= high for row in drawn for low, high in [summarise(dict(enumerate(row[:4].tolist()))).reach]]
    assert np.mean(hits) == pytest.approx(0.95, abs=0.012)


@pytest.mark.parametrize(
    ("seeds", "unit", "repeats", "tolerance"),
    [
        ([3, 3, 3], "", True, 0),  # whole, and no seed changes it
        ([3, 4, 5], "", True, 0.25),
        ([17.5], "", True, 0.175),
        ([17.5], "%", True, 0.5),
        ([0.03], "points", True, 0.5),
        ([1e-7, 2e-7], "", True, 1e-4),  # nothing but rounding
        ([1.0, 1.0], "", False, 0.01),
        ([None, 3.0], "", True, 0),
    ],
)
def test_tolerances(seeds, unit, repeats, tolerance):
    assert summarise(dict(enumerate(seeds)), unit, repeats).tolerance == pytest.approx(tolerance)


def test_a_number_that_does_not_repeat_may_move_as_another_seed_would():
    found = summarise({0: 90, 1: 100, 2: 86}, repeats=False)
    half = stats.t.ppf(0.975, 2) * np.std([90, 100, 86], ddof=1) * np.sqrt(1 + 1 / 3)
    assert found.tolerance == pytest.approx(half + abs(90 - 92))
    assert found.holds(92 - half)
    assert found.holds(92 + half)


def test_words():
    assert Expectation(18.0, 0.5, {}).words("%") == "18 ± 0.5 %"
    assert Expectation(3, 0, {}).words("") == "exactly 3"


NUMBER = replace(summarise({0: 17.5, 1: 18.5}, "%"), unit="%", interval=(15.0, 20.0), paper=38.4)
DECIDED = Decided("holds", "17.5 % is little.", {"0": "holds", "1": "open here"})


@pytest.fixture
def _project(tmp_path, monkeypatch):
    monkeypatch.setattr(expectations, "project_dir", lambda: tmp_path)


@pytest.mark.usefixtures("_project")
def test_a_record_is_read_back_and_a_foreign_one_is_a_sentence(tmp_path):
    numbers = {"error": NUMBER, "none": summarise({0: None})}
    record = Record(
        "03_training", "folder:/a/b", "a.py:net", numbers, {"8": DECIDED}, {"5  It": "it needs dogs."}, "make expected"
    )
    path = write_expected(record)
    assert path == tmp_path / "notebooks" / "expected" / "folder--a-b--a.py-net" / "03_training.json"
    assert read_file(path) == record
    assert read_expected("03_training", "folder:/a/b", "a.py:net") == numbers
    assert read_expected("03_training", "folder:/a/b") is None
    assert read_expected("04_other", "toy") is None


@pytest.mark.usefixtures("_project")
def test_a_record_from_before_units_and_verdicts_reads(tmp_path):
    old = {"notebook": "03_training", "world": "toy", "command": "make expected"}
    numbers = {"error": {"value": 17.5, "tolerance": 0.5, "seeds": {"0": 17.5}}}
    path = tmp_path / "old.json"
    path.write_text(json.dumps({**old, "numbers": numbers}))
    found = read_file(path)
    assert found.numbers == {"error": Expectation(17.5, 0.5, {"0": 17.5})}
    assert (found.network, found.verdicts, found.needs) == ("zfnet", {}, {})
    assert json.loads(write_expected(found).read_text()) == {**old, "numbers": numbers}, "nothing empty is written"


@pytest.mark.parametrize(
    "text",
    [
        "",
        "[]",
        '{"notebook": "a", "world": "toy"}',
        '{"notebook": "a", "world": "toy", "numbers": {"error": {"value": 3}}}',
        '{"notebook": "a", "world": "toy", "numbers": {"error": {"value": 3, "tolerance": 1, "seeds": {}, "interval": [1]}}}',
        '{"notebook": "a", "world": "toy", "numbers": {}, "verdicts": {"8": {"verdict": "perhaps", "why": "", "seeds": {}}}}',
        '{"notebook": "a", "world": "toy", "numbers": {}, "verdicts": {"8": "holds"}}',
    ],
)
def test_a_broken_record_is_one_sentence(tmp_path, text):
    (tmp_path / "03_training.json").write_text(text)
    with pytest.raises(ValueError, match=r"^\S*03_training\.json' is no record of expected numbers: [^\n]*\.$"):
        read_file(tmp_path / "03_training.json")


def test_seeds_that_decide_otherwise():
    assert DECIDED.otherwise == {"1": "open here"}
    assert replace(DECIDED, seeds={"0": "holds"}).otherwise == {}


@pytest.mark.parametrize(
    "path", sorted((project_dir() / "notebooks" / "expected").glob("*/*.json")), ids=lambda path: "-".join(path.parts[-2:])
)
def test_no_number_on_record_is_held_tighter_than_the_rule_says(path):
    """As where the rule was changed and the record was not."""
    for name, known in read_file(path).numbers.items():
        rule = summarise(known.seeds, known.unit).tolerance
        assert known.tolerance >= rule * (1 - 1e-9), name
