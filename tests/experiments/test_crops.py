"""One crop of an image or ten, and a softmax on their features, against the same steps one by one."""

import numpy as np
import pytest
import torch
from sklearn.linear_model import LogisticRegression

import zfhelpers as zf
from zfhelpers.experiments.crops import chosen, softmax_accuracy, ten_crops

NET, WORLD = zf.load("toy")


def test_ten_crops_are_the_worlds_as_pixels():
    ten = ten_crops(WORLD, WORLD.val, [4, 9])
    frames = torch.from_numpy(np.array(WORLD.val.frames[[4, 9]]))
    expected = WORLD.ten_crop(frames).flatten(0, 1)
    assert torch.allclose(WORLD.preprocess(ten.images(range(20))), expected, atol=0.6)  # rounded to whole grey levels
    assert ten.labels.tolist() == np.repeat(WORLD.val.labels[[4, 9]], 10).tolist()


def test_a_softmax_learns_from_one_set_and_is_tested_on_another(monkeypatch, tmp_path):
    monkeypatch.setenv("ZF_CACHE", str(tmp_path))
    rows = np.flatnonzero(WORLD.val.labels < 3)[:90]
    learnt, test = chosen(WORLD.val, rows[:60]), chosen(WORLD.val, rows[60:])
    both = softmax_accuracy(NET, WORLD, ["layer5", "layer7"], learnt, test, cost=10.0)
    found, (low, high) = both["layer7"]
    monkeypatch.setenv("ZF_CACHE", str(tmp_path / "again"))
    assert both["layer5"] == softmax_accuracy(NET, WORLD, "layer5", learnt, test, cost=10.0)["layer5"]
    here, there = (
        zf.activations(NET, WORLD.preprocess(some.images(range(len(some)))), "layer7")["layer7"] for some in (learnt, test)
    )
    mean = here.mean(0)
    scale = (here - mean).square().sum(1).mean().sqrt()
    model = LogisticRegression(C=10.0, max_iter=2000).fit((here - mean) / scale, learnt.labels)
    right = model.predict((there - mean) / scale) == test.labels
    each = [right[test.labels == label].mean() for label in np.unique(test.labels)]
    assert found == pytest.approx(100 * np.mean(each), abs=4)  # half precision may move one image
    assert low <= 100 * right.mean() <= high
