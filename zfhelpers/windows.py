"""A forward pass over many copies of one image that differ in a window: only what the window can change is computed.

A square over an image changes a window of the image, hence a window of layer 1, a wider one of layer 2, and so on. All else is
as in the clean image, and need not be computed again for every place of the square. A `Windowed` tensor is a batch of copies: the
clean maps, once, and for each copy the values inside its window.

    >>> image = torch.arange(16.0).reshape(1, 1, 4, 4)
    >>> batch = Windowed(image, torch.zeros(2, 1, 2, 2), top=torch.tensor([0, 2]), left=torch.tensor([0, 1]))
    >>> batch.shape, whole(batch)[1, 0]
    (torch.Size([2, 1, 4, 4]), tensor([[ 0.,  1.,  2.,  3.],
            [ 4.,  5.,  6.,  7.],
            [ 8.,  0.,  0., 11.],
            [12.,  0.,  0., 15.]]))

It goes through a network's own `forward` like any batch. Convolutions, pools, padding and whatever takes each place by itself
are computed on the windows, with as much of the clean maps around them as they see. At the first operation of any other kind, and
once a window is most of its map, the whole batch is written out, and the rest is computed as ever. So the answers are those of
the plain pass, to rounding, at borders too:

    >>> from torch import nn
    >>> net = nn.Sequential(nn.Conv2d(1, 4, 3, padding=1), nn.ReLU(), nn.Flatten(), nn.Linear(64, 3))
    >>> with torch.no_grad():
    ...     torch.testing.assert_close(net(batch), net(whole(batch)))

It is meant for networks in evaluation mode, whose answers for an image do not depend on the rest of the batch, and without
gradients.
"""

from __future__ import annotations

import math
from collections.abc import Callable, Sequence

import torch
from torch import Tensor
from torch.utils._pytree import tree_leaves, tree_map

MOST = 0.75  # of a map: a window that large is not worth the bookkeeping
_aten = torch.ops.aten
UNTAGGED = {  # operations that take each place by itself, and torch does not say so
    *(_aten.hardswish, _aten.hardswish_, _aten.mish_, _aten.threshold_, _aten._prelu_kernel, _aten.masked_fill),
}


class Unfollowed(Exception):
    """Raised where a network does to a windowed batch what cannot be done to it; a plain batch is needed."""


class Windowed(Tensor):
    """A batch (N, ..., H, W) of copies of one map, each with a window of its own in which it differs.

    Args:
        clean: (1, ..., H, W), the map.
        patch: (N, ..., h, w), what is in the windows.
        top, left: (N,) int64 on the CPU, where they begin; every window lies inside the map.
    """

    __torch_function__ = torch._C._disabled_torch_function_impl

    @staticmethod
    def __new__(cls, clean: Tensor, patch: Tensor, top: Tensor, left: Tensor):
        """A tensor that knows its shape and how it would lie in memory, and has no memory of its own."""
        shape = torch.Size((len(patch), *clean.shape[1:]))
        strides = torch.empty(shape, device="meta").contiguous(memory_format=_lies(clean)).stride()
        return Tensor._make_wrapper_subclass(cls, shape, strides, dtype=clean.dtype, device=clean.device)

    def __init__(self, clean: Tensor, patch: Tensor, top: Tensor, left: Tensor):
        self.clean, self.patch, self.top, self.left = clean, patch, top, left

    @property
    def sides(self) -> tuple[int, int]:
        """Height and width of the windows."""
        return tuple(self.patch.shape[-2:])

    def __repr__(self) -> str:
        """Short, and without looking at values."""
        return f"Windowed({tuple(self.shape)}, windows of {self.sides})"

    @classmethod
    def __torch_dispatch__(cls, func, types, args=(), kwargs=None):
        kwargs = kwargs or {}
        rule = _RULES.get(func.overloadpacket) or (_each_place if _by_place(func) else None)
        found = rule(func, *args, **kwargs) if rule else None
        if found is not None:
            return found
        if func._schema.is_mutable and (isinstance(args[0], Windowed) or _windowed(kwargs.get("out"))):
            return _written_over(func, args, kwargs)
        return func(*tree_map(whole, args), **tree_map(whole, kwargs))


