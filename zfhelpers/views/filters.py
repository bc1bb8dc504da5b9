"""A filter bank to walk through: every filter with its spectrum (Fig. 6)."""

from __future__ import annotations

import math
from collections.abc import Mapping

import ipywidgets as widgets
import numpy as np
from PIL import Image, ImageDraw

from zfhelpers.experiments.spectrum import GRID, band_shares
from zfhelpers.figures.colours import heat
from zfhelpers.figures.tiles import array, mosaic, projection_to_rgb, to_pillow
from zfhelpers.views.panels import INK, PANEL, beside, frame, readout, resized, slider_below
from zfhelpers.views.view import View

EDGES = (0.1, 0.25)  # cycles per pixel: between low, middle and high


def filters_view(banks: Mapping[str, object], edges: tuple[float, float] = EDGES) -> View:
    """Pick a network and walk along its first-layer filters; read strength and spectrum of each.

    Args:
        banks: {name: (N, C, k, k) float}, for instance `net.layer1.conv.weight`.
        edges: where low frequencies end and high ones begin, in cycles per pixel; drawn as circles into the spectrum.

    Raises:
        ValueError: no bank.
    """
    banks = {name: np.asarray(array(bank), np.float32) for name, bank in banks.items()}
    sheets = {name: bank_sheet(bank) for name, bank in banks.items()}
    shares = {name: band_shares(bank, edges) for name, bank in banks.items()}
    bank = widgets.Dropdown(options=list(banks), description="network")
    which = slider_below(bank, {name: len(filters) for name, filters in banks.items()}, "filter")

    def render(state: dict):
        name, number = state["bank"], state["filter"]
        weights = banks[name][number]
        sheet, columns, cell = sheets[name]
        shown = sheet.copy()
        top, left = (cell * place for place in divmod(number, columns))
        frame(shown, (top, left, top + cell + 1, left + cell + 1))  # over the lines around the filter
        large = resized(projection_to_rgb(weights), PANEL)
        low, middle, high = shares[name][number]
        panels = [("all, each to its own contrast", shown), ("this one", large), ("its spectrum", spectrum(weights, edges))]
        return (
            beside(panels),
            f"The first-layer filters of {name}, number {number} framed; beside them this filter enlarged, and its spectrum with "
            f"circles at {edges[0]} and {edges[1]} cycles per pixel.",
            readout(
                filter=f"{number} of {len(banks[name])}",
                RMS=f"{np.sqrt(np.mean(weights**2)):.4f}",
                low=f"{low:.0%}",
                middle=f"{middle:.0%}",
                high=f"{high:.0%}",
            ),
        )

    return View(render, {"bank": bank, "filter": which}, "Walk through a filter bank: the sliders listen to the arrow keys")


def bank_sheet(bank: np.ndarray) -> tuple[Image.Image, int, int]:
    """All filters of a bank in about a square, each scaled by itself; how many in a row, and the side of a cell in pixels."""
    columns, side = math.ceil(math.sqrt(len(bank))), bank.shape[-1] + 1
    zoom = max(1, PANEL // (columns * side))
    tiles = np.stack([projection_to_rgb(weights) for weights in bank])
    drawn = to_pillow(mosaic(tiles, columns))
    return drawn.resize((drawn.width * zoom, drawn.height * zoom), Image.Resampling.NEAREST), columns, side * zoom


def spectrum(weights: np.ndarray, edges: tuple[float, float]) -> Image.Image:
    """Amplitude of all colours together, zero frequency in the middle, each spectrum to its own scale."""
    power = (np.abs(np.fft.fft2(weights, (GRID, GRID))) ** 2).sum(axis=0)
    drawn = to_pillow(heat(np.fft.fftshift(np.sqrt(power)), PANEL))
    draw = ImageDraw.Draw(drawn)
    for edge in edges:
        reach = edge * PANEL
        circle = (PANEL / 2 - reach, PANEL / 2 - reach, PANEL / 2 + reach, PANEL / 2 + reach)
        draw.ellipse(circle, outline="white", width=2)
        draw.ellipse(circle, outline=INK)
    return drawn
