"""Linear classifiers on frozen features: Tables 4, 5 and 7, and Fig. 9 of the paper (sec. 5.2 and 5.3 there).

    >>> rng = np.random.default_rng(0)
    >>> labels = np.arange(90) % 3
    >>> features = rng.normal(size=(90, 400)) + 2 * np.eye(3, 400)[labels]  # 400 dimensions, three of which tell something
    >>> print(linear_probe(gram_matrix(features), labels, "svm", per_class=20))
    64.7 ± 6.9 %

There are far more dimensions than images: 46,128 for layer 1 at half width, against 3,060 training images of Caltech-101. A
linear classifier with an L2 penalty never leaves the span of its training images (representer theorem), so that it needs their
inner products only. These are computed once for each layer (`gram_matrix`) and serve every classifier, fold and number of images:

- the support vector machine takes inner products as they are (scikit-learn's `SVC`: one classifier for every pair of classes);
- softmax regression (`LogisticRegression`) is given coordinates that have these inner products: the rows of a Cholesky factor.
  The optimum is the same, for the penalty does not see a rotation, and the intercept is free. So is the path of its solver.

The paper says neither which SVM it took nor how it was regularised. Here features are scaled so that training images lie at a
mean squared distance of 1 from their mean, and C is the best of `COSTS` on a third of the *training* images, for each fold anew;
test images take no part in it. With one training image of a class nothing can be held out, and C is `UNTUNED`.
"""

from __future__ import annotations

from collections.abc import Callable, Iterable, Sequence
from dataclasses import dataclass, field
from numbers import Integral

import numpy as np
from scipy.linalg import solve_triangular
from scipy.linalg.lapack import dpstrf
from sklearn.linear_model import LogisticRegression
from sklearn.metrics import balanced_accuracy_score, confusion_matrix
from sklearn.svm import SVC
from threadpoolctl import threadpool_limits

from zfhelpers.files import forget
from zfhelpers.worlds.divisions import split

PER_CLASS = (1, 2, 3, 4, 5, 6, 7, 10, 15, 30)  # Fig. 9; it goes on to 45 and 60, which Caltech-256 has
COSTS = (1.0, 10.0, 100.0, 1000.0)  # less was worse at every layer; more hardly moves an SVM that errs on no training image
UNTUNED = 100.0
TOLERANCE = 1e-5  # of the softmax gradient, which starts near 1e-3: a hundred classes share it, and thousands of coordinates
CHUNK = 4096  # dimensions multiplied at once: 150 MB for 9,000 images
THREADED = 2**22  # numbers in a matrix; on busy cores the threads of smaller ones wait for each other a hundred times longer
NEGLIGIBLE = 1e-6  # of the largest squared length: what single precision leaves of a direction that is none
OFFSET = 1e-2  # of the mean squared length: if images differ by less, they lie far from 0; of networks looked at, none below 0.04
LEAST = {True: 1e-10, False: 1e-5}  # the same, below which inner products hold no difference; whether in double precision


def gram_matrix(features: np.ndarray) -> np.ndarray:
    """The inner products of all images' features.

    Args:
        features: (N, D), one layer of `features`; read in parts, so that it may be a memory map larger than memory.

    Returns:
        (N, N): float64 where the features are, or where they lie so far from 0 that single precision would lose how they differ;
        float32 otherwise.

    Raises:
        TypeError: no real numbers.
        ValueError: not (N, D), or NaN or infinite values.

    >>> gram_matrix(np.array([[1.0, 2.0], [3.0, -1.0]]))
    array([[ 5.,  1.],
           [ 1., 10.]])
    """
    try:
        values = features if isinstance(features, np.ndarray) else np.asarray(features)
        if values.dtype.kind not in "fiub":
            raise TypeError(f"they are {values.dtype}")
    except (TypeError, ValueError, RuntimeError) as error:  # ragged, no numbers, a tensor on another device or with a gradient
        said = str(error).partition("\n")[0].rstrip(".")
        raise TypeError(f"Features are a NumPy array of real numbers, (N, D); from these none can be made ({said}).") from error
    if values.ndim != 2 or not values.size:
        raise ValueError(f"Features are (N, D), a row for each image, not {values.shape}.")
    inner = _products(values, np.float64 if values.dtype == np.float64 else np.float32)
    length, total = inner.diagonal().mean(), inner.sum()
    if not np.isfinite(total):
        raise ValueError("Features must be finite; these hold NaN or infinite values, or such as are too large to multiply.")
    if inner.dtype == np.float32 and length - total / inner.size < OFFSET * length:
        inner = _products(values, np.float64)
    forget(features)  # a layer of photographs is a gigabyte
    return inner