def whole(value: object) -> object:
    """A windowed batch written out, (N, ..., H, W); anything else as it is."""
    if not isinstance(value, Windowed):
        return value
    height, width = value.shape[-2:]
    written = _cut(value, torch.zeros_like(value.top), torch.zeros_like(value.left), height, width)
    return written.contiguous(memory_format=_lies(value.clean))


def _written_over(func, args: tuple, kwargs: dict) -> Windowed:
    """An operation in place on a windowed batch: from then on each of its windows is the whole map."""
    target = args[0]
    written = whole(target) if isinstance(target, Windowed) else None
    if written is None or not _by_place(func):
        raise Unfollowed(str(func))
    target.patch = func(written, *tree_map(whole, args[1:]), **tree_map(whole, kwargs))
    target.top, target.left = torch.zeros_like(target.top), torch.zeros_like(target.left)
    return target


def _lies(maps: Tensor) -> torch.memory_format:
    """Whether the maps lie last in memory, which makes convolutions on a CPU faster, or one after the other."""
    first = maps.is_contiguous() or maps.ndim != 4
    return torch.contiguous_format if first else torch.channels_last


def _cut(x: Windowed, top: Tensor, left: Tensor, height: int, width: int, outside: float = 0.0) -> Tensor:
    """A part (N, ..., height, width) of each copy, which begins at (top, left) and may reach outside of the map.

    One list holds the places of the clean map, one of what lies outside, and those of all windows; each place is looked up in it.
    """
    high, wide = x.shape[-2:]
    lead = x.clean.shape[1:-2]
    clean = x.clean.flatten(1, -3).permute(0, 2, 3, 1).reshape(high * wide, -1)
    windows = x.patch.flatten(1, -3).permute(0, 2, 3, 1).reshape(-1, clean.shape[1])
    places = torch.cat([clean, clean.new_full((1, clean.shape[1]), outside), windows])
    row, column = top[:, None] + torch.arange(height), left[:, None] + torch.arange(width)  # (N, height), (N, width)
    index = row[:, :, None] * wide + column[:, None, :]
    index[~((row >= 0) & (row < high))[:, :, None] | ~((column >= 0) & (column < wide))[:, None, :]] = high * wide
    row, column = row - x.top[:, None], column - x.left[:, None]  # in the window
    h, w = x.sides
    inside = ((row >= 0) & (row < h))[:, :, None] & ((column >= 0) & (column < w))[:, None, :]
    window = (torch.arange(len(top))[:, None, None] * h + row[:, :, None]) * w + column[:, None, :]
    index = torch.where(inside, high * wide + 1 + window, index)
    found = places.index_select(0, index.flatten().to(places.device))
    return found.reshape(len(top), height, width, -1).permute(0, 3, 1, 2).unflatten(1, lead)


# ------------------------------------------------------------------------------------------------------------------- rules
# A rule is told of one call of an operation. It returns what the call gives, or None if the windows cannot, or need not, be kept.


def _by_place(func) -> bool:
    return torch.Tag.pointwise in func.tags or func.overloadpacket in UNTAGGED


def _windowed(values: object) -> list[Windowed]:
    return [leaf for leaf in tree_leaves(values) if isinstance(leaf, Windowed)]


def _part(values: object, change: Callable[[Windowed], Tensor]) -> object:
    """The arguments of a call, with `change` made to the windowed ones."""
    return tree_map(lambda leaf: change(leaf) if isinstance(leaf, Windowed) else leaf, values)


def _each_place(func, *args, **kwargs):
    """Operations that look at each place by itself, alone or at the same place of several maps."""
    given = _windowed((args, kwargs))
    shape = given[0].shape[-2:]
    others = [leaf for leaf in tree_leaves((args, kwargs)) if isinstance(leaf, Tensor) and not isinstance(leaf, Windowed)]
    if any(each.shape[-2:] != shape or each.ndim != given[0].ndim for each in given):
        return None
    if any(math.prod(other.shape[-2:]) > 1 or (other.ndim == given[0].ndim and len(other) > 1) for other in others):
        return None  # a map of its own, or a number for each image: written out it is as easy
    writes = func._schema.is_mutable
    if writes and not (isinstance(args[0], Windowed) and "out" not in kwargs):
        return None
    window = _around(given)
    if window is None:
        return None
    (top, left), sides = window
    cut = {id(x): x.patch if _has(x, *window) else _cut(x, top, left, *sides) for x in given}
    patch = func(*_part(args, lambda x: cut[id(x)]), **_part(kwargs, lambda x: cut[id(x)]))
    clean = func(*_part(args, lambda x: x.clean), **_part(kwargs, lambda x: x.clean))
    if writes:
        args[0].patch, args[0].top, args[0].left = patch, top, left
        return args[0]
    if isinstance(clean, Tensor):
        return Windowed(clean, patch, top, left)
    return type(clean)(Windowed(c, p, top, left) for c, p in zip(clean, patch, strict=True))


