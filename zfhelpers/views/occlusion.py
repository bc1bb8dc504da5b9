"""Fig. 7 to play with: move a grey square over an image and read what the network answers.

>>> import numpy as np
>>> import torch
>>> probabilities, activity = torch.full((4, 5, 2), 0.5), {"layer5": torch.rand(4, 5, 3)}
>>> maps = OcclusionMaps(probabilities, activity, probabilities[0, 0], {"layer5": torch.ones(3)}, 2, size=14, stride=8)
>>> occlusion_view(np.zeros((3, 46, 46), np.uint8), maps, ["cat", "dog"], label=1).set(row=3).readout
'probability of dog: <strong>0.50 (without the square 0.50)</strong> &nbsp; most probable: ...'
"""

from __future__ import annotations

from bisect import bisect
from collections.abc import Sequence

from zfhelpers.boxes import Box
from zfhelpers.figures.colours import GREY, heat
from zfhelpers.figures.tiles import array, to_pillow
from zfhelpers.occlusion import OcclusionMaps
from zfhelpers.views.marks import Cross, Filled, Marked
from zfhelpers.views.panels import HEADING, INK, beside, enlarged, factor, font, readout, slider
from zfhelpers.views.view import View

GAP = 16  # pixels between panels


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
    sheet = beside([("image, occluded", large), *coloured.items()], GAP)
    lefts = [place * (large.width + GAP) for place in range(1 + len(coloured))]  # of the panels

    def render(state: dict):
        row, column = state["row"], state["column"]
        top, left, bottom, right = (zoom * side for side in maps.box(row, column))
        square = (top + HEADING, left, bottom + HEADING, right)
        panels = [(HEADING, left, HEADING + large.height, left + large.width) for left in lefts[1:]]
        crosses = [Cross(cell_of((row, column), labels.shape, panel), panel, INK) for panel in panels]
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
        return Marked(sheet, [Filled(square, GREY), *crosses], alt, handle=square), alt, reading

    def point(x: float, y: float, _state: dict) -> dict[str, int]:
        """Over the image, the square whose centre is nearest; over a map, the cell."""
        panel = bisect(lefts, x) - 1
        across, down = (x - lefts[panel]) / large.width, (y - HEADING) / large.height
        if not panel:  # the square's centre moves from half a square within one border to half a square within the other
            across, down = ((share * image.shape[-1] - maps.size / 2) / maps.stride for share in (across, down))
            return {"row": round(down), "column": round(across)}
        return {"row": int(down * rows), "column": int(across * columns)}

    controls = {
        "row": slider("row of the square", rows, rows // 2),
        "column": slider("column of the square", columns, columns // 2),
    }
    title = "Move the square: drag it, or use the arrow keys"
    return View(render, controls, title, point, ("column", "row"), "drag the grey square, or move it with the arrow keys")


def cell_of(place: tuple[int, int], shape: tuple[int, int], panel: Box) -> tuple[float, float, float, float]:
    """The box of one cell of a map of rows and columns (shape) that fills a panel (top, left, bottom, right).

    >>> cell_of((1, 0), (2, 4), (24, 0, 124, 200))
    (74.0, 0.0, 124.0, 50.0)
    """
    top, left, bottom, right = panel
    high, wide = (bottom - top) / shape[0], (right - left) / shape[1]
    return top + place[0] * high, left + place[1] * wide, top + (place[0] + 1) * high, left + (place[1] + 1) * wide
