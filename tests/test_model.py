"""Sizes, parameter counts and start of the networks against the paper and against arithmetic done another way."""

import math

import numpy as np
import pytest
import torch
import torch.nn.functional as F
from scipy import signal
from torch import nn
from torch.nn.utils import prune

from zfhelpers.hooks import find_layer
from zfhelpers.model import (
    ALEXNET,
    OPEN,
    TABLE3,
    Architecture,
    Blur,
    ContrastNorm,
    TurnedMaxPool,
    ZFNet,
    contrast_norm,
    renormalise_filters,
    scaled,
)


def count_parameters(architecture: Architecture) -> int:
    with torch.device("meta"):
        return sum(p.numel() for p in ZFNet(architecture).parameters())


@pytest.mark.parametrize(
    ("variant", "parameters"),
    [
        ("zfnet", 62_357_608),
        ("zfnet-wide", 107_627_624),
        ("zfnet-fc-2048", 28_848_232),
        ("zfnet-fc-8192", 154_542_184),
        ("zfnet-wide-fc-8192", 237_560_936),
    ],
)
def test_parameter_counts_of_the_paper(variant, parameters):
    assert count_parameters(TABLE3[variant]) == parameters


def test_parameter_counts_layer_by_layer():
    with torch.device("meta"):
        net = ZFNet()
    counts = {f"layer{i}": sum(p.numel() for p in getattr(net, f"layer{i}").parameters()) for i in range(1, 9)}
    assert counts == {
        "layer1": 14_208,
        "layer2": 614_656,
        "layer3": 885_120,
        "layer4": 1_327_488,
        "layer5": 884_992,
        "layer6": 37_752_832,
        "layer7": 16_781_312,
        "layer8": 4_097_000,
    }


def closed_form_count(a: Architecture) -> int:
    """Weights and biases by hand, from the sizes that cuda-convnet's ceil rule gives."""
    total, channels, size = 0, 3, a.image_size
    for number, (maps, (k, s, p)) in enumerate(zip(a.maps, [a.conv1, a.conv2] + [(3, 1, 1)] * 3, strict=True), 1):
        if not maps:
            continue
        total += maps * (channels * k * k + 1)
        channels, size = maps, 1 + math.ceil((size + 2 * p - k) / s)
        if number in (1, 2, 5):
            size = 1 + math.ceil((size - 3) / 2)
    features = channels * size * size
    for units in [*a.fc, a.classes]:
        total += units * (features + 1)
        features = units
    return total


@pytest.mark.parametrize("variant", TABLE3)
def test_every_row_of_table_3_is_an_architecture(variant):
    assert count_parameters(TABLE3[variant]) == closed_form_count(TABLE3[variant])


def sizes(net: nn.Module, image_size: int, modules: list[str]) -> list[int]:
    seen = {}
    hooks = [getattr(net, m).register_forward_hook(lambda _, __, out, m=m: seen.__setitem__(m, out.shape[-1])) for m in modules]
    net(torch.zeros(1, 3, image_size, image_size))
    for hook in hooks:
        hook.remove()
    return [seen[m] for m in modules]


def test_map_sizes_of_figure_3():
    net = ZFNet(Architecture(fc=(8, 8)))
    assert sizes(net, 224, ["layer1", "pool1", "layer2", "pool2", "layer3", "layer4", "layer5", "pool5"]) == [
        110,
        55,
        26,
        13,
        13,
        13,
        13,
        6,
    ]
    assert net.conv_sizes == {"layer1": 110, "layer2": 26, "layer3": 13, "layer4": 13, "layer5": 13}


def test_map_sizes_of_alexnet():
    net = ZFNet(scaled("alexnet", classes=10, image_size=224, width=0.125, fc=8))
    assert sizes(net, 224, ["layer1", "pool1", "layer2", "pool2", "layer5", "pool5"]) == [55, 27, 27, 13, 13, 6]
    assert ALEXNET.conv1 == (11, 4, 0)
    assert ALEXNET.conv2 == (5, 1, 2)


def test_order_of_operations_is_conv_relu_pool_norm():
    net = ZFNet(Architecture(classes=3, image_size=64, width=0.125, fc=(8, 8)))
    names = [name for name, _ in net.named_children()]
    assert names == [
        "layer1",
        "pool1",
        "norm1",
        "layer2",
        "pool2",
        "norm2",
        "layer3",
        "layer4",
        "layer5",
        "pool5",
        "flatten",
        "layer6",
        "dropout6",
        "layer7",
        "dropout7",
        "layer8",
    ]


def test_removed_layers_keep_the_names_of_the_others():
    net = ZFNet(scaled("alexnet-no-3-4-6-7", classes=3, image_size=64, width=0.125, fc=64))
    assert [n for n, _ in net.named_children() if n.startswith("layer")] == ["layer1", "layer2", "layer5", "layer8"]


