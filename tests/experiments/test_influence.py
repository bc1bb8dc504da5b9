"""Influence against finite differences, and its extent against the computed receptive field."""

import numpy as np
import pytest
import torch
from torch import nn

from zfhelpers.experiments.influence import effective_side, influence, touched
from zfhelpers.geometry import receptive_field


@pytest.fixture(scope="module")
def net():
    torch.manual_seed(0)
    return nn.Sequential(nn.Conv2d(3, 4, 3), nn.Sigmoid(), nn.Conv2d(4, 2, 3, stride=2), nn.Sigmoid(), nn.Flatten()).double()


def test_equal_to_finite_differences(net):
    images, step = torch.rand(2, 3, 9, 9, dtype=torch.float64), 1e-6
    found = influence(net, "3", images)
    for n, y, x in [(0, 4, 4), (1, 2, 6), (0, 0, 0), (1, 8, 3)]:
        slopes = []
        for colour in range(3):
            moved = images[n : n + 1].clone()
            moved[0, colour, y, x] += step
            change = net[:4](moved)[0, :, 1, 1] - net[:4](images[n : n + 1])[0, :, 1, 1]  # 3 x 3 maps: the middle
            slopes.append(abs(change.sum().item() / step))
        assert found[n, y, x].item() == pytest.approx(sum(slopes), abs=1e-6)


def test_it_ends_where_the_computed_field_ends(net):
    box = touched(influence(net, "3", torch.rand(1, 3, 15, 15, dtype=torch.float64))[0])
    assert box == receptive_field(net, "3", 15).box(3, 3)  # 6 x 6 maps: row and column 3


def test_of_no_influence_there_is_no_box():
    assert touched(torch.zeros(4, 4)) is None


def test_a_side_is_that_of_a_square_wherever_it_lies():
    for side, start in [(10, 0), (40, 7), (41, 50)]:
        values = np.zeros((100, 100))
        values[start : start + side, 20 : 20 + side] = 3.0
        assert effective_side(values) == pytest.approx(np.sqrt(side**2 - 1))
    peaked = np.zeros((100, 100))
    peaked[30:71, 30:71] = 1 + 50 * np.outer(np.hanning(41), np.hanning(41))
    assert effective_side(peaked) < 35


def test_a_layer_without_maps_is_refused(net):
    with pytest.raises(ValueError, match="must be a layer of maps"):
        influence(net, "4", torch.rand(1, 3, 9, 9, dtype=torch.float64))
