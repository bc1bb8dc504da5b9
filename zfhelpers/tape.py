"""One forward pass, written down so that a signal can go back through it.

A `Tape` sees a forward pass as torch functions, not as modules: `nn.ReLU()`, `F.relu(x, inplace=True)` and `x.relu_()` look alike
to it, and no network is touched. For every tensor that comes from the images it notes which tensors that was made of, and a *way
down*: the function that takes a signal at the output to one at the input.

    >>> image = torch.ones(1, 3, 2, 2)
    >>> with Tape(image, layer="demo") as tape:
    ...     doubled = image * 2
    ...     value = (image + doubled).flatten(1)
    >>> tape.descend(tape.number(value), torch.eye(12)[:1], rows=torch.tensor([0]))[0, 0]
    tensor([[3., 0.],
            [0., 0.]])

This file holds the ways down that merely keep the books; `deconv` adds the three that make a deconvnet. An operation with no way
down is no harm beside the path from the images to the layer; on the path it is refused by name, never guessed.
"""

from __future__ import annotations

import inspect
from collections.abc import Callable, Iterator
from functools import partial
from typing import NoReturn

import torch
import torch.nn.functional as F
from torch import Tensor, nn
from torch.overrides import TorchFunctionMode, resolve_name
from torch.utils.weak import WeakTensorKeyDictionary

from zfhelpers.hooks import find_layer
from zfhelpers.model import contrast_norm

Down = Callable[[Tensor, Tensor], Tensor | list[Tensor]]
"""(signal at the output (T, ...), rows (T,): which image of the batch each is of) -> signal at the input, or at every input."""

WAYS_DOWN: dict[Callable, Callable[..., Down]] = {}  # operation -> what, told of one call of it, gives that call's way down
JOINS: set[Callable] = set()  # those of them that may bring several tensors together

KNOWN = (
    "convolution, linear, ReLU, max- and average pooling, padding, batch and contrast normalisation, dropout, "
    "flatten and reshape, add, concatenate, and multiplication by constants"
)

# Here values leave torch, and could come back as constants along a path that nobody sees.
LEAVING = {Tensor.numpy, Tensor.__array__, Tensor.tolist, Tensor.item, Tensor.__float__, Tensor.__int__}

# These look at the shape and number format of their tensors and not at what is in them: a constant comes out.
CONSTANT = {torch.zeros_like, torch.ones_like, torch.full_like, Tensor.new_zeros, Tensor.new_ones, Tensor.new_full}
CONVERSION = {Tensor.to, Tensor.type_as}  # x.to(y) takes nothing from y


class Refusal(Exception):
    """Raised, with the reason, where an operation that has a way down has none in this case."""


def undoes(*operations: Callable, joins: bool = False) -> Callable:
    """Marks a function as the one to ask for a way down through `operations`.

    It is called with the tape, the operation's output and the operation's own arguments.
    """

    def register(way: Callable[..., Down]) -> Callable[..., Down]:
        WAYS_DOWN.update(dict.fromkeys(operations, way))
        JOINS.update(operations if joins else ())
        return way

    return register


