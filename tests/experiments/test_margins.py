"""Margins against a plain loop in float64, and dropout's noise against the whole network in training mode."""

import numpy as np
import pytest
import torch

from zfhelpers.experiments.margins import margins, noisy_errors
from zfhelpers.model import Architecture, ZFNet
from zfhelpers.worlds.world import ImageSet, World

IMAGES = ImageSet(np.random.default_rng(0).integers(0, 256, (40, 3, 73, 73), dtype=np.uint8), np.arange(40) % 5, 64)
WORLD = World("drawn", "abcde", 64, lambda world, split: IMAGES, mean=torch.full((3, 64, 64), 127.0))


def test_margins_one_by_one():
    logits, labels = torch.randn(20, 6), torch.arange(20) % 6
    for z, label, found in zip(logits.double().tolist(), labels.tolist(), margins(logits, labels).tolist(), strict=True):
        best = max(value for place, value in enumerate(z) if place != label)
        length = sum((value - sum(z) / 6) ** 2 for value in z) ** 0.5
        assert found == pytest.approx((z[label] - best) / length, abs=1e-5)


def test_margins_are_positive_where_the_answer_is_right_and_do_not_grow_with_the_scores():
    logits, labels = torch.randn(50, 4), torch.arange(50) % 4
    found = margins(logits, labels)
    assert torch.equal(found > 0, logits.argmax(1) == labels)
    assert torch.allclose(margins(30 * logits + 7, labels), found, atol=1e-4)
    assert found.max() <= 2**0.5


def test_noise_is_that_of_the_whole_network_in_training():
    torch.manual_seed(0)
    net = ZFNet(Architecture(classes=5, image_size=64, width=0.125, fc=(40, 40), dropout=0.5)).eval()
    net.layer8.weight.data *= 50
    found = noisy_errors(net, WORLD, IMAGES, range(40), draws=1, seed=3)
    prepared, labels = WORLD.preprocess(IMAGES.images(range(40))), torch.arange(40) % 5
    with torch.no_grad():
        clean = net(prepared)
        torch.manual_seed(3)
        noisy = net.train()(prepared)
    assert torch.allclose(found["logits"], clean, atol=1e-5)
    for key, logits in {"error": clean, "noisy": noisy}.items():
        assert found[key] == pytest.approx(100 * (logits.argmax(1) != labels).double().mean().item())
    assert found["error"] != found["noisy"]


def test_without_dropout_there_is_no_noise_and_the_network_is_left_in_evaluation_mode():
    net = ZFNet(Architecture(classes=5, image_size=64, width=0.125, fc=(40,), dropout=0.0)).eval()
    found = noisy_errors(net, WORLD, IMAGES, [5, 1, 2])
    assert found["error"] == found["noisy"]
    assert not any(part.training for part in net.modules())
