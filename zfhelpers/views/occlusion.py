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
from collections.abc import Callable, Sequence
from functools import lru_cache

import ipywidgets as widgets
import numpy as np

from zfhelpers.boxes import Box
from zfhelpers.figures.colours import GREY, heat
from zfhelpers.figures.tiles import array, to_pillow
from zfhelpers.occlusion import OcclusionMaps
from zfhelpers.views.marks import Cross, Filled, Marked
from zfhelpers.views.panels import HEADING, INK, beside, enlarged, factor, font, readout, slider, slider_below
from zfhelpers.views.view import View
from zfhelpers.worlds.world import World

TRUE, ANSWER = "the true class", "the answer without the square"
GAP = 16  # pixels between panels
TITLE = "Move the square: drag it, or use the arrow keys"
HINT = "drag the grey square, or move it with the arrow keys"
KEPT = 12  # swept images that are remembered


class Sheet:
    """One swept image with its maps, drawn once; the square and its place in the maps are marks over it.

    Args:
        image: (C, S, S) uint8.
        maps: the result of `occlusion_maps` for it.
        outputs: names of everything that the network can answer.
        label: the output whose probability is shown.
        shows: what the image shows.
    """

    def __init__(self, image, maps: OcclusionMaps, outputs: Sequence[str], label: int, shows: str):
        self.maps, self.outputs, self.label, self.shows = maps, outputs, label, shows
        self.probabilities, self.activity, self.labels = (
            array(each) for each in (maps.probabilities, maps.activity, maps.labels)
        )
        self.large, self.zoom, self.side = enlarged(image), factor(image), array(image).shape[-1]
        asked = f"probability of {outputs[label]}"
        asked = asked if font(13).getlength(asked) <= self.large.width else f"P({outputs[label]})"
        coloured = {
            asked: to_pillow(heat(self.probabilities[..., label], self.large.width, low=0)),
            "activity of the strongest map": to_pillow(heat(self.activity, self.large.width)),
        }
        self.sheet = beside([("image, occluded", self.large), *coloured.items()], GAP)
        self.lefts = [place * (self.large.width + GAP) for place in range(1 + len(coloured))]  # of the panels

    def at(self, row: int, column: int) -> tuple[Marked, str, str]:
        """The picture, its alt text and the readout with the square at one place."""
        (rows, columns), large = self.labels.shape, self.large
        top, left, bottom, right = (self.zoom * side for side in self.maps.box(row, column))
        square = (top + HEADING, left, bottom + HEADING, right)
        panels = [(HEADING, left, HEADING + large.height, left + large.width) for left in self.lefts[1:]]
        crosses = [Cross(cell_of((row, column), (rows, columns), panel), panel, INK) for panel in panels]
        best, here = self.labels[row, column], self.probabilities[row, column]
        alt = (
            f"A grey square over an image of {self.shows}, at row {row + 1} of {rows} and column {column + 1} of {columns}; "
            f"beside it the probability of {self.outputs[self.label]} and the activity of the strongest map at every position, "
            "this one marked."
        )
        without = array(self.maps.probabilities_clean)[self.label]
        reading = {
            f"probability of {self.outputs[self.label]}": f"{here[self.label]:.2f} (without the square {without:.2f})",
            "most probable": f"{self.outputs[best]} {here[best]:.2f}",
            "activity": f"{self.activity[row, column] / max(self.activity.max(), 1e-12):.0%} of its maximum",
        }
        return Marked(self.sheet, [Filled(square, GREY), *crosses], alt, handle=square), alt, readout(**reading)

    def place(self, x: float, y: float) -> dict[str, int]:
        """Row and column of the square for a place in the picture: over the image the nearest one, over a map the cell."""
        panel = max(bisect(self.lefts, x) - 1, 0)
        across, down = (x - self.lefts[panel]) / self.large.width, (y - HEADING) / self.large.height
        if panel:
            rows, columns = self.labels.shape
            return {"row": int(down * rows), "column": int(across * columns)}
        across, down = ((share * self.side - self.maps.size / 2) / self.maps.stride for share in (across, down))
        return {"row": round(down), "column": round(across)}


