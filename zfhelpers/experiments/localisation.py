"""How well a picture of importance fits what is known: where the object is, and what taking pixels away does.

Three scores need a mask of the object, and no network:

- *mass accuracy*, the share of the importance that lies on it, and *rank accuracy*, the share that lies on it of as many most
  important pixels as the object has (Arras, Osman and Samek, 2020, arXiv 2003.07258);
- the *pointing game*, whether the most important pixel lies on it (Zhang et al., 2016, 1608.00507).

`exchange` needs a network and no mask: pixels are exchanged for those of another image, the most important first. From the image
to one of a single colour that is the *deletion* curve, from a blurred image to the sharp one the *insertion* curve (Petsiuk, Das
and Saenko, 2018, 1806.07421); the pixel flipping of Bach et al. (2015) is the first.

    >>> importance = np.array([[[4.0, 1.0], [3.0, 0.0]]])
    >>> mask = np.array([[[True, True], [False, False]]])
    >>> mass_accuracy(importance, mask), rank_accuracy(importance, mask), pointing(importance, mask)
    (array([0.625]), array([0.5]), array([ True]))
"""

from __future__ import annotations

import numpy as np
import torch
from torch import Tensor, nn
from torch.nn import functional as F


def mass_accuracy(importance, masks) -> np.ndarray:
    """The share of what is positive in each map that lies in its mask: (N,) in [0, 1], NaN where nothing is positive.

    Args:
        importance: (N, H, W), arrays or tensors.
        masks: (N, H, W) bool.

    Raises:
        ValueError: a mask that is empty, or masks of another shape.
    """
    values, masks = _checked(importance, masks)
    positive = values.clip(min=0)
    with np.errstate(invalid="ignore"):
        return (positive * masks).sum(1) / positive.sum(1)


def rank_accuracy(importance, masks) -> np.ndarray:
    """Of the K most important pixels, K as many as the mask has, the share that lie in it: (N,) in [0, 1].

    Among pixels of one importance any may come first; a picture that says the same of all scores about the mask's own share.

    Args, Raises: as in `mass_accuracy`.
    """
    values, masks = _checked(importance, masks)
    order = np.random.default_rng(0).permutation(values.shape[1])  # so that equals are not taken from the top of the image
    values, masks = values[:, order], masks[:, order]
    first = np.argsort(-values, axis=1, kind="stable")
    counts = masks.sum(1)
    return np.array([mask[ranked[:count]].mean() for mask, ranked, count in zip(masks, first, counts, strict=True)])


def pointing(importance, masks) -> np.ndarray:
    """Whether a most important pixel lies in the mask: (N,) bool. Args, Raises: as in `mass_accuracy`."""
    values, masks = _checked(importance, masks)
    return ((values == values.max(1, keepdims=True)) & masks).any(1)


def _checked(importance, masks) -> tuple[np.ndarray, np.ndarray]:
    """Values and masks as (N, H * W)."""
    values, masks = np.asarray(importance, dtype=np.float64), np.asarray(masks, dtype=bool)
    if values.shape != masks.shape or values.ndim != 3:
        raise ValueError(f"Each map needs one mask of its size, both (N, H, W), not {values.shape} and {masks.shape}.")
    if not masks.any((1, 2)).all():
        raise ValueError("A mask is empty: there is nothing to find; leave such images out.")
    return values.reshape(len(values), -1), masks.reshape(len(masks), -1)


@torch.no_grad()
def exchange(module: nn.Module, image: Tensor, other: Tensor, importance, output: int, steps: int = 16) -> np.ndarray:
    """The probability of an output while an image becomes another one, its most important pixels first.

    Args:
        module: a network that gives logits.
        image, other: (C, H, W) float, as the network takes them. Deletion goes from the image to zeros, the mean image; insertion
            from `blurred(image)` to the image.
        importance: (H, W); pixels of one importance are exchanged in reading order.
        output: number of the output.
        steps: as many equal parts of the pixels, as nearly as they divide.

    Returns:
        (steps + 1,) float32, from the image as it is to the other one.

    >>> net = nn.Sequential(nn.Flatten(), nn.Linear(4, 2, bias=False))
    >>> _ = net[1].weight.data.copy_(torch.tensor([[1.0, 0, 0, 0], [0, 0, 0, 1.0]]))
    >>> exchange(net, torch.ones(1, 2, 2), torch.zeros(1, 2, 2), [[4, 3], [2, 1]], 0, steps=4).round(2)
    array([0.5 , 0.27, 0.27, 0.27, 0.5 ], dtype=float32)
    """
    values = torch.as_tensor(importance, dtype=torch.float64).flatten()
    place = torch.empty(len(values), dtype=torch.int64)
    place[torch.argsort(-values, stable=True)] = torch.arange(len(values))  # when it is exchanged
    ends = [round(len(values) * step / steps) for step in range(steps + 1)]
    gone = torch.stack([place < end for end in ends]).view(steps + 1, 1, *image.shape[1:])
    return module(torch.where(gone.to(image.device), other, image)).softmax(1)[:, output].float().cpu().numpy()


def blurred(image: Tensor, share: float = 0.08) -> Tensor:
    """An image (C, H, W) of which rough shapes are left: a Gaussian blur, its standard deviation a share of the side; ours."""
    sigma = share * image.shape[-1]
    reach = min(int(3 * sigma), min(image.shape[1:]) - 1)
    line = torch.exp(-(torch.arange(-reach, reach + 1, dtype=image.dtype) ** 2) / (2 * sigma**2))
    line = (line / line.sum()).to(image.device).expand(len(image), 1, 1, -1)
    wide = F.pad(image[None], (reach,) * 4, mode="reflect")
    return F.conv2d(F.conv2d(wide, line, groups=len(image)), line.transpose(2, 3), groups=len(image))[0]


def area(curve: np.ndarray) -> float:
    """The area under a curve of `exchange`, in [0, 1]: the mean probability on the way, by trapezoids.

    >>> area(np.array([1.0, 0.5, 0.0]))
    0.5
    """
    return float(np.trapezoid(curve) / (len(curve) - 1))
