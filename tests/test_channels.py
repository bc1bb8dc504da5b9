"""Images of 1, 2, 3, 4 and more channels, and maps in any axis, in every public function, figure and view."""

import numpy as np
import pytest
import torch
from hypothesis import assume, example, given, settings
from hypothesis import strategies as st
from torch import nn

import zfhelpers as zf
from zfhelpers import figures, views
from zfhelpers.experiments.invariance import invariance_curves
from zfhelpers.figures.occlusion import OccludedImage
from zfhelpers.figures.tiles import mosaic, pixels, projection_to_rgb, three
from zfhelpers.hooks import maps_first

CHANNELS = (1, 2, 3, 4, 7)


def digits(channels, seed=0):
    torch.manual_seed(seed)
    return nn.Sequential(
        *(nn.Conv2d(channels, 8, 5), nn.ReLU(), nn.MaxPool2d(2), nn.Conv2d(8, 6, 5), nn.ReLU(), nn.Flatten(), nn.Linear(384, 10))
    ).eval()


@pytest.fixture(params=CHANNELS)
def channels(request):
    return request.param


@pytest.fixture
def images(channels):
    return torch.rand(6, channels, 28, 28, generator=torch.Generator().manual_seed(channels))


def test_what_is_found_is_what_a_plain_pass_gives(channels, images):
    net = digits(channels)
    with torch.no_grad():
        values, logits = net[:5](images), net(images)
    torch.testing.assert_close(zf.activations(net, images, "4")["4"], values)
    top = zf.top_activations(net, [(image, 0) for image in images], "4", k=3)["4"]
    torch.testing.assert_close(top.values, values.amax((2, 3)).T.sort(dim=1, descending=True).values[:, :3])
    fill = torch.linspace(-1, 1, channels).tolist()
    maps = zf.occlusion_maps(net, images[0], "4", (9, 5), (6, 11), fill)
    torch.testing.assert_close(maps.probabilities_clean, logits[0].softmax(0))
    covered = images[0].clone()
    covered[:, 6:15, 11:16] = torch.tensor(fill)[:, None, None]
    with torch.no_grad():
        torch.testing.assert_close(maps.probabilities[1, 1], net(covered[None])[0].softmax(0))
        torch.testing.assert_close(maps.sums["4"][1, 1], net[:5](covered[None])[0].sum((1, 2)))
    hidden = images.clone()
    hidden[:, :, 3:12, 4:9] = 0
    size = zf.correspondence(net, images, [(3, 4, 12, 9)] * 6, "4")["4"].size
    with torch.no_grad():
        moved = (values - net[:5](hidden)).flatten(1).norm(dim=1) / values.flatten(1).norm(dim=1)
    torch.testing.assert_close(size, moved, atol=1e-4, rtol=1e-4)
    curves = invariance_curves(net, images, [0] * 6, "translation", [0, 3], "4")
    with torch.no_grad():
        shifted = net(nn.functional.pad(images, (0, 0, 3, 0))[:, :, :28]).softmax(1)
    torch.testing.assert_close(curves.probability[:, 1], shifted[:, 0], atol=1e-5, rtol=1e-4)


def test_a_number_of_channels_that_the_network_does_not_take_is_one_sentence(channels, images):
    with pytest.raises(ValueError, match=rf"cannot run on images of shape \(6, {channels}, 28, 28\).*channels"):
        zf.activations(digits(channels + 1), images, "4")


def test_one_channel_is_grey_and_others_are_their_mean(channels):
    image = np.random.default_rng(0).integers(0, 256, (channels, 5, 6), dtype=np.uint8)
    shown = pixels(image)
    assert shown.shape == (5, 6, 3)
    for row, column in np.ndindex(5, 6):
        seen = image[:, row, column]
        expected = seen if channels == 3 else [round(seen.astype(float).mean())] * 3
        assert shown[row, column].tolist() == list(expected)
    assert mosaic(image[None], 1).shape == (3, 5, 6)
    signed = np.random.default_rng(1).normal(size=(4, channels, 5, 6))
    assert projection_to_rgb(signed).shape == (4, 3, 5, 6)
    grey = signed if channels == 3 else signed.mean(1, keepdims=True).repeat(3, 1)
    np.testing.assert_array_equal(projection_to_rgb(signed, scale=2.0), projection_to_rgb(grey, scale=2.0))
    assert three(image).dtype == np.uint8


def test_every_figure_draws_them(channels, images):
    shown = (images * 255).to(torch.uint8)
    nine = torch.randn(2, 9, channels, 14, 14)
    patches = shown[0, :, :14, :14].expand(2, 9, channels, 14, 14)
    pictures = [
        figures.top9_figure(nine, patches, "4", [1, 2]),
        figures.top9_figure(nine, shown[0, :1, :14, :14].expand(2, 9, 1, 14, 14), "4", [1, 2]),
        figures.filters_figure(digits(channels)[0].weight),
        figures.images_figure(shown, side=20),
        figures.images_figure(shown, side=56),
        figures.evolution_figure(nine, range(9), "4"),
        figures.Picture(shown[0], "A digit."),
    ]
    maps = zf.occlusion_maps(digits(channels), images[0], "4", (9, 5), (6, 11))
    case = OccludedImage(shown[0], maps, 3, torch.randn(4, channels, 14, 14))
    pictures.append(figures.occlusion_figure(case, [str(number) for number in range(10)]))
    assert all(picture.png.startswith(b"\x89PNG") for picture in pictures)


