"""Fig. 7: what a network answers while a grey square moves over an image, from the result of `occlusion_maps`."""

from __future__ import annotations

import textwrap
from collections.abc import Sequence
from dataclasses import dataclass

import numpy as np
from matplotlib.axes import Axes
from matplotlib.colors import ListedColormap
from matplotlib.figure import Figure
from matplotlib.patches import Patch, Rectangle
from numpy.typing import ArrayLike

from zfhelpers.boxes import Box
from zfhelpers.figures.colours import COLOURS, GREY
from zfhelpers.figures.picture import DPI, Picture, style
from zfhelpers.figures.tiles import array, fit, mosaic, pixels, projection_to_rgb
from zfhelpers.occlusion import OcclusionMaps

PANELS = (
    "(a) input,\none square",
    "(b) activity of the\nstrongest map",
    "(c) projections of it",
    "(d) probability of\nthe true class",
    "(e) most probable class",
)
TILE = 96  # pixels: a projection in panel (c)
SIDE, WIDE, GAP, LEFT, TOP, LEGEND = 1.2, 1.93, 0.09, 0.28, 0.45, 1.4  # inches; WIDE is the side of (c)
SAME = 0.05  # of the largest activity: if all differ by less, the scale of (b) has one number
LINE = 24  # letters: a class beside panel (e), or in front of its row; of a thousand some have longer names


@dataclass(frozen=True)
class OccludedImage:
    """One row of Fig. 7.

    Attributes:
        image: (C, S, S) uint8.
        maps: the result of `occlusion_maps`.
        label: index of the true class.
        projections: (4, C, h, h) float: the strongest map projected from this image, and from three others that excite it. Of
            large ones, `close_up` shows a half.
    """

    image: ArrayLike
    maps: OcclusionMaps
    label: int
    projections: ArrayLike


def occlusion_figure(
    cases: OccludedImage | Sequence[OccludedImage],
    classes: Sequence[str],
    cmap: str = "viridis",
    alt: str | None = None,
) -> Picture:
    """Fig. 7: what happens while a grey square moves over an image; five panels (a) to (e) for each.

    Args:
        cases: one image or several, one per row.
        classes: names of all classes.
        cmap: colours of (b), from its least to its most, and of (d), from 0 to 1 in every row; the paper's is "jet", which is not
            safe for every eye.

    Raises:
        ValueError: no image, or names that are not those of the network's classes.
    """
    cases = [cases] if isinstance(cases, OccludedImage) else list(cases)
    if not cases:
        raise ValueError("Fig. 7 needs one image or more, each an OccludedImage.")
    for case in cases:
        if case.maps.probabilities.shape[-1] != len(classes):
            raise ValueError(f"There are probabilities of {case.maps.probabilities.shape[-1]} classes but {len(classes)} names.")
    sides = np.array([SIDE, SIDE, WIDE, SIDE, SIDE])
    lefts = LEFT + np.cumsum([0, *(sides + GAP)[:-1]])
    width, height = lefts[-1] + SIDE + LEGEND, TOP + len(cases) * (WIDE + GAP)
    with style():
        figure = Figure(figsize=(width, height), dpi=DPI, layout="none")
        for number, case in enumerate(cases):
            top = height - TOP - number * (WIDE + GAP)
            row = [
                figure.add_axes((x / width, (top - side) / height, side / width, side / height))
                for x, side in zip(lefts, sides, strict=True)
            ]
            bars = [
                figure.add_axes((lefts[place] / width, (top - SIDE - 0.15) / height, SIDE / width, 0.08 / height))
                for place in (1, 3)
            ]
            draw_case(row, bars, case, classes, cmap)
            row[0].set_ylabel(textwrap.fill(classes[case.label], LINE))
            for axes, head in zip(row, PANELS, strict=True) if number == 0 else ():
                axes.set_title(head, fontsize=8)
            for axes in row:
                axes.set(xticks=[], yticks=[])
                axes.grid(False)
                axes.spines[:].set_visible(False)
        alt = alt or (
            f"Occlusion of {', '.join(classes[case.label] for case in cases)}: the image with a grey square; the activity of the "
            "strongest layer-5 map, its projections, the probability of the true class and the most probable class, each as a "
            "map over the positions of the square."
        )
        return Picture(figure, alt)


