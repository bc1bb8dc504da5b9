"""How far a mean could have fallen elsewhere: with other images, other trainings, other divisions. They are different questions.

    >>> over_images(np.repeat([0.0, 100.0], [90, 10]))  # 10 of 100 images are missed
    (4.0, 16.0)
    >>> [round(end, 2) for end in over_trainings([2.0, 3.0, 4.0])]
    [0.52, 5.48]

`over_images` asks what these very networks would do on other images of the same kind, and so do, by the same bootstrap,
`over_pairs` of a mean over pairs of images, `ratio_of_means` of what is left of a mean, and `resampled` of anything else that is
computed from images, such as a median. What they say of images is said as well of feature maps, of which also a few were drawn.

`over_trainings` asks what other networks, trained with other seeds, would do on these very images. With three trainings it is
wide, because three numbers tell little about their own spread; with one it cannot be said at all. `pooled` lets several networks
tell it together, `welch` is for one that scatters more than the others, and `outlying` finds it. `over_divisions` asks what other
random divisions of one set of images into training and test images would give. `above` and `below` say what several intervals of
one number agree on, and `together` what the parts of a claim come to. `share_of` and `median_of` give a number with its interval:
how many images something is true of, and the middle of their values.
"""

from __future__ import annotations

from collections.abc import Callable, Iterable, Mapping, Sequence

import numpy as np
import scipy

DRAWS = 2000  # of a bootstrap


def over_images(values: np.ndarray, seed: int = 0, share: float = 0.95) -> tuple[float, float]:
    """The interval in which a mean over images would lie with other images: a percentile bootstrap.

    Args:
        values: (N,) one number for each image, for instance the difference of two networks' errors on it.
        seed: of the draws.
        share: of the draws that lie inside.

    Returns:
        (low, high).
    """
    values = np.asarray(values, dtype=np.float64)
    found, counts = np.unique(values, return_counts=True)  # errors take few values: how often each is drawn is multinomial
    drawn = np.random.default_rng(seed).multinomial(len(values), counts / len(values), size=DRAWS)
    low, high = np.quantile(drawn @ found / len(values), ((1 - share) / 2, (1 + share) / 2))
    return float(low), float(high)


def over_pairs(matrix: np.ndarray, seed: int = 0, share: float = 0.95) -> tuple[float, float]:
    """The interval of a mean over pairs of images with other images: a percentile bootstrap.

    Images are drawn anew, not pairs: the n (n - 1) / 2 pairs share n images and are no independent draws, and resampling pairs
    would give an interval that is too narrow. Pairs of an image with its own copy are left out.

    Args:
        matrix: (n, n) symmetric, an array or a tensor: a value for each pair, NaN for none; the diagonal does not count.
        seed: of the draws.
        share: of the draws that lie inside.

    Returns:
        (low, high).

    Raises:
        ValueError: a matrix that is not (n, n), n at least 3.

    >>> over_pairs(np.where(np.eye(4), 0.0, 0.5))
    (0.5, 0.5)
    """
    matrix = np.asarray(matrix, dtype=np.float64)
    if matrix.ndim != 2 or matrix.shape[0] != matrix.shape[1] or len(matrix) < 3:
        raise ValueError(f"The interval needs an (n, n) matrix over at least 3 images, not {matrix.shape}.")
    n, known = len(matrix), ~np.isnan(matrix) & ~np.eye(len(matrix), dtype=bool)
    drawn = np.random.default_rng(seed).multinomial(n, [1 / n] * n, DRAWS).astype(np.float64)  # how often each image, (DRAWS, n)
    sums, counts = (((drawn @ values) * drawn).sum(axis=1) for values in (np.where(known, matrix, 0), known.astype(np.float64)))
    low, high = np.quantile(sums[counts > 0] / counts[counts > 0], ((1 - share) / 2, (1 + share) / 2))
    return float(low), float(high)


def resampled(
    measure: Callable[[np.ndarray], float], count: int, seed: int = 0, share: float = 0.95, draws: int = DRAWS
) -> tuple[float, float]:
    """The interval of anything that is computed from some images, with other images: a percentile bootstrap.

    Args:
        measure: takes indices of images, (count,) drawn with replacement, and returns a number.
        count: how many images there are, at least 2.
        seed: of the draws.
        share: of the draws that lie inside.
        draws: how often `measure` is called; fewer where it takes long.

    Returns:
        (low, high).

    >>> values = np.array([1.0, 2.0, 2.0, 3.0, 50.0])
    >>> resampled(lambda rows: np.median(values[rows]), len(values))
    (1.0, 50.0)
    """
    ends = scipy.stats.bootstrap(
        (np.arange(count),),
        measure,
        n_resamples=draws,
        vectorized=False,
        confidence_level=share,
        method="percentile",
        random_state=np.random.default_rng(seed),
    ).confidence_interval
    return float(ends.low), float(ends.high)


