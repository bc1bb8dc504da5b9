"""Whether a picture depends on what the network has learned: its layers are made random from the top, one more each time.

A picture that stays as it was does not show what the network knows (Adebayo et al., 2018, arXiv 1810.03292).

    >>> from zfhelpers.model import Architecture, ZFNet
    >>> net = ZFNet(Architecture(classes=5, image_size=64, width=0.125, fc=(16, 16)))
    >>> [name for name, _ in cascade(net)][:3]
    ['layer8', 'layer7.fc', 'layer6.fc']
"""

from __future__ import annotations

from collections.abc import Iterator

import numpy as np
import scipy
import torch
from torch import Tensor, nn

from zfhelpers.networks.redrawn import copied, redraw


def cascade(module: nn.Module, seed: int = 0) -> Iterator[tuple[str, nn.Module]]:
    """A copy of the network with its last layer random, then its last two, and so on: "cascading randomisation".

    What has weights is made random by its own `reset_parameters`, as PyTorch would begin a training; the last of the modules in
    the order of the network's own list comes first. It is one copy, which changes with every step.

    Args:
        module: any network; it stays as it is.
        seed: each layer is made random anew from it.

    Yields:
        the name of the module that has become random, and the network.

    Raises:
        ValueError: a part has weights that its `reset_parameters` does not draw, as under weight_norm, spectral_norm and prune;
            a network that cannot be copied.
    """
    other = copied(module).eval()
    parts = [(name, part) for name, part in other.named_modules() if name and hasattr(part, "reset_parameters")]
    for name, part in reversed(parts):
        with torch.random.fork_rng(devices=[]):
            torch.manual_seed(seed)
            redraw({name: part}, lambda part: part.reset_parameters())
        yield name, other


def similarity(first: Tensor, second: Tensor) -> np.ndarray:
    """Spearman's rank correlation of the absolute values of two pictures, pixel by pixel, for each of N pairs.

    Args:
        first, second: (N, ...) of one shape.

    Returns:
        (N,) in [-1, 1]; 0 where one of the two is the same everywhere, and says nothing.

    >>> one = torch.tensor([[1.0, -2.0, 3.0], [1.0, 1.0, 1.0]])
    >>> similarity(one, torch.tensor([[1.0, 4.0, 9.0], [1.0, 2.0, 3.0]]))
    array([1., 0.])
    """
    ranks = [scipy.stats.rankdata(each.abs().flatten(1).cpu().numpy(), axis=1) for each in (first, second)]
    one, other = (each - each.mean(1, keepdims=True) for each in ranks)
    sizes = np.sqrt((one**2).sum(1) * (other**2).sum(1))
    return np.divide((one * other).sum(1), sizes, out=np.zeros(len(one)), where=sizes > 0)
