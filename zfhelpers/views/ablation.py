"""Two rows of Table 3 against each other: every training of both, and which classes pay for the change."""

from __future__ import annotations

from collections.abc import Mapping

import ipywidgets as widgets
import numpy as np
from PIL import Image, ImageDraw

from zfhelpers.networks.catalogue import BASES
from zfhelpers.views.panels import BELOW, INK, MARK, bars, beside, font, readout
from zfhelpers.views.view import View

PALE = "#b8b8b8"


def ablation_view(table: Mapping) -> View:
    """Pick a row of Table 3 and what it is held against; see every seed of every row, and the difference class by class.

    Args:
        table: what `ablation.table3` returns, or its record.
    """
    seeds = sorted({one["seed"] for one in table["networks"]})
    networks = {(one["row"], one["seed"]): one for one in table["networks"]}
    of_class = {which: np.array(one["of_class"], float) for which, one in networks.items()}  # NaN where no image was judged
    rows = list(dict.fromkeys(row for row, _ in networks))
    first = next((row for row in rows if row != BASES[row] and BASES[row] in rows), rows[0])
    controls = {
        "row": widgets.Dropdown(options=rows, value=first, description="network"),
        "against": widgets.Dropdown(options=rows, value=BASES[first] if BASES[first] in rows else rows[0], description="against"),
        "seed": widgets.Dropdown(options=[("all that both have", -1), *((str(one), one) for one in seeds)], description="seed"),
    }

    def render(state: dict):
        row, base = state["row"], state["against"]
        both = [one for one in seeds if (row, one) in networks and (base, one) in networks and state["seed"] in (-1, one)]
        if not both:
            raise ValueError(f"{row} and {base} were not both trained with this seed; choose another.")
        difference = np.mean([of_class[row, s] - of_class[base, s] for s in both], axis=0)
        order = [one for one in np.argsort(-difference, kind="stable") if np.isfinite(difference[one])]
        difference = difference[order]
        names, reach = [table["classes"][one] for one in order], max(10.0, np.abs(difference).max())
        low = -reach if difference.min() < 0 else 0.0
        shown = bars(names, difference, low, reach)
        errors = [np.mean([networks[one, s]["val_top1"] for s in both]) for one in (row, base)]
        panels = [("validation error of every training (%)", _dots(networks, rows, row, base)), ("difference (points)", shown)]
        return (
            beside(panels),
            f"Left, the validation errors of the rows of Table 3, one dot for each training, {row} and {base} in colour; right, "
            "the difference between these two class by class, the largest at the top.",
            readout(
                **{row: f"{errors[0]:.1f} %", "against": f"{errors[1]:.1f} % ({base})", "seeds": ", ".join(map(str, both))},
                pays_most=names[0],
                pays_least=names[-1],
            ),
        )

    return View(render, controls, "Which classes pay: pick a row of Table 3, and what it is held against")


def _dots(networks: Mapping, rows: list[str], row: str, base: str) -> Image.Image:
    """One line for each row, one dot for each of its trainings."""
    left, width, step = 150, 250, 26
    sheet = Image.new("RGB", (left + width + 16, step * len(rows) + 22), "white")
    draw, most = ImageDraw.Draw(sheet), max(one["val_top1"] for one in networks.values())
    for tick in range(0, int(most) + 1, 5 if most < 30 else 10):
        x = left + width * tick / most
        draw.line((x, 0, x, sheet.height - 20), "#e4e4e4")
        draw.text((x, sheet.height - 18), str(tick), INK, font(11), anchor="ma")
    for number, name in enumerate(rows):
        y, colour = step * number + step / 2, {row: MARK, base: BELOW}.get(name, PALE)
        draw.text((left - 8, y), name, INK if colour != PALE else "#666666", font(12), anchor="rm")
        for (one, _), entry in networks.items():
            if one == name:
                x = left + width * entry["val_top1"] / most
                draw.ellipse((x - 5, y - 5, x + 5, y + 5), colour, "white")
    return sheet
