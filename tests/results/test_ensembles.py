"""Ensembles against one image, one view and one class at a time, in float64 and plain Python."""

import math

import numpy as np
import pytest
import torch
from torch import nn

from zfhelpers.experiments import classification
from zfhelpers.experiments.classification import AT_ONCE, average, one_crop, probabilities, ten_crops, view_probabilities
from zfhelpers.model import Architecture, ZFNet
from zfhelpers.worlds.world import ImageSet, World

COUNT = AT_ONCE + 3


@pytest.fixture(scope="module")
def world():
    rng = np.random.default_rng(0)
    patches = rng.integers(0, 256, (COUNT, 3, 8, 8), dtype=np.uint8).repeat(10, axis=2).repeat(10, axis=3)[..., :73, :73]
    images = ImageSet(patches, np.arange(COUNT) % 5, 64)
    return World("tiny", "abcde", 64, lambda _, split: images, mean=torch.from_numpy(rng.random((3, 64, 64)) * 200))


@pytest.fixture(scope="module")
def nets():
    found = []
    for seed in range(2):
        torch.manual_seed(seed)
        net = ZFNet(Architecture(classes=5, image_size=64, width=0.125, fc=(8, 8))).eval()
        for layer in net.modules():
            if isinstance(layer, nn.Linear):
                layer.weight.data *= 5  # so that untrained networks have opinions
        found.append(net)
    return found


def by_hand(net, world, frame, top, left, mirrored):
    """Softmax of one crop, in float64, with nothing of the package but the network."""
    crop = frame[:, top : top + 64, left : left + 64].astype(np.float64)
    crop = (crop[:, :, ::-1] if mirrored else crop) - world.mean.double().numpy()
    with torch.no_grad():
        logits = net.double()(torch.from_numpy(crop.copy())[None])[0].tolist()
    net.float()
    top_one = max(logits)
    powers = [math.exp(one - top_one) for one in logits]
    return [one / sum(powers) for one in powers]


VIEWS = [(top, left, mirrored) for mirrored in (False, True) for top, left in ((0, 0), (0, 9), (9, 0), (9, 9), (4, 4))]


def test_views_are_those_of_the_paper_one_by_one(nets, world):
    rows = [0, 7, COUNT - 1]
    found = view_probabilities(nets[0], world, world.val, rows)
    assert found.shape == (3, 10, 5)
    for got, row in zip(found, rows, strict=True):
        expected = [by_hand(nets[0], world, world.val.frames[row], *view) for view in VIEWS]
        np.testing.assert_allclose(got, expected, atol=2e-5)
    assert np.ptp(found, axis=1).max() > 0.01  # the views do differ


def test_one_crop_is_the_centre_and_ten_crops_the_mean(nets, world):
    views = view_probabilities(nets[0], world, world.val)
    np.testing.assert_allclose(one_crop(views), probabilities(nets[0], world, world.val), atol=1e-5)
    np.testing.assert_allclose(ten_crops(views)[COUNT - 1], sum(views[COUNT - 1, v] for v in range(10)) / 10, atol=1e-6)


def test_an_ensemble_averages_probabilities_not_logits(nets, world):
    both = average(probabilities(net, world, world.val, [3]) for net in nets)
    each = [by_hand(net, world, world.val.frames[3], 4, 4, False) for net in nets]
    np.testing.assert_allclose(both[0], [(one + other) / 2 for one, other in zip(*each, strict=True)], atol=2e-5)


def test_every_member_counts_the_same():
    members = [np.array([[0.9, 0.1]]), np.array([[0.2, 0.8]]), np.array([[0.1, 0.9]])]
    np.testing.assert_allclose(average(members), [[0.4, 0.6]])


def test_an_ensemble_of_different_sets_is_refused():
    with pytest.raises(ValueError, match="same images"):
        average([np.zeros((2, 5)), np.zeros((3, 5))])
    with pytest.raises(ValueError, match="same images"):
        average([])


def test_training_mode_and_empty_sets_are_refused(nets, world):
    with pytest.raises(ValueError, match="training mode"):
        probabilities(ZFNet(Architecture(classes=5, image_size=64, width=0.125, fc=())), world, world.val)
    with pytest.raises(ValueError, match="no image"):
        probabilities(nets[0], world, world.val, [])


def test_nothing_larger_than_a_batch_is_held(nets, world, monkeypatch):
    sizes = []
    handle = nets[0].register_forward_pre_hook(lambda module, inputs: sizes.append(len(inputs[0])))
    monkeypatch.setattr(classification, "AT_ONCE", 20)
    view_probabilities(nets[0], world, world.val)
    handle.remove()
    assert max(sizes) <= 20
    assert sum(sizes) == 10 * COUNT + 5  # five first, to see that each is answered by itself
