"""One dot for each training: what a few seeds say, without hiding how few they are.

>>> seeds_figure({"plain": [21.0, 22.0, 23.0], "turned": [24.0]}, "validation error (%)", "Two networks")
<Picture: Two networks: validation error (%) of plain, turned; a dot for each training, a line at the mean.>
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence

import numpy as np
from matplotlib.figure import Figure

from zfhelpers.figures.colours import COLOURS
from zfhelpers.figures.picture import Picture, style

MARKERS = "os^Dvp*h"


def seeds_figure(
    rows: Mapping[str, Sequence[float] | Mapping[str, Sequence[float]]], xlabel: str, title: str = "", alt: str | None = None
) -> Picture:
    """Rows from top to bottom, in each a dot for every training and a line at their mean.

    Args:
        rows: {name: one number for each training, none if there was none}; or {name: {what: numbers}}, which are told apart by
            colour and shape.
        xlabel: with the unit.
        title: above.
        alt: a description that says more than what is drawn.

    Raises:
        ValueError: no row.
    """
    if not rows:
        raise ValueError("There is no row to draw; give {name: numbers}.")
    groups = {name: row if isinstance(row, Mapping) else {"": row} for name, row in rows.items()}
    names = list(dict.fromkeys(what for row in groups.values() for what in row))
    with style():
        figure = Figure(figsize=(6.8, 1.0 + 0.36 * len(groups)))
        axes = figure.subplots()
        for number, what in enumerate(names):
            colour, aside = COLOURS[number % len(COLOURS)], 0.22 * (number - (len(names) - 1) / 2)
            found = [(place + aside, np.asarray(row[what])) for place, row in enumerate(groups.values()) if what in row]
            dots = np.concatenate([values for _, values in found]), np.concatenate([np.full(len(v), y) for y, v in found])
            axes.plot(*dots, MARKERS[number % len(MARKERS)], color=colour, markersize=5, alpha=0.7, label=what or None)
            for y, values in [each for each in found if len(each[1])]:
                axes.plot([values.mean()] * 2, [y - 0.11, y + 0.11], color=colour, linewidth=2)
        axes.set(yticks=np.arange(len(groups)), yticklabels=list(groups), xlabel=xlabel, title=title)
        axes.set_ylim(len(groups) - 0.5, -0.5)
        axes.grid(False, axis="y")
        if names != [""]:
            figure.legend(loc="outside lower center", ncols=len(names))
        told = f", for {' and '.join(names)}" if names != [""] else ""
        alt = alt or f"{title or 'Seeds'}: {xlabel} of {', '.join(groups)}{told}; a dot for each training, a line at the mean."
        return Picture(figure, alt)
