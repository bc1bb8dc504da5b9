"""The law: every choice repeats itself, splits share none, and the ranges are those promised."""

from dataclasses import replace

import numpy as np
import pytest

from zfhelpers.toyworld import law
from zfhelpers.toyworld.familiar import CLASSES, draw, scene


def test_splits_seeds_and_indices_share_nothing():
    scenes = [scene("train", 0), scene("val", 0), scene("train", 0, seed=1), scene("train", 24)]
    assert len({here.detail for here in scenes}) == len({here.centre for here in scenes}) == 4


def test_scenes_are_the_same_on_every_platform():
    """Integers of PCG64 are defined bit by bit; written down once."""
    assert [scene("train", i, difficulty=0.5).detail for i in (0, 7199)] == [313304722, 659938606]


def test_scale_and_tilt_span_the_ranges_promised():
    scenes = [scene("train", i, difficulty=0.5) for i in range(480)]
    for values, low, high in (([here.scale for here in scenes], 0.5, 1), ([here.tilt for here in scenes], -20, 20)):
        assert low <= min(values) < low + 0.05 * (high - low)
        assert high - 0.05 * (high - low) < max(values) <= high


def test_difficulty_scales_the_nuisances():
    easy, hard = ([scene("train", i, difficulty=d) for i in range(240)] for d in (0.0, 1.0))
    assert not any(here.occluder or here.clutter or here.borrowed or here.blur for here in easy)
    assert np.mean([here.occluder is not None for here in hard]) > 0.4
    assert np.mean([here.noise for here in hard]) > 4 * np.mean([here.noise for here in easy])


def test_most_of_every_occluded_object_can_be_seen():
    occluded = [here for here in (scene("train", i, difficulty=0.5) for i in range(480)) if here.occluder]
    assert 0.15 < len(occluded) / 480 < 0.45
    solid = [here for here in occluded if CLASSES[here.label] not in ("necklace", "bicycle")]  # not of thin lines
    shares = [draw(here).mask.sum() / draw(replace(here, occluder=None)).mask.sum() for here in solid[:60]]
    assert min(shares) > 0.6
    assert np.mean(shares) > 0.75


def test_confounders_accompany_dogs_and_lettering_is_elsewhere_too():
    kinds = [(CLASSES[here.label], here.companion and here.companion[0]) for here in (scene("train", i) for i in range(960))]
    dogs = [kind for name, kind in kinds if name in CLASSES[:6]]
    assert dogs.count("person") > 20
    assert dogs.count("ball") > 20
    assert sum(kind == "sign" for name, kind in kinds if name != "car") > 50


def test_company_is_all_that_changes_for_what_is_often_accompanied():
    """The numbers taken before it are the same; what comes after depends on how many a companion takes."""
    alone, often = ([law.choose(law.stream(0, 9, i), 0, 0.0, accompanied) for i in range(400)] for accompanied in (False, True))
    assert not any(here.companion for here in alone)  # at no difficulty nobody is there by chance
    kinds = [here.companion.kind if here.companion else "nobody" for here in often]
    assert 0.15 < kinds.count("person") / 400 < 0.25
    assert 0.15 < kinds.count("ball") / 400 < 0.25
    for here, other in zip(alone, often, strict=True):
        assert (here.centre, here.scale, here.colours, here.clutter) == (other.centre, other.scale, other.colours, other.clutter)


def test_the_difficulty_is_the_modules_unless_given(monkeypatch):
    at_1 = law.choose(law.stream(0, 9, 3), 0)
    monkeypatch.setattr(law, "DIFFICULTY", 0.2)
    assert law.choose(law.stream(0, 9, 3), 0) == law.choose(law.stream(0, 9, 3), 0, 0.2) != at_1
    assert law.choose(law.stream(0, 9, 3), 0, 1.0) == at_1


def test_what_does_not_exist_is_refused():
    assert law.checked_split("The set", {"train": 3}, "train") == "train"
    with pytest.raises(ValueError, match=r"^The set has no split 'test'; it has train, val\.$"):
        law.checked_split("The set", {"train": 3, "val": 2}, "test")
    assert law.checked_index("The set", 3, np.int64(2)) == 2
    for index in (-1, 3):
        with pytest.raises(ValueError, match=rf"^The set has images 0 to 2, not {index}\.$"):
            law.checked_index("The set", 3, index)
    with pytest.raises(TypeError):
        law.checked_index("The set", 3, 1.0)
