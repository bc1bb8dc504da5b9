"""Top-k errors against sorting by hand."""

import numpy as np
import pytest
import torch

from zfhelpers.training.errors import wrong


def slowly(scores, labels, k):
    """Sort the classes of one image after the other, the first of equals first."""
    return [
        label not in sorted(range(len(row)), key=lambda place, row=row: (-row[place], place))[:k]
        for row, label in zip(scores.tolist(), labels.tolist(), strict=True)
    ]


@pytest.mark.parametrize("seed", range(5))
def test_against_sorting_by_hand(seed):
    rng = np.random.default_rng(seed)
    values = rng.integers(0, 4, (200, 6)) / 4  # with many ties
    labels = rng.integers(0, 6, 200)
    for k in (1, 2, 5, 6):
        missed = wrong(values, labels, k)
        assert isinstance(missed, np.ndarray)
        assert missed.tolist() == slowly(values, labels, k)
        for kind in (torch.float32, torch.float64, torch.bfloat16):  # quarters are exact in all of them
            of_tensors = wrong(torch.from_numpy(values).to(kind), torch.from_numpy(labels), k)
            assert isinstance(of_tensors, torch.Tensor)
            assert of_tensors.tolist() == missed.tolist()
    assert not wrong(values, labels, 6).any()
    np.testing.assert_array_equal(wrong(values, labels), values.argmax(1) != labels)


def test_what_is_no_number_is_never_right():
    nan = float("nan")
    scores = np.array([[nan, nan, nan], [nan, 1.0, 0.0], [0.0, 1.0, nan], [-np.inf, 0.0, np.inf]])
    assert wrong(scores, np.array([0, 0, 1, 2])).tolist() == [True, True, True, False]
    assert wrong(scores, np.array([0, 1, 1, 2]), k=2).tolist() == [True, False, False, False]


def test_no_image_has_no_error():
    assert wrong(np.zeros((0, 3)), np.zeros(0, int)).shape == (0,)


@pytest.mark.parametrize("k", [0, 7])
def test_more_guesses_than_classes_and_none_are_refused(k):
    for scores, labels in ((np.zeros((2, 6)), np.zeros(2, int)), (torch.zeros(2, 6), torch.zeros(2, dtype=torch.int64))):
        with pytest.raises(ValueError, match="With 6 classes k lies between 1 and that, not at"):
            wrong(scores, labels, k)
