"""Table 6 as this course measures it: one exclusive label against one classifier for every class (sec. 5.2, PASCAL VOC)."""

from __future__ import annotations

from collections.abc import Mapping

import numpy as np

from zfhelpers.experiments.intervals import resampled
from zfhelpers.experiments.multilabel import MultiLabelProbe, beside_the_largest, mean_precision
from zfhelpers.paper import published
from zfhelpers.paper.measurements import measure
from zfhelpers.results.counted import measure_share

SCHEMES = ("softmax", "one-vs-all")
DRAWS = 100  # of test images, for an interval


def table6(name: str, present: np.ndarray, schemes: Mapping[str, MultiLabelProbe], seed: int = 0) -> None:
    """Measures the mean average precision of both schemes, what chance would give, and their difference.

    Args:
        name: of the target.
        present: (n, C) bool, which classes are in which test image.
        schemes: the probes of `SCHEMES`.
        seed: of the test images that are drawn for the intervals.
    """
    scores = {scheme: schemes[scheme].scores for scheme in SCHEMES}

    def over_tests(value):
        return resampled(value, len(present), seed, draws=DRAWS)

    for scheme, each in scores.items():
        paper = published.table(6)["mean", "Ours"] if scheme == "softmax" else None
        ends = over_tests(lambda rows, each=each: mean_precision(present, each, rows))
        measure(f"{name}, {scheme}: mean average precision", mean_precision(present, each), "%", paper=paper, interval=ends)
    measure("random scores would have, about", 100 * present.mean(), "%")
    better = schemes["one-vs-all"].precision > schemes["softmax"].precision
    measure("classes in which one-vs-all is better", int(better.sum()), f"of {len(better)}")

    def more(rows=slice(None)) -> float:
        return mean_precision(present, scores["one-vs-all"], rows) - mean_precision(present, scores["softmax"], rows)

    measure("one-vs-all minus softmax", more(), "points", interval=over_tests(more))


def first_answers(present: np.ndarray, largest: np.ndarray, schemes: Mapping[str, MultiLabelProbe]) -> None:
    """Measures what the first answer of each scheme names, and how well it finds things that are not the largest.

    Args:
        present: (n, C) bool, which classes are in which test image.
        largest: (n,) class of the largest thing.
        schemes: the probes of `SCHEMES`.
    """
    for scheme in SCHEMES:
        scores = schemes[scheme].scores
        top = scores.argmax(1)
        measure_share(f"{scheme}: the first answer is in the image", present[np.arange(len(top)), top])
        measure_share(f"{scheme}: the first answer is the largest thing", top == largest)
        value = beside_the_largest(present, scores, largest)
        measure(f"{scheme}: average precision of things that are not the largest", value, "%")
