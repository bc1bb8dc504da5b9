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
from numbers import Integral

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
        blur1: layer 1 ends with a binomial blur of 5 x 5 that keeps one value in so many, see `Blur`; 1 is none.
        turned_pool: the pool after layer 5 takes the maximum over the four quarter turns of its maps, see `TurnedMaxPool`.

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
    blur1: int = 1
    turned_pool: bool = False

    def __post_init__(self):
        for name in ("maps", "conv1", "conv2", "fc"):  # lists come back from JSON cards
            try:
                object.__setattr__(self, name, tuple(getattr(self, name)))
            except TypeError:
                raise ValueError(f"{name} must hold several numbers, not {getattr(self, name)!r}.") from None
        for name in ("classes", "image_size", "blur1", "maps", "conv1", "conv2", "fc"):
            value = getattr(self, name)
            if not all(isinstance(each, Integral) for each in (value if isinstance(value, tuple) else (value,))):
                raise ValueError(f"{name} must be given in whole numbers, not as {value!r}.")
        if self.classes < 1:
            raise ValueError(f"classes must be at least 1, not {self.classes}.")
        if self.image_size < 64:
            raise ValueError(
                f"image_size must be at least 64 pixels, not {self.image_size}: five layers need that much to look at."
            )
        if not 0 < self.width < math.inf:
            raise ValueError(f"width must be positive and finite, not {self.width}.")
        if len(self.maps) != 5 or min(self.maps) < 0 or not (self.maps[0] and self.maps[1] and self.maps[4]):
            raise ValueError(f"maps must be five numbers of which only the third and fourth may be 0, not {self.maps}.")
        if lost := [maps for maps in self.maps if maps and not round(maps * self.width)]:
            raise ValueError(f"width must leave every layer a map or more; {self.width} times {lost[0]} rounds to 0.")
        for name in ("conv1", "conv2"):
            given = getattr(self, name)
            if len(given) != 3 or min(given[:2]) < 1 or given[2] < 0:
                raise ValueError(f"{name} must be kernel and stride, at least 1, and padding, at least 0, not {given}.")
        if len(self.fc) > 2 or any(units < 1 for units in self.fc):
            raise ValueError(f"fc must hold at most two positive numbers of units, not {self.fc}.")
        if not 0 <= self.dropout < 1:
            raise ValueError(f"dropout must lie in [0, 1), not {self.dropout}.")
        if self.blur1 < 1:
            raise ValueError(f"blur1 must be at least 1, which is no blur, not {self.blur1}.")

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

# Beyond the paper, one change each. Layers 3 to 5 have maps as large as those of their relatives, in small worlds and at 224 px.
OPEN: dict[str, Architecture] = {
    "zfnet-turned-pool": Architecture(turned_pool=True),
    "alexnet-dry": replace(ALEXNET, dropout=0.0),
    "alexnet-no-7-dry": replace(ALEXNET, fc=(4096,), dropout=0.0),
    "conv1-7-4": replace(ALEXNET, conv1=(7, 4, 0), conv2=(5, 1, 1)),
    "conv1-11-2": Architecture(conv1=(11, 2, 0)),
    "conv1-11-4-blur": replace(ALEXNET, conv1=(11, 2, 0), blur1=2),
}


def scaled(name: str, classes: int, image_size: int, width: float, fc: int) -> Architecture:
    """A row of Table 3, or one of `OPEN`, in a smaller world: `fc` units stand for the paper's 4096.

    >>> scaled("zfnet-fc-8192", classes=24, image_size=128, width=0.25, fc=256).fc
    (512, 512)
    """
    known = TABLE3 | OPEN
    if name not in known:
        raise ValueError(f"No architecture is called {name!r}; there are {', '.join(known)}.")
    full = known[name]
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


class Blur(nn.Module):
    """Every map convolved with the binomial (1, 4, 6, 4, 1) / 16 along both axes, and one value in `stride` kept.

    A stride that skips values folds what varies too fast for it; blurred first, there is less to fold (Zhang, "Making
    convolutional networks shift-invariant again", 2019). The weights are fixed, and what lies outside is 0.

        >>> Blur(2)(F.pad(torch.full((1, 1, 1, 1), 256.0), (2, 2, 2, 2)))[0, 0]
        tensor([[ 1.,  6.,  1.],
                [ 6., 36.,  6.],
                [ 1.,  6.,  1.]])
    """

    def __init__(self, stride: int):
        super().__init__()
        self.stride = stride
        line = torch.tensor([1.0, 4.0, 6.0, 4.0, 1.0]) / 16
        self.register_buffer("kernel", line[:, None] * line, persistent=False)  # (5, 5)

    def forward(self, x: Tensor) -> Tensor:
        """(N, C, H, W) to (N, C, ceil(H / stride), ceil(W / stride))."""
        kernel = self.kernel.to(x.dtype).expand(x.shape[1], 1, 5, 5)
        return F.conv2d(x, kernel, stride=self.stride, padding=2, groups=x.shape[1])


