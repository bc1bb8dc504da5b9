"""Scores of pictures of importance: equal to slow loops and to Quantus, and at chance for noise."""

import itertools

import numpy as np
import pytest
import torch
from torch import nn

from zfhelpers.experiments.localisation import area, blurred, exchange, mass_accuracy, pointing, rank_accuracy

RNG = np.random.default_rng(0)


def some(count=6, side=9, share=0.3):
    """Maps without two equal values, some of them negative, and masks."""
    masks = RNG.random((count, side, side)) < share
    return RNG.normal(size=(count, side, side)), masks


def loops(values, mask):
    """Mass accuracy, rank accuracy and pointing of one map, pixel by pixel."""
    pixels = list(itertools.product(range(values.shape[0]), range(values.shape[1])))
    inside = sum(max(values[p], 0) for p in pixels if mask[p])
    total = sum(max(values[p], 0) for p in pixels)
    ranked = sorted(pixels, key=lambda p: -values[p])
    size = sum(bool(mask[p]) for p in pixels)
    return inside / total, sum(bool(mask[p]) for p in ranked[:size]) / size, bool(mask[ranked[0]])


def test_equal_to_slow_loops():
    values, masks = some()
    found = mass_accuracy(values, masks), rank_accuracy(values, masks), pointing(torch.from_numpy(values), masks)
    for row in zip(*found, values, masks, strict=True):
        np.testing.assert_allclose(row[:3], loops(*row[3:]))


def test_noise_scores_the_share_of_the_mask_and_a_map_of_the_mask_scores_one():
    masks = np.zeros((300, 20, 20), bool)
    masks[:, 4:12, 6:14] = True  # 16 %
    noise = RNG.random(masks.shape)
    for score in (mass_accuracy, rank_accuracy, pointing):
        assert score(noise, masks).mean() == pytest.approx(0.16, abs=0.06)
        assert score(masks * 1.0, masks).min() == 1
    assert rank_accuracy(np.ones(masks.shape), masks).mean() == pytest.approx(0.16, abs=0.06)  # of equals any may be first


def test_what_cannot_be_scored():
    values, masks = some(2)
    masks[1] = False
    with pytest.raises(ValueError, match="A mask is empty"):
        mass_accuracy(values, masks)
    with pytest.raises(ValueError, match=r"not \(2, 9, 9\) and \(9, 9\)"):
        pointing(values, masks[0])
    assert np.isnan(mass_accuracy(-np.ones((1, 2, 2)), np.ones((1, 2, 2), bool))).all()


def small_net(channels=1, side=8):
    torch.manual_seed(0)
    return nn.Sequential(nn.Conv2d(channels, 4, 3), nn.ReLU(), nn.Flatten(), nn.Linear(4 * (side - 2) ** 2, 5)).eval()


def test_exchange_is_a_loop_over_pixels():
    net, image, other = small_net(3), torch.randn(3, 8, 8), torch.randn(3, 8, 8)
    importance = RNG.permutation(64).reshape(8, 8)
    ranked = sorted(itertools.product(range(8), range(8)), key=lambda p: -importance[p])
    curve, now = [], image.clone()
    for step in range(8 + 1):
        with torch.no_grad():
            curve.append(float(net(now[None]).softmax(1)[0, 2]))
        for row, column in ranked[8 * step : 8 * step + 8]:
            now[:, row, column] = other[:, row, column]
    np.testing.assert_allclose(exchange(net, image, other, importance, 2, steps=8), curve, atol=1e-6)
    np.testing.assert_allclose(curve[-1], float(net(other[None]).softmax(1)[0, 2].detach()), atol=1e-6)


def test_equals_are_exchanged_in_reading_order():
    net = nn.Sequential(nn.Flatten(), nn.Linear(4, 2, bias=False))
    with torch.no_grad():
        net[1].weight.copy_(torch.tensor([[9.0, 0, 0, 0], [0, 0, 0, 0]]))
    curve = exchange(net, torch.ones(1, 2, 2), torch.zeros(1, 2, 2), np.zeros((2, 2)), 0, steps=4)
    assert (curve[1:] == 0.5).all()


def test_blurring_keeps_what_is_flat_and_loses_what_is_fine():
    assert torch.allclose(blurred(torch.full((3, 20, 20), 7.0)), torch.tensor(7.0))
    stripes = torch.arange(32).remainder(2).float().expand(1, 32, 32) * 2 - 1
    assert blurred(stripes).abs().max() < 0.05
    edge = torch.cat([torch.zeros(1, 32, 16), torch.ones(1, 32, 16)], 2)
    line = blurred(edge)[0, 16]
    assert (line.diff() >= 0).all()
    assert line[0] < 0.02
    assert line[-1] > 0.98


def test_area_is_the_mean_between_neighbours():
    curve = RNG.random(11)
    assert area(curve) == pytest.approx(np.mean([(a + b) / 2 for a, b in itertools.pairwise(curve)]))


# ------------------------------------------------------------------------------------------------------ Quantus, an oracle


@pytest.mark.parametrize("name", ["RelevanceMassAccuracy", "RelevanceRankAccuracy", "PointingGame"])
def test_equal_to_quantus(name):
    quantus = pytest.importorskip("quantus", reason="the oracles are not installed: make oracles")
    ours = {"RelevanceMassAccuracy": mass_accuracy, "RelevanceRankAccuracy": rank_accuracy, "PointingGame": pointing}[name]
    values, masks = some(8, 10)
    values = np.abs(values)  # Arras and others pool to positive values; Quantus would divide by a sum that may vanish
    metric = getattr(quantus, name)(abs=False, normalise=False, disable_warnings=True)
    theirs = metric(
        model=small_net(1, 10),
        x_batch=np.zeros((8, 1, 10, 10), np.float32),
        y_batch=np.zeros(8, int),
        a_batch=values[:, None],
        s_batch=masks[:, None],
        device="cpu",
    )
    np.testing.assert_allclose(np.array(theirs, dtype=float).ravel(), ours(values, masks), atol=1e-5)


def test_deletion_is_pixel_flipping_of_quantus():
    quantus = pytest.importorskip("quantus", reason="the oracles are not installed: make oracles")
    net, images = small_net(), torch.randn(3, 1, 8, 8)
    maps, outputs = RNG.normal(size=(3, 8, 8)), [0, 3, 4]
    metric = quantus.PixelFlipping(features_in_step=4, abs=False, normalise=False, perturb_baseline=0.0, disable_warnings=True)
    theirs = metric(
        model=net, x_batch=images.numpy(), y_batch=np.array(outputs), a_batch=maps[:, None], device="cpu", softmax=True
    )
    for image, values, output, curve in zip(images, maps, outputs, theirs, strict=True):
        ours = exchange(net, image, torch.zeros_like(image), values, output, steps=16)
        np.testing.assert_allclose(ours[1:], curve, atol=1e-5)
