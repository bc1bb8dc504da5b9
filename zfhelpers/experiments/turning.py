"""Quarter turns: of images, of maps, and of filters. They are three different things.

    turned maps      R f(x)      the maps that a network found, turned like a picture
    turned images    f(R x)      the maps that it finds in the turned image

A network in which both are the same is *equivariant*; `turned_apart` measures how far they are from each other. A maximum over
turned maps (`model.TurnedMaxPool`) forgets where something was found, a quarter turn being all the difference; it does not make a
filter for upright edges find edges that lie down. A maximum over turned images does (`TurnedInputs`), for four times the
arithmetic; and so does one over turned filters (`turned_filters`), which is the beginning of group convolutions (Cohen and
Welling, 2016).

    >>> from zfhelpers.model import Architecture, ZFNet
    >>> net = ZFNet(Architecture(classes=5, image_size=64, width=0.125, fc=(16, 16))).eval()
    >>> both, images = TurnedInputs(net), torch.randn(2, 3, 64, 64)
    >>> torch.allclose(both(images), both(quarter(images)), atol=1e-4), multiply_adds(both, images) // multiply_adds(net, images)
    (True, 4)
"""

from __future__ import annotations

from collections.abc import Iterable, Sequence

import numpy as np
import torch
from torch import Tensor, nn

from zfhelpers.experiments.invariance import InvarianceCurves, Source
from zfhelpers.hooks import layer_names, recording
from zfhelpers.model import Blur
from zfhelpers.worlds.world import World

AT_ONCE = 20  # images, of which each may be looked at four times


def quarter(pictures: Tensor, turns: int = 1) -> Tensor:
    """Images, maps or filters (..., H, H) turned counter-clockwise by so many times 90 degrees, without resampling.

    >>> quarter(torch.tensor([[1, 2], [3, 4]])).tolist()
    [[2, 4], [1, 3]]
    """
    return pictures.rot90(turns, (-2, -1))


class TurnedInputs(nn.Module):
    """A network that sees an image in four quarter turns and goes on with the largest of what it finds (Laptev et al., 2016).

    Laptev et al. train such a network ("TI-pooling"), with as many turns as they like; here one that was trained without is used
    as it is.

    Args:
        net: a network of square images. It is shared, not copied.
        layer: one of its children, after which the maximum is taken; the children are called one after the other, as in a
            `ZFNet`. None: at the end, of the outputs, which any network allows.

    Raises:
        ValueError: the network has no such child.
    """

    def __init__(self, net: nn.Module, layer: str | None = None):
        super().__init__()
        self.net, self.layer = net, layer
        names = [name for name, _ in net.named_children()]
        if layer is not None and layer not in names:
            raise ValueError(f"The network has no part {layer!r}; it has {', '.join(names)}.")

    def forward(self, images: Tensor) -> Tensor:
        """(N, 3, S, S), as the network takes them, to what it puts out."""
        four = torch.cat([quarter(images, turns) for turns in range(4)])
        if self.layer is None:
            return self.net(four).unflatten(0, (4, -1)).amax(0)
        x = four
        for name, part in self.net.named_children():
            x = part(x)
            if name == self.layer:
                x = x.unflatten(0, (4, -1)).amax(0)
        return x


def turned_filters(conv: nn.Conv2d) -> nn.Conv2d:
    """The same convolution with every filter in its four quarter turns: out maps 4 k to 4 k + 3 are those of filter k.

    >>> upright = nn.Conv2d(1, 1, 3, bias=False)
    >>> image = torch.randn(1, 1, 9, 9)
    >>> strongest = lambda pixels: turned_filters(upright)(pixels).amax()
    >>> torch.allclose(strongest(image), strongest(quarter(image)))
    True
    """
    bias = conv.bias is not None
    four = nn.Conv2d(
        conv.in_channels, 4 * conv.out_channels, conv.kernel_size, conv.stride, conv.padding, groups=conv.groups, bias=bias
    )
    with torch.no_grad():
        four.weight.copy_(torch.stack([quarter(conv.weight, turns) for turns in range(4)], 1).flatten(0, 1))
        if bias:
            four.bias.copy_(conv.bias.repeat_interleave(4))
    return four.eval()


