"""When layers settle, on features that approach their end at a known pace."""

import numpy as np
import pytest
import torch

from zfhelpers.experiments import settling as module
from zfhelpers.experiments.evolution import LAYERS, Responses, linear_cka
from zfhelpers.experiments.settling import before_and_after, settling

NOISE = torch.Generator().manual_seed(0)
IMAGES, COUNT = 300, 4


def noise():
    return torch.randn(IMAGES, COUNT, generator=NOISE)


def answers(peaks, means):
    return {layer: Responses(peaks, peaks, peaks, means) for layer in LAYERS}


@pytest.fixture
def found():
    end, other, start = noise() + 5, noise() + 5, noise() + 5
    grown = {1: answers(other, end), 5: answers(end + 0.1 * other, other), 20: answers(end, end)}
    return settling(grown, answers(start, start)), (end, other, start)


def test_every_epoch_is_compared_with_the_last(found):
    seen, (end, other, start) = found
    strongest = [linear_cka(peaks, end) for peaks in (other, end + 0.1 * other, end)]
    assert seen.curves["strongest"]["layer4"] == pytest.approx(strongest)
    assert seen.curves["means"]["layer1"] == pytest.approx([1.0, strongest[0], 1.0])
    random = linear_cka(start, end)
    assert seen.random["strongest"]["layer2"] == pytest.approx(random)
    assert seen.curves["above random"]["layer5"][0] == pytest.approx((strongest[0] - random) / (1 - random))
    same = (other.argmax(0) == end.argmax(0)) & ((end + 0.1 * other).argmax(0) == end.argmax(0))
    assert seen.curves["winners"]["layer3"][0] == pytest.approx(float(same.double().mean()))
    assert seen.random["winners"]["layer3"] == pytest.approx(float((start.argmax(0) == end.argmax(0)).double().mean()))


def test_a_layer_has_settled_where_its_curve_stays(found):
    seen, _ = found
    assert [seen.settled(measure, "layer1") for measure in ("strongest", "above random", "means")] == [5, 5, 20]
    assert [line[1] for line in seen.table().lines[1:4]] == ["5", "5", "20"]
    numbers = {name: value for name, value, _ in seen.numbers()}
    assert numbers["layer1: means, settled from epoch"] == 20
    assert numbers["layer1: strongest, epoch 5"] == seen.curves["strongest"]["layer1"][1]
    assert "layer1: strongest, epoch 20" not in numbers, "the end resembles itself"
    places, values = seen.from_random("means")["layer1"]
    assert (places, values[0]) == ([0.5, 1, 5, 20], seen.random["means"]["layer1"])
    assert [seen.places[place] for place in places] == ["random", "1", "5", "20"]


def test_shuffled_features_have_nothing_in_common(monkeypatch):
    peaks = torch.from_numpy(np.random.default_rng(1).normal(size=(IMAGES, COUNT)))
    monkeypatch.setattr(module, "untrained", lambda net, seed: None)
    monkeypatch.setattr(module, "responses", lambda net, *_, **__: answers(peaks, peaks if net else -peaks))
    seen = before_and_after(torch.nn.Identity(), None, range(IMAGES))
    assert seen["strongest activations"] == pytest.approx([1.0] * 5)
    assert seen["means"] == pytest.approx([1.0] * 5)
    assert max(seen["means, shuffled"]) < 0.1
