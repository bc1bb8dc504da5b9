"""A network at work: what it makes of one image, what its units see there, and what it says with a square over it.

>>> import torch
>>> net = nn.Sequential(nn.Conv2d(3, 8, 5), nn.ReLU(), nn.Flatten(), nn.Linear(8 * 12 * 12, 4)).eval()
>>> eye = Eye("mine", net, Source(torch.randint(0, 256, (5, 3, 16, 16), dtype=torch.uint8), lambda x: x / 255))
>>> look = eye.look(eye.source.raw(0))
>>> eye.layers, look.maps["1"].shape, eye.outputs[-1]
(['1'], torch.Size([8, 12, 12]), 'output 3')
>>> eye.project(look, "1", 2, (3, 4)).shape, eye.field("1").box(3, 4)
(torch.Size([3, 16, 16]), (3, 4, 8, 9))
"""

from __future__ import annotations

import hashlib
from collections import OrderedDict
from collections.abc import Sequence
from dataclasses import dataclass, field
from functools import cached_property, lru_cache

from torch import Tensor, nn
from torch.nn.modules.pooling import _AdaptiveAvgPoolNd, _AdaptiveMaxPoolNd, _AvgPoolNd, _MaxPoolNd

from zfhelpers.answers import explained, probabilities
from zfhelpers.boxes import Box, covered
from zfhelpers.deconv import Deconvnet
from zfhelpers.explorer.source import Source
from zfhelpers.geometry import LostField, ReceptiveField, receptive_field
from zfhelpers.hooks import checked_images, find_layer, maps_first, recording, undisturbed
from zfhelpers.model import ZFNet
from zfhelpers.networks.digests import digests
from zfhelpers.networks.named import Named
from zfhelpers.strongest import strongest

LAYERS = 12  # at most so many are offered of a network that nobody has described
PROJECTIONS = 64  # that are remembered of one image
SIGNED = (nn.Conv2d, nn.modules.batchnorm._NormBase)  # no rectifiers, even where all they put out happens to be positive
NO_LAYER = (_MaxPoolNd, _AvgPoolNd, _AdaptiveAvgPoolNd, _AdaptiveMaxPoolNd, nn.modules.dropout._DropoutNd, nn.Identity)


@dataclass(eq=False)
class Look:
    """What a network makes of one image.

    Attributes:
        raw: the image as it comes from its data set, (C, H, W).
        inputs: as the network takes it, (1, C, H, W).
        maps: layer -> (maps, rows, columns).
        probabilities: of all outputs, (K,).
        peaks: layer -> the strongest activation of every map, its row and its column, three tensors (maps,).
        order: layer -> numbers of its maps, strongest first, (maps,).
    """

    raw: Tensor
    inputs: Tensor
    maps: dict[str, Tensor]
    probabilities: Tensor
    peaks: dict[str, tuple[Tensor, Tensor, Tensor]]
    order: dict[str, Tensor]
    projections: OrderedDict = field(default_factory=OrderedDict)


