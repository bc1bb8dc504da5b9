"""The features View: what is said and shown is what was given for this map."""

import io

import numpy as np
import pytest
from PIL import Image

from zfhelpers import views
from zfhelpers.figures import projection_to_rgb

RNG = np.random.default_rng(0)


def features_of_two_layers():
    def block(maps, side):
        return maps, RNG.normal(size=(len(maps), 9, 3, side, side)), RNG.integers(0, 256, (len(maps), 9, 3, side, side), np.uint8)

    layers = {"layer1": block([4, 9], 7), "layer5": block([1, 30, 31, 7], 139)}
    return views.features_view(layers, {"layer5": ["one", "two <3", "three", "four"]})


def test_picking_a_layer_with_fewer_maps_moves_the_slider_into_range():
    view = features_of_two_layers().set(layer="layer5", map=3)
    assert "map 7 of layer5" in view.alt
    assert view.readout.endswith("<br>four")
    view.set(layer="layer1")
    assert view.state == {"layer": "layer1", "map": 1}
    assert "map 9 of layer1" in view.alt
    assert view.error is None


def test_projections_stand_beside_their_patches():
    projections, patches = RNG.normal(size=(2, 9, 3, 7, 7)), RNG.integers(0, 256, (2, 9, 3, 7, 7), np.uint8)
    view = views.features_view({"layer1": ([4, 9], projections, patches)}).set(map=1)
    page = np.asarray(Image.open(io.BytesIO(view.png)).convert("RGB"))[24:]
    side, panel = 7 * 13, 3 * 7 * 13 + 2 * 2  # 96 px hold a tile of 7 thirteen times; two lines of 2 px
    for left, nine in ((0, projection_to_rgb(projections[1])), (panel + 16, patches[1])):
        for number, tile in enumerate(nine):
            top, start = ((side + 2) * place for place in divmod(number, 3))
            shown = page[top : top + side : 13, left + start : left + start + side : 13]
            assert (shown == tile.transpose(1, 2, 0)).all()


def test_features_of_no_layer_are_refused():
    with pytest.raises(ValueError, match="There is no layer to choose"):
        views.features_view({})
