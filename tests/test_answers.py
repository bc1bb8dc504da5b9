"""What comes out of a network is looked at: generated networks, each taken for what it is or refused, never taken for another."""

import re

import pytest
import torch
import torch.nn.functional as F
from hypothesis import given, settings
from hypothesis import strategies as st
from torch import nn

from zfhelpers.answers import last_step, probabilities
from zfhelpers.experiments.correspondence import correspondence
from zfhelpers.experiments.invariance import invariance_curves
from zfhelpers.hooks import activations
from zfhelpers.occlusion import occlusion_maps
from zfhelpers.strongest import top_activations

ALONE = "depends on the images beside it in the batch, or on chance"
thorough = settings(max_examples=30, deadline=None)


class Step(nn.Module):
    """A function as a layer."""

    def __init__(self, function):
        super().__init__()
        self.function = function

    def forward(self, x):
        return self.function(x)


def network(step, where, seed=0, end=None, channels=3):
    """Two convolutions, the layer "eye" and a linear layer, with a step before the convolution numbered `where`."""
    torch.manual_seed(seed)
    net = nn.Sequential()
    for number, (before, after) in enumerate(((channels, 6), (6, 5))):
        if number == where:
            net.add_module("step", step(before))
        net.add_module(f"conv{number}", nn.Conv2d(before, after, 3))
    net.add_module("eye", nn.ReLU())
    for part in (nn.AdaptiveAvgPool2d(2), nn.Flatten(), nn.Linear(20, 4), *([end] if end else [])):
        net.append(part)
    return net.eval()


def over_the_batch(channels):
    """Attention along the wrong axis: what `batch_first=False` does to images that come first."""
    attend = nn.MultiheadAttention(channels, 1)
    return Step(lambda x: x + attend(*[x.flatten(2).mean(2)[:, None]] * 3)[0][:, 0, :, None, None])


MIXES = {  # what makes of an image something that depends on others, or on chance
    "batch norm without statistics": lambda c: nn.BatchNorm2d(c, track_running_stats=False),
    "minus the mean of the batch": lambda c: Step(lambda x: x - x.mean(0)),
    "minus the mean of everything": lambda c: Step(lambda x: x - x.mean()),
    "by the largest": lambda c: Step(lambda x: x / x.max()),
    "by the deviation": lambda c: Step(lambda x: x / x.std()),
    "softmax along the batch": lambda c: Step(lambda x: 9 * x.softmax(0)),
    "a sum that runs along the batch": lambda c: Step(lambda x: x.cumsum(0)),
    "the next one": lambda c: Step(lambda x: x.roll(1, 0)),
    "the other way round": lambda c: Step(lambda x: x.flip(0)),
    "by the number of images": lambda c: Step(lambda x: x * len(x)),
    "attention along the batch": over_the_batch,
    "dropout that is always on": lambda c: Step(lambda x: F.dropout(x, 0.5, True)),
    "noise": lambda c: Step(lambda x: x + 0.1 * torch.randn_like(x)),
}
FAIR = {
    "batch norm": nn.BatchNorm2d,
    "instance norm": nn.InstanceNorm2d,
    "layer norm": lambda c: nn.GroupNorm(1, c),
    "minus its own mean": lambda c: Step(lambda x: x - x.mean((1, 2, 3), keepdim=True)),
    "dropout": lambda c: nn.Dropout(),
    "nothing": lambda c: nn.Identity(),
}


def dark_or_bright(count, seed):
    generator = torch.Generator().manual_seed(seed)
    return torch.randn(count, 3, 10, 10, generator=generator) * torch.rand(count, 1, 1, 1, generator=generator) * 3


# Public functions that promise one answer for each image, as (network, images, batch size) -> tensors to compare.
CALLS = {
    "top_activations": lambda net, images, size: (
        top_activations(net, [(image, 0) for image in images], "eye", 2, size)["eye"].parts
    ),
    "occlusion_maps": lambda net, images, size: [
        (maps := occlusion_maps(net, images[0], "eye", 4, 3, batch_size=size)).probabilities,
        maps.probabilities_clean,
        maps.activity / maps.activity.abs().max().clamp(min=1e-3),
    ],
    "correspondence": lambda net, images, size: [
        correspondence(net, images, [(2, 2, 8, 8)] * len(images), "eye", batch_size=size)["eye"].size
    ],
    "invariance_curves": lambda net, images, size: [
        invariance_curves(net, images, [0] * len(images), "rotation", [90], "eye", batch_size=size).probability
    ],
}


