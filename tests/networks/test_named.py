"""Other people's networks by the paper's names: the rule against what their authors wrote, and every function on the result."""

import pytest
import torch
from torch import nn
from torchvision.models import get_model

import zfhelpers as zf
from zfhelpers.experiments.features import tap
from zfhelpers.model import TABLE3, Architecture, ZFNet
from zfhelpers.networks.elsewhere import LAYERS
from zfhelpers.networks.named import MAPS, Named, first_filters, paper_layers

PLAIN = {"googlenet": {"init_weights": False}, "inception_v3": {"init_weights": False}}


def network(name):
    torch.manual_seed(0)
    return get_model(name, weights=None, **PLAIN.get(name, {})).eval()


class Small(nn.Module):
    """Three resolutions, one of them twice, residual, with a hidden layer of units, ReLUs in place and used twice."""

    def __init__(self, in_place=True, outputs=7):
        super().__init__()
        self.relu = nn.ReLU(in_place)
        self.parts = nn.ModuleList([self.part(3, 8), self.part(8, 8), self.part(8, 8), self.part(8, 8), self.part(8, 8)])
        self.pool, self.hidden, self.last = nn.MaxPool2d(2), nn.Linear(8 * 8 * 8, 20), nn.Linear(20, outputs)
        self.units = nn.ReLU()

    def part(self, maps, more):
        return nn.Sequential(nn.Conv2d(maps, more, 3, padding=1), nn.ReLU(inplace=True))

    def forward(self, x):
        x = self.pool(self.parts[0](x))
        x = self.parts[1](x)
        x = self.pool(self.relu(self.parts[2](x) + x))
        x = self.parts[4](self.relu(self.parts[3](x)))
        return self.last(self.units(self.hidden(x.flatten(1))))


@pytest.mark.parametrize("name", sorted(LAYERS))
def test_the_rule_chooses_what_the_table_says(name):
    proposed = Named(network(name), 224)
    assert list(proposed.layers.values()) == LAYERS[name]
    assert proposed.proposed
    assert not Named(network(name), 224, proposed.layers).proposed


@pytest.mark.parametrize(
    ("name", "taps"),
    [
        ("alexnet", ["features.2", "features.5", "features.7", "features.9", "features.12", "classifier.2", "classifier.5"]),
        ("squeezenet1_1", ["features.2", "features.5", "features.8", "features.11", "features.12"]),
        ("resnet18", ["maxpool", "layer1.1", "layer2.1", "layer3.1", "layer4.1"]),
        ("vgg16", ["features.4", "features.9", "features.16", "features.23", "features.30", "classifier.1", "classifier.4"]),
        ("googlenet", ["maxpool1", "maxpool2", "maxpool3", "maxpool4", "inception5b"]),
    ],
)
def test_features_are_what_the_next_layer_is_given(name, taps):
    net = Named(network(name), 224)
    image = torch.randn(1, 3, 224, 224)
    ends = [tap(net, layer) for layer in paper_layers(net)]
    here, there = zf.activations(net, image, ends), zf.activations(net.network, image, taps)
    for end, other in zip(ends, taps, strict=True):
        assert torch.equal(here[end], there[other])


@pytest.mark.parametrize("name", ["mobilenet_v2", "densenet121", "shufflenet_v2_x0_5", "efficientnet_b0", "regnet_x_400mf"])
def test_every_family_has_five_layers_of_maps_from_large_to_small(name):
    net = Named(network(name), 224)
    sizes = list(net.conv_sizes.values())
    assert paper_layers(net)[:5] == MAPS
    assert sizes == sorted(sizes, reverse=True)
    assert sizes[-1] > 1
    values = zf.activations(net, torch.randn(1, 3, 224, 224), MAPS)
    assert [value.shape[-1] for value in values.values()] == sizes
    assert len(set(net.layers.values())) >= 5


def test_a_network_without_five_layers_of_maps_says_so():
    with pytest.raises(ValueError, match=r"^The network has 1 layers? of maps, and the paper's names are for five; say which"):
        Named(network("vit_b_16"), 224)


@pytest.mark.parametrize("in_place", [True, False])
def test_a_small_network_of_ones_own(in_place):
    net = Named(Small(in_place).eval(), 32)
    assert net.layers == {
        "layer1": "parts.0.1", "layer2": "parts.1.1", "layer3": "parts.2.1", "layer4": "parts.3.1", "layer5": "parts.4.1",
        "layer6": "units",
    }  # fmt: skip
    assert net.taps["layer1"] == "layer1"  # one module pools after two layers
    assert net.outputs == 7


