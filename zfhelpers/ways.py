"""Ways down: how a signal goes back through one operation of a forward pass.

A *way down* takes a signal at the output of one call of an operation to one at its inputs. This file has the register of them and
the ways that merely keep the books; `deconv` adds those that make a deconvnet. Linear operations, and every other one where the
rule is "gradient", are transposed by autograd.
"""

from __future__ import annotations

from collections.abc import Callable
from typing import NamedTuple, NoReturn

import numpy as np
import torch
import torch.nn.functional as F
from torch import Tensor
from torch.overrides import resolve_name

from zfhelpers.model import contrast_norm
from zfhelpers.provenance import NESTED, Kept, Name, tensors_in, version

Down = Callable[[Tensor, Tensor], Tensor | list[Tensor]]
"""(signal at the output (T, ...), rows (T,): which image of the batch each is of) -> signal at the input, or at every input."""

WAYS_DOWN: dict[Callable, Callable[..., Down]] = {}  # operation -> what, told of one call of it, gives that call's way down
JOINS: set[Callable] = set()  # operations that may bring several tensors together
NOTING: dict[Callable, Callable] = {}  # operation -> what is run in its place, and also gives what its way down will need

KNOWN = (
    "convolution, linear, ReLU, max- and average pooling, padding, up-sampling, batch and contrast normalisation, dropout, "
    "flatten, reshape, permute and other moves of pixels, add, concatenate, split, and multiplication by constants"
)


class Refusal(Exception):
    """Raised, with the reason, where an operation that has a way down has none in this case."""


def undoes(*operations: Callable, joins: bool = False, noting: Callable | None = None) -> Callable:
    """Marks a function as the one to ask for a way down through `operations`.

    It is called with the tape, the operation's output and the operation's own arguments.

    Args:
        joins: whether they may bring several tensors together.
        noting: run in their place, with the same arguments; gives the output, and a note that the function finds in `tape.noted`.
    """

    def register(way: Callable[..., Down]) -> Callable[..., Down]:
        WAYS_DOWN.update(dict.fromkeys(operations, way))
        JOINS.update(operations if joins else ())
        NOTING.update(dict.fromkeys(operations, noting) if noting else {})
        return way

    return register


def refusal(func: Callable | str, layer: str, reason: str = "", others: str = "") -> Callable[..., NoReturn]:
    """A way down that says why there is none. Only on the path from the layer to the images is it ever taken."""
    name = func if isinstance(func, str) else resolve_name(func) or getattr(func, "__name__", str(func))
    what = f"{name} ({reason})" if reason else name
    message = f"Deconvnet cannot go back through {what} between the image and layer {layer!r}; it knows {KNOWN}{others}."

    def down(*_):
        raise NotImplementedError(message)

    return down


# ------------------------------------------------------------------------------------------- operations that autograd transposes

# They only move, copy or add up values, with weights that are not the image's: first, those that take each picture by itself.
IN_A_PICTURE: set[Callable] = {F.avg_pool2d, F.adaptive_avg_pool2d, F.pad, F.conv_transpose2d, F.interpolate, F.channel_shuffle}
IN_A_PICTURE |= {F.pixel_shuffle, F.pixel_unshuffle, torch.pixel_shuffle, torch.pixel_unshuffle, torch.channel_shuffle}
WRITING: set[Callable] = {Tensor.__setitem__, Tensor.copy_}
_NAMES = """
    mean sum cumsum neg matmul roll flip fliplr flipud rot90 permute transpose swapaxes swapdims movedim moveaxis narrow select
    index_select repeat_interleave tile repeat masked_fill tril triu diff chunk split tensor_split unbind stack rsub
    __getitem__ __neg__ __rsub__ __matmul__ __rmatmul__
"""
LINEAR: set[Callable] = IN_A_PICTURE | WRITING | {F.conv1d, F.conv_transpose1d, F.unfold, F.fold, Tensor.mT.__get__}
LINEAR |= {getattr(place, name) for name in _NAMES.split() for place in (torch, Tensor) if hasattr(place, name)}
JOINS |= WRITING | {torch.stack}


class Slot(NamedTuple):
    """Where, among the arguments of a call, a tensor stood that depends on the images."""

    number: int


