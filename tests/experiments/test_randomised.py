"""Randomised layers: from the top, one more each time, on a copy; similarity of ranks as SciPy and Quantus have it."""

import numpy as np
import pytest
import torch
from scipy import stats
from torch import nn

from zfhelpers.experiments.attribution import importance
from zfhelpers.experiments.randomised import cascade, similarity
from zfhelpers.model import Architecture, ZFNet

SMALL = Architecture(classes=5, image_size=64, width=0.125, fc=(16, 16))


def small_net():
    torch.manual_seed(3)
    return nn.Sequential(
        nn.Conv2d(1, 4, 3), nn.ReLU(), nn.MaxPool2d(2), nn.Conv2d(4, 6, 3), nn.ReLU(), nn.Flatten(), nn.Linear(6 * 9, 5)
    ).eval()


def test_layers_become_random_from_the_top_and_the_network_stays_as_it_is():
    net = ZFNet(SMALL).eval()
    before, random = {name: p.clone() for name, p in net.state_dict().items()}, set()
    names = ["layer8", "layer7.fc", "layer6.fc", *(f"layer{number}.conv" for number in (5, 4, 3, 2, 1))]
    for (name, other), expected in zip(cascade(net, seed=1), names, strict=True):
        assert name == expected
        random.add(name)
        for key, values in other.state_dict().items():
            changed = not torch.equal(values, before[key])
            assert changed == (key.rpartition(".")[0] in random), key
    assert all(torch.equal(values, before[key]) for key, values in net.state_dict().items())


def test_a_seed_gives_the_same_network_again_and_leaves_the_random_state_alone():
    net, state = small_net(), torch.random.get_rng_state()
    last = [list(cascade(net, seed))[-1][1] for seed in (0, 0, 1)]
    weights = [other[0].weight for other in last]
    assert torch.equal(weights[0], weights[1])
    assert not torch.equal(weights[0], weights[2])
    assert torch.equal(torch.random.get_rng_state(), state)


def test_similarity_is_spearmans_of_absolute_values():
    first, second = torch.randn(5, 3, 6, 6), torch.randn(5, 3, 6, 6)
    second[0, 0] = first[0, 0] = 0.5  # ties
    expected = [stats.spearmanr(a.abs().flatten(), b.abs().flatten()).statistic for a, b in zip(first, second, strict=True)]
    np.testing.assert_allclose(similarity(first, second), expected, atol=1e-12)
    np.testing.assert_allclose(similarity(first, -3 * first), 1)
    noise = similarity(torch.randn(200, 400), torch.randn(200, 400))
    assert abs(noise.mean()) < 0.02
    assert similarity(torch.ones(1, 4), torch.randn(1, 4)) == 0


def test_equal_to_quantus():
    quantus = pytest.importorskip("quantus", reason="the oracles are not installed: make oracles")
    net, images, outputs = small_net(), torch.randn(3, 1, 12, 12), [0, 2, 4]

    def explain(model, inputs, targets, **_):
        return importance(model, torch.as_tensor(inputs).float(), "gradient", list(targets))[:, None].numpy()

    before = importance(net, images, "gradient", outputs)
    metric = quantus.MPRT(abs=False, normalise=False, seed=6, disable_warnings=True)  # it seeds with one more
    theirs = metric(
        model=net,
        x_batch=images.numpy(),
        y_batch=np.array(outputs),
        a_batch=before[:, None].numpy(),
        explain_func=explain,
        device="cpu",
    )
    for name, other in cascade(net, seed=7):
        ours = similarity(before, importance(other, images, "gradient", outputs))
        np.testing.assert_allclose(ours, theirs[name], atol=1e-5)
