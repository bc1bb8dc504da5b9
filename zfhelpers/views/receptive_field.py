"""Where a unit looks: the square of the image that it sees, layer by layer and place by place.

>>> import numpy as np
>>> fields = {"pool1": ReceptiveField(size=11, stride=4, offset=-2)}
>>> receptive_field_view(np.zeros((3, 64, 64), np.uint8), fields, {"pool1": 15}).set(row=0).alt
'An image, dimmed except for the square of 11 pixels that unit (0, 7) of pool1 sees, part of it outside the image.'
"""

from __future__ import annotations

from collections.abc import Mapping

import ipywidgets as widgets
from PIL import Image

from zfhelpers.figures.tiles import array, to_pillow
from zfhelpers.geometry import ReceptiveField
from zfhelpers.views.marks import Framed, Marked, Outside
from zfhelpers.views.panels import MARK, factor, readout, slider_below
from zfhelpers.views.view import View


def receptive_field_view(image, fields: Mapping[str, ReceptiveField], sizes: Mapping[str, int]) -> View:
    """Pick a layer, move over its map, and see the square of the image that the unit sees.

    Args:
        image: (C, S, S) uint8.
        fields: {layer: its `receptive_field`}.
        sizes: {layer: side of its maps}, for instance `net.conv_sizes`.

    Raises:
        ValueError: no layer, or one without a size.
    """
    if not fields or not fields.keys() <= sizes.keys():
        raise ValueError(f"Give a field and a size for each layer, not fields of {list(fields)} and sizes of {list(sizes)}.")
    side, zoom = array(image).shape[-1], factor(image)
    margin = side // 3  # fields reach over the border
    page = Image.new("RGB", (side + 2 * margin,) * 2, "#eeeeee")
    page.paste(to_pillow(image), (margin, margin))
    page = page.resize((page.width * zoom,) * 2, Image.Resampling.NEAREST)
    layer = widgets.Dropdown(options=list(fields), description="layer")
    row, column = (slider_below(layer, sizes, f"{name} of the unit", sizes[layer.value] // 2) for name in ("row", "column"))

    def render(state: dict):
        field, box = fields[state["layer"]], fields[state["layer"]].box(state["row"], state["column"])
        top, left, bottom, right = (min(max((edge + margin) * zoom, 0), page.width) for edge in box)
        unit = top, left, bottom, right
        outside = min(box) < 0 or max(box) > side
        alt = (
            f"An image, dimmed except for the square of {field.size} pixels that unit ({state['row']}, {state['column']}) of "
            f"{state['layer']} sees{', part of it outside the image' if outside else ''}."
        )
        reading = readout(
            field=f"{field.size} px, moving by {field.stride} px",
            rows=f"{box[0]} to {box[2] - 1}",
            columns=f"{box[1]} to {box[3] - 1}",
        )
        return Marked(page, [Outside(unit, "#777777"), Framed(unit, MARK)], alt), alt, reading

    def point(x: float, y: float, state: dict) -> dict[str, int]:
        """The unit whose field has its centre nearest to a place."""
        down, across = (fields[state["layer"]].nearest(place / zoom - margin) for place in (y, x))
        return {"row": down, "column": across}

    controls = {"layer": layer, "row": row, "column": column}
    hint = "click where a unit is to look, or move it with the arrow keys"
    return View(render, controls, "What one unit sees: click on the image", point, ("column", "row"), hint)
