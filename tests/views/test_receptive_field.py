"""The receptive-field View: the bright square is the field, and its edges are read out."""

import io

import numpy as np
import pytest
from PIL import Image

from zfhelpers import views
from zfhelpers.geometry import ReceptiveField

RNG = np.random.default_rng(0)
PHOTO = RNG.integers(0, 256, (3, 64, 64), dtype=np.uint8)


def fields():
    return views.receptive_field_view(PHOTO, {"a": ReceptiveField(7, 4, 0), "b": ReceptiveField(75, 16, -10)}, {"a": 15, "b": 4})


def pixels(view):
    return np.asarray(Image.open(io.BytesIO(view.png)).convert("RGB"))


def test_the_receptive_field_is_bright_and_its_box_read_out():
    view = fields().set(row=3, column=5)
    assert "rows: <strong>12 to 18</strong>" in view.readout
    assert "columns: <strong>20 to 26</strong>" in view.readout
    assert "outside" not in view.alt
    page, zoom, margin = pixels(view), 4, 21
    inside = page[(margin + 13) * zoom : (margin + 18) * zoom : zoom, (margin + 21) * zoom : (margin + 26) * zoom : zoom]
    assert (inside == PHOTO[:, 13:18, 21:26].transpose(1, 2, 0)).all()
    view.set(layer="b", row=0)
    assert "part of it outside the image" in view.alt
    assert view.state == {"layer": "b", "row": 0, "column": 3}


@pytest.mark.parametrize("names", [(), ("a", "c")])
def test_every_layer_needs_a_field_and_a_size(names):
    with pytest.raises(ValueError, match="Give a field and a size for each layer"):
        views.receptive_field_view(PHOTO, {name: ReceptiveField(7, 4, 0) for name in names}, {"a": 15, "b": 4})
