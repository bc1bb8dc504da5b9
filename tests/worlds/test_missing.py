"""Images that lack parts: those of the toy world otherwise, under its name."""

import numpy as np
import pytest

from zfhelpers import toyworld
from zfhelpers.worlds.missing import missing_parts
from zfhelpers.worlds.opening import open_world


def test_half_of_the_images_are_those_of_the_world(tmp_path, monkeypatch):
    monkeypatch.setenv("ZF_CACHE", str(tmp_path))
    monkeypatch.setenv("ZF_PROGRESS", "0")
    monkeypatch.setattr(toyworld.missing, "SIZES", {"train": 2, "val": 2})
    monkeypatch.setattr(toyworld, "SIZES", {"train": 2, "val": 2})
    world = missing_parts(open_world("toy"))
    assert (world.name, world.classes, len(world.val)) == ("toy", toyworld.CLASSES, 48)
    for index in range(48):
        whole = toyworld.draw(toyworld.scene("val", index)).image.transpose(2, 0, 1)
        assert (np.asarray(world.val.frames[index]) != whole).any() == bool(toyworld.lacking("val", index))
    assert world.val.labels.tolist() == [*range(24), *range(24)]


def test_photographs_have_no_parts():
    with pytest.raises(ValueError, match="'imagenette' does not know the parts of its objects; 'toy' does"):
        missing_parts(open_world("imagenette"))
