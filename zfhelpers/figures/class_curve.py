"""Accuracy against the number of classes that a network learnt before: curves of layers, and what they are held against.

>>> panel = {"curves": {"layer 7": {5: (20, 18, 22), 10: (25, 24, 26)}}, "band": (28, 34), "missing": [20],
...          "marks": {"the paper": (1000, {"layer 7": 86})}}
>>> class_curve_figure({"30 images a class": panel}, "from scratch")
<Picture: Accuracy over the number of pretraining classes, 30 images a class: a line for layer 7, a band for from scratch.>
"""

from __future__ import annotations

from collections.abc import Mapping

from matplotlib.figure import Figure
from matplotlib.lines import Line2D
from matplotlib.ticker import NullLocator

from zfhelpers.figures.colours import COLOURS
from zfhelpers.figures.picture import Picture, style

NONE_AT = 2.5  # where the logarithmic axis has what learnt no class
SHAPES = "osD^*Pv"  # of curves, and of what stands beside them
TICKS = (5, 10, 20, 50, 100, 200, 1000)
INK = "#444444"


def class_curve_figure(panels: Mapping[str, Mapping], scratch: str, alt: str | None = None) -> Picture:
    """Panels side by side on the same axes.

    Args:
        panels: {title: {"curves": {name: {classes: (accuracy, low, high)}}, "band": (low, high), "marks": {what it is: (classes,
            {name of a curve: accuracy})}, "missing": classes}}; accuracies in %. Marks have the colour of their curve, and 0
            classes a place of their own. Missing counts are crossed out.
        scratch: what the band is called.
        alt: a description that says more than what is drawn.

    Raises:
        ValueError: no panel.
    """
    if not panels:
        raise ValueError("There is no panel to draw; give {title: panel}.")
    names = list(dict.fromkeys(name for panel in panels.values() for name in panel["curves"]))
    marks = list(dict.fromkeys(name for panel in panels.values() for name in panel["marks"]))
    colours = dict(zip(names, COLOURS, strict=False))
    with style():
        figure = Figure(figsize=(4.4 * len(panels) + 0.4, 4.6))
        for axes, (title, panel) in zip(
            figure.subplots(1, len(panels), sharey=True, squeeze=False)[0], panels.items(), strict=True
        ):
            band = axes.axhspan(*panel["band"], color="#999999", alpha=0.3, linewidth=0, label=scratch)
            for name, points in panel["curves"].items():
                x, (y, low, high) = list(points), zip(*points.values(), strict=True) if points else ((), (), ())
                axes.fill_between(x, low, high, color=colours[name], alpha=0.18, linewidth=0)
                axes.plot(x, y, color=colours[name], marker="o")
            for shape, mark in zip(SHAPES[1:], marks, strict=False):
                classes, known = panel["marks"].get(mark, (0, {}))
                for name, value in known.items():
                    look = {"markeredgecolor": colours[name], "markerfacecolor": "white", "markersize": 7, "linestyle": "none"}
                    axes.plot([classes or NONE_AT], [value], marker=shape, **look)
            for classes in panel["missing"]:
                axes.plot([classes], [0.02], marker="x", color=INK, transform=axes.get_xaxis_transform(), clip_on=False)
            axes.set(title=title, xlabel="classes of the pretraining", xscale="log", xlim=(2, 1400))
            axes.margins(y=0.08)
            axes.set_ylim(bottom=0)
            axes.set_xticks([NONE_AT, *TICKS], ["none", *map(str, TICKS)])
            axes.xaxis.set_minor_locator(NullLocator())
        figure.axes[0].set_ylabel("accuracy on the target (%)")
        lines = [Line2D([], [], color=colours[name], marker="o", label=name) for name in names]
        hollow = {"linestyle": "none", "markeredgecolor": INK, "markerfacecolor": "white", "markersize": 7}
        lines += [Line2D([], [], marker=shape, label=mark, **hollow) for shape, mark in zip(SHAPES[1:], marks, strict=False)]
        if any(panel["missing"] for panel in panels.values()):
            lines.append(Line2D([], [], color=INK, marker="x", linestyle="none", label="not trained yet"))
        figure.legend(handles=[band, *lines], loc="outside lower center", ncols=3)
        said = f"a line for {', '.join(names)}, a band for {scratch}"
        return Picture(figure, alt or f"Accuracy over the number of pretraining classes, {' and '.join(panels)}: {said}.")
