"""Where in the image a unit looks: receptive-field arithmetic for any network (PAPER sec. 3.1, the patches of Fig. 2).

A unit at row r, column c of a map sees the square of `size` pixels that starts at `offset + stride * (r, c)`. Through a
convolution or pool of kernel k, stride s, padding p and dilation d these three numbers become

    size + (k - 1) * d * stride        stride * s        offset - p * stride

Element-wise operations keep them, additions and concatenations take the smallest square around all their inputs. Whatever mixes
all positions - a fully connected layer, a global average - sees the whole image, and so does everything after it.

    >>> from zfhelpers.model import ZFNet
    >>> receptive_field(ZFNet(), "layer5", image_size=224)
    ReceptiveField(size=139, stride=16, offset=-48)
"""

from __future__ import annotations

from collections.abc import Container, Sequence
from typing import NamedTuple

import torch
from torch import Tensor, nn
from torch.overrides import TorchFunctionMode
from torch.utils._pytree import tree_leaves
from torch.utils.weak import WeakTensorKeyDictionary

from zfhelpers.answers import Uncompiled
from zfhelpers.boxes import ReceptiveField
from zfhelpers.hooks import checked_images, recording, whole
from zfhelpers.model import first_convolution
from zfhelpers.provenance import Constants, address, nudged, same, written_by
from zfhelpers.windows import UNTAGGED


class LostField(ValueError):
    """Raised where the units of a layer do not lie on a regular grid over the image, with the operation at fault."""


def receptive_field(
    module: nn.Module, layer: str, image_size: int | Sequence[int], channels: int | None = None
) -> ReceptiveField:
    """The receptive field of a layer's units, followed through a forward pass of a zero image as far as the layer.

    What the forward pass computes where it cannot be followed, in another thread or library, is found out by a second one on a
    slightly different image, and the field is lost there.

    Args:
        module: any network of convolutions, pools, padding, normalisation, element-wise operations, additions and
            concatenations, up to whatever sees everything at once; it is left exactly as it was.
        layer: dotted module name, for instance `"layer5"` or `"pool1"`.
        image_size: side of the square image, in pixels, or its height and width.
        channels: of the image; None takes as many as the network's first convolution does, or else 3 or 1, whichever it can run.

    Returns:
        size, stride and offset in pixels. Borders are not clipped, so every unit of the layer has a field of the same size. The
        field of units that see the whole image has its longer side. Where maps of several fields share memory, or are mixed
        while they are flattened, the field is that around all of them, which may be more than some maps see.

    Raises:
        ValueError: an unknown layer, no pixel, or an image that the layers up to it cannot take.
        TypeError: an image size that is no whole number of pixels.
        LostField: a ValueError too: the layer's units do not lie on a regular grid over the image; the operation at fault.

    >>> from zfhelpers.model import ZFNet
    >>> receptive_field(ZFNet(), "layer2", 224).box(0, 1)
    (0, 8, 27, 35)
    """
    sizes = image_size if isinstance(image_size, Sequence) else (image_size, image_size)
    if len(sizes) != 2:
        raise ValueError(f"image_size must be the side of a square or (height, width), not {image_size!r}.")
    height, width = (whole("image_size", size) for size in sizes)
    failed = None
    for count in _channels(module) if channels is None else [whole("channels", channels)]:
        try:
            return field_in(module, layer, torch.zeros(1, count, height, width))
        except LostField:
            raise
        except ValueError as error:
            failed = failed or error
    raise failed


