"""Maps of the methods: equal to autograd, to Captum's occlusion, and to what Deconvnet projects."""

import numpy as np
import pytest
import torch
from captum.attr import GuidedBackprop, InputXGradient
from torch import nn

import zfhelpers as zf
from zfhelpers.experiments.attribution import METHODS, importance, pictures
from zfhelpers.model import Architecture, ZFNet


def plain_net():
    torch.manual_seed(0)
    return nn.Sequential(
        nn.Conv2d(3, 6, 5, 2), nn.ReLU(), nn.MaxPool2d(3, 2), nn.Conv2d(6, 8, 3), nn.ReLU(), nn.Flatten(), nn.Linear(8 * 16, 4)
    ).eval()


NET, IMAGES, OUTPUTS = plain_net(), torch.randn(3, 3, 32, 32), [0, 3, 1]


def test_gradient_times_input_is_captums_but_for_one_factor():
    found = importance(NET, IMAGES, "gradient x input", OUTPUTS)
    theirs = InputXGradient(NET).attribute(IMAGES, target=torch.tensor(OUTPUTS)).sum(1).detach()
    with torch.no_grad():
        sizes = NET(IMAGES)[torch.arange(3), torch.tensor(OUTPUTS)].abs()
    torch.testing.assert_close(found, theirs * sizes[:, None, None], rtol=1e-4, atol=1e-5)


@pytest.mark.filterwarnings("ignore:Setting backward hooks on ReLU")
def test_guided_is_captums_where_the_logit_is_positive():
    """Captum starts with one; the logit's own sign would count before the first rectifier, were it negative."""
    with torch.no_grad():
        logits = NET(IMAGES)
        best = logits.argmax(1)
    assert (logits.amax(1) > 0).all()
    theirs = GuidedBackprop(NET).attribute(IMAGES, target=best).detach().abs().sum(1) * logits.amax(1)[:, None, None]
    torch.testing.assert_close(importance(NET, IMAGES, "guided", best.tolist()), theirs, rtol=1e-4, atol=1e-5)


def test_occlusion_is_a_loop_over_squares():
    found = importance(NET, IMAGES[:1], "occlusion", [2])[0]
    size, stride = 7, 4  # 50 and 25 of 224, at 32 px
    total, times = torch.zeros(32, 32), torch.zeros(32, 32)
    with torch.no_grad():
        whole = NET(IMAGES[:1])[0, 2]
        for top in range(0, 32 - size + 1, stride):
            for left in range(0, 32 - size + 1, stride):
                hidden = IMAGES[:1].clone()
                hidden[..., top : top + size, left : left + size] = 0
                total[top : top + size, left : left + size] += whole - NET(hidden)[0, 2]
                times[top : top + size, left : left + size] += 1
    torch.testing.assert_close(found, total / times.clamp(min=1), rtol=1e-4, atol=1e-5)


@pytest.mark.parametrize("method", METHODS)
def test_the_strongest_map_is_followed_where_no_output_is_asked_for(method):
    net = ZFNet(Architecture(classes=5, image_size=64, width=0.125, fc=(16, 16))).eval()
    images = torch.randn(2, 3, 64, 64, generator=torch.Generator().manual_seed(1)) * 60
    found = importance(net, images, method)
    assert found.shape == (2, 64, 64)
    assert not torch.equal(found, importance(net, images, method, [0, 1]))
    if method in ("deconvnet", "guided", "gradient"):
        values = zf.activations(net, images, "layer5")["layer5"]
        maps = [int(each.flatten(1).amax(1).argmax()) for each in values]
        assert torch.equal(pictures(net, images, method), zf.Deconvnet(net).project(images, "layer5", maps, rule=method))
        torch.testing.assert_close(found, pictures(net, images, method).abs().sum(1))


def test_negative_logits_turn_no_map_around():
    """Gradient times input says what speaks for an answer, also where the answer's logit is below zero."""
    net = plain_net()
    before = importance(net, IMAGES, "gradient x input", OUTPUTS)
    with torch.no_grad():
        net[-1].bias -= 1000
    after = importance(net, IMAGES, "gradient x input", OUTPUTS)
    for one, other in zip(before.flatten(1), after.flatten(1), strict=True):
        assert np.corrcoef(one, other)[0, 1] > 0.999


def test_an_unknown_method_is_refused_with_those_there_are():
    with pytest.raises(ValueError, match="There is no method 'lime'; there are deconvnet, guided, gradient, gradient x"):
        importance(NET, IMAGES, "lime", OUTPUTS)
