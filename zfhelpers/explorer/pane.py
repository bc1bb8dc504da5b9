"""One network's part of the explorer: its answers, its wall of maps, the chosen map and the unit that is looked at.

Places are shares of the image, 0 to 1 from the left and from the top, so that two networks that take images of different sizes
can be asked about the same place.

>>> import torch
>>> from zfhelpers.explorer.source import Source
>>> net = torch.nn.Sequential(torch.nn.Conv2d(1, 4, 3), torch.nn.ReLU(), torch.nn.Flatten(), torch.nn.Linear(4 * 36, 2)).eval()
>>> eye = Eye("mine", net, Source(torch.rand(20, 1, 8, 8)))
>>> pane = Pane(eye, Search(eye, cache=None), eye.source.raw(0))
>>> pane.look_at(0.99, 0.5)
>>> pane.unit, pane.field()
((2, 5), (0.25, 0.625, 0.625, 1.0))
"""

from __future__ import annotations

from collections import OrderedDict
from collections.abc import Mapping

import numpy as np
from torch import Tensor

from zfhelpers.boxes import Box, inside, square_at
from zfhelpers.explorer import drawing
from zfhelpers.explorer.eye import Eye, Look
from zfhelpers.explorer.search import Search
from zfhelpers.figures.tiles import projection_to_rgb, to_pillow
from zfhelpers.patches import TopPatches, patches_of

ANSWERS = 5
NINES = 24  # blocks of nine that are remembered
Place = tuple[float, float]


