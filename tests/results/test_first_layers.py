"""The networks of Fig. 6, and the verdicts on claims 4 and 5."""

import numpy as np
import pytest
import torch

from zfhelpers.networks.checkpoints import load
from zfhelpers.results.first_layers import dominance, first_layers, smaller_is_better, wrong_percent

RNG = np.random.default_rng(0)


@pytest.fixture(scope="module")
def toy():
    return first_layers("toy")


def test_the_7x7_network_is_the_one_of_all_notebooks(toy):
    assert (toy.nets["7×7"].layer1.conv.weight == load("toy")[0].layer1.conv.weight).all()
    assert {name: bank.shape[-1] for name, bank in toy.banks.items()} == {"11×11": 11, "7×7": 7, "7×7, no cap": 7}
    assert not toy.lacking


def test_the_table_says_what_the_networks_do(toy):
    text = str(toy.described())
    assert "4 and 1" in text
    assert "2 and 2" in text
    assert text.splitlines()[-1].endswith("yes")


def test_panels_are_titled_after_the_networks(toy):
    plain, filters, titles = toy.panels
    assert plain is not filters[1]
    assert [len(bank) for bank in filters] == [24, 24]
    assert titles[0] == "7×7, no cap, one scale"
    assert len(titles) == 5


def test_a_crop_moves_by_a_step_of_layer_2(toy):
    assert toy.step == 8
    assert len(toy.room) == 9


def test_a_network_that_the_cap_changed_cannot_tell_of_dominance():
    assert dominance({"7×7": 9.0, "7×7, no cap": 2.0}, ["7×7"])[0] is False
    assert "not here" in dominance({"7×7": 9.0}, ["7×7"])[1]


GOOD = {
    "dead": {"11×11": 5, "7×7": 1},
    "middle": {"11×11": RNG.normal(20, 1, 30), "7×7": RNG.normal(60, 1, 30)},
    "half": {"11×11": (1.3, (1.2, 1.4)), "7×7": (0.8, (0.7, 0.9))},
    "gain": np.repeat([100.0, 0.0], [20, 80]),
}
WORSE = [
    ({"dead": {"11×11": 0, "7×7": 0}}, False),
    ({"middle": dict(zip(("7×7", "11×11"), GOOD["middle"].values(), strict=True))}, False),
    ({"half": GOOD["half"] | {"11×11": (1.1, (0.9, 1.3))}}, None),
    ({"half": GOOD["half"] | {"7×7": (1.3, (1.2, 1.4))}}, False),
    ({"gain": np.repeat([-100.0, 0.0], [20, 80])}, False),
    ({}, True),
]


@pytest.mark.parametrize(("change", "holds"), WORSE)
def test_claim_5_needs_all_four_parts(change, holds):
    verdict, why = smaller_is_better(**(GOOD | change))
    assert verdict is holds
    assert "points more errors" in why


def test_errors_are_those_of_the_most_probable_class():
    assert wrong_percent(torch.tensor([[0.1, 0.9], [0.8, 0.2]]), np.array([1, 1])).tolist() == [0, 100]
