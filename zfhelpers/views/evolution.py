"""Fig. 4 to play with: one feature map while its network is trained, epoch by epoch.

>>> projections, patches = np.random.randn(2, 3, 3, 9, 9), np.zeros((2, 3, 3, 9, 9), np.uint8)
>>> view = evolution_view({"layer1": ([4, 7], projections, patches, [[5, 5, 8], [1, 2, 2]])}, epochs=(1, 2, 5))
>>> view.set(map=1, epoch=2).alt
'Map 7 of layer1 after 5 epochs: its projection on mid-grey beside the image patch that excites it most, the same as before.'
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence

import ipywidgets as widgets
import numpy as np
from PIL import Image, ImageDraw

from zfhelpers.figures.picture import array, fit, pixels, projection_to_rgb
from zfhelpers.views.panels import MARK, PANEL, beside, readout, slider
from zfhelpers.views.view import View

THUMB, STEP = 66, 900  # pixels of a small tile; milliseconds that an epoch is shown when they are played


def evolution_view(layers: Mapping[str, tuple], epochs: Sequence[int]) -> View:
    """Pick a layer and a map, and move through the epochs, or let them play.

    Args:
        layers: {layer: (maps, projections, patches, winners)}: M map numbers; (M, E, 3, h, h) float; (M, E, 3, h, h) uint8, what
            the projections come from; (M, E) which image that is.
        epochs: the E epochs.

    Returns:
        a View, with the attribute `player`, the `Play` widget that moves its epochs.

    Raises:
        ValueError: no layer, or shapes that do not fit together.
    """
    _check(layers, epochs)
    layer = widgets.Dropdown(options=list(layers), value=list(layers)[-1], description="layer")
    place = slider("feature map", len(layers[layer.value][0]))
    layer.observe(lambda change: setattr(place, "max", len(layers[change.new][0]) - 1), names="value")
    when = slider("epoch, first to last", len(epochs), len(epochs) - 1)

    def render(state: dict):
        which, projections, patches, winners = (part[state["map"]] for part in layers[state["layer"]])
        now, tiles = state["epoch"], np.stack([projection_to_rgb(cell) for cell in projections])
        large = [("projection", tiles[now]), ("image patch", array(patches)[now])]
        small = [(f"epoch {epoch}", _thumbnail(tiles[number], number == now)) for number, epoch in enumerate(epochs)]
        news = "" if not now else ", the same as before" if winners[now] == winners[now - 1] else ", another than before"
        alt = (
            f"Map {which} of {state['layer']} after {epochs[now]} epoch{'s' * (epochs[now] != 1)}: its projection on mid-grey "
            f"beside the image patch that excites it most{news}."
        )
        jumps = int((np.diff(array(winners)) != 0).sum())
        reading = readout(
            map=f"{which} of {state['layer']}", epoch=epochs[now], image=f"{int(winners[now])}{news}", jumps=f"{jumps} in all"
        )
        return _stacked(beside([(name, _large(tile)) for name, tile in large]), beside(small, 4)), alt, reading

    view = View(render, {"layer": layer, "map": place, "epoch": when}, "Watch a feature map grow")
    view.player = widgets.Play(
        min=0, max=len(epochs) - 1, value=when.value, interval=STEP, repeat=False, description="play the epochs"
    )
    widgets.link((view.player, "value"), (when, "value"))
    view.children = (*view.children[:2], widgets.HBox([widgets.Label("play the epochs"), view.player]), *view.children[2:])
    return view


def _check(layers: Mapping[str, tuple], epochs: Sequence[int]) -> None:
    if not layers or not len(epochs):
        raise ValueError("An evolution view needs one layer and one epoch, or more.")
    for name, (maps, projections, patches, winners) in layers.items():
        wanted = (len(maps), len(epochs))
        given = [np.shape(array(part))[:2] for part in (projections, patches, winners)]
        if not len(maps) or any(shape != wanted for shape in given):
            raise ValueError(f"{name} has {wanted[0]} maps and there are {wanted[1]} epochs, but the arrays begin with {given}.")


def _large(tile: np.ndarray) -> Image.Image:
    return Image.fromarray(pixels(fit(tile[None], PANEL)[0]))


def _thumbnail(tile: np.ndarray, chosen: bool) -> Image.Image:
    method = Image.Resampling.BOX if tile.shape[-1] > THUMB else Image.Resampling.NEAREST
    image = Image.fromarray(pixels(tile)).resize((THUMB, THUMB), method)
    if chosen:
        ImageDraw.Draw(image).rectangle((0, 0, THUMB - 1, THUMB - 1), outline=MARK, width=3)
    return image


def _stacked(above: Image.Image, below: Image.Image) -> Image.Image:
    sheet = Image.new("RGB", (max(above.width, below.width), above.height + below.height + 8), "white")
    sheet.paste(above, (0, 0))
    sheet.paste(below, (0, above.height + 8))
    return sheet
