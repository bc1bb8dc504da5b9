"""Reading a network without touching it: its layers by name, what they put out, and one look at the images before.

>>> from zfhelpers.model import Architecture
>>> net = ZFNet(Architecture(classes=5, image_size=64, width=0.125, fc=(16, 16)))
>>> values = activations(net, torch.zeros(2, 3, 64, 64), ["layer1", "layer5", "layer8"])
>>> {layer: tuple(value.shape) for layer, value in values.items()}
{'layer1': (2, 12, 30, 30), 'layer5': (2, 32, 3, 3), 'layer8': (2, 5)}
"""

from __future__ import annotations

from collections.abc import Callable, Iterable, Iterator
from contextlib import ExitStack, contextmanager
from itertools import chain
from typing import Any

import torch
from torch import Tensor, nn

from zfhelpers.model import ZFNet

Forward = Callable[[Tensor], tuple[Tensor, dict[str, Any]]]  # images -> output, {layer: what was read of it}


def find_layer(module: nn.Module, layer: str) -> nn.Module:
    """The submodule called `layer`: its dotted module name, in ZFNet `layer1` ... `layer8`.

    Raises:
        ValueError: no such layer; the sentence lists the ones there are.
    """
    modules = dict(module.named_modules())
    if not isinstance(layer, str) or not layer or layer not in modules:
        top = [name for name, _ in module.named_children()]
        if isinstance(module, ZFNet):
            top = [name for name in top if name.startswith("layer")]
            raise ValueError(f"This network has no layer {layer!r}; it has {', '.join(top)}.")
        leaves = [name for name, m in modules.items() if name and not any(m.children())]
        raise ValueError(f"This module has no layer {layer!r}; it has {', '.join(dict.fromkeys(chain(top, leaves)))}.")
    return modules[layer]


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


@contextmanager
def recording(module: nn.Module, layers: str | Iterable[str], read: Callable[[Tensor], Any] = torch.clone) -> Iterator[Forward]:
    """Forward passes in evaluation mode, without gradients, that also read named layers; all undone afterwards, come what may.

    Args:
        module: any network.
        layers: dotted module names; one name may stand alone.
        read: applied to a layer's output at the moment it exists, since an in-place ReLU may overwrite it a line later.

    Yields:
        `forward(images) -> (output, {layer: read(value)})`. A layer that runs twice is read at its first call.

    Raises:
        ValueError: an unknown layer, or one that the forward pass does not reach.
        TypeError: a layer whose output is not a tensor.

    >>> with recording(nn.Sequential(nn.Flatten(), nn.ReLU()), "0") as forward:
    ...     forward(-torch.ones(1, 1, 1, 2))
    (tensor([[0., 0.]]), {'0': tensor([[-1., -1.]])})
    """
    names = list(dict.fromkeys([layers] if isinstance(layers, str) else layers))
    if not names:
        raise ValueError("No layer was named; name at least one, for example 'layer5'.")
    watched = {name: find_layer(module, name) for name in names}
    values: dict[str, Any] = {}

    def reader(name: str):
        def hook(_module, _inputs, output):
            if not isinstance(output, Tensor):
                raise TypeError(f"Layer {name!r} gives a {type(output).__name__}, not a tensor; choose a layer inside it.")
            if name not in values:
                values[name] = read(output)

        return hook

    def forward(images: Tensor) -> tuple[Tensor, dict[str, Tensor]]:
        values.clear()
        output = module(images)
        if missing := [name for name in names if name not in values]:
            raise ValueError(f"The forward pass never runs {', '.join(missing)}; choose one that runs in evaluation mode.")
        return output, {name: values[name] for name in names}

    device = next((parameter.device for parameter in module.parameters()), torch.device("cpu"))
    with undisturbed(module, device), ExitStack() as hooks:
        for name, part in watched.items():
            hooks.callback(part.register_forward_hook(reader(name)).remove)
        yield forward


def checked_images(module: nn.Module, images: Tensor, first: int = 0) -> Tensor:
    """The same images on the module's device and in its precision, after a look at the door.

    Args:
        images: (N, 3, H, W) float, preprocessed: pixels minus the mean image.
        first: index of the first image, for the message.

    Raises:
        TypeError: not a float tensor.
        ValueError: not (N, 3, H, W), no image at all, or NaN or infinite pixels.
    """
    if not isinstance(images, Tensor) or not images.is_floating_point():
        given = images.dtype if isinstance(images, Tensor) else type(images).__name__
        raise TypeError(f"Images must be a float tensor of preprocessed pixels, not {given}; world.preprocess makes one.")
    if images.ndim != 4 or images.shape[1] != 3 or not images.numel():
        raise ValueError(f"Images must have the shape (N, 3, H, W) with N at least 1, not {tuple(images.shape)}.")
    finite = torch.isfinite(images).flatten(1).all(1)
    if not finite.all():
        raise ValueError(f"Image {first + int(finite.int().argmin())} holds NaN or infinite pixels; give finite ones.")
    parameter = next((p for p in module.parameters() if p.is_floating_point()), images)
    return images.to(parameter.device, parameter.dtype)


def activations(module: nn.Module, images: Tensor, layers: str | Iterable[str]) -> dict[str, Tensor]:
    """The outputs of named layers, all from one forward pass in evaluation mode.

    Args:
        module: any network; it is left exactly as it was.
        images: (N, 3, H, W) float, pixels minus the mean image.
        layers: dotted module names, for instance `["layer1", "layer7"]`.

    Returns:
        `{layer: value}` in the order asked for: (N, maps, rows, columns), or (N, units) after a fully connected layer. The
        values are copies, so that a ReLU which works in place does not change them.

    Raises:
        ValueError: an unknown layer, a wrong shape, NaN pixels.
        TypeError: images that are not float.
    """
    images = checked_images(module, images)
    with recording(module, layers) as forward:
        return forward(images)[1]