class Ground(NamedTuple):
    """Where a constant stood, with a row for every image, into which something of the images is written."""

    row: Tensor  # its first, (1, ...)


class Call:
    """One call of an operation, from before it is made. Its constants are kept as they are then.

    Args:
        func, args, kwargs: the call.
        tensors: all that are among its arguments.
        sources: those of its tensors that depend on the images.
        kept: where what a way down needs is kept, and saved before the call writes into it.
        copies: by identity, of those into which somebody may write unseen.
        writes, before: whether it may write into them, and whether they are then copied first, for `by_autograd`.
    """

    def __init__(
        self,
        func: Callable,
        args: tuple,
        kwargs: dict,
        tensors: list[Tensor],
        sources: list[Tensor],
        kept: Kept,
        copies: dict[int, Tensor],
        writes: bool,
        before: bool,
    ):
        self.func, self.args, self.kwargs, self.tensors, self.sources = func, args, kwargs, tensors, sources
        self.versions = [version(tensor) for tensor in self.tensors]
        ours = {id(source) for source in sources}
        self.constants = {id(t): copies[id(t)] if id(t) in copies else t.detach() for t in tensors if id(t) not in ours}
        self.kept, self.names = kept, [Name(as_now) for number, as_now in self.constants.items() if number not in copies]
        self.before = {id(t): t.clone() for t in tensors} if before and writes else {}
        if writes:
            kept.keep(self.names)
            kept.save(tensors)

    def leave(self) -> None:
        """Lets go of the constants that no way down holds, and has the others go on being what they were at the call."""
        self.constants = {}
        self.names[:] = [name for name in self.names if name.held() is not None]
        self.kept.keep(self.names)

    def as_made(self) -> tuple[tuple, dict]:
        """Its arguments, with constants that stay what they were at the call."""
        return _mapped((self.args, self.kwargs), self._as_now) if self.constants else (self.args, self.kwargs)

    def _as_now(self, leaf: object) -> object:
        if isinstance(leaf, np.ndarray):
            return leaf.copy()
        if isinstance(leaf, slice):
            return slice(*(int(end) if isinstance(end, Tensor) else end for end in (leaf.start, leaf.stop, leaf.step)))
        return self.constants.get(id(leaf), leaf)

    def written(self) -> list[Tensor]:
        """Its tensors that it has changed in place."""
        return [tensor for tensor, was in zip(self.tensors, self.versions, strict=True) if version(tensor) != was]

    def inputs(self, numbers: list) -> list:
        """Those of its sources' numbers at which a signal can arrive: a mask or an index does not vary with the image."""
        return [number for number, source in zip(numbers, self.sources, strict=True) if _varies(source)]

    def linear(self) -> bool:
        """Whether its output is linear in what depends on the images, up to a constant."""
        several = len(self.sources) > 1
        return self.func in LINEAR and (not several or self.func in JOINS) and all(map(_varies, self.sources))

    def by_autograd(self, out: object, tensor: Tensor, count: int) -> Down:
        """The way back through this call to its `inputs` that autograd knows, at the values of this call.

        Args:
            out: what the call returned.
            tensor: where the signal starts; it is part of `out`, or was written into.
            count: images in the batch.

        Raises:
            Refusal: what the output says of one image depends on others; or autograd does not know the derivative.
        """
        if self.written() and not self.before:
            raise Refusal("it overwrites its input")
        values = [self.before.get(id(source), source).detach() for source in self.sources]
        if any(value.shape[:1] != (count,) for value in (*values, tensor)):
            raise Refusal("it does not keep the batch axis, one row per image")
        if not self.inputs(values):
            return lambda signal, rows: []  # only an index or a mask depends on the image: the signal ends here
        run = self._again(out, tensor)
        if self.func not in IN_A_PICTURE or values[0].ndim != 4:
            _check_rows(run, values, tensor, count)
        linear = self.linear()  # then the point does not matter, and none need be kept
        values = [value.new_zeros(()).expand(value.shape) if linear else value for value in values]
        self.names += [] if linear else map(Name, values)
        moving = [k for k, value in enumerate(values) if _varies(value)]

        def down(signal: Tensor, rows: Tensor) -> list[Tensor]:
            points = [value[rows] for value in values]
            with torch.enable_grad():
                for k in moving:
                    points[k].requires_grad_()
                wanted = [points[k] for k in moving]
                parts = torch.autograd.grad(run(points), wanted, signal, allow_unused=True)
            return [torch.zeros_like(at) if part is None else part for at, part in zip(wanted, parts, strict=True)]

        return down

    def _again(self, out: object, tensor: Tensor) -> Callable[[list[Tensor]], Tensor]:
        """The same call on other sources: a function from them to what `tensor` would then be."""
        numbers = {id(source): number for number, source in enumerate(self.sources)}
        place = next((k for k, made in enumerate(tensors_in(out)) if made is tensor), None)
        target = next((k for k, argument in enumerate(self.tensors) if argument is tensor), None)
        func, copies = self.func, bool(self.before)

        def without_sources(leaf: object) -> object:
            if id(leaf) in numbers:
                return Slot(numbers[id(leaf)])
            if leaf is tensor and id(leaf) in self.before:
                return Ground(self.before[id(leaf)][:1])
            return self.before[id(leaf)] if id(leaf) in self.before else self._as_now(leaf)

        form = _mapped((self.args, self.kwargs), without_sources)

        def run(points: list[Tensor]) -> Tensor:
            def filled(leaf: object) -> object:
                if isinstance(leaf, Ground):
                    return leaf.row.repeat(len(points[0]), *[1] * (leaf.row.ndim - 1))
                leaf = points[leaf.number] if isinstance(leaf, Slot) else leaf
                return leaf.clone() if copies and isinstance(leaf, Tensor) else leaf

            args, kwargs = _mapped(form, filled)
            made = func(*args, **kwargs)
            return tensors_in((args, kwargs))[target] if place is None else tensors_in(made)[place]

        return run


