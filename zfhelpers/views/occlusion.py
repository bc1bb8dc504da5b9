"""Fig. 7 to play with: move a grey square over an image and read what the network answers.

>>> import numpy as np
>>> import torch
>>> probabilities, activity = torch.full((4, 5, 2), 0.5), {"layer5": torch.rand(4, 5, 3)}
>>> maps = OcclusionMaps(probabilities, activity, probabilities[0, 0], {"layer5": torch.ones(3)}, 2, size=14, stride=8)
>>> occlusion_view(np.zeros((3, 46, 46), np.uint8), maps, ["cat", "dog"], label=1).set(row=3).readout
'probability of dog: <strong>0.50 (without the square 0.50)</strong> &nbsp; most probable: ...'
"""

from __future__ import annotations

from collections.abc import Sequence

from PIL import Image, ImageDraw

from zfhelpers.figures.colours import GREY, heat
from zfhelpers.figures.tiles import array, to_pillow
from zfhelpers.occlusion import OcclusionMaps
from zfhelpers.views.panels import INK, beside, enlarged, factor, font, readout, slider
from zfhelpers.views.view import View


def occlusion_view(image, maps: OcclusionMaps, classes: Sequence[str], label: int) -> View:
    """Fig. 7 to play with: move a grey square over an image and read what the network answers.

    Args:
        image: (C, S, S) uint8.
        maps: the result of `occlusion_maps` for it.
        classes: names of all classes.
        label: index of the true class.
    """
    probabilities, activity, labels = (array(values) for values in (maps.probabilities, maps.activity, maps.labels))
    rows, columns = labels.shape
    large, zoom, true = enlarged(image), factor(image), classes[label]
    without = array(maps.probabilities_clean)[label]
    asked = f"probability of {true}"
    asked = asked if font(13).getlength(asked) <= large.width else f"P({true})"
    coloured = {
        asked: to_pillow(heat(probabilities[..., label], large.width, low=0)),
        "activity of the strongest map": to_pillow(heat(activity, large.width)),
    }

    def render(state: dict):
        row, column = state["row"], state["column"]
        shown = large.copy()
        top, left, bottom, right = (zoom * side for side in maps.box(row, column))
        ImageDraw.Draw(shown).rectangle((left, top, right - 1, bottom - 1), GREY)
        crossed = [(heading, with_cross(drawn, (row, column), labels.shape)) for heading, drawn in coloured.items()]
        best = labels[row, column]
        alt = (
            f"A grey square over an image of {true}, at row {row + 1} of {rows} and column {column + 1} of {columns}; beside it "
            "the probability of the true class and the activity of the strongest map at every position of it, this one marked."
        )
        reading = readout(
            **{
                f"probability of {true}": f"{probabilities[row, column, label]:.2f} (without the square {without:.2f})",
                "most probable": f"{classes[best]} {probabilities[row, column, best]:.2f}",
                "activity": f"{activity[row, column] / max(activity.max(), 1e-12):.0%} of its maximum",
            }
        )
        return beside([("image, occluded", shown), *crossed]), alt, reading

    controls = {
        "row": slider("row of the square", rows, rows // 2),
        "column": slider("column of the square", columns, columns // 2),
    }
    return View(render, controls, "Move the square: the sliders listen to the arrow keys")


def with_cross(drawn: Image.Image, cell: tuple[int, int], shape: tuple[int, int]) -> Image.Image:
    """A copy of a map of rows and columns (shape), with a cross-hair through one of its cells."""
    drawn = drawn.copy()
    draw = ImageDraw.Draw(drawn)
    high, wide = drawn.height / shape[0], drawn.width / shape[1]
    y, x = (cell[0] + 0.5) * high, (cell[1] + 0.5) * wide
    for colour, width in (("white", 3), (INK, 1)):
        draw.line((0, y, x - wide / 2, y), colour, width)
        draw.line((x + wide / 2, y, drawn.width, y), colour, width)
        draw.line((x, 0, x, y - high / 2), colour, width)
        draw.line((x, y + high / 2, x, drawn.height), colour, width)
        draw.rectangle((x - wide / 2, y - high / 2, x + wide / 2, y + high / 2), outline=colour, width=width)
    return drawn
