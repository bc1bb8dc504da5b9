"""How clear a projection is, as far as numbers can say: how much of the picture holds its energy.

>>> dot = torch.zeros(1, 3, 10, 10)
>>> dot[0, 0, 4, 4] = -2.0
>>> half_energy_share(torch.cat([dot, torch.ones(1, 3, 10, 10)]))
tensor([0.0100, 0.5000])
"""

from __future__ import annotations

import torch
from torch import Tensor


def half_energy_share(projections: Tensor) -> Tensor:
    """The smallest share of each picture's pixels that holds half of its energy, the squared values added up over colours.

    Args:
        projections: (N, C, H, W) float.

    Returns:
        (N,) float, in (0, 0.5]; 1 / (H W) for a single pixel.
    """
    energy = projections.square().sum(1).flatten(1).sort(1, descending=True).values.to(torch.float64).cumsum(1)
    before = (energy < 0.5 * energy[:, -1:]).sum(1)  # pixels that do not yet hold half
    return (before + 1) / energy.shape[1]
