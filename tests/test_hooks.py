"""What is read of a network against a pass by hand; and the one look at images before."""

import math

import numpy as np
import pytest
import torch
from torch import nn

from zfhelpers.hooks import activations, checked_images, maps_first, recording, whole
from zfhelpers.model import Architecture, ZFNet

LAYERS = ["layer1", "layer2", "layer5", "layer6", "layer8"]


@pytest.fixture(scope="module")
def net():
    torch.manual_seed(0)
    return ZFNet(Architecture(classes=5, image_size=64, width=0.125, fc=(16, 16))).double().eval()


@pytest.fixture(scope="module")
def images():
    return torch.randint(0, 256, (3, 3, 64, 64), generator=torch.Generator().manual_seed(1), dtype=torch.uint8)


def preprocess(batch):
    return batch.double() - 124


def slow_forward(net, image):
    """One image through ZFNet's children by hand: no hooks."""
    values, x = {}, image[None]
    with torch.no_grad():
        for name, part in net.named_children():
            x = part(x)
            values[name] = x
    return values


def test_activations_are_those_of_a_pass_by_hand(net, images):
    inputs = preprocess(images[:3])
    values = activations(net, inputs, LAYERS)
    assert list(values) == LAYERS
    for index, image in enumerate(inputs):
        by_hand = slow_forward(net, image)
        for layer in LAYERS:
            torch.testing.assert_close(values[layer][index], by_hand[layer][0])


def test_values_before_a_relu_in_place_keep_their_signs():
    torch.manual_seed(0)
    net = nn.Sequential(nn.Conv2d(3, 4, 3), nn.ReLU(inplace=True))
    images = torch.randn(2, 3, 8, 8)
    values = activations(net, images, ["0", "1"])
    torch.testing.assert_close(values["0"], net[0](images).detach())
    assert (values["0"] < 0).any()
    torch.testing.assert_close(values["1"], values["0"].relu())


def test_a_layer_used_twice_gives_its_first_call():
    class Twice(nn.Module):
        def __init__(self):
            super().__init__()
            self.pool = nn.AvgPool2d(2)

        def forward(self, x):
            return self.pool(self.pool(x))

    assert activations(Twice(), torch.zeros(1, 3, 8, 8), "pool")["pool"].shape == (1, 3, 4, 4)


def test_values_can_be_used_in_training_later(net, images):
    values = activations(net, preprocess(images[:2]), "layer5")["layer5"].flatten(1)
    weight = torch.zeros(values.shape[1], 1, dtype=values.dtype, requires_grad=True)
    (values @ weight).sum().backward()
    torch.testing.assert_close(weight.grad[:, 0], values.sum(0))


def test_training_networks_are_read_in_evaluation_mode(net, images):
    inputs = preprocess(images[:2])
    expected = activations(net, inputs, "layer8")["layer8"]
    net.train()
    try:
        assert torch.equal(activations(net, inputs, "layer8")["layer8"], expected)  # no dropout
        assert net.training
    finally:
        net.eval()


@pytest.mark.parametrize(
    ("change", "error", "message"),
    [
        (lambda x: x.byte(), TypeError, "world.preprocess"),
        (lambda x: x.numpy(), TypeError, "ndarray"),
        (lambda x: x[0], ValueError, r"\(N, C, H, W\)"),
        (lambda x: x[:, :1], ValueError, r"\(2, 1, 64, 64\)"),
        (lambda x: x[:0], ValueError, "at least 1"),
        (lambda x: x[..., 1:], ValueError, "64, 63"),
        (lambda x: torch.where(torch.arange(2)[:, None, None, None] == 1, torch.nan, x), ValueError, "Image 1 holds NaN"),
    ],
)
def test_bad_images_are_refused(net, images, change, error, message):
    with pytest.raises(error, match=message):
        activations(net, change(preprocess(images[:2])), "layer7")


def test_nothing_above_the_layers_is_run(net, images):
    inputs = preprocess(images[:2])
    wide = torch.cat([inputs, inputs], dim=3)  # too wide for layer 6, and all the same to layer 1
    expected = net.pool1(net.layer1(wide))
    assert torch.equal(activations(net, wide, ["pool1", "layer1"])["pool1"], expected)
    ran = []
    hooks = [part.register_forward_hook(lambda *_, name=name: ran.append(name)) for name, part in net.named_children()]
    try:
        activations(net, inputs, ["layer2", "layer1"])
        with recording(net, ["layer2", "layer1"], beyond=False) as forward:
            assert forward(inputs)[0] is None
        half = list(ran)
        with recording(net, ["layer2", "layer1"]) as forward:
            assert torch.equal(forward(inputs)[0], net(inputs))
    finally:
        for hook in hooks:
            hook.remove()
    assert half == ["layer1", "pool1", "norm1", "layer2"] * 2
    assert "layer8" in ran