def _mapped(value, change: Callable[[object], object]):
    """Lists, tuples and dictionaries, however nested, with every other thing in them changed."""
    if not isinstance(value, NESTED) or isinstance(value, (Slot, Ground)):
        return change(value)
    if isinstance(value, dict):
        return {key: _mapped(item, change) for key, item in value.items()}
    items = [_mapped(item, change) for item in value]
    return items if isinstance(value, list) else tuple(items)


def _varies(tensor: Tensor) -> bool:
    """Whether it can vary smoothly with an image, as no mask and no index can."""
    return tensor.is_floating_point() or tensor.is_complex()


def _check_rows(run: Callable[[list[Tensor]], Tensor], values: list[Tensor], tensor: Tensor, count: int) -> None:
    """A Refusal unless the first and the last image give the same in a longer batch, with others behind each of them."""
    with torch.enable_grad():
        others = [v[:1] * 0.5 + 1 if _varies(v) else v[:1] for v in values]
        points = [torch.cat([v[:1], *[other] * count, v[-1:], other]) for v, other in zip(values, others, strict=True)]
        try:
            answer = run([point.requires_grad_() if _varies(point) else point for point in points])
        except (RuntimeError, IndexError, ValueError, TypeError) as error:
            raise Refusal("it depends on the number of images") from error
        moving = [point for point in points if point.requires_grad]
        parts = torch.autograd.grad(answer, moving, torch.ones_like(answer), allow_unused=True) if answer.requires_grad else ()
    if all(part is None for part in parts):
        raise Refusal("autograd does not know its derivative")
    if len(answer) != count + 3 or answer.shape[1:] != tensor.shape[1:]:
        raise Refusal("it does not keep the batch axis, one row per image")
    ends, expected = answer[[0, count + 1]].detach(), tensor[[0, -1]].detach()
    allowed = 1e-3 if torch.finfo(ends.dtype).eps < 1e-4 else 3e-2  # of rounding, which depends on the length of the batch
    if not torch.allclose(ends, expected, rtol=allowed, atol=allowed * float(expected.abs().max())):
        raise Refusal("one image's row depends on other images, or on chance")


# ------------------------------------------------------------------------------------------------------- ways that keep the books


# A signal has T rows where the forward pass had N, so nothing here may depend on the length of the batch.


