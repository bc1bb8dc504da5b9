"""The pictures of the README, drawn again from the shipped networks.

    python -m zfhelpers.report.gallery

For `toy`, projections beside the patches that caused them. For `imagenette` and `tinyimagenet`, projections alone: no photograph
enters this repository. They need the photographs to be found (`ZF_DATA`), and are left as they are without them. `classes` is the
curve over the classes of tinyimagenet, from its record.
"""

from __future__ import annotations

import math
import sys

import numpy as np
import torch
from matplotlib.figure import Figure

from zfhelpers.figures import Picture, class_curve_figure, fit, mosaic, projection_to_rgb, style
from zfhelpers.files import project_dir
from zfhelpers.networks.checkpoints import load
from zfhelpers.patches import patches_of
from zfhelpers.results import class_curve, class_tables
from zfhelpers.strongest import top_activations

LAYERS = ("layer2", "layer3", "layer4", "layer5")
SHOWN = 4  # feature maps of each layer
TILE = 48  # side of one of the nine, in pixels


def strongest_maps(values: torch.Tensor, count: int, seed: int) -> list[int]:
    """A random choice among the louder half of the maps, those whose nine best activations are largest relative to the layer."""
    loud = values[:, -1].argsort(descending=True)[: max(count, len(values) // 2)]
    return sorted(np.random.default_rng(seed).choice(loud.numpy(), count, replace=False).tolist())


def draw(name: str, with_patches: bool, seed: int = 3) -> Picture:
    """Layers 2 to 5 of a world's network, one row each."""
    net, world = load(name)
    top = top_activations(net, world.val, LAYERS, preprocess=world.preprocess)
    maps = {layer: strongest_maps(top[layer].values, SHOWN, seed) for layer in LAYERS}
    found = patches_of(net, world.val, top, maps, world.preprocess, fill=128, largest=math.inf)
    columns = SHOWN * (2 if with_patches else 1)
    with style():
        figure = Figure(figsize=(columns * 1.5, len(LAYERS) * 1.62), dpi=110, layout="constrained")
        axes = figure.subplots(len(LAYERS), columns, squeeze=False)
        for row, layer in zip(axes, LAYERS, strict=True):
            blocks = []
            for index, projections, patches in zip(maps[layer], found[layer].projections, found[layer].patches, strict=True):
                blocks.append((index, projection_to_rgb(projections)))
                if with_patches:
                    blocks.append((index, patches))
            for axis, (index, tiles) in zip(row, blocks, strict=True):
                axis.imshow(mosaic(fit(tiles, TILE), 3).transpose(1, 2, 0), interpolation="nearest")
                axis.set_title(f"map {index}", fontsize=7, pad=2)
            row[0].set_ylabel(layer)
        for axis in axes.flat:
            axis.set(xticks=[], yticks=[])
            axis.spines[:].set_visible(False)
        return Picture(figure, f"Projections of the strongest activations of layers 2 to 5 in the {name} network")


def draw_classes() -> Picture:
    """How many classes does borrowing need? The curve that is on record."""
    curve = class_curve.recorded()
    panels = {f"{count} images a class": class_tables.panel(curve, count) for count in (15, 30)}
    return class_curve_figure(panels, "from scratch")


PICTURES = {
    "toy": lambda: draw("toy", True),
    "imagenette": lambda: draw("imagenette", False),
    "tinyimagenet": lambda: draw("tinyimagenet", False),
    "classes": draw_classes,
}


def main() -> None:
    """Draw what can be drawn here."""
    folder = project_dir() / "data" / "gallery"
    folder.mkdir(parents=True, exist_ok=True)
    for name, drawn in PICTURES.items():
        try:
            drawn().save(folder / f"{name}.png")
            print(f"data/gallery/{name}.png")
        except FileNotFoundError as error:
            print(f"{name} is left as it is: {error}", file=sys.stderr)


if __name__ == "__main__":
    main()
