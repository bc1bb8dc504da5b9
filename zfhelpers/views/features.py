"""Fig. 2 to leaf through: the nine projections of a feature map beside the nine image patches that excite it most.

>>> import numpy as np
>>> nine = np.random.default_rng(0).normal(size=(2, 9, 3, 7, 7)), np.zeros((2, 9, 3, 7, 7), np.uint8)
>>> features_view({"layer1": ([4, 30], *nine)}, {"layer1": ["edges", "green"]}).set(map=1).alt
'Nine projections of map 30 of layer1 on mid-grey, beside the nine image patches that excite it most.'
"""

from __future__ import annotations

import html
from collections.abc import Mapping, Sequence

import ipywidgets as widgets

from zfhelpers.figures.tiles import array, fit, mosaic, projection_to_rgb, to_pillow
from zfhelpers.views.panels import beside, readout, slider_below
from zfhelpers.views.view import View


def features_view(layers: Mapping[str, tuple], notes: Mapping[str, Sequence[str]] | None = None) -> View:
    """Pick a layer and one of its maps, see its nine projections beside their nine image patches.

    Args:
        layers: {layer: (maps, projections, patches)}: M map numbers, (M, 9, C, h, h) float and (M, 9, C, h, h) uint8.
        notes: {layer: a sentence for each of the M maps}, shown below.

    Raises:
        ValueError: no layer.
    """
    layer = widgets.Dropdown(options=list(layers), description="layer")
    place = slider_below(layer, {name: len(maps) for name, (maps, _, _) in layers.items()}, "feature map")

    def render(state: dict):
        maps, projections, patches = layers[state["layer"]]
        which = maps[state["map"]]
        nines = {"projections": projection_to_rgb(projections[state["map"]]), "image patches": array(patches[state["map"]])}
        panels = [(heading, to_pillow(mosaic(fit(nine, 96), 3, separator=2))) for heading, nine in nines.items()]
        alt = (
            f"Nine projections of map {which} of {state['layer']} on mid-grey, beside the nine image patches that excite it most."
        )
        reading = readout(map=f"{which} ({state['map'] + 1} of {len(maps)} shown)", patch=f"{array(patches).shape[-1]} px")
        note = f"<br>{html.escape(notes[state['layer']][state['map']])}" if notes and state["layer"] in notes else ""
        return beside(panels), alt, reading + note

    return View(render, {"layer": layer, "map": place}, "What excites a feature map")
