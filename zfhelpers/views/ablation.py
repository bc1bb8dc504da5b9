"""Two rows of Table 3 against each other: every training of both, and which classes pay for the change."""

from __future__ import annotations

from collections.abc import Mapping

import ipywidgets as widgets
import numpy as np
from PIL import Image, ImageDraw

from zfhelpers.networks.catalogue import BASES
from zfhelpers.results.changes import WORDS
from zfhelpers.views.panels import BELOW, INK, MARK, bars, beside, font, readout
from zfhelpers.views.view import View

PALE = "#b8b8b8"


def ablation_view(table: Mapping) -> View:
    """Pick a row of Table 3 and what it is held against; see every seed of every row, and the difference class by class.

    Args:
        table: what `ablation.table3` returns, or its record.

    Raises:
        ValueError: a table without networks.
    """
    if not table["networks"]:
        raise ValueError("The table holds no network to compare; train some first.")
    seeds = sorted({entry["seed"] for entry in table["networks"]})
    networks = {(entry["row"], entry["seed"]): entry for entry in table["networks"]}
    of_class = {which: np.array(entry["of_class"], float) for which, entry in networks.items()}  # NaN where no image was judged
    rows = list(dict.fromkeys(row for row, _ in networks))
    first = next((row for row in rows if row != BASES[row] and BASES[row] in rows), rows[0])
    choices = {"all that both have": -1} | {str(seed): seed for seed in seeds}
    options = [(WORDS[row], row) for row in rows]
    controls = {
        "row": widgets.Dropdown(options=options, value=first, description="network"),
        "against": widgets.Dropdown(
            options=options, value=BASES[first] if BASES[first] in rows else rows[0], description="against"
        ),
        "seed": widgets.Dropdown(options=list(choices.items()), description="seed"),
    }

    def render(state: dict):
        row, base = state["row"], state["against"]
        this, that = WORDS[row], WORDS[base]
        both = [seed for seed in seeds if {(row, seed), (base, seed)} <= networks.keys() and state["seed"] in (-1, seed)]
        if not both:
            raise ValueError(f"{this} and {that} were not both trained with this seed; choose another.")
        difference = np.mean([of_class[row, seed] - of_class[base, seed] for seed in both], axis=0)
        order = [label for label in np.argsort(-difference, kind="stable") if np.isfinite(difference[label])]
        difference = difference[order]
        names, reach = [table["classes"][label] for label in order], max(10.0, np.abs(difference).max())
        low = -reach if difference.min() < 0 else 0.0
        shown = bars(names, difference, low, reach)
        errors = [np.mean([networks[name, seed]["val_top1"] for seed in both]) for name in (row, base)]
        panels = [("validation error of every training (%)", dots(networks, rows, row, base)), ("difference (points)", shown)]
        return (
            beside(panels),
            f"Left, the validation errors of the rows of Table 3, one dot for each training, {this} and {that} in colour; right, "
            "the difference between these two class by class, the largest at the top.",
            readout(
                **{this: f"{errors[0]:.1f} %", "against": f"{errors[1]:.1f} % ({that})", "seeds": ", ".join(map(str, both))},
                pays_most=names[0],
                pays_least=names[-1],
            ),
        )

    return View(render, controls, "Which classes pay: pick a row of Table 3, and what it is held against")


def dots(networks: Mapping, rows: list[str], row: str, base: str) -> Image.Image:
    """A line for each row of the table, a dot for each of its trainings, one below the other; the two compared are in colour."""
    left, width, step = 16 + max(round(font(12).getlength(WORDS[row])) for row in rows), 250, 26
    sheet = Image.new("RGB", (left + width + 16, step * len(rows) + 22), "white")
    draw, most = ImageDraw.Draw(sheet), max(entry["val_top1"] for entry in networks.values())
    for tick in range(0, int(most) + 1, 5 if most < 30 else 10):
        x = left + width * tick / most
        draw.line((x, 0, x, sheet.height - 20), "#e4e4e4")
        draw.text((x, sheet.height - 18), str(tick), INK, font(11), anchor="ma")
    for number, name in enumerate(rows):
        y, colour = step * number + step / 2, {row: MARK, base: BELOW}.get(name, PALE)
        draw.text((left - 8, y), WORDS[name], INK if colour != PALE else "#666666", font(12), anchor="rm")
        errors = [entry["val_top1"] for (trained, _), entry in networks.items() if trained == name]
        for x, down in zip((left + width * error / most for error in errors), range(len(errors)), strict=True):
            middle = y + 16 / len(errors) * (down - (len(errors) - 1) / 2)  # so that near ones do not hide each other
            draw.ellipse((x - 4, middle - 4, x + 4, middle + 4), colour, "white")
    return sheet