@thorough
@given(st.sampled_from([*MIXES, *FAIR]), st.sampled_from([*CALLS]), st.integers(0, 1), st.integers(2, 9), st.integers(0, 999))
def test_an_answer_does_not_depend_on_the_batch_or_is_refused(kind, name, where, size, seed):
    net, images, call = network((MIXES | FAIR)[kind], where, seed), dark_or_bright(7, seed), CALLS[name]
    if kind in MIXES:
        for batch_size in (1, size):
            with pytest.raises(ValueError, match=ALONE):
                call(net, images, batch_size)
    else:
        for alone, together in zip(call(net, images, 1), call(net, images, size), strict=True):
            torch.testing.assert_close(alone, together, atol=1e-4, rtol=1e-4)


def test_what_lies_behind_the_layer_may_mix():
    """Only what is read has to be of each image alone: a softmax along the batch at the end harms no search."""
    net = network(nn.Identity, 0, end=nn.Softmax(0))
    assert top_activations(net, [(image, 0) for image in dark_or_bright(4, 0)], "eye", 1)["eye"].values.isfinite().all()
    with pytest.raises(ValueError, match="its output " + ALONE):
        occlusion_maps(net, dark_or_bright(1, 0)[0], "eye", 4, 3)


@pytest.mark.parametrize("image", [torch.zeros(3, 10, 10), torch.full((3, 10, 10), -2.5)])
@pytest.mark.parametrize("kind", ["batch norm without statistics", "by the number of images", "the next one"])
def test_a_blank_image_tells_as_well(kind, image):
    with pytest.raises(ValueError, match=ALONE):
        occlusion_maps(network(MIXES[kind], 1), image, "eye", 4, 3)


# -------------------------------------------------------------------------------------------------------------- NaN inside

BREAKS = {  # images to something that is not finite where they are blank, and nowhere else
    "deviation": lambda x: (x - x.mean((1, 2, 3), keepdim=True)) / x.std((1, 2, 3), keepdim=True),
    "logarithm": lambda x: x * x.abs().amax((1, 2, 3), keepdim=True).log(),
    "overflow": lambda x: x + torch.where(x.abs().amax((1, 2, 3), keepdim=True) > 0, 1.0, 60000.0).half().mul(2).to(x.dtype),
}


@thorough
@given(st.sampled_from([*BREAKS]), st.integers(0, 8), st.integers(1, 9), st.booleans())
def test_nan_that_arises_inside_is_named(kind, blank, batch_size, as_layer):
    images = dark_or_bright(9, 1)
    images[blank] = 0
    net = network(lambda c: Step(BREAKS[kind]), 0)
    if not as_layer:
        step, net.step.function = net.step.function, lambda x: x
        net.forward = lambda x: nn.Sequential.forward(net, step(x))
    sentence = rf"Image {blank} gives NaN or infinite values in layer 'eye'; they arise " + (
        "in 'step', a Step in float32" if as_layer else "between its layers"
    )
    with pytest.raises(ValueError, match=sentence):
        top_activations(net, [(image, 0) for image in images], "eye", 2, batch_size)
    with pytest.raises(ValueError, match=sentence):
        activations(net, images, "eye")
    with pytest.raises(ValueError, match=sentence):
        correspondence(net, images, [(2, 2, 8, 8)] * 9, "eye", batch_size=batch_size)


def test_nan_under_the_square_is_named():
    net = network(lambda c: Step(BREAKS["deviation"]), 0)
    with pytest.raises(ValueError, match=r"The image with the pixels \(0, 0, 10, 10\) covered gives NaN"):
        occlusion_maps(net, dark_or_bright(1, 0)[0], "eye", 10, 1)
    wide = network(nn.Identity, 0)
    with torch.no_grad():
        wide.conv1.weight *= 1e6
    with pytest.raises(ValueError, match=r"they arise in 'conv1', a Conv2d in float16"):
        occlusion_maps(wide.half(), dark_or_bright(1, 0)[0], "eye", 4, 3)


# --------------------------------------------------------------------------------------------- logits, or something else


class Halves(nn.Module):
    """The mean of what two halves of the network's classifier say, each by itself."""

    def __init__(self, squash):
        super().__init__()
        self.squash = squash

    def forward(self, x):
        return torch.stack([self.squash(x), self.squash(x.flip(1))]).mean(0)