class TurnedMaxPool(nn.MaxPool2d):
    """The maximum over the four quarter turns of square maps, and then over windows, as `nn.MaxPool2d`.

    Maps that are turned by 90 degrees give the same answer, and the places that a quarter turn exchanges become one. The maps of
    an image that is turned are other maps, though: a filter for upright edges is not turned along.

        >>> maps = torch.arange(49.0).reshape(1, 1, 7, 7)
        >>> pool = TurnedMaxPool(3, 2)
        >>> torch.equal(pool(maps), pool(maps.rot90(1, (2, 3)))), pool(maps)[0, 0].tolist()
        (True, [[48.0, 46.0, 48.0], [46.0, 32.0, 46.0], [48.0, 46.0, 48.0]])
    """

    def forward(self, x: Tensor) -> Tensor:
        """(N, C, H, H) to the pooled maps."""
        return super().forward(torch.stack([x.rot90(turns, (2, 3)) for turns in range(4)]).amax(0))


class ZFNet(nn.Module):
    """The convolutional network of Fig. 3, or the variant that `architecture` describes.

    Args:
        architecture: see `Architecture`; the default has 62,357,608 parameters.

    Forward:
        images: (N, 3, S, S) float, pixels minus the mean image, about [-128, 128].
        returns: (N, classes) logits.

    Attributes:
        conv_sizes: side of every convolutional layer's maps, `{"layer1": 110, ...}`.

    Raises:
        ValueError: kernels and strides that leave nothing of the image.
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
            channels, size = out, (size + 2 * padding + extra - kernel) // stride + 1
            if number == 1 and a.blur1 > 1:
                parts, size = [*parts, ("blur", Blur(a.blur1))], math.ceil(size / a.blur1)
            self.add_module(f"layer{number}", nn.Sequential(OrderedDict(parts)))
            self.conv_sizes[f"layer{number}"] = size
            if number in (1, 2, 5):
                pool = TurnedMaxPool if number == 5 and a.turned_pool else nn.MaxPool2d
                self.add_module(f"pool{number}", pool(3, 2, ceil_mode=True))
                size = math.ceil((size - 3) / 2) + 1
            if number in (1, 2):
                self.add_module(f"norm{number}", ContrastNorm())
            if size < 1:
                raise ValueError(
                    f"Nothing is left of the maps of layer {number}; give smaller kernels or strides, or larger images."
                )
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
        """Preprocessed images (N, 3, S, S) to logits (N, classes).

        Raises:
            ValueError: images of another shape. Layers 1 to 5 look at any size; that it is wrong is said when layer 6 is reached.
        """
        size = self.architecture.image_size
        refusal = ValueError(f"This network takes images of shape (N, 3, {size}, {size}), not {tuple(images.shape)}.")
        if images.ndim != 4 or images.shape[1] != 3:
            raise refusal
        fits, x = images.shape[2:] == (size, size), images
        for name, module in self.named_children():
            if name == "flatten" and not fits:
                raise refusal
            try:
                x = module(x)
            except RuntimeError:
                if fits:
                    raise
                raise refusal from None  # too small for five layers
        return x


@torch.no_grad()
def renormalise_filters(module: nn.Module, cap: float = FILTER_RMS) -> int:
    """Rescale, in place, every convolution filter whose root mean square exceeds `cap` to exactly `cap` (sec. 3.1).

    Returns:
        how many filters were rescaled.

    Raises:
        ValueError: filters that are computed from other weights, so that rescaling them would not last.
    """
    convs = {name: part for name, part in module.named_modules() if isinstance(part, nn.Conv2d)}
    for name, conv in convs.items():
        if "weight" not in conv._parameters and "weight" not in conv._buffers:
            raise ValueError(
                f"The filters of {name!r} are computed from other weights, as weight_norm, spectral_norm, prune and "
                "parametrizations do, and cannot be rescaled in place; remove that first."
            )
    clipped = 0
    for conv in convs.values():
        rms = conv.weight.square().mean(dim=(1, 2, 3), keepdim=True).sqrt()  # (out, 1, 1, 1)
        clipped += int((rms > cap).sum())
        conv.weight.mul_((cap / rms).clamp(max=1))
    return clipped


def first_convolution(module: nn.Module) -> nn.Conv2d:
    """The convolution that looks at the image itself, as far as it can be told without one: the first, as they are registered,
    that takes 1 or 3 channels; where none does, the first of all, if no other can have made what it takes.

    Raises:
        ValueError: no convolution, or none of which this can be told.
    """
    found = [part for part in module.modules() if isinstance(part, nn.Conv2d) and part.in_channels]  # a lazy one has 0
    if not found:
        raise ValueError("This network has no convolution, so no filters to look at.")
    made, seeing = {part.out_channels for part in found}, [part for part in found if part.in_channels in (1, 3)]
    if not seeing and found[0].in_channels in made and any(part.in_channels not in made for part in found):
        raise ValueError(
            "Which convolution sees the image cannot be told; take the weights of the right one, as in net.stem.weight."
        )
    return (seeing or found)[0]
