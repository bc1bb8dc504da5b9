"""Switches of another image: a signal through its own switches is the projection, and through others' another picture."""

import pytest
import torch

import zfhelpers as zf
from zfhelpers.experiments.switches import down, other_signal, strongest
from zfhelpers.model import Architecture, ZFNet

NET = ZFNet(Architecture(classes=5, image_size=64, width=0.125, fc=(16, 16))).eval()
IMAGES = torch.randn(3, 3, 64, 64, generator=torch.Generator().manual_seed(0)) * 60


@pytest.mark.parametrize("rule", ["deconvnet", "gradient", "guided"])
def test_through_its_own_switches_it_is_the_projection(rule):
    seeds = strongest(NET, IMAGES)
    maps, places = [], []
    for values in zf.activations(NET, IMAGES, "layer5")["layer5"]:
        place = torch.nonzero(values == values.max())[0].tolist()
        maps.append(place[0])
        places.append(tuple(place[1:]))
    projected = zf.Deconvnet(NET).project(IMAGES, "layer5", maps, places, rule)
    torch.testing.assert_close(down(NET, IMAGES, seeds, [0, 1, 2], rule=rule), projected)


def test_through_anothers_switches_values_come_from_this_image_and_places_from_that():
    """One layer and one pool: the signal lands where the other image had its maximum."""
    net = torch.nn.Sequential(torch.nn.Identity(), torch.nn.MaxPool2d(2))
    first, second = torch.zeros(1, 2, 2), torch.zeros(1, 2, 2)
    first[0, 0, 0], second[0, 1, 1] = 3, 5
    images = torch.stack([first, second])
    seeds = strongest(net, images, "1")
    assert seeds.flatten().tolist() == [3, 5]
    swapped = down(net, images, seeds, [1, 0], "1")
    assert swapped[0, 0].tolist() == [[0, 0], [0, 3]]
    assert swapped[1, 0].tolist() == [[5, 0], [0, 0]]


def test_another_signal_has_the_size_and_place_but_another_map():
    seeds = strongest(NET, IMAGES)
    others = other_signal(seeds, torch.Generator().manual_seed(0))
    for one, other in zip(seeds, others, strict=True):
        assert torch.equal(one.amax(0), other.amax(0))
        assert one.flatten(1).amax(1).argmax() != other.flatten(1).amax(1).argmax()
        assert (other != 0).sum() == 1
