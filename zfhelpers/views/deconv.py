"""A deconvnet to ask: one activation of a network, carried back to the pixels of an image.

Of all Views this one alone runs a network, and so it waits until the slider is released.

>>> import numpy as np
>>> import torch
>>> net, image = torch.nn.Sequential(torch.nn.Conv2d(3, 4, 5), torch.nn.ReLU()), torch.zeros(3, 32, 32)
>>> deconv_view(net, image, np.full((3, 32, 32), 128, np.uint8), layers=["0"]).set(rank=3, rule="guided").alt
'An image, and beside it on mid-grey what the map of rank 4 in 0 sees in it, by the rule guided.'
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence

import ipywidgets as widgets
from torch import Tensor, nn

from zfhelpers.deconv import RULES, Deconvnet
from zfhelpers.figures.sheets import GRIDS
from zfhelpers.figures.tiles import enlarge, projection_to_rgb, to_pillow
from zfhelpers.geometry import ReceptiveField
from zfhelpers.hooks import activations, find_layer, maps_first
from zfhelpers.strongest import strongest
from zfhelpers.views.panels import beside, enlarged, factor, frame, readout, slider_below
from zfhelpers.views.view import View


def deconv_view(
    net: nn.Module,
    image: Tensor,
    shown,
    layers: Sequence[str] = tuple(GRIDS),
    fields: Mapping[str, ReceptiveField] | None = None,
) -> View:
    """Pick a layer, one of its strongest maps and a rule, and see that activation carried back to the pixels.

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
    peaks = {
        layer: [part[0] for part in strongest(maps_first(values, layer, find_layer(net, layer), images.shape))]
        for layer, values in activations(net, images, layers).items()
    }
    orders = {layer: values.argsort(descending=True, stable=True) for layer, (values, _, _) in peaks.items()}
    layer = widgets.Dropdown(options=list(layers), value=layers[-1], description="layer")
    counts = {name: len(order) for name, order in orders.items()}
    rank = slider_below(layer, counts, "map, strongest first", live=False)
    rule = widgets.Dropdown(options=RULES, description="rule at a ReLU")

    def render(state: dict):
        which = int(orders[state["layer"]][state["rank"]])
        value, row, column = (part[which].item() for part in peaks[state["layer"]])
        projection = deconv.project(images, state["layer"], [which], [(row, column)], rule=state["rule"])[0]
        seen = enlarged(shown)
        if fields and state["layer"] in fields:
            frame(seen, tuple(zoom * edge for edge in fields[state["layer"]].box(row, column)))
        back = to_pillow(enlarge(projection_to_rgb(projection), zoom))
        alt = (
            f"An image, and beside it on mid-grey what the map of rank {state['rank'] + 1} in {state['layer']} sees in it, "
            f"by the rule {state['rule']}."
        )
        reading = readout(map=which, activation=f"{value:.3g}", unit=f"row {row}, column {column}") + (
            "" if value > 0 else " &nbsp; silent: nothing to project"
        )
        return beside([("image", seen), ("projection", back)]), alt, reading

    return View(render, {"layer": layer, "rank": rank, "rule": rule}, "One activation, back to the pixels")
