"""What of a deconvnet's picture comes from the switches: the signal of one image goes down through those of another.

Mahendran and Vedaldi (2016, "Salient deconvolutional networks", ECCV) found that a deconvnet's picture looks much the same
whatever signal goes down, as long as the switches and masks are those of the image: a second way by which it reaches the picture.

    >>> from zfhelpers.model import Architecture, ZFNet
    >>> net = ZFNet(Architecture(classes=5, image_size=64, width=0.125, fc=(16, 16))).eval()
    >>> images = torch.randn(2, 3, 64, 64, generator=torch.Generator().manual_seed(0))
    >>> seeds = strongest(net, images)
    >>> down(net, images, seeds, through=[1, 0]).shape  # each image's signal through the other's switches
    torch.Size([2, 3, 64, 64])
"""

from __future__ import annotations

from collections.abc import Sequence

import torch
from torch import Tensor, nn

from zfhelpers.hooks import activations, undisturbed
from zfhelpers.tape import Tape


def strongest(module: nn.Module, images: Tensor, layer: str = "layer5") -> Tensor:
    """Each image's strongest activation of a layer of maps, alone among zeros: what the paper sends down, (N, C, h, w)."""
    values = activations(module, images, layer)[layer]
    flat = values.flatten(1)
    return torch.zeros_like(flat).scatter(1, flat.argmax(1, keepdim=True), flat.amax(1, keepdim=True)).view_as(values)


def other_signal(seeds: Tensor, generator: torch.Generator) -> Tensor:
    """A signal of the same size in the same place, from another map, drawn at random: (N, C, h, w) as `seeds`."""
    maps = seeds.shape[1]
    moves = torch.randint(1, maps, (len(seeds),), generator=generator).tolist()
    return torch.stack([seed.roll(by, 0) for seed, by in zip(seeds, moves, strict=True)])


def down(
    module: nn.Module, images: Tensor, seeds: Tensor, through: Sequence[int], layer: str = "layer5", rule: str = "deconvnet"
) -> Tensor:
    """Signals in a layer carried down to the pixels, (N, C, H, W), each through the switches (and masks) of an image of choice.

    Args:
        module: a network that `Deconvnet` can go back through.
        images: (M, C, H, W) float, as it takes them.
        seeds: (N, C, h, w), signals in the layer.
        through: N numbers of images, whose forward pass left the switches.
        layer, rule: as in `Deconvnet.project`.
    """
    with undisturbed(module, images.device):
        tape = Tape(images, layer, rule)
        values = tape.record(module)
        return tape.descend(tape.number(values), seeds, torch.as_tensor(list(through)))
