"""One forward pass, written down so that a signal can go back through it.

A `Tape` sees a forward pass as torch functions, not as modules: `nn.ReLU()`, `F.relu(x, inplace=True)` and `x.relu_()` look alike
to it, and no network is touched. For every tensor that comes from the images it notes which tensors that was made of, and a *way
down* (see `ways`): the function that takes a signal at the output to one at the input.

    >>> image = torch.ones(1, 3, 2, 2)
    >>> with Tape(image, layer="demo") as tape:
    ...     doubled = image * 2
    ...     value = (image + doubled).flatten(1)
    >>> tape.descend(tape.number(value), torch.eye(12)[:1], rows=torch.tensor([0]))[0, 0]
    tensor([[3., 0.],
            [0., 0.]])

An operation with no way down is no harm beside the path from the images to the layer; on the path it is refused by name, never
guessed. So is what was computed where the tape cannot see: `provenance` says how that is found out.
"""

from __future__ import annotations

import inspect
from collections.abc import Callable
from functools import cache
from typing import NamedTuple, NoReturn

import torch
from torch import Tensor, nn
from torch.overrides import TorchFunctionMode
from torch.utils.weak import WeakTensorKeyDictionary

from zfhelpers.answers import check_finite, explained, unreached
from zfhelpers.hooks import Reached, find_layer
from zfhelpers.provenance import Constants, Kept, address, leaves, may_write, nudged, same, tensors_in, version
from zfhelpers.ways import JOINS, NOTING, WAYS_DOWN, WRITING, Call, Down, Refusal, refusal

# Here values leave torch, or their memory is handed out, and could come back as constants along a path that nobody sees.
MEMORY = {Tensor.numpy, Tensor.__array__, Tensor.__dlpack__, Tensor.data_ptr, Tensor.const_data_ptr}
MEMORY |= {Tensor.untyped_storage, Tensor.storage}
PRINTING = {Tensor.__repr__, Tensor.__format__}
LEAVING = MEMORY | PRINTING | {Tensor.tolist, Tensor.item, Tensor.__float__, Tensor.__int__, Tensor.__index__, Tensor.__complex__}
LEFT = (float, complex, str)  # what comes out of no other function of a tensor, but of `Tensor.type`

# By these a network decides which way to go, for all images of a batch together.
DECIDING = {Tensor.__bool__, Tensor.__contains__, torch.is_nonzero, torch.equal, torch.allclose}
DECIDING |= {Tensor.is_nonzero, Tensor.equal, Tensor.allclose}

# These look at the shape and number format of their tensors and not at what is in them: a constant comes out.
CONSTANT = {torch.zeros_like, torch.ones_like, torch.full_like, torch.empty_like, torch.rand_like, torch.randn_like}
CONSTANT |= {Tensor.new_zeros, Tensor.new_ones, Tensor.new_full, Tensor.new_empty}
UNSET = {torch.empty, torch.empty_like, torch.empty_strided, torch.empty_permuted, Tensor.new_empty}  # whatever lay there before
CONVERSION = {Tensor.to, Tensor.type_as}  # x.to(y) takes nothing from y

_signature = cache(inspect.signature)

GRADIENT = "; rule='gradient' goes back through most of what autograd can differentiate"


class _Doubt(NamedTuple):
    """Tensors that entered an operation, and nobody knows where from."""

    func: Callable
    values: list[Tensor]
    steps: list[int]  # which of the tape it made


