"""Intervals against drawing one by one, and against how often they hold what they should."""

import numpy as np
import pytest
from scipy import stats

from zfhelpers.experiments.intervals import over_divisions, over_images, over_trainings, pooled, welch


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


def test_divisions_that_share_images_scatter_less_than_their_mean_errs():
    values = np.array([3.0, 5.0, 4.0, 8.0])
    low, high = over_divisions(values, test=50, train=20)
    half = stats.t.ppf(0.975, 3) * np.sqrt(values.var(ddof=1) * (1 / 4 + 50 / 20))
    assert (low, high) == pytest.approx((5 - half, 5 + half))
    assert over_divisions([3.0], 50, 20) is None


def test_a_pooled_interval_of_two_groups_is_that_of_the_two_sample_t_test():
    first, second = [3.0, 4.5, 4.0], [1.0, 2.5]
    expected = stats.ttest_ind(first, second).confidence_interval(0.95)
    assert pooled(first, second, [first, second]) == pytest.approx((expected.low, expected.high))


def test_a_pooled_interval_holds_the_true_difference_and_is_narrower_for_more_groups():
    rng = np.random.default_rng(4)
    drawn = [rng.normal(0, 2.0, (12, 3)) for _ in range(2000)]
    ends = np.array([pooled(groups[0] + 5, groups[1], [groups[0] + 5, *groups[1:]]) for groups in drawn])
    assert ((ends[:, 0] <= 5) & (ends[:, 1] >= 5)).mean() == pytest.approx(0.95, abs=0.015)
    alone = np.array([over_trainings(groups[0] + 5 - groups[1]) for groups in drawn])
    assert np.median(np.ptp(ends, axis=1)) < 0.6 * np.median(np.ptp(alone, axis=1))
    assert pooled([1.0], [2.0, 3.0], [[1.0], [2.0, 3.0]]) is None


def test_welch_holds_the_difference_of_means_that_scatter_differently():
    rng = np.random.default_rng(5)
    ends = np.array([welch(rng.normal(5, 7.0, 3), rng.normal(0, 1.0, 3)) for _ in range(2000)])
    assert ((ends[:, 0] <= 5) & (ends[:, 1] >= 5)).mean() == pytest.approx(0.95, abs=0.02)
    assert welch([1.0], [2.0, 3.0]) is None