class Eye:
    """One network, its images, and the layers that are looked at.

    Args:
        name: what it is called on the page.
        module: any network from images to (N, classes).
        source: its images.
        outputs: names of what it can answer; numbered if not given.
        layers: dotted names; if not given, the paper's layers of maps, or those that `map_layers` finds.
        output: "logits", "probabilities" or "sigmoid", see `zf.occlusion_maps`.

    Raises:
        ValueError: no layer of maps, a layer that is not there, names that are not as many as outputs.
    """

    def __init__(
        self,
        name: str,
        module: nn.Module,
        source: Source,
        outputs: Sequence[str] | None = None,
        layers: Sequence[str] | None = None,
        output: str = "logits",
    ):
        self.name, self.module, self.source, self.output = name, module, source, output
        first = checked_images(module, source.inputs(source.raw(0)[None]))
        if layers is None:
            layers = module.conv_sizes if isinstance(module, ZFNet | Named) else map_layers(module, first)
        self.layers = list(layers)
        if not self.layers:
            raise ValueError("This network has no layer of maps to explore; name layers=.")
        for layer in self.layers:
            find_layer(module, layer)
        said = self._forward(first, [])[0]
        count = said.shape[1]
        if outputs is not None and len(outputs) != count:
            raise ValueError(f"The network has {count} outputs, and {len(outputs)} names of classes were given.")
        self.outputs = [f"output {number}" for number in range(count)] if outputs is None else [str(name) for name in outputs]
        self.field = lru_cache(None)(self._field)

    def look(self, raw: Tensor) -> Look:
        """One forward pass of an image as it comes from the data set, (C, H, W)."""
        inputs = checked_images(self.module, self.source.inputs(raw[None]))
        said, values = self._forward(inputs, self.layers)
        maps = {layer: self._as_maps(layer, found, inputs) for layer, found in values.items()}
        peaks = {layer: tuple(part[0] for part in strongest(found[None])) for layer, found in maps.items()}
        order = {layer: found.argsort(descending=True, stable=True) for layer, (found, _, _) in peaks.items()}
        return Look(raw, inputs, maps, said[0], peaks, order)

    def under(self, look: Look, box: Box, layer: str) -> tuple[Tensor, Tensor]:
        """What the network says of an image under a grey square, (K,), and one layer's maps there, (maps, rows, columns)."""
        hidden = covered(look.raw[None], [box], self.source.grey)
        inputs = checked_images(self.module, self.source.inputs(hidden))
        said, values = self._forward(inputs, [layer])
        return said[0], self._as_maps(layer, values[layer], inputs)

    def project(
        self, look: Look, layer: str, which: int, place: tuple[int, int], rule: str = "deconvnet", overlap: str = "sum"
    ) -> Tensor:
        """One activation carried back to the pixels, (C, H, W); the last few of an image are remembered.

        Raises:
            NotImplementedError: there is no way back under this rule.
        """
        asked = layer, which, place, rule, overlap
        if asked not in look.projections:
            at = None if look.maps[layer].shape[1:] == (1, 1) else [place]
            found = Deconvnet(self.module).project(look.inputs, layer, [which], at, rule, overlap)[0]
            look.projections[asked] = found
            if len(look.projections) > PROJECTIONS:
                look.projections.popitem(last=False)
        return look.projections[asked]

    def _field(self, layer: str) -> ReceptiveField | None:
        """The receptive field of a layer's units; None where it is lost. Remembered as `field`."""
        inputs = self.source.inputs(self.source.raw(0)[None])
        try:
            return receptive_field(self.module, layer, inputs.shape[2:], inputs.shape[1])
        except LostField:
            return None

    @cached_property
    def digest(self) -> str:
        """What tells this network from others: its weights, how it is printed, and what its layers make of the first image."""
        first = checked_images(self.module, self.source.inputs(self.source.raw(0)[None]))
        each = digests(self.module, first, self.layers)
        return hashlib.blake2b(f"{each}".encode(), digest_size=16).hexdigest()

    def _forward(self, inputs: Tensor, layers: Sequence[str]) -> tuple[Tensor, dict[str, Tensor]]:
        """Probabilities (N, K), and the values of some layers."""
        if not layers:
            with undisturbed(self.module, inputs.device), explained(self.module, inputs):
                return probabilities(self.module, inputs, self.module(inputs), self.output), {}
        with recording(self.module, layers) as forward:
            answer, values = forward(inputs)
            return probabilities(self.module, inputs, answer, self.output), values

    def _as_maps(self, layer: str, values: Tensor, inputs: Tensor) -> Tensor:
        """The maps of one image, (maps, rows, columns); units of a fully connected layer are maps of one place."""
        found = maps_first(values, layer, find_layer(self.module, layer), inputs.shape)[0]
        return found.reshape(found.shape[0], *(found.shape[1:] or (1, 1)))


def map_layers(module: nn.Module, inputs: Tensor) -> list[str]:
    """Layers of maps of a network that nobody has described: what is rectified, or else its convolutions; at most `LAYERS`.

    Of parts that end together the innermost counts; pools and dropout are no layers; a part that runs twice is none.

    >>> import torch
    >>> net = nn.Sequential(nn.Conv2d(1, 2, 3), nn.ReLU(), nn.MaxPool2d(2), nn.Conv2d(2, 2, 3), nn.ReLU(), nn.Flatten())
    >>> map_layers(net, torch.zeros(1, 1, 12, 12))
    ['1', '4']
    """
    calls: list[tuple[str, nn.Module, tuple[int, int] | None, bool]] = []
    alive = []  # so that no identity is given twice

    def listening(path: str):
        def listen(part, _inputs, output):
            if isinstance(output, Tensor) and output.ndim == 4 and min(output.shape[2:]) > 1:
                alive.append(output)
                rectified = not isinstance(part, SIGNED) and bool(output.min() >= 0)
                calls.append((path, part, (id(output), output._version), rectified))
            else:
                calls.append((path, part, None, False))

        return listen

    with undisturbed(module, inputs.device):
        handles = [part.register_forward_hook(listening(path)) for path, part in module.named_modules() if path]
        try:
            with explained(module, inputs):
                module(inputs)
        finally:
            for handle in handles:
                handle.remove()
    paths = [path for path, *_ in calls]
    pooled = {made for _, part, made, _ in calls if isinstance(part, NO_LAYER)}
    once = [call for call in calls if paths.count(call[0]) == 1 and call[2] and call[2] not in pooled]
    innermost = {call[2]: call for call in reversed(once)}
    kept = [call for call in once if innermost[call[2]] is call]
    chosen = [path for path, _, _, rectified in kept if rectified]
    chosen = chosen or [path for path, part, *_ in kept if isinstance(part, nn.Conv2d)]
    if len(chosen) <= LAYERS:
        return chosen
    return [chosen[round(place * (len(chosen) - 1) / (LAYERS - 1))] for place in range(LAYERS)]
