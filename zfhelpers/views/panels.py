"""The parts that Views are drawn from: panels side by side, frames and bars in them, sliders, a line that reads out the numbers.

Plain Pillow, a few milliseconds a picture, so that it can follow a slider that is being dragged.

    >>> beside([("left", Image.new("RGB", (20, 30))), ("right", Image.new("RGB", (40, 10)))]).size
    (76, 54)
"""

from __future__ import annotations

import html
from collections.abc import Mapping, Sequence

import ipywidgets as widgets
from PIL import Image, ImageDraw, ImageFont

from zfhelpers.boxes import Box
from zfhelpers.figures.colours import BLUE, VERMILION
from zfhelpers.figures.tiles import array, enlarge, to_pillow

INK, MARK, BELOW = "#222222", VERMILION, BLUE
PANEL = 264  # pixels: side of one panel, about
HEADING = 24  # pixels above a panel, for its heading


# ------------------------------------------------------------------------------------------------------------- drawing


def font(size: int) -> ImageFont.FreeTypeFont:
    """The face of every label, `size` pixels high."""
    return ImageFont.load_default(size)


def factor(image) -> int:
    """By how much an image (C, H, W) is enlarged to fill a panel; whole, so that its pixels stay square."""
    return max(1, round(PANEL / array(image).shape[-1]))


def enlarged(image) -> Image.Image:
    """An image (C, H, W), uint8, as one panel."""
    return to_pillow(enlarge(image, factor(image)))


def resized(image, side: int) -> Image.Image:
    """An image (C, H, W), uint8, `side` pixels high and wide: reduced by averaging, or enlarged pixel by pixel."""
    small = to_pillow(image)
    return small.resize((side, side), Image.Resampling.BOX if small.width > side else Image.Resampling.NEAREST)


def frame(image: Image.Image, box: Box, width: int = 3) -> None:
    """Draws a frame of some width just inside a box (top, left, bottom, right) of an image, to mark it."""
    top, left, bottom, right = box
    ImageDraw.Draw(image).rectangle((left, top, right - 1, bottom - 1), outline=MARK, width=width)


def beside(panels: Sequence[tuple[str, Image.Image]], gap: int = 16) -> Image.Image:
    """Panels in a row, a heading above each."""
    sheet = Image.new(
        "RGB", (sum(panel.width + gap for _, panel in panels) - gap, max(panel.height for _, panel in panels) + HEADING), "white"
    )
    draw, x = ImageDraw.Draw(sheet), 0
    for heading, panel in panels:
        draw.text((x, 4), heading, INK, font(13))
        sheet.paste(panel, (x, HEADING))
        x += panel.width + gap
    return sheet


def stacked(parts: Sequence[Image.Image], gap: int = 8) -> Image.Image:
    """Rows of panels, one below the other."""
    sheet = Image.new("RGB", (max(part.width for part in parts), sum(part.height + gap for part in parts) - gap), "white")
    y = 0
    for part in parts:
        sheet.paste(part, (0, y))
        y += part.height + gap
    return sheet


def bars(names: Sequence[str], values: Sequence[float], low: float, high: float, width: int = PANEL) -> Image.Image:
    """Named horizontal bars from zero, positive ones in orange, negative ones in blue, each with its number.

    Args:
        names, values: one of each for every bar, from top to bottom.
        low, high: ends of the axis, with zero between them or at one of them; what lies beyond is cut off.
        width: of the axis, in pixels.
    """
    left = 8 + max(round(font(12).getlength(name)) for name in names)
    sheet = Image.new("RGB", (left + width + 40, 16 * len(names) + 4), "white")
    draw, unit = ImageDraw.Draw(sheet), width / (high - low)
    zero = left - low * unit
    for number, (name, value) in enumerate(zip(names, values, strict=True)):
        y, end = 2 + 16 * number, zero + min(max(value, low), high) * unit
        draw.text((left - 6, y + 1), name, INK, font(12), anchor="ra")
        draw.rectangle((min(zero, end), y + 2, max(zero, end), y + 13), MARK if value > 0 else BELOW)
        draw.text((max(zero, end) + 4, y + 1), f"{value:.1f}", INK, font(11))
    draw.line((zero, 0, zero, sheet.height), INK)
    return sheet


# ------------------------------------------------------------------------------------------------- controls and readout


def slider(description: str, count: int, value: int = 0, live: bool = True) -> widgets.IntSlider:
    """A slider over 0 .. count - 1; one that is not `live` waits until it is released."""
    return widgets.IntSlider(value=value, min=0, max=max(count - 1, 0), description=description, continuous_update=live)


def slider_below(
    menu: widgets.Dropdown, counts: Mapping[str, int], description: str, value: int = 0, live: bool = True
) -> widgets.IntSlider:
    """A slider over 0 .. count - 1, whose end moves with the choice in a menu: `counts` says how far for each.

    It watches the menu before a View does that is made afterwards, so that the range fits before anything is drawn.

    Raises:
        ValueError: a menu without a choice.
    """
    if menu.value is None:
        raise ValueError(f"There is no {menu.description} to choose; give one or more.")
    made = slider(description, counts[menu.value], value, live)
    menu.observe(lambda change: setattr(made, "max", counts[change.new] - 1), names="value")
    return made


def readout(**readings: str) -> str:
    """A readout: names and values in one line."""
    return " &nbsp; ".join(
        f"{name.replace('_', ' ')}: <strong>{html.escape(str(value))}</strong>" for name, value in readings.items()
    )