def turned_apart(module: nn.Module, images: Tensor, turned: Tensor, layers: str | Iterable[str]) -> dict[str, dict[str, float]]:
    """How far the maps of turned images are from the maps of the images, and from these maps turned.

    Args:
        module: a network whose layers give square maps (N, C, H, H).
        images: (N, 3, S, S) as it takes them, N at least 2.
        turned: the same images a `quarter` further.
        layers: of maps.

    Returns:
        {layer: {"maps": median over images of |f(R x) - f(x)|, "turned maps": of |f(R x) - R f(x)|}}, Euclidean, both over the
        median distance between two different images: at 1 the turned image is a stranger.
    """
    with recording(module, layer_names(layers), beyond=False) as forward:
        before, after = forward(images)[1], forward(turned)[1]
    found = {}
    for layer, maps in before.items():
        unit = torch.pdist(maps.flatten(1)).median()
        others = {"maps": maps, "turned maps": quarter(maps)}
        apart = {what: (after[layer] - other).flatten(1).norm(dim=1).median() / unit for what, other in others.items()}
        found[layer] = {what: float(value) for what, value in apart.items()}
    return found


def multiply_adds(module: nn.Module, images: Tensor) -> int:
    """How often a number is multiplied with a weight and added up for one image: in convolutions, products and blurs.

    Args:
        module: the network.
        images: (N, 3, S, S) as it takes them; their values do not matter.

    >>> multiply_adds(nn.Conv2d(3, 8, 5), torch.zeros(1, 3, 10, 10))  # 36 places, 8 filters of 75 weights
    21600
    """
    counts = []

    def count(part: nn.Module, _inputs, out: Tensor) -> None:
        weights = part.kernel.numel() if isinstance(part, Blur) else part.weight[0].numel()  # behind each number
        counts.append(out.numel() * weights)

    hooks = [part.register_forward_hook(count) for part in module.modules() if isinstance(part, nn.Conv2d | nn.Linear | Blur)]
    try:
        with torch.inference_mode():
            module(images)
    finally:
        for hook in hooks:
            hook.remove()
    return sum(counts) // len(images)


@torch.no_grad()
def around(module: nn.Module, world: World, source: Source, outputs: Sequence[int], angles: Sequence[float]) -> np.ndarray:
    """What is left of an output's probability when images are turned.

    Args:
        module: a network of `world`, to logits.
        world: whose preprocessing the network takes.
        source: of images that can be turned, see `invariance_curves`.
        outputs: which output is followed in each image, (N,).
        angles: degrees.

    Returns:
        (N, angles) probabilities.
    """
    module.eval()
    found = []
    for angle in angles:
        parts = source("rotation", angle).split(AT_ONCE)
        answers = torch.cat([module(world.preprocess(part)).softmax(1) for part in parts])
        found.append(answers[range(len(outputs)), outputs].numpy())
    return np.stack(found, 1)


def stacked(curves: Sequence[InvarianceCurves]) -> InvarianceCurves:
    """The curves of several networks, one below the other, as if they were those of more images.

    Args:
        curves: of one kind and the same amounts, with the same layers.

    >>> one = InvarianceCurves("rotation", torch.tensor([0.0, 90.0]), {"layer1": torch.zeros(2, 2)}, torch.ones(2, 2))
    >>> stacked([one, one, one])
    InvarianceCurves(6 images, 2 amounts of rotation from 0 to 90; layer1)
    """
    first = curves[0]
    distances = {layer: torch.cat([each.distances[layer] for each in curves]) for layer in first.distances}
    return InvarianceCurves(first.kind, first.amounts, distances, torch.cat([each.probability for each in curves]))