SOFT = {
    "module": nn.Softmax(1),
    "function": Step(lambda x: F.softmax(x, 1)),
    "method": Step(lambda x: x.softmax(-1)),
    "exponent of the logarithm": Step(lambda x: F.log_softmax(x, 1).exp()),
    "by hand": Step(lambda x: x.exp() / x.exp().sum(1, keepdim=True)),
    "mean of two": Halves(lambda x: x.softmax(1)),
    "reshaped": Step(lambda x: x.softmax(1)[..., None].squeeze(-1)),
}
SIGMOIDS = {
    "module": nn.Sigmoid(),
    "method": Step(lambda x: x.sigmoid()),
    "in place": Step(lambda x: x.sigmoid_()),
    "by hand": Step(lambda x: 1 / (1 + torch.exp(-x))),
    "hyperbolic": Step(lambda x: 0.5 * (1 + torch.tanh(x / 2))),
    "mean of two": Halves(torch.sigmoid),
    "reshaped": Step(lambda x: torch.sigmoid(x)[:, :, None].flatten(1)),
}
ENDS = {("softmax", name): end for name, end in SOFT.items()} | {("sigmoid", name): end for name, end in SIGMOIDS.items()}


def plain(net, image):
    with torch.no_grad():
        return net(image[None])[0]


@thorough
@given(st.sampled_from([*ENDS]), st.integers(0, 999), st.sampled_from([1.0, 30.0]), st.integers(1, 20))
def test_probabilities_are_not_taken_for_logits(end, seed, scale, batch_size):
    net, image = network(nn.Identity, 0, seed, ENDS[end]), dark_or_bright(1, seed)[0]
    with torch.no_grad():
        net[-2].weight *= scale
    sweep = {"size": 4, "stride": 2, "batch_size": batch_size}
    if batch_size >= 8 or end[1] not in ("by hand", "exponent of the logarithm") or end[0] == "sigmoid":
        with pytest.raises(ValueError, match='no logits but probabilities; pass output="probabilities"'):
            occlusion_maps(net, image, "eye", **sweep)
    maps = occlusion_maps(net, image, "eye", **sweep, output="probabilities")
    torch.testing.assert_close(maps.probabilities_clean, plain(net, image), atol=1e-5, rtol=0)
    covered = image.clone()
    covered[:, 4:8, 2:6] = 0
    torch.testing.assert_close(maps.probabilities[2, 1], plain(net, covered), atol=1e-5, rtol=0)
    if end[0] == "sigmoid" and end[1] not in ("by hand", "hyperbolic"):
        same = occlusion_maps(net, image, "eye", **sweep, output="sigmoid")
        torch.testing.assert_close(same.probabilities, maps.probabilities)


@thorough
@given(st.integers(0, 999), st.sampled_from([0.01, 1.0, 30.0]), st.sampled_from(["relu", "pool", "linear", "silu", "gate"]))
def test_logits_stay_logits_also_between_0_and_1(seed, scale, end):
    ends = {
        "relu": nn.ReLU(),
        "silu": Step(lambda x: F.silu(x) + 0.3),
        "gate": Step(lambda x: x.abs() * torch.sigmoid(x)),
        "linear": Step(lambda x: 0.5 + 0.01 * x),
        "pool": Step(lambda x: x.relu().unflatten(1, (2, 2)).flatten(1) * 0.9),
    }
    net, image = network(nn.Identity, 0, seed, ends[end]), dark_or_bright(1, seed)[0]
    with torch.no_grad():
        net[-2].weight *= scale
    maps = occlusion_maps(net, image, "eye", 4, 3)
    torch.testing.assert_close(maps.probabilities_clean, plain(net, image).softmax(0), atol=1e-5, rtol=0)


def test_one_number_for_each_image_is_asked_about():
    net = nn.Sequential(nn.Conv2d(3, 4, 3), nn.ReLU(), nn.Flatten(), nn.Linear(4 * 64, 1)).eval()
    image = dark_or_bright(1, 3)[0]
    with pytest.raises(ValueError, match='of which a softmax always makes 1; pass output="sigmoid"'):
        occlusion_maps(net, image, "1", 4, 3)
    maps = occlusion_maps(net, image, "1", 4, 3, output="sigmoid")
    torch.testing.assert_close(maps.probabilities_clean, plain(net, image).sigmoid())
    with pytest.raises(
        ValueError, match=r'Probabilities lie between 0 and 1; the network puts out .* Logits are output="logits"'
    ):
        occlusion_maps(network(nn.Identity, 0), image, "eye", 4, 3, output="probabilities")
    with pytest.raises(ValueError, match="output must be 'logits', 'probabilities' or 'sigmoid', not 'softmax'"):
        occlusion_maps(net, image, "1", 4, 3, output="softmax")


