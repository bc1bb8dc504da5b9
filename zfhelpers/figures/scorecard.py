"""The scorecard as pictures: verdicts as a grid of letters, and the numbers of one claim as dots with their intervals.

>>> verdicts_figure(["1", "2"], {"toy": ["holds", "not run"]})
<Picture: A grid of verdicts, claims 1 to 2 across and toy down: each letter stands for one.>
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence

import numpy as np
from matplotlib.figure import Figure
from matplotlib.patches import Patch, Rectangle

from zfhelpers.figures.colours import BLUE, COLOURS, ORANGE
from zfhelpers.figures.picture import Picture, style

LOOKS = {  # {verdict: (letter, its colour, colour of the cell)}
    "holds": ("H", "white", BLUE),
    "does not hold": ("N", "black", ORANGE),
    "open here": ("?", "black", "#d9d9d9"),
    "not run": ("–", "#666666", "white"),
}
PAPER = "#000000"
Numbers = Mapping[str, tuple[float, tuple[float, float] | None]]


def verdicts_figure(
    claims: Sequence[str], verdicts: Mapping[str, Sequence[str]], here: str = "", alt: str | None = None
) -> Picture:
    """Claims across, worlds and networks down; each cell has a letter and a colour.

    Args:
        claims: their ids.
        verdicts: {world and network: one of `LOOKS` for every claim}.
        here: the one that is framed.
        alt: a better description.

    Raises:
        ValueError: nothing to show, a row of another length, or a verdict that there is not.
    """
    if not verdicts:
        raise ValueError("There is no verdict to show; give {world: one for every claim}.")
    for name, row in verdicts.items():
        if len(row) != len(claims) or not {*row} <= LOOKS.keys():
            raise ValueError(f"{name!r} needs one of {', '.join(LOOKS)} for each of {len(claims)} claims.")
    with style():
        figure = Figure(figsize=(0.31 * len(claims) + 2.2, 0.34 * len(verdicts) + 1.1))
        axes = figure.subplots()
        for down, (name, row) in enumerate(verdicts.items()):
            for across, word in enumerate(row):
                letter, ink, fill = LOOKS[word]
                axes.add_patch(Rectangle((across - 0.46, down - 0.46), 0.92, 0.92, facecolor=fill, edgecolor="#bbbbbb", lw=0.6))
                axes.text(across, down, letter, color=ink, ha="center", va="center", fontsize=9, fontweight="bold")
            if name == here:
                axes.add_patch(Rectangle((-0.56, down - 0.52), len(claims) + 0.12, 1.04, fill=False, edgecolor="black", lw=1.6))
        axes.set(xlim=(-0.7, len(claims) - 0.3), ylim=(len(verdicts) - 0.4, -0.6), aspect="equal")
        axes.set_xticks(range(len(claims)), claims)
        axes.set_yticks(range(len(verdicts)), verdicts)
        axes.xaxis.tick_top()
        axes.tick_params(length=0)
        axes.grid(False)
        axes.spines[:].set_visible(False)
        patches = [
            Patch(facecolor=fill, edgecolor="#bbbbbb", label=f"{letter}  {word}") for word, (letter, _, fill) in LOOKS.items()
        ]
        figure.legend(handles=patches, loc="outside lower center", ncols=len(patches))
        said = f"A grid of verdicts, claims {claims[0]} to {claims[-1]} across and {', '.join(verdicts)} down"
        return Picture(figure, alt or f"{said}: each letter stands for one.")


def numbers_figure(
    numbers: Mapping[str, Numbers], paper: Mapping[str, float], title: str = "", alt: str | None = None
) -> Picture:
    """Numbers with their intervals, each on an axis of its own, those of all worlds below each other and the paper's beside them.

    Args:
        numbers: {name with its unit: {world and network: (value, interval or None)}}.
        paper: {name: the paper's number}, of those that it has.
        title: above all.
        alt: a better description.

    Raises:
        ValueError: nothing to show.
    """
    if not numbers:
        raise ValueError("There is no number to show; give {name: {world: (value, interval)}}.")
    places = list(dict.fromkeys(place for each in numbers.values() for place in each))
    with style():
        figure = Figure(figsize=(7.4, 0.5 + len(numbers) * (0.62 + 0.2 * len(places))))
        every = figure.subplots(len(numbers), squeeze=False)[:, 0]
        for axes, (name, each) in zip(every, numbers.items(), strict=True):
            for down, place in enumerate(places):
                if place not in each:
                    continue
                value, span = each[place]
                reach = np.maximum([[value - span[0]], [span[1] - value]], 0) if span else None
                axes.errorbar(value, down, xerr=reach, fmt="o", color=COLOURS[down % len(COLOURS)], capsize=3, markersize=5)
            if name in paper:
                axes.axvline(paper[name], color=PAPER, linestyle="--", linewidth=1.2)
                where = {"xycoords": ("data", "axes fraction"), "ha": "center", "va": "bottom", "fontsize": 7}
                axes.annotate("the paper", (paper[name], 1), **where)
            axes.set_yticks(range(len(places)), places)
            axes.set_ylim(len(places) - 0.5, -0.5)
            axes.margins(x=0.12)
            axes.set_xlabel(name)
            low, high = axes.get_xlim()
            if low < 0 < high:  # the limit of most claims about a difference
                axes.axvline(0, color="#444444", linewidth=0.8)
        figure.suptitle(title, fontsize=10)
        said = f"{title or 'Numbers'}: {'; '.join(numbers)}, for {', '.join(places)}"
        return Picture(figure, alt or f"{said}, each with its interval.")
