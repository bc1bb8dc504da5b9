"""The View that takes parts away, driven without a browser."""

import numpy as np
import pytest

import zfhelpers as zf
from zfhelpers import toyworld
from zfhelpers.experiments.trial import Trial
from zfhelpers.views.parts import parts_view, shares


@pytest.fixture(scope="module")
def trial():
    return Trial.of(*zf.load("toy"), range(30), count=6)


def test_takes_each_part_away_and_reads_what_becomes_of_the_answer(trial):
    maps = trial.controls(seed=0)
    world = trial.ask.world
    view = parts_view(trial, maps)
    for name in view.controls["name"].options:
        before = view.set(name=name, part=0).png
        assert "missing: <strong>nothing</strong>" in view.readout
        for number, part in enumerate(toyworld.parts(name), 1):
            view.set(part=number)
            assert view.error is None
            assert f"without {part}" in view.alt
            assert f"missing: <strong>{part}</strong>" in view.readout
            assert view.png != before
    image, output = trial.images[0], trial.outputs[0]
    name = world.classes[output]
    view.set(name=name, image=0, part=1 + toyworld.parts(name).index(image.parts[0]))
    whole, rest = trial.ask.logits(image.index, [(), image.parts[:1]])[:, output]
    assert f"logit: <strong>{whole:.1f} → {rest:.1f}</strong>" in view.readout


def test_shares_are_of_all_that_is_said():
    assert shares([1, 1, -2]).tolist() == [25, 25, -50]
    assert shares([0, 0]).tolist() == [0, 0]


def test_maps_of_other_images_are_refused(trial):
    with pytest.raises(ValueError, match="a map for each of 6 images"):
        parts_view(trial, {"noise": np.zeros((2, 128, 128))})
