"""What the explorer shows, to be taken away: as one picture, as a sentence, and as a table of numbers."""

from __future__ import annotations

import csv
import io

import numpy as np
from PIL import Image, ImageDraw

from zfhelpers.boxes import inside
from zfhelpers.explorer import drawing
from zfhelpers.explorer.exploration import Exploration
from zfhelpers.explorer.pane import Pane
from zfhelpers.figures.colours import BLUE, GREY, VERMILION
from zfhelpers.figures.tiles import projection_to_rgb, to_pillow
from zfhelpers.patches import TopPatches
from zfhelpers.views.panels import HEADING, INK, beside, font, frame, stacked

SIDE, BAR = 264, 120  # pixels: of an image, and of a bar that stands for 1
FRAMES = (VERMILION, BLUE)  # of the first network's field, and of the second's
COLUMNS = ("network", "what", "layer", "map", "rank", "row", "column", "image", "name", "value")


def alt_of(seen: Exploration) -> str:
    """What the picture shows, in a sentence without measured digits."""
    shows = seen.shown()[0]["image"]["name"]
    networks = " and ".join(pane.eye.name for pane in seen.panes)
    covered = ", a grey square over it" if seen.middle else ""
    return (
        f"An image ({shows}{covered}) as {networks} sees it: what the network says, the maps of {seen.panes[0].layer} as a wall, "
        "strongest first, one of them larger, the field of a unit framed in the image, and what that unit sees."
    )


def sheet_of(seen: Exploration) -> Image.Image:
    """All that is shown, as one picture: a row for each network."""
    return stacked([_row(seen, number, pane) for number, pane in enumerate(seen.panes)], gap=20)


def numbers_of(seen: Exploration) -> str:
    """The numbers behind what is shown, as CSV with the columns `COLUMNS`.

    `what` is "probability" of every answer, "probability under the square", "strongest activation" of every map of the layer in
    this image with its place, "activation" of the unit that is looked at, and, where it was searched, "strongest over the images"
    of the chosen map, nine of them.
    """
    file = io.StringIO()
    rows = csv.DictWriter(file, COLUMNS, lineterminator="\n")
    rows.writeheader()
    for pane in seen.panes:
        said = {"probability": pane.look.probabilities}
        said |= {} if pane.covered is None else {"probability under the square": pane.covered[0]}
        for what, values in said.items():
            for name, value in zip(pane.eye.outputs, values.tolist(), strict=True):
                rows.writerow({"network": pane.eye.name, "what": what, "name": name, "value": value})
        plain = {"network": pane.eye.name, "layer": pane.layer}
        peaks, down, across = (part.tolist() for part in pane.look.peaks[pane.layer])
        for rank, which in enumerate(pane.order.tolist()):
            place = {"map": which, "rank": rank, "row": down[which], "column": across[which]}
            rows.writerow({**plain, **place, "what": "strongest activation", "value": peaks[which]})
        unit = {"map": pane.chosen, "rank": pane.rank, "row": pane.unit[0], "column": pane.unit[1]}
        rows.writerow({**plain, **unit, "what": "activation", "value": pane.value()})
        found = pane.nine(seen.rule, seen.overlap)
        if isinstance(found, TopPatches):
            nine = zip(*(part[0].tolist() for part in (found.images, found.rows, found.columns, found.values)), strict=True)
            for rank, (image, row, column, value) in enumerate(nine):
                place = {"map": pane.chosen, "rank": rank, "row": row, "column": column, "image": image}
                name = pane.class_of(image, seen.classes)
                rows.writerow({**plain, **place, "what": "strongest over the images", "name": name, "value": value})
    return file.getvalue()


# ------------------------------------------------------------------------------------------------------ the row of a pane