class Tape(TorchFunctionMode):
    """Writes down how to go back from every tensor made of `images` while it is active.

    Args:
        images: (N, C, H, W) float.
        layer: dotted name of the layer from which the way down starts.
        rule, overlap: as in `Deconvnet.project`, for the ways down that depend on them.

    Attributes:
        widest: values per image in the largest tensor written down.
        decided: whether the network has looked at what is in the images to decide how to go on, as `if x.mean() > 0` does.
    """

    def __init__(self, images: Tensor, layer: str, rule: str = "deconvnet", overlap: str = "sum"):
        super().__init__()
        self.images, self.layer, self.rule, self.overlap = images, layer, rule, overlap
        self.steps: list[tuple[list[int], Down]] = []  # step i made tensor i + 1; tensor 0 are the images
        # tensor -> (number, version when written down). Weak, so that activations are freed as in any forward pass.
        self.numbers = WeakTensorKeyDictionary({images: (0, version(images))})
        self.widest = images[0].numel()
        self.constants: Constants | None = None  # known once there is a module
        self.doubts: list[_Doubt] = []
        self.kept = Kept()
        self.decided = False
        self.noted: object = None  # of the operation that runs now, for its way down

    def record(self, module: nn.Module) -> Tensor:
        """Runs the module on the images as far as the layer, at its first call, and returns what the layer puts out.

        Raises:
            ValueError: the module cannot take such images, or never calls the layer, or the layer puts out NaN or something else.
        """
        chance = torch.random.get_rng_state()
        self.constants = Constants(module)
        values = self._run(module)
        if self.doubts:
            torch.random.set_rng_state(chance)
            self._settle(module)
        return values

    def _run(self, module: nn.Module) -> Tensor:
        def stop(module, inputs, output):
            raise Reached(output)

        hook = find_layer(module, self.layer).register_forward_hook(stop)
        try:
            with self, explained(module, self.images):
                module(self.images)
        except Reached as reached:
            (values,) = reached.args
        else:
            raise ValueError(unreached(module, {self.layer: find_layer(module, self.layer)}, self.images))
        finally:
            hook.remove()
        if not self.holds(values) or values.shape[:1] != self.images.shape[:1]:
            raise ValueError(
                f"Layer {self.layer!r} must put out one tensor, made by torch functions and with a row for every image."
            )
        check_finite(values, f"layer {self.layer!r}", module, self.images)
        return values

    def _settle(self, module: nn.Module) -> None:
        """Runs the module once more, on images a little different: a tensor of unknown origin that changes is no constant."""
        other = Tape(nudged(self.images), self.layer, self.rule, self.overlap)
        other.constants = self.constants
        try:
            other._run(module)
            alike = [doubt.func for doubt in other.doubts] == [doubt.func for doubt in self.doubts]
        except (ValueError, NotImplementedError):
            alike = False
        for k, doubt in enumerate(self.doubts):
            again = other.doubts[k].values if alike else []
            if len(again) != len(doubt.values) or not all(map(same, doubt.values, again)):
                reason = "what it is given depends on the image, and was computed where Deconvnet cannot follow"
                for step in doubt.steps:
                    self.steps[step - 1] = (self.steps[step - 1][0], refusal(doubt.func, self.layer, reason))

    def holds(self, value: object) -> bool:
        """Whether `value` is a tensor made of the images."""
        return isinstance(value, Tensor) and value in self.numbers

    def number(self, tensor: Tensor) -> int:
        """Which tensor of the tape this is, as it is now."""
        number, known = self.numbers[tensor]
        if version(tensor) != known:  # written into behind our back: through another tensor that shares its memory
            number = self._write(tensor, [number], refusal("a change in place through a view", self.layer))
        return number

    def _write(self, tensor: Tensor, inputs: list[int], down: Down) -> int:
        """Adds the step that made `tensor`, and returns its number."""
        self.steps.append((inputs, down))
        self.numbers[tensor] = (len(self.steps), version(tensor))
        self.widest = max(self.widest, tensor.numel() // len(self.images))
        return len(self.steps)

    def __torch_function__(self, func, types, args=(), kwargs=None):
        """Runs one operation of the forward pass and writes it down."""
        kwargs = kwargs or {}
        leaf = leaves((args, kwargs))
        given, writes = [value for value in leaf if isinstance(value, Tensor)], may_write(func, kwargs, leaf)
        unknown = [tensor for tensor in given if self.constants is None or tensor not in self.constants]
        sources = [tensor for tensor in unknown if tensor in self.numbers]
        if not sources or func in CONSTANT or (func in CONVERSION and not self.holds(args[0])):
            if writes or func in MEMORY:
                self.kept.save(given)
            return self._constant(func, args, kwargs, given, bool(given) and not unknown)
        if func in LEAVING:  # no tensor to write down: refuse at once
            self._refuse_leaving(func)
        if func is Tensor.__iter__:  # else it would unbind unseen
            return iter(self.__torch_function__(torch.unbind, types, args, kwargs))
        self.decided = self.decided or func in DECIDING
        inputs = [self.number(tensor) for tensor in sources]
        strangers = {id(t): t.clone() for t in unknown if self.constants is not None and t not in self.numbers}
        before = func in WRITING or self.rule == "gradient"
        call = Call(func, args, kwargs, given, sources, self.kept, strangers, writes, before)
        out, self.noted = NOTING[func](*args, **kwargs) if func in NOTING else (func(*args, **kwargs), None)
        if isinstance(out, LEFT) and func is not Tensor.type:
            self._refuse_leaving(func)
        written = call.written()
        steps = [
            self._write(t, *self._way(call, out, t, inputs)) for t in {id(t): t for t in (*tensors_in(out), *written)}.values()
        ]
        call.leave()
        if written:
            self._spread(written)
        if strangers:
            self.doubts.append(_Doubt(func, list(strangers.values()), steps))
        return out

    def _refuse_leaving(self, func: Callable) -> NoReturn:
        printed = "; leave it out if it is only printed" if func in PRINTING else ""
        refusal(func, self.layer, f"its result could come back as a constant{printed}")()

    def _constant(self, func: Callable, args: tuple, kwargs: dict, given: list[Tensor], known: bool) -> object:
        """Runs an operation on nothing that is known to depend on the images; `known`: on constants alone."""
        out = func(*args, **kwargs)
        if known and (func in MEMORY or func is Tensor.data.__get__):
            self.constants.forget(given)
        elif known:
            self.constants.add(tensors_in(out))
        return out.zero_() if func in UNSET else out

    def _spread(self, written: list[Tensor]) -> None:
        """What shares memory with a tensor that was written into has changed, too, whether or not it counts versions with it."""
        places = {address(tensor) for tensor in written}
        if self.constants is not None:
            self.constants.forget(written)
            for tensor in written:
                self.constants.spoil(tensor)
        changed = {id(tensor) for tensor in written}
        for tensor, (number, known) in list(self.numbers.items()):
            if id(tensor) not in changed and version(tensor) == known and address(tensor) in places:
                self._write(tensor, [number], refusal("a change in place through a view", self.layer))

    def _way(self, call: Call, out: object, tensor: Tensor, inputs: list[int]) -> tuple[list[int], Down]:
        """The way back from `tensor`, which the call made or changed, or a refusal."""
        inputs, down = self._found(call, out, tensor, inputs)
        return inputs, self._unless_lost(call, down) if call.names else down

    def _unless_lost(self, call: Call, down: Down) -> Down:
        """The way down, as long as the constants that it needs are what they were at the call."""
        names, refuse = call.names, refusal(call.func, self.layer, "what it was given was written into later, out of sight")
        return lambda *signal: refuse() if any(name.lost() for name in names) else down(*signal)

    def _found(self, call: Call, out: object, tensor: Tensor, inputs: list[int]) -> tuple[list[int], Down]:
        reason = ""
        try:
            if tensor is out and call.func in WAYS_DOWN:
                return inputs, self._known(call, out)
        except Refusal as refused:
            reason = str(refused)
        try:
            if call.linear() or self.rule == "gradient":
                return call.inputs(inputs), call.by_autograd(out, tensor, len(self.images))
        except Refusal as refused:
            reason = reason or str(refused)
        return inputs, refusal(call.func, self.layer, reason, "" if self.rule == "gradient" else GRADIENT)

    def _known(self, call: Call, out: Tensor) -> Down:
        """The way down that is on record for this operation.

        Raises:
            Refusal: not in this case.
        """
        if out.dtype != self.images.dtype or out.shape[:1] != self.images.shape[:1]:
            raise Refusal("it changes the batch axis or the number format")
        if out.is_inference():
            raise Refusal("in inference mode, where torch does not count changes in place")
        way = WAYS_DOWN[call.func]
        try:
            args, kwargs = call.as_made()
            given = _signature(way).bind(self, out, *args, **kwargs).arguments
        except TypeError:
            raise Refusal("called with options that are not known") from None
        if call.func not in JOINS and (len(call.sources) > 1 or given["input"] is not call.sources[0]):
            raise Refusal("more than its input depends on the image")
        return way(self, out, *args, **kwargs)

    def descend(self, number: int, signal: Tensor, rows: Tensor) -> Tensor:
        """Carries a signal back to the pixels.

        Args:
            number: the tensor at which the signal starts.
            signal: (T, ...), of the shape of one row of that tensor.
            rows: (T,) int64, which image each signal belongs to.

        Returns:
            (T, C, H, W)

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
        return arriving[0] if 0 in arriving else signal.new_zeros(len(signal), *self.images.shape[1:])
