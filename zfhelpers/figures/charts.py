"""Plain curves and bars in the style of the house: numbers in, a `Picture` with alt text out.

>>> curves_figure({"top-1": ([1, 2, 3], [90, 60, 40])}, "epoch", "error (%)", "Training")
<Picture: Training: error (%) over epoch for top-1.>
"""

from __future__ import annotations

from collections.abc import Collection, Mapping, Sequence

import numpy as np
from matplotlib.figure import Figure
from matplotlib.ticker import NullLocator, ScalarFormatter

from zfhelpers.figures.picture import Picture, style
from zfhelpers.figures.tiles import array

BESIDE = 4  # with more entries than that a legend finds no free place among the curves


def curves_figure(
    series: Mapping[str, tuple],
    xlabel: str,
    ylabel: str,
    title: str = "",
    level: tuple[float, str] | None = None,
    xlog: bool = False,
    alt: str | None = None,
    xticks: Sequence[float] | Mapping[float, str] | None = None,
    dashed: Collection[str] = (),
    mark: tuple[float, str] | None = None,
) -> Picture:
    """Lines over one axis, each with a band or error bars if its spread is given.

    Args:
        series: {name: (x, y) or (x, y, spread)}; spread (N,) is symmetric.
        xlabel, ylabel: with units.
        level: (y, name) of a dashed horizontal line, for instance chance.
        xlog: a logarithmic x axis.
        alt: a description that says more than what is drawn.
        xticks: where the x axis is marked, for instance at whole numbers, or {x: what is written there}; matplotlib's choice if
            not given.
        dashed: names of series drawn dashed, so that a line below them stays visible.
        mark: (x, name) of a dotted vertical line, for instance where the learning rate falls.

    Raises:
        ValueError: no series, or one whose parts are not of one length.
    """
    if not series:
        raise ValueError("There is no curve to draw; give {name: (x, y)}.")
    for name, parts in series.items():
        if len({len(part) for part in parts}) != 1:
            lengths = " and ".join(str(len(part)) for part in parts)
            raise ValueError(f"A curve has as many x as y; {name!r} has {lengths}.")
    with style():
        crowded = len(series) + bool(level) + bool(mark) > BESIDE
        figure = Figure(figsize=(8.2 if crowded else 6.4, 3.8))
        axes = figure.subplots()
        for marker, (name, (x, y, *spread)) in zip("os^Dvp*h" * len(series), series.items(), strict=False):
            x, y = array(x), array(y)
            (line,) = axes.plot(
                x, y, label=name, marker=marker if len(x) <= 24 else None, linestyle=(0, (4, 3)) if name in dashed else "-"
            )
            if spread:
                axes.fill_between(x, y - array(spread[0]), y + array(spread[0]), color=line.get_color(), alpha=0.18, linewidth=0)
        if level:
            axes.axhline(level[0], color="#444444", linestyle="--", linewidth=1, label=level[1])
        if mark:
            axes.axvline(mark[0], color="#444444", linestyle=":", linewidth=1.2, label=mark[1])
        axes.set(xlabel=xlabel, ylabel=ylabel, title=title)
        if xlog:
            axes.set_xscale("log")
            axes.xaxis.set_major_formatter(ScalarFormatter())  # 1 and 10, not powers of ten
        if xticks is not None:
            axes.set_xticks(list(xticks), list(xticks.values()) if isinstance(xticks, Mapping) else None)
            axes.xaxis.set_minor_locator(NullLocator())  # a logarithmic axis would write between them
        axes.legend(**{"loc": "upper left", "bbox_to_anchor": (1.01, 1)} if crowded else {})
        alt = alt or f"{title or 'Curves'}: {ylabel} over {xlabel} for {', '.join(series)}."
        return Picture(figure, alt)


def bars_figure(
    groups: Mapping[str, Sequence[float]],
    labels: Sequence[str],
    xlabel: str,
    title: str = "",
    spread: Mapping[str, Sequence[float]] | None = None,
    alt: str | None = None,
) -> Picture:
    """Horizontal bars, for instance a column of a table here and in the paper.

    Args:
        groups: {name: one number per label, NaN for none}.
        labels: from top to bottom.
        xlabel: with the unit.
        spread: {name: half the length of each error bar}.

    Raises:
        ValueError: no group, or one that has not a number for every label.
    """
    if not groups:
        raise ValueError("There is no bar to draw; give {name: numbers}.")
    for name, values in groups.items():
        if len(values) != len(labels):
            raise ValueError(f"{name!r} has {len(values)} numbers for {len(labels)} labels; give one for each, NaN for none.")
    with style():
        figure = Figure(figsize=(6.8, 0.8 + len(labels) * (0.16 + 0.18 * len(groups))))
        axes = figure.subplots()
        thick = 0.8 / len(groups)
        for number, (name, values) in enumerate(groups.items()):
            y = np.arange(len(labels)) + (number - (len(groups) - 1) / 2) * thick
            axes.barh(y, array(values), thick * 0.92, label=name, xerr=(spread or {}).get(name), error_kw={"elinewidth": 1})
        axes.set(yticks=np.arange(len(labels)), yticklabels=labels, xlabel=xlabel, title=title)
        axes.invert_yaxis()
        axes.grid(False, axis="y")
        if len(groups) > 1:
            figure.legend(loc="outside lower center", ncols=len(groups))
        alt = alt or f"{title or 'Bars'}: {xlabel} of {', '.join(labels)}" + (
            f", for {' and '.join(groups)}." if len(groups) > 1 else "."
        )
        return Picture(figure, alt)
