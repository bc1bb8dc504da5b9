"""What a section of a notebook lacks, said in one sentence."""

from types import SimpleNamespace

import pytest
import torch
from torch import nn

from zfhelpers import ZFNet, open_world
from zfhelpers.model import scaled
from zfhelpers.networks.named import Named
from zfhelpers.networks.trained import Network
from zfhelpers.results import needs


@pytest.fixture(scope="module")
def toy():
    return open_world("toy")


def test_scenes_are_drawn_anew_in_the_toy_world_alone(toy):
    assert needs.redrawn(toy) == ""
    assert needs.redrawn(open_world("imagenette")) == (
        "it needs scenes that can be drawn anew, moved and turned; the toy world alone has them (WORLD=toy)."
    )


def test_a_target_that_is_there_and_one_that_is_not(toy, tmp_path, monkeypatch):
    monkeypatch.setenv("ZF_DATA", str(tmp_path))
    assert needs.target(toy, "toy-novel") == ""
    assert needs.target(toy, "caltech101").startswith("it needs the images of caltech101. caltech101 is not in ")


def test_a_target_of_too_many_classes(toy):
    assert needs.target(toy, "toy-novel", 20) == ""
    assert needs.target(toy, "toy-novel", 19) == (
        "it needs a target of no more than 19 classes, or it would take many minutes; toy-novel has 20."
    )


def test_networks_from_scratch_are_shipped_or_their_record_is(toy, monkeypatch):
    def no_record(world, table):
        raise FileNotFoundError("There is no record.")

    assert needs.scratch(toy, "toy-novel", (5, 15, 30)) == ""  # on record
    monkeypatch.setattr(needs, "read_record", no_record)
    assert needs.scratch(toy, "toy-novel", (15, 30), range(1)) == ""  # shipped
    assert needs.scratch(toy, "toy-novel", (5, 15, 30), range(1)) == (
        "it needs networks trained from scratch on 5 images of each class of toy-novel; 'make train WORLD=toy' trains them."
    )
    assert needs.scratch(toy, "toy-novel", (15,), [7]).startswith("it needs networks trained from scratch on 15 images")


def test_nobody_trains_from_scratch_on_a_target_that_is_not_the_default(toy):
    assert needs.scratch(toy, "caltech256", (15, 30)) == (
        "it needs networks trained from scratch on 15 and on 30 images of each class of caltech256, and there are none."
    )


def test_table_2_needs_a_network_that_it_shows_or_a_record(toy, monkeypatch):
    """Without layer 7 a network belongs to Table 3 alone."""
    monkeypatch.setattr(needs, "trained", lambda world: {Network("alexnet-no-7", 0): "table3/alexnet-no-7-0"})
    assert needs.table(toy, 3) == ""
    assert needs.table(toy, 2) == "it needs the networks of Table 2; 'make train WORLD=toy' trains them."
    monkeypatch.setattr(needs, "trained", lambda world: {Network("zfnet", 4): "table3/zfnet-4"})
    assert needs.table(toy, 2) == ""
    monkeypatch.setattr(needs, "trained", lambda world: {})
    assert needs.table(open_world("imagenette"), 2) == ""  # on record


def test_a_world_that_has_no_such_networks_is_not_told_to_train_them(toy, tmp_path, monkeypatch):
    real = needs.network_dirs
    monkeypatch.setattr(needs, "network_dirs", lambda world: real(world) if world == "toy" else [tmp_path])
    tiny = SimpleNamespace(name="tinyimagenet")
    assert needs.table(tiny, 3) == "it needs the networks of Table 3; the world 'tinyimagenet' has none."
    assert needs.networks(tiny, "zfnet", "classes/5-0").endswith("'make train WORLD=tinyimagenet' trains them.")
    assert needs.networks(toy, "fig6-nothing") == "it needs the network fig6-nothing; the world 'toy' has none."


class Small(nn.Module):
    """Five layers of maps; before the ReLU of the third its maps are `joined` with their sigmoid."""

    def __init__(self, joined):
        super().__init__()
        torch.manual_seed(0)  # by chance a convolution could seem rectified
        self.steps = nn.ModuleList(nn.Conv2d(3, 3, 3, stride, 1) for stride in (2, 2, 1, 2, 1))
        self.relus = nn.ModuleList(nn.ReLU() for _ in self.steps)
        self.joined, self.last = joined, nn.Linear(3 * 4 * 4, 5)

    def forward(self, x):
        for number, (step, relu) in enumerate(zip(self.steps, self.relus, strict=True)):
            x = step(x)
            x = relu(self.joined(x, x.sigmoid()) if number == 2 else x)
        return self.last(x.flatten(1))


@pytest.fixture(scope="module")
def small_zfnet():
    return ZFNet(scaled("zfnet", 5, 64, 0.125, 16)).eval()


@pytest.fixture(scope="module")
def elsewhere():
    return Named(Small(lambda x, _: x).eval(), 32)


def test_what_only_the_network_of_fig3_has(small_zfnet, elsewhere):
    assert needs.fig3(small_zfnet) == needs.fig3(ZFNet(scaled("alexnet-no-3-4", 5, 64, 0.125, 16))) == ""
    assert needs.fig3(elsewhere) == "it needs the network of Fig. 3 or one of its variants, and this network is built otherwise."


def test_layers_of_maps_by_the_papers_names(small_zfnet, elsewhere):
    assert needs.maps(small_zfnet, "layer3") == needs.maps(elsewhere, "layer5") == ""
    assert needs.maps(elsewhere, "layer6").startswith("it needs maps in layer6, and this network has them in layer1, layer2, ")


def test_a_way_back_and_receptive_fields(small_zfnet, elsewhere):
    assert needs.way_back(small_zfnet, 64) == needs.way_back(elsewhere, 32) == ""
    assert needs.fields(small_zfnet, 64) == needs.fields(elsewhere, 32) == ""
    multiplied = Named(Small(torch.mul).eval(), 32)
    assert needs.way_back(multiplied, 32).startswith("it needs a way back to the pixels. Deconvnet cannot go back through torch.")
    turned = Named(Small(lambda x, _: x.transpose(2, 3)).eval(), 32)
    assert needs.fields(turned, 32) == (
        "it needs to know where units look. The receptive field of 'layer3' is lost at aten.transpose."
    )


def test_a_network_from_elsewhere_has_not_been_trained_here():
    assert needs.trained_here("zfnet") == needs.trained_here("fig6-alexnet") == ""
    for network in ("torchvision:alexnet", "/a/net.py:build"):
        assert needs.trained_here(network) == (
            f"it needs networks that were trained here, and {network} was trained elsewhere; leave NETWORK out to see them."
        )


def test_layers_that_a_network_has_not(small_zfnet, elsewhere):
    assert needs.layers(small_zfnet, "layer6", "layer7") == needs.layers(elsewhere, "layer5") == ""
    assert needs.layers(elsewhere, "layer6", "layer7") == (
        "it needs layer6 and layer7, and this network has layer1, layer2, layer3, layer4, layer5."
    )


def test_classes_that_a_network_knows(toy):
    pug, window = (toy.classes.index(name) for name in ("pug", "window"))
    seen = toy.seen_by("another", outputs=("Pug", "dog"))
    assert needs.known(toy) == needs.known(seen) == needs.known(seen, [pug, window]) == ""
    assert needs.every_class(toy) == ""
    assert needs.every_class(seen) == (
        "it needs a network that knows every class of the world, and another has no output for dalmatian, husky, dobermann."
    )
    assert needs.known(seen, [window]).startswith("it needs classes that the network knows, and another has none of those of")
