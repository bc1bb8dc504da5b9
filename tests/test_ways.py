"""Every other rectifier and step: under the rule "gradient" what autograd says, under the others by a stated rule, or refused."""

import math

import pytest
import torch
import torch.nn.functional as F
from torch import nn

from zfhelpers.deconv import Deconvnet

ACTIVATIONS = {
    "leaky": nn.LeakyReLU(0.2),
    "leaky in place": nn.LeakyReLU(0.2, inplace=True),
    "prelu": nn.PReLU(4),
    "elu": nn.ELU(),
    "elu in place": nn.ELU(inplace=True),
    "celu": nn.CELU(),
    "selu": nn.SELU(),
    "silu": nn.SiLU(),
    "silu in place": nn.SiLU(inplace=True),
    "gelu": nn.GELU(),
    "gelu by tanh": nn.GELU("tanh"),
    "mish": nn.Mish(),
    "softplus": nn.Softplus(),
    "sigmoid": nn.Sigmoid(),
    "log sigmoid": nn.LogSigmoid(),
    "tanh": nn.Tanh(),
    "softsign": nn.Softsign(),
    "hardswish": nn.Hardswish(),
    "hardswish in place": nn.Hardswish(inplace=True),
    "hardsigmoid": nn.Hardsigmoid(),
    "hardtanh": nn.Hardtanh(),
    "threshold": nn.Threshold(0.1, -1),
    "hardshrink": nn.Hardshrink(),
    "glu": nn.GLU(1),
    "softmax": nn.Softmax2d(),
    "layer norm": nn.LayerNorm(10),
    "group norm": nn.GroupNorm(2, 4),
    "instance norm": nn.InstanceNorm2d(4, affine=True),
}


class Step(nn.Module):
    def __init__(self, function):
        super().__init__()
        self.function = function

    def forward(self, x):
        return self.function(x)


STEPS = {  # more that only the gradient goes back through
    "squeeze and excitation": lambda x: x * x.mean((2, 3), keepdim=True).sigmoid(),
    "quotient": lambda x: x / (1 + x.square().sum(1, keepdim=True)),
    "attention": lambda x: F.scaled_dot_product_attention(*[x.flatten(2)] * 3).reshape(x.shape),
    "matrix product": lambda x: x @ x.transpose(2, 3),
    "einsum": lambda x: torch.einsum("nchw,nchv->ncwv", x, x),
    "clamped both ways": lambda x: x.clamp(-0.2, 0.3),
    "normalised": lambda x: F.normalize(x, dim=1),
    "largest over space": lambda x: x.amax((2, 3), keepdim=True) + x,
    "sorted": lambda x: x.sort(dim=3).values,
    "where": lambda x: torch.where(x > 0.1, x, 0.5 * x),
    "hand-written leaky": lambda x: torch.maximum(x, 0.1 * x),
    "exponent": lambda x: x.exp().log1p(),
    "complex": lambda x: torch.fft.fft2(x).abs(),
    "grid sample": lambda x: F.grid_sample(x, x[:, :2].movedim(1, -1).tanh(), align_corners=False),
}
OTHERS = ACTIVATIONS | {name: Step(function) for name, function in STEPS.items()}


def between(step):
    """conv, the step, conv; in double precision."""
    torch.manual_seed(0)
    net = nn.Sequential(nn.Conv2d(3, 4, 3), step, nn.LazyConv2d(4, 3, padding=1)).double().eval()
    net(torch.zeros(2, 3, 12, 12, dtype=torch.float64))
    return net


def by_autograd(net, image, number, place):
    pixels = image[None].clone().requires_grad_()
    value = net(pixels)[0, number][place]
    return value.detach() * torch.autograd.grad(value, pixels)[0][0]


