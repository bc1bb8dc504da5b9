"""What a network is asked: the answers are those of the package's own functions, and of a plain forward pass."""

import pytest
import torch
from torch import nn

import zfhelpers as zf
from tests.explorer.conftest import CLASSES, centred
from zfhelpers.explorer.eye import LAYERS, Eye, map_layers
from zfhelpers.explorer.source import Source


@pytest.fixture
def eye(net, images):
    return Eye("mine", net, Source(images, centred), CLASSES)


def test_a_look_is_a_forward_pass(eye, net, images):
    look = eye.look(images[3])
    with torch.no_grad():
        said = net(centred(images[3:4])).softmax(dim=1)[0]
    assert torch.allclose(look.probabilities, said, atol=1e-6)
    for layer, values in zf.activations(net, centred(images[3:4]), eye.layers).items():
        assert torch.equal(look.maps[layer], values[0])
        peaks = values[0].flatten(1)
        assert torch.equal(look.peaks[layer][0], peaks.max(1).values)
        assert (peaks.max(1).values[look.order[layer]].diff() <= 0).all()
    assert eye.layers == ["layer1", "layer2", "layer3", "layer4", "layer5"]


def test_under_a_square_the_network_sees_what_is_shown(eye, net, images):
    said, maps = eye.under(eye.look(images[1]), (10, 4, 30, 24), "layer2")
    hidden = images[1].clone()
    for row in range(10, 30):  # pixel by pixel
        for column in range(4, 24):
            hidden[:, row, column] = 124
    with torch.no_grad():
        assert torch.allclose(said, net(centred(hidden[None])).softmax(dim=1)[0], atol=1e-6)
    assert torch.allclose(maps, zf.activations(net, centred(hidden[None]), "layer2")["layer2"][0], atol=1e-4)


@pytest.mark.parametrize("rule", ["deconvnet", "guided", "gradient"])
def test_a_projection_is_the_deconvnets(eye, net, images, rule):
    found = eye.project(eye.look(images[0]), "layer3", 2, (1, 0), rule, "max")
    assert torch.equal(found, zf.Deconvnet(net).project(centred(images[:1]), "layer3", [2], [(1, 0)], rule, "max")[0])


def test_few_projections_are_remembered(eye, images, monkeypatch):
    monkeypatch.setattr("zfhelpers.explorer.eye.PROJECTIONS", 3)
    look = eye.look(images[0])
    for which in range(6):
        eye.project(look, "layer5", which, (0, 0))
    assert [asked[1] for asked in look.projections] == [3, 4, 5]


def test_fields_are_the_packages_and_none_where_they_are_lost(eye, net):
    assert eye.field("layer3") == zf.receptive_field(net, "layer3", 64)

    class Turned(nn.Module):
        def __init__(self):
            super().__init__()
            self.conv, self.relu = nn.Conv2d(3, 4, 3), nn.ReLU()

        def forward(self, x):
            return self.relu(self.conv(x).transpose(2, 3)).mean((2, 3))

    turned = Eye("turned", Turned(), Source(torch.zeros(1, 3, 16, 16, dtype=torch.uint8), centred))
    assert turned.field("relu") is None


def test_another_weight_or_step_is_another_network(listening, images):
    source = Source(images, centred)
    first, again, other = (Eye("mine", listening(0.125, factor), source) for factor in (1.5, 1.5, 1.6))
    assert first.digest == again.digest != other.digest
    steps = [nn.Sequential(nn.Conv2d(3, 2, 3, stride=step), nn.ReLU(), nn.AdaptiveAvgPool2d(1), nn.Flatten()) for step in (1, 2)]
    steps[1].load_state_dict(steps[0].state_dict())
    assert len({Eye("mine", module, source).digest for module in steps}) == 2


def test_another_answer_of_the_same_weights_is_another_network(images):
    class Scaled(nn.Module):
        def __init__(self, factor):
            super().__init__()
            self.conv, self.relu, self.factor = nn.Conv2d(3, 4, 3), nn.ReLU(), factor

        def forward(self, x):
            return self.relu(self.conv(x) * self.factor).mean((2, 3))

    def eye(factor):
        torch.manual_seed(0)
        return Eye("mine", Scaled(factor), Source(images, centred))

    assert eye(1.0).digest == eye(1.0).digest != eye(1.01).digest


def test_wrong_names_are_refused(net, images):
    source = Source(images, centred)
    with pytest.raises(ValueError, match=r"^The network has 5 outputs, and 2 names of classes were given\.$"):
        Eye("mine", net, source, ["ant", "bee"])
    with pytest.raises(ValueError, match="has no layer 'conv9'"):
        Eye("mine", net, source, layers=["conv9"])
    flat = nn.Sequential(nn.Flatten(), nn.Linear(3 * 64 * 64, 2))
    with pytest.raises(ValueError, match=r"^This network has no layer of maps to explore; name layers=\.$"):
        Eye("mine", flat, source)
    assert Eye("mine", flat, source, layers=["1"]).look(images[0]).maps["1"].shape == (2, 1, 1)  # units, if that is asked for


# -------------------------------------------------------------------------------------------- layers that nobody described


class Block(nn.Module):
    """Its ReLU runs twice, so the block stands for it."""

    def __init__(self):
        super().__init__()
        self.first, self.second, self.relu = nn.Conv2d(4, 4, 3, padding=1), nn.Conv2d(4, 4, 3, padding=1), nn.ReLU()

    def forward(self, x):
        return self.relu(x + self.second(self.relu(self.first(x))))


CHAINS = {
    "in place, with a pool and dropout": (
        [nn.Conv2d(3, 4, 3), nn.ReLU(inplace=True), nn.MaxPool2d(2), nn.Dropout(), nn.Conv2d(4, 4, 3), nn.ReLU()],
        ["1", "5"],
    ),
    "nothing rectified": ([nn.Conv2d(3, 4, 3), nn.Tanh(), nn.Conv2d(4, 2, 3), nn.Tanh()], ["0", "2"]),
    "blocks": ([nn.Conv2d(3, 4, 3), Block(), nn.Sequential(Block(), Block())], ["1", "2.0", "2.1"]),
    "no map left": ([nn.Conv2d(3, 4, 3), nn.ReLU(), nn.AdaptiveAvgPool2d(1), nn.ReLU()], ["1"]),
}


@pytest.mark.parametrize(("parts", "layers"), CHAINS.values(), ids=CHAINS)
def test_layers_are_found(parts, layers):
    torch.manual_seed(0)
    assert map_layers(nn.Sequential(*parts).eval(), torch.randn(1, 3, 16, 16)) == layers


def test_a_convolution_is_no_rectifier_even_if_all_is_positive():
    net = nn.Sequential(nn.Conv2d(1, 2, 3), nn.ReLU())
    with torch.no_grad():
        net[0].bias.fill_(9)
    assert map_layers(net, torch.zeros(1, 1, 8, 8)) == ["1"]


def test_of_many_layers_some_are_offered():
    deep = nn.Sequential(*(part for _ in range(40) for part in (nn.Conv2d(3, 3, 1), nn.ReLU())))
    found = map_layers(deep, torch.randn(1, 3, 8, 8))
    assert len(found) == len(set(found)) == LAYERS
    assert (found[0], found[-1]) == ("1", "79")
