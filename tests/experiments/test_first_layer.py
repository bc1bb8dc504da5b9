"""Measures of a first layer against loops, on networks whose answer is known."""

import numpy as np
import pytest
import torch
from torch import nn

from zfhelpers.experiments.aliasing import folded_share
from zfhelpers.experiments.first_layer import folded_by_strides, liveliest_tenth, peaks_and_scores, rms
from zfhelpers.networks.checkpoints import load


@pytest.fixture(scope="module")
def toy():
    return load("toy")


def test_rms_is_sorted_and_that_of_the_weights():
    filters = torch.randn(5, 3, 7, 7, generator=torch.Generator().manual_seed(0))
    expected = sorted((float(np.sqrt(np.mean(one.numpy() ** 2))) for one in filters), reverse=True)
    assert rms(filters).tolist() == pytest.approx(expected)


def test_one_of_ten_maps_has_all_the_activity_or_a_tenth_of_it():
    class One(nn.Module):
        def __init__(self, *weights):
            super().__init__()
            self.layer1 = nn.Conv2d(3, 10, 1, bias=False)
            self.layer1.weight.data = torch.tensor(weights)[:, None, None, None].expand(10, 3, 1, 1).clone()

        def forward(self, images):
            return self.layer1(images).mean((2, 3))

    images = torch.randn(60, 3, 8, 8, generator=torch.Generator().manual_seed(0))
    assert liveliest_tenth(One(*[0.0] * 9, 2.0), images) == pytest.approx(100)
    assert liveliest_tenth(One(*[1.0] * 10), images) == pytest.approx(10)


def test_one_pass_finds_what_single_images_give(toy):
    net, world = toy
    indices = [3, 900, 17, 400, 5]
    peaks, scores = peaks_and_scores(net, world, indices, at_once=2)
    maps, said = {"layer1": [], "layer2": []}, []
    handles = [getattr(net, name).register_forward_hook(lambda _, __, out, name=name: maps[name].append(out)) for name in maps]
    with torch.no_grad():
        for index in indices:
            said.append(net(world.preprocess(world.val[index][0])[None]))
    for handle in handles:
        handle.remove()
    assert torch.allclose(scores, torch.cat(said), atol=1e-3)
    for layer, each in maps.items():
        assert torch.allclose(peaks[layer], torch.cat(each).amax((0, 2, 3)), rtol=1e-4)


def test_of_another_network_the_first_convolution_alone_is_measured(toy):
    net, world = toy
    images = world.preprocess(world.val.images([0, 1]))
    found = folded_by_strides(net, images)
    assert list(found) == ["layer1", "layer2"]
    assert found["layer1"] == pytest.approx(float(100 * folded_share(net.layer1.conv, images).nanmean()))
    other = nn.Sequential(nn.Conv2d(3, 4, 5, stride=4), nn.ReLU(), nn.Conv2d(4, 4, 3, stride=2))
    assert list(folded_by_strides(other, images)) == ["layer1"]
