"""Projections on crops against projections on whole images, on random networks."""

import pytest
import torch
from torch import nn

from zfhelpers import fields
from zfhelpers.deconv import RULES, Deconvnet
from zfhelpers.fields import InFields
from zfhelpers.geometry import receptive_field
from zfhelpers.model import Architecture, ContrastNorm, ZFNet
from zfhelpers.patches import top_patches


def random_network(rng: torch.Generator) -> nn.Module:
    """Convolutions, pools and normalisation with random settings, as narrow as a test can be."""

    def pick(*options):
        return options[int(torch.randint(len(options), (), generator=rng))]

    maps, layers = 3, []
    for _ in range(pick(1, 2, 3)):
        wide = pick(3, 4)
        layers += [nn.Conv2d(maps, wide, pick(1, 3, 5), pick(1, 2), pick(0, 1, 2), pick(1, 1, 2)), nn.ReLU()]
        layers += pick(
            [], [nn.MaxPool2d(pick(2, 3), 2, pick(0, 1), ceil_mode=pick(True, False))], [nn.AvgPool2d(2)], [ContrastNorm()]
        )
        maps = wide
    return nn.Sequential(*layers, nn.Conv2d(maps, 4, 3, 1, 1), nn.ReLU())


@pytest.mark.parametrize("seed", range(60))
def test_crops_equal_whole_images(seed, monkeypatch):
    monkeypatch.setattr(fields, "WORTH", 1.0)
    rng = torch.Generator().manual_seed(seed)
    torch.manual_seed(seed)
    net = random_network(rng).eval()
    images, layer = torch.randn(3, 3, 61, 70, generator=rng), str(len(net) - 1)
    field = receptive_field(net, layer, (61, 70))
    rows, columns = net(images).shape[2:]
    corners = [[0, 0], [rows - 1, columns - 1], [0, columns - 1], [rows // 2, columns // 2]]
    places = torch.tensor([*corners, *[[int(torch.randint(n, (), generator=rng)) for n in (rows, columns)] for _ in range(6)]])
    maps, index = torch.arange(10) % 4, torch.arange(10) % 3
    rule = RULES[seed % 3]
    by_crops = InFields(net, layer, field, (61, 70))
    whole = Deconvnet(net).project(images, layer, maps, places, rule, image_index=index)
    pasted = torch.zeros_like(whole)
    for which, parts, starts in by_crops.project(images, maps, places, index, rule):
        for k, part, (top, left) in zip(which.tolist(), parts, starts, strict=True):
            pasted[k, :, top : top + part.shape[1], left : left + part.shape[2]] = part
    assert by_crops.sides == (61, 70) or by_crops.trusted
    torch.testing.assert_close(pasted, whole, atol=1e-5 * float(whole.abs().max()), rtol=0)


def test_most_random_networks_are_cropped():
    cropped = 0
    for seed in range(60):
        net = random_network(torch.Generator().manual_seed(seed)).eval()
        layer = str(len(net) - 1)
        cropped += InFields(net, layer, receptive_field(net, layer, (61, 70)), (61, 70)).sides != (61, 70)
    assert cropped > 30


class Here(nn.Module):
    """A network that knows where in the image something lies, and looks the same everywhere to `receptive_field`."""

    def __init__(self):
        super().__init__()
        self.see = nn.Conv2d(3, 2, 3)

    def forward(self, x):
        return self.see(x * torch.linspace(0, 1, x.shape[-1]))


def test_a_network_that_knows_places_is_run_on_whole_images():
    net, images = Here(), torch.randn(2, 3, 40, 40)
    places, maps, index = torch.tensor([[3, 30], [9, 9]]), torch.tensor([0, 1]), torch.tensor([0, 1])
    by_crops = InFields(net, "see", receptive_field(net, "see", 40), (40, 40))
    [(_, parts, starts)] = by_crops.project(images, maps, places, index)
    assert by_crops.sides != (40, 40)
    assert by_crops.trusted is False
    assert starts == [(0, 0), (0, 0)]
    assert torch.equal(parts, Deconvnet(net).project(images, "see", maps, places, image_index=index))


def test_what_excites_a_map_looks_the_same(monkeypatch):
    torch.manual_seed(0)
    net = ZFNet(Architecture(classes=5, image_size=96, width=0.125, fc=(16, 16))).eval()
    images = [(torch.randn(3, 96, 96), 0) for _ in range(12)]
    request = net, images, {"layer1": [0, 5], "layer2": [3, 1, 7], "layer3": [2]}
    cropped = top_patches(*request)
    monkeypatch.setattr(fields, "WORTH", 0.0)
    for layer, whole in top_patches(*request).items():
        scale = float(whole.projections.abs().max())
        assert scale > 0
        torch.testing.assert_close(cropped[layer].projections, whole.projections, atol=1e-5 * scale, rtol=0)


def test_no_field_no_crops():
    assert InFields(nn.Sequential(nn.Conv2d(3, 2, 3)), "0", None, (30, 30)).sides == (30, 30)
