"""The course's widgets, each a function that takes data computed beforehand and returns a `View`.

What reacts while a slider is dragged is drawn with numpy and Pillow, in a few milliseconds. `deconv_view` alone runs a network,
and waits until the slider is released.

    >>> view = unpool_view()
    >>> view.set(window="3 x 3, stride 1", overlap="sum", signal="only the strongest").alt
    'A 4 x 4 map, its pooled map and the unpooled map, for windows of 3 x 3, stride 1, and overlap "sum".'
"""

from __future__ import annotations

import html
from collections.abc import Mapping, Sequence

import ipywidgets as widgets
import numpy as np
import torch
import torch.nn.functional as F
from PIL import Image, ImageDraw

from zfhelpers.deconv import OVERLAPS, RULES, Deconvnet, unpool
from zfhelpers.figures.picture import array, enlarge, fit, mosaic, pixels, projection_to_rgb
from zfhelpers.figures.sheets import GRIDS
from zfhelpers.geometry import ReceptiveField
from zfhelpers.hooks import activations
from zfhelpers.strongest import strongest
from zfhelpers.views.panels import GREY, INK, MARK, beside, factor, font, heat, readout, slider
from zfhelpers.views.view import View

__all__ = ["View", "deconv_view", "features_view", "occlusion_view", "receptive_field_view", "unpool_view"]


