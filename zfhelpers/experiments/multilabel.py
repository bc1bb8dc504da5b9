"""Several things in one image: average precision of each class, as in Table 6 (sec. 5.2, PASCAL VOC 2012).

    >>> rng = np.random.default_rng(0)
    >>> present = rng.random((300, 4)) < 0.3
    >>> present[~present.any(axis=1), 0] = True
    >>> features = rng.normal(size=(300, 20)) + 2 * present @ np.eye(4, 20)  # four dimensions tell which classes are there
    >>> train, test = np.split(np.arange(300), 2)
    >>> multilabel_probe(features, present, present.argmax(axis=1), train, test, "one-vs-all")
    one-vs-all: 81.4 % mean average precision of 4 classes

The paper "used the 20-way softmax": one exclusive label for each image, though images may hold several objects, and all classes
share out a probability of 1. So a second object must be paid for with the first one's probability. The usual way is one
classifier for each class against all the rest, whose answers do not depend on each other. Both are scikit-learn's
`LogisticRegression`, on features that are scaled so that training images lie at a mean squared distance of 1 from their mean.

The test images of a class are ranked by its score. Precision at rank k is the share of the first k that hold the class, and
average precision its mean over the ranks of those that do: AP = sum_k (R_k - R_{k-1}) P_k, with recall R. Random scores give
about the share of images that hold the class.
"""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np
from sklearn.linear_model import LogisticRegression
from sklearn.metrics import average_precision_score
from sklearn.multiclass import OneVsRestClassifier
from threadpoolctl import threadpool_limits

COSTS = (0.1, 1.0, 10.0, 100.0)  # more only lengthens the fit
HELD_OUT = 3  # one in so many training images chooses C


@dataclass(frozen=True)
class MultiLabelProbe:
    """How well the classes of images with several objects are found.

    Attributes:
        scheme: "softmax" or "one-vs-all".
        precision: (C,) average precision of each class on the test images, in [0, 1].
        scores: (n, C) what the test images were ranked by; comparable within a column.
        cost: the C that held-out training images chose.
    """

    scheme: str
    precision: np.ndarray
    scores: np.ndarray
    cost: float

    @property
    def mean(self) -> float:
        """Over the classes."""
        return float(self.precision.mean())

    def __repr__(self) -> str:
        return f"{self.scheme}: {100 * self.mean:.1f} % mean average precision of {len(self.precision)} classes"


def average_precisions(present: np.ndarray, scores: np.ndarray) -> np.ndarray:
    """Average precision of every class: scikit-learn's, without interpolation.

    Args:
        present: (n, C) bool, which classes are in which image.
        scores: (n, C) higher where a class is likelier.

    Returns:
        (C,) in [0, 1].

    Raises:
        ValueError: shapes that do not fit, scores that are not finite, or a class that is in no image.

    >>> average_precisions(np.array([[True], [False], [True]]), np.array([[0.9], [0.8], [0.1]])).round(3)
    array([0.833])
    """
    present = np.asarray(present, bool)
    if present.ndim != 2 or np.shape(scores) != present.shape:
        raise ValueError(f"Scores are (images, classes) as the labels are; {np.shape(scores)} does not fit {present.shape}.")
    if not np.isfinite(scores).all():
        raise ValueError("Scores must be finite; these hold NaN or infinite values.")
    if not present.any(axis=0).all():
        raise ValueError(f"Class {int(present.any(axis=0).argmin())} is in none of the {len(present)} images to be ranked.")
    return (
        average_precision_score(present, scores, average=None)
        if present.shape[1] > 1
        else np.array([average_precision_score(present[:, 0], scores[:, 0])])
    )


def mean_precision(present: np.ndarray, scores: np.ndarray, rows=slice(None)) -> float:
    """Mean average precision over the classes, on some of the images, in %."""
    return 100 * float(average_precisions(present[rows], scores[rows]).mean())