def _has(x: Windowed, corner: tuple[Tensor, Tensor], sides: tuple[int, int]) -> bool:
    return x.sides == sides and torch.equal(x.top, corner[0]) and torch.equal(x.left, corner[1])


def _around(given: Sequence[Windowed]) -> tuple[tuple[Tensor, Tensor], tuple[int, int]] | None:
    """The windows around those of several batches, ((top, left), (height, width)); None if they are most of the map."""
    ends = []
    for axis, size in enumerate(given[0].shape[-2:]):
        starts = torch.stack([(x.top, x.left)[axis] for x in given])
        stops = torch.stack([(x.top, x.left)[axis] + x.sides[axis] for x in given])
        ends.append(_held(starts.amin(0), stops.amax(0) - 1, size))
    (top, height), (left, width) = ends
    return None if height * width > MOST * math.prod(given[0].shape[-2:]) else ((top, left), (height, width))


def _held(first: Tensor, last: Tensor, size: int) -> tuple[Tensor, int]:
    """Starts and the one length of windows that hold first to last, all inside a map of some size."""
    first, last = first.clamp(0, size - 1), last.clamp(0, size - 1)
    length = max(1, int((last - first).max()) + 1)
    return first.clamp(max=size - length), length


def _both(numbers: Sequence[int]) -> tuple[int, int]:
    """(down, across) of a list that may hold one number for both, as torch's own may."""
    return (numbers[0], numbers[-1])


