"""Where a companion is to be seen: held against images in which it is painted once black and once white."""

from dataclasses import replace

import numpy as np
import pytest

from zfhelpers.toyworld import canvas
from zfhelpers.toyworld.companion import companion_mask
from zfhelpers.toyworld.drawings.companions import COMPANIONS
from zfhelpers.toyworld.familiar import draw, scene
from zfhelpers.toyworld.pen import Pen

MARGIN = 9  # (146 - 128) / 2


def painted(shape, colour):
    """The same companion in one colour: it takes the same random numbers, and covers the same pixels."""

    class OneColour(Pen):
        def polygon(self, points, _):
            super().polygon(points, colour)

        def disc(self, centre, radius, _):
            super().disc(centre, radius, colour)

        def line(self, points, width, _):
            super().line(points, width, colour)

    def paint(pen, rng):
        own = object.__new__(OneColour)
        own.__dict__.update(pen.__dict__)
        shape(own, rng)

    return paint


@pytest.mark.parametrize("index", [0, 2, 4, 10, 24, 28, 47, 119])  # among them all kinds, bars, leaves, a wearer
def test_the_mask_is_what_changes_with_the_companions_colour(index, monkeypatch):
    here = replace(scene("val", index), blur=0.0, noise=0.0)
    shape, images = COMPANIONS[here.companion.kind], []
    for colour in ((0, 0, 0), (255, 255, 255)):
        monkeypatch.setitem(canvas.COMPANIONS, here.companion.kind, painted(shape, colour))
        images.append(draw(here).image.astype(int)[MARGIN:-MARGIN, MARGIN:-MARGIN])
    monkeypatch.undo()
    shows = np.abs(images[1] - images[0]).max(-1)
    mask = companion_mask(here)
    assert mask.any()
    # The object's shadow darkens what lies behind by at most 45 %, and half-covered pixels count by half.
    assert shows[mask].min() > 255 * 0.5 * 0.5
    assert shows[~mask].max() <= 255 * 0.5 + 1


def test_a_companion_and_its_object_share_no_pixel():
    for index in range(48):
        here = scene("val", index)
        if here.companion:
            assert not (companion_mask(here) & draw(here).mask).any()


def test_a_scene_without_companion():
    with pytest.raises(ValueError, match="The scene has no companion"):
        companion_mask(replace(scene("val", 0), companion=None))