@pytest.mark.parametrize("size", [5, 3])
def test_contrast_norm_equals_torch_in_value_and_gradient(size):
    x = (torch.randn(2, 7, 5, 4, dtype=torch.float64) * 100).requires_grad_()
    y = x.detach().clone().requires_grad_()
    ours, theirs = contrast_norm(x, size=size), F.local_response_norm(y, size, 1e-4, 0.75, 2.0)
    torch.testing.assert_close(ours, theirs, rtol=1e-12, atol=1e-12)
    weight = torch.randn_like(ours)
    (ours * weight).sum().backward()
    (theirs * weight).sum().backward()
    torch.testing.assert_close(x.grad, y.grad, rtol=1e-10, atol=1e-10)


def test_contrast_norm_other_power():
    x = torch.randn(1, 6, 3, 3, dtype=torch.float64)
    torch.testing.assert_close(contrast_norm(x, beta=0.5), F.local_response_norm(x, 5, 1e-4, 0.5, 2.0))
    assert isinstance(ContrastNorm(), nn.LocalResponseNorm)


def test_start_is_the_papers_at_full_width():
    torch.manual_seed(0)
    net = ZFNet(Architecture(fc=(256, 256)))
    for module in net.modules():
        if isinstance(module, nn.Conv2d | nn.Linear):
            assert module.weight.std().item() == pytest.approx(0.01, rel=0.03)
            assert module.bias.abs().max() == 0


def test_start_of_a_narrow_network_keeps_the_output_scale():
    torch.manual_seed(0)
    net = ZFNet(Architecture(classes=10, image_size=128, width=0.5, fc=(512, 512)))
    expected = {
        "layer1": 0.01,
        "layer2": 0.01 * math.sqrt(96 / 48),
        "layer6": 0.01 * math.sqrt(9216 / 1152),
        "layer7": 0.01 * math.sqrt(4096 / 512),
    }
    for name, std in expected.items():
        weight = next(p for p in getattr(net, name).parameters() if p.ndim > 1)
        assert weight.std().item() == pytest.approx(std, rel=0.05)


@pytest.mark.parametrize(
    "wrap",
    [
        nn.utils.weight_norm,
        nn.utils.spectral_norm,
        lambda conv: prune.l1_unstructured(conv, "weight", 0.2),
        nn.utils.parametrizations.weight_norm,
        nn.utils.parametrizations.spectral_norm,
    ],
)
@pytest.mark.filterwarnings("ignore:.*weight_norm. is deprecated:FutureWarning")
def test_filters_that_are_computed_from_others_are_not_said_to_be_rescaled(wrap):
    net = nn.Sequential(nn.Conv2d(3, 4, 3), wrap(nn.Conv2d(4, 4, 3)))
    before = {name: value.clone() for name, value in net.state_dict().items()}
    with pytest.raises(ValueError, match=r"^The filters of '1' are computed from other weights, .* remove that first"):
        renormalise_filters(net, 0.01)
    assert all(torch.equal(value, before[name]) for name, value in net.state_dict().items())


def test_renormalise_filters_caps_only_the_loud_ones():
    net = ZFNet(Architecture(classes=3, image_size=64, width=0.125, fc=(8, 8)))
    with torch.no_grad():
        net.layer3.conv.weight[2] *= 100
        net.layer8.weight.fill_(5)
    before = net.layer3.conv.weight.detach().clone()
    assert renormalise_filters(net) == 1
    after = net.layer3.conv.weight.detach()
    for i, row in enumerate(after):
        rms = math.sqrt(sum(v * v for v in row.flatten().tolist()) / row.numel())  # by hand, in float64
        if i == 2:
            assert rms == pytest.approx(0.1, rel=1e-6)
            cosine = F.cosine_similarity(row.flatten(), before[2].flatten(), dim=0)
            assert cosine.item() == pytest.approx(1, abs=1e-6)
        else:
            assert torch.equal(row, before[i])
    assert (net.layer8.weight == 5).all()  # the paper caps convolution filters only


def test_find_layer_lists_what_there_is():
    net = ZFNet(Architecture(classes=3, image_size=64, width=0.125, fc=(8,)))
    assert find_layer(net, "layer3") is net.layer3
    with pytest.raises(ValueError, match="no layer 'layer7'; it has layer1, layer2, layer3, layer4, layer5, layer6, layer8"):
        find_layer(net, "layer7")
    with pytest.raises(ValueError, match="it has 0, 1"):
        find_layer(nn.Sequential(nn.Conv2d(3, 3, 1), nn.ReLU()), "conv9")


