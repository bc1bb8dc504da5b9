"""Intervals against drawing one by one, and against how often they hold what they should."""

import numpy as np
import pytest

from zfhelpers.intervals import over_images, over_trainings


def test_interval_over_images_is_that_of_drawing_them_one_by_one():
    rng = np.random.default_rng(2)
    values = rng.choice([-1.0, 0.0, 1 / 3, 1.0], p=[0.1, 0.6, 0.1, 0.2], size=400)
    low, high = over_images(values)
    drawn = [np.mean(rng.choice(values, 400)) for _ in range(4000)]
    assert low == pytest.approx(np.percentile(drawn, 2.5), abs=0.008)
    assert high == pytest.approx(np.percentile(drawn, 97.5), abs=0.008)


def test_interval_of_one_value_is_that_value():
    assert over_images(np.full(50, 0.25)) == (0.25, 0.25)


def test_interval_over_trainings_holds_the_true_mean_nineteen_times_in_twenty():
    rng = np.random.default_rng(3)
    drawn = [over_trainings(rng.normal(1.5, 2.0, 3)) for _ in range(4000)]
    assert np.mean([low <= 1.5 <= high for low, high in drawn]) == pytest.approx(0.95, abs=0.015)


def test_one_training_has_no_interval():
    assert over_trainings([1.0]) is None
