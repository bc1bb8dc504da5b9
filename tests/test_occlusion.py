"""One sweep against a plain loop that covers, runs and reads one position at a time."""

import doctest
import math

import numpy as np
import pytest
import torch
import torchvision
from captum.attr import Occlusion
from torch import nn

import zfhelpers.occlusion
from zfhelpers.boxes import window
from zfhelpers.hooks import find_layer
from zfhelpers.occlusion import OcclusionMaps, occlusion_maps, points_at, touching


@pytest.fixture(scope="module")
def net(listening):
    return listening(0.25)


@pytest.fixture(scope="module")
def image():
    coarse = torch.randn(1, 3, 8, 8, generator=torch.Generator().manual_seed(1)) * 80
    return nn.functional.interpolate(coarse, size=64, mode="bilinear")[0]


def plain_loop(net, image, layer, size, stride, fill=0.0):
    """Fig. 7 as one would write it first. Returns probabilities, sums of every map, peaks of every map, clean answers first."""
    caught = []
    hook = find_layer(net, layer).register_forward_hook(lambda _m, _i, output: caught.append(output[0].clone()))
    answers = []

    def run(picture):
        with torch.no_grad():
            answers.append(net(picture[None])[0].softmax(0))

    run(image)
    for top in range(0, image.shape[1] - size + 1, stride):
        for left in range(0, image.shape[2] - size + 1, stride):
            covered = image.clone()
            covered[:, top : top + size, left : left + size] = fill
            run(covered)
    hook.remove()
    if caught[0].ndim == 1:
        caught = [value[:, None, None] for value in caught]
    return torch.stack(answers), torch.stack([value.sum((1, 2)) for value in caught]), caught[0].amax((1, 2))


@pytest.mark.parametrize(("size", "stride", "batch_size"), [(14, 10, 64), (14, 10, 5), (21, 9, 1), (64, 3, 64), (1, 30, 32)])
@pytest.mark.parametrize("layer", ["layer5", "layer2", "layer7"])
def test_equal_to_the_plain_loop(net, image, layer, size, stride, batch_size):
    maps = occlusion_maps(net, image, layer, size, stride, batch_size=batch_size)
    answers, sums, peaks = plain_loop(net, image, layer, size, stride)
    count = (64 - size) // stride + 1
    torch.testing.assert_close(maps.probabilities, answers[1:].reshape(count, count, 5), atol=1e-5, rtol=0)
    torch.testing.assert_close(maps.probabilities_clean, answers[0], atol=1e-5, rtol=0)
    scale = sums.abs().max()
    torch.testing.assert_close(maps.sums[layer] / scale, sums[1:].reshape(count, count, -1) / scale, atol=1e-5, rtol=0)
    torch.testing.assert_close(maps.sums_clean[layer] / scale, sums[0] / scale, atol=1e-5, rtol=0)
    assert maps.strongest_map == int(peaks.argmax())
    assert torch.equal(maps.activity, maps.sums[layer][:, :, maps.strongest_map])
    assert torch.equal(maps.labels, maps.probabilities.argmax(-1))


