"""Correspondence (Fig. 8, Table 1): does hiding the same part in different images change the features in the same way?

    eps_i = f_l(image i) - f_l(image i with the part hidden)
    Delta_l = mean over pairs i != j of the share of dimensions where sign(eps_i) and sign(eps_j) differ      (sec. 4.3)

A lower Delta means that the changes agree more. The sign has three values, and most changes are exactly zero, because a ReLU has
closed the unit both times. The paper does not say how it counts them, so both ways are given:

- `counted`: zero is a sign of its own; the share is of all dimensions. What the formula says, and what the paper's values fit.
- `left_out`: only dimensions that change in both images; 0.5 is what two unrelated changes give.

    >>> from zfhelpers.boxes import square
    >>> from zfhelpers.model import Architecture, ZFNet
    >>> net = ZFNet(Architecture(classes=5, image_size=64, width=0.125, fc=(16, 16)))
    >>> images = torch.randn(3, 3, 64, 64, generator=torch.Generator().manual_seed(0))
    >>> result = correspondence(net, images, [square((20, 30), 9, (64, 64))] * 3, "layer5")["layer5"]
    >>> result
    Correspondence(3 images, 32 x 3 x 3 units)
    >>> result.counted.shape
    torch.Size([3, 3])
"""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from dataclasses import dataclass

import numpy as np
import torch
from torch import Tensor, nn

from zfhelpers.answers import check_alone
from zfhelpers.boxes import Box, covered
from zfhelpers.hooks import checked_images, layer_names, recording, whole

ROUNDING = 1e-5
"""A change smaller than this share of the layer's largest value is zero: float32 rounding makes that much of nothing."""


@dataclass(frozen=True, eq=False, repr=False)
class Correspondence:
    """How one layer changes when a part of each of n images is hidden.

    Attributes:
        signs: (n, maps, rows, columns) or (n, units) int8: 1 where the unit loses activity, -1 where it gains, 0 where it stays.
        size: (n,) float, length of the change as a share of the length of the features.
    """

    signs: Tensor
    size: Tensor

    @property
    def counted(self) -> Tensor:
        """(n, n) float: share of all dimensions whose signs differ, zero being a sign of its own; the diagonal is 0."""
        up, down = self.up_and_down
        still = 1 - up - down
        return 1 - (up @ up.T + down @ down.T + still @ still.T) / up.shape[1]

    @property
    def left_out(self) -> Tensor:
        """(n, n) float: share of the dimensions that change in both images whose signs differ; NaN if there are none."""
        up, down = self.up_and_down
        moved = up + down
        return (up @ down.T + down @ up.T) / (moved @ moved.T)

    @property
    def changed(self) -> Tensor:
        """(n,) float: share of the dimensions that change at all."""
        return (self.signs != 0).flatten(1).float().mean(1)

    @property
    def up_and_down(self) -> tuple[Tensor, Tensor]:
        """Twice (n, units) float: 1 where the unit loses activity, and 1 where it gains."""
        flat = self.signs.flatten(1)
        return (flat > 0).float(), (flat < 0).float()  # counts below 2^24: exact in float32

    def __repr__(self) -> str:
        """Short: the tensors would fill pages."""
        return f"Correspondence({len(self.signs)} images, {' x '.join(map(str, self.signs.shape[1:]))} units)"


def correspondence(
    module: nn.Module,
    images: Tensor,
    boxes: Sequence[Box],
    layers: str | Iterable[str],
    fill: float | Sequence[float] | Tensor = 0.0,
    batch_size: int = 32,
) -> dict[str, Correspondence]:
    """Hide one box in each image and compare, between the images, the signs of what changes (Table 1).

    Args:
        module: any network; it is left exactly as it was.
        images: (n, C, H, W) float, pixels minus the mean image, n at least 2.
        boxes: one for each image, as `boxes.covered` takes them.
        layers: names of layers, "layer5" and "layer7" in the paper.
        fill: what the boxes show; 0 is the mean image, grey to the eye. As in `occlusion_maps`.
        batch_size: images per forward pass; each is run once as it is and once covered.

    Returns:
        {layer: Correspondence}, on the CPU.

    Raises:
        ValueError: an unknown layer, fewer than two images, not one box per image, a box that covers nothing of its image, NaN
            pixels, NaN that arises in the network, a network whose answers depend on the batch.
        TypeError: images that are not float.
    """
    images = checked_images(module, images)
    if len(images) < 2:
        raise ValueError("Correspondence is between images; give at least 2, not 1.")
    batch_size, layers = whole("batch_size", batch_size), layer_names(layers)
    hidden = covered(images, boxes, fill)
    found: dict[str, list[tuple[Tensor, Tensor]]] = {}
    with recording(module, layers, finite=False, beyond=False) as forward:
        check_alone(forward, images)
    with recording(module, layers, beyond=False) as forward:
        for start in range(0, len(images), batch_size):
            part = slice(start, start + batch_size)
            # Both in one batch, so that what the box does not reach is computed alike.
            count = len(images[part])

            def called(row: int, start: int = start, count: int = count) -> str:
                return f"Image {start + row % count}{', its box hidden,' if row >= count else ''}"

            _, values = forward(torch.cat([images[part], hidden[part]]), called)
            for layer, value in values.items():
                found.setdefault(layer, []).append(value.cpu().chunk(2))
    return {layer: compared(*map(torch.cat, zip(*parts, strict=True))) for layer, parts in found.items()}


def compared(clean: Tensor, hidden: Tensor) -> Correspondence:
    """What becomes of features (n, ...) when something is hidden; changes that are no more than rounding are none."""
    change = clean - hidden
    change[change.abs() <= ROUNDING * clean.abs().max()] = 0
    size = change.flatten(1).norm(dim=1) / clean.flatten(1).norm(dim=1)
    return Correspondence(change.sign().to(torch.int8), size)


def pairs(matrix: Tensor) -> Tensor:
    """The values of an (n, n) symmetric matrix above its diagonal: one for each pair, without those that are NaN.

    >>> pairs(torch.tensor([[0.0, 1.0, 2.0], [1.0, 0.0, float("nan")], [2.0, float("nan"), 0.0]]))
    tensor([1., 2.])
    """
    rows, columns = torch.triu_indices(*matrix.shape, 1)
    values = matrix[rows, columns]
    return values[~values.isnan()]


def fives(matrix: Tensor, seed: int = 0, draws: int = 1000) -> Tensor:
    """What somebody sees who has five images: mean and deviation over their ten pairs, for many draws of five.

    Args:
        matrix: (n, n) symmetric, n at least 5; NaN for a pair without a value.
        seed: of the draws; matrices of one size share them.
        draws: how many.

    Returns:
        (draws, 2) float.

    >>> fives(torch.ones(6, 6), draws=2)
    tensor([[1., 0.],
            [1., 0.]])
    """
    order = np.tile(np.arange(len(matrix)), (draws, 1))
    drawn = np.random.default_rng(seed).permuted(order, axis=1)[:, :5]
    ten = matrix[drawn[:, :, None], drawn[:, None, :]][:, *torch.triu_indices(5, 5, 1)]
    means = ten.nanmean(1, keepdim=True)
    return torch.cat([means, (ten - means).square().nanmean(1, keepdim=True).sqrt()], dim=1)
