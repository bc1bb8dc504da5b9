"""Every projection is recomputed by another route: loops, autograd with other ReLUs, Captum, or the adjoint identity."""

from contextlib import closing

import pytest
import torch
import torch.nn.functional as F
import torchvision
from captum.attr import Deconvolution, GuidedBackprop
from hypothesis import assume, given, settings
from hypothesis import strategies as st
from torch import nn

from zfhelpers import deconv, model, tape
from zfhelpers.deconv import Deconvnet, unpool
from zfhelpers.hooks import find_layer
from zfhelpers.model import Architecture, ZFNet


@pytest.fixture(autouse=True)
def _seed():
    torch.manual_seed(0)


def random_images(count=1, size=24):
    return torch.randn(count, 3, size, size, dtype=torch.float64)


def small_net():
    net = nn.Sequential(
        nn.Conv2d(3, 6, 3, padding=1),
        nn.ReLU(),
        nn.MaxPool2d(3, 2, ceil_mode=True),
        nn.Conv2d(6, 8, 3, stride=2),
        nn.ReLU(inplace=True),
    )
    return net.double().eval()


def value_of(net, layer, images):
    """The layer's output at its first call, still connected to the images."""
    seen = []
    hook = find_layer(net, layer).register_forward_hook(lambda module, inputs, out: seen.append(out.clone()))
    net(images)
    hook.remove()
    return seen[0]


def live_maps(net, layer, images, count=2):
    with torch.no_grad():
        units = value_of(net, layer, images)[0]
        return units.reshape(len(units), -1).amax(1).topk(count).indices.tolist()


class ReluOfTheSignal(torch.autograd.Function):
    """A ReLU whose backward pass is the deconvnet's or, with `guided`, that of guided back-propagation."""

    @staticmethod
    def forward(ctx, x, guided):
        ctx.save_for_backward(x > 0)
        ctx.guided = guided
        return x.clamp(min=0)

    @staticmethod
    def backward(ctx, signal):
        (active,) = ctx.saved_tensors
        return signal.clamp(min=0) * (active if ctx.guided else 1), None


def by_autograd(net, layer, image, a_map, rule):
    """One projection by back-propagation through a network in which `F.relu` and the contrast normalisation were exchanged."""

    def straight_through(x, *arguments, **options):
        return x + (normalise(x, *arguments, **options) - x).detach()

    normalise = model.contrast_norm
    with pytest.MonkeyPatch.context() as patch:
        patch.setattr(model, "contrast_norm", straight_through)
        if rule != "gradient":
            patch.setattr(F, "relu", lambda x, inplace=False: ReluOfTheSignal.apply(x, rule == "guided"))
        image = image.clone().requires_grad_()
        units = value_of(net, layer, image)[0, a_map]
        peak = units.max()
        return (torch.autograd.grad(peak, image)[0] * peak).detach()


def close(actual, expected, rel=1e-9):
    assert expected.norm() > 0, "an empty picture proves nothing"
    assert (actual - expected).norm() <= rel * expected.norm()


# ----------------------------------------------------------------------------------------------------- unpool


