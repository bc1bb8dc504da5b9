"""What a network is made of, as tables: stage by stage as in Fig. 3, by the paper's layers, and the variants of Table 3.

>>> from zfhelpers.model import Architecture
>>> rows = stages(ZFNet(Architecture(classes=5, image_size=64, width=0.125, fc=(16, 16))))
>>> rows["layer5"]["receptive field"], rows["pool5"]["parameters"], rows["layer8"]["size"]
(139, 0, None)
"""

from __future__ import annotations

from collections.abc import Mapping

import torch

from zfhelpers.geometry import receptive_field
from zfhelpers.hooks import activations
from zfhelpers.model import TABLE3, ZFNet
from zfhelpers.networks.named import Named, paper_layers
from zfhelpers.paper.published import figure, table
from zfhelpers.paper.tables import Measured

STAGES = ("layer1", "pool1", "layer2", "pool2", "layer3", "layer4", "layer5", "pool5", "layer6", "layer7", "layer8")
COLUMNS = ("size", "maps", "parameters", "receptive field", "jump")  # as in the paper's table of Fig. 3


def stages(net: ZFNet) -> dict[str, dict[str, int | None]]:
    """Every stage that a network has, measured on one image of zeros.

    Returns:
        {"layer1": {"size": side of its maps, "maps": their number, or units, "parameters": weights and biases, "receptive field"
        and "jump": side of what a unit sees and how far it moves from unit to unit, in pixels, "multiplications": for one
        image}, ...}. Fully connected stages have neither size nor jump: None.
    """
    side = net.architecture.image_size
    there = [stage for stage in STAGES if stage in dict(net.named_children())]
    values = activations(net, torch.zeros(1, 3, side, side), there)
    found = {}
    for stage, value in values.items():
        field, of_maps = receptive_field(net, stage, side), value.ndim == 4
        parameters = list(net.get_submodule(stage).parameters())
        weights = sum(part.numel() for part in parameters if part.ndim > 1)
        found[stage] = {
            "size": value.shape[2] if of_maps else None,
            "maps": value.shape[1],
            "parameters": sum(part.numel() for part in parameters),
            "receptive field": field.size,
            "jump": field.stride or None,
            "multiplications": weights * (value.shape[2] * value.shape[3] if of_maps else 1),
        }
    return found


def agreeing(rows: Mapping[str, Mapping[str, int | None]]) -> tuple[int, int]:
    """How many cells of the paper's table of Fig. 3 the rows of `stages` agree with, and how many it has for these stages."""
    published = figure(3)
    known = [(stage, column) for stage in rows for column in COLUMNS if published[stage, column] is not None]
    return sum(rows[stage][column] == published[stage, column] for stage, column in known), len(known)


def stages_table(rows: Mapping[str, Mapping[str, int | None]], title: str) -> Measured:
    """The rows of `stages` in the columns of the paper's table of Fig. 3; a dash where a stage has no such number."""
    lines = [(stage, *(row[column] for column in COLUMNS)) for stage, row in rows.items()]
    return Measured(["stage", *COLUMNS], lines, title, known=1 + len(COLUMNS))


def layers_table(net: ZFNet | Named, image_size: int, name: str) -> Measured:
    """Which of a network's modules are the paper's layers 1 to 7, and what they give.

    Args:
        net: as `networks.load` gives it.
        image_size: side of the images that it takes, in pixels.
        name: what the network is called, for the title.
    """
    values = activations(net, torch.zeros(1, 3, image_size, image_size), paper_layers(net))
    named = isinstance(net, Named)
    rows = []
    for layer, value in values.items():
        gives = f"{value.shape[1]} maps of {value.shape[2]} x {value.shape[3]}" if value.ndim == 4 else f"{value.shape[1]} units"
        rows.append((layer, net.layers[layer] if named else layer, type(net.get_submodule(layer)).__name__, gives))
    chosen = "by its own names" if not named else "proposed by the rule" if net.proposed else "chosen by hand"
    return Measured(["layer", "module", "kind", "gives"], rows, f"The paper's layers in {name}, {chosen}", known=4)


def variants_table() -> Measured:
    """The twelve networks of Table 3: their parameters, beside the paper's top-5 error on the validation set."""
    with torch.device("meta"):  # shapes without numbers: the largest network would fill a gigabyte
        counts = {name: sum(part.numel() for part in ZFNet(variant).parameters()) for name, variant in TABLE3.items()}
    errors = table(3).column("val top-5")
    rows = [(change, counts[name], error) for name, (change, error) in zip(TABLE3, errors.items(), strict=True)]
    return Measured(["network (Table 3)", "parameters", "the paper: top-5 error, %"], rows, "Twelve networks", known=3)
