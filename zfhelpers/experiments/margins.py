"""How surely a network is right: its margin, and what dropout's noise does to its answers.

    margin = (z_true - max over other classes z_other) / |z - mean z|            z are the logits

Divided by the length of the centred logits it does not grow when all logits do; it is positive where the answer is right, and at
most the square root of 2.

    >>> margins(torch.tensor([[5.0, 1.0, 0.0], [50.0, 10.0, 0.0], [1.0, 2.0, 0.0]]), torch.tensor([0, 0, 0])).tolist()
    [1.0690..., 1.0690..., -0.7071...]
"""

from __future__ import annotations

from collections.abc import Sequence

import numpy as np
import torch
from torch import Tensor, nn

from zfhelpers.model import ZFNet
from zfhelpers.training.errors import wrong
from zfhelpers.worlds.world import ImageSet, World

AT_ONCE = 100  # images


def margins(logits: Tensor, labels: Tensor) -> Tensor:
    """How far the true class's logit lies above the best other one, over the length of the centred logits.

    Args:
        logits: (N, classes) float, two classes or more.
        labels: (N,) int64.

    Returns:
        (N,) float; NaN where all logits are equal.
    """
    own = logits.gather(1, labels[:, None])[:, 0]
    others = logits.scatter(1, labels[:, None], -torch.inf).amax(1)
    return (own - others) / (logits - logits.mean(1, keepdim=True)).norm(dim=1)


@torch.no_grad()
def noisy_errors(net: ZFNet, world: World, images: ImageSet, rows: Sequence[int], draws: int = 8, seed: int = 0) -> dict:
    """The error of centre crops, and what it is while dropout switches units off as in training.

    The convolutional layers, which have no dropout, are computed once.

    Args:
        net: in evaluation mode; it is left in it.
        world: whose network it is.
        images: `world.train` or `world.val`.
        rows: which of them.
        draws: of the noise, for each image.
        seed: of the draws.

    Returns:
        {"logits": (N, classes) without noise, "error": % of them wrong, "noisy": the same with noise, mean over the draws}.
    """
    parts = list(net.children())
    top = parts.index(net.flatten) + 1
    convolutional, connected = nn.Sequential(*parts[:top]), nn.Sequential(*parts[top:])
    split = np.array_split(np.asarray(rows), -(-len(rows) // AT_ONCE))
    features = torch.cat([convolutional(world.preprocess(images.images(part))) for part in split])
    labels = torch.from_numpy(images.labels[np.asarray(rows)])
    logits = connected(features)
    with torch.random.fork_rng():
        torch.manual_seed(seed)
        connected.train()
        noisy = [percent(wrong(connected(features), labels)) for _ in range(draws)]
        connected.eval()
    return {"logits": logits, "error": percent(wrong(logits, labels)), "noisy": float(np.mean(noisy))}


def percent(hits: Tensor) -> float:
    """The share of true values, in %."""
    return 100 * float(hits.double().mean())
