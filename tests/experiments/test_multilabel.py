"""Average precision against a slow loop, and the two schemes on images whose answer is known."""

import numpy as np
import pytest

from zfhelpers.experiments import multilabel
from zfhelpers.experiments.multilabel import average_precisions, multilabel_probe

hold_out = multilabel._hold_out

pytestmark = pytest.mark.filterwarnings("error")  # a solver that has not converged says so in a warning


def slow_average_precision(present, scores):
    """Walk down the ranking; at every image that has the class, note the share of the images so far that have it."""
    found, noted = 0, []
    for rank, image in enumerate(sorted(range(len(scores)), key=lambda image: -scores[image]), 1):
        if present[image]:
            found += 1
            noted.append(found / rank)
    return sum(noted) / len(noted)


def example(count=400, classes=5, apart=2.0, seed=0):
    """Features in which each class that is present adds its own direction; the label is one of those present."""
    rng = np.random.default_rng(seed)
    present = rng.random((count, classes)) < 0.3
    present[np.arange(count), rng.integers(classes, size=count)] = True
    labels = np.array([rng.choice(np.flatnonzero(row)) for row in present])
    features = rng.normal(size=(count, 30)) + apart * present @ np.eye(classes, 30) + 3
    return features, present, labels, *np.split(np.arange(count), [count // 2])


def test_average_precision_is_that_of_a_slow_loop():
    rng = np.random.default_rng(1)
    present, scores = rng.random((60, 4)) < 0.2, rng.random((60, 4))
    expected = [slow_average_precision(present[:, k], scores[:, k]) for k in range(4)]
    assert average_precisions(present, scores) == pytest.approx(expected)


def test_average_precision_of_a_perfect_and_of_the_worst_ranking():
    present = np.arange(10)[:, None] < 2
    assert average_precisions(present, -np.arange(10.0)[:, None]) == pytest.approx([1])
    assert average_precisions(present, np.arange(10.0)[:, None]) == pytest.approx([(1 / 9 + 2 / 10) / 2])


def test_another_seed_holds_out_other_images(monkeypatch):
    features, present, labels, train, test = example()
    held = []
    monkeypatch.setattr(multilabel, "_hold_out", lambda rows, seed: held.append(hold_out(rows, seed)) or held[-1])
    for seed in (0, 0, 1):
        multilabel_probe(features, present, labels, train, test, "softmax", seed)
    first, again, other = (tuple(sorted(rest)) for _, rest in held)
    assert first == again != other
    assert set(other) < set(train)


def test_random_scores_reach_the_share_of_images_that_have_the_class():
    rng = np.random.default_rng(2)
    present = rng.random((4000, 3)) < (0.1, 0.3, 0.6)
    assert average_precisions(present, rng.random(present.shape)) == pytest.approx([0.1, 0.3, 0.6], abs=0.03)


@pytest.mark.parametrize("scheme", multilabel.SCHEMES)
def test_finds_what_is_there_and_nothing_where_nothing_is(scheme):
    features, present, labels, train, test = example()
    seen = multilabel_probe(features, present, labels, train, test, scheme)
    assert seen.precision == pytest.approx([slow_average_precision(present[test, k], seen.scores[:, k]) for k in range(5)])
    assert seen.mean > present.mean() + 0.25
    blind = multilabel_probe(np.random.default_rng(3).normal(size=features.shape), present, labels, train, test, scheme)
    assert blind.mean == pytest.approx(present[test].mean(), abs=0.06)


def test_softmax_shares_out_one_probability_and_one_vs_all_does_not():
    features, present, labels, train, test = example()
    exclusive, free = (multilabel_probe(features, present, labels, train, test, scheme) for scheme in ("softmax", "one-vs-all"))
    assert exclusive.scores.sum(axis=1) == pytest.approx(np.ones(len(test)))
    assert free.scores.sum(axis=1).std() > 0.1
    assert free.mean > exclusive.mean  # of each training image the softmax is told one class, one-vs-all every one


def test_test_images_choose_nothing():
    features, present, labels, train, test = example(apart=0.7)
    before = multilabel_probe(features, present, labels, train, test, "one-vs-all")
    wrong = present.copy()
    wrong[test] = ~wrong[test]
    after = multilabel_probe(features, wrong, labels, train, test, "one-vs-all")
    assert after.cost == before.cost
    assert np.array_equal(after.scores, before.scores)


def test_scale_and_origin_of_the_features_do_not_matter():
    features, present, labels, train, test = example()
    before, after = (multilabel_probe(each, present, labels, train, test, "softmax") for each in (features, 1000 * features - 7))
    assert after.scores == pytest.approx(before.scores, abs=1e-4)


def test_bad_input_is_answered_in_one_sentence():
    features, present, labels, train, test = example()
    with pytest.raises(ValueError, match="no scheme 'svm'; there are softmax, one-vs-all"):
        multilabel_probe(features, present, labels, train, test, "svm")
    with pytest.raises(ValueError, match="399 features, 400 sets of classes and 400 labels do not belong together"):
        multilabel_probe(features[1:], present, labels, train, test, "softmax")
    with pytest.raises(ValueError, match="Class 2 has no image to test on"):
        multilabel_probe(features, present, labels, train, test[~present[test, 2]], "softmax")
    with pytest.raises(ValueError, match="Class 4 has no image to learn from"):
        multilabel_probe(features, present, np.minimum(labels, 3), train, test, "softmax")
    with pytest.raises(ValueError, match="the same for all training images"):
        multilabel_probe(np.ones_like(features), present, labels, train, test, "softmax")
    with pytest.raises(ValueError, match=r"\(3, 2\) does not fit \(4, 2\)"):
        average_precisions(np.ones((4, 2), bool), np.ones((3, 2)))
    with pytest.raises(ValueError, match="Class 1 is in none of the 3 images"):
        average_precisions(np.array([[True, False]] * 3), np.ones((3, 2)))
    with pytest.raises(ValueError, match="finite"):
        average_precisions(np.ones((2, 1), bool), np.array([[1.0], [np.nan]]))