@pytest.mark.parametrize(
    ("change", "sentence"),
    [
        ({"classes": 0}, "classes must be"),
        ({"image_size": 48}, "image_size must be"),
        ({"width": 0}, "width must be"),
        ({"maps": (0, 1, 1, 1, 1)}, "maps must be"),
        ({"maps": (1, 2)}, "maps must be"),
        ({"fc": (1, 2, 3)}, "fc must hold"),
        ({"fc": (0,)}, "fc must hold"),
        ({"dropout": 1.0}, "dropout must lie"),
        ({"blur1": 0}, "blur1 must be"),
        ({"width": 1e-4}, "width must leave every layer a map or more; 0.0001 times 96 rounds to 0"),
        ({"width": math.nan}, "width must be positive and finite"),
        ({"width": math.inf}, "width must be positive and finite"),
        ({"conv1": (7, 0, 0)}, r"conv1 must be kernel and stride, at least 1, and padding, at least 0, not \(7, 0, 0\)"),
        ({"conv2": (0, 1, 0)}, "conv2 must be kernel and stride"),
        ({"conv2": (5, 1, -1)}, "conv2 must be kernel and stride"),
        ({"conv1": (7, 2)}, "conv1 must be kernel and stride"),
        ({"conv1": 7}, "conv1 must hold several numbers, not 7"),
        ({"conv1": (7.5, 2, 0)}, "conv1 must be given in whole numbers"),
        ({"classes": 2.5}, "classes must be given in whole numbers, not as 2.5"),
        ({"image_size": "64"}, "image_size must be given in whole numbers, not as '64'"),
        ({"fc": ("8",)}, "fc must be given in whole numbers"),
    ],
)
def test_impossible_architectures_are_refused(change, sentence):
    with pytest.raises(ValueError, match=f"^{sentence}"):
        Architecture(**change)


@pytest.mark.parametrize("image_size", [64, 65, 80])
@pytest.mark.parametrize("kernel", [1, 5, 11, 40, 64, 70, 90])
@pytest.mark.parametrize("stride", [1, 2, 8, 30, 70])
def test_an_architecture_that_is_accepted_runs(image_size, kernel, stride):
    for conv in ("conv1", "conv2"):
        for padding in (0, 3):
            architecture = Architecture(
                classes=2, image_size=image_size, width=0.02, fc=(4,), **{conv: (kernel, stride, padding)}
            )
            try:
                net = ZFNet(architecture)
            except ValueError as error:
                assert "Nothing is left of the maps of layer" in str(error)  # noqa: PT017
            else:
                assert net(torch.zeros(1, 3, image_size, image_size)).shape == (1, 2)


def test_wrong_image_shape_and_unknown_variant():
    net = ZFNet(Architecture(classes=3, image_size=64, width=0.125, fc=(8,)))
    with pytest.raises(ValueError, match=r"\(N, 3, 64, 64\), not \(1, 3, 32, 32\)"):
        net(torch.zeros(1, 3, 32, 32))
    with pytest.raises(ValueError, match="No architecture is called 'zf'"):
        scaled("zf", 10, 128, 0.5, 512)


@pytest.mark.parametrize("stride", [1, 2, 3])
def test_a_blur_is_that_of_scipy(stride):
    maps, line = np.random.default_rng(0).normal(size=(3, 11, 11)), np.array([1, 4, 6, 4, 1]) / 16
    slow = [signal.convolve2d(each, np.outer(line, line), mode="same")[::stride, ::stride] for each in maps]
    fast = Blur(stride)(torch.from_numpy(maps).float()[None])[0]
    assert np.allclose(fast, np.stack(slow), atol=1e-6)


def test_a_pool_over_turned_maps_one_window_at_a_time():
    maps = torch.randn(1, 2, 7, 7)
    pooled = TurnedMaxPool(3, 2, ceil_mode=True)(maps)
    for row in range(3):
        for column in range(3):
            cut = np.s_[..., 2 * row : 2 * row + 3, 2 * column : 2 * column + 3]
            windows = [np.rot90(maps.numpy(), turns, (2, 3))[cut] for turns in range(4)]
            assert np.array_equal(pooled[0, :, row, column], np.max([each.max((2, 3)) for each in windows], axis=0)[0])


@pytest.mark.parametrize("name", OPEN)
@pytest.mark.parametrize(("side", "last"), [(128, 7), (224, 13)])
def test_the_open_questions_have_later_maps_of_one_size(name, side, last):
    net = ZFNet(scaled(name, classes=24, image_size=side, width=0.25, fc=256))
    assert [net.conv_sizes[f"layer{number}"] for number in (3, 4, 5)] == [last] * 3
    assert net.pool5(torch.zeros(1, 1, last, last)).shape[-1] == last // 2
    assert "kernel" not in "".join(net.state_dict())  # the blur has no weights to train or keep


def test_a_card_from_before_there_were_such_networks_is_still_one():
    old = Architecture().as_dict()
    del old["blur1"], old["turned_pool"]
    assert Architecture(**old) == Architecture()
