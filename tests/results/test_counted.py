"""What is measured together with its interval is what both are alone."""

import numpy as np
import pytest

from zfhelpers.experiments import intervals
from zfhelpers.paper import measurements
from zfhelpers.results.counted import measure_divisions, measure_mean, measure_median, measure_share

VALUES = np.random.default_rng(0).normal(size=30)


@pytest.mark.parametrize(
    ("call", "value", "ends"),
    [
        (lambda: measure_share("it", VALUES > 0), 100 * np.mean(VALUES > 0), intervals.share_of(VALUES > 0)[1]),
        (lambda: measure_median("it", VALUES), np.median(VALUES), intervals.median_of(VALUES)[1]),
        (lambda: measure_mean("it", VALUES, seed=3), np.mean(VALUES), intervals.over_images(VALUES, 3)),
        (lambda: measure_divisions("it", VALUES, 5, 3), np.mean(VALUES), intervals.over_divisions(VALUES, 5, 3)),
        (lambda: measure_divisions("it", VALUES[:1], 5, 3), VALUES[0], None),
    ],
)
def test_number_and_interval_are_recorded_and_returned(call, value, ends):
    run = measurements.begin("a_lesson", "toy")
    assert call() == (pytest.approx(value), ends)
    (found,) = run.measurements
    assert (found.value, found.interval) == (pytest.approx(value), ends)


def test_the_papers_number_stands_beside_it():
    run = measurements.begin("a_lesson", "toy")
    measure_median("it", VALUES, "px", paper=3)
    assert (run.measurements[0].unit, run.measurements[0].paper) == ("px", 3)
