"""Classifiers on inner products against the same on the features themselves, and no way for test images to leak in."""

import doctest
import statistics
from itertools import pairwise

import numpy as np
import pytest
import torch
from scipy.stats import binom
from sklearn.linear_model import LogisticRegression
from sklearn.svm import SVC, LinearSVC

from zfhelpers.experiments import probes
from zfhelpers.experiments.probes import (
    COSTS,
    UNTUNED,
    Probe,
    gram_matrix,
    learning_curve,
    linear_probe,
    neighbours_alike,
    side_by_side,
)
from zfhelpers.worlds.divisions import split, thin_out
from zfhelpers.worlds.world import ImageSet

pytestmark = pytest.mark.filterwarnings("error")  # a solver that has not converged says so in a warning


def example(classes=4, count=60, dimensions=300, apart=2.0, seed=0):
    """Clouds of points around their classes' centres, away from 0, and their labels."""
    rng = np.random.default_rng(seed)
    labels = np.arange(classes * count) % classes
    centres = apart * np.eye(classes, dimensions)
    return rng.normal(size=(len(labels), dimensions)) + centres[labels] + 3, labels


# --------------------------------------------------------------------------------------------------------------- split


def test_a_split_has_so_many_of_each_class_and_no_image_twice():
    labels = np.repeat([7, 3, 5], [40, 33, 200])
    train, test = split(labels, 30, fold=2)
    assert {label: int((labels[train] == label).sum()) for label in (3, 5, 7)} == {3: 30, 5: 30, 7: 30}
    assert {label: int((labels[test] == label).sum()) for label in (3, 5, 7)} == {3: 3, 5: 50, 7: 10}
    assert len({*train, *test}) == len(train) + len(test)
    assert (np.diff(labels[train]) >= 0).all()


def test_folds_differ_and_repeat():
    labels = np.arange(120) % 3
    draws = [[part.tolist() for part in split(labels, 10, 20, fold)] for fold in (0, 1, 0)]
    assert draws[0] == draws[2]
    assert draws[0][0] != draws[1][0]
    assert draws[0][1] != draws[1][1]


def test_a_larger_training_set_holds_the_smaller_and_is_tested_on_the_same_images():
    labels = np.repeat([0, 1], [100, 70])
    draws = [split(labels, count, 40) for count in (1, 5, 30)]
    for (fewer, _), (more, _) in pairwise(draws):
        assert set(fewer) < set(more)
    assert all(np.array_equal(test, draws[0][1]) for _, test in draws)
    assert set(split(labels, 60, 40)[1]) < set(draws[0][1])


@pytest.mark.parametrize(
    ("labels", "per_class", "test_per_class", "sentence"),
    [
        (["cat"] * 9 + ["dog"] * 5, 5, 50, "Class dog has 5 images; 5 to train on and 1 to test on are asked for"),
        (["cat"] * 9 + ["dog"] * 2, 5, 50, "Class dog has 2 images"),
        ([0, 0, 1, 1], 0, 50, "per_class must be at least 1, not 0"),
        ([0, 0, 1, 1], 1, 0, "test_per_class must be at least 1, not 0"),
    ],
)
def test_splits_that_cannot_be_drawn_are_refused(labels, per_class, test_per_class, sentence):
    with pytest.raises(ValueError, match=sentence):
        split(np.array(labels), per_class, test_per_class)


def test_thin_out_keeps_image_label_and_file_together():
    labels = np.array([0, 1, 0, 0, 2, 0, 1, 1, 0])
    frames = np.broadcast_to(np.arange(9, dtype=np.uint8)[:, None, None, None], (9, 3, 9, 9))
    images = ImageSet(frames, labels, 8, [str(row) for row in range(9)])
    thin = thin_out(images, 2)
    rows = thin.frames[:, 0, 0, 0]
    assert np.bincount(thin.labels).tolist() == [2, 2, 1]
    assert (np.diff(rows) > 0).all()
    assert thin.labels.tolist() == labels[rows].tolist()
    assert thin.files == tuple(str(row) for row in rows)
    assert thin.image_size == 8
    assert len(thin_out(images, 100)) == 9


# ------------------------------------------------------------------------------------------------------ inner products


