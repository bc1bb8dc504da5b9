"""Fig. 7: 900 positions of a square, against Captum, which gives one class."""

from __future__ import annotations

from functools import partial

import torch
from captum.attr import Occlusion
from networks import image, network
from timing import Row, alternate, best_of, peak_gflops

from zfhelpers import occlusion_maps

LAYERS = {"zfnet": "layer5", "alexnet": "features.11", "vgg16": "features.29"}
TARGETS = {"zfnet": 2.5, "alexnet": 2.0, "vgg16": 2.0}
SIZE, STRIDE = 50, 6


def captum(net: torch.nn.Module, picture: torch.Tensor, label: int, stride: int, at_once: int) -> torch.Tensor:
    """P(label) without the square minus P(label) with it, added up by Captum over the pixels that it covers."""
    answer = Occlusion(lambda x: net(x).softmax(1))
    with torch.no_grad():
        return answer.attribute(
            picture, (3, SIZE, SIZE), strides=(3, stride, stride), target=label, baselines=0, perturbations_per_eval=at_once
        )


def from_maps(maps, label: int, picture: torch.Tensor) -> torch.Tensor:
    """The same picture from our probabilities: Captum averages over the positions that cover a pixel."""
    falls = maps.probabilities_clean[label] - maps.probabilities[..., label]
    total, count = torch.zeros(picture.shape[2:]), torch.zeros(picture.shape[2:])
    for row in range(falls.shape[0]):
        for column in range(falls.shape[1]):
            top, left, bottom, right = maps.box(row, column)
            total[top:bottom, left:right] += falls[row, column]
            count[top:bottom, left:right] += 1
    return total / count.clamp(min=1)


def ours(net: torch.nn.Module, picture: torch.Tensor, layer: str, stride: int, precision: str | None = None):
    """The whole of Fig. 7 in one sweep."""
    return occlusion_maps(net, picture[0], layer, SIZE, stride, precision=precision)


def jobs(repeats: int, stride: int = STRIDE):
    """Rows of the table, one network after the other; VGG-16, which takes ten times as long, at a ninth of the positions."""
    for name, layer in LAYERS.items():
        yield from against_captum(name, layer, repeats, 3 * stride if name == "vgg16" else stride)


def against_captum(name: str, layer: str, repeats: int, stride: int):
    """Two rows of a network, in float32 and, where the processor multiplies that faster, in bfloat16."""
    net, picture = network(name), image()
    with torch.no_grad():
        label = int(net(picture)[0].argmax())
    at_once = best_of({many: partial(captum, net, picture, label, 16, many) for many in (16, 64, 128)})
    mine, theirs = partial(ours, net, picture, layer, stride), partial(captum, net, picture, label, stride, at_once)
    ways = {"ours": mine, "Captum": theirs}
    exact = mine()
    apart = {"ours": float((from_maps(exact, label, picture) - theirs()[0, 0]).abs().max())}
    if peak_gflops(torch.bfloat16) > 1.5 * peak_gflops(torch.float32):
        ways = {"ours": mine, "ours, bfloat16": partial(mine, "bfloat16"), "Captum": theirs}
        apart["ours, bfloat16"] = float((ways["ours, bfloat16"]().probabilities - exact.probabilities).abs().max())
    times = alternate(ways, repeats, warm=False)
    note = f"{exact.labels.numel()} positions; Captum, perturbations_per_eval={at_once}, one class; ours all classes and {layer}"
    for way, difference in apart.items():
        half = way != "ours"
        target = (5 if name == "zfnet" else None) if half else TARGETS[name]
        row = f"occlusion, {name}, 224 px" + ", bfloat16" * half
        yield Row(row, {way: times[way], "Captum": times["Captum"]}, target, difference, note)