def share_of(hits: Sequence[bool]) -> tuple[float, tuple[float, float]]:
    """How many images something is true of, in %, with the 95 % interval of Wilson's score; NaN if there is no image.

    Args:
        hits: (N,) one truth value for each image.

    >>> value, (low, high) = share_of([True] * 9 + [False])
    >>> value, round(low), round(high)
    (90.0, 60, 98)
    """
    hits = np.asarray(hits, dtype=bool)
    if not len(hits):
        return float("nan"), (float("nan"), float("nan"))
    low, high = scipy.stats.binomtest(int(hits.sum()), len(hits)).proportion_ci(0.95, method="wilson")
    return 100 * float(hits.mean()), (100 * float(low), 100 * float(high))


def median_of(values: Sequence[float]) -> tuple[float, tuple[float, float]]:
    """The median, with the 95 % interval that the order of the values gives, whatever their distribution.

    Args:
        values: (N,) one number for each image; of fewer than six the interval has no ends (NaN).

    >>> median_of(range(9))
    (4.0, (1.0, 7.0))
    """
    values = np.asarray(values, dtype=np.float64)
    ends = scipy.stats.quantile_test(values, p=0.5).confidence_interval(0.95)
    return float(np.median(values)), (float(ends.low), float(ends.high))


def ratio_of_means(part: np.ndarray, whole: np.ndarray, seed: int = 0) -> tuple[float, tuple[float, float]]:
    """The mean of `part` over that of `whole`, both (N,) of the same images, and its interval with other images.

    >>> ratio_of_means(np.array([1.0, 2.0]), np.array([2.0, 4.0]))
    (0.5, (0.5, 0.5))
    """
    part, whole = np.asarray(part, dtype=np.float64), np.asarray(whole, dtype=np.float64)
    ends = resampled(lambda rows: part[rows].mean() / whole[rows].mean(), len(part), seed)
    return float(part.mean() / whole.mean()), ends


def mean_and_spread(values: np.ndarray) -> tuple[np.ndarray, np.ndarray]:
    """The mean over images, and half the width of its 95 % interval, for each column of (images, columns): for a curve's band.

    >>> mean_and_spread(np.array([[0.0, 1.0], [2.0, 1.0]]))
    (array([1., 1.]), array([1.96, 0.  ]))
    """
    values = np.asarray(values, dtype=np.float64)
    return values.mean(0), 1.96 * values.std(0, ddof=1) / len(values) ** 0.5


def over_trainings(values: Sequence[float], share: float = 0.95) -> tuple[float, float] | None:
    """The interval of a mean over trainings, by Student's t; None for fewer than two.

    Args:
        values: one number for each training, for instance the difference of two networks trained with the same seed.
        share: how often such an interval holds the mean over all seeds, if differences scatter normally.
    """
    values = np.asarray(values, dtype=np.float64)
    if len(values) < 2:
        return None
    reach = scipy.stats.t.ppf((1 + share) / 2, len(values) - 1) * values.std(ddof=1) / np.sqrt(len(values))
    return float(values.mean() - reach), float(values.mean() + reach)


def pooled(
    first: Sequence[float], second: Sequence[float], groups: Iterable[Sequence[float]], share: float = 0.95
) -> tuple[float, float] | None:
    """The interval of mean(first) - mean(second) over trainings, where many groups of trainings tell how single ones scatter.

    Three trainings know little of their own spread; twelve networks of three trainings know it well, if all scatter alike. So a
    network that was trained once has an interval too, if another was trained more often:

        s^2 = sum over groups of sum (x - its group's mean)^2  /  sum of (n - 1),    half the interval: t s sqrt(1/n1 + 1/n2)

    Args:
        first, second: one number for each training of two networks.
        groups: the same of all networks, these two among them.
        share: as in `over_trainings`.

    Returns:
        the interval, or None where every network was trained once.

    >>> [round(end, 2) for end in pooled([3.0, 5.0], [1.0, 1.0], [[3.0, 5.0], [1.0, 1.0], [7.0, 9.0, 8.0]])]
    [0.22, 5.78]
    """
    groups = [np.asarray(group, dtype=np.float64) for group in groups]
    known = sum(len(group) - 1 for group in groups)
    if not known:
        return None
    spread = (sum(((group - group.mean()) ** 2).sum() for group in groups) / known) ** 0.5
    reach = scipy.stats.t.ppf((1 + share) / 2, known) * spread * (1 / len(first) + 1 / len(second)) ** 0.5
    difference = np.mean(first) - np.mean(second)
    return float(difference - reach), float(difference + reach)