@undoes(F.local_response_norm, contrast_norm, Tensor.contiguous, Tensor.clone, Tensor.detach, Tensor.to, Tensor.float)
@undoes(torch.clone, torch.detach, Tensor.data.__get__, Tensor.double, Tensor.type, Tensor.requires_grad_)
def _unchanged(tape, out, input, *arguments, **options) -> Down:
    return lambda signal, rows: signal


@undoes(F.dropout, F.dropout1d, F.dropout2d, F.dropout3d, F.alpha_dropout, F.feature_alpha_dropout, torch.dropout)
def _dropout(tape, out, input, p=0.5, training=True, inplace=False) -> Down:
    if training and p:
        raise Refusal("it is on even in evaluation mode")
    return _unchanged(tape, out, input)


@undoes(F.batch_norm)
def _batch_norm(
    tape, out, input, running_mean, running_var, weight=None, bias=None, training=False, momentum=0.1, eps=1e-5
) -> Down:
    if training:
        raise Refusal("without running statistics every image depends on its batch")
    scale = (running_var + eps).rsqrt() * (1 if weight is None else weight)
    scale = scale.reshape(-1, *[1] * (input.ndim - 2))  # (C, 1, 1)
    return lambda signal, rows: signal * scale


@undoes(torch.flatten, torch.reshape, torch.squeeze, torch.unsqueeze)
@undoes(Tensor.flatten, Tensor.reshape, Tensor.squeeze, Tensor.unsqueeze, Tensor.view, Tensor.unflatten, Tensor.reshape_as)
@undoes(torch.unflatten, Tensor.view_as)
def _reshape(tape, out, input, *shape, **options) -> Down:
    before = input.shape[1:]
    if input.shape[:1] != out.shape[:1]:
        raise Refusal("it changes the batch axis")
    return lambda signal, rows: signal.reshape(len(signal), *before)


@undoes(Tensor.expand, Tensor.expand_as, torch.broadcast_to, Tensor.broadcast_to)
def _expand(tape, out, input, *shape, **options) -> Down:
    if input.ndim != out.ndim or input.shape[:1] != out.shape[:1]:
        raise Refusal("it changes the batch axis")
    before = input.shape[1:]
    return lambda signal, rows: signal.sum_to_size(len(signal), *before)


@undoes(torch.add, Tensor.add, Tensor.add_, Tensor.__iadd__, Tensor.__radd__, joins=True)
def _add(tape, out, input, other, *, alpha=1) -> Down:
    terms = [(term.shape, factor) for term, factor in ((input, 1), (other, alpha)) if tape.holds(term)]
    if any(len(shape) != out.ndim for shape, _ in terms):
        raise Refusal("of tensors with different numbers of axes")
    return lambda signal, rows: [factor * signal.sum_to_size(len(signal), *shape[1:]) for shape, factor in terms]


@undoes(torch.sub, Tensor.sub, Tensor.sub_, Tensor.__isub__, joins=True)
def _subtract(tape, out, input, other, *, alpha=1) -> Down:
    return _add(tape, out, input, other, alpha=-alpha)


@undoes(torch.cat, torch.concat, torch.concatenate, joins=True)
def _concatenate(tape, out, tensors, dim=0) -> Down:
    if dim % out.ndim == 0:
        raise Refusal("along the images of a batch")
    sizes, held = [tensor.shape[dim] for tensor in tensors], [tape.holds(tensor) for tensor in tensors]
    return lambda signal, rows: [part for part, ours in zip(signal.split(sizes, dim), held, strict=True) if ours]


@undoes(torch.mul, Tensor.mul, Tensor.mul_, Tensor.__imul__, Tensor.__rmul__, joins=True)
def _multiply(tape, out, input, other) -> Down:
    scaled, factor = (input, other) if tape.holds(input) else (other, input)
    if tape.holds(factor):
        raise Refusal("of two tensors that both depend on the image")
    if scaled.ndim != out.ndim or (isinstance(factor, Tensor) and factor.ndim == out.ndim and len(factor) != 1):
        raise Refusal("by a factor with a batch axis of its own")
    before = scaled.shape[1:]
    return lambda signal, rows: (signal * factor).sum_to_size(len(signal), *before)


@undoes(torch.div, Tensor.div, Tensor.div_, Tensor.__itruediv__, torch.true_divide)
def _divide(tape, out, input, other) -> Down:
    return _multiply(tape, out, input, 1 / other)
