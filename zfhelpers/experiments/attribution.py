"""What different methods say that an answer rests on: one number for each pixel.

    deconvnet           the paper's way down, of which the absolute values are summed over the colours
    gradient            the same of back-propagation (Simonyan et al., 2013, arXiv 1312.6034)
    guided              the same of guided back-propagation (Springenberg et al., 2014, 1412.6806)
    gradient x input    back-propagation times the image, which is signed (Shrikumar et al., 2016, 1605.01713)
    occlusion           how far the answer falls when a square covers the pixel, mean over the squares that do; signed

Each is asked about an output of the network, its logit, or about the strongest activation of a layer, as the paper does. The
first three start with that number's own value, as `Deconvnet.project` does, and pass contrast normalisation unchanged.

    >>> from zfhelpers.model import Architecture, ZFNet
    >>> net = ZFNet(Architecture(classes=5, image_size=64, width=0.125, fc=(16, 16))).eval()
    >>> images = torch.randn(2, 3, 64, 64, generator=torch.Generator().manual_seed(0))
    >>> importance(net, images, "guided", outputs=[0, 4]).shape
    torch.Size([2, 64, 64])
"""

from __future__ import annotations

from collections.abc import Sequence

import torch
from torch import Tensor, nn

from zfhelpers.deconv import RULES, Deconvnet
from zfhelpers.hooks import activations
from zfhelpers.occlusion import occlusion_maps

METHODS = ("deconvnet", "guided", "gradient", "gradient x input", "occlusion")
SQUARE, STRIDE = 50 / 224, 25 / 224  # of the image's side: the paper's square, moved by half of it; ours


def pictures(module: nn.Module, images: Tensor, rule: str, outputs: Sequence[int] | None = None, layer: str = "layer5") -> Tensor:
    """What one of the rules of `Deconvnet` makes of each image, (N, C, H, W), signed.

    Args:
        module: a network that gives logits.
        images: (N, C, H, W) float, as it takes them.
        rule: "deconvnet", "guided" or "gradient".
        outputs: N numbers of outputs, whose logits are followed; None follows the strongest activation of a layer of maps.
        layer: which layer that is.
    """
    if outputs is not None:
        return Deconvnet(nn.Sequential(module)).project(images, "0", list(outputs), rule=rule)  # "0": all of the network
    strongest = activations(module, images, layer)[layer].flatten(2).amax(2).argmax(1)
    return Deconvnet(module).project(images, layer, strongest.tolist(), rule=rule)


def importance(
    module: nn.Module, images: Tensor, method: str, outputs: Sequence[int] | None = None, layer: str = "layer5"
) -> Tensor:
    """One number for each pixel of each image, (N, H, W); its scale means nothing from one image to the next.

    Args:
        module, images, outputs, layer: as in `pictures`.
        method: one of `METHODS`.

    Raises:
        ValueError: no such method; what `Deconvnet.project` refuses.
    """
    if method not in METHODS:
        raise ValueError(f"There is no method {method!r}; there are {', '.join(METHODS)}.")
    if method == "occlusion":
        return torch.stack(
            [_falls(module, images[at], None if outputs is None else outputs[at], layer) for at in range(len(images))]
        )
    if method in RULES:
        return pictures(module, images, method, outputs, layer).abs().sum(1)
    found = pictures(module, images, "gradient", outputs, layer)  # the value times its gradient
    if outputs is None:
        return (found * images).sum(1)  # an activation is not negative
    with torch.no_grad():
        sign = module(images)[torch.arange(len(images)), torch.as_tensor(outputs)].sign()
    return (found * images).sum(1) * sign[:, None, None]


def _falls(module: nn.Module, image: Tensor, output: int | None, layer: str) -> Tensor:
    """The occluder's map of one image (C, H, W) for an output, or for the activity of the layer's strongest map."""
    side = min(image.shape[1:])
    size, stride = max(1, round(SQUARE * side)), max(1, round(STRIDE * side))
    if output is None:
        sweep = occlusion_maps(module, image, layer, size, stride)
        falls = sweep.sums_clean[layer][sweep.strongest_map] - sweep.activity
    else:
        sweep = occlusion_maps(nn.Sequential(module), image, "0", size, stride)
        falls = sweep.sums_clean["0"][output] - sweep.sums["0"][..., output]
    total, times = torch.zeros(image.shape[1:]), torch.zeros(image.shape[1:])
    for row, column in torch.cartesian_prod(*map(torch.arange, falls.shape)).tolist():
        top, left, bottom, right = sweep.box(row, column)
        total[top:bottom, left:right] += falls[row, column].cpu()
        times[top:bottom, left:right] += 1
    return total / times.clamp(min=1)  # where no square comes, nothing is known: 0
