"""Reading a network without touching it: its layers by name, what they put out, and one look at what goes in and comes out.

>>> from zfhelpers.model import Architecture
>>> net = ZFNet(Architecture(classes=5, image_size=64, width=0.125, fc=(16, 16)))
>>> values = activations(net, torch.zeros(2, 3, 64, 64), ["layer1", "layer5", "layer8"])
>>> {layer: tuple(value.shape) for layer, value in values.items()}
{'layer1': (2, 12, 30, 30), 'layer5': (2, 32, 3, 3), 'layer8': (2, 5)}
"""

from __future__ import annotations

import math
import reprlib
from collections.abc import Callable, Iterable, Iterator, Mapping, Sequence
from contextlib import ExitStack, contextmanager
from itertools import chain
from numbers import Integral, Real
from typing import Any

import numpy as np
import torch
from torch import Tensor, nn

from zfhelpers.answers import Name, check_finite, explained, unreached
from zfhelpers.model import ZFNet

Forward = Callable[..., tuple[Any, dict[str, Any]]]  # images[, name] -> output, {layer: what was read of it}


def find_layer(module: nn.Module, layer: str) -> nn.Module:
    """The submodule called `layer`: its dotted module name, in ZFNet `layer1` ... `layer8`.

    Raises:
        TypeError: no module.
        ValueError: no such layer; the sentence lists the ones there are. Or one that no hook can reach, because it was compiled.
    """
    if not isinstance(module, nn.Module):
        given = type(module).__name__
        raise TypeError(
            f"A network must be a torch.nn.Module, not a {given}; wrap a function in a module whose forward calls it."
        )
    modules = dict(module.named_modules(remove_duplicate=False))  # a part may have two names
    dots = [place for place, letter in enumerate(layer) if letter == "."] if isinstance(layer, str) else []
    above = [module, *(modules.get(layer[:dot]) for dot in dots)]
    for part in (*above, modules.get(layer) if isinstance(layer, str) else None):
        if isinstance(part, torch.jit.ScriptModule) or (hasattr(part, "_orig_mod") and part in above):
            by = "scripted or traced (TorchScript)" if isinstance(part, torch.jit.ScriptModule) else "compiled by torch.compile"
            raise ValueError(f"This network is {by}, and no hook can read layers inside of it; give the module it was made from.")
    if not isinstance(layer, str) or not layer or layer not in modules:
        top = [name for name, _ in module.named_children()]
        if isinstance(module, ZFNet):
            top = [name for name in top if name.startswith("layer")]
            raise ValueError(f"This network has no layer {layer!r}; it has {', '.join(top)}.")
        leaves = [name for name, m in modules.items() if name and not any(m.children())]
        raise ValueError(f"This module has no layer {layer!r}; it has {', '.join(dict.fromkeys(chain(top, leaves)))}.")
    return modules[layer]


def layer_names(layers: str | Iterable[str]) -> list[str]:
    """Names of layers, each once, whether one stood alone or several were given.

    Raises:
        TypeError: no names.
        ValueError: none at all.
    """
    if not isinstance(layers, Iterable):
        raise TypeError(f"Layers are named, for example 'layer5' or ['layer1', 'layer5'], not a {type(layers).__name__}.")
    names = list(dict.fromkeys([layers] if isinstance(layers, str) else layers))
    if not names:
        raise ValueError("No layer was named; name at least one, for example 'layer5'.")
    return names


@contextmanager
def undisturbed(module: nn.Module, device: torch.device) -> Iterator[None]:
    """Evaluation mode without gradients, and afterwards everything as it was: training flags, grad mode, random state."""
    training = [(part, part.training) for part in module.modules()]
    cuda = [device] if device.type == "cuda" else []
    with torch.inference_mode(False), torch.no_grad(), torch.autocast(device.type, enabled=False), torch.random.fork_rng(cuda):
        try:
            for part, _ in training:
                part.training = False
            yield
        finally:
            for part, was in training:
                part.training = was


