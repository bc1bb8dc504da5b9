"""The parts that Views are drawn from: panels side by side, heat maps, sliders, a line that reads out the numbers.

Plain Pillow, a few milliseconds a picture, so that it can follow a slider that is being dragged.

    >>> beside([("left", Image.new("RGB", (20, 30))), ("right", Image.new("RGB", (40, 10)))]).size
    (76, 54)
"""

from __future__ import annotations

import html
from collections.abc import Sequence

import ipywidgets as widgets
import matplotlib
import numpy as np
from PIL import Image, ImageDraw, ImageFont

from zfhelpers.figures.picture import array

INK, MARK, BELOW = "#222222", "#D55E00", "#0072B2"
GREY = "#7c7c7c"
PANEL = 264  # pixels: side of one panel, about


def font(size: int) -> ImageFont.FreeTypeFont:
    """The face of every label, `size` pixels high."""
    return ImageFont.load_default(size)


def beside(panels: Sequence[tuple[str, Image.Image]], gap: int = 16) -> Image.Image:
    """Panels in a row, a heading above each."""
    sheet = Image.new(
        "RGB", (sum(panel.width + gap for _, panel in panels) - gap, max(panel.height for _, panel in panels) + 24), "white"
    )
    draw, x = ImageDraw.Draw(sheet), 0
    for heading, panel in panels:
        draw.text((x, 4), heading, INK, font(13))
        sheet.paste(panel, (x, 24))
        x += panel.width + gap
    return sheet


def heat(values: np.ndarray, size: int, low: float | None = None, high: float | None = None) -> Image.Image:
    """A map (rows, cols) in colours, `size` pixels high and wide."""
    low, high = (values.min() if low is None else low), (values.max() if high is None else high)
    colours = matplotlib.colormaps["viridis"]((values - low) / max(high - low, 1e-12), bytes=True)[..., :3]
    return Image.fromarray(colours).resize((size, size), Image.Resampling.NEAREST)


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


def factor(image) -> int:
    """By how much an image (C, H, W) is enlarged to fill a panel; whole, so that its pixels stay square."""
    return max(1, round(PANEL / array(image).shape[-1]))


def slider(description: str, count: int, value: int = 0, live: bool = True) -> widgets.IntSlider:
    """A slider over 0 .. count - 1; one that is not `live` waits until it is released."""
    return widgets.IntSlider(value=value, min=0, max=max(count - 1, 0), description=description, continuous_update=live)


def readout(**readings: str) -> str:
    """A readout: names and values in one line."""
    return " &nbsp; ".join(
        f"{name.replace('_', ' ')}: <strong>{html.escape(str(value))}</strong>" for name, value in readings.items()
    )
