"""Averaged probabilities against a plain pass, of networks that put out logits, probabilities, or something that is refused."""

from types import SimpleNamespace

import numpy as np
import pytest
import torch
from torch import nn

from zfhelpers.experiments.aliasing import shift_change
from zfhelpers.experiments.classification import probabilities, view_probabilities
from zfhelpers.experiments.evolution import responses

FRAMES = np.random.default_rng(0).integers(0, 256, (70, 3, 16, 16), dtype=np.uint8)


class Images:
    """What is used of a world's set of images."""

    frames = FRAMES

    def __len__(self):
        return len(self.frames)

    def images(self, indices):
        return torch.from_numpy(self.frames[indices])


WORLD = SimpleNamespace(
    preprocess=lambda frames: frames[..., 2:14, 2:14] / 255.0,
    ten_crop=lambda frames: torch.stack([frames[..., k : k + 12, k : k + 12] / 255.0 for k in (0, 1, 2, 3, 4) * 2], 1),
    image_size=12,
    train=Images(),
)


def network(*ends, norm=nn.Identity):
    torch.manual_seed(0)
    return nn.Sequential(
        nn.Conv2d(3, 6, 5), norm(), nn.ReLU(), nn.AdaptiveAvgPool2d(2), nn.Flatten(), nn.Linear(24, 4), *ends
    ).eval()


@pytest.mark.parametrize(
    ("ends", "output", "plain"),
    [
        ((), "logits", lambda x: x.softmax(1)),
        ((), "sigmoid", torch.sigmoid),
        ((nn.Softmax(1),), "probabilities", lambda x: x.softmax(1)),
        ((nn.Sigmoid(),), "probabilities", torch.sigmoid),
        ((nn.Sigmoid(),), "sigmoid", torch.sigmoid),
    ],
)
def test_probabilities_are_those_of_a_plain_pass(ends, output, plain):
    seen = torch.from_numpy(FRAMES)
    with torch.no_grad():
        expected = plain(network()(WORLD.preprocess(seen)))
        views = plain(network()(WORLD.ten_crop(seen[:9]).flatten(0, 1))).unflatten(0, (9, 10))
    found = probabilities(network(*ends), WORLD, Images(), output=output)
    np.testing.assert_allclose(found, expected.numpy(), atol=1e-6)
    np.testing.assert_allclose(
        view_probabilities(network(*ends), WORLD, Images(), range(9), output=output), views.numpy(), atol=1e-6
    )


def no_statistics():
    return nn.BatchNorm2d(6, track_running_stats=False)


@pytest.mark.parametrize(
    ("net", "sentence"),
    [
        (network(nn.Softmax(1)), 'ends in a softmax: these are no logits but probabilities; pass output="probabilities"'),
        (network(nn.Sigmoid()), "ends in a sigmoid"),
        (network(nn.Linear(4, 1)), 'pass output="sigmoid"'),
        (network(norm=no_statistics), "depends on the images beside it"),
        (network(nn.Unflatten(1, (2, 2))), r"must give logits of shape \(N, classes\)"),
        (nn.Sequential(nn.Flatten(), nn.Linear(9, 4)).eval(), r"cannot run on images of shape \(\d+, 3, 12, 12\)"),
    ],
)
def test_what_is_no_answer_is_refused(net, sentence):
    for ask in (probabilities, view_probabilities):
        with pytest.raises(ValueError, match=sentence):
            ask(net, WORLD, Images())


def test_nan_is_named_by_the_number_of_its_image():
    net = network()
    broken = nn.Sequential(net, nn.Identity()).eval()
    broken[1].forward = lambda x: x if len(x) < 5 else x.index_fill(0, torch.tensor([3]), torch.nan)
    with pytest.raises(ValueError, match="Image 13 gives NaN or infinite values in its output"):
        probabilities(broken, WORLD, Images(), range(10, 30))


def test_searches_of_a_world_ask_the_same():
    with pytest.raises(ValueError, match="depends on the images beside it"):
        responses(network(norm=no_statistics), WORLD, range(9), ["2"])
    with pytest.raises(ValueError, match="is not convolutional"):
        responses(network(), WORLD, range(9), ["5"])
    with pytest.raises(ValueError, match=r"Layer '5' gives \(70, 4\); choose one that gives maps"):
        shift_change(
            network(), SimpleNamespace(image_size=12, preprocess=lambda pixels: pixels / 255), torch.from_numpy(FRAMES), "5", [1]
        )
