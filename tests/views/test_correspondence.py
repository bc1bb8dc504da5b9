"""The view of Table 1, driven from Python: its colours counted against the signs, its words against loops."""

import io
import re

import numpy as np
import pytest
import torch
from PIL import Image, ImageColor

from zfhelpers.experiments.correspondence import Correspondence
from zfhelpers.views.correspondence import GAINS, LOSES, OPPOSITE, SAME, correspondence_view

RNG = np.random.default_rng(0)
PARTS = ("nose", "right eye")
HIDDEN = {part: RNG.integers(0, 256, (3, 3, 64, 64), dtype=np.uint8) // 2 for part in PARTS}
SHAPES = {"layer5": (5, 4, 4), "layer7": (30,)}
CHANGES = {
    part: {
        layer: Correspondence(torch.from_numpy(RNG.integers(-1, 2, (3, *shape), dtype=np.int8)), torch.zeros(3))
        for layer, shape in SHAPES.items()
    }
    for part in PARTS
}


def picture(view):
    return np.asarray(Image.open(io.BytesIO(view.png)).convert("RGB"))


def area(image, colour):
    return int((image == ImageColor.getrgb(colour)).all(-1).sum())


@pytest.mark.parametrize("layer", SHAPES)
@pytest.mark.parametrize(("one", "other"), [(0, 1), (2, 1)])
def test_colours_and_words_tell_the_signs(layer, one, other):
    view = correspondence_view(HIDDEN, CHANGES).set(part="right eye", layer=layer, one=one, other=other)
    left, right = (CHANGES["right eye"][layer].signs[dog].flatten().tolist() for dog in (one, other))
    both = [(a, b) for a, b in zip(left, right, strict=True) if a and b]
    same = sum(a == b for a, b in both)
    assert f"without right eye, and the {len(left)} units of {layer}" in view.alt
    told = re.search(r"units that change: <strong>(\d+) left, (\d+) right, (\d+) in both, (\d+) of them alike", view.readout)
    assert [int(number) for number in told.groups()] == [sum(map(bool, left)), sum(map(bool, right)), len(both), same]
    assert f"{np.mean([a != b for a, b in zip(left, right, strict=True)]):.3f} of all" in view.readout
    assert f"{1 - same / len(both):.2f}" in view.readout

    image, legend = picture(view), 12 * 12
    signs = left + right
    unit = (area(image, LOSES) - legend) / signs.count(1)
    assert unit == int(unit) > 0
    assert area(image, GAINS) - legend == unit * signs.count(-1)
    assert area(image, SAME) - legend == unit * same
    assert area(image, OPPOSITE) - legend == unit * (len(both) - same)


def test_every_control_changes_the_picture():
    view = correspondence_view(HIDDEN, CHANGES)
    assert set(view.controls) == {"part", "layer", "one", "other"}
    for change in ({"part": "right eye"}, {"layer": "layer7"}, {"one": 2}, {"other": 0}):
        before = view.png
        assert view.set(**change).png != before
        assert view.error is None


def test_two_dogs_that_share_no_change():
    still = {"nose": {"layer7": Correspondence(torch.tensor([[1, 0], [0, 0]], dtype=torch.int8), torch.zeros(2))}}
    view = correspondence_view({"nose": HIDDEN["nose"][:2]}, still)
    assert "none does" in view.readout
    assert "0 in both, 0 of them alike" in view.readout


def test_what_does_not_fit_together():
    with pytest.raises(ValueError, match="for the same parts, not nose and nose, right eye"):
        correspondence_view({"nose": HIDDEN["nose"]}, CHANGES)
    with pytest.raises(ValueError, match="3 images and 3 changes in every layer for 'right eye'"):
        correspondence_view(HIDDEN | {"right eye": HIDDEN["right eye"][:2]}, CHANGES)
