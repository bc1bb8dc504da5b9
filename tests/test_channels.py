"""Images of 1, 2, 3, 4 and more channels, and maps in any axis, in every public function, figure and view."""

import numpy as np
import pytest
import torch
from hypothesis import given, settings
from hypothesis import strategies as st
from torch import nn

import zfhelpers as zf
from zfhelpers import figures, views
from zfhelpers.experiments.invariance import invariance_curves
from zfhelpers.figures.occlusion import OccludedImage
from zfhelpers.figures.tiles import mosaic, pixels, projection_to_rgb, three

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


@pytest.mark.parametrize("axis", [0, 4, -4, -5, 1.5, "last", True])
def test_an_axis_that_holds_no_maps_is_refused(axis):
    with pytest.raises(ValueError, match="axis"):
        zf.top_activations(nn.Sequential(nn.Conv2d(3, 5, 4)), [(torch.randn(3, 8, 8), 0)], "0", 1, channel_axis=axis)
