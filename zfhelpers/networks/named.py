"""Other people's networks by the paper's names: `layer1` ... `layer7` mean the same in all of them.

    >>> from torchvision.models import alexnet
    >>> net = Named(alexnet(), 224)
    >>> net.layers["layer5"], net.taps["layer5"], net.conv_sizes["layer5"]
    ('features.11', 'network.features.12', 13)

Layers 1 to 5 are layers of maps, 6 and 7 fully connected ones, each after its ReLU. Where nobody says which modules those are, a
rule proposes them: the last ReLU before each change of resolution; if there are fewer than five, more from the deepest
resolutions; if there are more, the first and the last four. A network has no layer 6 or 7 if no hidden layer is fully connected.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import NamedTuple

import torch
from torch import Tensor, nn
from torch.nn.modules.pooling import _AdaptiveAvgPoolNd, _AdaptiveMaxPoolNd, _AvgPoolNd, _MaxPoolNd

from zfhelpers.answers import explained
from zfhelpers.hooks import find_layer, undisturbed
from zfhelpers.model import ContrastNorm, first_convolution

MAPS = [f"layer{number}" for number in range(1, 6)]
UNITS = ["layer6", "layer7"]
POOLS = (_MaxPoolNd, _AvgPoolNd)
AFTER = (*POOLS, nn.LocalResponseNorm, ContrastNorm)  # what belongs to a layer, but comes after what the paper looks at
SAME = 0.75  # sides that differ by less are one resolution: convolutions without padding make maps a little smaller


class Named(nn.Module):
    """A network whose layers are found under the paper's names, and under their own, which begin with `network.`.

    Attributes:
        network: as it was given.
        layers: {"layer1": dotted name within `network`, ...}, as many of layers 1 to 7 as there are.
        taps: {"layer1": dotted name here} of what the next layer is given: after pooling and normalisation where a layer has
            them, unless one module pools after several layers, which cannot be read.
        proposed: whether the rule chose the layers.
        conv_sizes: {"layer1": rows of its maps, ...}, layers of maps alone.
        classes: names of the outputs; None if nobody said.
        image_size: side of the images that it takes, in pixels.
        outputs: how many there are.
        build: makes the same network with random weights; None where only its parts can say how.
    """

    def __init__(
        self,
        network: nn.Module,
        image_size: int,
        layers: Mapping[str, str] | None = None,
        classes: Sequence[str] | None = None,
    ):
        """Name the layers of a network.

        Args:
            network: from images (N, 3, S, S) to (N, classes).
            image_size: S, in pixels.
            layers: which modules are layers 1 to 7; None: the rule chooses.
            classes: names of the outputs.

        Raises:
            TypeError: no module.
            ValueError: no such layers; images of this size that it cannot take; an output that is no class vector, or has
                another length than `classes`.
        """
        super().__init__()
        calls, answer = _look_through(network, image_size)
        self.outputs = answer.shape[1]
        if classes is not None and len(classes) != self.outputs:
            raise ValueError(f"The network has {self.outputs} outputs, and {len(classes)} names of classes were given.")
        self.proposed, self.image_size = layers is None, image_size
        self.classes = None if classes is None else tuple(classes)
        self.layers = _proposed(calls, answer) if layers is None else dict(layers)
        if wrong := [name for name in self.layers if name not in (*MAPS, *UNITS)]:
            raise ValueError(f"The paper's layers are layer1 ... layer7; there is no {wrong[0]!r}.")
        if missing := [name for name in MAPS if name not in self.layers]:
            raise ValueError(f"The network needs layers 1 to 5, and nobody said which one is {', '.join(missing)}.")
        self.network, self.build = network, None  # first, so that its parts come in its own order
        for name, path in self.layers.items():
            self.add_module(name, find_layer(network, path))
        made = {call.path: call for call in calls}
        if never := [path for path in self.layers.values() if path not in made]:
            raise ValueError(f"The network never runs {never[0]!r} by itself, or more than once; choose a layer that runs once.")
        ends = {name: _tap(made[path], calls) for name, path in self.layers.items()}
        self.taps = {name: name if end == self.layers[name] else f"network.{end}" for name, end in ends.items()}
        self.conv_sizes = {name: made[self.layers[name]].shape[-1] for name in MAPS}

    def forward(self, images: Tensor) -> Tensor:
        """What the network answers, (N, classes)."""
        return self.network(images)


class Call(NamedTuple):
    """One call of a module in a forward pass; a tensor is known by its identity, and by how often it was changed in place."""

    path: str
    module: nn.Module
    given: list[tuple[int, int]]
    made: tuple[int, int]
    shape: tuple[int, ...]
    rectified: bool


def paper_layers(module: nn.Module) -> list[str]:
    """Those of layers 1 to 7 that a network has, by the paper's names.

    >>> from zfhelpers.model import TABLE3, ZFNet
    >>> paper_layers(ZFNet(TABLE3["alexnet-no-3-4-6-7"]))
    ['layer1', 'layer2', 'layer5']
    """
    return [name for name in (*MAPS, *UNITS) if isinstance(getattr(module, name, None), nn.Module)]  # one module may be two


def first_filters(module: nn.Module) -> Tensor:
    """The filters that look at the image itself: weights of the first convolution, (N, C, k, k).

    Without an image it is not known which is called first: of those that take 1 or 3 channels it is the first to be registered,
    see `model.first_convolution`.

    Raises:
        ValueError: the network has no convolution, or none of which this can be told.
    """
    return first_convolution(module).weight.detach()


# ------------------------------------------------------------------------------------------------------------- the rule


def _look_through(network: nn.Module, image_size: int) -> tuple[list[Call], Tensor]:
    """Every module's only call in a forward pass on noise, in the order in which they end; and the answer."""
    if not isinstance(network, nn.Module):
        raise TypeError(f"A network must be a torch.nn.Module, not a {type(network).__name__}.")
    parameter = next((p for p in network.parameters() if p.is_floating_point()), torch.zeros(()))
    image = torch.randn(1, 3, image_size, image_size, generator=torch.Generator().manual_seed(0)).to(parameter)
    calls: list[Call] = []
    alive: list[Tensor] = []  # so that no identity is given twice

    def listening(path: str, module: nn.Module):
        def listen(_module, inputs, output):
            if isinstance(output, Tensor):
                tensors = [*(value for value in inputs if isinstance(value, Tensor)), output]
                alive.extend(tensors)
                *given, made = ((id(tensor), tensor._version) for tensor in tensors)
                rectified = output.is_floating_point() and bool(output.numel()) and bool(output.min() >= 0)
                calls.append(Call(path, module, given, made, tuple(output.shape), rectified))

        return listen

    with undisturbed(network, image.device):
        handles = [m.register_forward_hook(listening(path, m)) for path, m in network.named_modules() if path]
        try:
            with explained(network, image):
                answer = network(image)
        finally:
            for handle in handles:
                handle.remove()
    if not isinstance(answer, Tensor) or answer.ndim != 2 or len(answer) != 1 or answer.shape[1] < 2:
        given = tuple(answer.shape) if isinstance(answer, Tensor) else f"a {type(answer).__name__}"
        raise ValueError(f"The network must give one number for each class, (N, classes), not {given} for one image.")
    paths = [call.path for call in calls]
    return [call for call in calls if paths.count(call.path) == 1], answer


