"""The verdicts on Fig. 5 on distances whose answer is known, and its numbers against NumPy."""

import numpy as np
import pytest
import torch

from zfhelpers.experiments.invariance import InvarianceCurves
from zfhelpers.results import movement

RNG = np.random.default_rng(0)


def moved(near: dict[str, float], far: dict[str, float], kind: str) -> InvarianceCurves:
    """Thirty images that all move by about so much in each layer, at a tenth and at the whole of an amount."""
    amounts = {"translation": [1.0, 10.0], "scale": [1.1, 2.0]}[kind]
    noise = torch.from_numpy(RNG.normal(1, 0.01, (30, 2)))
    distances = {layer: noise * torch.tensor([near[layer], far[layer]]) for layer in near}
    return InvarianceCurves(kind, torch.tensor(amounts, dtype=torch.float64), distances, torch.ones(30, 2))


def both(near, far):
    return {kind: moved(near, far, kind) for kind in ("translation", "scale")}


TYPICAL = {"layer1": 10.0, "layer7": 100.0}


@pytest.mark.parametrize(
    ("near", "holds"),
    [
        ({"layer1": 8.0, "layer7": 15.0}, True),  # 80 and 15 % of the far distances, 10 and 100
        ({"layer1": 3.0, "layer7": 15.0}, False),  # layer 1 is not dramatic
        ({"layer1": 8.0, "layer7": 50.0}, False),  # layer 7 is no line
    ],
)
def test_claim_6_needs_a_leap_below_and_a_line_above(near, holds):
    verdict, why = movement.small_moves(both(near, {"layer1": 10.0, "layer7": 100.0}), TYPICAL, "layer7")
    assert verdict is holds
    assert "where a line would give 10 %" in why


def test_claim_6_needs_less_in_layer_7_than_in_layer_1():
    """Both are a line or a leap as claimed, but in typical distances layer 7 moves as far."""
    found = both({"layer1": 8.0, "layer7": 15.0}, {"layer1": 10.0, "layer7": 100.0})
    assert movement.small_moves(found, {"layer1": 10.0, "layer7": 15.0}, "layer7")[0] is False


def layers(*means: float) -> torch.Tensor:
    return torch.from_numpy(RNG.normal(means, 0.01, (30, len(means))))


NAMES = {"translation": "shifted", "rotation": "turned"}


def test_layers_that_fall_and_most_when_turned():
    far = {"translation": layers(0.8, 0.6, 0.3), "rotation": layers(0.9, 0.7, 0.4)}
    verdict, why = movement.layer_by_layer(far, NAMES, [1, 2, 7])
    assert verdict is True
    assert "layers 1 and 7 move 0.80 and 0.30 when shifted, 0.90 and 0.40 when turned; no layer" in why


def test_one_layer_that_rises_is_named():
    far = {"translation": layers(0.8, 0.6, 0.3), "rotation": layers(0.7, 0.9, 0.4)}
    verdict, why = movement.layer_by_layer(far, NAMES, [1, 2, 7])
    assert verdict is False
    assert "layer 2 moves further than layer 1 when turned" in why


def test_claim_7_needs_all_its_parts():
    left = {"translation": (0.9, (0.85, 0.95)), "scale": (0.8, (0.75, 0.85)), "rotation": (0.4, (0.3, 0.5))}
    names = NAMES | {"scale": "enlarged"}
    assert movement.stable_answer(left, names, (20, 40))[0] is True
    assert movement.stable_answer(left, names, (-20, 40))[0] is None
    assert movement.stable_answer(left | {"scale": (0.5, (0.45, 0.55))}, names, (20, 40))[0] is False
    assert "90 % (85 to 95) when shifted" in movement.stable_answer(left, names, (20, 40))[1]


def test_the_median_is_measured_with_its_interval():
    values = RNG.random(25)
    low, high = movement.measure_over_images("made up", values)
    assert low <= np.median(values) <= high
    assert movement.measure_over_images("of one image", [3.0]) is None