def test_gram_matrix_by_loops_in_parts_of_a_memory_map(tmp_path, monkeypatch):
    monkeypatch.setattr(probes, "CHUNK", 7)
    values = np.random.default_rng(1).normal(size=(9, 30))
    np.save(tmp_path / "half.npy", values.astype(np.float16))
    for given, precision, tolerance in ((values, np.float64, 1e-12), (np.load(tmp_path / "half.npy", "r"), np.float32, 1e-5)):
        found = gram_matrix(given)
        assert found.dtype == precision
        expected = [[sum(float(a) * float(b) for a, b in zip(one, other, strict=True)) for other in given] for one in given]
        np.testing.assert_allclose(found, expected, rtol=tolerance, atol=tolerance)


@pytest.mark.parametrize("make", [list, torch.from_numpy, np.ndarray.tolist], ids=["list", "tensor", "lists"])
def test_whatever_numpy_reads_has_inner_products(make):
    values = np.random.default_rng(1).normal(size=(9, 30))
    np.testing.assert_allclose(gram_matrix(make(values)), values @ values.T)
    assert gram_matrix([[1, 2], [3, 4]]).tolist() == [[5, 11], [11, 25]]


@pytest.mark.parametrize(
    "features", [[[1.0, 2.0], [3.0]], "layer7", np.ones((3, 4), complex), torch.ones(3, 4).requires_grad_(), {"a": 1}, None]
)
def test_what_numpy_does_not_read_is_refused(features):
    with pytest.raises(TypeError, match=r"^Features are a NumPy array of real numbers, \(N, D\); from these none can be made \("):
        gram_matrix(features)


@pytest.mark.parametrize("kind", [np.float32, np.float64])
@pytest.mark.parametrize("offset", [0, 3, 30, 300, 3_000, 30_000])
@pytest.mark.parametrize("where", ["everywhere", "one dimension"])
def test_distances_stay_however_far_from_0_features_lie(kind, offset, where):
    values = np.random.default_rng(offset).normal(size=(40, 300))
    if where == "everywhere":
        values += offset * np.linspace(0.5, 1, 300)
    else:
        values[:, 7] = 20 * offset
    values = values.astype(kind)
    found = gram_matrix(values).astype(np.float64)
    centred = values.astype(np.float64) - values.astype(np.float64).mean(axis=0)
    middle = np.eye(40) - 1 / 40
    np.testing.assert_allclose(middle @ found @ middle, centred @ centred.T, atol=0.02)
    distances = found.diagonal()[:, None] + found.diagonal() - 2 * found
    slow = [[((one - other) ** 2).sum() for other in centred] for one in centred]
    np.testing.assert_allclose(distances, slow, atol=0.1)


def test_features_of_networks_keep_single_precision_bit_by_bit():
    """Rectified, as they are; half of the deviation or more of an offset."""
    values = np.maximum(np.random.default_rng(0).normal(size=(40, 5000)) + 3, 0).astype(np.float16)
    single = values.astype(np.float32)
    expected = single[:, :4096] @ single[:, :4096].T + single[:, 4096:] @ single[:, 4096:].T
    found = gram_matrix(values)
    assert found.dtype == np.float32
    np.testing.assert_array_equal(found, expected)


@pytest.mark.parametrize(
    ("features", "sentence"),
    [
        (np.zeros(4), r"Features are \(N, D\), a row for each image, not \(4,\)"),
        (np.zeros((0, 4)), r"not \(0, 4\)"),
        (np.array([[1.0, np.nan], [0.0, 1.0]]), "must be finite"),
        (np.array([[1.0, np.inf], [0.0, 1.0]]), "must be finite"),
    ],
)
def test_features_without_inner_products_are_refused(features, sentence):
    with pytest.raises(ValueError, match=sentence):
        gram_matrix(features)


@pytest.mark.parametrize("dimensions", [5, 200])
def test_coordinates_have_the_distances_of_the_features(dimensions):
    """Between training images exactly; of the others, the part that a classifier in the span of the training images can see."""
    points = np.random.default_rng(2).normal(size=(50, dimensions)) + 4
    points[7] = points[3]  # the same image twice: no coordinates of its own
    here, others = points[:30], points[30:]
    inner = gram_matrix(points.astype(np.float32)).astype(np.float64)  # whose rounding is no direction
    found, found_others = probes._coordinates(inner[:30, :30], inner[30:, :30])
    assert found.shape[1] in (min(dimensions, 29), min(dimensions + 1, 29))
    centred = here - here.mean(axis=0)
    np.testing.assert_allclose(found @ found.T, centred @ centred.T, atol=0.01)
    np.testing.assert_allclose(found_others @ found.T, (others - here.mean(axis=0)) @ centred.T, atol=0.01)


