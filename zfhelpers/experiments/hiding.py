"""What hiding tells: the numbers behind Fig. 7, from sweeps of a square and from hiding exactly one thing.

>>> from zfhelpers.model import Architecture, ZFNet
>>> from zfhelpers.occlusion import occlusion_maps
>>> net = ZFNet(Architecture(classes=5, image_size=64, width=0.125, fc=(16, 16)))
>>> maps = occlusion_maps(net, torch.zeros(3, 64, 64), "layer5", size=16, stride=8)
>>> list(summary(maps, label=2))[:2]
['least P(true)', 'median P(true)']
>>> apart(maps, 0, 1), apart(maps, 0, 2)  # the squares at places 0 and 1 overlap by half, those at 0 and 2 touch
(False, True)
"""

from __future__ import annotations

from collections.abc import Sequence

import numpy as np
import torch
from torch import Tensor, nn
from torch.nn import functional as F

from zfhelpers.occlusion import OcclusionMaps
from zfhelpers.worlds.world import World

AT_ONCE = 60  # images in a forward pass
LEAST_HIDDEN = 1 / 4  # of all places: where a square hides least of a projection
PAPER = {  # decoded from the colour bars and legends of Fig. 7: Pomeranian, car wheel, Afghan hound
    "dog with ball": (0.06, 0.95, 0.98, 5.4, 97.7),
    "car with sign": (0.01, 0.14, 0.29, None, 14.3),
    "dog with person": (0.01, 0.38, 0.75, None, 84.7),
}


def true_probability(module: nn.Module, world: World, indices: Sequence[int], hidden: np.ndarray | None = None) -> np.ndarray:
    """The probability of the true class of validation images, some pixels of which show the mean image.

    Args:
        module: a network that gives logits (n, outputs).
        world: whose images; the network must have an output for every class that occurs.
        indices: n validation images.
        hidden: (n, S, S) bool, the pixels of each that are hidden; None: none.

    Returns:
        (n,) float32.

    Raises:
        ValueError: not a mask for each image, or a class that the network has no output for.
    """
    indices = np.asarray(indices, dtype=np.int64)
    if hidden is not None and len(hidden) != len(indices):
        raise ValueError(f"There are {len(indices)} images and {len(hidden)} masks; give one for each.")
    true = world.answers[world.val.labels[indices]]
    if (true < 0).any():
        raise ValueError(f"{world.network} has no output for the class {world.classes[world.val.labels[indices][true < 0][0]]}.")
    found = []
    for start in range(0, len(indices), AT_ONCE):
        part = slice(start, start + AT_ONCE)
        shown = world.preprocess(world.val.images(indices[part]))
        if hidden is not None:
            shown = shown * ~torch.from_numpy(np.stack(hidden[part]))[:, None]  # the mean image is zero
        with torch.inference_mode():
            found.append(module(shown).softmax(1)[torch.arange(len(shown)), torch.from_numpy(true[part])])
    return torch.cat(found).cpu().numpy()


def summary(maps: OcclusionMaps, label: int) -> dict[str, tuple[float, str]]:
    """{name: (value, unit)} of the probability of the true class over all places of a sweep; `PAPER` has the same of Fig. 7."""
    p = maps.probabilities[..., label]
    low, middle, high = torch.quantile(p, torch.tensor([0.0, 0.5, 1.0], dtype=p.dtype)).tolist()
    return {
        "least P(true)": (low, ""),
        "median P(true)": (middle, ""),
        "most P(true)": (high, ""),
        "places below half of the most": (100 * float((p < high / 2).float().mean()), "%"),
        "places with the right label": (100 * float((maps.labels == label).float().mean()), "%"),
    }


def activity_lost(maps: OcclusionMaps, projection: Tensor) -> tuple[float, float]:
    """What the strongest map loses where the square hides most of its projection, and where it hides least, in %.

    The squared values of the projection say how much of it lies where. The second number is the mean over the quarter of the
    places that hide least.

    Args:
        maps: of a square.
        projection: (C, S, S) of the strongest map of the same image.
    """
    energy = projection.square().sum(0)
    under = F.avg_pool2d(energy[None] / energy.mean(), maps.size, maps.stride).flatten()
    clean = next(iter(maps.sums_clean.values()))[maps.strongest_map]
    lost = 100 * (1 - maps.activity / clean).flatten()
    least = under.argsort(stable=True)[: int(len(under) * LEAST_HIDDEN)]
    return float(lost[under.argmax()]), float(lost[least].mean())


def apart(maps: OcclusionMaps, one: int, other: int) -> bool:
    """Whether the squares at two places, numbered in reading order, do not overlap."""
    columns = maps.labels.shape[1]
    rows_and_columns = zip(divmod(int(one), columns), divmod(int(other), columns), strict=True)
    return max(abs(a - b) for a, b in rows_and_columns) * maps.stride >= maps.size


def apart_blindly(maps: OcclusionMaps) -> float:
    """How often two places drawn at random would be apart, in %: counted over all pairs."""
    places = range(maps.labels.numel())
    return 100 * float(np.mean([apart(maps, one, other) for one in places for other in places]))