def test_a_network_cannot_catch_the_end_of_the_pass(images):
    class Careful(nn.Module):
        def __init__(self):
            super().__init__()
            self.first, self.second = nn.Conv2d(3, 4, 3), nn.Conv2d(4, 4, 3)

        def forward(self, x):
            try:
                x = self.first(x)
            except Exception:  # as some do
                x = torch.zeros_like(x[:, :1]).expand(-1, 4, -1, -1)
            return self.second(x)

    net, inputs = Careful(), preprocess(images[:2]).float()
    assert torch.equal(activations(net, inputs, "first")["first"], net.first(inputs))


def test_bad_layers_are_refused(net, images):
    inputs = preprocess(images[:1])
    with pytest.raises(ValueError, match="no layer 'layer9'; it has layer1"):
        activations(net, inputs, ["layer1", "layer9"])
    with pytest.raises(ValueError, match="at least one"):
        activations(net, inputs, [])
    unused = nn.Sequential(nn.ReLU())
    unused.spare = nn.ModuleList([nn.ReLU()])
    unused.forward = unused[0].forward
    with pytest.raises(ValueError, match=r"never runs spare\.0"):
        activations(unused, inputs, "spare.0")
    pairs = nn.Sequential(nn.MaxPool2d(2, return_indices=True))
    with pytest.raises(TypeError, match="Layer '0' gives a tuple"):
        activations(pairs, inputs, "0")


def test_images_come_in_the_precision_of_the_network(images):
    assert checked_images(nn.Conv2d(3, 2, 3).double(), images / 255).dtype == torch.float64
    assert checked_images(nn.ReLU(), images / 255).dtype == torch.float32  # no weight that would decide
    same = images / 255
    assert checked_images(nn.Conv2d(3, 2, 3), same) is same


def test_a_broken_image_is_counted_from_the_first_of_all():
    images = torch.zeros(4, 3, 2, 2)
    images[2, 1, 0, 1] = -torch.inf
    with pytest.raises(ValueError, match="Image 102 holds NaN or infinite pixels; give finite ones"):
        checked_images(nn.ReLU(), images, first=100)
    images[1, 0, 0, 0] = torch.inf  # which with the other one makes a sum that is no number
    with pytest.raises(ValueError, match="Image 101 holds NaN"):
        checked_images(nn.ReLU(), images, first=100)


def test_finite_pixels_whose_sum_is_infinite_are_finite():
    for large in (torch.full((2, 3, 4, 4), 3e38), torch.full((2, 3, 64, 64), 6e4, dtype=torch.float16)):
        assert checked_images(nn.ReLU(), large) is large


# --------------------------------------------------------------------------------- what no hook can read, and cannot be run


class Direct(nn.Sequential):
    """Calls its layers past their hooks."""

    def forward(self, x):
        for layer in self:
            x = layer.forward(x)
        return x


def small():
    torch.manual_seed(0)
    return nn.Sequential(nn.Conv2d(3, 4, 3), nn.ReLU(), nn.AdaptiveAvgPool2d(1), nn.Flatten()).eval()


@pytest.mark.filterwarnings("ignore")
@pytest.mark.parametrize("compiled", [torch.jit.script, lambda net: torch.jit.trace(net, torch.zeros(1, 3, 8, 8)), torch.compile])
def test_networks_that_take_no_hooks_are_told_why(compiled):
    images = torch.randn(2, 3, 8, 8)
    for net, layer in ((compiled(small()), "1"), (nn.Sequential(nn.Identity(), compiled(small())), "1.1")):
        with pytest.raises(ValueError, match=r"(TorchScript|torch\.compile).* no hook can read .* the module it was made from"):
            activations(net, images, layer)
    with pytest.raises(ValueError, match="TorchScript"):
        activations(nn.Sequential(torch.jit.script(small())), images, "0")
    beside = nn.Sequential(nn.ReLU(), torch.jit.script(small()))
    assert torch.equal(activations(beside, images, "0")["0"], images.relu())


def test_a_layer_called_past_its_hooks_is_told_from_one_that_is_not_called():
    net = Direct(*small())
    net.add_module("spare", nn.ModuleList([nn.ReLU()]))
    net.forward = lambda x: Direct.forward(net[:4], x)
    before = [dict(vars(part)) for part in net.modules()]
    with pytest.raises(ValueError, match=r"calls 1, 2 by its \.forward\(\), past all hooks"):
        activations(net, torch.randn(1, 3, 8, 8), ["1", "2"])
    with pytest.raises(ValueError, match=r"never runs spare\.0"):
        activations(net, torch.randn(1, 3, 8, 8), "spare.0")
    assert [vars(part).keys() for part in net.modules()] == [part.keys() for part in before]


