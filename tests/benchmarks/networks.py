"""The networks of the benchmarks: weights drawn at random, signals that stay alive to the top."""

from __future__ import annotations

import torch
import torchvision
from torch import nn

from zfhelpers.model import Architecture, ZFNet


def network(name: str, side: int = 224) -> nn.Module:
    """A network in evaluation mode, started as He does: with its own start a signal dies on the way up.

    Args:
        name: "zfnet", the paper's; "course", the same at 128 px and a quarter of the width; or a name of torchvision's.
        side: of the images that the paper's network takes.
    """
    torch.manual_seed(0)
    if name == "zfnet":
        net = ZFNet(Architecture(image_size=side))
    elif name == "course":
        net = ZFNet(Architecture(classes=24, image_size=128, width=0.25, fc=(256, 256)))
    else:
        net = getattr(torchvision.models, name)(weights=None)
    for part in net.modules():
        if isinstance(part, nn.Conv2d | nn.Linear):
            nn.init.kaiming_normal_(part.weight)
            nn.init.zeros_(part.bias)
    last = [part for part in net.modules() if isinstance(part, nn.Conv2d | nn.Linear)][-1]
    last.weight.data *= 0.1  # probabilities that are not all 0 and 1
    return net.eval()


def image(side: int = 224, count: int = 1, seed: int = 0) -> torch.Tensor:
    """Smooth noise (count, 3, side, side) with the spread of preprocessed photographs."""
    rng = torch.Generator().manual_seed(seed)
    coarse = torch.randn(count, 3, side // 8, side // 8, generator=rng)
    return nn.functional.interpolate(coarse, (side, side), mode="bilinear")
