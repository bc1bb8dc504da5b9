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
from PIL import Image

from zfhelpers.figures.tiles import array, fit, mosaic, projection_to_rgb, to_pillow
from zfhelpers.views.panels import HEADING, beside, frame, readout, slider_below
from zfhelpers.views.view import View

THUMB, ACROSS = 48, 4  # pixels of a thumbnail on the wall of maps, at most; thumbnails in a row
GAP = 16  # pixels between panels


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
    walls = {name: fit(projection_to_rgb(array(projections)[:, 0]), THUMB) for name, (_, projections, _) in layers.items()}

    def panels_of(state: dict) -> list[tuple[str, Image.Image]]:
        """The two nines, and the wall of all maps with this one framed."""
        _, projections, patches = layers[state["layer"]]
        nines = {"projections": projection_to_rgb(projections[state["map"]]), "image patches": array(patches[state["map"]])}
        panels = [(heading, to_pillow(mosaic(fit(nine, 96), 3, separator=2))) for heading, nine in nines.items()]
        tiles = walls[state["layer"]]
        cell = tiles.shape[-1] + 1
        wall = to_pillow(mosaic(tiles, ACROSS))
        top, left = (cell * at for at in divmod(state["map"], ACROSS))
        frame(wall, (top, left, top + cell - 1, left + cell - 1))
        return [*panels, ("all maps shown here: click one", wall)]

    def render(state: dict):
        maps, _, patches = layers[state["layer"]]
        which = maps[state["map"]]
        alt = (
            f"Nine projections of map {which} of {state['layer']} on mid-grey, beside the nine image patches that excite it most."
        )
        reading = readout(map=f"{which} ({state['map'] + 1} of {len(maps)} shown)", patch=f"{array(patches).shape[-1]} px")
        note = f"<br>{html.escape(notes[state['layer']][state['map']])}" if notes and state["layer"] in notes else ""
        return beside(panels_of(state), GAP), alt, reading + note

    def point(x: float, y: float, state: dict) -> dict[str, int]:
        """The map whose thumbnail lies there."""
        left = sum(panel.width + GAP for _, panel in panels_of(state)[:2])
        cell = walls[state["layer"]].shape[-1] + 1
        across, down = int((x - left) // cell), int((y - HEADING) // cell)
        which = down * ACROSS + across
        return {"map": which} if 0 <= across < ACROSS and 0 <= which < len(layers[state["layer"]][0]) else {}

    hint = "click a map on the wall, or walk through the maps with the arrow keys"
    return View(render, {"layer": layer, "map": place}, "What excites a feature map", point, ("map", "map"), hint)
