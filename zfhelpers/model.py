"""The network of Fig. 3 and every variant of it that the paper trains.

    image -> conv, ReLU -> pool, norm -> conv, ReLU -> pool, norm -> 3 x (conv, ReLU) -> pool -> 2 x (fc, ReLU, dropout) -> fc
             layer1                      layer2                      layer3, 4, 5               layer6, layer7             layer8

`layer1` ... `layer7` are the outputs *after* the ReLU and *before* pooling, which is where the paper takes its activations.

    >>> sum(p.numel() for p in ZFNet().parameters())
    62357608
    >>> ZFNet(Architecture(classes=10, image_size=128, width=0.5, fc=(512, 512))).conv_sizes
    {'layer1': 62, 'layer2': 14, 'layer3': 7, 'layer4': 7, 'layer5': 7}
"""

from __future__ import annotations

import math
from collections import OrderedDict
from dataclasses import asdict, dataclass, replace

import torch
import torch.nn.functional as F
from torch import Tensor, nn
from torch.overrides import handle_torch_function, has_torch_function_unary

FILTER_RMS = 0.1  # sec. 3.1: "renormalize each filter ... whose RMS value exceeds a fixed radius of 1e-1"
INIT_STD = 0.01  # sec. 3.1: "initialized to 1e-2", read as a standard deviation (cuda-convnet's initW)


@dataclass(frozen=True)
class Architecture:
    """What distinguishes one network of Tables 2 and 3 from another. The default is Fig. 3.

    Args:
        classes: number of outputs.
        image_size: side of the square input, in pixels.
        width: factor on the number of maps of layers 1-5; the worlds of this course use 0.25 and 0.5.
        maps: maps of layers 1-5 at width 1. Zero removes the layer.
        conv1, conv2: (kernel, stride, padding) of the first two layers; layers 3-5 are always (3, 1, 1).
        fc: units of layers 6 and 7. `(4096,)` removes layer 7, `()` removes both.
        dropout: probability in layers 6 and 7.

    Raises:
        ValueError: an entry that no network can have, in one sentence.
    """

    classes: int = 1000
    image_size: int = 224
    width: float = 1.0
    maps: tuple[int, ...] = (96, 256, 384, 384, 256)
    conv1: tuple[int, int, int] = (7, 2, 0)
    conv2: tuple[int, int, int] = (5, 2, 0)
    fc: tuple[int, ...] = (4096, 4096)
    dropout: float = 0.5

    def __post_init__(self):
        for name in ("maps", "conv1", "conv2", "fc"):  # lists come back from JSON cards
            object.__setattr__(self, name, tuple(getattr(self, name)))
        if self.classes < 1:
            raise ValueError(f"classes must be at least 1, not {self.classes}.")
        if self.image_size < 64:
            raise ValueError(
                f"image_size must be at least 64 pixels, not {self.image_size}: five layers need that much to look at."
            )
        if self.width <= 0:
            raise ValueError(f"width must be positive, not {self.width}.")
        if len(self.maps) != 5 or min(self.maps) < 0 or not (self.maps[0] and self.maps[1] and self.maps[4]):
            raise ValueError(f"maps must be five numbers of which only the third and fourth may be 0, not {self.maps}.")
        if len(self.fc) > 2 or any(units < 1 for units in self.fc):
            raise ValueError(f"fc must hold at most two positive numbers of units, not {self.fc}.")
        if not 0 <= self.dropout < 1:
            raise ValueError(f"dropout must lie in [0, 1), not {self.dropout}.")

    def as_dict(self) -> dict:
        """The values as JSON can hold them; `Architecture(**d)` undoes it."""
        return {name: list(value) if isinstance(value, tuple) else value for name, value in asdict(self).items()}


ALEXNET = Architecture(conv1=(11, 4, 0), conv2=(5, 1, 2))  # "our replication", in one tower: no two-GPU groups

