"""The numbers of Table 6 from scores whose ranking is known."""

import numpy as np
import pytest

from zfhelpers.experiments.multilabel import MultiLabelProbe, average_precisions, beside_the_largest, mean_precision
from zfhelpers.paper import measurements
from zfhelpers.results.several import first_answers, table6


def example(n=60):
    rng = np.random.default_rng(0)
    present = rng.random((n, 3)) < 0.4
    largest = rng.integers(3, size=n)
    present[np.arange(n), largest] = True
    perfect, poor = present + 0.1 * rng.random((n, 3)), rng.random((n, 3))
    schemes = {
        name: MultiLabelProbe(name, average_precisions(present, scores), scores, 1.0)
        for name, scores in (("softmax", poor), ("one-vs-all", perfect))
    }
    return present, largest, schemes


def test_all_numbers_are_measured():
    present, largest, schemes = example()
    run = measurements.begin("a_lesson", "toy")
    table6("scenes", present, schemes)
    first_answers(present, largest, schemes)
    found = {each.name: each for each in run.measurements}
    assert found["scenes, one-vs-all: mean average precision"].value == 100
    assert found["scenes, softmax: mean average precision"].paper == 79
    more = found["one-vs-all minus softmax"]
    assert more.value == pytest.approx(100 - 100 * schemes["softmax"].precision.mean())
    assert more.interval[0] < more.value < more.interval[1]
    assert found["classes in which one-vs-all is better"].value == 3
    assert found["one-vs-all: the first answer is in the image"].value == 100
    assert len(found) == 11


def test_the_largest_thing_of_an_image_does_not_count():
    present = np.array([[True, True], [True, False], [False, True], [True, True]])
    largest = np.array([0, 0, 1, 1])
    scores = np.array([[0.9, 0.2], [0.8, 0.3], [0.7, 0.1], [0.6, 0.0]])
    # class 0: of images 2 and 3 image 3 has it, second; class 1: of images 0 and 1 image 0 has it, second
    assert beside_the_largest(present, scores, largest) == pytest.approx(50)
    assert mean_precision(present, scores, [0, 1]) == pytest.approx(100 * (1 + 1 / 2) / 2)
