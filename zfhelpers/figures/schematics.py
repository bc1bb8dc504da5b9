"""The two drawings that explain the method: the network (Fig. 3), drawn from the network itself, and the deconvnet (Fig. 1)."""

from __future__ import annotations

import numpy as np
from matplotlib.axes import Axes
from matplotlib.figure import Figure
from matplotlib.patches import FancyArrowPatch, FancyBboxPatch, Polygon, Rectangle

from zfhelpers.figures.colours import BLUE, COLOURS, GREEN, ORANGE, PINK, SKY, VERMILION
from zfhelpers.figures.picture import Picture, style
from zfhelpers.model import ZFNet

INK, QUIET = "#333333", "#777777"
ZONES = (SKY, ORANGE, GREEN, PINK)  # the four pooling windows of Fig. 1
TOY_MAP = np.array([[1, 5, 2, 0], [3, 2, 1, 4], [6, 1, 0, 3], [2, 4, 7, 2]])  # below in Fig. 1; the numbers are ours


def architecture_figure(net: ZFNet, alt: str | None = None) -> Picture:
    """Fig. 3: a network as a row of boxes, their height the size of the maps, their depth the number of maps.

    Args:
        net: any `ZFNet`, of whatever architecture.
    """
    size = net.architecture.image_size
    boxes = [("image", size, 3, ["subtract mean"])]
    for name, layer in net.named_children():
        if name in net.conv_sizes:
            conv = layer.conv
            filtering = f"conv {conv.kernel_size[0]} x {conv.kernel_size[1]}, stride {conv.stride[0]}"
            boxes.append((name, net.conv_sizes[name], conv.out_channels, [filtering, "ReLU"]))
        elif name.startswith("pool"):
            boxes[-1][3].append(f"max {layer.kernel_size} x {layer.kernel_size}, stride {layer.stride}")
        elif name.startswith("norm"):
            boxes[-1][3].append("contrast norm")
    units = [
        (name, layer.fc.out_features, ["fully connected", "ReLU", "dropout"])
        for name, layer in net.named_children()
        if name in ("layer6", "layer7")
    ]
    units.append(("layer8", net.architecture.classes, ["fully connected", "softmax"]))
    with style():
        figure = Figure(figsize=(11.4, 3.3), layout="none")
        axes = figure.add_axes((0, 0, 1, 1))
        x = 0.15
        for number, (name, side, maps, steps) in enumerate(boxes):
            x += draw_maps(axes, x, name, side, maps, steps, 1.75 * (side / size) ** 0.55, COLOURS[number % 6])
        for name, count, steps in units:
            x += draw_units(axes, x, name, count, steps)
        axes.set(xlim=(0, x), ylim=(-1.95, 1.35))
        axes.axis("off")
        widths = ", ".join(f"{name} {maps} maps of {side} x {side}" for name, side, maps, _ in boxes[1:])
        alt = alt or (
            f"The network as boxes from left to right: image of {size} x {size} pixels, {widths}, then fully connected layers of "
            f"{', '.join(str(count) for _, count, _ in units)} units."
        )
        return Picture(figure, alt)


def draw_maps(axes: Axes, x: float, name: str, side: int, maps: int, steps: list[str], height: float, colour: str) -> float:
    """A box with one map as its face; its depth stands for how many lie behind each other. Returns the room it takes."""
    depth = 0.05 + 0.035 * maps**0.5
    room = max(height + depth, 1.1)
    left, low = x + (room - height - depth) / 2, -(height + depth / 2) / 2
    face = np.array([(0, 0), (height, 0), (height, height), (0, height)]) + np.array([left, low])
    back = face + np.array([depth, depth / 2])
    for corners, opacity in (
        (face, 0.3),
        ([face[3], face[2], back[2], back[3]], 0.5),
        ([face[1], back[1], back[2], face[2]], 0.75),
    ):
        axes.add_patch(Polygon(corners, facecolor=colour, alpha=opacity, edgecolor="none"))
        axes.add_patch(Polygon(corners, fill=False, edgecolor=INK, linewidth=0.7, joinstyle="round"))
    axes.text(
        x + room / 2,
        back[2, 1] + 0.08,
        f"{maps} {'maps' if name != 'image' else 'colours'}",
        ha="center",
        va="bottom",
        fontsize=8,
    )
    axes.text(left + height / 2, low + height / 2, str(side), ha="center", va="center", fontsize=9)
    draw_steps(axes, x + room / 2, name, steps)
    return room + 0.3


def draw_units(axes: Axes, x: float, name: str, count: int, steps: list[str]) -> float:
    """A fully connected layer as a bar that grows with the logarithm of its units. Returns the room it takes."""
    height = 0.5 + 0.12 * np.log2(max(count, 2))
    axes.add_patch(Rectangle((x + 0.38, -height / 2), 0.24, height, facecolor="#bbbbbb", edgecolor=INK, linewidth=0.7))
    axes.text(
        x + 0.5, height / 2 + 0.1, f"{count} {'classes' if name == 'layer8' else 'units'}", ha="center", va="bottom", fontsize=8
    )
    draw_steps(axes, x + 0.5, name, steps)
    return 1.2


def draw_steps(axes: Axes, x: float, name: str, steps: list[str]) -> None:
    """Below a box, its name and what is done in it."""
    axes.text(x, -1.06, name, ha="center", va="top", fontsize=9, fontweight="bold")
    axes.text(x, -1.27, "\n".join(steps), ha="center", va="top", fontsize=7, color=QUIET, linespacing=1.25)


# --------------------------------------------------------------------------------------------------------------- Fig. 1