class Tape(TorchFunctionMode):
    """Writes down how to go back from every tensor made of `images` while it is active.

    Args:
        images: (N, 3, H, W) float.
        layer: dotted name of the layer from which the way down starts.
        rule, overlap: as in `Deconvnet.project`, for the ways down that depend on them.

    Attributes:
        widest: values per image in the largest tensor written down.
    """

    def __init__(self, images: Tensor, layer: str, rule: str = "deconvnet", overlap: str = "sum"):
        super().__init__()
        self.images, self.layer, self.rule, self.overlap = images, layer, rule, overlap
        self.steps: list[tuple[list[int], Down]] = []  # step i made tensor i + 1; tensor 0 are the images
        # tensor -> (number, version when written down). Weak, so that activations are freed as in any forward pass.
        self.numbers = WeakTensorKeyDictionary({images: (0, images._version)})
        self.widest = images[0].numel()

    def record(self, module: nn.Module) -> Tensor:
        """Runs the module on the images as far as the layer, at its first call, and returns what the layer puts out.

        Raises:
            ValueError: the module cannot take such images, or never calls the layer, or the layer puts out something else.
        """

        def stop(module, inputs, output):
            raise _Reached(output)

        hook = find_layer(module, self.layer).register_forward_hook(stop)
        try:
            with self:
                module(self.images)
        except _Reached as reached:
            (values,) = reached.args
        except (NotImplementedError, torch.OutOfMemoryError):
            raise
        except RuntimeError as error:
            raise ValueError(f"The module cannot run on images of shape {tuple(self.images.shape)}: {error}") from error
        else:
            raise ValueError(f"The forward pass, in evaluation mode, never calls layer {self.layer!r}; choose one that it calls.")
        finally:
            hook.remove()
        if not self.holds(values) or values.shape[:1] != self.images.shape[:1]:
            raise ValueError(
                f"Layer {self.layer!r} must put out one tensor, made by torch functions and with a row for every image."
            )
        return values

    def holds(self, value: object) -> bool:
        """Whether `value` is a tensor made of the images."""
        return isinstance(value, Tensor) and value in self.numbers

    def number(self, tensor: Tensor) -> int:
        """Which tensor of the tape this is, as it is now."""
        number, version = self.numbers[tensor]
        if tensor._version != version:  # written into behind our back: through another tensor that shares its memory
            number = self.write(tensor, [number], self.refusal("a change in place through a view"))
        return number

    def write(self, tensor: Tensor, inputs: list[int], down: Down) -> int:
        """Adds the step that made `tensor`, and returns its number."""
        self.steps.append((inputs, down))
        self.numbers[tensor] = (len(self.steps), tensor._version)
        self.widest = max(self.widest, tensor.numel() // len(self.images))
        return len(self.steps)

    def __torch_function__(self, func, types, args=(), kwargs=None):
        """Runs one operation of the forward pass and writes it down."""
        kwargs = kwargs or {}
        sources = [tensor for tensor in _tensors((args, kwargs)) if tensor in self.numbers]
        if not sources or func in CONSTANT or (func in CONVERSION and not self.holds(args[0])):
            return func(*args, **kwargs)
        if func in LEAVING:  # no tensor to write down: refuse at once
            self.refusal(_name(func), "its result could come back as a constant")()
        inputs = [self.number(tensor) for tensor in sources]
        out = func(*args, **kwargs)
        made = {id(t): t for t in (*_tensors(out), *(t for t in sources if t._version != self.numbers[t][1]))}
        for tensor in made.values():
            down = self.way_down(func, sources, out, args, kwargs) if tensor is out else self.refusal(_name(func))
            self.write(tensor, inputs, down)
        return out

    def way_down(self, func: Callable, sources: list[Tensor], out: Tensor, args: tuple, kwargs: dict) -> Down:
        """The way back through this call of `func`, or a refusal."""
        if func not in WAYS_DOWN:
            return self.refusal(_name(func))
        if out.dtype != self.images.dtype or out.shape[:1] != self.images.shape[:1]:
            return self.refusal(_name(func), "it changes the batch axis or the number format")
        way = WAYS_DOWN[func]
        try:
            given = inspect.signature(way).bind(self, out, *args, **kwargs).arguments
        except TypeError:
            return self.refusal(_name(func), "called with options that are not known")
        if func not in JOINS and (len(sources) > 1 or given["input"] is not sources[0]):
            return self.refusal(_name(func), "more than its input depends on the image")
        try:
            return way(self, out, *args, **kwargs)
        except Refusal as reason:
            return self.refusal(_name(func), str(reason))

    def refusal(self, name: str, reason: str = "") -> Callable[..., NoReturn]:
        """A way down that says why there is none. Only on the path from the layer to the images is it ever taken."""
        what = f"{name} ({reason})" if reason else name
        message = f"Deconvnet cannot go back through {what} between the image and layer {self.layer!r}; it knows {KNOWN}."

        def down(*_):
            raise NotImplementedError(message)

        return down

    def descend(self, number: int, signal: Tensor, rows: Tensor) -> Tensor:
        """Carries a signal back to the pixels.

        Args:
            number: the tensor at which the signal starts.
            signal: (T, ...), of the shape of one row of that tensor.
            rows: (T,) int64, which image each signal belongs to.

        Returns:
            (T, 3, H, W)

        Raises:
            NotImplementedError: an operation without a way down lies between.
        """
        arriving = {number: signal}
        for step in range(number, 0, -1):
            if step in arriving:
                inputs, down = self.steps[step - 1]
                parts = down(arriving.pop(step), rows)
                for source, part in zip(inputs, parts if isinstance(parts, list) else [parts], strict=True):
                    arriving[source] = arriving[source] + part if source in arriving else part
        return arriving[0]


class _Reached(BaseException):
    """Ends the forward pass at the layer: nothing above it is needed. No `except Exception` in a network can stop it."""


def _tensors(value: object) -> Iterator[Tensor]:
    if isinstance(value, Tensor):
        yield value
    elif isinstance(value, dict | list | tuple):
        for item in value.values() if isinstance(value, dict) else value:
            yield from _tensors(item)


def _name(func: Callable) -> str:
    return resolve_name(func) or getattr(func, "__name__", str(func))


# Ways down. A signal has T rows where the forward pass had N, so nothing here may depend on the length of the batch.


def _by_autograd(operation: Callable, tape: Tape, out: Tensor, input: Tensor, *arguments, **options) -> Down:
    """For linear operations: autograd transposes them, whatever point it does it at."""
    before = input.shape[1:]

    def down(signal: Tensor, rows: Tensor) -> Tensor:
        _, transposed = torch.func.vjp(lambda x: operation(x, *arguments, **options), signal.new_zeros(len(signal), *before))
        return transposed(signal)[0]

    return down


for _linear_map in (F.avg_pool2d, F.adaptive_avg_pool2d, F.pad):
    undoes(_linear_map)(partial(_by_autograd, _linear_map))


@undoes(F.local_response_norm, contrast_norm, Tensor.contiguous, Tensor.clone, Tensor.detach, Tensor.to, Tensor.float)
def _unchanged(tape, out, input, *arguments, **options) -> Down:
    return lambda signal, rows: signal


@undoes(F.dropout, F.dropout2d)
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
@undoes(Tensor.flatten, Tensor.reshape, Tensor.squeeze, Tensor.unsqueeze, Tensor.view, Tensor.unflatten)
def _reshape(tape, out, input, *shape, **options) -> Down:
    before = input.shape[1:]
    return lambda signal, rows: signal.reshape(len(signal), *before)


@undoes(Tensor.__getitem__)
def _index(tape, out, input, key) -> Down:
    if not isinstance(key, tuple) or not all(part is None or part is ... or isinstance(part, int | slice) for part in key):
        raise Refusal("only numbers and slices are known")
    if key[0] != slice(None):
        raise Refusal("only [:, ...] keeps one row per image")
    return _by_autograd(Tensor.__getitem__, tape, out, input, key)


@undoes(torch.mean, Tensor.mean)
def _mean(tape, out, input, dim, keepdim=False) -> Down:
    if 0 in {axis % input.ndim for axis in ([dim] if isinstance(dim, int) else dim)}:
        raise Refusal("over the images of a batch")
    return _by_autograd(torch.mean, tape, out, input, dim, keepdim)


@undoes(torch.add, Tensor.add, Tensor.add_, joins=True)
def _add(tape, out, input, other, *, alpha=1) -> Down:
    terms = [(term.shape, factor) for term, factor in ((input, 1), (other, alpha)) if tape.holds(term)]
    if any(len(shape) != out.ndim for shape, _ in terms):
        raise Refusal("of tensors with different numbers of axes")
    return lambda signal, rows: [factor * signal.sum_to_size(len(signal), *shape[1:]) for shape, factor in terms]


@undoes(torch.sub, Tensor.sub, Tensor.sub_, joins=True)
def _subtract(tape, out, input, other, *, alpha=1) -> Down:
    return _add(tape, out, input, other, alpha=-alpha)


@undoes(torch.cat, torch.concat, torch.concatenate, joins=True)
def _concatenate(tape, out, tensors, dim=0) -> Down:
    if dim % out.ndim == 0:
        raise Refusal("along the images of a batch")
    sizes, held = [tensor.shape[dim] for tensor in tensors], [tape.holds(tensor) for tensor in tensors]
    return lambda signal, rows: [part for part, ours in zip(signal.split(sizes, dim), held, strict=True) if ours]


@undoes(torch.mul, Tensor.mul, Tensor.mul_, joins=True)
def _multiply(tape, out, input, other) -> Down:
    scaled, factor = (input, other) if tape.holds(input) else (other, input)
    if tape.holds(factor):
        raise Refusal("of two tensors that both depend on the image")
    if scaled.ndim != out.ndim or (isinstance(factor, Tensor) and factor.ndim == out.ndim and len(factor) != 1):
        raise Refusal("by a factor with a batch axis of its own")
    before = scaled.shape[1:]
    return lambda signal, rows: (signal * factor).sum_to_size(len(signal), *before)


@undoes(torch.div, Tensor.div, Tensor.div_)
def _divide(tape, out, input, other) -> Down:
    return _multiply(tape, out, input, 1 / other)