def test_layers_can_be_said_and_one_module_may_be_two():
    said = {"layer1": "parts.0", "layer2": "parts.0", "layer3": "parts.1", "layer4": "parts.2", "layer5": "parts.4"}
    net = Named(Small().eval(), 32, said, classes=list("abcdefg"))
    assert net.layers == said
    assert not net.proposed
    assert net.classes == tuple("abcdefg")
    assert paper_layers(net) == MAPS
    found = zf.activations(net, torch.randn(2, 3, 32, 32), ["layer1", "layer2"])
    assert torch.equal(found["layer1"], found["layer2"])


def test_a_named_network_answers_as_before_and_has_both_names():
    plain = network("squeezenet1_1")
    net, images = Named(plain, 224), torch.randn(2, 3, 224, 224)
    with torch.no_grad():
        assert torch.equal(net(images), plain(images))
    both = zf.activations(net, images, ["layer5", "network.features.12"])
    assert torch.equal(both["layer5"], both["network.features.12"])


@pytest.mark.parametrize(("name", "layer"), [("alexnet", "features.11"), ("resnet18", "layer4.1")])
def test_every_function_takes_it_as_the_network_itself(name, layer):
    plain = network(name)
    net, image = Named(plain, 224), torch.randn(1, 3, 224, 224)
    ours, theirs = (zf.Deconvnet(each).project(image, of, [3, 5]) for each, of in ((net, "layer5"), (plain, layer)))
    assert ours.abs().max() > 0
    assert torch.equal(ours, theirs)
    assert zf.receptive_field(net, "layer5", 224) == zf.receptive_field(plain, layer, 224)
    swept = [zf.occlusion_maps(each, image[0], of, 112, 112) for each, of in ((net, "layer5"), (plain, layer))]
    assert torch.equal(swept[0].probabilities, swept[1].probabilities)
    assert torch.equal(swept[0].activity, swept[1].activity)


def test_the_first_filters_are_those_that_see_the_image():
    assert first_filters(Named(network("alexnet"), 224)).shape == (64, 3, 11, 11)
    net = ZFNet(Architecture(classes=3, image_size=64, width=0.25, fc=(8, 8)))
    assert torch.equal(first_filters(net), net.layer1.conv.weight)
    with pytest.raises(ValueError, match=r"^This network has no convolution, so no filters to look at\.$"):
        first_filters(nn.Sequential(nn.Flatten(), nn.Linear(12, 2)))


def convolutions(*pairs: tuple[int, int]) -> nn.Module:
    """Convolutions in the order in which they are registered, which need not be that in which they are called."""
    return nn.Sequential(*(nn.Conv2d(*pair, 1) for pair in pairs))


@pytest.mark.parametrize(
    ("pairs", "right"),
    [
        ([(3, 16), (16, 10)], 0),
        ([(16, 10), (3, 16)], 1),  # the head registered before the stem
        ([(48, 10), (16, 32), (1, 16)], 2),
        ([(1, 3), (3, 8)], 0),
        ([(3, 3), (3, 8), (8, 3)], 0),
        ([(12, 8), (8, 8)], 0),  # the image's pixels in twelve channels
        ([(4, 4), (4, 8), (8, 4)], 0),
        ([(4, 16), (32, 4)], None),  # joined maps, or an image of 32 channels
        ([(16, 10), (4, 16)], None),
    ],
)
def test_the_first_filters_of_convolutions_in_any_order(pairs, right):
    net = convolutions(*pairs)
    if right is None:
        with pytest.raises(ValueError, match="Which convolution sees the image cannot be told"):
            first_filters(net)
    else:
        assert torch.equal(first_filters(net), net[right].weight)


@pytest.mark.parametrize("row", TABLE3)
def test_layers_of_the_papers_own_networks(row):
    with torch.device("meta"):
        names = paper_layers(ZFNet(TABLE3[row]))
    assert names == [f"layer{n}" for n in range(1, 8) if not (f"-{n}" in row and "no-" in row)]


# ------------------------------------------------------------------------------------------------------------- untrained


def test_an_untrained_network_is_the_papers_of_the_same_seed():
    net, _ = zf.load("toy")
    torch.manual_seed(3)
    by_hand = ZFNet(net.architecture)
    state = torch.random.get_rng_state()
    blank = zf.untrained(net, 3)
    assert all(torch.equal(one, other) for one, other in zip(blank.parameters(), by_hand.parameters(), strict=True))
    assert torch.equal(state, torch.random.get_rng_state())
    assert not blank.training