def deconvnet_figure(alt: str | None = None) -> Picture:
    """Fig. 1: above, a convnet layer (right, upwards) and its deconvnet layer (left, downwards); below, a 4 x 4 map unpooled."""
    with style():
        figure = Figure(figsize=(7.6, 7.9), layout="none")
        axes = figure.add_axes((0, 0, 1, 1))
        axes.set(xlim=(0, 7.6), ylim=(0, 7.9))
        axes.axis("off")
        down = ["layer above: reconstruction", "unpooled maps", "rectified unpooled maps", "reconstruction"]
        up = ["pooled maps", "rectified feature maps", "feature maps", "layer below: pooled maps"]
        ways_down = ["max unpooling", "rectified linear function", "filtering {$F^T$}"]
        ways_up = ["max pooling", "rectified linear function", "filtering {$F$}"]
        heights = np.array([7.15, 6.1, 5.05, 4.0])
        axes.text(1.9, 7.6, "deconvnet", ha="center", fontsize=11, fontweight="bold", color=VERMILION)
        axes.text(5.7, 7.6, "convnet", ha="center", fontsize=11, fontweight="bold", color=BLUE)
        for x, names, steps, colour in ((1.9, down, ways_down, VERMILION), (5.7, up, ways_up, BLUE)):
            for y, name in zip(heights, names, strict=True):
                axes.add_patch(
                    FancyBboxPatch(
                        (x - 1.15, y - 0.2), 2.3, 0.4, "round,pad=0.03", facecolor="white", edgecolor=colour, linewidth=1.3
                    )
                )
                axes.text(x, y, name, ha="center", va="center", fontsize=9)
            for upper, lower, step in zip(heights, heights[1:], steps, strict=False):
                ends = ((x, upper - 0.25), (x, lower + 0.25))
                draw_arrow(axes, *(ends if x < 3 else ends[::-1]), colour)
                axes.text(x + 0.12, (upper + lower) / 2, step, ha="left", va="center", fontsize=8, color=QUIET)
        middle = heights[:2].mean()
        draw_arrow(axes, (5.5, middle), (3.2, middle), INK, dashed=True)
        axes.text(4.35, middle + 0.12, "switches", ha="center", va="bottom", fontsize=9, fontweight="bold")
        draw_unpooling(axes)
        alt = alt or (
            "Above: on the right a convnet layer going up, filtering, rectification, max pooling; on the left the deconvnet "
            "going down, unpooling, rectification, transposed filtering; an arrow carries the switches across. Below: a "
            "4 x 4 map in four coloured 2 x 2 zones, the place of each zone's maximum, and the unpooled map, zero elsewhere."
        )
        return Picture(figure, alt)


def draw_arrow(axes: Axes, start: tuple[float, float], end: tuple[float, float], colour: str, dashed: bool = False) -> None:
    """An arrow whose tip lies at `end`."""
    line = {"linestyle": "--"} if dashed else {}
    axes.add_patch(
        FancyArrowPatch(
            start, end, arrowstyle="-|>", mutation_scale=13, color=colour, linewidth=1.4, shrinkA=0, shrinkB=0, **line
        )
    )


def draw_unpooling(axes: Axes) -> None:
    """Pooling a 4 x 4 map in four zones (right), where each maximum was (middle), and putting values back there (left)."""
    zones = np.kron(np.arange(4).reshape(2, 2), np.ones((2, 2), int))
    pooled = TOY_MAP.reshape(2, 2, 2, 2).max(axis=(1, 3))
    won = pooled.flat[zones] == TOY_MAP
    small, all_four = np.arange(4).reshape(2, 2), np.ones((2, 2), bool)
    draw_numbers(axes, 6.17, 3.25, pooled, small, all_four)
    draw_numbers(axes, 5.75, 2.05, TOY_MAP, zones, np.ones((4, 4), bool))
    draw_numbers(axes, 3.0, 2.05, np.where(won, "●", ""), zones, won)
    draw_numbers(axes, 0.72, 3.25, pooled, small, all_four)
    draw_numbers(axes, 0.3, 2.05, np.where(won, TOY_MAP, 0), zones, won)
    for x, title in ((6.59, "rectified map"), (3.84, "switches"), (1.14, "unpooled map")):
        axes.text(x, 0.29, title, ha="center", va="top", fontsize=9)
    axes.text(6.07, 2.83, "pooled map", ha="right", va="center", fontsize=9)
    axes.text(1.66, 2.83, "layer above", ha="left", va="center", fontsize=9)
    for x, start, end, colour in ((6.59, 2.07, 2.39, BLUE), (1.14, 2.39, 2.07, VERMILION)):
        draw_arrow(axes, (x, start), (x, end), colour)
    for start, end in ((5.65, 4.78), (2.9, 2.08)):
        draw_arrow(axes, (start, 1.21), (end, 1.21), INK, dashed=True)


def draw_numbers(
    axes: Axes, left: float, top: float, shown: np.ndarray, zones: np.ndarray, bright: np.ndarray, side: float = 0.42
) -> None:
    """A small map, its cells in the colours of their pooling zones, some of them faded."""
    for row, column in np.ndindex(shown.shape):
        x, y = left + column * side, top - (row + 1) * side
        opacity = 0.75 if bright[row, column] else 0.13
        axes.add_patch(Rectangle((x, y), side, side, facecolor=ZONES[zones[row, column]], alpha=opacity, edgecolor="none"))
        axes.add_patch(Rectangle((x, y), side, side, fill=False, edgecolor="white", linewidth=1.5))
        axes.text(
            x + side / 2,
            y + side / 2,
            str(shown[row, column]),
            ha="center",
            va="center",
            fontsize=9,
            color=INK if bright[row, column] else QUIET,
        )
