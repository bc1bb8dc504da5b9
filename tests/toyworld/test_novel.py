"""Novel classes: in balance, each label names what is drawn, and no other set shares their choices."""

from dataclasses import replace

import numpy as np
import pytest

from zfhelpers.toyworld import familiar, novel, scenes
from zfhelpers.toyworld.subject import Subject


def test_there_are_enough_images_for_the_papers_split():
    assert novel.PER_CLASS == 30 + 50
    assert scenes.SIZES == {"train": 1200, "test": 600}


@pytest.mark.parametrize("label", range(20))
def test_every_novel_class_fills_its_place_and_its_mask_and_box_agree(label):
    for index in (label, label + 20):
        here = replace(novel.scene(index), centre=0j, scale=0.9, tilt=0.0, occluder=None)
        drawing = novel.draw(here)
        top, left, bottom, right = drawing.box
        assert min(top, left) > 0
        assert max(bottom, right) < 128
        assert max(bottom - top, right - left) > 75  # of the 98 px of its square
        rows, columns = np.nonzero(drawing.mask)
        np.testing.assert_allclose(drawing.box, [rows.min(), columns.min(), rows.max() + 1, columns.max() + 1], atol=2)


@pytest.mark.parametrize("name", novel.CLASSES)
def test_a_novel_label_names_what_is_drawn(name, monkeypatch):
    called = []
    for key in novel.CLASSES:
        noting = Subject(lambda pen, rng, borrowed, key=key: (called.append(key), pen.disc(0, 1, (0, 0, 0))))
        monkeypatch.setitem(novel.DRAWINGS, key, noting)
    index = 40 + novel.CLASSES.index(name)
    novel.draw(novel.scene(index), 37, 32)
    assert called == [name]
    assert novel.scene(index).label == index % 20


def test_same_choices_same_images_and_no_two_sets_share_any():
    assert novel.scene(7) == novel.scene(7)
    assert scenes.scene("test", 7) == scenes.scene("test", 7)
    firsts = [
        novel.scene(7),
        novel.scene(7, seed=1),
        novel.scene(27),
        familiar.scene("train", 7),
        familiar.scene("val", 7),
    ]
    firsts += [scenes.scene("train", 7)[0], scenes.scene("test", 7)[0], scenes.scene("test", 7, seed=1)[0]]
    assert len({here.detail for here in firsts}) == len(firsts)
    np.testing.assert_array_equal(novel.draw(firsts[0]).image, novel.draw(novel.scene(7)).image)


def test_bad_input_is_told_what_is_possible():
    with pytest.raises(ValueError, match="toy-novel has images 0 to 1599, not 1600"):
        novel.scene(1600)