def test_every_view_of_images_draws_them(channels, images):
    shown = (images * 255).to(torch.uint8)
    net, nine = digits(channels), np.random.default_rng(0).normal(size=(2, 9, channels, 7, 7))
    patches = np.zeros((2, 9, channels, 7, 7), np.uint8)
    maps = zf.occlusion_maps(net, images[0], "4", (9, 5), (6, 11))
    names = [str(number) for number in range(10)]
    made = [
        views.occlusion_view(shown[0], maps, names, 3).set(row=1, column=1),
        views.features_view({"4": ([1, 5], nine, patches)}),
        views.filters_view({"digits": net[0].weight}),
        views.evolution_view({"4": ([1, 5], nine, patches, np.zeros((2, 9), int))}, range(9)),
    ]
    assert all(view.error is None for view in made)


# ---------------------------------------------------------------------------------------------------- maps in another axis


class Last(nn.Module):
    """The maps last, as transformers and ConvNeXt have them inside: (N, rows, columns, maps) or tokens (N, places, maps)."""

    def __init__(self, tokens):
        super().__init__()
        self.tokens = tokens

    def forward(self, x):
        return x.flatten(2).transpose(1, 2) if self.tokens else x.permute(0, 2, 3, 1)


@settings(max_examples=40, deadline=None)
@given(st.integers(1, 12), st.integers(9, 16), st.integers(9, 16), st.booleans(), st.integers(0, 999))
def test_maps_that_lie_last_are_found_as_they_are_or_refused(maps, height, width, tokens, seed):
    torch.manual_seed(seed)
    net = nn.Sequential(nn.Conv2d(3, maps, 4), nn.ReLU(), Last(tokens), nn.Identity(), nn.Flatten(), nn.LazyLinear(3)).eval()
    images = torch.randn(4, 3, height, width)
    with torch.no_grad():
        net(images)
    data, axis = [(image, 0) for image in images], 2 if tokens else -1
    plain, turned = (
        zf.top_activations(net, data, layer, 2, **asked)[layer] for layer, asked in (("1", {}), ("3", {"channel_axis": axis}))
    )
    assert torch.equal(plain.values, turned.values)
    assert torch.equal(plain.images, turned.images)
    columns = width - 3
    places = (turned.rows, turned.columns) if not tokens else (turned.rows // columns, turned.rows % columns)
    assert torch.equal(plain.rows, places[0])
    assert torch.equal(plain.columns, places[1])
    swept = zf.occlusion_maps(net, images[0], "1", 4, 5), zf.occlusion_maps(net, images[0], "3", 4, 5, channel_axis=axis)
    torch.testing.assert_close(swept[0].sums["1"], swept[1].sums["3"])
    assert swept[0].strongest_map == swept[1].strongest_map
    if tokens or (height == width and abs(maps - columns) > 1):  # otherwise they may look like maps in axis 1
        for call in (lambda: zf.top_activations(net, data, "3", 2), lambda: zf.occlusion_maps(net, images[0], "3", 4, 5)):
            with pytest.raises(ValueError, match="channel_axis"):
                call()


@pytest.mark.parametrize("layer", [nn.Linear(5, 5), nn.LayerNorm(5)])
def test_layers_that_work_along_the_last_axis_tell_where_maps_lie(layer):
    net = nn.Sequential(nn.Conv2d(3, 5, 4), Last(False), layer)
    images = torch.randn(2, 3, 8, 8)  # five maps of 5 x 5: their shape tells nothing
    with pytest.raises(ValueError, match="seem to lie in the last axis"):
        zf.top_activations(net, [(image, 0) for image in images], "2", 1)
    assert zf.top_activations(net, [(image, 0) for image in images], "2", 1, channel_axis=1)["2"].values.shape == (5, 1)


SIZES = [(64, 128), (128, 64), (96, 128), (60, 200), (128, 128), (72, 96)]


class Stage(nn.Module):
    """Patches of a side become places, and maps that lie last, as in a Swin Transformer; normalised inside, or not."""

    def __init__(self, side, maps, normed):
        super().__init__()
        self.cut = nn.Conv2d(3, maps, side, side)
        self.norm = nn.LayerNorm(maps) if normed else nn.Identity()

    def forward(self, x):
        places = self.cut(x).permute(0, 2, 3, 1)
        return places + self.norm(places)


@pytest.mark.parametrize("size", SIZES)
@pytest.mark.parametrize("side", [2, 4, 8])
@pytest.mark.parametrize("maps", [24, 64, 96, 192])
@pytest.mark.parametrize("normed", [True, False])
def test_maps_last_are_not_taken_for_places_on_oblong_images(size, side, maps, normed):
    net, images = Stage(side, maps, normed).eval(), [torch.rand(3, *size)]
    rows, columns = size[0] // side, size[1] // side
    fits = any(abs(columns - size[0] / by) < 2 and abs(maps - size[1] / by) < 2 for by in range(1, 200))
    if rows == maps or (fits and not normed):
        return  # nothing tells such maps from those in axis 1
    with pytest.raises(ValueError, match="seem to lie in the last axis; pass channel_axis: -1"):
        zf.top_activations(nn.Sequential(net), images, "0", 1)
    assert zf.top_activations(nn.Sequential(net), images, "0", 1, channel_axis=-1)["0"].values.shape == (maps, 1)


@pytest.mark.parametrize("seed", range(60))
def test_maps_in_axis_1_of_convolutions_and_pools_are_not_refused(seed):
    rng = torch.Generator().manual_seed(seed)

    def pick(*options):
        return options[int(torch.randint(len(options), (), generator=rng))]

    layers, channels = [], 3
    for _ in range(pick(1, 2)):
        kernel, wide = pick(1, 3, 5, 7), pick(8, 16, 32, 64, 96)
        layers += [nn.Conv2d(channels, wide, kernel, pick(1, 2), pick(kernel // 2, kernel // 2, 0)), nn.GroupNorm(1, wide)]
        layers += pick([], [nn.MaxPool2d(2)], [nn.MaxPool2d(3, 2, 1)])
        channels = wide
    size = pick(*SIZES)
    values = zf.activations(nn.Sequential(nn.Sequential(*layers)), torch.rand(1, 3, *size), "0")["0"]
    assert maps_first(values, "0", nn.Sequential(*layers), size).shape == values.shape


@settings(max_examples=300, deadline=None)
@example(9, 11, 4, [(4, 1, False)])
@given(
    st.integers(8, 80),
    st.integers(8, 80),
    st.integers(1, 40),
    st.lists(st.tuples(st.sampled_from([1, 2, 3, 4, 5, 7]), st.sampled_from([1, 2]), st.booleans()), min_size=1, max_size=2),
)
def test_convolutions_without_padding_on_small_images_are_not_taken_for_maps_that_lie_last(height, width, maps, steps):
    rows, columns = height, width
    for kernel, stride, padded in steps:
        pad = kernel // 2 if padded else 0
        rows, columns = ((side + 2 * pad - kernel) // stride + 1 for side in (rows, columns))
    assume(min(rows, columns) > 0)
    values = torch.zeros(1, maps, rows, columns)
    assert maps_first(values, "0", nn.ReLU(), (height, width)).shape == values.shape


@pytest.mark.parametrize("tokens", [False, True])
def test_what_excites_maps_that_lie_last_is_shown_as_of_maps_in_axis_1(tokens):
    torch.manual_seed(0)
    net = nn.Sequential(nn.Conv2d(3, 5, 4), nn.ReLU(), Last(tokens), nn.Identity()).eval()
    images, axis = [(torch.randn(3, 11, 14), 0) for _ in range(12)], 2 if tokens else -1
    asked = zf.top_patches(net, images, {"3": [4, 0]}, k=3, channel_axis=axis)["3"]
    plain = zf.top_patches(net, images, {"1": [4, 0]}, k=3, largest=99)["1"]
    assert torch.equal(asked.values, plain.values)
    assert torch.equal(asked.images, plain.images)
    assert asked.boxes.unique(dim=1).tolist() == [[[-2, 0, 12, 14]]] * 2  # the square around the image
    assert torch.equal(asked.patches[0, 0][:, 2:13], images[asked.images[0, 0]][0])
    for m, n in np.ndindex(2, 3):
        top, left, bottom, right = plain.boxes[m, n].tolist()
        inside = asked.projections[m, n][:, top + 2 : bottom + 2, left:right]
        torch.testing.assert_close(inside, plain.projections[m, n])
        torch.testing.assert_close(asked.projections[m, n].abs().sum(), inside.abs().sum())
    with pytest.raises(ValueError, match="channel_axis"):
        zf.top_patches(net, images, {"3": [0]}, channel_axis=7)


def test_maps_that_only_look_as_if_they_lay_last_are_shown_when_the_axis_is_named():
    net = nn.Sequential(nn.Conv2d(1, 32, 3, stride=(2, 8), padding=1), nn.ReLU()).eval()
    images = [torch.randn(1, 64, 64) for _ in range(10)]
    with pytest.raises(ValueError, match="pass channel_axis: -1, or 1 if they do not"):
        zf.top_patches(net, images, {"1": [0]})
    found = zf.top_patches(net, images, {"1": [31]}, channel_axis=1)["1"]
    with torch.no_grad():
        values = net(torch.stack(images))[:, 31]
    torch.testing.assert_close(found.values[0], values.flatten(1).amax(1).sort(descending=True).values[:9])


@pytest.mark.parametrize("axis", [0, 4, -4, -5, 1.5, "last", True])
def test_an_axis_that_holds_no_maps_is_refused(axis):
    with pytest.raises(ValueError, match="axis"):
        zf.top_activations(nn.Sequential(nn.Conv2d(3, 5, 4)), [(torch.randn(3, 8, 8), 0)], "0", 1, channel_axis=axis)