class Two(nn.Module):
    def __init__(self):
        super().__init__()
        self.body = nn.Conv2d(3, 4, 3)

    def forward(self, image, meta):
        return self.body(image) + meta


class Fails(nn.Module):
    """Raises what it is told to."""

    def __init__(self, error):
        super().__init__()
        self.error, self.body, self.head = error, nn.Conv2d(3, 4, 3), nn.Conv2d(4, 4, 3)

    def forward(self, x):
        self.body(x)
        raise self.error


@pytest.mark.parametrize(
    "error", [RuntimeError("a\nb"), ValueError("a"), TypeError("a"), KeyError("a"), AssertionError("a"), AttributeError("a")]
)
def test_what_a_network_complains_of_comes_with_the_shape_of_the_images(error):
    with pytest.raises(ValueError, match=r"^The network cannot run on images of shape \(2, 3, 8, 8\): '?a'?$") as caught:
        activations(Fails(error), torch.zeros(2, 3, 8, 8), "head")
    assert caught.value.__cause__ is error


@pytest.mark.parametrize(
    "error", [NotImplementedError("a"), torch.OutOfMemoryError("a"), UnicodeError("a"), KeyboardInterrupt(), OSError("a")]
)
def test_what_has_a_name_of_its_own_keeps_it(error):
    with pytest.raises(type(error)) as caught:
        activations(Fails(error), torch.zeros(2, 3, 8, 8), "head")
    assert caught.value is error


def test_more_inputs_and_mixed_precision_say_what_to_do():
    images = torch.zeros(2, 3, 8, 8)
    with pytest.raises(ValueError, match=r"takes more than images .*'meta'.*; wrap it in a module"):
        activations(Two(), images, "body")
    mixed = nn.Sequential(nn.Conv2d(3, 4, 3), nn.Conv2d(4, 4, 3).double())
    with pytest.raises(ValueError, match=r"\(2, 3, 8, 8\).*its weights are float32 and float64: bring it to one number format"):
        activations(mixed, images, "1")
    with pytest.raises(ValueError, match=r"Layer '0' gives \(6, 64, 1\) for 2 images; choose one with a row for each"):
        activations(nn.Sequential(nn.Flatten(0, 1), nn.Flatten()), torch.zeros(2, 3, 8, 8).flatten(2)[..., None], "0")


@pytest.mark.parametrize("layers", [None, 3, 2.5])
def test_layers_that_are_no_names(layers):
    with pytest.raises(TypeError, match="Layers are named"):
        activations(small(), torch.zeros(1, 3, 8, 8), layers)


def test_something_that_is_no_network():
    with pytest.raises(TypeError, match=r"must be a torch\.nn\.Module, not a function"):
        activations(lambda x: x, torch.zeros(1, 3, 8, 8), "1")


@pytest.mark.parametrize("given", [3, 3.0, np.float64(3), np.int64(3), torch.tensor(3), torch.tensor(3.0), np.array(3)])
def test_whole_numbers_in_any_type(given):
    assert type(whole("k", given)) is int
    assert whole("k", given) == 3


@pytest.mark.parametrize("given", [None, "3", True, [3, 3], 3j, torch.zeros(2)])
def test_what_is_no_number_is_named(given):
    with pytest.raises(TypeError, match="k must be a whole number, not"):
        whole("k", given)


@pytest.mark.parametrize(
    ("given", "sentence"), [(2.5, "not 2.5"), (math.nan, "not nan"), (-math.inf, "not -inf"), (0, "at least 1, not 0")]
)
def test_numbers_that_count_nothing_are_named(given, sentence):
    with pytest.raises(ValueError, match=f"k must be .*{sentence}"):
        whole("k", given)


@pytest.mark.filterwarnings("ignore")
def test_a_layer_in_code_that_was_compiled_before():
    class Inside(nn.Module):
        def __init__(self):
            super().__init__()
            self.parts = nn.Sequential(nn.Conv2d(3, 4, 3), nn.ReLU())
            self.run = torch.compile(lambda x: self.parts(x), backend="eager")

        def forward(self, x):
            return self.run(x)

    net, images = Inside().eval(), torch.randn(1, 3, 8, 8)
    with torch.no_grad():
        net(images)
    with pytest.raises(
        ValueError, match=r"^The network runs parts.1 in code that torch.compile made before, past all hooks; give"
    ):
        activations(net, images, "parts.1")


@pytest.mark.parametrize("axis", [np.int64(1), np.int32(-3)])
def test_an_axis_from_numpy(axis):
    assert maps_first(torch.zeros(1, 5, 4, 4), "layer", nn.ReLU(), (8, 8), axis).shape == (1, 5, 4, 4)
    with pytest.raises(ValueError, match="must be an axis"):
        maps_first(torch.zeros(1, 5, 4, 4), "layer", nn.ReLU(), (8, 8), np.bool_(True))