def _products(values: np.ndarray, precision: type) -> np.ndarray:
    """Inner products (N, N) of rows (N, D), summed in some precision."""
    inner = np.zeros((len(values), len(values)), precision)
    for start in range(0, values.shape[1], CHUNK):
        part = values[:, start : start + CHUNK].astype(precision)
        inner += part @ part.T
    return inner


def side_by_side(grams: Iterable[np.ndarray]) -> np.ndarray:
    """The inner products of several layers' features set side by side, each layer scaled so that none drowns the others.

    A layer is divided by the mean squared distance of its images from their mean, which asks for no label.

    Args:
        grams: (N, N) of each layer.
    """
    return sum(gram / (gram.diagonal().mean() - gram.mean()) for gram in grams)


def neighbours_alike(gram: np.ndarray, labels: np.ndarray, count: int = 6) -> np.ndarray:
    """Whether the nearest neighbours of each image, by Euclidean distance, the nearest first, are of its class: (N, count) bool.

    >>> neighbours_alike(np.outer([0.0, 1.0, 5.0], [0.0, 1.0, 5.0]), np.array([0, 0, 1]), count=1).ravel()
    array([ True,  True, False])
    """
    labels = np.asarray(labels)
    distances = gram.diagonal()[:, None] + gram.diagonal()[None] - 2 * gram
    np.fill_diagonal(distances, np.inf)
    return labels[np.argsort(distances, axis=1, kind="stable")[:, :count]] == labels[:, None]


@dataclass(frozen=True)
class Probe:
    """How well a linear classifier reads the classes from frozen features.

    Attributes:
        classifier: "svm" or "softmax".
        per_class: training images of each class.
        accuracies: of each fold, in [0, 1]: the mean over classes of the share of test images that are classified right.
        costs: the C that each fold chose.
        confusion: (C, C) int64, how many test images of a class (row) are called a class (column), over all folds; classes in
            the order of `np.unique(labels)`.
    """

    classifier: str
    per_class: int
    accuracies: tuple[float, ...]
    costs: tuple[float, ...]
    confusion: np.ndarray | None = field(default=None, compare=False, repr=False)

    @property
    def mean(self) -> float:
        """Over the folds."""
        return float(np.mean(self.accuracies))

    @property
    def std(self) -> float:
        """Over the folds, with n - 1; NaN for a single fold."""
        return float(np.std(self.accuracies, ddof=1)) if len(self.accuracies) > 1 else float("nan")

    def __str__(self) -> str:
        spread = f" ± {100 * self.std:.1f}" if len(self.accuracies) > 1 else ""
        return f"{100 * self.mean:.1f}{spread} %"


def linear_probe(
    gram: np.ndarray,
    labels: np.ndarray,
    classifier: str = "svm",
    per_class: int = 30,
    test_per_class: int = 50,
    folds: int | Sequence[int] = 5,
    progress: Callable[[Sequence[int]], Iterable[int]] = iter,
) -> Probe:
    """Trains a linear classifier on some images of each class and tests it on others, once for each of several random draws.

    Args:
        gram: (N, N), `gram_matrix` of the features.
        labels: (N,) the class of each image.
        classifier: "svm" or "softmax".
        per_class: training images of each class.
        test_per_class: the most test images of a class.
        folds: how many random draws, or which ones, see `divisions.split`; the paper has five.
        progress: wrapped around the folds, for instance `tqdm.tqdm`.

    Raises:
        ValueError: an unknown classifier, no fold, one class only, a matrix that does not belong to the labels, NaN, features
            that are the same for all training images, or what `split` raises.
    """
    labels, gram = np.asarray(labels), np.asarray(gram)
    if classifier not in CLASSIFIERS:
        raise ValueError(f"There is no classifier {classifier!r}; there are {', '.join(CLASSIFIERS)}.")
    if isinstance(folds, Integral):
        if folds < 1:
            raise ValueError(f"folds must be at least 1, not {folds}.")
        folds = range(folds)
    if not len(folds):
        raise ValueError("folds must name one random draw or more.")
    if labels.ndim != 1:
        raise ValueError(f"Labels are (N,), the class of each image, not {labels.shape}.")
    if labels.dtype.kind == "f" and np.isnan(labels).any():
        raise ValueError(f"The label of image {int(np.isnan(labels).argmax())} is NaN; give a class for each image.")
    if gram.shape != (len(labels), len(labels)):
        raise ValueError(
            f"The inner products of {len(labels)} images are {len(labels), len(labels)}, not {gram.shape}; "
            "gram_matrix(features) gives them."
        )
    if not np.isfinite(gram.sum(dtype=np.float64)):
        raise ValueError(
            "Inner products must be finite; these hold NaN or infinite values. gram_matrix tells whether features do."
        )
    if len(np.unique(labels)) < 2:
        raise ValueError("There is one class only; a classifier needs two or more.")
    results = [_fold(gram, labels, CLASSIFIERS[classifier], per_class, test_per_class, fold) for fold in progress(folds)]
    accuracies, costs, confusions = zip(*results, strict=True)
    return Probe(classifier, per_class, accuracies, costs, sum(confusions))