def field_in(module: nn.Module, layer: str, image: Tensor) -> ReceptiveField:
    """`receptive_field` followed through a forward pass of a given image, (1, C, H, W) float, instead of a zero one."""
    image = checked_images(module, image)
    field, doubts = _followed(module, layer, image)
    if doubts:
        _, again = _followed(module, layer, nudged(image))
        alike = len(again) == len(doubts)
        changed = {k for k, doubt in doubts.items() if not (alike and all(map(same, doubt, again.get(k, []))))}
        field, _ = _followed(module, layer, image, changed) if changed else (field, doubts)
    if isinstance(field, str):
        raise LostField(
            f"The receptive field of {layer!r} is lost at {field}; only convolutions, pools, padding, element-wise operations, "
            "additions and concatenations keep it on a regular grid."
        )
    if field == _WHOLE:
        return ReceptiveField(max(image.shape[2:]), 0, 0)
    rows, columns = field
    if rows != columns:
        raise LostField(
            f"The receptive field of {layer!r} differs between the axes: (size, stride, offset) is {tuple(rows)} along rows, "
            f"{tuple(columns)} along columns; choose a layer where they agree."
        )
    return ReceptiveField(*rows)


def _channels(module: nn.Module) -> dict[int, None]:
    """How many channels an image may have, the likeliest number first."""
    try:
        return dict.fromkeys((first_convolution(module).in_channels, 3, 1))
    except ValueError:
        return dict.fromkeys((3, 1))


def _followed(
    module: nn.Module, layer: str, image: Tensor, changed: Container[int] = ()
) -> tuple[_Field | str, dict[int, list[Tensor]]]:
    """The field of a layer, or what lost it; and, by the number of the operation, what entered it from nobody knows where."""
    reading = recording(module, [layer], finite=False, beyond=False)  # a field does not depend on the values
    with reading as forward, _Follow(module, image, changed) as followed, _Deciding(followed):
        value = forward(image)[1][layer]
    field = followed.fields.get(value, "an operation that hides it from view")
    if field == _FLAT:
        field = "a view that lays out again what was flattened" if value.ndim > 3 else _WHOLE
    return field, followed.doubts


class _Extent(NamedTuple):
    """A field along one axis."""

    size: int
    stride: int
    start: int

    def through(self, kernel: int, stride: int, padding: int, dilation: int) -> _Extent:
        reach = (kernel - 1) * dilation * self.stride
        return _Extent(self.size + reach, self.stride * stride, self.start - padding * self.stride)


_Field = tuple[_Extent, _Extent]  # along rows, along columns
_WHOLE = (_Extent(0, 0, 0), _Extent(0, 0, 0))  # the whole image, of whatever size; `through` leaves it alone
_FLAT = (_Extent(0, 0, 1), _Extent(0, 0, 1))  # of flattened maps: which part a number sees is not known any more


class _Follow(Uncompiled):
    """Keeps beside every tensor that derives from the image its field, or the name of the operation that lost it.

    It sees torch's inner operations, a few dozen where functions and methods are hundreds. Inference mode would hide them.
    """

    def __init__(self, module: nn.Module, image: Tensor, changed: Container[int]):
        super().__init__()
        self.fields = WeakTensorKeyDictionary()
        self.fields[image] = (_Extent(1, 1, 0), _Extent(1, 1, 0))
        self.constants, self.doubts, self.changed = Constants(module), {}, changed
        self.calls, self.read, self.deciding = 0, "", False

    def __torch_dispatch__(self, func, types, args=(), kwargs=None):
        kwargs = kwargs or {}
        tensors = [leaf for leaf in tree_leaves((args, kwargs)) if isinstance(leaf, Tensor)]
        inputs = [tensor for tensor in tensors if tensor in self.fields]
        known = [self.fields[tensor] for tensor in inputs]  # before an operation in place changes what is known
        others = [tensor for tensor in tensors if tensor not in self.fields and tensor not in self.constants]
        strangers = [tensor.clone() for tensor in others] if inputs else []
        outputs = func(*args, **kwargs)
        written = written_by(func, args, kwargs)
        made = [output for output in tree_leaves((outputs, written)) if isinstance(output, Tensor)]
        if func.overloadpacket in _EMPTY:
            made = [output.zero_() for output in made]  # whatever lay there before would differ from pass to pass
        if not inputs or func.overloadpacket in _SHAPE_ALONE:
            self.constants.add(made if tensors and not inputs and not others else ())
            return outputs
        self.calls += 1
        if strangers:
            self.doubts[self.calls] = strangers
        if func is torch.ops.aten._local_scalar_dense.default and not self.deciding:
            self.read = f"{func.overloadpacket}, which reads a number"
        hidden = f"{func.overloadpacket}, which is given what was computed from the image out of sight"
        for output in made:
            lost = self.read or (hidden if self.calls in self.changed else "")
            self.fields[output] = lost or _follow(func, args, kwargs, inputs, known, output)
        for output in written:
            self.constants.spoil(output)
            alone = _by_position(func) and all(tensor is output for tensor in inputs)  # its places see what they saw
            if not alone or self.read or self.calls in self.changed:
                self._spread(output)
        return outputs

    def _spread(self, written: Tensor) -> None:
        """What shares memory with a tensor that was written into may see from now on what was written there."""
        new, place, grid = self.fields[written], address(written), (written.shape[-2:], written.stride()[-2:])
        for tensor, old in list(self.fields.items()):
            if tensor is not written and address(tensor) == place:
                joined = _joined([old, new], "a write through a view")
                aligned = joined in (_WHOLE, _FLAT) or (tensor.shape[-2:], tensor.stride()[-2:]) == grid
                self.fields[tensor] = joined if aligned or isinstance(joined, str) else "a write through a view of other places"


