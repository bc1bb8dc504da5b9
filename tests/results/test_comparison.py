"""Frozen features beside networks from scratch: leads, the record, and what is measured."""

import numpy as np
import pytest

from zfhelpers.experiments.probes import Probe
from zfhelpers.paper import measurements
from zfhelpers.results import comparison
from zfhelpers.results.comparison import Comparison, by_far, compare, measure_named
from zfhelpers.worlds.opening import open_world
from zfhelpers.worlds.targets import open_target

WORLD = open_world("toy")


def probes(*counts, folds=5):
    return {
        count: Probe("softmax", count, tuple(0.01 * (count + fold) for fold in range(folds)), (1.0,) * folds) for count in counts
    }


def test_a_lead_is_taken_division_by_division():
    both = Comparison({5: np.array([10.0, 20.0, 30.0])}, {5: np.array([1.0, 2.0])}, {5: [2, 0]})
    assert both.lead(5, 5).tolist() == [29.0, 8.0]
    fewer = Comparison({5: np.array([10.0])}, {5: np.array([1.0, 2.0])}, {5: [2, 0]})
    assert fewer.lead(5, 5).tolist() == [8.0]


def test_without_networks_from_scratch_the_record_decides_and_says_how_far_off_we_are():
    run = measurements.begin("a_lesson", "toy")
    both = compare(WORLD, "zfnet", open_target("toy-novel", WORLD), probes(3, 5, 15, 30), live=range(0))
    assert both.measured == {}
    assert list(both.scratch) == [5, 15, 30]  # all from the record
    assert both.pretrained[3].tolist() == pytest.approx([3, 4, 5, 6, 7])  # not on record
    assert both.pretrained[15].mean() == pytest.approx(30.16)  # on record
    found = {each.name: each for each in run.measurements}
    assert found["pretrained, 15 per class"].value == pytest.approx(17)
    assert found["pretrained, 15 per class"].paper == 83.8
    assert found["pretrained, 15 per class: measured here minus on record"].value == pytest.approx(17 - 30.16)
    assert "from scratch, 30 per class" not in found
    assert str(both.table("toy-novel")).splitlines()[2:4] == ["pretrained, 5 per class     -", "pretrained, 15 per class    83.8"]


def test_without_a_record_what_was_measured_counts(monkeypatch):
    measurements.begin("a_lesson", "toy")

    def none(*_):
        raise FileNotFoundError("no record")

    monkeypatch.setattr(comparison, "read_record", none)
    both = compare(WORLD, "zfnet", open_target("toy-novel", WORLD), probes(15, 30), live=range(0))
    assert both.pretrained[30].tolist() == pytest.approx([30, 31, 32, 33, 34])
    assert both.scratch == {}


@pytest.mark.parametrize(
    ("lead", "said"), [([30, 31, 32], True), ([1, 2, 3], False), ([5, 12, 15], None), ([11], True), ([9], False)]
)
def test_by_far_is_ten_points_with_the_whole_interval(lead, said):
    assert by_far(np.array(lead, float), count=500) is said


def test_classes_with_a_name_are_counted_and_the_others_judged():
    run = measurements.begin("a_lesson", "toy")
    network = WORLD.seen_by("another", outputs=("sea snail", "Mug"))
    confusion = np.array([[9, 1, 0], [5, 5, 0], [0, 0, 10]])
    measure_named(network, ["sea_snail", "moth", "mug"], Probe("softmax", 5, (0.8,), (1.0,), confusion))
    assert [each.value for each in run.measurements] == [2, 50]
