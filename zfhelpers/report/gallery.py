"""The pictures of the README, drawn again from the shipped networks.

    python -m zfhelpers.report.gallery

For `toy`, projections beside the patches that caused them. For `imagenette`, projections alone: no photograph enters this
repository. That half needs the photographs to be found (`ZF_DATA`), and is left as it is without them.
"""

from __future__ import annotations

import sys
from pathlib import Path

import numpy as np
import torch
from matplotlib.figure import Figure

from zfhelpers.boxes import crop
from zfhelpers.deconv import Deconvnet
from zfhelpers.figures import Picture, fit, mosaic, projection_to_rgb, style
from zfhelpers.files import project_dir
from zfhelpers.geometry import receptive_field
from zfhelpers.networks.checkpoints import load
from zfhelpers.strongest import top_activations

LAYERS = ("layer2", "layer3", "layer4", "layer5")
SHOWN = 4  # feature maps of each layer
TILE = 48  # side of one of the nine, in pixels


def strongest_maps(values: torch.Tensor, count: int, seed: int) -> list[int]:
    """A random choice among the louder half of the maps, those whose nine best activations are largest relative to the layer."""
    loud = values[:, -1].argsort(descending=True)[: max(count, len(values) // 2)]
    return sorted(np.random.default_rng(seed).choice(loud.numpy(), count, replace=False).tolist())


def block(net, world, layer: str, top, index: int) -> tuple[np.ndarray, np.ndarray]:
    """The nine projections and the nine patches of one feature map, each as a 3 x 3 mosaic."""
    pixels = world.val.images(top.images[index])
    positions = torch.stack([top.rows[index], top.columns[index]], dim=1).tolist()
    projections = Deconvnet(net).project(world.preprocess(pixels), layer, [index] * 9, positions)
    field = receptive_field(net, layer, world.image_size)
    boxes = [field.box(row, column) for row, column in positions]
    seen = projection_to_rgb(np.stack([crop(p, b).numpy() for p, b in zip(projections, boxes, strict=True)]))
    patches = np.stack([crop(p, b, fill=128).numpy() for p, b in zip(pixels, boxes, strict=True)])
    return mosaic(fit(seen, TILE), 3), mosaic(fit(patches, TILE), 3)


def draw(name: str, with_patches: bool, seed: int = 3) -> Picture:
    """Layers 2 to 5 of a world's network, one row each."""
    net, world = load(name)
    tops = top_activations(net, world.val, LAYERS, k=9, preprocess=world.preprocess)
    columns = SHOWN * (2 if with_patches else 1)
    with style():
        figure = Figure(figsize=(columns * 1.5, len(LAYERS) * 1.62), dpi=110, layout="constrained")
        axes = figure.subplots(len(LAYERS), columns, squeeze=False)
        for row, layer in zip(axes, LAYERS, strict=True):
            for slot, index in enumerate(strongest_maps(tops[layer].values, SHOWN, seed)):
                projections, patches = block(net, world, layer, tops[layer], index)
                for axis, image in zip(row[slot * columns // SHOWN :], (projections, patches)[: columns // SHOWN], strict=False):
                    axis.imshow(image.transpose(1, 2, 0), interpolation="nearest")
                    axis.set_title(f"map {index}", fontsize=7, pad=2)
            row[0].set_ylabel(layer)
        for axis in axes.flat:
            axis.set(xticks=[], yticks=[])
            axis.spines[:].set_visible(False)
        return Picture(figure, f"Projections of the strongest activations of layers 2 to 5 in the {name} network")


def main() -> None:
    """Draw what can be drawn here."""
    folder = project_dir() / "data" / "gallery"
    folder.mkdir(parents=True, exist_ok=True)
    for name, with_patches in (("toy", True), ("imagenette", False)):
        try:
            draw(name, with_patches).save(Path(folder / f"{name}.png"))
            print(f"data/gallery/{name}.png")
        except FileNotFoundError as error:
            print(f"{name} is left as it is: {error}", file=sys.stderr)


if __name__ == "__main__":
    main()