def _row(seen: Exploration, number: int, pane: Pane) -> Image.Image:
    """Image and answers, the wall, the chosen map and the projection, and the nine where they are known."""
    image = stacked([_image(seen, pane, FRAMES[number]), _answers(pane)])
    top = pane.wall_top()
    wall = _on_white(drawing.wall(pane.maps[pane.page_maps()].cpu(), _tops(pane, seen.together)))
    if (cell := pane.rank - pane.page * drawing.PAGE) in range(len(pane.page_maps())):
        row, column = (drawing.TILE + drawing.GAP) * np.array(divmod(cell, drawing.COLUMNS))
        frame(wall, (row, column, row + drawing.TILE, column + drawing.TILE))
    scale = f"0 to {top:.3g}" if seen.together else "each from 0 to its maximum"
    chosen = _on_white(drawing.coloured(pane.chosen_map().cpu(), pane.top()))
    size = [max(1, SIDE * side // max(chosen.size)) for side in chosen.size]
    chosen = chosen.resize(size, Image.Resampling.NEAREST)
    projection = pane.projection(seen.rule, seen.overlap)
    maps = [_titled(f"map {pane.chosen}: 0 to {pane.top():.3g}", chosen, _colours())]
    if not isinstance(projection, str):
        size = drawing.scale_of(projection)
        back = to_pillow(projection_to_rgb(projection)).resize(chosen.size, Image.Resampling.NEAREST)
        maps.append(_titled(f"its unit {pane.unit} sees ({seen.rule}): grey 0, ±{size:.3g}", back, _greys()))
    first = pane.page * drawing.PAGE
    listed = f"maps {first + 1} to {first + len(pane.page_maps())} of {len(pane.order)}: {scale}"
    panels = [(f"{pane.eye.name}, {pane.layer}", image), (listed, stacked([wall, _colours()])), ("", stacked(maps))]
    found = pane.nine(seen.rule, seen.overlap)
    if isinstance(found, TopPatches):
        patches = drawing.nine([pane.eye.source.shown(patch) for patch in found.patches[0]])
        signs = drawing.nine(projection_to_rgb(found.projections[0]))
        size = drawing.scale_of(found.projections)
        block = [_titled("the nine strongest", patches), _titled(f"what they show: ±{size:.3g}", signs, _greys())]
        panels.append(("", stacked(block)))
    return beside(panels)


def _image(seen: Exploration, pane: Pane, colour: str) -> Image.Image:
    """The image with the square, or with the field of the unit."""
    shown = to_pillow(pane.eye.source.shown(pane.look.raw))
    factor = SIDE / max(shown.size)
    shown = shown.resize([round(side * factor) for side in shown.size], Image.Resampling.NEAREST)
    draw, field = ImageDraw.Draw(shown), pane.field()
    if seen.middle:
        top, left, bottom, right = (round(edge * factor) for edge in pane.box(seen.middle, seen.side))
        draw.rectangle((left, top, right - 1, bottom - 1), GREY)
    elif field:
        edges = inside([round(edge * end) for edge, end in zip(field, shown.size[::-1] * 2, strict=True)], shown.size[::-1])
        draw.rectangle((edges[1], edges[0], edges[3] - 1, edges[2] - 1), outline=colour, width=3)
    return shown


def _answers(pane: Pane) -> Image.Image:
    """What the network says, as bars; a line where a bar ended without the square."""
    answers = pane.answers()
    sheet = Image.new("RGB", (SIDE, 20 * len(answers) + 4), "white")
    draw, left = ImageDraw.Draw(sheet), SIDE - BAR - 34
    for number, (name, before, now) in enumerate(answers):
        y = 4 + 20 * number
        draw.text((left - 6, y), _short(name, left - 8), INK, font(12), anchor="ra")
        draw.rectangle((left, y, left + max(1, round(BAR * now)), y + 13), VERMILION)
        draw.line((left + BAR * before, y - 2, left + BAR * before, y + 15), INK)
        draw.text((SIDE - 30, y), f"{now:.2f}", INK, font(12))
    return sheet


def _short(name: str, width: int) -> str:
    """A name that fits into so many pixels."""
    while font(12).getlength(name) > width:
        name = name.rstrip("…")[:-1] + "…"
    return name


def _tops(pane: Pane, together: bool) -> list[float]:
    """Where the colours of each map on the wall end."""
    own = pane.look.peaks[pane.layer][0][pane.page_maps()].tolist()
    return [pane.wall_top()] * len(own) if together else own


def _on_white(image: Image.Image) -> Image.Image:
    """An image with a palette whose last colour is nothing."""
    sheet = Image.new("RGB", image.size, "white")
    sheet.paste(image.convert("RGB"), mask=image.point([255] * drawing.LEVELS + [0], "L"))
    return sheet


def _titled(title: str, image: Image.Image, below: Image.Image | None = None) -> Image.Image:
    """A picture with a line of text above it, and its scale below."""
    parts = [image] if below is None else [image, below]
    body = stacked(parts, gap=4)
    sheet = Image.new("RGB", (max(body.width, round(font(13).getlength(title))), body.height + HEADING), "white")
    ImageDraw.Draw(sheet).text((0, 4), title, INK, font(13))
    sheet.paste(body, (0, HEADING))
    return sheet


def _colours() -> Image.Image:
    """The bar of the colours from 0 to the top."""
    return _on_white(drawing.coloured([[step / (SIDE - 1) for step in range(SIDE)]] * 8, 1.0))


def _greys() -> Image.Image:
    """The bar of the greys, from minus to plus the scale."""
    return Image.linear_gradient("L").rotate(90).resize((SIDE, 8)).convert("RGB")
