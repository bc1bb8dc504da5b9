"""Intervals against drawing one by one, and against how often they hold what they should."""

import numpy as np
import pytest
from scipy import stats

from zfhelpers.experiments.intervals import above, outlying, over_divisions, over_images, over_trainings, pooled, welch


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


def test_one_training_against_several_is_held_against_where_one_more_of_them_would_lie():
    several = np.array([24.2, 24.5, 25.7, 24.7, 25.2])
    reach = stats.t.ppf(0.975, 4) * several.std(ddof=1) * np.sqrt(1 + 1 / 5)  # a prediction interval
    expected = 27.8 - several.mean() - reach, 27.8 - several.mean() + reach
    assert pooled([27.8], several, [[27.8], several]) == pytest.approx(expected)
    assert pooled([1.0], [2.0], [[1.0], [2.0]]) is None


def test_welch_holds_the_difference_of_means_that_scatter_differently():
    rng = np.random.default_rng(5)
    ends = np.array([welch(rng.normal(5, 7.0, 3), rng.normal(0, 1.0, 3)) for _ in range(2000)])
    assert ((ends[:, 0] <= 5) & (ends[:, 1] >= 5)).mean() == pytest.approx(0.95, abs=0.02)
    assert welch([1.0], [2.0, 3.0]) is None


def test_the_network_that_scatters_more_than_all_others_is_found_and_no_other_is_named_too_often():
    rng = np.random.default_rng(6)
    drawn = rng.normal(0, 2.0, (4000, 12, 3))
    named = [outlying({str(number): group for number, group in enumerate(groups)}) for groups in drawn]
    assert np.mean([name is not None for name in named]) == pytest.approx(0.01, abs=0.005)
    groups = {str(number): group for number, group in enumerate(drawn[0])} | {"once": [50.0]}
    assert outlying(groups | {"7": [0.0, 10.0, -14.0]}) == "7"
    assert outlying(groups) is None


@pytest.mark.parametrize(("chance", "critical"), [(0.05, 0.392), (0.01, 0.475)])
def test_cochrans_test_has_the_published_critical_values(chance, critical):
    """How much of the sum of 12 variances, of 3 numbers each, the largest may hold (ISO 5725-2, table of Cochran's test)."""
    alike = np.array([-1.0, 0.0, 1.0])
    for share, named in ((critical - 0.001, None), (critical + 0.001, "far")):
        groups = {str(number): alike for number in range(11)} | {"far": alike * np.sqrt(11 * share / (1 - share))}
        assert outlying(groups, chance) == named


@pytest.mark.parametrize(("single", "found"), [([[1.0], [2.0]], None), ([], None), ([[1.0, 2.0], [3.0]], None)])
def test_trainings_that_say_nothing_of_each_other_name_none(single, found):
    assert outlying(dict(enumerate(single))) is found


def test_intervals_that_disagree_or_are_not_known_leave_it_open():
    assert above(1.8, (2.0, 3.0), None) is True
    assert above(1.8, (-2.0, 1.7)) is False
    assert above(1.8, (2.0, 3.0), (-2.0, 1.7)) is None
    assert above(1.8) is None
