"""Weights drawn anew, and a look afterwards whether what was learned is really gone.

A network that keeps some of what it learned would pass for an untrained one. So weights are spoilt before they are drawn: what is
still spoilt afterwards, no `reset_parameters` has drawn.

    >>> from torch.nn.utils import prune
    >>> net = prune.identity(nn.Conv2d(3, 8, 5), "weight")  # which is computed from `weight_orig` and a mask from now on
    >>> redraw({"0": net}, nn.Conv2d.reset_parameters)
    Traceback (most recent call last):
    ...
    ValueError: The reset_parameters of '0', a Conv2d, does not draw its weight_orig; where weight_norm, spectral_norm or prune \
put it there, remove that first, and otherwise let reset_parameters draw it.
"""

from __future__ import annotations

from collections.abc import Callable, Mapping
from copy import deepcopy

import torch
from torch import nn


def redraw(parts: Mapping[str, nn.Module], draw: Callable[[nn.Module], None]) -> None:
    """Draw the weights of some parts of a network, one after the other, and see that all parameters of theirs were drawn.

    Args:
        parts: {name: part}; only what is a part's own is looked at, not what is its children's.
        draw: draws the weights of one part.

    Raises:
        ValueError: a parameter that stays as it was.
    """
    with torch.no_grad():
        for part in parts.values():
            for value in part.parameters(recurse=False):
                if value.is_floating_point():
                    value.fill_(torch.nan)
    for part in parts.values():
        draw(part)
    for name, part in parts.items():
        for key, value in part.named_parameters(recurse=False):
            if value.isnan().any():
                raise ValueError(
                    f"The reset_parameters of {name!r}, a {type(part).__name__}, does not draw its {key}; where weight_norm, "
                    "spectral_norm or prune put it there, remove that first, and otherwise let reset_parameters draw it."
                )


def copied(module: nn.Module) -> nn.Module:
    """A copy of a network.

    Raises:
        ValueError: it cannot be copied.
    """
    try:
        return deepcopy(module)
    except (RuntimeError, TypeError) as error:  # of a lock or a file, or of a weight that weight_norm has computed
        said = str(error).partition("\n")[0].rstrip(".")
        raise ValueError(
            f"This network cannot be copied ({said}); give one that copy.deepcopy copies, for example without weight_norm."
        ) from error