def beside_the_largest(present: np.ndarray, scores: np.ndarray, largest: np.ndarray) -> float:
    """Mean average precision, in %, of things that are not the largest of their image: a class's own images are left out.

    Args:
        present, scores: (n, C), as in `average_precisions`.
        largest: (n,) class of the largest thing in each image.
    """
    rows = [largest != label for label in range(present.shape[1])]
    each = [average_precisions(present[keep][:, [k]], scores[keep][:, [k]])[0] for k, keep in enumerate(rows)]
    return 100 * float(np.mean(each))


def multilabel_probe(features, present, labels, train, test, scheme: str, seed: int = 0) -> MultiLabelProbe:
    """Trains a linear classifier on images of several objects, and ranks test images by it for every class.

    Args:
        features: (N, D), one layer of `features.features`.
        present: (N, C) bool, every class that is in an image.
        labels: (N,) in 0 .. C - 1, the one label that stands for an image; the softmax learns these.
        train, test: (n,) int, indices of the images to learn from and to be tested on.
        scheme: "softmax": one classifier, each image of one class, as the paper did; or "one-vs-all": one for every class.
        seed: of the draw of training images that are held out to choose C.

    Raises:
        ValueError: an unknown scheme, arrays that do not belong together, or a class that is missing in the training images, in
            those that are held out of them, or in the test images.
    """
    present, labels = np.asarray(present, bool), np.asarray(labels)
    if scheme not in SCHEMES:
        raise ValueError(f"There is no scheme {scheme!r}; there are {', '.join(SCHEMES)}.")
    if not len(features) == len(present) == len(labels):
        raise ValueError(
            f"{len(features)} features, {len(present)} sets of classes and {len(labels)} labels do not belong together."
        )
    fit, held = _hold_out(train, seed)
    seen = np.bincount(labels[fit], minlength=present.shape[1]) if scheme == "softmax" else present[fit].sum(axis=0)
    for where, counts in (
        ("to learn from", seen),
        ("held out", present[held].sum(axis=0)),
        ("to test on", present[test].sum(axis=0)),
    ):
        if not counts.all():
            raise ValueError(f"Class {int(np.argmin(counts))} has no image {where}; give more images.")
    with threadpool_limits(1):  # on busy cores the threads of BLAS wait for each other much longer than they multiply
        attempts = [SCHEMES[scheme](*_scaled(features, fit, held), labels[fit], present[fit], cost) for cost in COSTS]
        cost = COSTS[int(np.argmax([average_precisions(present[held], said).mean() for said in attempts]))]
        scores = SCHEMES[scheme](*_scaled(features, train, test), labels[train], present[train], cost)
    return MultiLabelProbe(scheme, average_precisions(present[test], scores), scores, cost)


def _hold_out(train, seed: int) -> tuple[np.ndarray, np.ndarray]:
    """Two thirds of the training images, and the rest, drawn at random."""
    mixed = np.random.default_rng(seed).permutation(train)
    return mixed[len(mixed) // HELD_OUT :], mixed[: len(mixed) // HELD_OUT]


def _scaled(features, here, there) -> tuple[np.ndarray, np.ndarray]:
    """The features of the images to learn from and of others, moved and scaled by the former."""
    ours, others = (np.asarray(features[rows], np.float64) for rows in (here, there))
    mean = ours.mean(axis=0)
    scale = np.sqrt(((ours - mean) ** 2).sum(axis=1).mean())
    if not scale:
        raise ValueError("The features are the same for all training images; there is nothing to tell classes by.")
    return (ours - mean) / scale, (others - mean) / scale


def _softmax(ours, others, labels, present, cost) -> np.ndarray:
    """(n, C) probabilities, each row summing to 1."""
    return LogisticRegression(C=cost, max_iter=2000).fit(ours, labels).predict_proba(others)


def _one_vs_all(ours, others, labels, present, cost) -> np.ndarray:
    """(n, C) probabilities, each for itself."""
    return OneVsRestClassifier(LogisticRegression(C=cost, max_iter=2000)).fit(ours, present).predict_proba(others)


SCHEMES = {"softmax": _softmax, "one-vs-all": _one_vs_all}
