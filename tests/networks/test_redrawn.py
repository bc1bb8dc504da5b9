"""Nothing that was learned is left in a network that is said to be random, whatever its weights are computed from."""

from copy import deepcopy

import pytest
import torch
from torch import nn
from torch.nn import utils
from torch.nn.utils import prune

import zfhelpers as zf
from zfhelpers.experiments.randomised import cascade

pytestmark = pytest.mark.filterwarnings("ignore:.*weight_norm. is deprecated:FutureWarning")

COMPUTED = {
    "weight_norm": (utils.weight_norm, "weight_g"),
    "spectral_norm": (utils.spectral_norm, "weight_orig"),
    "prune": (lambda part: prune.l1_unstructured(part, "weight", 0.2), "weight_orig"),
    "pruned biases": (lambda part: prune.random_unstructured(part, "bias", 0.5), "bias_orig"),
}


class Scaled(nn.Conv2d):
    """Draws a weight and a bias when it is told to, and forgets what it has besides."""

    def __init__(self, *args):
        super().__init__(*args)
        self.scale = nn.Parameter(torch.full((), 3.0))

    def forward(self, x):
        return self.scale * super().forward(x)


class Whole(Scaled):
    def reset_parameters(self):
        super().reset_parameters()
        if hasattr(self, "scale"):
            self.scale.data.fill_(3.0)  # what it was; and past torch's count of changes


def net(second):
    torch.manual_seed(0)
    return nn.Sequential(nn.Conv2d(3, 8, 3), nn.ReLU(), second, nn.Flatten()).eval()


@pytest.mark.parametrize("make", [zf.untrained, lambda module: list(cascade(module))])
@pytest.mark.parametrize("kind", COMPUTED)
@pytest.mark.parametrize("ran", [False, True])
def test_weights_that_are_computed_from_others_are_refused(make, kind, ran):
    wrap, key = COMPUTED[kind]
    module = net(wrap(nn.Conv2d(8, 8, 3)))
    with torch.no_grad():
        module(torch.randn(2, 3, 9, 9)) if ran else module[2](torch.randn(1, 8, 9, 9))
    before = deepcopy(module.state_dict())
    with pytest.raises(ValueError, match=rf"^The reset_parameters of '2', a Conv2d, does not draw its {key}; where weight_norm"):
        make(module)
    assert all(torch.equal(value, before[name]) for name, value in module.state_dict().items())


@pytest.mark.parametrize("make", [zf.untrained, lambda module: list(cascade(module))[-1][1]])
def test_a_parameter_that_a_part_forgets_is_named_and_one_drawn_as_it_was_is_none(make):
    with pytest.raises(ValueError, match=r"^The reset_parameters of '2', a Scaled, does not draw its scale; .* let reset_"):
        make(net(Scaled(8, 8, 3)))
    module = net(Whole(8, 8, 3))
    blank = make(module)
    assert blank[2].scale == 3
    assert not torch.equal(blank[2].weight, module[2].weight)


@pytest.mark.parametrize("make", [zf.untrained, lambda module: list(cascade(module))])
def test_a_network_that_cannot_be_copied_is_one_sentence(make):
    with pytest.raises(ValueError, match=r"^This network cannot be copied \(Only Tensors created explicitly .* weight_norm\.$"):
        make(net(utils.weight_norm(nn.Conv2d(8, 8, 3))))


def test_statistics_without_weights_begin_anew():
    module = net(nn.BatchNorm2d(8, affine=False))
    module.train()(5 + torch.randn(20, 3, 9, 9))
    assert module[2].running_mean.any()
    assert not zf.untrained(module)[2].running_mean.any()


def plain(module, seed):
    """The same, as it is said to be: part after part."""
    other = deepcopy(module)
    torch.manual_seed(seed)
    for part in other.modules():
        if list(part.parameters(recurse=False)):
            part.reset_parameters()
        if isinstance(part, nn.Conv2d | nn.Linear):
            nn.init.kaiming_normal_(part.weight, nonlinearity="relu")
            if part.bias is not None:
                nn.init.zeros_(part.bias)
    return other


def test_ordinary_networks_are_drawn_bit_by_bit_as_before():
    from torchvision import models

    own = nn.Sequential(nn.Embedding(9, 4), nn.LSTM(4, 5), nn.PReLU(), nn.GroupNorm(1, 5), nn.Bilinear(3, 4, 5), nn.LayerNorm(5))
    tied = nn.Sequential(nn.Linear(6, 6), nn.ReLU(), nn.Linear(6, 6))
    tied[2].weight = tied[0].weight
    others = (models.squeezenet1_1(), models.resnet18(), models.mobilenet_v2(), models.densenet121())
    for module in (own, tied, *others):
        blank, expected = zf.untrained(module, 4), plain(module, 4)
        for (name, one), other in zip(blank.state_dict().items(), expected.state_dict().values(), strict=True):
            assert torch.equal(one, other), name
