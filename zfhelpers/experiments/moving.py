"""Images of a world that are moved, enlarged and turned: what Fig. 5 is drawn from.

`invariance` measures; here are the images it is given, and the output that is followed in each.

    >>> from zfhelpers.networks.checkpoints import load
    >>> net, world = load("toy")
    >>> curves, images = with_pictures(net, world, [3, 8], {"scale": [1, 1.5]})
    >>> curves["scale"], images["scale"].shape
    (InvarianceCurves(2 images, 2 amounts of scale from 1 to 1.5; layer1, layer7), torch.Size([2, 2, 3, 128, 128]))
"""

from __future__ import annotations

from collections.abc import Iterable, Mapping, Sequence
from functools import cache, partial

import numpy as np
import torch
from torch import Tensor, nn

from zfhelpers import toyworld
from zfhelpers.experiments.invariance import LAYERS, InvarianceCurves, Source, drawn, invariance_curves, transformed
from zfhelpers.worlds.world import World

FIVE = {
    "toy": ("bicycle", "poodle", "tabby cat", "barn owl", "window"),  # the window, with its square panes, is symmetric
    "imagenette": ("tench", "English springer", "church", "gas pump", "golf ball"),  # and so is the golf ball, nearly
    "tinyimagenet": ("goldfish", "monarch", "school bus", "lifeboat", "rugby ball"),  # of those that the network knows best
}
SYMMETRIC = ("entertainment center", "window", "golf ball")  # under quarter turns: the paper's, the toy world's, Imagenette's
AT_ONCE = 50, 20  # images in a forward pass, of up to 128 px and of larger ones
BEHIND = 9.0  # image sizes: an object behind something comes after all that are in full view


def source(world: World, indices: Sequence[int], warped: bool = False) -> Source:
    """Some validation images, moved by any amount: see `invariance_curves`. What was made once is kept.

    The toy world draws its scenes anew, and new surroundings come in. Photographs can only be warped, which leaves black borders.

    Args:
        indices: which images.
        warped: warp the toy world's images, too.
    """
    if world.name == "toy" and not warped:
        scenes = [toyworld.scene("val", int(index)) for index in indices]
        return cache(drawn(scenes, world.frame_size, world.image_size))
    return cache(partial(transformed, world.val.images(indices)))


def followed(module: nn.Module, world: World, indices: Sequence[int]) -> np.ndarray:
    """The output to follow of each image: that of its class, or the network's own answer where it has none of that name, (N,)."""
    labels = world.val.labels[indices]
    if (world.answers[labels] >= 0).all():
        return world.answers[labels]
    with torch.no_grad():
        said = [module(world.preprocess(part)) for part in world.val.images(indices).split(AT_ONCE[1])]
    return world.follow(labels, torch.cat(said))


def curves_of(
    module: nn.Module,
    world: World,
    indices: Sequence[int],
    images: Source,
    steps: Mapping[str, Sequence[float]],
    layers: Iterable[str] = LAYERS,
) -> dict[str, InvarianceCurves]:
    """The `invariance_curves` of some validation images for several kinds of transformation.

    Args:
        module: the network.
        world: it looks at.
        indices: which images; those that `images` was made of.
        images: what moves them, see `source`.
        steps: {kind: amounts}.
        layers: dotted module names.

    Returns:
        {kind: InvarianceCurves}.
    """
    outputs, at_once = followed(module, world, indices), AT_ONCE[world.image_size > 128]
    return {
        kind: invariance_curves(module, images, outputs, kind, amounts, layers, world.preprocess, at_once)
        for kind, amounts in steps.items()
    }


def untouched(module: nn.Module, world: World, indices: Sequence[int]) -> Tensor:
    """The probability of what is followed in each image as it is, (N,)."""
    still = curves_of(module, world, indices, source(world, indices, warped=True), {"scale": [1]}, LAYERS[:1])
    return still["scale"].probability[:, 0]


def with_pictures(
    module: nn.Module,
    world: World,
    indices: Sequence[int],
    steps: Mapping[str, Sequence[float]],
    layers: Iterable[str] = LAYERS,
    warped: bool = False,
) -> tuple[dict[str, InvarianceCurves], dict[str, Tensor]]:
    """The curves of some validation images, and the images after every amount, {kind: (N, T, C, S, S) uint8}.

    Args:
        warped: as for `source`; the others as for `curves_of`.
    """
    move = source(world, indices, warped)
    curves = curves_of(module, world, indices, move, steps, layers)
    images = {}
    for kind, found in curves.items():
        images[kind] = torch.stack([move(kind, amount) for amount in found.amounts.tolist()], dim=1)
    return curves, images


def paper_steps(world: World) -> dict[str, np.ndarray]:
    """The amounts of Fig. 5: up to 63 of 224 pixels either way, up to twice as large, once round."""
    reach = world.pixels(63)
    return {
        "translation": np.linspace(-reach, reach, 13).round(),
        "scale": np.linspace(1, 2, 11),
        "rotation": np.arange(0, 361, 15.0),
    }


# ----------------------------------------------------------------------------------------------------- which images


def five_classes(world: World) -> list[str]:
    """Names of the five classes of the figure: chosen for the shipped worlds, elsewhere the first that have images."""
    seen = [name for number, name in enumerate(world.classes) if number in world.val.labels]
    return list(FIVE.get(world.name, seen[:5]))


def examples(world: World, names: Sequence[str], order: Sequence[int]) -> list[int]:
    """A validation image of each class: the first in some order; in the toy world the one whose object is most in the middle."""

    def off_centre(index: int) -> float:
        scene = toyworld.scene("val", int(index))
        return abs(scene.centre) + BEHIND * (scene.occluder is not None)

    of_class = {name: [int(index) for index in order if world.classes[world.val.labels[index]] == name] for name in names}
    return [min(found, key=off_centre) if world.name == "toy" else found[0] for found in of_class.values()]


def answer_names(module: nn.Module, world: World, indices: Sequence[int]) -> list[str]:
    """The name of what is followed in each image: its class, or an output of the network; see `followed`."""
    labels, outputs = world.val.labels[indices], followed(module, world, indices)
    return [
        world.classes[label] if world.answers[label] >= 0 else world.outputs[output]
        for label, output in zip(labels, outputs, strict=True)
    ]


def symmetric_images(module: nn.Module, world: World, most: int) -> tuple[str | None, np.ndarray, np.ndarray]:
    """Images of something that looks the same after a quarter turn, such as the paper's entertainment center.

    Args:
        module: the network.
        world: it looks at.
        most: images to take.

    Returns:
        the name of the class, None if the world has none such; the numbers of its first validation images; and the places among
        them of those to which the network gives more than half of the probability.
    """
    name = next((name for name in SYMMETRIC if name in world.classes), None)
    alike = np.flatnonzero(world.val.labels == world.classes.index(name))[:most] if name else np.array([], dtype=int)
    return name, alike, np.flatnonzero(untouched(module, world, alike) > 0.5) if len(alike) else alike