def _sliding(x: Windowed, clean: Tensor, kernel, stride, padding, dilation, outside: float):
    """For a kernel that slides: the windows of what it can change, and what it must see for that; None if that is too much."""
    axes = []
    for start, side, size, k, s, p, d in zip(
        (x.top, x.left), x.sides, clean.shape[-2:], *map(_both, (kernel, stride, padding, dilation)), strict=True
    ):
        reach = (k - 1) * d
        first = -((reach - p - start) // s)  # rounded up: the first place that still sees the window
        begin, length = _held(first, (start + side - 1 + p) // s, size)
        axes.append((begin, length, begin * s - p, (length - 1) * s + reach + 1))
    (top, height, row, high), (left, width, column, wide) = axes
    if height * width > MOST * math.prod(clean.shape[-2:]):
        return None
    return _cut(x, row, column, high, wide, outside), top, left


def _convolution(func, x, weight, bias, stride, padding, dilation, transposed, output_padding, groups):
    if not isinstance(x, Windowed) or weight.ndim != 4 or transposed or _windowed((weight, bias)):
        return None
    clean = func(x.clean, weight, bias, stride, padding, dilation, False, output_padding, groups)
    found = _sliding(x, clean, weight.shape[2:], stride, padding, dilation, 0.0)
    if found is None:
        return None
    seen, top, left = found
    return Windowed(clean, func(seen, weight, bias, stride, [0, 0], dilation, False, output_padding, groups), top, left)


def _max_pool(func, x, kernel, stride=(), padding=(0,), dilation=(1,), ceil_mode=False):
    if x.ndim != 4:
        return None
    clean, places = func(x.clean, kernel, stride, padding, dilation, ceil_mode)
    found = _sliding(x, clean, kernel, stride or kernel, padding, dilation, -math.inf)
    if found is None:
        return None
    seen, top, left = found
    patch, _ = func(seen, kernel, stride, [0], dilation)
    return Windowed(clean, patch, top, left), Unknown(places)


def _average_pool(func, x, kernel, stride=(), padding=(0,), ceil_mode=False, count_include_pad=True, divisor=None):
    if x.ndim != 4 or ceil_mode or (any(padding) and not count_include_pad):
        return None  # at borders they divide by other numbers than elsewhere
    clean = func(x.clean, kernel, stride, padding, ceil_mode, count_include_pad, divisor)
    found = _sliding(x, clean, kernel, stride or kernel, padding, (1,), 0.0)
    if found is None:
        return None
    seen, top, left = found
    return Windowed(clean, func(seen, kernel, stride, [0], False, True, divisor), top, left)


def _pad(func, x, pads, value=0.0):
    if min(pads[:4]) < 0 or len(pads) >= 2 * x.ndim:
        return None
    left, top = pads[0], pads[2] if len(pads) > 2 else 0
    along = [0] * min(4, len(pads)) + list(pads[4:])  # the windows themselves grow along the maps alone
    patch = func(x.patch, along, value) if any(along) else x.patch
    return Windowed(func(x.clean, pads, value), patch, x.top + top, x.left + left)


def _batch_norm(func, x, weight, bias, mean, variance, *rest):
    if rest[0] is True:
        return None  # with the statistics of this very batch
    clean, *statistics = func(x.clean, weight, bias, mean, variance, *rest)
    patch = func(x.patch, weight, bias, mean, variance, *rest)[0]
    return Windowed(clean, patch, x.top, x.left), *statistics


def _along_maps(func, x, first, *rest, **kwargs):
    """Operations along axes of the maps, which leave rows and columns alone."""
    last = rest[0] if func.overloadpacket is _aten.transpose else first
    if not all(0 < axis % x.ndim < x.ndim - 2 for axis in (first, last)):
        return None
    return _each_place_of(func, x, first, *rest, **kwargs)


def _split(func, x, sizes, axis=0):
    return _each_place_of(func, x, sizes, axis) if 0 < axis % x.ndim < x.ndim - 2 else None


def _new_axis(func, x, axis):
    return _each_place_of(func, x, axis) if 0 < axis % (x.ndim + 1) < x.ndim - 1 else None


def _each_place_of(func, x, *rest, **kwargs):
    clean, patch = func(x.clean, *rest, **kwargs), func(x.patch, *rest, **kwargs)
    if isinstance(clean, Tensor):
        return Windowed(clean, patch, x.top, x.left)
    return [Windowed(c, p, x.top, x.left) for c, p in zip(clean, patch, strict=True)]


def _concatenate(func, parts, axis=0):
    if len(_windowed(parts)) < len(parts) or not 0 < axis % parts[0].ndim < parts[0].ndim - 2:
        return None
    return _each_place(func, parts, axis)


def _average_over_maps(func, x, kernel, stride=(), padding=(0,), *rest):
    """How PyTorch writes local response normalisation: windows (maps, 1, 1)."""
    if list(kernel[1:]) != [1, 1] or list((stride or kernel)[1:]) != [1, 1] or any(padding[1:]):
        return None
    return _each_place_of(func, x, kernel, stride, padding, *rest)


class Unknown(Tensor):
    """What a windowed batch does not know, such as where a pool's maxima lay: whoever asks is refused."""

    __torch_function__ = torch._C._disabled_torch_function_impl

    @staticmethod
    def __new__(cls, like: Tensor):
        """A tensor with the shape of another one, and nothing in it."""
        return Tensor._make_wrapper_subclass(cls, like.shape, dtype=like.dtype, device=like.device)

    @classmethod
    def __torch_dispatch__(cls, func, types, args=(), kwargs=None):
        raise Unfollowed(f"{func} of what was not computed")


_RULES = {
    _aten.convolution: _convolution,
    _aten.max_pool2d_with_indices: _max_pool,
    _aten.avg_pool2d: _average_pool,
    _aten.avg_pool3d: _average_over_maps,
    _aten.constant_pad_nd: _pad,
    _aten.native_batch_norm: _batch_norm,
    _aten.cudnn_batch_norm: _batch_norm,
    _aten._native_batch_norm_legit_no_training: _batch_norm,
    _aten.cat: _concatenate,
    _aten.split: _split,
    _aten.split_with_sizes: _split,
    _aten.slice: _along_maps,
    _aten.select: _along_maps,
    _aten.squeeze: _along_maps,
    _aten.transpose: _along_maps,
    _aten.unsqueeze: _new_axis,
    _aten._to_copy: _each_place_of,
    _aten.clone: _each_place_of,
    _aten.detach: _each_place_of,
    _aten.alias: _each_place_of,
}
