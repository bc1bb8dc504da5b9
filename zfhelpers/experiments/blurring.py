"""A stride with a blur before it (Zhang, 2019), seen as one convolution, and how often an answer survives a small shift."""

from __future__ import annotations

from collections.abc import Sequence

import torch
import torch.nn.functional as F
from torch import Tensor, nn

from zfhelpers.model import Blur
from zfhelpers.worlds.world import World


def through_blur(layer: nn.Sequential) -> nn.Conv2d:
    """The convolution of a layer 1 together with its blur: larger filters, and the product of both strides.

    The ReLU that stands between the two is left out, for only what is linear has a frequency response; so is the bias.

    Args:
        layer: of a `ZFNet`, with a `conv` and perhaps a `blur`.

    Returns:
        a convolution of k + 4 s by k + 4 s pixels; the layer's own where it has no blur.

    >>> layer = nn.Sequential()
    >>> layer.conv, layer.blur = nn.Conv2d(3, 8, 11, 2), Blur(2)
    >>> through_blur(layer)
    Conv2d(3, 8, kernel_size=(19, 19), stride=(4, 4), bias=False)
    """
    conv, blur = layer.conv, getattr(layer, "blur", None)
    if not isinstance(blur, Blur):
        return conv
    step, tap = conv.stride[0], blur.kernel.shape[0]
    spaced = torch.zeros(step * (tap - 1) + 1, step * (tap - 1) + 1, dtype=torch.float64)
    spaced[::step, ::step] = blur.kernel  # one tap of the blur in each place that the stride keeps
    size = conv.kernel_size[0] + len(spaced) - 1
    one = nn.Conv2d(conv.in_channels, conv.out_channels, size, step * blur.stride, bias=False)
    flipped = spaced.flip(0, 1)[None, None]  # conv2d correlates
    with torch.no_grad():
        filters = conv.weight.double().flatten(0, 1)[:, None]
        one.weight.copy_(F.conv2d(filters, flipped, padding=len(spaced) - 1).reshape(one.weight.shape))
    return one


@torch.no_grad()
def kept_answers(module: nn.Module, world: World, frames: Tensor, shifts: Sequence[int]) -> Tensor:
    """Whether the answer stays what it was when the image moves.

    Args:
        module: a network of `world`.
        frames: (N, 3, F, F) uint8, larger than the image, which is cut out of them.
        shifts: pixels to the right and down at once, at most (F - image size) // 2 either way.

    Returns:
        (N, len(shifts)) bool.
    """
    room, size = (frames.shape[-1] - world.image_size) // 2, world.image_size
    if any(abs(shift) > room for shift in shifts):
        raise ValueError(f"Frames of {frames.shape[-1]} pixels let an image of {size} move by at most {room}.")

    def answers(shift: int) -> Tensor:
        moved = frames[..., room - shift : room - shift + size, room - shift : room - shift + size]
        return torch.cat([module(world.preprocess(part)).argmax(1) for part in moved.split(100)])

    still = answers(0)
    return torch.stack([answers(shift) == still for shift in shifts], 1)
