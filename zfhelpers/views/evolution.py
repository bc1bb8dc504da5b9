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

from zfhelpers.figures.tiles import array, fit, projection_to_rgb, to_pillow
from zfhelpers.views.panels import PANEL, beside, frame, readout, resized, slider, slider_below, stacked
from zfhelpers.views.view import View

THUMB, STEP = 66, 900  # pixels of a small tile; milliseconds that an epoch is shown when they are played


def evolution_view(layers: Mapping[str, tuple], epochs: Sequence[int]) -> View:
    """Pick a layer and a map, and move through the epochs, or let them play.

    Args:
        layers: {layer: (maps, projections, patches, winners)}: M map numbers; (M, E, C, h, h) float; (M, E, C, h, h) uint8, what
            the projections come from; (M, E) which image that is.
        epochs: the E epochs.

    Returns:
        a View, with the attribute `player`, the `Play` widget that moves its epochs.

    Raises:
        ValueError: no layer, or shapes that do not fit together.
    """
    if not layers or not len(epochs):
        raise ValueError("An evolution view needs one layer and one epoch, or more.")
    for name, (maps, projections, patches, winners) in layers.items():
        wanted = (len(maps), len(epochs))
        given = [np.shape(array(part))[:2] for part in (projections, patches, winners)]
        if not len(maps) or any(shape != wanted for shape in given):
            raise ValueError(f"{name} has {wanted[0]} maps and there are {wanted[1]} epochs, but the arrays begin with {given}.")
    layer = widgets.Dropdown(options=list(layers), value=list(layers)[-1], description="layer")
    place = slider_below(layer, {name: len(maps) for name, (maps, *_) in layers.items()}, "feature map")
    when = slider("epoch, first to last", len(epochs), len(epochs) - 1)

    def render(state: dict):
        which, projections, patches, winners = (part[state["map"]] for part in layers[state["layer"]])
        now, tiles = state["epoch"], np.stack([projection_to_rgb(cell) for cell in projections])
        large = {"projection": tiles[now], "image patch": array(patches)[now]}
        small = [(f"epoch {epoch}", resized(tile, THUMB)) for epoch, tile in zip(epochs, tiles, strict=True)]
        frame(small[now][1], (0, 0, THUMB, THUMB))
        news = "" if not now else ", the same as before" if winners[now] == winners[now - 1] else ", another than before"
        alt = (
            f"Map {which} of {state['layer']} after {epochs[now]} epoch{'s' * (epochs[now] != 1)}: its projection on mid-grey "
            f"beside the image patch that excites it most{news}."
        )
        jumps = int((np.diff(array(winners)) != 0).sum())
        reading = readout(
            map=f"{which} of {state['layer']}", epoch=epochs[now], image=f"{int(winners[now])}{news}", jumps=f"{jumps} in all"
        )
        panels = [(heading, to_pillow(fit(tile[None], PANEL)[0])) for heading, tile in large.items()]
        return stacked([beside(panels), beside(small, 4)]), alt, reading

    view = View(render, {"layer": layer, "map": place, "epoch": when}, "Watch a feature map grow")
    view.player = widgets.Play(
        min=0, max=len(epochs) - 1, value=when.value, interval=STEP, repeat=False, description="play the epochs"
    )
    widgets.link((view.player, "value"), (when, "value"))
    view.children = (*view.children[:2], widgets.HBox([widgets.Label("play the epochs"), view.player]), *view.children[2:])
    return view