def run(module: nn.Module, images: Tensor, again: Callable[[], object] = lambda: None) -> Any:
    """What a network makes of images, also where their channels lie last and it can only `view` them as they usually lie.

    Args:
        again: called before a second try.
    """
    try:
        return module(images)
    except RuntimeError as error:
        if "view size is not compatible" not in str(error):
            raise
    again()
    return module(images.contiguous())


class Reached(BaseException):
    """Ends a forward pass where nothing above is needed. No `except Exception` in a network can stop it."""


@contextmanager
def recording(
    module: nn.Module,
    layers: str | Iterable[str],
    read: Callable[[Tensor], Any] | Mapping[str, Callable[[Tensor], Any]] = torch.clone,
    finite: bool = True,
    beyond: bool = True,
) -> Iterator[Forward]:
    """Forward passes in evaluation mode, without gradients, that also read named layers; all undone afterwards, come what may.

    Args:
        module: any network.
        layers: dotted module names; one name may stand alone.
        read: applied to a layer's output at the moment it exists, since an in-place ReLU may overwrite it a line later; one for
            all layers, or {layer: its own}.
        finite: whether NaN and infinity in what was read are refused.
        beyond: whether the network runs on when all layers have been read; if not, there is no output, but None.

    Yields:
        `forward(images) -> (output, {layer: read(value)})`. A layer that runs twice is read at its first call. As a second
        argument it takes what a row of the batch is called in a sentence, "Image 0" if nothing else is given.

    Raises:
        ValueError: an unknown layer, or one that the forward pass does not reach; a layer without one row for each image; NaN or
            infinite values; images that the network cannot take.
        TypeError: a layer whose output is not a tensor, layers that are no names.

    >>> with recording(nn.Sequential(nn.Flatten(), nn.ReLU()), "0") as forward:
    ...     forward(-torch.ones(1, 1, 1, 2))
    (tensor([[0., 0.]]), {'0': tensor([[-1., -1.]])})
    """
    names = layer_names(layers)
    watched = {name: find_layer(module, name) for name in names}
    count: int | None = None  # images in the forward pass that runs now; None while somebody else lets the network run
    values: dict[str, Any] = {}
    complaints: list[Exception] = []

    def reader(name: str):
        def hook(_module, _inputs, output):
            if count is None or name in values or complaints:
                return
            if not isinstance(output, Tensor):
                given = type(output).__name__
                complaints.append(TypeError(f"Layer {name!r} gives a {given}, not a tensor; choose a layer inside it."))
            elif output.shape[:1] != (count,):
                shape = tuple(output.shape)
                complaints.append(ValueError(f"Layer {name!r} gives {shape} for {count} images; choose one with a row for each."))
            else:
                try:
                    values[name] = read[name](output) if isinstance(read, Mapping) else read(output)
                except Exception as error:  # raised below: here it would look like a fault of the network
                    complaints.append(error)
            if complaints or (not beyond and len(values) == len(names)):
                raise Reached

        return hook

    def forward(images: Tensor, called: Name = "Image {}".format) -> tuple[Any, dict[str, Any]]:
        nonlocal count
        values.clear()
        complaints.clear()
        try:
            count = len(images)
            with explained(module, images):
                output = run(module, images, values.clear)
        except Reached:
            output = None
        finally:
            count = None
        if complaints:
            raise complaints[0]
        if missing := [name for name in names if name not in values]:
            raise ValueError(unreached(module, {name: watched[name] for name in missing}, images))
        for name in names if finite else ():
            check_finite(values[name], f"layer {name!r}", module, images, called)
        return output, {name: values[name] for name in names}

    device = next((parameter.device for parameter in module.parameters()), torch.device("cpu"))
    with undisturbed(module, device), ExitStack() as hooks:
        for name, part in watched.items():
            hooks.callback(part.register_forward_hook(reader(name)).remove)
        yield forward


