"""How far a mean could have fallen elsewhere: with other images, or with other trainings. The two are different questions.

    >>> over_images(np.repeat([0.0, 100.0], [90, 10]))  # 10 of 100 images are missed
    (4.0, 16.0)
    >>> [round(end, 2) for end in over_trainings([2.0, 3.0, 4.0])]
    [0.52, 5.48]

`over_images` asks what these very networks would do on other images of the same kind. `over_trainings` asks what other networks,
trained with other seeds, would do on these very images. With three trainings it is wide, because three numbers tell little about
their own spread; with one it cannot be said at all.
"""

from __future__ import annotations

from collections.abc import Sequence

import numpy as np
from scipy import stats

DRAWS = 2000


def over_images(values: np.ndarray, seed: int = 0, share: float = 0.95) -> tuple[float, float]:
    """The interval in which a mean over images would lie with other images: a percentile bootstrap.

    Args:
        values: (N,) one number for each image, for instance the difference of two networks' errors on it.
        seed: of the draws.
        share: of the draws that lie inside.
    """
    values = np.asarray(values, dtype=np.float64)
    found, counts = np.unique(values, return_counts=True)  # errors take few values: how often each is drawn is multinomial
    drawn = np.random.default_rng(seed).multinomial(len(values), counts / len(values), size=DRAWS)
    low, high = np.quantile(drawn @ found / len(values), ((1 - share) / 2, (1 + share) / 2))
    return float(low), float(high)


def over_trainings(values: Sequence[float], share: float = 0.95) -> tuple[float, float] | None:
    """The interval of a mean over trainings, by Student's t; None for fewer than two.

    Args:
        values: one number for each training, for instance the difference of two networks trained with the same seed.
        share: how often such an interval holds the mean over all seeds, if differences scatter normally.
    """
    values = np.asarray(values, dtype=np.float64)
    if len(values) < 2:
        return None
    reach = stats.t.ppf((1 + share) / 2, len(values) - 1) * values.std(ddof=1) / np.sqrt(len(values))
    return float(values.mean() - reach), float(values.mean() + reach)