# ---------------------------------------------------------------------------------------------------------- classifiers


def scaled(features, train):
    """Features as the classifiers take them: training images at a mean squared distance of 1 from their mean."""
    return features / np.sqrt(features[train].var(axis=0).sum())


def primal(classifier, features, labels, per_class, fold=0):
    """Accuracy and C of one fold, on the features themselves."""
    train, test = split(labels, per_class, 50, fold)
    features = scaled(features, train)
    fit, held = (train[part] for part in split(labels[train], per_class - per_class // 3, per_class, fold))

    def accuracy(cost, fit, test):
        said = classifier(cost).fit(features[fit], labels[fit]).predict(features[test])
        return statistics.mean(np.mean(said[labels[test] == label] == label) for label in np.unique(labels))

    best = max(COSTS, key=lambda cost: accuracy(cost, fit, held))
    return accuracy(best, train, test), best


@pytest.mark.parametrize("dimensions", [12, 300])
@pytest.mark.parametrize(
    ("name", "classifier"),
    [
        ("svm", lambda cost: SVC(C=cost, kernel="linear", tol=1e-6)),
        ("softmax", lambda cost: LogisticRegression(C=cost, max_iter=20_000, tol=1e-6)),
    ],
)
def test_inner_products_do_as_well_as_the_features_themselves(monkeypatch, name, classifier, dimensions):
    monkeypatch.setattr(probes, "TOLERANCE", 1e-6)
    features, labels = example(dimensions=dimensions, count=50)
    probe = linear_probe(gram_matrix(features), labels, name, per_class=18, folds=2)
    expected = [primal(classifier, features, labels, 18, fold) for fold in range(2)]
    assert probe.accuracies == pytest.approx([accuracy for accuracy, _ in expected], abs=0.01)
    assert probe.costs == tuple(cost for _, cost in expected)
    assert 0.4 < probe.mean < 0.97  # neither chance nor all right: nothing would be compared


@pytest.mark.parametrize("cost", COSTS)
@pytest.mark.parametrize("name", ["svm", "softmax"])
def test_predictions_are_those_of_liblinear_on_the_features(name, cost):
    """Another solver altogether: liblinear, in the primal, for two classes."""
    features, labels = example(classes=2, count=200, dimensions=100, apart=1.5)
    train, test = split(labels, 40, 160)
    features = scaled(features - features[train].mean(axis=0), train)  # liblinear penalises the intercept: let it be small
    if name == "svm":
        other = LinearSVC(C=cost, loss="hinge", intercept_scaling=10, tol=1e-6, max_iter=1_000_000, random_state=0)
    else:
        other = LogisticRegression(C=cost, solver="liblinear", intercept_scaling=10, tol=1e-8)
    expected = other.fit(features[train], labels[train]).predict(features[test])
    inner = gram_matrix(features)
    (said,) = probes.CLASSIFIERS[name](inner[np.ix_(train, train)], labels[train], inner[np.ix_(test, train)], [cost])
    assert np.mean(said == expected) >= 0.98
    assert 0.6 < np.mean(said == labels[test]) < 0.97


@pytest.mark.parametrize("classifier", ["svm", "softmax"])
def test_order_scale_and_offset_of_features_make_no_difference(classifier):
    features, labels = example(count=30, dimensions=6)
    order = np.random.default_rng(3).permutation(features.shape[1])
    first, *others = (
        linear_probe(gram_matrix(given), labels, classifier, per_class=10, folds=2)
        for given in (features, features[:, order], 500 * features, features - 2)
    )
    for other in others:
        assert other.costs == first.costs
        assert other.accuracies == pytest.approx(first.accuracies, abs=0.01)
    stretched = features * np.linspace(0.1, 3, features.shape[1])
    another = linear_probe(gram_matrix(stretched), labels, classifier, per_class=10, folds=2)
    assert another.mean != pytest.approx(first.mean, abs=0.01)


@pytest.mark.parametrize("kind", [np.float32, np.float64])
@pytest.mark.parametrize("classifier", ["svm", "softmax"])
@pytest.mark.parametrize("where", ["everywhere", "one dimension"])
def test_an_offset_of_thousands_of_deviations_makes_no_difference(classifier, where, kind):
    features, labels = example(count=40, dimensions=200, apart=2.5)
    features = features.astype(np.float32)
    expected = linear_probe(gram_matrix(features - features.mean(axis=0)), labels, classifier, per_class=15, folds=3)
    assert 0.5 < expected.mean < 0.95
    for offset in (100, 1_000, 10_000):
        if where == "everywhere":
            moved = np.round(2**12 * features) / 2**12 + offset  # which single precision holds
            reference = linear_probe(gram_matrix(moved - moved.mean(axis=0)), labels, classifier, per_class=15, folds=3)
        else:
            moved = np.concatenate([features, np.full((len(features), 1), 14 * offset)], axis=1)
            reference = expected
        found = linear_probe(gram_matrix(moved.astype(kind)), labels, classifier, per_class=15, folds=3)
        assert found.accuracies == pytest.approx(reference.accuracies, abs=0.01)
        assert found.costs == reference.costs


def test_accuracy_is_the_mean_over_classes(monkeypatch):
    """Whoever always says 'cat' is right in one class of three, however many cats there are."""
    always = lambda inner, answers, others, costs: [np.full(len(others), "cat")] * len(costs)  # noqa: E731
    monkeypatch.setitem(probes.CLASSIFIERS, "svm", always)
    labels = np.repeat(["cat", "dog", "owl"], [60, 12, 14])
    probe = linear_probe(gram_matrix(np.random.default_rng(0).normal(size=(86, 5))), labels, per_class=10, folds=1)
    assert probe.accuracies == (pytest.approx(1 / 3),)


def test_folds_can_be_named():
    features, labels = example(count=30)
    gram = gram_matrix(features)
    drawn = linear_probe(gram, labels, per_class=10, folds=4)
    named = linear_probe(gram, labels, per_class=10, folds=range(2, 4))
    assert named.accuracies == drawn.accuracies[2:]
    assert learning_curve(gram, labels, "svm", [10], folds=(3,))[10].accuracies == drawn.accuracies[3:]


def test_mean_and_deviation_are_over_the_folds():
    features, labels = example(count=30)
    probe = linear_probe(gram_matrix(features), labels, per_class=10, folds=3)
    assert len(probe.accuracies) == len(probe.costs) == 3
    assert len(set(probe.accuracies)) > 1
    assert probe.mean == pytest.approx(statistics.mean(probe.accuracies))
    assert probe.std == pytest.approx(statistics.stdev(probe.accuracies))
    assert str(Probe("svm", 30, (0.85, 0.87, 0.86), (1.0,) * 3)) == "86.0 ± 1.0 %"
    assert str(Probe("svm", 30, (0.85,), (1.0,))) == "85.0 %"


@pytest.mark.parametrize("classifier", ["svm", "softmax"])
def test_a_learning_curve_is_a_probe_for_each_number(classifier):
    features, labels = example(count=40)
    gram = gram_matrix(features)
    curve = learning_curve(gram, labels, classifier, (1, 4, 20), folds=2)
    assert list(curve) == [1, 4, 20]
    for count, probe in curve.items():
        assert probe == linear_probe(gram, labels, classifier, count, folds=2)
        assert (probe.classifier, probe.per_class) == (classifier, count)
    assert 0.25 < curve[1].mean < curve[4].mean < curve[20].mean
    assert curve[1].costs == (UNTUNED,) * 2


# ---------------------------------------------------------------------------------------------------------------- leaks


def chance(tests, classes, sure=0.9999):
    return tuple(count / tests for count in binom.interval(sure, tests, 1 / classes))


@pytest.mark.parametrize("classifier", ["svm", "softmax"])
def test_shuffled_labels_are_read_no_better_than_by_chance(classifier):
    features, labels = example(count=100, apart=8)
    gram = gram_matrix(features)
    assert linear_probe(gram, labels, classifier, per_class=30, folds=1).mean > 0.95
    shuffled = np.random.default_rng(4).permutation(labels)
    low, high = chance(tests=200, classes=4)
    assert low < linear_probe(gram, shuffled, classifier, per_class=30, folds=1).mean < high < 0.4


@pytest.mark.parametrize("classifier", ["svm", "softmax"])
def test_a_leak_would_show(monkeypatch, classifier):
    """The same with training images to test on: whoever has seen them reads even shuffled labels."""
    features, labels = example(count=100, apart=8)
    shuffled = np.random.default_rng(4).permutation(labels)
    honest = split

    def leaking(labels, *arguments):
        train, _ = honest(labels, *arguments)
        return train, train

    monkeypatch.setattr(probes, "split", leaking)
    assert linear_probe(gram_matrix(features), shuffled, classifier, per_class=30, folds=1).mean > 0.95


@pytest.mark.parametrize("classifier", ["svm", "softmax"])
def test_the_choice_of_c_never_sees_a_test_image(classifier):
    """C is the same for any test images, and is chosen by training images: fine differences of classes need a larger one."""
    chosen = set()
    for fineness in (1, 0.05):
        features, labels = example(dimensions=12, apart=5)
        features[:, :4] *= fineness
        _, test = split(labels, 12, 40)
        cost = linear_probe(gram_matrix(features), labels, classifier, 12, 40, folds=1).costs
        for noise in range(3):
            features[test] = 5 * np.random.default_rng(noise).normal(size=(len(test), 12))
            assert linear_probe(gram_matrix(features), labels, classifier, 12, 40, folds=1).costs == cost
        chosen.add(cost)
    assert len(chosen) > 1


# --------------------------------------------------------------------------------------------------------------- errors


@pytest.mark.parametrize(
    ("change", "sentence"),
    [
        ({"classifier": "tree"}, "There is no classifier 'tree'; there are svm, softmax"),
        ({"folds": 0}, "folds must be at least 1, not 0"),
        ({"folds": range(0)}, "folds must name one random draw or more"),
        ({"gram": np.zeros((40, 7))}, r"inner products of 40 images are \(40, 40\), not \(40, 7\); gram_matrix"),
        ({"gram": np.eye(39)}, r"not \(39, 39\)"),
        ({"labels": np.zeros(40)}, "There is one class only"),
        ({"labels": np.zeros((40, 1))}, r"Labels are \(N,\), the class of each image, not \(40, 1\)"),
        ({"labels": np.where(np.arange(40) == 7, np.nan, np.arange(40) % 2)}, "The label of image 7 is NaN"),
        ({"gram": np.where(np.eye(40), np.nan, 1)}, "Inner products must be finite; these hold NaN or infinite values"),
        ({"gram": np.where(np.eye(40), np.inf, 1)}, "Inner products must be finite"),
        ({"gram": (1e6 + np.eye(40)).astype(np.float32)}, "differ by less than these inner products hold"),
        ({"gram": np.ones((40, 40))}, "the same for all training images"),
        ({"gram": np.zeros((40, 40))}, "the same for all training images"),
        ({"per_class": 20}, "Class 0 has 20 images; 20 to train on"),
        ({"per_class": 0}, "per_class must be at least 1"),
    ],
)
def test_bad_requests_are_refused(change, sentence):
    request = {"gram": np.eye(40), "labels": np.arange(40) % 2, "per_class": 5}
    with pytest.raises(ValueError, match=sentence):
        linear_probe(**(request | change))


def test_doctests():
    assert doctest.testmod(probes).failed == 0


def test_the_confusion_matrix_counts_every_test_image_of_every_fold_and_agrees_with_the_accuracies():
    features, labels = example(apart=1.0)
    names = np.array(["ant", "bee", "cow", "dog"])[labels]
    probe = linear_probe(gram_matrix(features), names, "svm", per_class=10, test_per_class=20, folds=3)
    assert probe.confusion.sum(axis=1).tolist() == [60] * 4
    assert probe.confusion.diagonal().sum() / 240 == pytest.approx(probe.mean)
    assert 0 < probe.mean < 1


def test_layers_side_by_side_are_features_set_side_by_side():
    rng = np.random.default_rng(0)
    one, other = rng.normal(size=(30, 5)) + 2, 9 * rng.normal(size=(30, 8))
    scaled = [each / np.sqrt(((each - each.mean(0)) ** 2).sum(1).mean()) for each in (one, other)]
    together = np.concatenate(scaled, axis=1)
    np.testing.assert_allclose(side_by_side([one @ one.T, other @ other.T]), together @ together.T)


def test_neighbours_alike_is_a_slow_loop_over_distances():
    rng = np.random.default_rng(1)
    points, labels = rng.normal(size=(25, 3)), rng.integers(3, size=25)
    found = neighbours_alike(points @ points.T, labels, count=4)
    for index, point in enumerate(points):
        near = sorted((other for other in range(25) if other != index), key=lambda other: np.linalg.norm(points[other] - point))[
            :4
        ]
        assert found[index].tolist() == [labels[other] == labels[index] for other in near]