def welch(first: Sequence[float], second: Sequence[float], share: float = 0.95) -> tuple[float, float] | None:
    """The interval of mean(first) - mean(second) over trainings that do not scatter alike; None for fewer than two of either.

    Each mean has the variance s^2 / n of its own trainings, and Student's t as many degrees of freedom as Welch (1947) gives.

    >>> [round(end, 1) for end in welch([38.8, 47.1, 52.6], [21.2, 27.5, 25.4])]
    [6.9, 36.1]
    """
    if min(len(first), len(second)) < 2:
        return None
    ends = scipy.stats.ttest_ind(first, second, equal_var=False).confidence_interval(share)
    return float(ends.low), float(ends.high)


def outlying(groups: Mapping[str, Sequence[float]], chance: float = 0.01) -> str | None:
    """The group that scatters more than chance would have it, by Cochran's test; None if none does.

    The variance of each is held against that of all others together, and as many are tried as there are groups (Bonferroni).

    Args:
        groups: {name: one number for each training}; those of one training say nothing.
        chance: how often a group is named where all scatter alike.

    >>> outlying({"steady": [1.0, 1.1, 0.9], "calm": [2.0, 2.1, 2.2], "wild": [1.0, 9.0, 4.0]})
    'wild'
    """
    known = {name: (len(group) - 1, float(np.var(group, ddof=1))) for name, group in groups.items() if len(group) > 1}
    tails = {}
    for name, (degrees, variance) in known.items():
        others = [entry for other, entry in known.items() if other != name]
        rest = sum(count for count, _ in others)
        pool = sum(count * each for count, each in others) / rest if rest else 0.0
        if pool:
            tails[name] = len(known) * scipy.stats.f.sf(variance / pool, degrees, rest)
    return next((name for name, tail in tails.items() if tail < chance and tail == min(tails.values())), None)


def above(limit: float, *intervals: tuple[float, float] | None) -> bool | None:
    """Whether a number lies above a limit: True or False where all its intervals say so, None where they do not or none is known.

    >>> above(0, (1.0, 3.0), (0.5, 3.5)), above(0, (-3.0, -1.0), None), above(0, (1.0, 3.0), (-2.0, 6.0)), above(0, None)
    (True, False, None, None)
    """
    known = [interval for interval in intervals if interval is not None]
    if known and all(low > limit for low, _ in known):
        return True
    return False if known and all(high < limit for _, high in known) else None


def below(limit: float, *intervals: tuple[float, float] | None) -> bool | None:
    """Whether a number lies below a limit, as `above`.

    >>> below(2, (0.5, 1.5)), below(2, (2.5, 3.0)), below(2, (1.0, 3.0))
    (True, False, None)
    """
    return {True: False, False: True, None: None}[above(limit, *intervals)]


def together(*parts: bool | None) -> bool | None:
    """Whether all parts of a claim hold: False where one fails, None where none fails and one is open.

    >>> together(True, True), together(True, None), together(None, False)
    (True, None, False)
    """
    return False if False in parts else None if None in parts else True


def ends(interval: Sequence[float] | None) -> str:
    """The interval of a difference in words.

    >>> ends((-2.0, 4.25)), ends(None)
    ('-2.0 to +4.2', 'not known')
    """
    return "not known" if interval is None else f"{interval[0]:+z.1f} to {interval[1]:+z.1f}"


def over_divisions(values: Sequence[float], test: float, train: float, share: float = 0.95) -> tuple[float, float] | None:
    """The interval of a mean over random divisions of one set; None for fewer than two.

    Divisions share images and are no independent experiments. So the variance of the mean is not taken to be s^2 / n but

        s^2 (1 / n + test / train)

    (Nadeau & Bengio, Inference for the generalization error, Machine Learning 52, 2003).

    Args:
        values: one number for each division, for instance the difference of two classifiers' accuracies.
        test, train: how many images a division tests on and learns from; only their ratio counts.
        share: as in `over_trainings`.

    >>> [round(end, 1) for end in over_divisions([2.0, 3.0, 4.0], test=50, train=30)]
    [-3.1, 9.1]
    """
    narrow = over_trainings(values, share)
    if narrow is None:
        return None
    mean, wider = float(np.mean(values)), (1 + len(values) * test / train) ** 0.5
    return mean - (mean - narrow[0]) * wider, mean + (narrow[1] - mean) * wider