@pytest.mark.parametrize("name", OTHERS)
def test_the_gradient_goes_back_through_everything(name):
    net, images = between(OTHERS[name]), torch.randn(3, 3, 12, 12, dtype=torch.float64)
    with torch.no_grad():
        height, width = net(images).shape[2:]
    index, maps, places = [2, 0, 2, 1], [0, 1, 3, 2], [(0, 0), (height // 2, width // 2), (height - 1, 0), (0, width - 1)]
    pictures = Deconvnet(net).project(images, "2", maps, places, rule="gradient", image_index=index)
    for picture, image, number, place in zip(pictures, index, maps, places, strict=True):
        expected = by_autograd(net, images[image], number, place)
        assert (picture - expected).norm() <= 1e-9 * expected.norm()
        assert expected.norm() > 0


@pytest.mark.parametrize("rule", ["deconvnet", "guided"])
@pytest.mark.parametrize("name", OTHERS)
def test_other_rules_say_which_rule_does(name, rule):
    net = between(OTHERS[name])
    image = torch.randn(1, 3, 12, 12, dtype=torch.float64)
    with pytest.raises(NotImplementedError, match=r"cannot go back through .*; rule='gradient' goes back through"):
        Deconvnet(net).project(image, "2", [0], rule=rule)


CEILING = {
    "relu6": nn.ReLU6(),
    "relu6 in place": nn.ReLU6(inplace=True),
    "function": Step(lambda x: F.relu6(x, True)),
    "hardtanh": nn.Hardtanh(0, 6),
    "hardtanh in place": Step(lambda x: F.hardtanh_(x, 0.0, 6.0)),
    "clamp": Step(lambda x: x.clamp(0, 6)),
    "clip": Step(lambda x: torch.clip(x, min=0, max=6)),
}


class Capped(torch.autograd.Function):
    """A ReLU with a ceiling of 6 whose backward pass is that of a rule."""

    @staticmethod
    def forward(ctx, x, rule):
        ctx.rule = rule
        ctx.save_for_backward((x > 0) & (x < 6))
        return x.clamp(0, 6)

    @staticmethod
    def backward(ctx, signal):
        (active,) = ctx.saved_tensors
        signal = signal if ctx.rule == "gradient" else signal.relu()
        return (signal if ctx.rule == "deconvnet" else signal * active), None


@pytest.mark.parametrize("rule", ["deconvnet", "guided", "gradient"])
@pytest.mark.parametrize("name", CEILING)
def test_a_relu_with_a_ceiling_is_a_relu(name, rule):
    """Its maps are not negative either, so the signal is rectified on the way down; the forward mask alone knows the ceiling."""
    torch.manual_seed(0)
    first, second = nn.Conv2d(3, 8, 3).double(), nn.Conv2d(8, 4, 3).double()
    net, image = nn.Sequential(first, CEILING[name], second).eval(), 20 * torch.randn(1, 3, 12, 12, dtype=torch.float64)
    pixels = image.clone().requires_grad_()
    value = second(Capped.apply(first(pixels), rule))[0, 2, 3, 3]
    expected = value.detach().abs() * torch.autograd.grad(value, pixels)[0]
    if value < 0:  # a negative value goes down as it is
        expected = -expected if rule == "gradient" else None
    if expected is None:
        pytest.fail("choose a seed whose value is positive")
    picture = Deconvnet(net).project(image, "2", [2], [(3, 3)], rule=rule)
    assert (picture - expected).norm() <= 1e-12 * expected.norm()
    assert 0 < float((first(image) > 6).double().mean()) < 1


ROWS = {  # an image's row that depends on other images: no rule goes back through it
    "softmax over images": lambda x: x.softmax(0),
    "images centred": lambda x: x - x.mean(0, keepdim=True),
    "batch norm by the batch": lambda x: F.batch_norm(x, None, None, training=True),
    "normalised over images": lambda x: F.normalize(x, dim=0),
    "previous image": lambda x: x.roll(1, 0).exp(),
    "cumulative": lambda x: x.cumsum(0),
    "dropout": lambda x: F.dropout(x, 0.5),
    "a weight for each image": lambda x: x * torch.arange(1.0, len(x) + 1, dtype=x.dtype).reshape(-1, 1, 1, 1).sigmoid(),
}


@pytest.mark.parametrize("count", [2, 3])
@pytest.mark.parametrize("name", ROWS)
def test_rows_that_depend_on_each_other_are_refused_under_every_rule(name, count):
    net, images = between(Step(ROWS[name])), torch.randn(count, 3, 12, 12, dtype=torch.float64)
    for rule in ("deconvnet", "guided", "gradient"):
        with pytest.raises(NotImplementedError, match="cannot go back through"):
            Deconvnet(net).project(images, "2", [0] * count, rule=rule)


def test_a_negative_ceiling_or_slope_is_no_rectifier():
    for step in (nn.Hardtanh(-1, 1), Step(lambda x: x.clamp(-math.inf, 6)), Step(lambda x: x.clamp(max=0))):
        with pytest.raises(NotImplementedError, match=r"rectifier|ReLU"):
            Deconvnet(between(step)).project(torch.randn(1, 3, 12, 12, dtype=torch.float64), "2", [0])


class Reversed(torch.autograd.Function):
    @staticmethod
    def forward(ctx, x):
        return x * 1.0

    @staticmethod
    def backward(ctx, signal):
        return -signal


class SignStraightThrough(torch.autograd.Function):
    @staticmethod
    def forward(ctx, x):
        return x.sign()

    @staticmethod
    def backward(ctx, signal):
        return signal


def frozen(x):
    with torch.no_grad():
        return x.sin()


TRAINING = {
    "reversed gradient": Reversed.apply,
    "straight through": SignStraightThrough.apply,
    "straight through by detaching": lambda x: x + (x.round() - x).detach(),
    "detached": lambda x: 2 * x + (3 * x.exp()).detach(),
    "frozen": frozen,
}


@pytest.mark.parametrize("name", TRAINING)
def test_what_is_said_for_training_changes_no_gradient(name):
    """It is that of the values, by finite differences."""
    net, image = between(Step(TRAINING[name])), torch.randn(1, 3, 12, 12, dtype=torch.float64)
    with torch.no_grad():
        picture = Deconvnet(net).project(image, "2", [1], [(4, 4)], rule="gradient")
        value = net(image)[0, 1, 4, 4]
        for place in ((0, 0, 4, 4), (0, 1, 5, 5), (0, 2, 3, 6)):
            step = torch.zeros_like(image)
            step[place] = 1e-6
            slope = (net(image + step) - net(image - step))[0, 1, 4, 4] / 2e-6
            assert float(picture[place]) == pytest.approx(float(value * slope), rel=1e-6, abs=1e-8)


@pytest.mark.parametrize("frozen", [False, True])
def test_a_table_whose_index_comes_from_the_image(frozen):
    """As in vector quantisation: autograd goes no way back through an index, and the signal ends there."""
    torch.manual_seed(0)
    table, beside = torch.randn(8, 4, dtype=torch.float64, requires_grad=not frozen), Step(lambda x: 2 * x)

    def looked_up(x):
        return F.embedding((x[:, 0] * 2).long().clamp(0, 7), table).permute(0, 3, 1, 2)

    image = torch.randn(2, 3, 12, 12, dtype=torch.float64)
    with_table = between(Step(lambda x: looked_up(x) + beside(x)))
    picture = Deconvnet(with_table).project(image, "2", [1, 0], [(4, 4)] * 2, rule="gradient")
    for row, number in enumerate((1, 0)):
        expected = by_autograd(with_table, image[row], number, (4, 4))
        assert (picture[row] - expected).norm() <= 1e-9 * expected.norm()
    table_alone = Deconvnet(between(Step(looked_up))).project(image, "2", [1, 0], rule="gradient")
    assert table_alone.shape == image.shape
    assert not table_alone.any()


FOLDED = {
    "view": lambda v: torch.stack(list(v)).view(1, -1, 1, 1),
    "reshape": lambda v: v.reshape(1, -1, 1, 1),
    "unsqueezed": lambda v: v[None].unflatten(1, (4, 1)).unsqueeze(-1),
    "unflatten": lambda v: v.flatten(0).unsqueeze(0).unsqueeze(2).unsqueeze(3),
}


@pytest.mark.parametrize("name", FOLDED)
def test_a_batch_axis_that_went_away_and_came_back(name):
    net = between(Step(lambda x: x * FOLDED[name](x.mean((0, 2, 3)))))
    with pytest.raises(NotImplementedError, match="batch axis"):
        Deconvnet(net).project(torch.randn(1, 3, 12, 12, dtype=torch.float64), "2", [0], rule="gradient")
