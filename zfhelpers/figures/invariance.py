"""Fig. 5: how far features move, and what becomes of the answer, while an image is shifted, enlarged or turned."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from string import ascii_lowercase
from typing import TYPE_CHECKING

import numpy as np
from matplotlib.axes import Axes
from matplotlib.figure import Figure
from numpy.typing import ArrayLike

from zfhelpers.figures.colours import COLOURS
from zfhelpers.figures.picture import DPI, Picture, style
from zfhelpers.figures.tiles import array, fit, mosaic, pixels

if TYPE_CHECKING:
    from zfhelpers.experiments.invariance import InvarianceCurves

LABELS = {"translation": "vertical translation (pixels)", "scale": "scale (ratio)", "rotation": "rotation (degrees)"}
SAMPLES = 8  # pictures of each image, as in the paper


@dataclass(frozen=True)
class InvarianceRow:
    """One row of Fig. 5: one kind of transformation.

    Attributes:
        xlabel: with the unit, for instance "vertical translation (pixels)".
        amounts: (T,) how far.
        samples: (images, samples, C, h, h) uint8, transformed images.
        distances: {layer: (images, T)}: distance of the features to those of the untransformed image.
        probability: (images, T) of the true class, or of whatever is followed.
        ticks: where the axis of amounts is marked, for instance at quarter turns; matplotlib's choice if not given.
    """

    xlabel: str
    amounts: ArrayLike
    samples: ArrayLike
    distances: Mapping[str, ArrayLike]
    probability: ArrayLike
    ticks: Sequence[float] | None = None


def invariance_row(curves: InvarianceCurves, pictures: ArrayLike) -> InvarianceRow:
    """A row of what was measured, with samples evenly spaced among all pictures.

    Args:
        curves: of one kind of transformation.
        pictures: (images, T, C, h, h) uint8, the images after each amount.
    """
    places = np.linspace(0, len(curves.amounts) - 1, SAMPLES).astype(int)
    ticks = range(0, 361, 90) if curves.kind == "rotation" else None
    samples = array(pictures)[:, places]
    return InvarianceRow(LABELS[curves.kind], curves.amounts, samples, curves.distances, curves.probability, ticks)


def invariance_figure(
    rows: Sequence[InvarianceRow], names: Sequence[str], alt: str | None = None, answers: Sequence[str] | None = None
) -> Picture:
    """Fig. 5: rows are transformations; columns are samples, the distance in each layer, the probability of the true class.

    Args:
        rows: one for each transformation, all with the same layers.
        names: of the classes of the images, which the samples and the curves share.
        alt: a description that says more than what is drawn.
        answers: names of the outputs whose probability is drawn, where they are not all those classes.

    Raises:
        ValueError: no row, rows of different layers, or numbers of images, names and amounts that do not agree.
    """
    if not rows:
        raise ValueError("Fig. 5 needs one row or more, each an InvarianceRow.")
    layers = list(rows[0].distances)
    for row in rows:
        if list(row.distances) != layers:
            raise ValueError(f"All rows show the same layers; {row.xlabel} has {list(row.distances)}, the first row {layers}.")
        shapes = {np.shape(array(values)) for values in (*row.distances.values(), row.probability)}
        if shapes != {(len(names), len(row.amounts))} or len(row.samples) != len(names):
            raise ValueError(
                f"For {row.xlabel} there are {len(names)} names and {len(row.amounts)} amounts, but samples of "
                f"{len(row.samples)} images and values {' and '.join(map(str, sorted(shapes)))}."
            )
    answers = list(names if answers is None else answers)
    output = "true class" if answers == list(names) else "followed output"
    labels = [name if name == answer else f"{name}: {answer}" for name, answer in zip(names, answers, strict=True)]
    with style():
        figure = Figure(figsize=(12, 2.7 * len(rows) + 0.3), dpi=DPI)
        widths = (1.25, *(1 for _ in layers), 1)
        grid = figure.subplots(len(rows), 2 + len(layers), squeeze=False, gridspec_kw={"width_ratios": widths})
        for letter, row, (samples, *plots) in zip(ascii_lowercase, rows, grid, strict=False):
            draw_samples(samples, array(row.samples), names)
            samples.set_title(f"({letter}1)", fontsize=9)
            curves = [*((f"distance in {layer}", row.distances[layer]) for layer in layers), (f"P({output})", row.probability)]
            for number, (axes, (ylabel, values)) in enumerate(zip(plots, curves, strict=True), start=2):
                lines = axes.plot(array(row.amounts), array(values).T)
                axes.set(xlabel=row.xlabel, ylabel=ylabel, ylim=(0, 1.02) if number == 2 + len(layers) else (0, None))
                axes.set_title(f"({letter}{number})", fontsize=9)
                if row.ticks is not None:
                    axes.set_xticks(row.ticks)
        figure.legend(lines, labels, loc="outside lower center", ncols=len(names))
        alt = alt or (
            f"Invariance to {', '.join(row.xlabel for row in rows)}: sample images, distances in {', '.join(layers)} and the "
            f"probability of the {output} for {', '.join(labels)}."
        )
        return Picture(figure, alt)


def draw_samples(axes: Axes, samples: np.ndarray, names: Sequence[str]) -> None:
    """Samples (images, samples, C, h, h), a row for each image, its name before it in the colour of its curves."""
    tiles = np.stack([fit(images, 36) for images in samples])
    axes.imshow(pixels(mosaic(tiles.reshape(-1, *tiles.shape[2:]), tiles.shape[1])), interpolation="nearest")
    high = tiles.shape[-2] + 1  # with the separator
    axes.set(xticks=[], yticks=np.arange(len(tiles)) * high + high / 2 - 1, yticklabels=names)
    axes.tick_params(length=0, pad=1)
    for name, colour in zip(axes.get_yticklabels(), COLOURS * len(names), strict=False):
        name.set_color(colour)
    axes.spines[:].set_visible(False)
    axes.grid(False)
