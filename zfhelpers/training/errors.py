"""The error of Tables 2 and 3: how often the true class is not among the k most probable ones.

    >>> wrong(np.array([[0.5, 0.3, 0.2], [0.5, 0.3, 0.2]]), np.array([0, 2]), k=2)
    array([False,  True])

The top-k error is the mean of it.
"""

from __future__ import annotations

from typing import TypeVar

import numpy as np
import torch
from torch import Tensor

Array = TypeVar("Array", np.ndarray, Tensor)


def wrong(scores: Array, labels: Array, k: int = 1) -> Array:
    """For every image, whether its class is not among the k that score highest.

    Equal scores are ranked in the order of the classes, so that the same numbers give the same errors everywhere. A score that is
    no number is never a right answer.

    Args:
        scores: (N, classes) probabilities or logits.
        labels: (N,) indices of the true classes.
        k: how many guesses are allowed, 1 to the number of classes.

    Returns:
        (N,) bool, an array or a tensor as `scores` is.

    Raises:
        ValueError: a k that is not a number of classes.
    """
    classes = scores.shape[1]
    if not 1 <= k <= classes:
        raise ValueError(f"With {classes} classes k lies between 1 and that, not at {k}.")
    if not isinstance(scores, Tensor):
        return wrong(torch.from_numpy(np.array(scores)), torch.from_numpy(np.array(labels, dtype=np.int64)), k).numpy()
    labels = torch.as_tensor(labels, device=scores.device)[:, None]
    own, places = scores.gather(1, labels), torch.arange(classes, device=scores.device)
    behind = (scores < own) | ((scores == own) & (places >= labels))  # NaN is neither, and so counts as ahead
    return (~behind).sum(dim=1) >= k
