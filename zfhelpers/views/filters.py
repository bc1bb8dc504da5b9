"""A filter bank to walk through: every filter with its spectrum (Fig. 6)."""

from __future__ import annotations

import math
from collections.abc import Mapping

import ipywidgets as widgets
import numpy as np
from PIL import Image, ImageDraw

from zfhelpers.experiments.spectrum import GRID, band_shares
from zfhelpers.figures.picture import array, mosaic, pixels, projection_to_rgb
from zfhelpers.views.panels import INK, MARK, PANEL, beside, heat, readout, slider
from zfhelpers.views.view import View

EDGES = (0.1, 0.25)  # cycles per pixel: between low, middle and high


def filters_view(banks: Mapping[str, object], edges: tuple[float, float] = EDGES) -> View:
    """Pick a network and walk along its first-layer filters; read strength and spectrum of each.

    Args:
        banks: {name: (N, 3, k, k) float}, for instance `net.layer1.conv.weight`.
        edges: where low frequencies end and high ones begin, in cycles per pixel; drawn as circles into the spectrum.
    """
    banks = {name: np.asarray(array(bank), np.float32) for name, bank in banks.items()}
    sheets = {name: _sheet(bank) for name, bank in banks.items()}
    shares = {name: band_shares(bank, edges) for name, bank in banks.items()}
    bank = widgets.Dropdown(options=list(banks), description="network")
    which = slider("filter", len(banks[bank.value]))
    # Registered before the View's own observer: the range fits before anything is drawn.
    bank.observe(lambda change: setattr(which, "max", len(banks[change.new]) - 1), names="value")

    def render(state: dict):
        name, number = state["bank"], state["filter"]
        one = banks[name][number]
        sheet, columns, cell = sheets[name]
        shown = sheet.copy()
        top, left = (cell * place for place in divmod(number, columns))
        ImageDraw.Draw(shown).rectangle((left, top, left + cell, top + cell), outline=MARK, width=3)
        large = Image.fromarray(pixels(projection_to_rgb(one[None])[0])).resize((PANEL, PANEL), Image.Resampling.NEAREST)
        low, middle, high = shares[name][number]
        panels = [("all, each to its own contrast", shown), ("this one", large), ("its spectrum", _spectrum(one, edges))]
        return (
            beside(panels),
            f"The first-layer filters of {name}, number {number} framed; beside them this filter enlarged, and its spectrum with "
            f"circles at {edges[0]} and {edges[1]} cycles per pixel.",
            readout(
                filter=f"{number} of {len(banks[name])}",
                RMS=f"{np.sqrt(np.mean(one**2)):.4f}",
                low=f"{low:.0%}",
                middle=f"{middle:.0%}",
                high=f"{high:.0%}",
            ),
        )

    return View(render, {"bank": bank, "filter": which}, "Walk through a filter bank: the sliders listen to the arrow keys")


def _sheet(bank: np.ndarray) -> tuple[Image.Image, int, int]:
    """All filters of a bank in about a square, how many stand in a row, and the side of one cell in pixels."""
    columns, side = math.ceil(math.sqrt(len(bank))), bank.shape[-1] + 1
    zoom = max(1, PANEL // (columns * side))
    drawn = Image.fromarray(pixels(mosaic(projection_to_rgb(bank), columns)))
    return drawn.resize((drawn.width * zoom, drawn.height * zoom), Image.Resampling.NEAREST), columns, side * zoom


def _spectrum(one: np.ndarray, edges: tuple[float, float]) -> Image.Image:
    """Amplitude of all colours together, zero frequency in the middle, each spectrum to its own scale."""
    power = (np.abs(np.fft.fft2(one, (GRID, GRID))) ** 2).sum(axis=0)
    drawn = heat(np.fft.fftshift(np.sqrt(power)), PANEL)
    draw = ImageDraw.Draw(drawn)
    for edge in edges:
        reach = edge * PANEL
        circle = (PANEL / 2 - reach, PANEL / 2 - reach, PANEL / 2 + reach, PANEL / 2 + reach)
        draw.ellipse(circle, outline="white", width=2)
        draw.ellipse(circle, outline=INK)
    return drawn