def occlusion_view(image, maps: OcclusionMaps, classes: Sequence[str], label: int) -> View:
    """Fig. 7 to play with: move a grey square over an image and read what the network answers.

    Args:
        image: (C, S, S) uint8.
        maps: the result of `occlusion_maps` for it.
        classes: names of all classes.
        label: index of the true class.
    """
    sheet = Sheet(image, maps, classes, int(label), classes[int(label)])
    controls = place_of_the_square(maps)
    return View(
        lambda state: sheet.at(state["row"], state["column"]),
        controls,
        TITLE,
        lambda x, y, _state: sheet.place(x, y),
        ("column", "row"),
        HINT,
    )


def any_occlusion_view(world: World, sweep: Callable[[int], OcclusionMaps], start: int = 0) -> View:
    """Fig. 7 for any validation image of a world, and for the probability of any class.

    Another image is swept when it is chosen, which takes as long as a sweep takes; the last few are remembered.

    Args:
        world: as the network sees it, from `zf.load`.
        sweep: what `occlusion_maps` gives for a validation image, by its number; every image with as many places.
        start: number of the first image.
    """
    of_class = [np.flatnonzero(world.val.labels == number).tolist() for number in range(len(world.classes))]
    there = {name: indices for name, indices in zip(world.classes, of_class, strict=True) if indices}
    named = {world.outputs[output]: int(output) for output in world.answers if output >= 0}
    name = world.classes[world.val.labels[start]]
    shows = widgets.Dropdown(options=list(there), value=name, description="class of the image")
    which = slider_below(
        shows,
        {name: len(indices) for name, indices in there.items()},
        "image of this class",
        there[name].index(start),
        live=False,
    )
    follow = widgets.Dropdown(options=[TRUE, ANSWER, *named], description="probability of")
    swept = lru_cache(KEPT)(sweep)

    @lru_cache(KEPT)
    def sheet_of(index: int, asked: str) -> Sheet:
        """The sheet of an image; what the network says without the square stands for a class that it does not know."""
        maps = swept(index)
        clean, label = array(maps.probabilities_clean), int(world.val.labels[index])
        output = {TRUE: world.follow(label, clean), ANSWER: int(clean.argmax())}.get(asked, named.get(asked))
        return Sheet(world.val[index][0], maps, world.outputs, output, world.classes[label])

    def sheet(state: dict) -> Sheet:
        return sheet_of(there[state["shows"]][state["which"]], state["follow"])

    controls = {"shows": shows, "which": which, "follow": follow, **place_of_the_square(swept(start))}
    return View(
        lambda state: sheet(state).at(state["row"], state["column"]),
        controls,
        TITLE,
        lambda x, y, state: sheet(state).place(x, y),
        ("column", "row"),
        HINT,
    )


def place_of_the_square(maps: OcclusionMaps) -> dict[str, widgets.IntSlider]:
    """The two sliders that move the square, in the middle at first."""
    rows, columns = array(maps.labels).shape
    return {
        "row": slider("row of the square", rows, rows // 2),
        "column": slider("column of the square", columns, columns // 2),
    }


def cell_of(place: tuple[int, int], shape: tuple[int, int], panel: Box) -> tuple[float, float, float, float]:
    """The box of one cell of a map of rows and columns (shape) that fills a panel (top, left, bottom, right).

    >>> cell_of((1, 0), (2, 4), (24, 0, 124, 200))
    (74.0, 0.0, 124.0, 50.0)
    """
    top, left, bottom, right = panel
    high, wide = (bottom - top) / shape[0], (right - left) / shape[1]
    return top + place[0] * high, left + place[1] * wide, top + (place[0] + 1) * high, left + (place[1] + 1) * wide