class _Deciding(TorchFunctionMode):
    """Tells `if x.any():` from a number that is read to be computed with: it decides what is done, and on nothing else."""

    def __init__(self, followed: _Follow):
        super().__init__()
        self.followed = followed

    def __torch_function__(self, func, types, args=(), kwargs=None):
        if func is Tensor.tolist and args[0] in self.followed.fields:  # it reads memory, without an operation
            self.followed.read = "tolist, which reads numbers"
        before, self.followed.deciding = self.followed.deciding, func is Tensor.__bool__
        try:
            return func(*args, **(kwargs or {}))
        finally:
            self.followed.deciding = before


def _follow(func, args, kwargs, inputs: list[Tensor], known: list[_Field | str], output: Tensor) -> _Field | str:
    """The field of one output of an operation whose inputs' fields are known; a string says where it was lost."""
    operation = func.overloadpacket
    one_row = inputs[0].ndim == 2 and inputs[0].shape[0] == 1  # the flattened image; several rows are positions or maps
    if _WHOLE in known or operation in _EVERYTHING or (operation in _MATRIX and one_row):
        return _WHOLE
    apart = _by_position(func) or operation in _MOVES or (operation in _NORMS and args[5] is not True)
    if _FLAT in known and not apart:
        spatial = operation in _SPATIAL and inputs[0].ndim > 3
        return f"{operation}, which is given what was flattened and laid out again" if spatial else _WHOLE
    field = _joined(known, str(operation))
    if field == _FLAT or isinstance(field, str):
        return field
    aligned = output.ndim > 2 and all(tensor.shape[-2:] == output.shape[-2:] for tensor in inputs)
    if _by_position(func):
        return field if aligned else str(operation)
    if operation in _VIEWS:  # flattened, a map's numbers have no place in the image any more
        return field if aligned else _FLAT
    rule = _RULES.get(operation)
    return (rule and rule(field, inputs[0], *args[1:], **kwargs)) or str(operation)


def _by_position(func) -> bool:
    return torch.Tag.pointwise in func.tags or func.overloadpacket in _POSITION_BY_POSITION


def _joined(known: Sequence[_Field | str], operation: str) -> _Field | str:
    """The smallest field around several."""
    if _WHOLE in known:
        return _WHOLE
    if lost := [field for field in known if isinstance(field, str)]:
        return lost[0]
    if _FLAT in known:
        return _FLAT
    rows, columns = zip(*known, strict=True)
    for axis in (rows, columns):
        if len(strides := sorted({extent.stride for extent in axis})) > 1:
            return f"{operation}, which joins maps of strides {' and '.join(map(str, strides))}"
    return _around(rows), _around(columns)


def _around(extents: Sequence[_Extent]) -> _Extent:
    start = min(extent.start for extent in extents)
    return _Extent(max(extent.start + extent.size for extent in extents) - start, extents[0].stride, start)


