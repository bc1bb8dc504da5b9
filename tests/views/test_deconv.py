"""The deconvnet View: what it shows is what the deconvnet computes."""

import io
import re

import numpy as np
import pytest
import torch
from PIL import Image, ImageColor
from torchvision.models import squeezenet1_1

from zfhelpers import views
from zfhelpers.deconv import Deconvnet
from zfhelpers.figures import projection_to_rgb
from zfhelpers.geometry import receptive_field
from zfhelpers.model import Architecture, ZFNet
from zfhelpers.networks.named import Named
from zfhelpers.views.panels import MARK

RNG = np.random.default_rng(0)
PHOTO = RNG.integers(0, 256, (3, 64, 64), dtype=np.uint8)


@pytest.fixture(scope="module")
def net():
    torch.manual_seed(0)
    return ZFNet(Architecture(classes=3, image_size=64, width=0.0625, fc=(8, 8))).eval()


def deconvolution(net):
    image = torch.from_numpy(PHOTO).float() - 128
    layers = ("layer1", "layer3")
    return views.deconv_view(net, image, PHOTO, layers, {layer: receptive_field(net, layer, 64) for layer in layers})


def pixels(view):
    return np.asarray(Image.open(io.BytesIO(view.png)).convert("RGB"))


def test_the_projection_is_the_deconvnets(net):
    view = deconvolution(net).set(layer="layer1", rank=1, rule="guided")
    which = int(re.search(r"map: <strong>(\d+)", view.readout)[1])
    expected = projection_to_rgb(
        Deconvnet(net).project(torch.from_numpy(PHOTO)[None].float() - 128, "layer1", [which], rule="guided")[0]
    )
    page = pixels(view)[24:, 64 * 4 + 16 :]
    assert (page[::4, ::4] == expected.transpose(1, 2, 0)).all()
    assert not view.controls["rank"].continuous_update


def test_a_field_beyond_the_image_is_framed_on_all_four_sides(net):
    view = deconvolution(net).set(layer="layer3").set(row=0, column=0)
    top, left, bottom, right = receptive_field(net, "layer3", 64).box(0, 0)
    assert top < 0
    assert left < 0
    page = pixels(view)[24:, : 64 * 4]
    for edge in (
        page[0, : right * 4],
        page[: bottom * 4, 0],
        page[min(bottom, 64) * 4 - 1, : right * 4],
        page[: bottom * 4, min(right, 64) * 4 - 1],
    ):
        assert (edge == ImageColor.getrgb(MARK)).all()


def test_a_network_from_elsewhere_is_asked_by_the_papers_names():
    torch.manual_seed(0)
    net = Named(squeezenet1_1(weights=None).eval(), 64)
    image = torch.from_numpy(PHOTO).float() / 64 - 2
    view = views.deconv_view(net, image, PHOTO).set(layer="layer2", rank=3)
    assert list(view.controls["layer"].options) == list(net.conv_sizes)
    which = int(re.search(r"map: <strong>(\d+)", view.readout)[1])
    expected = projection_to_rgb(Deconvnet(net.network).project(image[None], net.layers["layer2"], [which])[0])
    assert (pixels(view)[24::4, 64 * 4 + 16 :: 4] == expected.transpose(1, 2, 0)).all()
