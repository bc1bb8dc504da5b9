"""The images of Fig. 5: which are taken, how they are moved, and what is followed in them."""

import numpy as np
import pytest
import torch

from zfhelpers import toyworld
from zfhelpers.experiments import moving
from zfhelpers.experiments.invariance import transformed
from zfhelpers.networks.checkpoints import load


@pytest.fixture(scope="module")
def toy():
    return load("toy")


def test_toy_images_are_drawn_anew_and_warped_only_on_request(toy):
    _, world = toy
    still = world.val.images([3])
    drawn, warped = (moving.source(world, [3], warp) for warp in (False, True))
    assert torch.equal(drawn("translation", 0), still)
    assert torch.equal(warped("translation", 20), transformed(still, "translation", 20))
    assert not warped("translation", 20)[0, :, :20].any()  # black came in
    assert drawn("translation", 20)[0, :, :20].float().mean() > 30  # more of the scene did


def test_examples_are_in_the_middle_and_in_full_view(toy):
    _, world = toy
    order = np.random.default_rng(1).permutation(len(world.val))
    (found,) = moving.examples(world, ["mug"], order)
    clear = []
    for index in order:
        scene = toyworld.scene("val", int(index))
        if world.classes[world.val.labels[index]] == "mug" and scene.occluder is None:
            clear.append((abs(scene.centre), int(index)))
    assert found == min(clear)[1]


def test_where_a_class_has_no_output_the_networks_own_answer_is_followed(toy):
    net, world = toy
    renamed = world.seen_by("another", outputs=("thing", *world.classes[1:]))
    of_first = np.flatnonzero(world.val.labels == 0)[:2]
    indices = [*of_first.tolist(), int(np.flatnonzero(world.val.labels == 5)[0])]
    said = net(world.preprocess(world.val.images(indices))).argmax(1)
    assert moving.followed(net, renamed, indices).tolist() == [said[0], said[1], 5]
    assert moving.answer_names(net, renamed, indices)[2] == world.classes[5]
    assert moving.followed(net, world, indices).tolist() == [0, 0, 5]


def test_untouched_is_the_softmax_of_the_true_class(toy):
    net, world = toy
    indices = [7, 11]
    said = net(world.preprocess(world.val.images(indices))).softmax(1)
    right = said[range(2), world.val.labels[indices]]
    assert torch.allclose(moving.untouched(net, world, indices), right, atol=1e-5)


def test_windows_are_the_toy_worlds_symmetric_class(toy):
    net, world = toy
    name, alike, sure = moving.symmetric_images(net, world, 6)
    assert name == "window"
    assert {world.classes[label] for label in world.val.labels[alike]} == {"window"}
    assert len(alike) == 6
    probability = moving.untouched(net, world, alike)
    assert sure.tolist() == [place for place in range(6) if probability[place] > 0.5]
