"""What a stride folds: aliasing in the first layers (sec. 4.1, Fig. 6 d, e).

A convolution with stride s keeps one response in s. What varies faster than once in 2 s pixels then masquerades as something
slower, and the masquerade changes when the image moves by less than the stride. Two measures, of the signal and of the effect,
and a `grating` to show it with:

    folded_share    of the energy that a filter lets through, how much lies above 1 / (2 s) cycles per pixel
    shift_change    |S(d) - S(0)| / |S(0)|,  S(d) the activity of every map, summed over space, of an image moved by d pixels

Without aliasing S changes only by what enters and leaves at the border. With it, S changes most half-way through the layer's step
and comes back after a whole one.
"""

from __future__ import annotations

from collections.abc import Sequence

import torch
import torch.nn.functional as F
from torch import Tensor, nn

from zfhelpers.hooks import activations, find_layer, maps_first
from zfhelpers.worlds.world import World


def grating(cycles: float, side: int = 96) -> Tensor:
    """Vertical stripes of so many cycles per pixel, (side, side) from -1 to 1, beginning with a maximum.

    Of 0.23 cycles per pixel every fourth pixel is the same as of 0.02 = | 0.23 - 1 / 4 |:

    >>> torch.allclose(grating(0.23)[::4, ::4], grating(0.02)[::4, ::4], atol=1e-4)
    True
    """
    return torch.cos(2 * torch.pi * cycles * torch.arange(side)).expand(side, side)


@torch.no_grad()
def folded_share(conv: nn.Conv2d, images: Tensor) -> Tensor:
    """How much of what each filter lets through lies above what its stride can hold.

    Args:
        conv: a convolution with the same stride along both axes.
        images: (N, C, H, W) float, the input of `conv`.

    Returns:
        (filters,) float64 in [0, 1]: of the energy of the response at every pixel, added up over the images, the share at
        frequencies of which one component exceeds 1 / (2 stride) cycles per pixel; NaN for a filter that lets nothing through.

    Raises:
        ValueError: different strides along the axes, or images smaller than the filters.
    """
    if conv.stride[0] != conv.stride[1]:
        raise ValueError(f"The stride must be the same along both axes, not {conv.stride}.")
    if images.ndim != 4 or min(images.shape[-2:]) < max(conv.kernel_size):
        raise ValueError(f"Images must have the shape (N, C, H, W) and be larger than the filters, not {tuple(images.shape)}.")
    weight = conv.weight.double()
    high, all_of_it = torch.zeros(2, len(weight), dtype=torch.float64)
    for image in images.split(1):
        response = F.conv2d(image.double(), weight, groups=conv.groups)[0]  # (filters, H', W'), every pixel, no bias
        rows, columns = (torch.hann_window(side, periodic=False, dtype=torch.float64) for side in response.shape[1:])
        power = torch.fft.fft2(response * rows[:, None] * columns).abs().square()  # the window: the border is no edge
        above = [torch.fft.fftfreq(side).abs() > 1 / (2 * conv.stride[0]) for side in response.shape[1:]]
        high += power[:, above[0][:, None] | above[1]].sum(1)
        all_of_it += power.sum((1, 2))
    return high / all_of_it


def shift_change(module: nn.Module, world: World, frames: Tensor, layer: str, shifts: Sequence[int]) -> Tensor:
    """How much the activity of a layer's maps changes when the image moves by a few pixels.

    The image is cut out of a larger frame, so that it moves without a border and without resampling.

    Args:
        module: a network of `world`.
        world: gives size and preprocessing.
        frames: (N, 3, F, F) uint8, larger than the image, for instance `world.val.frames[:100]`.
        layer: name of a layer with maps, in axis 1 of what it puts out.
        shifts: pixels to the right and down at once, each from 0 to (F - image size) // 2 on either side of the centre crop.

    Returns:
        (N, len(shifts)) float: |S(d) - S(0)| / |S(0)| of every image at every shift.

    Raises:
        ValueError: a shift that reaches over the frame, or a layer without maps.
    """
    room = (frames.shape[-1] - world.image_size) // 2
    if any(abs(shift) > room for shift in shifts):
        raise ValueError(
            f"Frames of {frames.shape[-1]} pixels let an image of {world.image_size} move by at most {room}, "
            f"not {max(shifts, key=abs)}."
        )

    def activity(shift: int) -> Tensor:
        start, size = room - shift, world.image_size
        moved = world.preprocess(frames[..., start : start + size, start : start + size])
        sums = []
        for part in moved.split(100):
            values = maps_first(activations(module, part, layer)[layer], layer, find_layer(module, layer), moved.shape)
            if values.ndim != 4:
                raise ValueError(f"Layer {layer!r} gives {tuple(values.shape)}; choose one that gives maps.")
            sums.append(values.sum((2, 3)))
        return torch.cat(sums)  # (N, maps)

    still = activity(0)
    return torch.stack([(activity(shift) - still).norm(dim=1) / still.norm(dim=1) for shift in shifts], 1)
