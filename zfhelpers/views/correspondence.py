"""Table 1 to play with: hide a part of two dogs, and see unit by unit whether they change alike.

>>> import torch
>>> rng = np.random.default_rng(0)
>>> images = rng.integers(0, 256, (2, 3, 32, 32), dtype=np.uint8)
>>> change = Correspondence(torch.tensor([[1, 0, -1, 1], [1, 0, 1, 0]], dtype=torch.int8), torch.zeros(2))
>>> view = correspondence_view({"nose": images}, {"nose": {"layer7": change}})
>>> view.alt
'Two dogs without nose, and the 4 units of layer7: which of them lose or gain activity in each, and which in both, alike or not.'
>>> "2 in both, 1 of them alike" in view.readout
True
"""

from __future__ import annotations

from collections.abc import Mapping

import ipywidgets as widgets
import numpy as np
from PIL import Image, ImageColor, ImageDraw

from zfhelpers.experiments.correspondence import Correspondence
from zfhelpers.figures.colours import BLUE, GREEN, PINK, VERMILION
from zfhelpers.figures.tiles import array
from zfhelpers.views.panels import INK, beside, enlarged, font, readout, slider, stacked
from zfhelpers.views.view import View

STILL, LOSES, GAINS = "#e6e6e6", VERMILION, BLUE
ONE_MOVES, SAME, OPPOSITE = "#bbbbbb", GREEN, PINK
MEANINGS = {
    "loses": LOSES,
    "gains": GAINS,
    "stays": STILL,
    "only one changes": ONE_MOVES,
    "both, alike": SAME,
    "both, opposite": OPPOSITE,
}
SIDE = 200  # pixels: a grid of units, about


def correspondence_view(hidden: Mapping[str, object], changes: Mapping[str, Mapping[str, Correspondence]]) -> View:
    """Which units of a layer change when a part of a dog is hidden, for two dogs side by side, and where the two agree.

    A convolutional layer is drawn map by map, each map a small square with its units where they look; a fully connected one as
    rows of units.

    Args:
        hidden: {part: (n, C, S, S) uint8, the images with that part hidden}.
        changes: {part: {layer: the result of `correspondence` for them}}, with the same parts.

    Raises:
        ValueError: parts or numbers of images that do not fit together.
    """
    if list(hidden) != list(changes) or not hidden:
        raise ValueError(f"Give images and changes for the same parts, not {', '.join(hidden)} and {', '.join(changes)}.")
    layers = list(next(iter(changes.values())))
    count = len(next(iter(hidden.values())))
    for part, images in hidden.items():
        if len(images) != count or any(len(changes[part][layer].signs) != count for layer in layers):
            raise ValueError(
                f"There must be {count} images and {count} changes in every layer for {part!r}, as for the first part."
            )
    shown = {part: [enlarged(image) for image in array(images)] for part, images in hidden.items()}

    def render(state: dict):
        part, layer, dogs = state["part"], state["layer"], (state["one"], state["other"])
        change = changes[part][layer]
        left, right = (array(change.signs[dog]) for dog in dogs)
        moved = np.abs(left) * np.abs(right)
        agreement = np.where(moved == 0, np.abs(left) + np.abs(right), np.where(left == right, 2, 3))
        same, both = int((agreement == 2).sum()), int(moved.sum())
        pictures = [(f"the dog on the {side}", shown[part][dog]) for side, dog in zip(("left", "right"), dogs, strict=True)]
        grids = [
            ("units: left", unit_grid(left, [GAINS, STILL, LOSES], -1)),
            ("units: right", unit_grid(right, [GAINS, STILL, LOSES], -1)),
            ("both", unit_grid(agreement, [STILL, ONE_MOVES, SAME, OPPOSITE], 0)),
        ]
        in_each = ", ".join(f"{int((signs != 0).sum())} {side}" for signs, side in ((left, "left"), (right, "right")))
        alt = (  # no counts: a stored notebook shows it, and rounding may move them on another machine
            f"Two dogs without {part}, and the {left.size} units of {layer}: which of them lose or gain activity in each, and "
            "which in both, alike or not."
        )
        reading = readout(
            units_that_change=f"{in_each}, {both} in both, {same} of them alike",
            signs_that_differ=f"{np.mean(left != right):.3f} of all {left.size} units",
            of_those_that_change_in_both=f"{1 - same / both:.2f}" if both else "none does",
        )
        return stacked([beside(pictures), beside(grids), legend(MEANINGS)]), alt, reading

    controls = {
        "part": widgets.Dropdown(options=list(hidden), description="hidden"),
        "layer": widgets.Dropdown(options=layers, description="layer"),
        "one": slider("dog on the left", count),
        "other": slider("dog on the right", count, min(1, count - 1)),
    }
    return View(render, controls, "Which units notice, and do they agree?")


def unit_grid(values: np.ndarray, colours: list[str], lowest: int) -> Image.Image:
    """Units (maps, rows, columns) or (units,) in colours, colour 0 standing for the value `lowest`."""
    maps = values if values.ndim == 3 else values.reshape(-1, 1, 1)
    gap = int(values.ndim == 3)
    columns = int(np.ceil(np.sqrt(len(maps))))
    rows, (high, wide) = -(-len(maps) // columns), maps.shape[1:]
    palette = np.array([*map(ImageColor.getrgb, colours), (255, 255, 255)], np.uint8)
    sheet = np.full((rows * columns, high + gap, wide + gap), len(colours))
    sheet[: len(maps), :high, :wide] = maps - lowest
    sheet = sheet.reshape(rows, columns, high + gap, wide + gap).swapaxes(1, 2).reshape(rows * (high + gap), -1)
    zoom = max(1, SIDE // sheet.shape[1])
    return Image.fromarray(palette[sheet].repeat(zoom, 0).repeat(zoom, 1))


def legend(entries: Mapping[str, str]) -> Image.Image:
    """Colours and what they mean, in a row."""
    sheet = Image.new("RGB", (620, 28), "white")
    draw, x = ImageDraw.Draw(sheet), 0
    for name, colour in entries.items():
        draw.rectangle((x, 4, x + 11, 15), colour)
        draw.text((x + 16, 2), name, INK, font(12))
        x += 16 + round(draw.textlength(name, font(12))) + 14
    return sheet
