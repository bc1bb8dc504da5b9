"""Fig. 5 to play with: drag an image to another place, size or angle and watch the features move.

>>> curves = InvarianceCurves("scale", torch.tensor([1.0, 2.0]), {"layer1": torch.tensor([[0.0, 3.0]])}, torch.ones(1, 2))
>>> images = torch.zeros(1, 2, 3, 32, 32, dtype=torch.uint8)
>>> invariance_view({"scale": (curves, images)}, ["mug"]).set(amount=1).alt
'An image of mug after scale by 2.00 times, and beside it, over all amounts, distance in layer1, P(mug), each marked there.'
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from functools import cache

import ipywidgets as widgets
import numpy as np
import torch
from PIL import Image, ImageDraw

from zfhelpers.experiments.invariance import InvarianceCurves
from zfhelpers.figures.colours import BLUE
from zfhelpers.figures.tiles import array
from zfhelpers.views.panels import INK, MARK, PANEL, beside, enlarged, font, readout, slider
from zfhelpers.views.view import View

WORDS = {"translation": "{:+g} px", "scale": "{:.2f} times", "rotation": "{:g} degrees"}
GAP = 16  # pixels between panels
LEFT, RIGHT, TOP, BOTTOM = 34, 16, 8, 24  # pixels between a panel's edges and its axes


def invariance_view(
    curves: Mapping[str, tuple[InvarianceCurves, torch.Tensor]], names: Sequence[str], answers: Sequence[str] | None = None
) -> View:
    """The transformed image beside its curves, marked at the current amount. Everything is known beforehand; moving only draws.

    Args:
        curves: {kind: (curves, images)}, images (N, T, C, S, S) uint8, transformed by each of the T amounts.
        names: of the true class of each of the N images.
        answers: names of the outputs whose probability is shown; the true classes if not given.

    Raises:
        ValueError: numbers of images, amounts and names that do not agree.
    """
    answers = list(names if answers is None else answers)
    for kind, (found, images) in curves.items():
        if array(images).shape[:2] != tuple(found.probability.shape) or not len(images) == len(names) == len(answers):
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

    @cache
    def panels_of(kind: str, row: int) -> list[tuple[str, CurvePanel]]:
        """The curves of one image under one kind of transformation, each with its heading."""
        found = curves[kind][0]
        amounts = array(found.amounts)
        distances = {layer: array(values) for layer, values in found.distances.items()}
        return [
            *(
                (f"distance in {layer}", CurvePanel(amounts, values[row], values.max() * 1.05 or 1))
                for layer, values in distances.items()
            ),
            (f"P({answers[row]})", CurvePanel(amounts, array(found.probability)[row], 1.0)),
        ]

    def render(state: dict):
        found, images = curves[state["kind"]]
        row, place = labels.index(state["image"]), state["amount"]
        drawn = panels_of(state["kind"], row)
        panels = [("image, transformed", enlarged(images[row][place])), *((name, panel.marked(place)) for name, panel in drawn)]
        word = WORDS[state["kind"]].format(array(found.amounts)[place])
        alt = (
            f"An image of {names[row]} after {state['kind']} by {word}, and beside it, over all amounts, "
            f"{', '.join(name for name, _ in drawn)}, each marked there."
        )
        distances = {
            layer: f"{values[row, place]:.3g} ({values[row, place] / max(values[row].max(), 1e-12):.0%} of its maximum)"
            for layer, values in found.distances.items()
        }
        probability = {f"P({answers[row]})": f"{array(found.probability)[row, place]:.2f}"}
        return beside(panels, GAP), alt, readout(**{state["kind"]: word} | distances | probability)

    def point(x: float, y: float, state: dict) -> dict[str, int]:
        """The amount nearest to a place: on a curve that below it; over the image the whole width stands for all amounts."""
        amounts = array(curves[state["kind"]][0].amounts)
        wide = enlarged(curves[state["kind"]][1][0][0]).width
        if x < wide:
            sought = amounts.min() + x / wide * np.ptp(amounts)
        else:
            along = ((x - wide - GAP) % (PANEL + GAP) - LEFT) / (PANEL - LEFT - RIGHT)
            sought = amounts.min() + along * np.ptp(amounts)
        return {"amount": int(np.abs(amounts - sought).argmin())}

    controls = {"image": which, "kind": kind, "amount": amount}
    hint = "drag across the image or along a curve, or use the arrow keys"
    return View(render, controls, "Move, enlarge or turn the image: drag across it", point, ("amount", "amount"), hint)


class CurvePanel:
    """One curve between its axes, drawn once, to be marked at one place after the other.

    Args:
        amounts, values: (T,) float; the amounts need not be in order.
        high: where the vertical axis ends; it begins at 0.
    """

    def __init__(self, amounts: np.ndarray, values: np.ndarray, high: float):
        low, span, bottom = amounts.min(), max(np.ptp(amounts), 1e-12), PANEL - BOTTOM
        across = LEFT + (amounts - low) / span * (PANEL - LEFT - RIGHT)
        down = bottom - values / high * (bottom - TOP)
        self.points = list(zip(across.tolist(), down.tolist(), strict=True))
        self.plain = Image.new("RGB", (PANEL, PANEL), "white")
        draw = ImageDraw.Draw(self.plain)
        for share in (0, 0.5, 1):
            y = bottom - share * (bottom - TOP)
            draw.line((LEFT, y, PANEL - RIGHT, y), "#dddddd" if share else "#888888")
            draw.text((LEFT - 2, y), f"{share * high:.{0 if high > 10 else 2}f}", INK, font(11), anchor="rm")
        for amount in {low, (low + amounts.max()) / 2, amounts.max()}:
            x = LEFT + (amount - low) / span * (PANEL - LEFT - RIGHT)
            draw.text((x, bottom + 6), f"{amount:g}", INK, font(11), anchor="mt")
        order = np.argsort(amounts, kind="stable")
        draw.line([self.points[place] for place in order], BLUE, 2, joint="curve")

    def marked(self, place: int) -> Image.Image:
        """A copy with a line and a dot at one amount."""
        panel = self.plain.copy()
        draw, (x, y) = ImageDraw.Draw(panel), self.points[place]
        draw.line((x, TOP, x, PANEL - BOTTOM), MARK)
        draw.ellipse((x - 5, y - 5, x + 5, y + 5), MARK, "white")
        return panel
