"""Fig. 5 to play with: drag an image to another place, size or angle and watch the features move.

>>> curves = InvarianceCurves("scale", torch.tensor([1.0, 2.0]), {"layer1": torch.tensor([[0.0, 3.0]])}, torch.ones(1, 2))
>>> images = torch.zeros(1, 2, 3, 32, 32, dtype=torch.uint8)
>>> invariance_view({"scale": (curves, images)}, ["mug"]).set(amount=1).alt
'An image of mug after scale by 2.00 times, and beside it, over all amounts, distance in layer1, P(mug), each marked there.'
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence

import ipywidgets as widgets
import numpy as np
import torch
from PIL import Image, ImageDraw

from zfhelpers.experiments.invariance import InvarianceCurves
from zfhelpers.figures.picture import COLOURS, array, enlarge, pixels
from zfhelpers.views.panels import INK, MARK, PANEL, beside, factor, font, readout, slider
from zfhelpers.views.view import View

WORDS = {"translation": "{:+g} px", "scale": "{:.2f} times", "rotation": "{:g} degrees"}
LEFT, RIGHT, TOP, BOTTOM = 34, 16, 8, 24  # pixels between a panel's edges and its axes


def invariance_view(curves: Mapping[str, tuple[InvarianceCurves, torch.Tensor]], names: Sequence[str]) -> View:
    """The transformed image beside its curves, marked at the current amount. Everything is known beforehand; moving only draws.

    Args:
        curves: {kind: (curves, images)}, images (N, T, 3, S, S) uint8, transformed by each of the T amounts.
        names: of the true class of each of the N images.

    Raises:
        ValueError: numbers of images, amounts and names that do not agree.
    """
    for kind, (found, images) in curves.items():
        if array(images).shape[:2] != tuple(found.probability.shape) or len(images) != len(names):
            raise ValueError(
                f"For {kind} there are curves {tuple(found.probability.shape)}, images {tuple(array(images).shape[:2])} and "
                f"{len(names)} names; give one image for each amount, and one name for each image."
            )
    names = list(names)
    labels = [name if names.count(name) == 1 else f"{name} {place}" for place, name in enumerate(names, 1)]
    which = widgets.Dropdown(options=labels, description="image")
    kind = widgets.Dropdown(options=list(curves), description="transformation")
    amount = slider("amount", 1)
    amount.readout = False  # it would show a place in the list of amounts

    def start(_change=None) -> None:
        """All amounts of this kind, from the one that changes nothing."""
        still = int(curves[kind.value][0].change.argmin())
        amount.value, amount.max = 0, len(curves[kind.value][0].amounts) - 1
        amount.value = still

    start()
    kind.observe(start, names="value")
    drawn: dict[tuple, Image.Image] = {}

    def panel(row: int, kind: str, name: str, values: np.ndarray, high: float) -> Image.Image:
        if (row, kind, name) not in drawn:
            drawn[row, kind, name] = _axes(array(curves[kind][0].amounts), values[row], high)
        return drawn[row, kind, name]

    def render(state: dict):
        found, images = curves[state["kind"]]
        row, place = labels.index(state["image"]), state["amount"]
        amounts, true = array(found.amounts), names[row]
        series = {f"distance in {layer}": array(values) for layer, values in found.distances.items()}
        tops = {name: values.max() * 1.05 or 1 for name, values in series.items()} | {f"P({true})": 1.0}
        series[f"P({true})"] = array(found.probability)
        shown = Image.fromarray(pixels(enlarge(images[row][place], factor(images[row][place]))))
        panels = [("image, transformed", shown)]
        for name, values in series.items():
            axes = panel(row, state["kind"], name, values, tops[name])
            panels.append((name, _marked(axes, amounts, values[row], place, tops[name])))
        word = WORDS[state["kind"]].format(amounts[place])
        alt = (
            f"An image of {true} after {state['kind']} by {word}, and beside it, over all amounts, "
            f"{', '.join(series)}, each marked there."
        )
        distances = {
            layer: f"{values[row, place]:.3g} ({values[row, place] / max(values[row].max(), 1e-12):.0%} of its maximum)"
            for layer, values in found.distances.items()
        }
        return (
            beside(panels),
            alt,
            readout(**{state["kind"]: word} | distances | {f"P({true})": f"{array(found.probability)[row, place]:.2f}"}),
        )

    return View(render, {"image": which, "kind": kind, "amount": amount}, "Move, enlarge or turn the image")


def _places(amounts: np.ndarray, values: np.ndarray, high: float) -> list[tuple[float, float]]:
    """Where a curve's points lie in a panel, (x, y) in pixels."""
    low, span = amounts.min(), max(np.ptp(amounts), 1e-12)
    x = LEFT + (amounts - low) / span * (PANEL - LEFT - RIGHT)
    y = PANEL - BOTTOM - values / high * (PANEL - TOP - BOTTOM)
    return list(zip(x.tolist(), y.tolist(), strict=True))


def _axes(amounts: np.ndarray, values: np.ndarray, high: float) -> Image.Image:
    """One curve between its axes, from 0 to `high`."""
    panel = Image.new("RGB", (PANEL, PANEL), "white")
    draw, bottom, order = ImageDraw.Draw(panel), PANEL - BOTTOM, np.argsort(amounts, kind="stable")
    for share in (0, 0.5, 1):
        y = bottom - share * (bottom - TOP)
        draw.line((LEFT, y, PANEL - RIGHT, y), "#dddddd" if share else "#888888")
        draw.text((LEFT - 2, y), f"{share * high:.{0 if high > 10 else 2}f}", INK, font(11), anchor="rm")
    for amount in {amounts.min(), (amounts.min() + amounts.max()) / 2, amounts.max()}:
        x = LEFT + (amount - amounts.min()) / max(np.ptp(amounts), 1e-12) * (PANEL - LEFT - RIGHT)
        draw.text((x, bottom + 6), f"{amount:g}", INK, font(11), anchor="mt")
    draw.line([_places(amounts, values, high)[place] for place in order], COLOURS[0], 2, joint="curve")
    return panel


def _marked(axes: Image.Image, amounts: np.ndarray, values: np.ndarray, place: int, high: float) -> Image.Image:
    """A curve's panel with a line and a dot at one amount."""
    panel = axes.copy()
    draw, (x, y) = ImageDraw.Draw(panel), _places(amounts, values, high)[place]
    draw.line((x, TOP, x, PANEL - BOTTOM), MARK)
    draw.ellipse((x - 5, y - 5, x + 5, y + 5), MARK, "white")
    return panel
