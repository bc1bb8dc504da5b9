"""Fig. 2: projections of the nine strongest activations of each of 9, 16, 12, 10 and 10 maps of layers 1 to 5."""

from __future__ import annotations

from typing import NamedTuple

import torch
from captum.attr import Deconvolution
from networks import image, network
from timing import Row, alternate
from torch import nn
from zennit.attribution import Gradient
from zennit.composites import DeconvNet

from zfhelpers import top_activations
from zfhelpers.boxes import crop
from zfhelpers.patches import patches_of

MAPS = {"layer1": 9, "layer2": 16, "layer3": 12, "layer4": 10, "layer5": 10}
AT_ONCE = 32  # images of a peer's batch


class Unit(NamedTuple):
    """One activation: whose, in which image, where, and how strong."""

    map: int
    image: int
    row: int
    column: int
    value: float


def jobs(repeats: int, images: int = 200):
    """The row of the table."""
    net, pictures = network("zfnet"), image(count=images)
    data = [(picture, 0) for picture in pictures]
    top = top_activations(net, data, list(MAPS))
    chosen = {layer: top[layer].lively()[:count].tolist() for layer, count in MAPS.items()}
    units = {
        layer: [
            Unit(number, *(part[number, k].item() for part in (each.images, each.rows, each.columns, each.values)))
            for number in chosen[layer]
            for k in range(9)
        ]
        for layer, each in top.items()
    }
    ways = {
        "ours": lambda: patches_of(net, data, top, chosen),
        "Captum": lambda: captum(net, pictures, units),
        "zennit": lambda: zennit(net, pictures, units),
    }
    ours, *theirs = (way() for way in ways.values())
    apart = max(difference(ours, each) for each in theirs)
    count = sum(len(each) for each in units.values())
    note = f"{count} projections; the peers in batches of {AT_ONCE} images, and the network as far as the layer"
    yield Row("projections of Fig. 2, zfnet, 224 px", alternate(ways, repeats, warm=False), 5, apart, note)


def difference(found: dict, pictures: dict[str, torch.Tensor]) -> float:
    """The largest difference of a pixel inside the unit's field, as a share of the projection's largest value."""
    worst = 0.0
    for layer, each in found.items():
        boxes = each.boxes.flatten(0, 1).tolist()
        for mine, whole, box in zip(each.projections.flatten(0, 1), pictures[layer], boxes, strict=True):
            other = crop(whole, tuple(box))
            worst = max(worst, float((mine - other).abs().max() / other.abs().max().clamp(min=1e-12)))
    return worst


def captum(net: nn.Module, pictures: torch.Tensor, units: dict[str, list[Unit]]) -> dict[str, torch.Tensor]:
    """By Captum's `Deconvolution`: the gradient of a unit, times its value, with which our signal starts."""
    found = {}
    for layer, wanted in units.items():
        method, made = Deconvolution(UpTo(net, layer)), []
        for some in batches(wanted):
            batch = pictures[[unit.image for unit in some]].requires_grad_()
            made.append(method.attribute(batch, target=[(unit.map, unit.row, unit.column) for unit in some]).detach())
        values = torch.tensor([unit.value for unit in wanted])
        found[layer] = torch.cat(made) * values[:, None, None, None]
    return found


def zennit(net: nn.Module, pictures: torch.Tensor, units: dict[str, list[Unit]]) -> dict[str, torch.Tensor]:
    """By zennit's `DeconvNet`."""
    found = {}
    for layer, wanted in units.items():
        made = []
        with Gradient(UpTo(net, layer), DeconvNet()) as attributor:
            for some in batches(wanted):
                made.append(attributor(pictures[[unit.image for unit in some]], lambda output, some=some: seeds(output, some))[1])
        found[layer] = torch.cat(made)
    return found


def batches(wanted: list[Unit]) -> list[list[Unit]]:
    """Units, some at a time."""
    return [wanted[start : start + AT_ONCE] for start in range(0, len(wanted), AT_ONCE)]


def seeds(output: torch.Tensor, some: list[Unit]) -> torch.Tensor:
    """Where the signal starts: one unit of each image, with its value."""
    seed = torch.zeros_like(output)
    for k, unit in enumerate(some):
        seed[k, unit.map, unit.row, unit.column] = unit.value
    return seed


class UpTo(nn.Module):
    """The network as far as one layer."""

    def __init__(self, net: nn.Module, layer: str):
        super().__init__()
        parts = dict(net.named_children())
        names = list(parts)[: list(parts).index(layer) + 1]
        self.parts = nn.Sequential(*(Unchanged(parts[name]) if name.startswith("norm") else parts[name] for name in names))

    def forward(self, x: torch.Tensor) -> torch.Tensor:
        return self.parts(x)


class Unchanged(nn.Module):
    """Contrast normalisation, which the signal on the way back passes unchanged, as in the paper."""

    def __init__(self, part: nn.Module):
        super().__init__()
        self.part = part

    def forward(self, x: torch.Tensor) -> torch.Tensor:
        return x + (self.part(x) - x).detach()