@st.composite
def pools(draw):
    kernel = draw(st.tuples(st.integers(1, 4), st.integers(1, 4)))
    padding = tuple(draw(st.integers(0, k // 2)) for k in kernel)
    stride = draw(st.tuples(st.integers(1, 4), st.integers(1, 4)))
    dilation = draw(st.integers(1, 2))
    size = tuple(draw(st.integers(max(dilation * (k - 1) + 1 - 2 * p, 1), 13)) for k, p in zip(kernel, padding, strict=True))
    return size, {
        "kernel_size": kernel,
        "stride": stride,
        "padding": padding,
        "dilation": dilation,
        "ceil_mode": draw(st.booleans()),
    }


@settings(max_examples=200, deadline=None)
@given(pools(), st.integers(0, 2**32))
def test_unpool_is_the_adjoint_of_pooling(pool, seed):
    size, options = pool
    x = torch.randn(2, 3, *size, dtype=torch.float64, generator=torch.Generator().manual_seed(seed))
    pooled, switches = F.max_pool2d(x, **options, return_indices=True)
    assume(pooled.isfinite().all())  # a dilated window may lie in the border with every tap, and then has no maximum
    y = torch.randn(pooled.shape, dtype=torch.float64, generator=torch.Generator().manual_seed(seed + 1))
    up, down = (unpool(y, switches, size) * x).sum(), (y * pooled).sum()
    assert abs(up - down) <= 1e-12 * (y * pooled).abs().sum()


@pytest.mark.parametrize(("overlap", "expected"), [("sum", 10.0), ("max", 4.0), ("last", 4.0)])
def test_four_windows_that_share_their_maximum(overlap, expected):
    x = torch.zeros(1, 1, 5, 5)
    x[..., 2, 2] = 9
    _, switches = F.max_pool2d(x, 3, 2, return_indices=True)
    picture = unpool(torch.tensor([[[[1.0, 2.0], [3.0, 4.0]]]]), switches, (5, 5), overlap)
    assert picture[0, 0, 2, 2] == expected
    assert picture.sum() == expected


def test_overlap_modes_differ_only_where_windows_share_a_maximum():
    x = torch.randn(2, 3, 13, 13, dtype=torch.float64)
    _, switches = F.max_pool2d(x, 3, 2, return_indices=True)
    y = torch.randn(switches.shape, dtype=torch.float64)
    by_loop = {mode: torch.zeros_like(x).flatten(2) for mode in ("sum", "max", "last")}
    for n, c in torch.cartesian_prod(torch.arange(2), torch.arange(3)):
        seen = set()
        for value, at in zip(y[n, c].flatten(), switches[n, c].flatten().tolist(), strict=True):
            by_loop["sum"][n, c, at] += value
            by_loop["last"][n, c, at] = value
            by_loop["max"][n, c, at] = torch.maximum(by_loop["max"][n, c, at], value) if at in seen else value
            seen.add(at)
    for mode, expected in by_loop.items():
        torch.testing.assert_close(unpool(y, switches, (13, 13), mode).flatten(2), expected, rtol=0, atol=1e-14)


def test_last_is_what_torch_does_on_one_thread():
    x = torch.randn(1, 2, 11, 11)
    pooled, switches = F.max_pool2d(x, 3, 2, return_indices=True)
    threads = torch.get_num_threads()
    try:
        torch.set_num_threads(1)
        expected = F.max_unpool2d(pooled, switches, 3, 2, output_size=(11, 11))
    finally:
        torch.set_num_threads(threads)
    assert torch.equal(unpool(pooled, switches, (11, 11), "last"), expected)


@pytest.mark.parametrize("size", [4, (2, 2, 2), [4], None, 2.0])
def test_unpool_takes_a_height_and_a_width(size):
    with pytest.raises(ValueError, match=r"^output_size must be \(height, width\) of the map that was pooled, not "):
        unpool(torch.ones(1, 2), torch.zeros(1, 2, dtype=torch.int64), size)
    assert unpool(torch.ones(1, 2), torch.zeros(1, 2, dtype=torch.int64), torch.Size((2, 2))).sum() == 2


def test_unpool_says_what_is_wrong():
    y, switches = torch.ones(1, 2, 2), torch.zeros(1, 2, 2, dtype=torch.long)
    with pytest.raises(ValueError, match=r"'sum', 'max' or 'last', not 'mean'"):
        unpool(y, switches, (4, 4), "mean")
    with pytest.raises(ValueError, match=r"\(1, 2, 2\) and switches \(1, 2\)"):
        unpool(y, switches[..., 0], (4, 4))
    with pytest.raises(ValueError, match=r"Switches 16 to 16 do not fit into a map of 4 x 4"):
        unpool(y, switches + 16, (4, 4))


# ------------------------------------------------------------------------------------- the same by other routes


def test_two_layers_by_hand():
    """unpool, rectify, filter as four nested loops, from the formula alone."""
    conv1, conv2 = nn.Conv2d(3, 4, 3, stride=2, padding=1).double(), nn.Conv2d(4, 6, 3).double()
    net = nn.Sequential(conv1, nn.ReLU(), nn.MaxPool2d(3, 2), conv2, nn.ReLU())
    image = random_images(size=17)
    maps1 = conv1(image).relu()[0].detach()  # (4, 9, 9)
    pooled = F.max_pool2d(maps1, 3, 2)  # (4, 4, 4)
    maps2 = conv2(pooled[None]).relu()[0].detach()  # (6, 2, 2)

    def filtered(signal, conv, size, stride, padding):
        out = torch.zeros(conv.in_channels, size + 2 * padding, size + 2 * padding, dtype=torch.float64)
        for m in range(signal.shape[0]):
            for r in range(signal.shape[1]):
                for c in range(signal.shape[2]):
                    out[:, r * stride : r * stride + 3, c * stride : c * stride + 3] += signal[m, r, c] * conv.weight[m].detach()
        return out[:, padding : padding + size, padding : padding + size]

    for chosen in live_maps(net, "4", image):
        signal = torch.zeros_like(maps2)
        row, column = divmod(int(maps2[chosen].argmax()), 2)
        signal[chosen, row, column] = maps2[chosen, row, column]
        signal = filtered(signal.clamp(min=0), conv2, 4, 1, 0)
        unpooled = torch.zeros_like(maps1)
        for m in range(4):
            for r in range(4):
                for c in range(4):
                    window = maps1[m, 2 * r : 2 * r + 3, 2 * c : 2 * c + 3]
                    dr, dc = divmod(int(window.argmax()), 3)
                    unpooled[m, 2 * r + dr, 2 * c + dc] += signal[m, r, c]
        expected = filtered(unpooled.clamp(min=0), conv1, 17, 2, 1)
        close(Deconvnet(net).project(image, "4", [chosen])[0], expected, rel=1e-12)


def torchvision_net(name):
    """A network of torchvision with random weights; classifiers of a hundred million weights are left out."""
    options = {"init_weights": False} if name == "googlenet" else {}
    with torch.device("meta" if name == "vgg11" else "cpu"):
        net = getattr(torchvision.models, name)(weights=None, num_classes=10, **options)
    if name == "vgg11":
        net.classifier = nn.Identity()
        net.to_empty(device="cpu")
        for conv in net.features:
            if isinstance(conv, nn.Conv2d):
                nn.init.kaiming_normal_(conv.weight)
                nn.init.zeros_(conv.bias)
    return net.double().eval()


@pytest.mark.filterwarnings("ignore:Setting backward hooks", "ignore:Input Tensor 0 did not already require gradients")
@pytest.mark.parametrize(
    ("name", "layers"),
    [("alexnet", [1, 4, 9, 10, 12]), ("vgg11", [1, 12, 18, 20]), ("squeezenet1_0", [5, 12]), ("squeezenet1_1", [1, 4, 8, 12])],
)
def test_equal_to_captum(name, layers):
    net, image = torchvision_net(name), random_images(size=72)
    for number in layers:
        layer, features = f"features.{number}", net.features[: number + 1]
        with torch.no_grad():
            units = features(image)[0]
        maps = live_maps(net, layer, image)
        for rule, peer in (("deconvnet", Deconvolution), ("guided", GuidedBackprop)):
            for a_map, picture in zip(maps, Deconvnet(net).project(image, layer, maps, rule=rule), strict=True):
                row, column = divmod(int(units[a_map].argmax()), units.shape[2])
                expected = (
                    peer(features).attribute(image, target=(a_map, row, column)) * units[a_map, row, column]
                )  # it starts from 1
                close(picture, expected[0], rel=1e-12)


@pytest.mark.parametrize(
    ("name", "layers"),
    [
        ("alexnet", ["features.6", "classifier.1", "classifier.6"]),
        ("resnet18", ["relu", "layer1.0.bn1", "layer2.0", "layer4.1", "fc"]),
        ("googlenet", ["maxpool1", "inception3a.branch3", "inception4e", "inception5b", "fc"]),
    ],
)
def test_equal_to_backpropagation_with_another_relu(name, layers):
    net, image = torchvision_net(name), random_images(size=64)
    for module in net.modules():
        if isinstance(module, nn.BatchNorm2d):  # anything but the identity
            module.running_mean.uniform_(-0.1, 0.1)
            module.running_var.uniform_(0.5, 2)
            nn.init.uniform_(module.weight, 0.5, 1.5)
            nn.init.uniform_(module.bias, -0.1, 0.1)
    for layer in layers:
        (a_map,) = live_maps(net, layer, image, count=1)
        for rule in deconv.RULES:
            close(Deconvnet(net).project(image, layer, [a_map], rule=rule), by_autograd(net, layer, image, a_map, rule))


@pytest.mark.parametrize("rule", deconv.RULES)
def test_every_layer_of_zfnet(rule):
    net, images = ZFNet(Architecture(classes=5, image_size=64, width=0.125, fc=(16, 16))).double(), random_images(size=64) * 50
    for module in net.modules():
        if isinstance(module, nn.Conv2d | nn.Linear):
            nn.init.kaiming_normal_(module.weight)  # so that contrast normalisation has something to do
    for number in range(1, 9):
        (a_map,) = live_maps(net.eval(), f"layer{number}", images, count=1)
        picture = Deconvnet(net).project(images, f"layer{number}", [a_map], rule=rule)
        close(picture, by_autograd(net, f"layer{number}", images, a_map, rule))


class Functional(nn.Module):
    """`small_net` with its ReLUs written in some other way."""

    def __init__(self, relu):
        super().__init__()
        self.first, _, self.pool, self.second, _ = small_net()
        self.relu = relu
        self.end = nn.Identity()

    def forward(self, x):
        return self.end(self.relu(self.second(self.pool(self.relu(self.first(x))))))


@pytest.mark.parametrize("rule", deconv.RULES)
@pytest.mark.parametrize(
    "relu",
    [
        F.relu,
        lambda x: F.relu(x, inplace=True),
        lambda x: F.relu(input=x),
        nn.ReLU(inplace=True),
        torch.relu,
        torch.relu_,
        torch.Tensor.relu,
        torch.Tensor.relu_,
        lambda x: x.clamp(min=0),
        lambda x: torch.clamp(x, 0.0),
        lambda x: x.clamp_(0),
        lambda x: x.clamp_min(0),
    ],
)
def test_however_the_relu_is_written(relu, rule):
    rewritten = Functional(relu)
    twin = nn.Sequential(rewritten.first, nn.ReLU(), rewritten.pool, rewritten.second, nn.ReLU())
    image = random_images()
    maps = live_maps(twin, "4", image)
    expected = Deconvnet(twin).project(image, "4", maps, rule=rule)
    close(Deconvnet(rewritten).project(image, "end", maps, rule=rule), expected, rel=1e-15)


class Forward(nn.Module):
    """A function as a network with a layer "end"."""

    def __init__(self, function, *parts):
        super().__init__()
        self.function, self.parts, self.end = function, nn.ModuleList(parts), nn.Identity()

    def forward(self, x):
        return self.end(self.function(x, *self.parts))


def conv(*arguments, **options):
    return nn.Conv2d(*arguments, **options)


def dropped_concatenation(x, first, second):
    return torch.cat([first(x), torch.ones_like(x)[:, :1], second(x)], 1)


def upsampled(mode):
    return Forward(lambda x: F.interpolate(x, scale_factor=2.0, mode=mode))


def filled(x):
    whole = torch.zeros(len(x), 4, 12, 12, dtype=x.dtype)
    whole[:, :3, ::2] = x[:, :, ::2] * 3
    whole[:, 3, 1] = x[:, 0, 2]
    whole[:, 0, 0] = -5
    return whole


LINEAR = {
    "transposed convolution": Forward(lambda x, f: f(x), nn.ConvTranspose2d(3, 4, 3, stride=2, output_padding=1)),
    "nearest neighbour": upsampled("nearest"),
    "bilinear": upsampled("bilinear"),
    "bicubic": upsampled("bicubic"),
    "channels last and back": Forward(lambda x, f: f(x.permute(0, 2, 3, 1)).permute(0, 3, 1, 2), nn.Linear(3, 5)),
    "rows for columns": Forward(lambda x: torch.transpose(x, 2, 3).flip(3).roll(1, 2)),
    "shuffled": Forward(lambda x: F.pixel_unshuffle(F.channel_shuffle(F.pixel_shuffle(torch.cat([x] * 4, 1), 2), 3), 3)),
    "split and stacked": Forward(lambda x: torch.stack([*x.chunk(3, 1)[1:], x.split([1, 2], 1)[0]], 1).flatten(1, 2)),
    "unbound": Forward(lambda x: x[:, :2] + x.unbind(1)[2][:, None] - x.select(1, 0).unsqueeze(1)),
    "channels in another order": Forward(lambda x: x[:, [2, 0, 2]]),
    "mean in another way": Forward(lambda x: torch.mean(x, (2,), keepdim=True, dtype=x.dtype) + x.sum(3, keepdim=True)),
    "expanded": Forward(lambda x: x.mean((2, 3), keepdim=True).expand(-1, -1, 4, 4) + -x[:, :, :4, :4].repeat(1, 1, 1, 1)),
    "assigned piece by piece": Forward(filled),
    "masked by a constant": Forward(lambda x: x.masked_fill(torch.eye(12) > 0, -1)),
    "product with a matrix": Forward(lambda x: x @ torch.arange(144, dtype=x.dtype).reshape(12, 12)),
    "stride leaves a rest": nn.Sequential(conv(3, 4, 3, stride=4)),
    "groups and dilation": nn.Sequential(conv(3, 6, (3, 2), (2, 3), padding=(2, 1), dilation=(2, 1), groups=3, bias=False)),
    "padding same": nn.Sequential(conv(3, 4, (4, 3), padding="same", dilation=(1, 2))),
    "padding valid": nn.Sequential(conv(3, 4, 2, padding="valid")),
    "padding reflect": nn.Sequential(conv(3, 4, 3, padding=2, padding_mode="reflect")),
    "padding circular": nn.Sequential(conv(3, 4, 3, padding=1, padding_mode="circular")),
    "one zero row": nn.Sequential(nn.ZeroPad2d((0, 1, 0, 1)), conv(3, 4, 3, 2)),
    "constant and replicated border": nn.Sequential(nn.ConstantPad2d((1, -2, 0, 3), -9.0), nn.ReplicationPad2d(1)),
    "average pool": nn.Sequential(nn.AvgPool2d(3, 2, padding=1, ceil_mode=True)),
    "average pool without border": nn.Sequential(nn.AvgPool2d(3, 2, padding=1, count_include_pad=False)),
    "adaptive average pool": nn.Sequential(nn.AdaptiveAvgPool2d((5, 7))),
    "max pool, dilated": nn.Sequential(nn.MaxPool2d((3, 2), (2, 1), padding=1, dilation=(2, 1), ceil_mode=True)),
    "max pool as torch has it": Forward(lambda x: torch.max_pool2d(x, 3, stride=2)),
    "max pool, default stride": Forward(lambda x: F.max_pool2d(x, 3)),
    "batch norm": nn.Sequential(nn.BatchNorm2d(3, affine=False), nn.BatchNorm2d(3)),
    "zeros beside it": Forward(
        lambda x: torch.cat([x, torch.zeros_like(x), x.new_ones(len(x), 1, 12, 12), torch.ones(1).to(x) * x], 1)
    ),
    "dropout": nn.Sequential(nn.Dropout(), nn.Dropout2d(), nn.Dropout(inplace=True)),
    "linear after flatten": nn.Sequential(nn.Flatten(), nn.Linear(3 * 12 * 12, 5)),
    "global mean": Forward(lambda x, fc: fc(x.mean((2, 3))), nn.Linear(3, 5)),
    "mean over an axis, kept": Forward(lambda x: torch.mean(x, dim=-1, keepdim=True).mean(2, True)),
    "view with the batch size": Forward(lambda x, fc: fc(x.view(x.size(0), -1)), nn.Linear(3 * 12 * 12, 5)),
    "reshape": Forward(lambda x: x.reshape(len(x), 6, 12, 6).contiguous().flatten(1).unflatten(1, (4, 9, 12)).clone()),
    "squeeze": Forward(lambda x, fc: fc(F.adaptive_avg_pool2d(x, 1)).squeeze(-1).unsqueeze(3).flatten(1), conv(3, 5, 1)),
    "residual": Forward(lambda x, f: f(x) + x, conv(3, 3, 3, padding=1)),
    "residual in place": Forward(lambda x, f: f(x).add_(x, alpha=0.5), conv(3, 3, 3, padding=1)),
    "residual, broadcast": Forward(lambda x: torch.add(x, x.mean((2, 3), keepdim=True), alpha=3)),
    "difference": Forward(lambda x, f: f(x) - x, conv(3, 3, 3, padding=1)),
    "with itself": Forward(lambda x: x + x),
    "concatenate": Forward(dropped_concatenation, conv(3, 2, 1), conv(3, 2, 3, padding=1)),
    "concatenate below": Forward(lambda x, f: torch.concat([f(x), x], dim=-2), conv(3, 3, 1)),
    "constants": Forward(lambda x: (2 * x + 1 - torch.ones(3, 1, 1)) / torch.tensor([1.0, 2, 4]).reshape(1, 3, 1, 1) * 3),
    "constants in place": Forward(lambda x: x.clone().mul_(2).div_(4).sub_(1).add_(torch.ones(1))),
    "constant that broadcasts": Forward(lambda x: x[:, :1] * torch.arange(1.0, 5).reshape(4, 1, 1)),
    "channels": Forward(lambda x: torch.cat((torch.unsqueeze(x[:, 0], 1) * 0.5 + 0.1, x[:, 1:]), 1)),
    "rows and columns": Forward(lambda x: x[:, 1:, 2:-1, ..., ::3]),
}


@pytest.mark.filterwarnings("ignore:Using padding='same' with even kernel")
@pytest.mark.parametrize("name", LINEAR)
def test_linear_operations_are_transposed(name):
    """Without ReLUs every rule is the gradient, so autograd knows the answer; several images check that rows stay apart."""
    net, images = LINEAR[name].double().eval(), random_images(3, size=12)
    net.add_module("end", nn.Identity())
    index, maps = [2, 0, 2, 1], [0, 1, 1, 0]
    pictures = Deconvnet(net).project(images, "end", maps, image_index=index)
    for picture, number, a_map in zip(pictures, index, maps, strict=True):
        close(picture[None], by_autograd(net, "end", images[number : number + 1], a_map, "gradient"), rel=1e-12)


def test_contrast_normalisation_is_passed_unchanged():
    first, second = conv(3, 8, 3).double(), conv(8, 4, 3).double()
    image = random_images() * 50
    for norm in (nn.LocalResponseNorm(5), model.ContrastNorm()):
        net = nn.Sequential(first, nn.ReLU(), norm, second)
        value = net(image)[0, 0].max()
        row, column = divmod(int(net(image)[0, 0].argmax()), 20)
        seed = torch.zeros(1, 4, 20, 20, dtype=torch.float64)
        seed[0, 0, row, column] = value.detach()
        expected = F.conv_transpose2d(F.conv_transpose2d(seed, second.weight).relu(), first.weight).detach()
        close(Deconvnet(net).project(image, "3", [0]), expected, rel=1e-12)


def test_googlenet_that_transforms_its_input():
    net = torchvision.models.googlenet(weights=None, num_classes=5, init_weights=False, aux_logits=False, transform_input=True)
    net, image = net.double().eval(), random_images(size=64)
    close(Deconvnet(net).project(image, "conv2", [3]), by_autograd(net, "conv2", image, 3, "deconvnet"))


# ------------------------------------------------------------------------------------------- images, maps, positions


def test_a_batch_is_the_same_as_one_at_a_time(monkeypatch):
    net, images = small_net(), random_images(5)
    index, maps = [4, 0, 0, 3, 3, 4, 0], [0, 1, 7, 2, 2, 0, 5]
    positions = [(0, 0), (4, 4), (2, 3), (1, 4), (4, 1), (4, 0), (3, 3)]
    single = [Deconvnet(net).project(images[i : i + 1], "3", [m], [p]) for i, m, p in zip(index, maps, positions, strict=True)]
    expected = torch.cat(single)
    torch.testing.assert_close(
        Deconvnet(net).project(images, "3", maps, positions, image_index=index), expected, rtol=1e-12, atol=1e-12
    )
    monkeypatch.setattr(deconv, "IMAGES_AT_ONCE", 2)
    monkeypatch.setattr(deconv, "VALUES_AT_ONCE", 8000)  # two signals of 6 x 24 x 24
    torch.testing.assert_close(
        Deconvnet(net).project(images, "3", maps, positions, image_index=index), expected, rtol=1e-12, atol=1e-12
    )


def test_which_image_a_map_is_of():
    net, images = small_net(), random_images(3)
    project = Deconvnet(net).project
    assert torch.equal(project(images, "4", [1, 1, 1]), project(images, "4", [1, 1, 1], image_index=[0, 1, 2]))
    assert torch.equal(project(images[:1], "4", range(8)), project(images, "4", torch.arange(8), image_index=[0] * 8))


def test_the_strongest_position_is_the_default():
    net, image = small_net(), random_images()
    units = value_of(net, "3", image)[0]
    places = [divmod(int(unit.argmax()), units.shape[2]) for unit in units]
    assert torch.equal(Deconvnet(net).project(image, "3", range(8)), Deconvnet(net).project(image, "3", range(8), places))


def test_a_negative_value_goes_down_as_it_is():
    net, image = nn.Sequential(conv(3, 2, 3)).double(), random_images(size=8)
    row, column = divmod(int(net(image)[0, 1].argmin()), 6)
    value = net(image)[0, 1, row, column].detach()
    picture = Deconvnet(net).project(image, "0", [1], [(row, column)])[0]
    assert value < 0
    torch.testing.assert_close(picture[:, row : row + 3, column : column + 3], value * net[0].weight[1].detach())


def test_one_forward_pass_for_each_distinct_image():
    net, images, passed = small_net(), random_images(6), []
    hook = net[0].register_forward_hook(lambda module, inputs, out: passed.extend(inputs[0]))
    above = net[4].register_forward_hook(lambda *_: pytest.fail("the forward pass went on above the layer"))
    Deconvnet(net).project(images, "3", [0, 1, 2, 3, 4], image_index=[5, 1, 1, 5, 5])
    hook.remove()
    above.remove()
    assert len(passed) == 2
    assert torch.equal(torch.stack(passed), images[[1, 5]])


def test_a_layer_is_taken_at_its_first_call():
    relu = nn.ReLU()
    net = nn.Sequential(conv(3, 4, 3), relu, conv(4, 4, 3), relu).double()
    image = random_images(size=9)
    assert torch.equal(Deconvnet(net).project(image, "1", [2]), Deconvnet(net[:2]).project(image, "1", [2]))


def test_dtype_and_device_are_the_modules():
    net, images = small_net().float(), random_images(2)
    with torch.device("meta"):  # nothing may be made on whatever device the user has as default
        pictures = Deconvnet(net).project(images, "4", [0, 1], [(0, 0), (1, 1)], overlap="last")
    assert (pictures.dtype, pictures.device, pictures.requires_grad) == (torch.float32, torch.device("cpu"), False)


# -------------------------------------------------------------------------------------------- nothing is left behind


class Noisy(nn.Module):
    """Draws random numbers, and fails on command, in the forward pass."""

    def __init__(self):
        super().__init__()
        self.body = nn.Sequential(conv(3, 4, 3), nn.BatchNorm2d(4), nn.Dropout(), nn.ReLU(inplace=True), conv(4, 2, 3))
        self.body[1].eval()  # a mixture of training flags
        self.error = None

    def forward(self, x):
        torch.rand(3)
        x = self.body[:4](x)
        if self.error:
            raise self.error
        return self.body[4](x)


def state(net):
    modules = list(net.modules())
    tensors = [*net.parameters(), *net.buffers()]
    return {
        "training": [m.training for m in modules],
        "hooks": [
            (list(m._forward_hooks), list(m._forward_pre_hooks), list(m._backward_hooks), list(m._forward_hooks_with_kwargs))
            for m in modules
        ],
        "tensors": [(id(t), t._version, t.requires_grad, t.clone()) for t in tensors],
        "grads": [(id(p.grad), p.grad.clone()) if p.grad is not None else None for p in net.parameters()],
        "torch": (
            torch.is_grad_enabled(),
            torch.is_inference_mode_enabled(),
            torch.get_default_dtype() is torch.float32,
            torch._C._len_torch_function_stack(),
            torch.are_deterministic_algorithms_enabled(),
            torch.get_rng_state(),
        ),
    }


@pytest.mark.parametrize("error", [None, ZeroDivisionError("no"), KeyboardInterrupt()])
@pytest.mark.parametrize("grad", [True, False])
def test_everything_is_as_before(error, grad):
    net, images = Noisy().double().train(), random_images(2).requires_grad_()
    net.body[1].eval()
    net.body[4].weight.requires_grad_(False)
    net(images).sum().backward()
    net.body[0].register_forward_hook(lambda module, inputs, out: None)
    net.error = error
    with torch.set_grad_enabled(grad):
        before, pixels = state(net), images.detach().clone()
        if error is None:
            assert not Deconvnet(net).project(images, "body.4", [0, 1]).requires_grad
        else:
            with pytest.raises(type(error)):
                Deconvnet(net).project(images, "body.4", [0, 1])
        torch.testing.assert_close(state(net), before, rtol=0, atol=0)
    assert torch.equal(images, pixels)


def test_images_are_not_written_into():
    net, images = nn.Sequential(nn.ReLU(inplace=True), conv(3, 2, 3)).double(), random_images(2)
    pixels = images.clone()
    Deconvnet(net).project(images, "1", [0, 1])
    assert torch.equal(images, pixels)


def test_inside_inference_mode_and_autocast():
    net, images = small_net().float(), random_images(2).float()
    expected = Deconvnet(net).project(images, "4", [0, 1])
    with torch.inference_mode():
        made_here = images * 1
        assert torch.equal(Deconvnet(net).project(made_here, "4", [0, 1]), expected)
    with torch.autocast("cpu", dtype=torch.bfloat16):
        assert torch.equal(Deconvnet(net).project(images, "4", [0, 1]), expected)


def test_memory_is_freed_without_the_garbage_collector():
    """Nothing in a tape may refer back to it: switches of the last batch must be gone before those of the next are made."""
    import gc
    import weakref

    net, images = small_net(), random_images(2)
    gc.disable()
    try:
        with deconv.undisturbed(net, images.device):
            written = tape.Tape(images, "3", "guided")
            values = written.record(net)
            written.descend(written.number(values), torch.zeros_like(values), torch.arange(2))
        gone = weakref.ref(written)
        del written
        assert gone() is None
    finally:
        gc.enable()


# -------------------------------------------------------------------------------------------------- what is refused


def written_through_a_view(x):
    flat = x.view(len(x), -1)
    flat.mul_(2)
    return x


def zero_where_negative(x):
    x[x < 0] = 0
    return x


REFUSED = {
    "unknown options": (lambda x: torch.add(x, x, out=torch.empty_like(x)), "add .*options"),
    "images in another order": (lambda x: x.flip(0) if len(x) > 1 else x.softmax(1), "flip .*other images|softmax"),
    "images as maps": (
        lambda x: x.permute(1, 0, 2, 3) if len(x) == 3 else x.softmax(1),
        "permute .*row per image|permute .*other images|softmax",
    ),
    "maps that the image sets to zero": (zero_where_negative, "__setitem__"),
    "sigmoid": (torch.sigmoid, "torch.sigmoid"),
    "silu": (F.silu, "silu"),
    "leaky relu": (F.leaky_relu, "leaky_relu"),
    "clamp from one": (lambda x: x.clamp_min(1), "clamp_min .*ReLU"),
    "softmax": (lambda x: x.softmax(1), "softmax"),
    "square": (lambda x: x * x, "mul .*both depend"),
    "attention": (lambda x: x * x.mean((2, 3), keepdim=True), "mul .*both depend"),
    "quotient": (lambda x: 1 / (x + 9), "reciprocal|div|rdiv"),
    "divided by itself": (lambda x: x / (x.mean((2, 3), keepdim=True)), "div .*more than its input"),
    "filters from the image": (lambda x: F.conv2d(x, x[:, :, :2, :2]), "conv2d .*more than its input"),
    "only filters from the image": (lambda x: F.conv2d(torch.ones_like(x) * 1.5, x), "conv2d .*more than its input"),
    "layer norm": (lambda x: F.layer_norm(x, x.shape[1:]), "layer_norm"),
    "batch norm by the batch": (lambda x: F.batch_norm(x, None, None, training=True), "batch_norm .*running statistics"),
    "dropout that is always on": (F.dropout, "dropout .*evaluation"),
    "mean over images": (lambda x: x.mean(0, keepdim=True) + x, "mean .*(images|batch)"),
    "one image": (lambda x: x[0].sum(0) * 0 + x, "sum|add .*axes"),
    "one image as three": (lambda x: x[0, :].unsqueeze(1) if len(x) == 3 else x * x, "__getitem__ .*row per image|mul"),
    "concatenated images": (lambda x: torch.cat([x, x])[: len(x)], "__getitem__ .*"),
    "a factor per image": (lambda x: x * torch.ones(3, 1, 1, 1) if len(x) == 3 else x * x, "mul"),
    "another number format": (lambda x: x.float().to(torch.float64), "float .*number format"),
    "a view that is written into": (written_through_a_view, "view"),
    "a detour through numpy": (lambda x: x + torch.from_numpy(x.numpy()), "numpy .*constant"),
    "a detour through a number": (lambda x: x * x.max().item(), "item .*constant"),
    "images as channels": (
        lambda x: F.conv2d(x[:, 0], torch.ones(len(x), len(x), 2, 2, dtype=x.dtype)).unsqueeze(1),
        "conv2d .*batch axis",
    ),
}


@pytest.mark.parametrize("count", [1, 3])
@pytest.mark.parametrize("name", REFUSED)
def test_what_cannot_be_undone_is_named(name, count):
    function, message = REFUSED[name]
    net = nn.Sequential(conv(3, 3, 1), Forward(function), nn.Identity()).double()
    with pytest.raises(
        NotImplementedError, match=rf"cannot go back through .*({message}).* layer '2'; it knows convolution, linear"
    ):
        Deconvnet(net).project(random_images(count, size=6), "2", [0] * count)


def test_what_is_not_on_the_path_does_no_harm():
    def forward(x, first, second):
        torch.sigmoid(x).sum(), (x > 0).any(), x.exp()
        return second(first(x).relu())

    net = Forward(forward, conv(3, 4, 3), conv(4, 2, 3)).double()
    plain = nn.Sequential(net.parts[0], nn.ReLU(), net.parts[1])
    image = random_images(size=9)
    assert torch.equal(Deconvnet(net).project(image, "end", [1]), Deconvnet(plain).project(image, "2", [1]))


# --------------------------------------------------------------------------------------------------------- bad input


def project(**changes):
    """A call that works, with something changed."""
    arguments = {"images": random_images(2), "layer": "3", "maps": [0, 7], "positions": [(0, 0), (4, 4)]} | changes
    return Deconvnet(small_net()).project(**arguments)


def spoilt(value):
    images = random_images(4)
    images[3, 1, 2, 2] = value
    return images


BAD = [
    ({"images": random_images(2).numpy()}, TypeError, "must be a float tensor of preprocessed pixels, not ndarray"),
    ({"images": torch.zeros(2, 3, 8, 8, dtype=torch.uint8)}, TypeError, "not torch.uint8"),
    ({"images": random_images()[0]}, ValueError, r"shape \(N, C, H, W\) with N at least 1, not \(3, 24, 24\)"),
    ({"images": random_images(2).movedim(1, -1)}, ValueError, r"cannot run on images of shape \(2, 24, 24, 3\)"),
    ({"images": random_images(0)}, ValueError, r"not \(0, 3, 24, 24\)"),
    ({"images": spoilt(float("nan"))}, ValueError, "Image 3 holds NaN or infinite pixels"),
    ({"images": spoilt(float("-inf"))}, ValueError, "Image 3 holds NaN or infinite pixels"),
    ({"images": random_images(2, size=2)}, ValueError, r"cannot run on images of shape \(2, 3, 2, 2\): "),
    ({"layer": "conv9"}, ValueError, "no layer 'conv9'; it has 0, 1, 2, 3, 4"),
    ({"maps": [0, 8]}, ValueError, "'3' has 8 maps, 0 to 7; there is no map 8"),
    ({"maps": [-1, 0]}, ValueError, "there is no map -1"),
    ({"maps": 5}, TypeError, r"maps must be a sequence of whole numbers such as \[0, 5\], not 5"),
    ({"maps": [0.5, 1.0]}, TypeError, "maps must be a sequence"),
    ({"maps": []}, TypeError, r"maps must be a sequence of whole numbers such as \[0, 5\], not \[\]"),
    ({"maps": ["a", "b"]}, TypeError, "maps must be a sequence"),
    ({"maps": [0, 1, 2], "positions": None}, ValueError, "3 maps do not fit 2 images"),
    ({"positions": [(0, 0)]}, ValueError, "for each of the 2 maps, not 1"),
    ({"positions": (0, 0)}, TypeError, r"positions must be a sequence of \(row, column\) pairs"),
    ({"positions": [(0, 0), (1,)]}, TypeError, "positions must be a sequence"),
    ({"positions": [(0, 0), (2, 5)]}, ValueError, r"maps of layer '3' are 5 x 5; there is no position \(2, 5\) in them"),
    ({"positions": [(-1, 0), (0, 0)]}, ValueError, r"no position \(-1, 0\)"),
    ({"image_index": [0]}, ValueError, "one number for each of the 2 maps, not 1"),
    ({"image_index": [0, 2]}, ValueError, "between 0 and 1, not 0 to 2"),
    ({"rule": "backprop"}, ValueError, "rule must be 'deconvnet', 'gradient' or 'guided', not 'backprop'"),
    ({"overlap": "mean"}, ValueError, "overlap must be 'sum', 'max' or 'last', not 'mean'"),
]


@pytest.mark.parametrize(("changes", "error", "message"), BAD)
def test_bad_input_is_answered_in_one_sentence(changes, error, message):
    assert project().shape == (2, 3, 24, 24)
    with pytest.raises(error, match=message):
        project(**changes)


def test_bad_modules_and_layers():
    with pytest.raises(TypeError, match=r"takes a torch.nn.Module, not an object of type function"):
        Deconvnet(F.relu)
    googlenet = torchvision.models.googlenet(weights=None, num_classes=2, init_weights=False, aux_logits=True)
    fully = nn.Sequential(conv(3, 2, 3), nn.Flatten(), nn.Linear(200, 5))
    image = random_images(size=64)
    for net, layer, positions, message in (
        (googlenet, "aux1", None, r"never runs aux1; choose one that runs in evaluation mode"),
        (fully, "2", [(0, 0)], r"units of layer '2' have no position, because it is fully connected; leave positions=None"),
        (
            Forward(lambda x: x.flatten(2)),
            "end",
            None,
            r"values \(1, 3, 144\) of layer 'end' it cannot be known where the maps lie; pass channel_axis",
        ),
        (Forward(lambda x: torch.zeros(1, 2)), "end", None, r"'end' must put out one tensor, made by torch functions"),
        (Forward(lambda x: (x, x)), "end", None, r"'end' must put out one tensor, .* a row for every image"),
        (Forward(lambda x: x.mean(dim=(0, 1))), "end", None, r"'end' must put out one tensor, .* a row for every image"),
    ):
        with pytest.raises(ValueError, match=message):
            Deconvnet(net).project(image if net is googlenet else image[:, :, :12, :12], layer, [0], positions)


def test_overlap_reaches_the_pools_of_a_network():
    net, image = small_net(), random_images()
    maps = live_maps(net, "4", image)
    pictures = [Deconvnet(net).project(image, "4", maps, overlap=mode) for mode in deconv.OVERLAPS]
    assert not torch.equal(pictures[0], pictures[1])
    assert not torch.equal(pictures[1], pictures[2])


# --------------------------------------------------------------------------------------------------------- in parts


def test_parts_are_the_whole(monkeypatch):
    net, images = small_net(), random_images(20)
    maps, index = torch.arange(60) % 8, torch.arange(60).flip(0) % 20
    whole = Deconvnet(net).project(images, "3", maps, image_index=index)
    monkeypatch.setattr(deconv, "VALUES_AT_ONCE", 1 + 7 * 22 * 22 * 8)
    parts = list(Deconvnet(net).project_in_parts(images, "3", maps, image_index=index))
    assert len(parts) > 60 / 8
    assert torch.cat([which for which, _ in parts]).sort().values.tolist() == list(range(60))
    for which, some in parts:
        assert len(which) <= 7
        torch.testing.assert_close(some, whole[which])


def test_parts_that_nobody_takes_leave_no_trace():
    net = small_net().train()
    parts = Deconvnet(net).project_in_parts(random_images(20), "3", [0] * 20)
    with closing(parts):
        next(parts)
        assert not net.training
        assert not torch.is_grad_enabled()
    assert all(part.training for part in net.modules())
    assert torch.is_grad_enabled()


# ----------------------------------------------------------------------------------------- other channels, other places of maps


@pytest.mark.parametrize("channels", [1, 2, 4, 7])
@pytest.mark.parametrize("rule", deconv.RULES)
def test_any_number_of_input_channels(channels, rule):
    net = nn.Sequential(conv(channels, 4, 3), nn.ReLU(), nn.MaxPool2d(2), conv(4, 5, 3), nn.ReLU()).double()
    images = torch.randn(2, channels, 16, 16, dtype=torch.float64)
    maps = live_maps(net, "4", images[:1])
    pictures = Deconvnet(net).project(images[:1], "4", maps, rule=rule)
    assert pictures.shape == images.shape
    for number, picture in zip(maps, pictures, strict=True):
        close(picture[None], by_autograd(net, "4", images[:1], number, rule), rel=1e-12)


@pytest.mark.parametrize("axis", [-1, 3])
def test_maps_in_the_last_axis(axis):
    first, second = conv(3, 4, 3).double(), conv(4, 5, 3).double()
    plain = nn.Sequential(first, nn.ReLU(), second)
    turned = nn.Sequential(first, nn.ReLU(), second, Forward(lambda x: x.permute(0, 2, 3, 1)))
    images = random_images(2, size=9)
    for positions in (None, [(0, 4), (3, 2)]):
        expected = Deconvnet(plain).project(images, "2", [1, 4], positions)
        close(Deconvnet(turned).project(images, "3", [1, 4], positions, channel_axis=axis), expected, rel=1e-15)


def test_tokens():
    first, second = conv(3, 4, 3).double(), conv(4, 5, 3).double()
    tokens = nn.Sequential(first, nn.ReLU(), second, Forward(lambda x: x.flatten(2).transpose(1, 2)))
    images = random_images(2, size=9)
    expected = Deconvnet(tokens[:3]).project(images, "2", [1, 4], [(0, 4), (3, 2)])
    places = [(0 * 5 + 4, 0), (3 * 5 + 2, 0)]
    close(Deconvnet(tokens).project(images, "3", [1, 4], places, channel_axis=2), expected, rel=1e-15)


class Deciding(nn.Module):
    """Goes one way or another by what it sees, of the whole batch or of its first image."""

    def __init__(self, decide):
        super().__init__()
        self.first, self.bright, self.dark = (conv(number, 4, 3) for number in (3, 4, 4))
        self.decide, self.passes = decide, 0

    def forward(self, x):
        self.passes += len(x)
        y = self.first(x)
        return self.bright(y) if self.decide(x, y) else self.dark(y)


DECISIONS = {
    "mean of the batch": lambda x, y: x.mean() > 0,
    "first image": lambda x, y: x[0].mean() > 0,
    "anywhere": lambda x, y: (x > 4).any(),
    "nonzero": lambda x, y: torch.is_nonzero((x.mean() > 0).int()),
    "equal": lambda x, y: torch.equal(x.abs(), x),
    "close": lambda x, y: torch.allclose(x, x.abs(), atol=1.0),
    "contains": lambda x, y: True in (x.mean((1, 2, 3)) > 0),
    "later": lambda x, y: bool(y.relu().sum() > 140),
    "not": lambda x, y: not x.mean() > 0,
}


@pytest.mark.parametrize("rule", deconv.RULES)
@pytest.mark.parametrize("name", DECISIONS)
def test_a_network_that_decides_by_the_batch_sees_one_image_at_a_time(name, rule):
    net = nn.Sequential(Deciding(DECISIONS[name])).double().eval()
    images = random_images(6, size=8) + torch.tensor([1.0, -1, 1, 1, -1, 3]).reshape(-1, 1, 1, 1)
    alone = torch.cat([Deconvnet(net).project(image[None], "0", [1], [(2, 3)], rule=rule) for image in images])
    assert torch.equal(Deconvnet(net).project(images, "0", [1] * 6, [(2, 3)] * 6, rule=rule), alone)


def test_a_network_that_does_not_decide_runs_in_batches():
    net = Deciding(lambda x, y: len(x) > 0 and x.is_floating_point() and not net.dark.bias.isnan().any()).eval()
    Deconvnet(nn.Sequential(net)).project(torch.randn(6, 3, 8, 8), "0", [1] * 6)
    assert net.passes == 6