@pytest.mark.parametrize(
    ("answer", "given"),
    [
        (lambda x: {"logits": x}, "a dict"),
        (lambda x: (x, x), "a tuple"),
        (lambda x: x[:, 0], "(1,)"),
        (lambda x: x[..., None], "(1, 4, 1)"),
        (lambda x: x[:, :0], "(1, 0)"),
        (lambda x: None, "a NoneType"),
    ],
)
def test_an_output_that_is_no_table_is_refused(answer, given):
    images = dark_or_bright(1, 0)
    net = network(nn.Identity, 0, end=Step(answer))
    with pytest.raises(ValueError, match=r"must give logits of shape \(N, classes\), not " + re.escape(given)):
        probabilities(net, images, net(images))
    with pytest.raises(ValueError, match="wrap it in a module that"):
        occlusion_maps(net, images[0], "eye", 4, 3)
    with pytest.raises(ValueError, match="wrap it in a module that"):
        invariance_curves(net, images, [0], "rotation", [90], "eye")


def test_a_last_step_that_is_none():
    image = torch.rand(1, 3, 10, 10)
    assert last_step(network(nn.Identity, 0), image) is None
    assert last_step(Step(lambda x: torch.ones(1, 4)), image) is None
    assert last_step(Step(lambda x: {"logits": x}), image) is None


# --------------------------------------------------------------------------------------------------- how images lie in memory


class Patches(nn.Module):
    """A network that cuts the image into patches by itself, out of its memory."""

    def __init__(self, cut, side):
        super().__init__()
        self.cut, self.side = cut, side
        self.see, self.end, self.say = nn.Linear(3 * side * side, 6), nn.ReLU(), nn.Linear(6, 4)

    def forward(self, x):
        places = self.see(self.cut(x, self.side).flatten(3)).permute(0, 3, 1, 2)
        return self.say(self.end(places).mean((2, 3)))


def strided(x, side):
    n, c, h, w = x.shape
    return x.as_strided((n, h // side, w // side, c, side, side), (c * h * w, w * side, side, h * w, w, 1))


def stored(x, side):
    flat = torch.empty(0, dtype=x.dtype).set_(x.untyped_storage(), x.storage_offset(), (x.numel(),))
    return unfolded(flat.view(x.shape), side)


def unfolded(x, side):
    return x.unfold(2, side, side).unfold(3, side, side).permute(0, 2, 3, 1, 4, 5)


READS = {
    "top_activations": lambda net, images: top_activations(net, list(images), "end", k=1)["end"].values[:, 0],
    "occlusion_maps": lambda net, images: occlusion_maps(net, images[0], "end", 8, 8).probabilities[0, 0],
    "invariance_curves": lambda net, images: invariance_curves(
        net, images, [0] * len(images), "translation", [0], layers=["end"], preprocess=lambda x: x
    ).probability[:, 0],
}


@pytest.mark.parametrize("side", [2, 4, 8])
@pytest.mark.parametrize("name", READS)
@pytest.mark.parametrize("cut", [strided, stored])
def test_a_network_that_reads_memory_by_itself_is_refused_unless_it_lays_it_out(cut, name, side):
    torch.manual_seed(side)
    images, read = torch.randn(5, 3, 16, 16), READS[name]
    net = Patches(cut, side).eval()
    with pytest.raises(ValueError, match=r"lies in memory, .* let it begin with images = images.contiguous\(\)"):
        read(net, images)
    net.cut = unfolded
    expected = read(net, images)
    net.cut = lambda x, side: cut(x.contiguous(), side)
    torch.testing.assert_close(read(net, images), expected)


def test_where_images_are_run_as_they_lie_no_network_is_asked_how_it_reads_them():
    net, images = Patches(strided, 4).eval(), torch.randn(5, 3, 16, 16)
    found = correspondence(net, images, [(0, 0, 8, 8)] * 5, "end")["end"]
    net.cut = unfolded
    assert torch.equal(found.counted, correspondence(net, images, [(0, 0, 8, 8)] * 5, "end")["end"].counted)
