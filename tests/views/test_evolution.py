"""Fig. 4 as a View, driven from Python as a hand or the player would drive it."""

import io

import ipywidgets as widgets
import numpy as np
import pytest
from PIL import Image

from zfhelpers.figures import projection_to_rgb
from zfhelpers.views.evolution import evolution_view

RNG = np.random.default_rng(0)
EPOCHS = (1, 2, 5, 64)


def layer(maps, side, winners):
    shape = len(maps), len(EPOCHS), 3, side, side
    return maps, RNG.normal(size=shape), RNG.integers(0, 256, shape, np.uint8), np.array(winners)


LAYERS = {
    "layer1": layer([3, 8], 7, [[9, 9, 9, 9], [1, 2, 2, 3]]),
    "layer5": layer([30, 31, 40], 88, [[5, 6, 7, 7], [5, 5, 5, 6], [0, 0, 4, 4]]),
}


@pytest.fixture
def view():
    return evolution_view(LAYERS, EPOCHS)


def pixels(view):
    return np.asarray(Image.open(io.BytesIO(view.png)).convert("RGB"))


def test_it_shows_the_projection_and_the_patch_of_the_epoch(view):
    view.set(layer="layer5", map=1, epoch=2)
    page = pixels(view)
    _, projections, patches, _ = LAYERS["layer5"]
    side, zoom = 88, 3
    expected = np.concatenate([projection_to_rgb(projections[1, 2]), patches[1, 2]], axis=-1).transpose(1, 2, 0)
    shown = page[24 : 24 + zoom * side]
    left, right = shown[:, : zoom * side], shown[:, zoom * side + 16 : 2 * zoom * side + 16]
    assert np.abs(np.concatenate([left, right], 1)[::zoom, ::zoom].astype(int) - expected).max() <= 0
    assert view.alt == (
        "Map 31 of layer5 after 5 epochs: its projection on mid-grey beside the image patch that excites it most, "
        "the same as before."
    )
    assert "image: <strong>5, the same as before" in view.readout
    assert "jumps: <strong>1 in all" in view.readout


def test_a_jump_is_said_to_be_one(view):
    view.set(layer="layer5", map=1, epoch=3)
    assert view.alt.endswith("most, another than before.")
    view.set(epoch=0)
    assert view.alt.endswith("after 1 epoch: its projection on mid-grey beside the image patch that excites it most.")


def test_the_epoch_shown_is_framed_among_all(view):
    mark = np.array([0xD5, 0x5E, 0x00])
    for epoch in range(len(EPOCHS)):
        view.set(epoch=epoch)
        across = np.flatnonzero((pixels(view)[-66:] == mark).all(-1).all(0))  # columns that are frame from top to bottom
        assert across.min() == epoch * 70
        assert across.max() == epoch * 70 + 65


def test_picking_a_layer_with_fewer_maps_moves_the_slider_into_range(view):
    view.set(layer="layer5", map=2)
    view.set(layer="layer1")
    assert view.state == {"layer": "layer1", "map": 1, "epoch": 3}
    assert view.error is None
    assert "Map 8 of layer1" in view.alt


def test_the_player_moves_the_epochs_and_follows_them(view):
    assert (view.player.min, view.player.max, view.player.repeat) == (0, 3, False)
    assert isinstance(view.player, widgets.Play)
    assert view.player.description
    for epoch in (0, 1, 2):
        view.player.value = epoch
        assert view.state["epoch"] == epoch
        assert f"after {EPOCHS[epoch]} epoch" in view.alt
    view.set(epoch=3)
    assert view.player.value == 3


@pytest.mark.parametrize(
    ("layers", "epochs", "sentence"),
    [
        ({}, EPOCHS, "one layer and one epoch"),
        (LAYERS, (), "one layer and one epoch"),
        (LAYERS, (1, 2), "layer1 has 2 maps and there are 2 epochs"),
        ({"layer1": layer([1], 7, [[1, 1, 1]])}, EPOCHS, "layer1 has 1 maps and there are 4 epochs"),
        ({"layer1": layer([], 7, np.zeros((0, 4)))}, EPOCHS, "layer1 has 0 maps"),
    ],
)
def test_what_does_not_fit_is_refused(layers, epochs, sentence):
    with pytest.raises(ValueError, match=sentence):
        evolution_view(layers, epochs)