def test_an_untrained_deep_network_still_tells_images_apart():
    torch.manual_seed(0)
    net = nn.Sequential(*(part for _ in range(16) for part in (nn.Conv2d(3, 3, 3, padding=1), nn.ReLU())), nn.Flatten())
    answers = zf.untrained(net, 0)(torch.randn(20, 3, 8, 8))
    assert answers.std(0).mean() > 0.1 * answers.mean()  # with torch's own start: 5e-9


def test_an_untrained_network_of_ones_own_has_other_weights_by_seed():
    net = Named(Small().eval(), 32)
    one, again, other = (zf.untrained(net, seed) for seed in (0, 0, 1))
    weights = [each.network.hidden.weight for each in (net, one, again, other)]
    assert torch.equal(weights[1], weights[2])
    assert not torch.equal(weights[0], weights[1])
    assert not torch.equal(weights[1], weights[3])
    assert one.layer1 is one.network.parts[0][1]  # still one module under two names


def test_a_part_that_cannot_draw_its_weights_is_named():
    class Scaled(nn.Module):
        def __init__(self):
            super().__init__()
            self.small, self.factor = Small(), nn.Parameter(torch.ones(()))

        def forward(self, x):
            return self.factor * self.small(x)

    with pytest.raises(ValueError, match=r"^'network', a Scaled, does not say how to draw its weights: it has no reset_param"):
        zf.untrained(Named(Scaled().eval(), 32))


# ------------------------------------------------------------------------------------------------------------- refusals


class Returns(nn.Module):
    def __init__(self, what):
        super().__init__()
        self.small, self.what = Small(), what

    def forward(self, x):
        return self.what(self.small(x))


@pytest.mark.parametrize(
    ("what", "sentence"),
    [
        (lambda y: (y, y), r"^The network must give one number for each class, \(N, classes\), not a tuple for one image\.$"),
        (lambda y: y[:, :, None], r"^The network must give one number for each class, .* not \(1, 7, 1\) for one image\.$"),
        (lambda y: y[:, :1], r"^The network must give one number for each class, .* not \(1, 1\) for one image\.$"),
        (lambda y: y[0], r"^The network must give one number for each class, .* not \(7,\) for one image\.$"),
    ],
)
def test_an_output_that_is_no_class_vector_is_refused(what, sentence):
    with pytest.raises(ValueError, match=sentence):
        Named(Returns(what).eval(), 32)


@pytest.mark.parametrize(
    ("layers", "sentence"),
    [
        ({"layer5": "parts.9"}, r"nobody said which one is layer1, layer2, layer3, layer4\.$"),
        (dict.fromkeys(MAPS, "parts.9"), r"^This module has no layer 'parts\.9'; it has relu, parts"),
        (dict.fromkeys([*MAPS, "layer8"], "parts.1"), r"^The paper's layers are layer1 \.\.\. layer7; there is no 'layer8'\.$"),
        (dict.fromkeys(MAPS, "relu.x"), r"^This module has no layer 'relu\.x'"),
    ],
)
def test_layers_that_are_not_there_are_refused(layers, sentence):
    with pytest.raises(ValueError, match=sentence):
        Named(Small().eval(), 32, layers)


def test_a_module_that_never_runs_and_classes_that_do_not_fit_are_refused():
    small = Small().eval()
    small.spare = nn.ReLU()
    with pytest.raises(ValueError, match=r"^The network never runs 'spare' by itself, or more than once; choose a layer that"):
        Named(small, 32, dict.fromkeys(MAPS, "spare"))
    with pytest.raises(ValueError, match=r"^The network has 7 outputs, and 2 names of classes were given\.$"):
        Named(small, 32, classes=["a", "b"])
    with pytest.raises(ValueError, match=r"^The network cannot run on images of shape \(1, 3, 40, 40\): "):
        Named(small, 40)
    with pytest.raises(TypeError, match=r"^A network must be a torch\.nn\.Module, not a function\.$"):
        Named(network, 32)


def test_nothing_is_left_on_the_network():
    plain = network("resnet18")
    plain.train()
    before = {name: tensor.clone() for name, tensor in plain.state_dict().items()}
    Named(plain, 224)
    assert plain.training
    assert not any(module._forward_hooks for module in plain.modules())
    assert all(torch.equal(before[name], tensor) for name, tensor in plain.state_dict().items())
