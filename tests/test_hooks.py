"""What is read of a network against a pass by hand; and the one look at images before."""

import pytest
import torch
from torch import nn

from zfhelpers.hooks import activations, checked_images
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
        activations(net, change(preprocess(images[:2])), "layer1")


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