class Pane:
    """What is looked at through one network.

    Args:
        eye: the network.
        search: of its images.
        raw: the image, as the eye's source gives it.

    Attributes:
        layer: the layer's name.
        chosen: number of the chosen map.
        unit: (row, column) in it.
        page: of the wall.
        covered: (probabilities, maps of the layer) under the square; None without one.
        failed: why the search ended before its time; empty if it did not.
    """

    def __init__(self, eye: Eye, search: Search, raw: Tensor):
        self.eye, self.search, self.failed = eye, search, ""
        self.layer, self.covered, self.page = eye.layers[-1], None, 0
        self.look = eye.look(raw)
        self._nines: OrderedDict[tuple, TopPatches | str] = OrderedDict()
        self.choose(int(self.order[0]))

    # ------------------------------------------------------------------------------------------------ what is chosen

    @property
    def order(self) -> Tensor:
        """Numbers of the layer's maps, strongest in this image first."""
        return self.look.order[self.layer]

    @property
    def maps(self) -> Tensor:
        """The layer's maps without the square, (maps, rows, columns)."""
        return self.look.maps[self.layer]

    @property
    def pages(self) -> int:
        """Of the wall."""
        return -(-len(self.order) // drawing.PAGE)

    @property
    def rank(self) -> int:
        """How many maps are stronger in this image than the chosen one."""
        return int((self.order == self.chosen).nonzero()[0, 0])

    def see(self, look: Look) -> None:
        """Another image: the same map, its most active unit."""
        self.look, self.covered, self.page = look, None, 0
        self.choose(self.chosen)

    def go_to(self, number: int) -> None:
        """Another layer, by its place among the network's layers; of fewer the last."""
        self.layer, self.covered, self.page = self.eye.layers[min(number, len(self.eye.layers) - 1)], None, 0
        self.choose(int(self.order[0]))

    def choose(self, which: int) -> None:
        """A map by its number; its most active unit is looked at.

        Raises:
            ValueError: there is no such map.
        """
        if not 0 <= which < len(self.order):
            raise ValueError(f"{self.layer} has {len(self.order)} maps, 0 to {len(self.order) - 1}; there is no map {which}.")
        self.chosen = which
        _, rows, columns = self.look.peaks[self.layer]
        self.unit = int(rows[which]), int(columns[which])

    def pick(self, rank: int) -> None:
        """The map of a rank, counted from 0; the wall turns to its page."""
        rank = min(max(rank, 0), len(self.order) - 1)
        self.page = rank // drawing.PAGE
        self.choose(int(self.order[rank]))

    def turn(self, page: int) -> None:
        """Another page of the wall."""
        self.page = min(max(page, 0), self.pages - 1)

    def look_at(self, x: float, y: float) -> None:
        """The unit whose field has its middle nearest to a place; where fields are lost, maps are taken to fill the image."""
        field, (height, width) = self.eye.field(self.layer), self.look.inputs.shape[2:]
        if field and field.stride:
            places = field.nearest(y * height), field.nearest(x * width)
        else:
            places = int(y * self.maps.shape[1]), int(x * self.maps.shape[2])
        self.unit = self._on_map(*places)

    def step(self, across: int, down: int) -> None:
        """The unit beside the present one."""
        self.unit = self._on_map(self.unit[0] + down, self.unit[1] + across)

    def _on_map(self, row: int, column: int) -> tuple[int, int]:
        """The nearest place of the layer's maps."""
        return min(max(row, 0), self.maps.shape[1] - 1), min(max(column, 0), self.maps.shape[2] - 1)

    def cover(self, middle: Place | None, side: float) -> None:
        """Put a square over the image, its middle and its side in shares, or take it away."""
        if middle is None:
            self.covered = None
        else:
            self.covered = self.eye.under(self.look, self.box(middle, side), self.layer)

    def box(self, middle: Place, side: float) -> Box:
        """The square in pixels, pushed inside the image."""
        height, width = self.look.raw.shape[1:]
        most = min(height, width)
        pixels = min(max(round(side * most), 1), most)
        corner = round(middle[1] * height - pixels / 2), round(middle[0] * width - pixels / 2)
        top, left = (min(max(at, 0), end - pixels) for at, end in zip(corner, (height, width), strict=True))
        return square_at(top, left, pixels)

    def square(self, middle: Place | None, side: float) -> list[float] | None:
        """The pixels that the square covers, as shares of the image: (top, left, bottom, right)."""
        height, width = self.look.raw.shape[1:]
        return middle and [edge / end for edge, end in zip(self.box(middle, side), (height, width, height, width), strict=True)]

    # -------------------------------------------------------------------------------------------------- what is seen

    def image(self) -> bytes:
        """The image as PNG."""
        return drawing.png(to_pillow(self.eye.source.shown(self.look.raw)))

    def field(self) -> tuple[float, float, float, float] | None:
        """What of the image the unit can see: (top, left, bottom, right) in shares; None where that is not known."""
        field, shape = self.eye.field(self.layer), self.look.inputs.shape[2:]
        if field is None:
            return None
        box = inside(field.box(*self.unit) if field.stride else (0, 0, *shape), shape)
        return tuple(edge / end for edge, end in zip(box, (*shape, *shape), strict=True))

    def answers(self) -> list[tuple[str, float, float]]:
        """(name, probability without the square, probability now): the first five without it, and what is first now."""
        before = self.look.probabilities
        now = before if self.covered is None else self.covered[0]
        first = before.argsort(descending=True, stable=True)[:ANSWERS].tolist()
        if (best := int(now.argmax())) not in first:
            first.append(best)
        return [(self.eye.outputs[one], float(before[one]), float(now[one])) for one in first]

    def chosen_map(self) -> Tensor:
        """The chosen map, under the square where there is one, (rows, columns)."""
        return (self.maps if self.covered is None else self.covered[1])[self.chosen]

    def value(self) -> float:
        """The activation of the unit that is looked at, under the square where there is one."""
        return float(self.chosen_map()[self.unit])

    def top(self) -> float:
        """The strongest activation of the chosen map without the square: where its colours end."""
        return max(float(self.look.peaks[self.layer][0][self.chosen]), 0.0)

    def page_maps(self) -> list[int]:
        """Numbers of the maps on this page of the wall."""
        return self.order[self.page * drawing.PAGE :][: drawing.PAGE].tolist()

    def wall_top(self) -> float:
        """The strongest activation in the layer: where the wall's colours end if its maps share a scale."""
        return max(float(self.look.peaks[self.layer][0].max()), 0.0)

    def wall(self, together: bool) -> bytes:
        """This page of the wall as PNG; with one scale for all maps of the layer, or each with its own."""
        numbers = self.page_maps()
        own = self.look.peaks[self.layer][0][numbers].tolist()
        return drawing.png(drawing.wall(self.maps[numbers].cpu(), [self.wall_top()] * len(own) if together else own))

    def projection(self, rule: str, overlap: str) -> Tensor | str:
        """What the unit sees in this image, (C, H, W); or why that cannot be known."""
        try:
            return self.eye.project(self.look, self.layer, self.chosen, self.unit, rule, overlap)
        except NotImplementedError as error:
            return _sentence(error)

    # ----------------------------------------------------------------------------------------------- over the world

    def nine(self, rule: str, overlap: str) -> TopPatches | str | None:
        """What excites the chosen map most over all images; None while that is not known yet, a sentence if it never will be."""
        if not len(self.eye.source):
            return "There are no images to search."
        return self.failed or self._nines.get((self.layer, self.chosen, rule, overlap))

    def work(self, count: int, rule: str, overlap: str) -> str:
        """A small piece of what takes long: search `count` more images, or make the nine patches of the chosen map.

        Returns:
            "searched" or "made"; empty where nothing is left to do.
        """
        if self.failed or not len(self.eye.source):
            return ""
        if not self.search.done:
            try:
                self.search.step(count)
            except (ValueError, TypeError, OSError) as error:
                self.failed = f"The search ended: {_sentence(error)}"
            return "searched"
        if self.nine(rule, overlap) is not None:
            return ""
        self._nines[self.layer, self.chosen, rule, overlap] = self._make_nine(rule, overlap)
        if len(self._nines) > NINES:
            self._nines.popitem(last=False)
        return "made"

    def _make_nine(self, rule: str, overlap: str) -> TopPatches | str:
        source, wanted = self.eye.source, {self.layer: [self.chosen]}
        options = {"preprocess": source.preprocess, "fill": source.grey, "overlap": overlap}
        try:
            return patches_of(self.eye.module, source.images, self.search.top, wanted, rule=rule, **options)[self.layer]
        except (NotImplementedError, ValueError) as error:
            return _sentence(error)

    def patches(self, found: TopPatches) -> bytes:
        """The nine patches as WebP, in three columns."""
        return drawing.webp(drawing.nine(np.stack([self.eye.source.shown(patch) for patch in found.patches[0]])))

    def class_of(self, index: int, classes: Mapping[int, str]) -> str:
        """What an image of the data set shows, as far as is known."""
        labels = self.eye.source.labels
        return f"image {index}" if labels is None else classes.get(labels[index], f"class {labels[index]}")


def projection_png(projection: Tensor) -> bytes:
    """A projection around mid-grey as PNG."""
    return drawing.png(to_pillow(projection_to_rgb(projection)))


def nine_projections(found: TopPatches) -> bytes:
    """The nine projections as WebP, in three columns; they share one scale."""
    return drawing.webp(drawing.nine(projection_to_rgb(found.projections[0])))


def _sentence(error: Exception) -> str:
    """The first line of what an error says."""
    return str(error).partition("\n")[0] or type(error).__name__