def learning_curve(
    gram: np.ndarray,
    labels: np.ndarray,
    classifier: str = "softmax",
    per_class: Sequence[int] = PER_CLASS,
    test_per_class: int = 50,
    folds: int | Sequence[int] = 5,
    progress: Callable[[Sequence[int]], Iterable[int]] = iter,
) -> dict[int, Probe]:
    """Accuracy against the number of training images of each class (Fig. 9): a `linear_probe` for each number.

    Returns:
        {training images of each class: Probe}.
    """
    return {count: linear_probe(gram, labels, classifier, count, test_per_class, folds) for count in progress(per_class)}


def _fold(gram, labels, predict, per_class: int, test_per_class: int, fold: int) -> tuple[float, float, np.ndarray]:
    """Accuracy on the test images of one random draw, the C that its training images chose, and what is taken for what."""
    train, test = split(labels, per_class, test_per_class, fold)
    inner, others = gram[np.ix_(train, train)].astype(np.float64), gram[np.ix_(test, train)].astype(np.float64)
    length = inner.diagonal().mean()
    spread = length - inner.mean()  # mean squared distance from the mean
    if spread <= LEAST[gram.dtype.kind != "f" or gram.dtype.itemsize >= 8] * length:
        raise ValueError(
            "The features are the same for all training images, or differ by less than these inner products hold; there is "
            "nothing to tell classes by."
        )
    if spread < OFFSET * length:  # a mean so large would hide all else from the solvers; it makes no difference to a classifier
        rows = inner.mean(axis=0)
        others = others - others.mean(axis=1, keepdims=True) - rows + rows.mean()
        inner = inner - rows[:, None] - rows + rows.mean()
    inner, others, answers = inner / spread, others / spread, labels[train]

    cost = UNTUNED
    if per_class > 1:
        fit, held = split(answers, per_class - max(1, per_class // 3), per_class, fold)
        attempts = predict(inner[np.ix_(fit, fit)], answers[fit], inner[np.ix_(held, fit)], COSTS)
        cost = COSTS[int(np.argmax([balanced_accuracy_score(answers[held], said) for said in attempts]))]
    (said,) = predict(inner, answers, others, [cost])
    confusion = confusion_matrix(labels[test], said, labels=np.unique(labels))
    return float(balanced_accuracy_score(labels[test], said)), cost, confusion


def _svm(inner: np.ndarray, answers: np.ndarray, others: np.ndarray, costs: Sequence[float]) -> list[np.ndarray]:
    """For each C, what a machine fitted to n images says of m others, from the inner products (n, n) and (m, n)."""
    return [SVC(C=cost, kernel="precomputed").fit(inner, answers).predict(others) for cost in costs]


def _softmax(inner: np.ndarray, answers: np.ndarray, others: np.ndarray, costs: Sequence[float]) -> list[np.ndarray]:
    """The same of a softmax regression; for increasing C each fit starts from the last one."""
    here, there = _coordinates(inner, others)
    model = LogisticRegression(warm_start=True, max_iter=2000, tol=TOLERANCE)
    with threadpool_limits(1 if here.size < THREADED else None):
        return [model.set_params(C=cost).fit(here, answers).predict(there) for cost in costs]


CLASSIFIERS = {"svm": _svm, "softmax": _softmax}


def _coordinates(inner: np.ndarray, others: np.ndarray) -> tuple[np.ndarray, np.ndarray]:
    """Rows that have the inner products (n, n), and those of m other images' parts in their span, from (m, n); minus the mean.

    Pivoted Cholesky factorisation: a few per cent of the time of an eigendecomposition, and like it of no more columns than the
    features have dimensions. The mean makes no difference to a classifier with a free intercept, but a large one to its solver.
    """
    factor, pivots, rank, _ = dpstrf(inner, tol=NEGLIGIBLE * inner.diagonal().max(), lower=1)
    factor, pivots = np.tril(factor)[:, :rank], pivots - 1
    here = np.empty_like(factor)
    here[pivots] = factor
    there = solve_triangular(factor[:rank], others[:, pivots[:rank]].T, lower=True).T
    mean = here.mean(axis=0)
    return here - mean, there - mean