@pytest.mark.parametrize(("size", "stride"), [((20, 9), 17), (12, (30, 7)), ((64, 5), (3, 20)), ([7, 31], np.array([19, 4]))])
def test_an_oblong_occluder_equals_covering_by_hand(size, stride):
    torch.manual_seed(0)
    net = nn.Sequential(nn.Conv2d(3, 4, 5), nn.ReLU(), nn.AdaptiveAvgPool2d(3), nn.Flatten(), nn.Linear(36, 5)).eval()
    image = torch.randn(3, 64, 48)
    maps = occlusion_maps(net, image, "1", size, stride)
    high, wide = [size, size] if isinstance(size, int) else size
    down, across = [stride, stride] if isinstance(stride, int) else stride
    assert maps.labels.shape == ((64 - high) // down + 1, (48 - wide) // across + 1)
    for row, column in np.ndindex(*maps.labels.shape):
        top, left = row * down, column * across
        assert maps.box(row, column) == (top, left, top + high, left + wide)
        covered = image.clone()
        covered[:, top : top + high, left : left + wide] = 0
        with torch.no_grad():
            torch.testing.assert_close(maps.probabilities[row, column], net(covered[None])[0].softmax(0), atol=1e-5, rtol=0)
    mask = torch.rand(64, 48) > 0.995
    by_hand = [
        [bool(mask[window(maps.box(row, column))].any()) for column in range(maps.labels.shape[1])]
        for row in range(len(maps.labels))
    ]
    assert touching(maps, mask).tolist() == by_hand
    assert repr(maps).endswith("px rectangle, 5 classes, 1)") == (not isinstance(size, int))


@pytest.mark.parametrize(
    "change", [{"size": 16.0}, {"size": np.float64(16)}, {"size": torch.tensor(16)}, {"stride": 8.0}, {"batch_size": np.int64(5)}]
)
def test_whole_numbers_come_in_any_type(net, image, change):
    request = {"size": 16, "stride": 8, "batch_size": 5}
    plain, same = (occlusion_maps(net, image, "layer1", **given) for given in (request, request | change))
    assert repr(plain) == repr(same)
    assert torch.equal(plain.probabilities, same.probabilities)
    assert type(same.size) is type(same.stride) is int


@pytest.mark.parametrize(
    ("change", "error", "message"),
    [
        ({"size": (14, 65)}, ValueError, r"1 to 64 pixels wide to fit the image; size is \(14, 65\)"),
        ({"size": (1, 2, 3)}, ValueError, r"size must be a number of pixels, or two: \(height, width\), not \(1, 2, 3\)"),
        ({"size": 7.5}, ValueError, "size must be a whole number, not 7.5"),
        ({"size": "14"}, TypeError, "size must be a whole number, not '14'"),
        ({"size": None}, TypeError, "size must be a whole number, not None"),
        ({"stride": (4, 0)}, ValueError, "stride must be at least 1, not 0"),
        ({"stride": (4, "2")}, TypeError, "stride must be a whole number, not '2'"),
        ({"batch_size": 2.5}, ValueError, "batch_size must be a whole number, not 2.5"),
        ({"fill": None}, TypeError, "fill must be one value, three, or an image"),
        ({"fill": "grey"}, TypeError, "fill must be .* not 'grey'"),
        ({"fill": [[1], [2, 3]]}, TypeError, "fill must be"),
        ({"layer": None}, TypeError, "Layers are named"),
        ({"output": None}, ValueError, "output must be 'logits', 'probabilities' or 'sigmoid', not None"),
    ],
)
def test_an_argument_that_cannot_be_is_named(net, image, change, error, message):
    request = {"module": net, "image": image, "layer": "layer5", "size": 14, "stride": 10}
    with pytest.raises(error, match=message):
        occlusion_maps(**(request | change))


def test_the_occluder_matters_in_this_network(net, image):
    maps = occlusion_maps(net, image, "layer5", 14, 10)
    assert maps.probabilities.std(dim=(0, 1)).max() > 1e-3  # otherwise the comparisons above would prove nothing
    assert maps.activity.std() > 1e-3


def test_strongest_map_is_the_one_with_the_strongest_single_activation():
    """Map 0 has one peak of 9, map 1 a larger sum: the paper's choice is map 0."""

    class Two(nn.Module):
        def __init__(self):
            super().__init__()
            self.maps, self.end = nn.Identity(), nn.Flatten()

        def forward(self, x):
            return self.end(self.maps(x))

    image = torch.zeros(3, 4, 4)
    image[0, 2, 2] = 9.0
    image[1] = 2.0
    maps = occlusion_maps(Two(), image, "maps", 1, 1)
    assert maps.strongest_map == 0
    expected = torch.full((4, 4), 9.0)
    expected[2, 2] = 0.0
    assert torch.equal(maps.activity, expected)


def test_several_layers_in_one_sweep(net, image):
    both = occlusion_maps(net, image, ["layer5", "layer1"], 14, 10)
    assert list(both.sums) == list(both.sums_clean) == ["layer5", "layer1"]
    for layer in ("layer5", "layer1"):
        alone = occlusion_maps(net, image, layer, 14, 10)
        torch.testing.assert_close(both.sums[layer], alone.sums[layer])
    assert both.activity.shape == (6, 6)


@pytest.mark.parametrize("kind", ["value", "colour", "tensor colour", "image"])
def test_fill(net, image, kind):
    other = torch.linspace(-90, 90, 3 * 64 * 64).reshape(3, 64, 64)
    fill, window = {
        "value": (30.0, torch.full((3, 64, 64), 30.0)),
        "colour": ((30.0, -20.0, 5.0), torch.tensor([30.0, -20.0, 5.0])[:, None, None].expand(3, 64, 64)),
        "tensor colour": (torch.tensor([30, -20, 5]), torch.tensor([30.0, -20.0, 5.0])[:, None, None].expand(3, 64, 64)),
        "image": (other, other),
    }[kind]
    maps = occlusion_maps(net, image, "layer5", 20, 22, fill=fill)
    for row in range(3):
        for column in range(3):
            covered = image.clone()
            top, left, bottom, right = maps.box(row, column)
            covered[:, top:bottom, left:right] = window[:, top:bottom, left:right]
            with torch.no_grad():
                expected = net(covered[None])[0].softmax(0)
            torch.testing.assert_close(maps.probabilities[row, column], expected, atol=1e-5, rtol=0)


def test_equal_to_captum(net, image):
    """Captum reports, per pixel, the mean drop of one output over the windows that cover it; side by side, that is the drop."""
    maps = occlusion_maps(net, image, "layer5", 16, 16)
    probability = nn.Sequential(net, nn.Softmax(dim=1))
    drop = Occlusion(probability).attribute(image[None], (3, 16, 16), strides=(3, 16, 16), target=2, baselines=0.0)
    expected = maps.probabilities_clean[2] - maps.probabilities[..., 2]
    torch.testing.assert_close(drop[0, 0, ::16, ::16].float(), expected, atol=1e-5, rtol=0)


def test_the_protocol_of_the_paper():
    """50 px by 6 on 224 px: 30 x 30 positions, centres 25, 31, ..., 199; the published minimum (14, 16) lies at (109, 121)."""

    class Mean(nn.Module):
        def __init__(self):
            super().__init__()
            self.layer = nn.AvgPool2d(224)

        def forward(self, x):
            return self.layer(x).flatten(1)

    maps = occlusion_maps(Mean(), torch.ones(3, 224, 224), "layer", 50, 6, batch_size=128)
    assert maps.probabilities.shape == (30, 30, 3)
    assert maps.box(14, 16) == (109 - 25, 121 - 25, 109 + 25, 121 + 25)
    assert maps.box(29, 0) == (174, 0, 224, 50)
    assert maps.box(14, 2) == (84, 12, 134, 62)  # where the figure draws its square
    torch.testing.assert_close(maps.sums["layer"], torch.full((30, 30, 3), 1 - 50**2 / 224**2))


def test_images_need_not_be_square():
    net = nn.Sequential(nn.Conv2d(3, 2, 3), nn.AdaptiveAvgPool2d(1), nn.Flatten())
    image = torch.randn(3, 20, 30, generator=torch.Generator().manual_seed(4))
    maps = occlusion_maps(net, image, "0", 8, 5)
    answers, sums, _ = plain_loop(net, image, "0", 8, 5)
    torch.testing.assert_close(maps.probabilities, answers[1:].reshape(3, 5, 2), atol=1e-5, rtol=0)
    torch.testing.assert_close(maps.sums["0"], sums[1:].reshape(3, 5, 2), atol=1e-4, rtol=1e-5)
    assert maps.box(2, 4) == (10, 20, 18, 28)


def test_a_torchvision_network_with_relus_in_place(image):
    torch.manual_seed(0)
    net = torchvision.models.squeezenet1_1(weights=None, num_classes=4).eval()
    image = image / 50
    maps = occlusion_maps(net, image, "features.0", 30, 17)  # before a ReLU that works in place
    answers, sums, peaks = plain_loop(net, image, "features.0", 30, 17)
    torch.testing.assert_close(maps.probabilities, answers[1:].reshape(3, 3, 4), atol=1e-5, rtol=0)
    torch.testing.assert_close(maps.sums["features.0"], sums[1:].reshape(3, 3, -1), atol=1e-2, rtol=1e-5)
    assert maps.strongest_map == int(peaks.argmax())
    assert (maps.sums_clean["features.0"] < 0).any()


def test_networks_that_write_into_their_input():
    net = nn.Sequential(nn.ReLU(inplace=True), nn.Conv2d(3, 2, 3), nn.AdaptiveAvgPool2d(1), nn.Flatten())
    image = torch.randn(3, 16, 16, generator=torch.Generator().manual_seed(5))
    kept = image.clone()
    maps = occlusion_maps(net, image, "1", 4, 4, batch_size=3)
    assert torch.equal(image, kept)
    answers, _, _ = plain_loop(net, image.relu(), "1", 4, 4)
    torch.testing.assert_close(maps.probabilities, answers[1:].reshape(4, 4, 2), atol=1e-5, rtol=0)


def test_a_batch_of_one_is_the_image(net, image):
    one, same = (occlusion_maps(net, given, "layer5", 32, 32) for given in (image, image[None]))
    assert torch.equal(one.probabilities, same.probabilities)


def test_results_are_ordinary_tensors(net, image):
    maps = occlusion_maps(net, image, "layer5", 32, 32)
    values = [maps.probabilities, maps.activity, maps.probabilities_clean, maps.sums_clean["layer5"]]
    assert not any(value.is_inference() or value.requires_grad for value in values)
    assert repr(maps) == "OcclusionMaps(2 x 2 positions of a 32 px square, 5 classes, layer5)"


def test_everything_is_left_as_it_was(net, image):
    class Interrupted(nn.Module):
        def __init__(self):
            super().__init__()
            self.conv, self.drop, self.calls = nn.Conv2d(3, 2, 3), nn.Dropout(), 0

        def forward(self, x):
            self.calls += 1
            if self.calls == 2:
                raise KeyboardInterrupt
            return self.conv(x).mean((2, 3))

    broken = Interrupted().train()
    broken.drop.eval()
    with pytest.raises(KeyboardInterrupt):
        occlusion_maps(broken, image, "conv", 16, 8, batch_size=4)
    assert broken.conv.training
    assert not broken.drop.training
    assert not broken.conv._forward_hooks
    assert not torch.is_inference_mode_enabled()

    before = {name: (value.clone(), value.stride(), value.data_ptr()) for name, value in net.state_dict().items()}
    net.train()
    try:
        occlusion_maps(net, image, "layer5", 32, 32)
        assert net.training
    finally:
        net.eval()
    for name, value in net.state_dict().items():
        assert torch.equal(value, before[name][0])
        assert (value.stride(), value.data_ptr()) == before[name][1:]


@pytest.mark.parametrize(
    ("change", "error", "message"),
    [
        ({"layer": "layer9"}, ValueError, "no layer 'layer9'"),
        ({"size": 65}, ValueError, "1 to 64 pixels wide"),
        ({"size": 0}, ValueError, "1 to 64 pixels wide"),
        ({"stride": 0}, ValueError, "stride must be at least 1"),
        ({"batch_size": 0}, ValueError, "batch_size must be at least 1"),
        ({"image": torch.zeros(3, 64, 64, dtype=torch.uint8)}, TypeError, "world.preprocess"),
        ({"image": torch.zeros(2, 3, 64, 64)}, ValueError, "not a batch of 2"),
        ({"image": torch.zeros(64, 64)}, ValueError, r"\(N, C, H, W\)"),
        ({"image": torch.full((3, 64, 64), torch.nan)}, ValueError, "NaN"),
        ({"image": torch.zeros(3, 65, 65)}, ValueError, "takes images of shape"),
        ({"fill": (0.0, 1.0)}, ValueError, "fill must be one value, three, or an image"),
        ({"fill": math.nan}, ValueError, "fill holds NaN"),
        ({"module": nn.Sequential(nn.Conv2d(3, 2, 3)), "layer": "0"}, ValueError, r"logits of shape \(N, classes\)"),
    ],
)
def test_bad_input_is_one_sentence(net, image, change, error, message):
    request = {"module": net, "image": image, "layer": "layer5", "size": 14, "stride": 10}
    with pytest.raises(error, match=message):
        occlusion_maps(**(request | change))


def swept(rows, cols, size, stride, least):
    """Maps whose class 1 is least probable at the position `least`."""
    probabilities = torch.full((rows, cols, 2), 0.5)
    probabilities[*least] = torch.tensor([0.9, 0.1])
    return OcclusionMaps(probabilities, {}, probabilities[0, 0], {}, 0, size, stride)


@pytest.mark.parametrize(("size", "stride"), [(6, 3), (5, 2), (4, 7)])
def test_touching_is_dilation_by_half_the_occluder(size, stride):
    """Against the definition: the centre lies less than size / 2 from some pixel of the mask along both axes."""
    mask = torch.rand(30, 34, generator=torch.Generator().manual_seed(6)) > 0.99
    rows, cols = (30 - size) // stride + 1, (34 - size) // stride + 1
    maps = swept(rows, cols, size, stride, (0, 0))
    boxes = torch.tensor([[maps.box(row, column) for column in range(cols)] for row in range(rows)]).float()
    centres = (boxes[..., :2] + boxes[..., 2:]) / 2  # (rows, cols, 2)
    pixels = torch.nonzero(mask) + 0.5  # pixels are squares of side 1 around their centres
    distances = (centres[:, :, None] - pixels).abs() - 0.5  # (rows, cols, pixels, 2)
    expected = (distances < size / 2).all(-1).any(-1)
    assert expected.any()
    assert not expected.all()
    assert torch.equal(touching(maps, mask), expected)
    for row in range(rows):
        for column in range(cols):
            assert points_at(swept(rows, cols, size, stride, (row, column)), 1, mask) == bool(expected[row, column])


def test_points_at_goes_by_the_true_class():
    mask = torch.zeros(12, 12, dtype=torch.bool)
    mask[10, 10] = True
    maps = swept(3, 3, 4, 4, (2, 2))
    assert points_at(maps, 1, mask)
    assert points_at(maps, 1, mask.numpy())
    assert not points_at(maps, 0, mask)  # class 0 is least probable everywhere but there; the first position wins
    with pytest.raises(ValueError, match="0 to 1, not 2"):
        points_at(maps, 2, mask)
    for bad in (mask.float(), mask[:10], mask[None]):
        with pytest.raises(ValueError, match=r"\(H, W\) bool"):
            points_at(maps, 1, bad)


def test_doctests():
    assert doctest.testmod(zfhelpers.occlusion).failed == 0