def activations(module: nn.Module, images: Tensor, layers: str | Iterable[str]) -> dict[str, Tensor]:
    """The outputs of named layers, all from one forward pass in evaluation mode, which ends at the last of them.

    Args:
        module: any network; it is left exactly as it was.
        images: (N, C, H, W) float, pixels minus the mean image, with as many channels as the network takes.
        layers: dotted module names, for instance `["layer1", "layer7"]`.

    Returns:
        `{layer: value}` in the order asked for: (N, maps, rows, columns), or (N, units) after a fully connected layer. The
        values are copies, so that a ReLU which works in place does not change them.

    Raises:
        ValueError: an unknown layer, a shape that these layers cannot take, NaN pixels, NaN or infinite values that arise there.
        TypeError: images that are not float.

    >>> digits = nn.Sequential(nn.Conv2d(1, 8, 5), nn.ReLU(), nn.Flatten(), nn.Linear(8 * 24 * 24, 10))
    >>> activations(digits, torch.rand(2, 1, 28, 28), "1")["1"].shape
    torch.Size([2, 8, 24, 24])
    """
    images = checked_images(module, images)
    with recording(module, layers, beyond=False) as forward:
        return forward(images)[1]


# ------------------------------------------------------------------------------------------------------------- at the door


def checked_images(module: nn.Module, images: Tensor, first: int = 0) -> Tensor:
    """The same images on the module's device and in its precision, after a look at the door.

    Args:
        images: (N, C, H, W) float, preprocessed: pixels minus the mean image.
        first: index of the first image, for the message.

    Raises:
        TypeError: not a float tensor, or no module.
        ValueError: not (N, C, H, W), no image at all, or NaN or infinite pixels.
    """
    if not isinstance(module, nn.Module):
        raise TypeError(f"A network must be a torch.nn.Module, not a {type(module).__name__}.")
    if not isinstance(images, Tensor) or not images.is_floating_point():
        given = images.dtype if isinstance(images, Tensor) else type(images).__name__
        raise TypeError(f"Images must be a float tensor of preprocessed pixels, not {given}; world.preprocess makes one.")
    if images.ndim != 4 or not images.numel():
        raise ValueError(f"Images must have the shape (N, C, H, W) with N at least 1, not {tuple(images.shape)}.")
    if not images.detach().sum().isfinite():  # one pass without a copy; a sum of finite ones may be too large
        finite = torch.isfinite(images).flatten(1).all(1)
        if not finite.all():
            raise ValueError(f"Image {first + int(finite.int().argmin())} holds NaN or infinite pixels; give finite ones.")
    parameter = next((p for p in module.parameters() if p.is_floating_point()), images)
    return images.to(parameter.device, parameter.dtype)


def whole(name: str, value: object, least: float = 1) -> int:
    """A count that somebody gave as argument `name`, also where it came out as a float, such as 8.0.

    Raises:
        TypeError: no number.
        ValueError: a fraction, or less than `least`.

    >>> whole("stride", 8.0)
    8
    """
    number = value.item() if isinstance(value, Tensor | np.ndarray) and value.ndim == 0 else value
    if not isinstance(number, Real) or isinstance(number, bool):
        raise TypeError(f"{name} must be a whole number, not {value!r}.")
    if not math.isfinite(number) or number != int(number):
        raise ValueError(f"{name} must be a whole number, not {number}.")
    if number < least:
        raise ValueError(f"{name} must be at least {least}, not {number}.")
    return int(number)


# ------------------------------------------------------------------------------------------------------- where maps lie


def whole_numbers(name: str, values: Sequence, what: str, axes: int) -> Tensor:
    """The numbers as an int64 tensor on the CPU, or a TypeError that says `what` they must be, if they are not, or none."""
    try:
        numbers = torch.as_tensor(values, device="cpu")
    except (TypeError, ValueError, RuntimeError):  # ragged, or no numbers at all
        numbers = torch.empty(0)
    if numbers.ndim != axes or numbers.is_floating_point() or numbers.dtype == torch.bool:
        raise TypeError(f"{name} must be a sequence of {what}, not {reprlib.repr(values)}.")
    return numbers.long()


