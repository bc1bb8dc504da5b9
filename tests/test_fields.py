"""Projections on crops against projections on whole images, on random networks."""

import itertools

import pytest
import torch
from torch import nn

from zfhelpers import fields
from zfhelpers.boxes import crop
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


# ------------------------------------------------------------------------------------- the values that the search has found


class Beside(nn.Module):
    """A branch that looks the same everywhere, and beside it one that knows where in the image something lies."""

    def __init__(self):
        super().__init__()
        self.plain, self.placed, self.act = nn.Conv2d(3, 4, 5), nn.Conv2d(5, 4, 5), nn.ReLU()
        self.each, self.out = nn.Conv2d(8, 8, 3, groups=2), nn.ReLU()

    def forward(self, x):
        rows, columns = (torch.linspace(-3, 3, size).to(x) for size in x.shape[2:])
        places = torch.stack(torch.meshgrid(rows, columns, indexing="ij")).expand(len(x), -1, -1, -1)
        return self.out(self.each(self.act(torch.cat([self.plain(x), self.placed(torch.cat([x, places], 1))], 1))))


@pytest.mark.parametrize("seed", range(10))
def test_what_is_shown_is_part_of_the_whole_projection_also_where_only_some_maps_know_places(seed):
    torch.manual_seed(seed)
    net, images = Beside().double().eval(), [torch.randn(3, 44, 48, dtype=torch.float64) for _ in range(20)]
    maps = torch.randperm(8)[:5].tolist()
    found = top_patches(net, images, {"out": maps}, k=3)["out"]
    for m, n in itertools.product(range(5), range(3)):
        place = [(int(found.rows[m, n]), int(found.columns[m, n]))]
        whole = Deconvnet(net).project(images[found.images[m, n]][None], "out", [maps[m]], place)[0]
        expected = crop(whole, found.boxes[m, n].tolist())
        torch.testing.assert_close(found.projections[m, n], expected, atol=1e-5 * float(whole.abs().max()), rtol=0)


def test_every_unit_comes_once_where_crops_serve_some_of_them(monkeypatch):
    torch.manual_seed(1)
    net, images, count = Beside().eval(), torch.randn(3, 3, 48, 48), 60
    maps, index, places = torch.arange(count) % 8, torch.arange(count) % 3, torch.randint(0, 40, (count, 2))
    with torch.no_grad():
        values = net(images)
    found = values[index, maps, places[:, 0], places[:, 1]]
    by_crops = InFields(net, "out", receptive_field(net, "out", 48), (48, 48), float(values.max()))
    by_crops.trusted = True  # as two units of the plain branch would have it
    came = [which for which, *_ in by_crops.project(images, maps, places, index, values=found)]
    assert torch.cat(came).tolist() == list(range(count))
    assert by_crops.trusted is False


class Restless:
    """A data set that gives another part of an image, or another brightness, each time it is asked."""

    def __init__(self, change, count=20):
        self.images, self.change = [torch.randn(3, 40, 40) for _ in range(count)], change
        self.rng = torch.Generator().manual_seed(0)

    def __len__(self):
        return len(self.images)

    def __getitem__(self, index):
        return self.change(self.images[index], self.rng), index


def cropped_at_random(image, rng):
    top, left = torch.randint(0, 9, (2,), generator=rng).tolist()
    return image[:, top : top + 32, left : left + 32]


def flipped_at_random(image, rng):
    return image.flip(2) if torch.rand((), generator=rng) < 0.5 else image


def lit_at_random(image, rng):
    return image * (1 + 0.3 * torch.rand((), generator=rng))


@pytest.mark.parametrize("change", [cropped_at_random, flipped_at_random, lit_at_random])
@pytest.mark.parametrize("layer", ["1", "4"])  # on crops, and on whole images
def test_a_data_set_that_changes_its_images_is_refused(change, layer):
    torch.manual_seed(0)
    net = nn.Sequential(nn.Conv2d(3, 8, 5), nn.ReLU(), nn.AdaptiveMaxPool2d(2), nn.Flatten(), nn.Linear(32, 4)).eval()
    message = rf"A unit of layer '{layer}' has the value .* where the search found .*; give .* without random augmentation"
    with pytest.raises(ValueError, match=message):
        top_patches(net, Restless(change), {layer: [0, 1]})


@pytest.mark.parametrize("dtype", [torch.float32, torch.float64, torch.bfloat16])
@pytest.mark.parametrize("scale", [1e-6, 1.0, 1e4])
def test_rounding_is_no_other_image(dtype, scale):
    torch.manual_seed(0)
    layers = [part for _ in range(6) for part in (nn.Conv2d(6, 6, 3, padding=1), nn.ReLU())]
    net = nn.Sequential(nn.Conv2d(3, 6, 3, 2), *layers).to(dtype).eval()
    images = [torch.randn(3, 64, 64).to(dtype) * scale for _ in range(23)]
    found = top_patches(net, images, {"0": [0, 5], "12": range(6)}, k=5)
    assert found["0"].projections.any()
    with torch.no_grad():
        worst = (net(torch.stack(images)).flatten(2).amax(2).max(0).values - found["12"].values[:, 0]).abs().max()
    assert worst <= torch.finfo(dtype).eps ** 0.5 * found["12"].values.max()
