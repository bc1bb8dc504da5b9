"""The estimate of a training's minutes in closed form, and that it is made before anything is trained."""

from types import SimpleNamespace

import pytest

from zfhelpers.networks import estimate, schedule
from zfhelpers.networks.catalogue import Entry, listed
from zfhelpers.training.recipe import Recipe

WORLD = SimpleNamespace(train=range(1000), classes=("a", "b"), image_size=64, name="small")


def test_minutes_are_steps_times_epochs_of_each_kind(monkeypatch):
    timed = []
    monkeypatch.setattr(estimate, "step_seconds", lambda recipe, *_: timed.append(recipe.variant) or 0.5)
    plain, wide = (Entry(Recipe(variant=name, batch=100)) for name in ("zfnet", "zfnet-wide"))
    found = estimate.minutes([(plain, 6), (plain, 4), (wide, 2)], WORLD)
    assert found == pytest.approx(12 * 10 * 0.5 * estimate.LOOKING / 60)
    assert timed == ["zfnet", "zfnet-wide"]  # each kind once
    assert estimate.minutes([(plain, 10)], WORLD, jobs=2) == pytest.approx(10 * 10 * 0.5 * estimate.LOOKING * estimate.BOTH / 60)


def test_few_images_make_a_long_epoch(monkeypatch):
    monkeypatch.setattr(estimate, "step_seconds", lambda *_: 1.0)
    few = listed("toy")["scratch/toy-novel-30-0"]
    assert estimate.minutes([(few, 1)], WORLD) == pytest.approx(3000 // few.recipe.batch * estimate.LOOKING / 60, rel=0.02)


def test_a_step_is_timed_and_leaves_the_random_state(monkeypatch):
    import torch

    torch.manual_seed(3)
    before = torch.random.get_rng_state()
    assert 0 < estimate.step_seconds(Recipe(width=0.125, fc=16, batch=4), 3, 64) < 60
    assert torch.equal(torch.random.get_rng_state(), before)


def test_it_is_said_before_anything_is_trained(monkeypatch, tmp_path, capsys):
    def train(*_, name, **__):
        assert "20 epochs, about 7 min on this machine as it is now." in capsys.readouterr().out
        (tmp_path / f"{name}.json").write_text("{}")

    monkeypatch.setattr(schedule, "minutes", lambda entries, world, jobs: 7.2 if [left for _, left in entries] == [20] else -1)
    monkeypatch.setattr(schedule, "train", train)
    schedule.train_all(WORLD, tmp_path, {"zfnet": Entry(Recipe(epochs=20))})
    assert (tmp_path / "zfnet.json").exists()