def _proposed(calls: Sequence[Call], answer: Tensor) -> dict[str, str]:
    """Which modules are layers 1 to 7."""
    pools = (*POOLS, _AdaptiveAvgPoolNd, _AdaptiveMaxPoolNd)
    outputs = answer.shape[1]
    pooled = {call.made for call in calls if isinstance(call.module, pools)}  # also the output of whatever ends in a pool
    layers = [call for call in calls if call.shape[1:2] != (outputs,) and call.made not in pooled]
    layers = list({call.made: call for call in reversed(layers)}.values())[::-1]  # of those that end together the innermost
    maps = [call for call in layers if len(call.shape) == 4 and min(call.shape[2:]) > 1]
    maps = [call for call in maps if call.rectified] or maps
    groups: list[list[Call]] = []
    for call in maps:
        if groups and call.shape[-1] > SAME * groups[-1][0].shape[-1]:
            groups[-1].append(call)
        else:
            groups.append([call])
    chosen = [group[-1] for group in groups]
    if len(chosen) > len(MAPS):
        chosen = [chosen[0], *chosen[1 - len(MAPS) :]]
    inside = tuple(f"{call.path}." for call in maps)
    others = [call for group in groups for call in group[:-1] if not call.path.startswith(inside)]
    chosen += others[::-1][: len(MAPS) - len(chosen)]
    chosen = sorted(chosen, key=calls.index)
    if len(chosen) < len(MAPS):
        raise ValueError(
            f"The network has {len(chosen)} layers of maps, and the paper's names are for five; say which modules they are, one "
            'under several names if need be: {"layers": {"layer1": ..., "layer5": ...}}.'
        )
    linear = next((place for place, call in enumerate(calls) if isinstance(call.module, nn.Linear)), len(calls))
    units = [call for call in layers if len(call.shape) == 2 and call.rectified and calls.index(call) > linear]
    named = dict(zip(MAPS, chosen, strict=True)) | dict(zip(UNITS, units[-len(UNITS) :], strict=False))
    return {name: call.path for name, call in named.items()}


def _tap(layer: Call, calls: Sequence[Call]) -> str:
    """What the next layer is given: a layer's output, or that of the pools and normalisations that are the first to take it."""
    for call in calls[calls.index(layer) + 1 :]:  # an in-place ReLU would seem to take what it gives
        if layer.made in call.given:
            if not isinstance(call.module, AFTER):
                break
            layer = call
    return layer.path
