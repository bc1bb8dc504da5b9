"""Intervals against drawing one by one, and against how often they hold what they should."""

import numpy as np
import pytest
import torch
from scipy import stats

from zfhelpers.experiments import intervals
from zfhelpers.experiments.intervals import (
    above,
    median_of,
    outlying,
    over_divisions,
    over_images,
    over_pairs,
    over_trainings,
    pooled,
    resampled,
    share_of,
    welch,
)


def test_interval_over_images_is_that_of_drawing_them_one_by_one():
    rng = np.random.default_rng(2)
    values = rng.choice([-1.0, 0.0, 1 / 3, 1.0], p=[0.1, 0.6, 0.1, 0.2], size=400)
    low, high = over_images(values)
    drawn = [np.mean(rng.choice(values, 400)) for _ in range(4000)]
    assert low == pytest.approx(np.percentile(drawn, 2.5), abs=0.008)
    assert high == pytest.approx(np.percentile(drawn, 97.5), abs=0.008)


def test_interval_of_one_value_is_that_value():
    assert over_images(np.full(50, 0.25)) == (0.25, 0.25)


def symmetric(n, seed=0):
    """A number for each pair of n images, which is large for some images."""
    values = np.random.default_rng(seed).normal(size=(n, n)) + np.arange(n)[:, None]
    return (values + values.T) / 2


def test_interval_over_pairs_is_that_of_drawing_images_one_by_one(monkeypatch):
    monkeypatch.setattr(intervals, "DRAWS", 20_000)
    matrix = symmetric(8)
    matrix[2, 5] = matrix[5, 2] = np.nan
    rng, means = np.random.default_rng(1), []
    for _ in range(20_000):
        drawn = rng.integers(8, size=8)
        pairs = [matrix[a, b] for place, a in enumerate(drawn) for b in drawn[:place] if a != b]
        means.append(sum(value for value in pairs if value == value) / sum(value == value for value in pairs))
    assert over_pairs(matrix) == pytest.approx(np.percentile(means, (2.5, 97.5)), abs=0.1)
    assert over_pairs(matrix, share=0.5) == pytest.approx(np.percentile(means, (25, 75)), abs=0.05)


def test_the_diagonal_does_not_count_and_tensors_are_taken():
    matrix = symmetric(6)
    ends = over_pairs(matrix, seed=3)
    np.fill_diagonal(matrix, np.nan)
    assert over_pairs(matrix, seed=3) == ends == over_pairs(torch.from_numpy(matrix), seed=3)
    assert over_pairs(matrix, seed=4) != ends


def test_an_interval_over_pairs_is_as_wide_as_images_scatter_and_not_as_pairs_do():
    """Each image has an effect of its own, which its pairs share: their mean is twice that of the effects."""
    rng, widths = np.random.default_rng(6), []
    for _ in range(10):
        effects = rng.normal(size=40)
        matrix = effects[:, None] + effects
        known = 2 * 1.96 * 2 * effects.std() / 40**0.5
        widths.append([np.ptp(ends) / known for ends in (over_pairs(matrix), over_images(matrix[np.triu_indices(40, 1)]))])
    of_images, of_pairs = np.mean(widths, axis=0)
    assert of_images == pytest.approx(1, abs=0.07)
    assert of_pairs < 0.2


@pytest.mark.parametrize("matrix", [np.zeros((2, 2)), np.zeros((3, 4)), np.zeros(9)])
def test_too_few_images_for_pairs_are_refused(matrix):
    with pytest.raises(ValueError, match=r"an \(n, n\) matrix over at least 3 images, not \("):
        over_pairs(matrix)


@pytest.mark.parametrize("measure", [np.mean, np.median, np.ptp])
def test_what_is_resampled_is_that_of_drawing_by_hand(measure):
    values = np.random.default_rng(7).normal(size=41)
    rng = np.random.default_rng(5)
    drawn = [measure(values[rng.integers(41, size=41)]) for _ in range(300)]
    assert resampled(lambda rows: measure(values[rows]), 41, seed=5, draws=300) == pytest.approx(
        np.percentile(drawn, (2.5, 97.5)), abs=1e-12
    )


def test_what_is_resampled_agrees_with_the_fast_way_for_means():
    values = np.random.default_rng(8).normal(size=200)
    assert resampled(lambda rows: values[rows].mean(), 200) == pytest.approx(over_images(values), abs=0.02)


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


def test_share_has_wilsons_interval():
    hits = [True] * 30 + [False] * 10
    value, (low, high) = share_of(hits)
    assert value == 75.0
    for end in (low, high):  # where the score test of 30 of 40 is just not significant
        p = end / 100
        assert abs(0.75 - p) / np.sqrt(p * (1 - p) / 40) == pytest.approx(stats.norm.ppf(0.975))
    assert np.isnan(share_of([])[0])


def test_interval_of_a_median_holds_it_as_often_as_it_says():
    rng, held = np.random.default_rng(4), 0
    for _ in range(600):
        _, (low, high) = median_of(rng.exponential(size=41))
        held += low <= np.log(2) <= high
    assert held / 600 == pytest.approx(0.96, abs=0.02)  # 95 % at least, for the ends are values