def _through(field: _Field, kernel, stride, padding, dilation=(1,)) -> _Field:
    # A list of one stands for both axes; of three, the first is that of the maps (local response normalisation).
    rows, columns = zip(*((*numbers, *numbers)[-2:] for numbers in (kernel, stride or kernel, padding, dilation)), strict=True)
    return field[0].through(*rows), field[1].through(*columns)


# Rules: what an operation does to a field; None where it leaves the regular grid. Arguments after the second are torch's own.


def _convolution(field, x, weight, bias, stride, padding, dilation, transposed, *_):
    return None if transposed else _through(field, weight.shape[2:], stride, padding, dilation)


def _max_pool(field, x, kernel, stride=(), padding=(0,), dilation=(1,), ceil_mode=False):
    return _through(field, kernel, stride, padding, dilation)


def _average_pool(field, x, kernel, stride=(), padding=(0,), *_):
    return _through(field, kernel, stride, padding)


def _adaptive_average_pool(field, x, size):
    if any(have % want for have, want in zip(x.shape[-2:], size, strict=True)):
        return None  # windows of unequal size
    kernel = [have // want for have, want in zip(x.shape[-2:], size, strict=True)]
    return _through(field, kernel, kernel, (0,))


def _pad(field, x, pads, *_):
    left, top = pads[0], pads[2] if len(pads) > 2 else 0  # torch's order: left, right, top, bottom
    return field[0].through(1, 1, top, 1), field[1].through(1, 1, left, 1)


def _batch_norm(field, x, weight, bias, mean, variance, *rest):
    return _WHOLE if rest[0] is True else field  # True: statistics of this very image


def _reduce(field, x, axes=(), *_, **__):
    spatial = {axis % x.ndim for axis in axes or range(x.ndim)} & {x.ndim - 2, x.ndim - 1}
    return (field, None, _WHOLE)[len(spatial)]


def _transpose(field, x, first, second):
    return field if max(first % x.ndim, second % x.ndim) < x.ndim - 2 else None


def _select(field, x, axis, *_):
    return field if axis % x.ndim < x.ndim - 2 else None


_aten = torch.ops.aten
_EMPTY = {_aten.empty, _aten.empty_like, _aten.new_empty, _aten.empty_strided, _aten.new_empty_strided}
_SHAPE_ALONE = _EMPTY | {_aten.zeros_like, _aten.ones_like, _aten.full_like, _aten.new_zeros, _aten.new_ones, _aten.new_full}
_MATRIX = {_aten.addmm, _aten.mm}
_EVERYTHING = {_aten.native_group_norm}
_VIEWS = {_aten.view, _aten._unsafe_view, _aten.squeeze}
_POSITION_BY_POSITION = {  # whatever torch does not itself tag as element-wise
    *UNTAGGED,
    *(_aten.cat, _aten.split, _aten.split_with_sizes, _aten.slice, _aten.unsqueeze, _aten.expand),
    *(_aten.detach, _aten.alias, _aten._to_copy, _aten.copy_, _aten.zero_),
}
_NORMS = {_aten.native_batch_norm, _aten.cudnn_batch_norm, _aten._native_batch_norm_legit_no_training}
_MOVES = _VIEWS | {_aten.transpose, _aten.permute, _aten.t, _aten.select}  # of whole tensors, which mix no numbers
_SPATIAL = {
    _aten.convolution: _convolution,
    _aten.max_pool2d_with_indices: _max_pool,
    **dict.fromkeys((_aten.avg_pool2d, _aten.avg_pool3d), _average_pool),
    _aten._adaptive_avg_pool2d: _adaptive_average_pool,
    **dict.fromkeys((_aten.constant_pad_nd, _aten.reflection_pad2d, _aten.replication_pad2d), _pad),
}
_RULES = _SPATIAL | {
    **dict.fromkeys(_NORMS, _batch_norm),
    **dict.fromkeys((_aten.mean, _aten.sum, _aten.amax), _reduce),
    _aten.transpose: _transpose,
    _aten.select: _select,
}
