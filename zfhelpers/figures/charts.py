"""The figures that have axes: occlusion (Fig. 7), invariance (Fig. 5), and plain curves and bars in the same style.

As in `figures`: arrays in, a `Picture` with alt text out.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass

import numpy as np
from matplotlib.axes import Axes
from matplotlib.colors import ListedColormap
from matplotlib.figure import Figure
from matplotlib.patches import Patch, Rectangle
from matplotlib.ticker import ScalarFormatter

from zfhelpers.figures.picture import COLOURS, DPI, Picture, array, fit, mosaic, pixels, projection_to_rgb, style

BESIDE = 4  # with more entries than that a legend finds no free place among the curves
PANELS = (
    "(a) input, one square",
    "(b) activity of the\nstrongest map",
    "(c) projections of it",
    "(d) probability of\nthe true class",
    "(e) most probable class",
)


@dataclass(frozen=True)
class OccludedImage:
    """One row of Fig. 7.

    Attributes:
        image: (3, S, S) uint8.
        maps: the result of `occlusion_maps`.
        label: index of the true class.
        projections: (4, 3, h, h) float: the strongest map projected from this image, and from three others that excite it.
    """

    image: object
    maps: object
    label: int
    projections: object


def occlusion_figure(
    cases: OccludedImage | Sequence[OccludedImage],
    classes: Sequence[str],
    cmap: str = "viridis",
    alt: str | None = None,
    caption: str | None = None,
) -> Picture:
    """Fig. 7: what happens while a grey square moves over an image; five panels (a) to (e) for each.

    Args:
        cases: one image or several, one per row.
        classes: names of all classes.
        cmap: colours of (b) and (d); the paper's is "jet", which is not safe for every eye.
    """
    cases = [cases] if isinstance(cases, OccludedImage) else list(cases)
    side, gap, left, top, row_height = 1.75, 0.14, 0.3, 0.48, 1.95  # inches
    lefts = left + np.cumsum([0, side + gap, side + gap, side + gap, side + gap + 0.55])
    width, height = lefts[-1] + side + 1.7, top + len(cases) * row_height
    with style():
        figure = Figure(figsize=(width, height), dpi=DPI, layout="none")
        for number, case in enumerate(cases):
            bottom = height - top - number * row_height - side
            row = [figure.add_axes((x / width, bottom / height, side / width, side / height)) for x in lefts]
            bar = figure.add_axes(((lefts[3] + side + 0.06) / width, bottom / height, 0.09 / width, side / height))
            _occlusion_row(row, bar, case, classes, cmap)
            row[0].set_ylabel(classes[case.label])
            for axes, head in zip(row, PANELS, strict=True) if number == 0 else ():
                axes.set_title(head, fontsize=9)
            for axes in row:
                axes.set(xticks=[], yticks=[])
                axes.grid(False)
                axes.spines[:].set_visible(False)
        alt = alt or (
            f"Occlusion of {', '.join(classes[case.label] for case in cases)}: the image with a grey square; the activity of the "
            "strongest layer-5 map, its projections, the probability of the true class and the most probable class, each as a "
            "map over the positions of the square."
        )
        return Picture(figure, alt, caption)


def _occlusion_row(axes: Sequence[Axes], bar: Axes, case: OccludedImage, classes: Sequence[str], cmap: str) -> None:
    shown, activity, projected, probability, labels = axes
    image = pixels(case.image)
    shown.imshow(image, interpolation="nearest", extent=(0, image.shape[1], image.shape[0], 0))  # pixel centres at + 0.5
    # The paper draws the square at row 14, column 2 of its 30 x 30 positions.
    y, x, bottom, right = case.maps.box(
        *(round(at / 29 * (count - 1)) for at, count in zip((14, 2), case.maps.labels.shape, strict=True))
    )
    shown.add_patch(Rectangle((x, y), right - x, bottom - y, color="#7c7c7c"))
    activity.imshow(array(case.maps.activity), cmap=cmap, interpolation="nearest")
    tiles = fit(projection_to_rgb(case.projections), 96)
    projected.imshow(pixels(mosaic(tiles, 2)), interpolation="nearest")
    side = tiles.shape[-1]
    projected.add_patch(Rectangle((0.5, 0.5), side - 2, side - 2, fill=False, edgecolor="black", linewidth=2))
    drawn = probability.imshow(array(case.maps.probabilities)[..., case.label], cmap=cmap, interpolation="nearest")
    bar.figure.colorbar(drawn, cax=bar).outline.set_visible(False)
    show_labels(labels, array(case.maps.labels), classes)


def show_labels(axes: Axes, labels: np.ndarray, classes: Sequence[str], most: int = 6) -> None:
    """A map of labels in discrete colours, beside it their names with the share of positions; rare labels are "other"."""
    found, counts = np.unique(labels, return_counts=True)
    order = np.argsort(-counts, kind="stable")[:most]
    index = np.full(labels.shape, len(order))
    for place, which in enumerate(order):
        index[labels == found[which]] = place
    names = [f"{classes[found[which]]} {_share(counts[which] / labels.size)}" for which in order]
    colours = [*COLOURS[: len(order)]]
    if len(order) < len(found):
        names.append(f"{len(found) - len(order)} others {_share((index == len(order)).mean())}")
        colours.append("#bbbbbb")
    axes.imshow(index, cmap=ListedColormap(colours), vmin=-0.5, vmax=len(colours) - 0.5, interpolation="nearest")
    axes.legend(
        [Patch(color=colour) for colour in colours],
        names,
        loc="upper left",
        bbox_to_anchor=(1, 1),
        fontsize=8,
        handlelength=0.9,
        handleheight=0.9,
        borderaxespad=0.2,
        labelspacing=0.4,
    )


def _share(share: float) -> str:
    return f"{share:.0%}" if share >= 0.01 else "< 1%"


def curves_figure(
    series: Mapping[str, tuple],
    xlabel: str,
    ylabel: str,
    title: str = "",
    level: tuple[float, str] | None = None,
    xlog: bool = False,
    alt: str | None = None,
    caption: str | None = None,
) -> Picture:
    """Lines over one axis, each with a band or error bars if its spread is given.

    Args:
        series: {name: (x, y) or (x, y, spread)}; spread (N,) is symmetric.
        xlabel, ylabel: with units.
        level: (y, name) of a dashed horizontal line, for instance chance.
        xlog: a logarithmic x axis.
    """
    with style():
        crowded = len(series) + bool(level) > BESIDE
        figure = Figure(figsize=(8.2 if crowded else 6.4, 3.8))
        axes = figure.subplots()
        for marker, (name, (x, y, *spread)) in zip("os^Dvp*h" * len(series), series.items(), strict=False):
            x, y = array(x), array(y)
            (line,) = axes.plot(x, y, label=name, marker=marker if len(x) <= 24 else None)
            if spread:
                axes.fill_between(x, y - array(spread[0]), y + array(spread[0]), color=line.get_color(), alpha=0.18, linewidth=0)
        if level:
            axes.axhline(level[0], color="#444444", linestyle="--", linewidth=1, label=level[1])
        axes.set(xlabel=xlabel, ylabel=ylabel, title=title)
        if xlog:
            axes.set_xscale("log")
            axes.xaxis.set_major_formatter(ScalarFormatter())  # 1 and 10, not powers of ten
        axes.legend(**{"loc": "upper left", "bbox_to_anchor": (1.01, 1)} if crowded else {})
        alt = alt or f"{title or 'Curves'}: {ylabel} over {xlabel} for {', '.join(series)}."
        return Picture(figure, alt, caption)


def bars_figure(
    groups: Mapping[str, Sequence[float]],
    labels: Sequence[str],
    xlabel: str,
    title: str = "",
    spread: Mapping[str, Sequence[float]] | None = None,
    alt: str | None = None,
    caption: str | None = None,
) -> Picture:
    """Horizontal bars, for instance a column of a table here and in the paper.

    Args:
        groups: {name: one number per label, NaN for none}.
        labels: from top to bottom.
        xlabel: with the unit.
        spread: {name: half the length of each error bar}.
    """
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
        return Picture(figure, alt, caption)


@dataclass(frozen=True)
class InvarianceRow:
    """One row of Fig. 5: one kind of transformation.

    Attributes:
        xlabel: with the unit, for instance "vertical translation (pixels)".
        amounts: (T,) how far.
        samples: (images, samples, 3, h, h) uint8, transformed images.
        distances: {layer: (images, T)}: distance of the features to those of the untransformed image.
        probability: (images, T) of the true class.
        ticks: where the axis of amounts is marked, for instance at quarter turns; matplotlib's choice if not given.
    """

    xlabel: str
    amounts: object
    samples: object
    distances: Mapping[str, object]
    probability: object
    ticks: Sequence[float] | None = None


def invariance_figure(
    rows: Sequence[InvarianceRow], names: Sequence[str], alt: str | None = None, caption: str | None = None
) -> Picture:
    """Fig. 5: rows are transformations; columns are samples, the distance in each layer, the probability of the true class."""
    layers = list(rows[0].distances)
    with style():
        figure = Figure(figsize=(12, 2.7 * len(rows) + 0.3), dpi=DPI)
        grid = figure.subplots(
            len(rows), 2 + len(layers), squeeze=False, gridspec_kw={"width_ratios": (1.25, *(1 for _ in layers), 1)}
        )
        for letter, row, (samples, *plots) in zip("abcdef", rows, grid, strict=False):
            tiles = np.stack([fit(images, 36) for images in array(row.samples)])  # (images, samples, 3, h, h)
            samples.imshow(pixels(mosaic(tiles.reshape(-1, *tiles.shape[2:]), tiles.shape[1])), interpolation="nearest")
            high = tiles.shape[-2] + 1  # with the separator
            samples.set(xticks=[], yticks=np.arange(len(tiles)) * high + high / 2 - 1, yticklabels=names)
            samples.tick_params(length=0, pad=1)
            for name, colour in zip(samples.get_yticklabels(), COLOURS * len(names), strict=False):
                name.set_color(colour)
            samples.spines[:].set_visible(False)
            samples.grid(False)
            curves = [*((f"distance in {layer}", row.distances[layer]) for layer in layers), ("P(true class)", row.probability)]
            for number, (axes, (ylabel, values)) in enumerate(zip(plots, curves, strict=True), start=2):
                lines = axes.plot(array(row.amounts), array(values).T)
                axes.set(xlabel=row.xlabel, ylabel=ylabel, ylim=(0, 1.02) if number == 2 + len(layers) else (0, None))
                axes.set_title(f"({letter}{number})", fontsize=9)
                if row.ticks is not None:
                    axes.set_xticks(row.ticks)
            samples.set_title(f"({letter}1)", fontsize=9)
        figure.legend(lines, names, loc="outside lower center", ncols=len(names))
        alt = alt or (
            f"Invariance to {', '.join(row.xlabel for row in rows)}: sample images, distances in {', '.join(layers)} and the "
            f"probability of the true class for {', '.join(names)}."
        )
        return Picture(figure, alt, caption)
