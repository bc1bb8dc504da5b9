"""Aliasing against gratings whose folding is known, and against a loop over images and shifts."""

import math

import pytest
import torch
from torch import nn

from zfhelpers.experiments.aliasing import folded_share, shift_change
from zfhelpers.hooks import activations
from zfhelpers.model import Architecture, ZFNet
from zfhelpers.worlds.opening import open_world


def grating(cycles: float, side: int = 96, along: int = 1) -> torch.Tensor:
    """A wave of so many cycles per pixel along one axis, (1, 1, side, side)."""
    wave = torch.sin(2 * math.pi * cycles * torch.arange(side) + 0.4)
    return (wave[None, :] if along else wave[:, None]).expand(side, side)[None, None].clone()


def passing(stride: int) -> nn.Conv2d:
    """One filter that lets everything through unchanged."""
    conv = nn.Conv2d(1, 1, 3, stride, bias=False)
    nn.init.dirac_(conv.weight)
    return conv


@pytest.mark.parametrize("along", [0, 1])
@pytest.mark.parametrize(("cycles", "stride", "share"), [(0.2, 2, 0), (0.3, 2, 1), (0.1, 4, 0), (0.2, 4, 1), (0.4, 1, 0)])
def test_a_grating_folds_where_the_stride_cannot_hold_it(cycles, stride, share, along):
    assert folded_share(passing(stride), grating(cycles, along=along))[0] == pytest.approx(share, abs=1e-3)


def test_two_gratings_share_by_their_squared_amplitudes():
    both = 2 * grating(0.1) + grating(0.4, along=0)
    assert folded_share(passing(2), both)[0] == pytest.approx(1 / 5, abs=1e-3)


def test_a_folded_grating_really_turns_into_another():
    """What the share stands for: sampled every second pixel, 0.4 cycles per pixel are 0.2 of what is left, that is 0.1."""
    fine, coarse = grating(0.4)[..., ::2], grating(0.1)[..., ::2]
    peaks = [torch.fft.rfft(wave[0, 0, 0] * torch.hann_window(48)).abs().argmax() for wave in (fine, coarse)]
    assert peaks[0] == peaks[1]


def test_filters_are_measured_one_by_one_and_images_added_up():
    torch.manual_seed(0)
    conv = nn.Conv2d(3, 4, 5, 2)
    nn.init.zeros_(conv.weight[3])
    images = torch.randn(3, 3, 40, 40)
    together = folded_share(conv, images)
    assert together[3].isnan()
    parts = torch.stack([folded_share(conv, image[None]) for image in images])[:, :3]
    assert (parts.amin(0) <= together[:3]).all()
    assert (together[:3] <= parts.amax(0)).all()
    assert ((together[:3] > 0.6) & (together[:3] < 0.9)).all()  # noise: 3/4 of the square lies outside the half of it


@pytest.fixture(scope="module")
def network():
    torch.manual_seed(1)
    net = ZFNet(Architecture(classes=3, image_size=128, width=0.05, fc=(8, 8))).eval()
    frames = torch.randint(0, 256, (3, 3, 146, 146), dtype=torch.uint8)
    return net, open_world("toy", mean=torch.full((3, 128, 128), 100.0)), frames


def test_equal_to_one_image_and_one_shift_at_a_time(network):
    net, world, frames = network
    shifts = [0, 1, 4, 9, -9]
    change = shift_change(net, world, frames, "layer2", shifts)
    for i in range(3):
        sums = {}
        for d in shifts:
            crop = frames[i, :, 9 - d : 137 - d, 9 - d : 137 - d].float() - 100
            sums[d] = activations(net, crop[None], "layer2")["layer2"][0].double().sum((1, 2))
        for column, d in enumerate(shifts):
            expected = math.sqrt(float(((sums[d] - sums[0]) ** 2).sum() / (sums[0] ** 2).sum()))
            assert float(change[i, column]) == pytest.approx(expected, rel=1e-4, abs=1e-6)
    assert (change[:, 0] == 0).all()


def test_a_pattern_that_repeats_with_the_step_comes_back(network):
    net, world, _ = network
    tile = torch.randint(0, 256, (1, 3, 8, 8), dtype=torch.uint8)
    change = shift_change(net, world, tile.repeat(1, 1, 19, 19)[..., :146, :146], "layer2", [4, 8])[0]
    assert change[1] < 1e-5 < change[0]


def test_bad_input(network):
    net, world, frames = network
    with pytest.raises(ValueError, match="Frames of 146 pixels let an image of 128 move by at most 9"):
        shift_change(net, world, frames, "layer2", [0, 10])
    with pytest.raises(ValueError, match="same along both axes"):
        folded_share(nn.Conv2d(1, 1, 3, (1, 2)), torch.zeros(1, 1, 8, 8))
    with pytest.raises(ValueError, match="larger than the filters"):
        folded_share(passing(2), torch.zeros(1, 1, 2, 2))
