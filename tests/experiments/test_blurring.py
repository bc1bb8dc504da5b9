"""A blurred stride as one convolution, and answers after small shifts, each against the two steps themselves."""

import numpy as np
import pytest
import torch
from torch import nn

from zfhelpers.experiments.blurring import kept_answers, through_blur
from zfhelpers.model import Architecture, Blur, ZFNet
from zfhelpers.worlds.world import World


@torch.no_grad()
@pytest.mark.parametrize(("kernel", "stride", "step"), [(11, 2, 2), (7, 1, 2), (5, 2, 3)])
def test_one_convolution_is_both_steps(kernel, stride, step):
    layer = nn.Sequential()
    layer.conv, layer.blur = nn.Conv2d(3, 4, kernel, stride, bias=False), Blur(step)
    image = torch.randn(1, 3, 61, 61)
    two, one = layer(image), through_blur(layer)(image)
    inside = two[..., -(-2 // step) :, -(-2 // step) :]  # the blur adds zeros around
    ahead = (-(-2 // step) * step - 2) * stride  # pixels that the first of those lies further
    one = through_blur(layer)(image[..., ahead:, ahead:])
    side = min(one.shape[-1], inside.shape[-1]) - 1
    assert side > 3
    assert torch.allclose(one[..., :side, :side], inside[..., :side, :side], atol=1e-5)


def test_a_layer_without_a_blur_is_its_own_convolution():
    net = ZFNet(Architecture(classes=5, image_size=64, width=0.125, fc=(8,)))
    assert through_blur(net.layer1) is net.layer1.conv


def test_answers_are_kept_or_not_shift_by_shift():
    torch.manual_seed(0)
    net = ZFNet(Architecture(classes=5, image_size=64, width=0.125, fc=(16,))).eval()
    for part in (net.layer6.fc, net.layer8):
        part.weight.data *= 30
    world = World("drawn", "abcde", 64, None, mean=torch.full((3, 64, 64), 127.0))
    frames = torch.from_numpy(np.random.default_rng(1).integers(0, 256, (20, 3, 73, 73), dtype=np.uint8))
    found = kept_answers(net, world, frames, [0, 1, -3])
    assert found[:, 0].all()
    for column, shift in {1: 1, 2: -3}.items():
        for row, frame in enumerate(frames):
            cuts = [frame[:, 4 - d : 68 - d, 4 - d : 68 - d] for d in (0, shift)]
            with torch.no_grad():
                still, moved = (int(net(cut[None].float() - 127).argmax()) for cut in cuts)
            assert found[row, column] == (still == moved)
    assert 0 < found.double().mean() < 1
    with pytest.raises(ValueError, match="at most 4"):
        kept_answers(net, world, frames, [5])