# Table 3, row by row; the last entry of the second half is also the wide net of sec. 5.1 taken further.
TABLE3: dict[str, Architecture] = {
    "alexnet": ALEXNET,
    "alexnet-no-3-4": replace(ALEXNET, maps=(96, 256, 0, 0, 256)),
    "alexnet-no-7": replace(ALEXNET, fc=(4096,)),
    "alexnet-no-6-7": replace(ALEXNET, fc=()),
    "alexnet-no-3-4-6-7": replace(ALEXNET, maps=(96, 256, 0, 0, 256), fc=()),
    "alexnet-fc-2048": replace(ALEXNET, fc=(2048, 2048)),
    "alexnet-fc-8192": replace(ALEXNET, fc=(8192, 8192)),
    "zfnet": Architecture(),
    "zfnet-fc-2048": Architecture(fc=(2048, 2048)),
    "zfnet-fc-8192": Architecture(fc=(8192, 8192)),
    "zfnet-wide": Architecture(maps=(96, 256, 512, 1024, 512)),
    "zfnet-wide-fc-8192": Architecture(maps=(96, 256, 512, 1024, 512), fc=(8192, 8192)),
}


def scaled(name: str, classes: int, image_size: int, width: float, fc: int) -> Architecture:
    """A row of Table 3 in a smaller world: `fc` units stand for the paper's 4096.

    >>> scaled("zfnet-fc-8192", classes=24, image_size=128, width=0.25, fc=256).fc
    (512, 512)
    """
    if name not in TABLE3:
        raise ValueError(f"No architecture is called {name!r}; there are {', '.join(TABLE3)}.")
    full = TABLE3[name]
    units = tuple(fc * wide // 4096 for wide in full.fc)
    return replace(full, classes=classes, image_size=image_size, width=width, fc=units)


def contrast_norm(x: Tensor, size: int = 5, alpha: float = 1e-4, beta: float = 0.75, k: float = 2.0) -> Tensor:
    """Local contrast normalisation across feature maps, b = a / (k + alpha / size * sum of a^2 over `size` maps)^beta.

    The paper gives no constants; these are AlexNet's. Equal to `F.local_response_norm`, with the sum over maps written as a
    convolution with a band of ones, which is several times faster on a CPU. Torch function modes see it as one operation.

    Args:
        x: (N, C, H, W) float.
    """
    if has_torch_function_unary(x):
        return handle_torch_function(contrast_norm, (x,), x, size=size, alpha=alpha, beta=beta, k=k)
    maps = torch.arange(x.shape[1], device=x.device)
    band = ((maps[:, None] - maps[None, :]).abs() <= size // 2).to(x.dtype)[:, :, None, None]  # (C, C, 1, 1)
    energy = k + alpha / size * F.conv2d(x.square(), band)
    if beta == 0.75:
        root = energy.rsqrt()
        return x * (root * root.sqrt())  # energy^-0.75 without the slow general power
    return x * energy.pow(-beta)


class ContrastNorm(nn.LocalResponseNorm):
    """`contrast_norm` as a module."""

    def __init__(self):
        super().__init__(5, 1e-4, 0.75, 2.0)

    def forward(self, x: Tensor) -> Tensor:
        """(N, C, H, W) to the same."""
        return contrast_norm(x, self.size, self.alpha, self.beta, self.k)


class ZFNet(nn.Module):
    """The convolutional network of Fig. 3, or the variant that `architecture` describes.

    Args:
        architecture: see `Architecture`; the default has 62,357,608 parameters.

    Forward:
        images: (N, 3, S, S) float, pixels minus the mean image, about [-128, 128].
        returns: (N, classes) logits.

    Attributes:
        conv_sizes: side of every convolutional layer's maps, `{"layer1": 110, ...}`.
    """

    def __init__(self, architecture: Architecture = Architecture()):
        super().__init__()
        self.architecture = a = architecture
        self.conv_sizes: dict[str, int] = {}
        channels, size = 3, a.image_size
        kinds = (a.conv1, a.conv2, (3, 1, 1), (3, 1, 1), (3, 1, 1))
        for number, (maps, (kernel, stride, padding)) in enumerate(zip(a.maps, kinds, strict=True), start=1):
            if not maps:
                continue
            out = round(maps * a.width)
            # cuda-convnet covers the whole image (ceil), torch stops short (floor): zeros at the bottom and right make up for it.
            extra = -(size + 2 * padding - kernel) % stride
            parts = [("pad", nn.ZeroPad2d((0, extra, 0, extra)))] if extra else []
            parts += [("conv", nn.Conv2d(channels, out, kernel, stride, padding)), ("relu", nn.ReLU())]
            self.add_module(f"layer{number}", nn.Sequential(OrderedDict(parts)))
            channels, size = out, (size + 2 * padding + extra - kernel) // stride + 1
            self.conv_sizes[f"layer{number}"] = size
            if number in (1, 2, 5):
                self.add_module(f"pool{number}", nn.MaxPool2d(3, 2, ceil_mode=True))
                size = math.ceil((size - 3) / 2) + 1
            if number in (1, 2):
                self.add_module(f"norm{number}", ContrastNorm())
        self.flatten = nn.Flatten()
        features = channels * size * size
        for number, units in enumerate(a.fc, start=6):
            self.add_module(f"layer{number}", nn.Sequential(OrderedDict(fc=nn.Linear(features, units), relu=nn.ReLU())))
            self.add_module(f"dropout{number}", nn.Dropout(a.dropout))
            features = units
        self.layer8 = nn.Linear(features, a.classes)
        self.reset_parameters()

    def reset_parameters(self) -> None:
        """The paper's start, N(0, 0.01^2) and zero biases; in a narrower network scaled by sqrt(paper fan-in / fan-in)."""
        mine = [m for m in self.modules() if isinstance(m, nn.Conv2d | nn.Linear)]
        for module, paper_fan_in in zip(mine, self._paper_fan_ins(), strict=True):
            fan_in = module.weight[0].numel()
            nn.init.normal_(module.weight, std=INIT_STD * math.sqrt(paper_fan_in / fan_in))
            nn.init.zeros_(module.bias)

    def _paper_fan_ins(self) -> list[int]:
        a = self.architecture
        if a.width == 1:
            return [m.weight[0].numel() for m in self.modules() if isinstance(m, nn.Conv2d | nn.Linear)]
        kernels = [a.conv1[0], a.conv2[0], 3, 3, 3]
        maps = [(m, k) for m, k in zip(a.maps, kernels, strict=True) if m]
        convs = [previous * kernel**2 for previous, (_, kernel) in zip([3, *(m for m, _ in maps)], maps, strict=False)]
        return [*convs, a.maps[4] * 6 * 6, *(4096 for _ in a.fc)]

    def forward(self, images: Tensor) -> Tensor:
        """Preprocessed images (N, 3, S, S) to logits (N, classes)."""
        size = self.architecture.image_size
        if images.ndim != 4 or images.shape[1:] != (3, size, size):
            raise ValueError(f"This network takes images of shape (N, 3, {size}, {size}), not {tuple(images.shape)}.")
        x = images
        for module in self.children():
            x = module(x)
        return x


@torch.no_grad()
def renormalise_filters(module: nn.Module, cap: float = FILTER_RMS) -> int:
    """Rescale, in place, every convolution filter whose root mean square exceeds `cap` to exactly `cap` (sec. 3.1).

    Returns:
        how many filters were rescaled.
    """
    clipped = 0
    for conv in module.modules():
        if isinstance(conv, nn.Conv2d):
            rms = conv.weight.square().mean(dim=(1, 2, 3), keepdim=True).sqrt()  # (out, 1, 1, 1)
            clipped += int((rms > cap).sum())
            conv.weight.mul_((cap / rms).clamp(max=1))
    return clipped
