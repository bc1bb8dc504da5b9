"""Fig. 1, bottom, to play with: what unpooling gives back of a small map, and what it loses.

>>> view = unpool_view()
>>> view.set(window="3 x 3, stride 1", overlap="sum", signal="only the strongest").alt
'A 4 x 4 map, its pooled map and the unpooled map, for windows of 3 x 3, stride 1, and overlap "sum".'
"""

from __future__ import annotations

from collections.abc import Iterable, Mapping

import ipywidgets as widgets
import numpy as np
import torch
import torch.nn.functional as F
from PIL import Image, ImageDraw

from zfhelpers.deconv import OVERLAPS, unpool
from zfhelpers.figures.schematics import TOY_MAP, ZONES
from zfhelpers.views.panels import INK, beside, font, readout, slider
from zfhelpers.views.view import View

WINDOWS = {"2 x 2, stride 2": (2, 2), "3 x 3, stride 1": (3, 1)}
CELL = 54  # pixels: side of one number's cell


def unpool_view() -> View:
    """Move the peak of a 4 x 4 map, choose pooling windows, and see what unpooling returns.

    Overlapping windows may share a maximum. "sum" adds what they hold, "max" keeps the larger, and "last" lets the later window
    overwrite the earlier, as `nn.MaxUnpool2d` does: let only the strongest value through, and it can vanish.
    """

    def render(state: dict):
        kernel, stride = WINDOWS[state["window"]]
        values = torch.from_numpy(TOY_MAP).float()
        values[state["row"], state["column"]] = 9
        pooled, switches = F.max_pool2d(values[None, None], kernel, stride, return_indices=True)
        if state["signal"] == "only the strongest":
            signal = torch.zeros_like(pooled)
            signal.view(-1)[pooled.argmax()] = pooled.max()
        else:
            signal = pooled
        unpooled = unpool(signal, switches, (4, 4), state["overlap"])[0, 0]
        winners = {int(where): number for number, where in enumerate(switches.flatten())}
        plain = {row * 4 + column: row // 2 * 2 + column // 2 for row, column in np.ndindex(4, 4)} if stride == 2 else {}
        panels = [
            ("map, switches framed", number_grid(values, plain, winners)),
            ("pooled map", number_grid(signal[0, 0], {number: number for number in range(4)})),
            ("unpooled map", number_grid(unpooled, winners, winners)),
        ]
        lost = bool(signal.max() > 0 and unpooled.max() == 0)
        alt = (
            "A 4 x 4 map, its pooled map and the unpooled map, "
            f'for windows of {state["window"]}, and overlap "{state["overlap"]}"'
            f"{'; the strongest activation has vanished' if lost else ''}."
        )
        reading = readout(on_the_way_down=f"{signal.sum():g} in, {unpooled.sum():g} out", shared_maxima=4 - len(winners))
        return beside(panels, 30), alt, reading

    controls = {
        "row": slider("row of the peak, 9", 4, 1),
        "column": slider("column of the peak", 4, 1),
        "window": widgets.Dropdown(options=list(WINDOWS), description="pooling windows"),
        "signal": widgets.Dropdown(options=["all pooled values", "only the strongest"], description="signal from above"),
        "overlap": widgets.Dropdown(options=OVERLAPS, description="where windows share"),
    }
    return View(render, controls, "Unpooling with switches")


def number_grid(values: torch.Tensor, zones: Mapping[int, int], framed: Iterable[int] = ()) -> Image.Image:
    """A small map as a table of numbers, some cells tinted by their pooling window, some framed; cells count in reading order."""
    rows, columns = values.shape
    grid = Image.new("RGB", (columns * CELL + 1, rows * CELL + 1), "white")
    draw = ImageDraw.Draw(grid)
    for number, value in enumerate(values.flatten().tolist()):
        y, x = (place * CELL for place in divmod(number, columns))
        tint = pale(ZONES[zones[number]]) if number in zones else "white"
        draw.rectangle((x, y, x + CELL, y + CELL), fill=tint, outline="#bbbbbb")
        draw.text((x + CELL / 2, y + CELL / 2), f"{value:g}", INK if value else "#aaaaaa", font(18), anchor="mm")
    for number in framed:
        y, x = (place * CELL for place in divmod(number, columns))
        draw.rectangle((x + 1, y + 1, x + CELL - 1, y + CELL - 1), outline=INK, width=2)
    return grid


def pale(colour: str) -> tuple[int, int, int]:
    """A colour mixed with white, on which numbers can be read."""
    white, full = (Image.new("RGB", (1, 1), name) for name in ("white", colour))
    return Image.blend(white, full, 0.45).getpixel((0, 0))
