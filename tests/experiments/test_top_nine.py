"""What the nine have in common, against loops over maps, images and pixels."""

import numpy as np
import pytest
import torch

from zfhelpers.experiments.top_nine import AsSeen, drawn_maps, on_object, purity_by_lot, purity_of_maps
from zfhelpers.patches import TopPatches
from zfhelpers.strongest import TopActivations
from zfhelpers.worlds.opening import open_world


@pytest.fixture(scope="module")
def toy():
    return open_world("toy")


def test_only_maps_that_all_images_excite_are_drawn():
    where = torch.zeros(6, 2, dtype=torch.int64)
    values = torch.tensor([[3.0, 1], [2, 0], [5, 4], [0, 0], [1, 1], [9, 2]])
    top = {"layer1": TopActivations(values, where, where, where)}
    drawn = drawn_maps(top, np.random.default_rng(0), most=10)["layer1"]
    assert sorted(drawn) == [0, 2, 4, 5]
    assert list(drawn_maps(top, np.random.default_rng(0), most=3)["layer1"]) == list(drawn[:3])


def test_purity_is_that_of_the_labels_of_the_images():
    images = torch.tensor([[0, 1, 2], [3, 0, 1]])
    top = {"layer1": TopActivations(images.float(), images, images, images)}
    found = purity_of_maps(top, {"layer1": np.array([1, 0])}, np.array([7, 7, 8, 9]))
    assert found["layer1"] == pytest.approx([100 * 2 / 3, 100 * 2 / 3])


def test_by_lot_one_class_is_pure_and_two_are_not():
    rng = np.random.default_rng(0)
    assert purity_by_lot(np.zeros(20, dtype=int), rng) == 100
    heads = [max(k, 9 - k) / 9 for k in rng.binomial(9, 0.5, 20000)]  # nine of two classes are nine tosses of a coin
    assert purity_by_lot(np.arange(20) % 2, rng) == pytest.approx(100 * np.mean(heads), abs=0.7)


def test_images_are_those_chosen_minus_the_mean(toy):
    seen = AsSeen(toy, [5, 2])
    image, label = seen[1]
    assert torch.equal(image, toy.val[2][0].float() - toy.mean)
    assert [label, *seen.labels] == [toy.val[2][1], toy.val[5][1], toy.val[2][1]]


def test_power_on_the_object_is_counted_pixel_by_pixel(toy):
    """A box that reaches outside the image: what lies there is neither object nor field."""
    side, box = 90, (50, 55, 140, 145)
    projection = torch.randn(1, 1, 3, side, side, generator=torch.Generator().manual_seed(1))
    where = torch.zeros(1, 1, dtype=torch.int64)
    found = TopPatches("layer3", where[0], where.float(), where, where, where, torch.tensor([[box]]), projection, projection)
    mask, power, field, on, total = toy.parts("val", 9).mask, 0.0, 0, 0, 0.0
    for y in range(side):
        for x in range(side):
            here = float(projection[0, 0, :, y, x].square().sum())
            row, column = box[0] + y, box[1] + x
            total += here
            if 0 <= row < 128 and 0 <= column < 128:
                field += 1
                power, on = power + here * mask[row, column], on + bool(mask[row, column])
    assert on  # the box meets the object
    shares = on_object(found, toy, chosen=[9])
    assert [float(share[0]) for share in shares] == pytest.approx([100 * power / total, 100 * on / field], rel=1e-5)
