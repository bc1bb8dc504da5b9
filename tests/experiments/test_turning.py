"""Turned images, maps and filters against slow loops, another counter, and networks of which the answer is known."""

import numpy as np
import pytest
import torch
import torch.nn.functional as F
from torch import nn
from torch.utils.flop_counter import FlopCounterMode

from zfhelpers.experiments import turning
from zfhelpers.experiments.turning import TurnedInputs, around, multiply_adds, quarter, turned_apart, turned_filters
from zfhelpers.model import Architecture, ZFNet
from zfhelpers.worlds.world import World

SMALL = Architecture(classes=5, image_size=64, width=0.125, fc=(16, 16))


@pytest.fixture
def net():
    torch.manual_seed(0)
    return ZFNet(SMALL).eval()


@torch.no_grad()
@pytest.mark.parametrize("layer", [None, "layer6", "pool5"])
def test_four_looks_one_after_the_other(net, layer):
    images = 50 * torch.randn(3, 3, 64, 64)
    looks = []
    for turns in range(4):
        x = torch.from_numpy(np.rot90(images.numpy(), turns, (2, 3)).copy())
        for name, part in net.named_children():
            x = part(x)
            if name == layer:
                break
        looks.append(x)
    x, later = torch.stack(looks).amax(0), layer is None
    for name, part in net.named_children():
        x = part(x) if later and layer else x
        later = later or name == layer
    assert torch.allclose(TurnedInputs(net, layer)(images), x, atol=1e-5)


def test_a_part_that_is_not_there(net):
    with pytest.raises(ValueError, match="no part 'layer9'"):
        TurnedInputs(net, "layer9")


@torch.no_grad()
def test_turned_filters_find_in_a_turned_image_what_they_found_before():
    conv, image = nn.Conv2d(3, 4, 5).double(), torch.randn(1, 3, 20, 20).double()
    four = turned_filters(conv).double()
    before, after = (four(each).unflatten(1, (4, 4)) for each in (image, quarter(image)))  # filters, turns
    for turns in range(4):
        assert torch.allclose(after[:, :, (turns + 1) % 4], quarter(before[:, :, turns]), atol=1e-6)
    assert not torch.allclose(conv(quarter(image)), quarter(conv(image)), atol=1e-2)


def test_maps_that_turn_with_the_image_are_told_from_maps_that_do_not():
    images = torch.randn(6, 3, 16, 16)
    even = nn.Conv2d(3, 4, 3)
    even.weight.data = sum(quarter(even.weight.data, turns) for turns in range(4))
    both = nn.Sequential(nn.Sequential(even), nn.AdaptiveAvgPool2d(1))
    found = turned_apart(both, images, quarter(images), ["0", "1"])
    assert found["0"]["turned maps"] < 1e-5 < 0.5 < found["0"]["maps"]
    assert found["1"]["maps"] < 1e-5


def test_multiply_adds_are_half_the_flops_of_another_counter():
    net = ZFNet(Architecture(classes=5, image_size=64, width=0.125, fc=(16,), conv1=(11, 2, 0), conv2=(5, 1, 2), blur1=2)).eval()
    net.norm1 = net.norm2 = nn.Identity()  # computed as a convolution, which is no part of the network
    images = torch.zeros(2, 3, 64, 64)
    with FlopCounterMode(display=False) as counter, torch.no_grad():
        net(images)
    assert multiply_adds(net, images) == counter.get_total_flops() // 2 // 2


def test_probabilities_all_round(net, monkeypatch):
    monkeypatch.setattr(turning, "AT_ONCE", 2)
    world = World("drawn", "abcde", 64, None, mean=torch.full((3, 64, 64), 100.0))
    pictures = torch.randint(256, (3, 3, 64, 64), dtype=torch.uint8)
    found = around(net, world, lambda kind, angle: pictures.rot90(angle // 90, (2, 3)), [4, 0, 2], [0, 270])
    for row, output in enumerate([4, 0, 2]):
        with torch.no_grad():
            said = net(pictures[row].rot90(3, (1, 2))[None].float() - 100)
        assert found[row, 1] == pytest.approx(F.softmax(said, 1)[0, output].item(), abs=1e-6)
    assert found.shape == (3, 2)
