"""What unpooling does where pooling windows overlap (sec. 2.1): whether it is the transpose of pooling, and what it erases.

With fixed switches, max pooling only copies numbers, so it is linear; its transpose puts them back, and adds up where one number
had been copied into several windows:

    <unpool(y), x> = <y, pool(x)>    for every x and y

To overwrite instead, as `nn.MaxUnpool2d` does, breaks this. It can even erase the one value that was sent back: where a
neighbouring window shares the maximum and holds a zero.

    >>> gap = adjoint_gap((3, 2, False), "sum", torch.Generator().manual_seed(0))
    >>> bool(gap < 1e-12), round(more_than_one_window(110, nn.MaxPool2d(3, 2, ceil_mode=True)), 2)
    (True, 0.74)
"""

from __future__ import annotations

import numpy as np
import torch
import torch.nn.functional as F
from torch import Tensor, nn

from zfhelpers.deconv import unpool
from zfhelpers.model import ZFNet
from zfhelpers.networks.named import Named


def adjoint_gap(pool: tuple[int, int, bool], overlap: str, generator: torch.Generator, side: int = 23) -> float:
    """|<unpool(y), x> - <y, pool(x)>| for random x and y, relative to the sizes of the numbers that are added up.

    Args:
        pool: kernel, stride and whether the size is rounded up ("ceil mode").
        overlap: what happens where windows share a maximum: "sum", "max" or "last", see `deconv.unpool`.
        generator: of x and y, which are normal float64.
        side: of the maps that are pooled.
    """
    kernel, stride, ceil_mode = pool
    x = torch.randn(8, 4, side, side, dtype=torch.float64, generator=generator)
    pooled, switches = F.max_pool2d(x, kernel, stride, ceil_mode=ceil_mode, return_indices=True)
    y = torch.randn(pooled.shape, dtype=torch.float64, generator=generator)
    product = y * pooled
    return float(((unpool(y, switches, (side, side), overlap) * x).sum() - product.sum()).abs() / product.abs().sum())


def max_pools(net: ZFNet | Named) -> dict[str, str]:
    """The max pools that follow a layer of maps, {name of the pool: the paper's name of the layer}.

    >>> from zfhelpers.model import Architecture
    >>> max_pools(ZFNet(Architecture(classes=5, image_size=64, width=0.125, fc=(16, 16))))
    {'pool1': 'layer1', 'pool2': 'layer2', 'pool5': 'layer5'}
    """
    after = net.taps if isinstance(net, Named) else {f"layer{number}": f"pool{number}" for number in (1, 2, 5)}
    return {pool: layer for layer, pool in after.items() if isinstance(net.get_submodule(pool), nn.MaxPool2d)}


def erased(maps: Tensor, pool: nn.MaxPool2d) -> tuple[Tensor, Tensor]:
    """In which maps overwriting erases the strongest value, when it is sent back alone, all others set to zero.

    Args:
        maps: (N, maps, rows, columns) float, not negative: what is pooled.
        pool: whose windows are meant.

    Returns:
        two (N, maps) bool: which maps are not zero everywhere, and which of them lose their strongest value.
    """
    windows = pool.kernel_size, pool.stride, pool.padding, pool.dilation, pool.ceil_mode
    pooled, switches = F.max_pool2d(maps, *windows, return_indices=True)
    top, where = pooled.flatten(2).max(2)  # the first of equals, in reading order
    alone = torch.zeros_like(pooled).flatten(2).scatter(2, where[..., None], top[..., None]).view_as(pooled)
    back = unpool(alone, switches, maps.shape[-2:], "last").flatten(2).amax(2)
    return top > 0, (back == 0) & (top > 0)


def more_than_one_window(side: int, pool: nn.MaxPool2d) -> float:
    """The share of the places of a square map that lie in more than one pooling window: of those that lie in one at all.

    There a neighbouring window can share the maximum. So this is what `erased` would find by geometry alone.
    """
    windows = F.max_pool2d(
        torch.zeros(1, 1, side, side), pool.kernel_size, pool.stride, pool.padding, pool.dilation, pool.ceil_mode
    )
    stamp = torch.ones(1, 1, *np.broadcast_to(pool.kernel_size, 2))  # by each window, where it lies
    spaced = {"stride": pool.stride, "padding": pool.padding, "dilation": pool.dilation}
    stamped = F.conv_transpose2d(torch.ones_like(windows), stamp, **spaced)[..., :side, :side]
    return float((stamped > 1).sum() / (stamped > 0).sum())
