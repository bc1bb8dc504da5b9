"""Several objects in one image: different classes, each seen mostly, each with its own occluder's share."""

from dataclasses import replace

import numpy as np
import pytest

from zfhelpers.toyworld import scenes


def test_scenes_hold_two_to_four_different_classes_each_seen_mostly():
    counts, hidden = [], []
    for index in range(60):
        here = scenes.scene("train", index)
        labels = [choices.label for choices in here]
        assert len(set(labels)) == len(labels)
        assert index % 24 in labels
        counts.append(len(here))
        if index < 8:
            here = (replace(here[0], occluder=None), *here[1:])
            whole = [scenes.draw(here[: k + 1])[k].mask.sum() for k in range(len(here))]  # nothing lies before the last one
            hidden += [1 - each.mask.sum() / all_of_it for each, all_of_it in zip(scenes.draw(here), whole, strict=True)]
    assert set(counts) == {2, 3, 4}
    assert max(hidden) <= 0.3
    assert max(hidden) > 0, "some do overlap"


def test_an_occluder_follows_its_object():
    """What is moved and shrunk stays alike: as far from the object, in its own measure, as `choose` had put it."""
    for index in range(40):
        first = scenes.scene("train", index)[0]
        if first.occluder:
            assert abs(first.occluder.centre - first.centre) <= 0.5 * np.sqrt(2) * first.scale
            assert 0.12 * first.scale <= first.occluder.size <= 0.26 * first.scale


def test_which_classes_are_present_is_what_the_scenes_show():
    shown = scenes.present("test")
    assert shown.shape == (600, 24)
    for index in (0, 100, 599):
        assert np.flatnonzero(shown[index]).tolist() == sorted(choices.label for choices in scenes.scene("test", index))


def test_bad_input_is_told_what_is_possible():
    for asked in (lambda: scenes.scene("val", 0), lambda: scenes.present("val"), lambda: scenes.render("val")):
        with pytest.raises(ValueError, match="toy-scenes has no split 'val'; it has train, test"):
            asked()
    with pytest.raises(ValueError, match="toy-scenes' split 'test' has images 0 to 599, not -1"):
        scenes.scene("test", -1)