def maps_first(values: Tensor, layer: str, part: nn.Module, shape: Sequence[int], channel_axis: int | None = None) -> Tensor:
    """A layer's values with its maps in axis 1, wherever they lay: (N, maps, rows, columns), or (N, units).

    Args:
        values: what the layer put out: (N, maps, rows, columns); (N, units); with the maps in another axis; or with one axis of
            places, (N, places, maps) as tokens have, which become rows.
        layer, part: the layer's name, and the layer.
        shape: of the images, (..., H, W).
        channel_axis: in which axis the maps lie; -1 is the last. None: in axis 1, unless they plainly lie last: after a Linear or
            a LayerNorm, or if axes 1 and 2 can be rows and columns of such images while 2 and 3 cannot, or hardly.

    Raises:
        ValueError: maps that cannot be told from places, no such axis, or a number of axes that is no picture's.

    >>> maps_first(torch.zeros(2, 7, 7, 5), "norm", nn.LayerNorm(5), (224, 224), channel_axis=-1).shape
    torch.Size([2, 5, 7, 7])
    """
    given = tuple(values.shape)
    if values.ndim not in (2, 3, 4):
        raise ValueError(f"Layer {layer!r} gives {given}; choose one that gives (N, maps, rows, columns) or (N, units).")
    if channel_axis is None:
        if values.ndim == 3:
            raise ValueError(
                f"Of the values {given} of layer {layer!r} it cannot be known where the maps lie; "
                "pass channel_axis: 2 for (N, places, maps), as tokens are, or 1."
            )
        if values.ndim == 4 and _seem_last(part, given, shape):
            raise ValueError(
                f"The maps of layer {layer!r}, which gives {given} for images of {shape[-2]} x {shape[-1]}, seem to lie in the "
                "last axis; pass channel_axis: -1, or 1 if they do not."
            )
        channel_axis = 1
    if isinstance(channel_axis, bool) or not isinstance(channel_axis, Integral) or channel_axis % values.ndim == 0:
        raise ValueError(f"channel_axis must be an axis after that of the images, such as 1 or -1, not {channel_axis!r}.")
    if not -values.ndim <= channel_axis < values.ndim:
        raise ValueError(f"Layer {layer!r} gives {given}, which has no axis {channel_axis}; pass another channel_axis.")
    values = values.movedim(channel_axis, 1)
    return values[..., None] if values.ndim == 3 else values


def _seem_last(part: nn.Module, given: tuple[int, ...], shape: Sequence[int]) -> bool:
    """Whether maps (N, a, b, c) look as if they lay last."""
    if isinstance(part, nn.Linear) or (isinstance(part, nn.LayerNorm) and len(part.normalized_shape) == 1):
        return True
    height, width = shape[-2:]

    def alike(rows: int, columns: int) -> bool:
        """Convolutions and pools make the difference between the sides of an image smaller, but for a row, and do not turn it."""
        return (rows - columns) * (height - width) >= 0 and abs(rows - columns) <= abs(height - width) + 1

    def scaled(rows: int, columns: int, off: int, cut: int = 0) -> bool:
        """With padding they divide both sides by one number, and round; without, they cut a rim of up to `cut` pixels before."""
        left = ((by, height / by - rows, width / by - columns) for by in range(1, max(shape[-2:]) + 1))
        return any((abs(a) < off and abs(b) < off) or (cut and abs(a - b) < 1 and -2 <= a <= cut / by + 1) for by, a, b in left)

    first, second = given[1:3], given[2:]
    normed = given[1] != given[3] and any(getattr(one, "normalized_shape", None) == given[3:] for one in part.modules())
    return (alike(*first) and not alike(*second)) or (scaled(*first, 1) and (normed or not scaled(*second, 2, 16)))