def occlusion_view(image, maps, classes: Sequence[str], label: int) -> View:
    """Fig. 7 to play with: move a grey square over an image and read what the network answers.

    Args:
        image: (3, S, S) uint8.
        maps: the result of `occlusion_maps` for it.
        classes: names of all classes.
        label: index of the true class.
    """
    probabilities, activity, labels = (array(values) for values in (maps.probabilities, maps.activity, maps.labels))
    rows, columns = labels.shape
    zoom = factor(image)
    large = Image.fromarray(pixels(enlarge(image, zoom)))
    true = classes[label]
    heats = [
        (f"probability of {true}", heat(probabilities[..., label], large.width, low=0)),
        ("activity of the strongest map", heat(activity, large.width)),
    ]

    def render(state: dict):
        row, column = state["row"], state["column"]
        shown = large.copy()
        top, left, bottom, right = (zoom * side for side in maps.box(row, column))
        ImageDraw.Draw(shown).rectangle((left, top, right - 1, bottom - 1), GREY)
        panels = [("image, occluded", shown), *((heading, _crossed(heat, row, column, rows, columns)) for heading, heat in heats)]
        best = labels[row, column]
        alt = (
            f"A grey square over an image of {true}, at row {row + 1} of {rows} and column {column + 1} of {columns}; beside it "
            "the probability of the true class and the activity of the strongest map at every position of it, this one marked."
        )
        clean = array(maps.probabilities_clean)[label]
        return (
            beside(panels),
            alt,
            readout(
                **{
                    f"probability of {true}": f"{probabilities[row, column, label]:.2f} (without the square {clean:.2f})",
                    "most probable": f"{classes[best]} {probabilities[row, column, best]:.2f}",
                    "activity": f"{activity[row, column] / max(activity.max(), 1e-12):.0%} of its maximum",
                }
            ),
        )

    controls = {
        "row": slider("row of the square", rows, rows // 2),
        "column": slider("column of the square", columns, columns // 2),
    }
    return View(render, controls, "Move the square: the sliders listen to the arrow keys")


def _crossed(heat: Image.Image, row: int, column: int, rows: int, columns: int) -> Image.Image:
    """A map with a cross-hair through one of its cells."""
    heat = heat.copy()
    draw = ImageDraw.Draw(heat)
    high, wide = heat.height / rows, heat.width / columns
    y, x = (row + 0.5) * high, (column + 0.5) * wide
    for colour, width in (("white", 3), (INK, 1)):
        draw.line((0, y, x - wide / 2, y), colour, width)
        draw.line((x + wide / 2, y, heat.width, y), colour, width)
        draw.line((x, 0, x, y - high / 2), colour, width)
        draw.line((x, y + high / 2, x, heat.height), colour, width)
        draw.rectangle((x - wide / 2, y - high / 2, x + wide / 2, y + high / 2), outline=colour, width=width)
    return heat


def features_view(layers: Mapping[str, tuple], notes: Mapping[str, Sequence[str]] | None = None) -> View:
    """Fig. 2 to leaf through: pick a layer and one of its maps, see its nine projections beside their nine image patches.

    Args:
        layers: {layer: (maps, projections, patches)}: M map numbers, (M, 9, 3, h, h) float and (M, 9, 3, h, h) uint8.
        notes: {layer: a sentence for each of the M maps}, shown below.
    """
    layer = widgets.Dropdown(options=list(layers), description="layer")
    place = slider("feature map", len(layers[layer.value][0]))
    # Registered before the View's own observer: the range fits before anything is drawn.
    layer.observe(lambda change: setattr(place, "max", len(layers[change.new][0]) - 1), names="value")

    def render(state: dict):
        maps, projections, patches = layers[state["layer"]]
        which = maps[state["map"]]
        tiles = projection_to_rgb(projections[state["map"]]), array(patches[state["map"]])
        blocks = [Image.fromarray(pixels(mosaic(fit(block, 96), 3, separator=2))) for block in tiles]
        alt = (
            f"Nine projections of map {which} of {state['layer']} on mid-grey, beside the nine image patches that excite it most."
        )
        reading = readout(map=f"{which} ({state['map'] + 1} of {len(maps)} shown)", patch=f"{array(patches).shape[-1]} px")
        note = f"<br>{html.escape(notes[state['layer']][state['map']])}" if notes and state["layer"] in notes else ""
        return beside([("projections", blocks[0]), ("image patches", blocks[1])]), alt, reading + note

    return View(render, {"layer": layer, "map": place}, "What excites a feature map")


def receptive_field_view(image, fields: Mapping[str, ReceptiveField], sizes: Mapping[str, int]) -> View:
    """Where a unit looks: pick a layer, move over its map, and see the square of the image that the unit sees.

    Args:
        image: (3, S, S) uint8.
        fields: {layer: its `receptive_field`}.
        sizes: {layer: side of its maps}, for instance `net.conv_sizes`.
    """
    side, zoom = array(image).shape[-1], factor(image)
    margin = side // 3  # fields reach over the border
    page = Image.new("RGB", (side + 2 * margin,) * 2, "#eeeeee")
    page.paste(Image.fromarray(pixels(image)), (margin, margin))
    page = page.resize((page.width * zoom,) * 2, Image.Resampling.NEAREST)
    dark = Image.blend(page, Image.new("RGB", page.size, "#777777"), 0.55)
    layer = widgets.Dropdown(options=list(fields), description="layer")
    row, column = (slider(f"{name} of the unit", sizes[layer.value], sizes[layer.value] // 2) for name in ("row", "column"))

    def resize(change) -> None:
        row.max = column.max = sizes[change.new] - 1

    layer.observe(resize, names="value")

    def render(state: dict):
        field, box = fields[state["layer"]], fields[state["layer"]].box(state["row"], state["column"])
        top, left, bottom, right = (min(max((edge + margin) * zoom, 0), page.width) for edge in box)
        shown = dark.copy()
        shown.paste(page.crop((left, top, right, bottom)), (left, top))
        ImageDraw.Draw(shown).rectangle((left, top, right - 1, bottom - 1), outline=MARK, width=3)
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
        return shown, alt, reading

    return View(render, {"layer": layer, "row": row, "column": column}, "What one unit sees")


def deconv_view(
    net, image, shown, layers: Sequence[str] = tuple(GRIDS), fields: Mapping[str, ReceptiveField] | None = None
) -> View:
    """A deconvnet to ask: pick a layer, one of its strongest maps and a rule, and see that activation carried back to the pixels.

    Args:
        net: any network that `Deconvnet` takes.
        image: (3, S, S) float, preprocessed.
        shown: (3, S, S) uint8, the same image as it is shown.
        layers: dotted names of convolutional layers.
        fields: {layer: its `receptive_field`}; where given, the unit's field is drawn on the image.
    """
    deconv, images, zoom = Deconvnet(net), image[None], factor(shown)
    peaks = {layer: [part[0] for part in strongest(values)] for layer, values in activations(net, images, layers).items()}
    orders = {layer: values.argsort(descending=True, stable=True) for layer, (values, _, _) in peaks.items()}
    layer = widgets.Dropdown(options=list(layers), value=layers[-1], description="layer")
    rank = slider("map, strongest first", len(orders[layer.value]), live=False)
    layer.observe(lambda change: setattr(rank, "max", len(orders[change.new]) - 1), names="value")
    rule = widgets.Dropdown(options=RULES, description="rule at a ReLU")

    def render(state: dict):
        which = int(orders[state["layer"]][state["rank"]])
        value, row, column = (part[which].item() for part in peaks[state["layer"]])
        projection = deconv.project(images, state["layer"], [which], [(row, column)], rule=state["rule"])[0]
        seen = Image.fromarray(pixels(enlarge(shown, zoom)))
        if fields and state["layer"] in fields:
            top, left, bottom, right = (zoom * edge for edge in fields[state["layer"]].box(row, column))
            ImageDraw.Draw(seen).rectangle((left, top, right - 1, bottom - 1), outline=MARK, width=3)
        back = Image.fromarray(pixels(enlarge(projection_to_rgb(projection), zoom)))
        alt = (
            f"An image, and beside it on mid-grey what the map of rank {state['rank'] + 1} in {state['layer']} sees in it, "
            f"by the rule {state['rule']}."
        )
        reading = readout(map=which, activation=f"{value:.3g}", unit=f"row {row}, column {column}") + (
            "" if value > 0 else " &nbsp; silent: nothing to project"
        )
        return beside([("image", seen), ("projection", back)]), alt, reading

    return View(render, {"layer": layer, "rank": rank, "rule": rule}, "One activation, back to the pixels")


# ----------------------------------------------------------------------------------------------------------- unpooling

WINDOWS = {"2 x 2, stride 2": (2, 2), "3 x 3, stride 1": (3, 1)}
TOY_MAP = torch.tensor([[1.0, 5, 2, 0], [3, 2, 1, 4], [6, 1, 0, 3], [2, 4, 7, 2]])  # the map of Fig. 1, bottom
ZONES = ("#56B4E9", "#E69F00", "#009E73", "#CC79A7")


def unpool_view() -> View:
    """Fig. 1, bottom, to play with: move the peak of a 4 x 4 map, choose pooling windows, and see what unpooling returns.

    Overlapping windows may share a maximum. "sum" adds what they hold, "max" keeps the larger, and "last" lets the later window
    overwrite the earlier, as `nn.MaxUnpool2d` does: let only the strongest value through, and it can vanish.
    """

    def render(state: dict):
        kernel, stride = WINDOWS[state["window"]]
        values = TOY_MAP.clone()
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
            ("map, switches framed", _grid(values, plain, winners)),
            ("pooled map", _grid(signal[0, 0], {number: number for number in range(4)}, {})),
            ("unpooled map", _grid(unpooled, winners, winners)),
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


def _grid(values: torch.Tensor, zones: Mapping[int, int], framed: Mapping[int, int], cell: int = 54) -> Image.Image:
    """A small map as a table of numbers, cells tinted by pooling window, some of them framed."""
    rows, columns = values.shape
    grid = Image.new("RGB", (columns * cell + 1, rows * cell + 1), "white")
    draw = ImageDraw.Draw(grid)
    for number, value in enumerate(values.flatten().tolist()):
        y, x = (place * cell for place in divmod(number, columns))
        tint = (
            Image.blend(Image.new("RGB", (1, 1), "white"), Image.new("RGB", (1, 1), ZONES[zones[number]]), 0.45).getpixel((0, 0))
            if number in zones
            else "white"
        )
        draw.rectangle((x, y, x + cell, y + cell), fill=tint, outline="#bbbbbb")
        draw.text((x + cell / 2, y + cell / 2), f"{value:g}", INK if value else "#aaaaaa", font(18), anchor="mm")
    for number in framed:
        y, x = (place * cell for place in divmod(number, columns))
        draw.rectangle((x + 1, y + 1, x + cell - 1, y + cell - 1), outline=INK, width=2)
    return grid
