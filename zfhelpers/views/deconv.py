"""A deconvnet to ask: one activation of a network, carried back to the pixels of an image. Click where the unit is to look.

Of all Views this one alone runs a network, and so it waits until the slider is released.

>>> import numpy as np
>>> import torch
>>> net, image = torch.nn.Sequential(torch.nn.Conv2d(3, 4, 5), torch.nn.ReLU()), torch.zeros(3, 32, 32)
>>> deconv_view(net, image, np.full((3, 32, 32), 128, np.uint8), layers=["0"]).set(rank=3, rule="guided").alt
'An image, and beside it on mid-grey what unit (0, 0) of the map of rank 4 in 0 sees in it, by the rule guided.'
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence

import ipywidgets as widgets
from torch import Tensor, nn

from zfhelpers.deconv import RULES, Deconvnet
from zfhelpers.figures.sheets import GRIDS
from zfhelpers.figures.tiles import array, enlarge, projection_to_rgb, to_pillow
from zfhelpers.geometry import ReceptiveField
from zfhelpers.hooks import activations, find_layer, maps_first
from zfhelpers.strongest import strongest
from zfhelpers.views.panels import HEADING, beside, enlarged, factor, frame, readout, slider_below
from zfhelpers.views.view import View

GAP = 16  # pixels between panels


def deconv_view(
    net: nn.Module,
    image: Tensor,
    shown,
    layers: Sequence[str] = tuple(GRIDS),
    fields: Mapping[str, ReceptiveField] | None = None,
) -> View:
    """Pick a layer, one of its strongest maps, a unit of it and a rule, and see that activation carried back to the pixels.

    Another layer or map begins with its most active unit; a click on either picture, or the sliders, take another.

    Args:
        net: any network that `Deconvnet` takes.
        image: (C, S, S) float, preprocessed.
        shown: (C, S, S) uint8, the same image as it is shown.
        layers: dotted names of convolutional layers.
        fields: {layer: its `receptive_field`}; where given, the unit's field is drawn on the image.

    Raises:
        ValueError: no layer, or one that the network has not.
    """
    deconv, images, zoom = Deconvnet(net), image[None], factor(shown)
    values = {
        layer: maps_first(found, layer, find_layer(net, layer), images.shape)
        for layer, found in activations(net, images, layers).items()
    }
    peaks = {layer: [part[0] for part in strongest(found)] for layer, found in values.items()}
    orders = {layer: found.argsort(descending=True, stable=True) for layer, (found, _, _) in peaks.items()}
    maps = {layer: found[0].reshape(found.shape[1], *(found.shape[2:] or (1, 1))) for layer, found in values.items()}
    layer = widgets.Dropdown(options=list(layers), value=layers[-1], description="layer")
    rank = slider_below(layer, {name: len(order) for name, order in orders.items()}, "map, strongest first", live=False)
    row, column = (
        slider_below(layer, {name: found.shape[axis] for name, found in maps.items()}, f"{said} of the unit", live=False)
        for axis, said in ((1, "row"), (2, "column"))
    )
    rule = widgets.Dropdown(options=RULES, description="rule at a ReLU")

    def most_active(_change=None) -> None:
        """The unit of this map that is most active."""
        which = orders[layer.value][rank.value]
        _, rows, columns = peaks[layer.value]
        row.value, column.value = int(rows[which]), int(columns[which])

    most_active()
    for control in (layer, rank):
        control.observe(most_active, names="value")

    def render(state: dict):
        which = int(orders[state["layer"]][state["rank"]])
        place = state["row"], state["column"]
        value = maps[state["layer"]][(which, *place)].item()
        projection = deconv.project(images, state["layer"], [which], [place], rule=state["rule"])[0]
        seen = enlarged(shown)
        if fields and state["layer"] in fields:
            box = (zoom * edge for edge in fields[state["layer"]].box(*place))
            frame(seen, tuple(min(max(edge, 0), seen.width) for edge in box))  # a field may reach beyond the image
        back = to_pillow(enlarge(projection_to_rgb(projection), zoom))
        alt = (
            f"An image, and beside it on mid-grey what unit {place} of the map of rank {state['rank'] + 1} in {state['layer']} "
            f"sees in it, by the rule {state['rule']}."
        )
        reading = readout(map=which, activation=f"{value:.3g}", unit=f"row {place[0]}, column {place[1]}") + (
            "" if value > 0 else " &nbsp; silent: nothing to project"
        )
        return beside([("image", seen), ("projection", back)], GAP), alt, reading

    def point(x: float, y: float, state: dict) -> dict[str, int]:
        """The unit whose field has its middle nearest to a place in either picture; without fields, maps fill the image."""
        wide = zoom * array(shown).shape[-1]
        places, sizes = (y - HEADING, x % (wide + GAP)), maps[state["layer"]].shape[1:]
        if fields and state["layer"] in fields and fields[state["layer"]].stride:
            found = [fields[state["layer"]].nearest(place / zoom) for place in places]
        else:
            found = [int(place / wide * size) for place, size in zip(places, sizes, strict=True)]
        return dict(zip(("row", "column"), found, strict=True))

    controls = {"layer": layer, "rank": rank, "row": row, "column": column, "rule": rule}
    hint = "click where the unit is to look, or move it with the arrow keys"
    return View(render, controls, "One activation, back to the pixels: click where to look", point, ("column", "row"), hint)