def draw_case(axes: Sequence[Axes], bars: Sequence[Axes], case: OccludedImage, classes: Sequence[str], cmap: str) -> None:
    """The five panels of one image, and in `bars` the scales of (b) and (d)."""
    shown, activity, projected, probability, labels = axes
    image = pixels(case.image)
    shown.imshow(image, interpolation="nearest", extent=(0, image.shape[1], image.shape[0], 0))  # pixel centres at + 0.5
    # The paper draws the square at row 14, column 2 of its 30 x 30 places; there it could hide whoever stands beside an object.
    y, x, bottom, right = plain_corner(image, case.maps)
    shown.add_patch(Rectangle((x, y), right - x, bottom - y, color=GREY))
    draw_map(activity, bars[0], array(case.maps.activity), cmap)
    tiles = fit(projection_to_rgb(close_up(case.projections)), TILE)
    projected.imshow(pixels(mosaic(tiles, 2)), interpolation="nearest")
    side = tiles.shape[-1]
    projected.add_patch(Rectangle((0.5, 0.5), side - 2, side - 2, fill=False, edgecolor="black", linewidth=2))
    draw_map(probability, bars[1], array(case.maps.probabilities)[..., case.label], cmap, limits=(0.0, 1.0))
    show_labels(labels, array(case.maps.labels), classes)


def draw_map(axes: Axes, bar: Axes, values: np.ndarray, cmap: str, limits: tuple[float, float] | None = None) -> None:
    """A map in colours and its scale below; without limits from the least value to the most."""
    low, high = limits or (float(values.min()), float(values.max()))
    shown = axes.imshow(values, cmap=cmap, interpolation="nearest", vmin=low, vmax=high)
    scale = axes.figure.colorbar(shown, cax=bar, orientation="horizontal")
    scale.outline.set_visible(False)
    if high - low < SAME * high:  # two numbers would read the same
        scale.set_ticks([(low + high) / 2], labels=[f"{(low + high) / 2:.2g}"])
        return
    scale.set_ticks([low, high], labels=[f"{low:.3g}", f"{high:.3g}"])
    for label, side in zip(bar.get_xticklabels(), ("left", "right"), strict=True):
        label.set_horizontalalignment(side)  # inside the width of the panel


def plain_corner(image: np.ndarray, maps: OcclusionMaps) -> Box:
    """Of the places in the four corners, that where the square hides least: where the image (H, W, 3) varies least under it."""
    rows, columns = (count - 1 for count in maps.labels.shape)
    corners = [maps.box(row, column) for row in (0, rows) for column in (0, columns)]
    return min(corners, key=lambda box: float(image[box[0] : box[2], box[1] : box[3]].std(axis=(0, 1)).mean()))


def close_up(projections: ArrayLike) -> np.ndarray:
    """Projections (N, C, h, h); of large ones the half, in height and width, around where their energy lies.

    Reduced to a tile as a whole, one of 224 pixels would be a grey speck.
    """
    signed = array(projections)
    side = signed.shape[-1]
    half = side // 2
    if half < TILE:
        return signed
    energy, places = np.square(signed).sum(1), np.arange(side) + 0.5
    total = np.maximum(energy.sum((1, 2)), 1e-30)
    middles = np.stack([energy.sum(2) @ places, energy.sum(1) @ places], axis=1) / total[:, None]  # (N, 2): row, column
    corners = np.clip(np.rint(middles - half / 2), 0, side - half).astype(int)
    return np.stack([each[:, y : y + half, x : x + half] for each, (y, x) in zip(signed, corners, strict=True)])


def show_labels(axes: Axes, labels: np.ndarray, classes: Sequence[str], most: int = 6) -> None:
    """A map of labels in discrete colours, beside it their names with the share of positions; rare labels are "other"."""
    found, counts = np.unique(labels, return_counts=True)
    order = np.argsort(-counts, kind="stable")[:most]
    index = np.full(labels.shape, len(order))
    for place, which in enumerate(order):
        index[labels == found[which]] = place
    names = [textwrap.fill(f"{classes[found[which]]} {percent(counts[which] / labels.size)}", LINE) for which in order]
    colours = [*COLOURS[: len(order)]]
    if len(order) < len(found):
        names.append(f"{len(found) - len(order)} others {percent((index == len(order)).mean())}")
        colours.append("#bbbbbb")
    axes.imshow(index, cmap=ListedColormap(colours), vmin=-0.5, vmax=len(colours) - 0.5, interpolation="nearest")
    axes.legend(
        [Patch(color=colour) for colour in colours],
        names,
        loc="upper left",
        bbox_to_anchor=(1, 1),
        fontsize=7.5,
        handlelength=0.9,
        handleheight=0.9,
        borderaxespad=0.2,
        labelspacing=0.4,
    )


def percent(share: float) -> str:
    """A share in whole percent; one too small for that is not called nothing.

    >>> percent(0.123), percent(0.001)
    ('12%', '< 1%')
    """
    return f"{share:.0%}" if share >= 0.01 else "< 1%"
