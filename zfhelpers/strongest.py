"""The strongest activations of every feature map over a whole data set, and where they are (Fig. 2)."""

from __future__ import annotations

import math
from collections.abc import Callable, Iterable, Sequence
from dataclasses import dataclass

import torch
from torch import Tensor, nn

from zfhelpers.hooks import checked_images, recording


@dataclass(frozen=True, eq=False, repr=False)
class TopActivations:
    """The strongest activations of every map of one layer over a data set, strongest first.

    Attributes:
        values: (maps, k) float, the activations.
        images: (maps, k) int64, where in the data set each was seen; no image twice in a row of it.
        rows, columns: (maps, k) int64, where in the map.
    """

    values: Tensor
    images: Tensor
    rows: Tensor
    columns: Tensor

    def __repr__(self) -> str:
        """Short: the tensors would fill pages."""
        maps, k = self.values.shape
        return f"TopActivations({maps} maps, top {k})"


def strongest(values: Tensor) -> tuple[Tensor, Tensor, Tensor]:
    """The strongest activation of every map in every image, and its row and column: the first in reading order where several tie.

    Args:
        values: (N, maps, rows, columns), or (N, units), where row and column are 0.

    Returns:
        three tensors (N, maps).

    >>> strongest(torch.tensor([[[[0.0, 3.0], [3.0, 1.0]]]]))
    (tensor([[3.]]), tensor([[0]]), tensor([[1]]))
    """
    if values.ndim not in (2, 4):
        raise ValueError(f"A layer's values must be (N, maps, rows, columns) or (N, units), not {tuple(values.shape)}.")
    columns = values.shape[3] if values.ndim == 4 else 1
    peaks, places = values.reshape(*values.shape[:2], -1).max(dim=2)
    return peaks, places // columns, places % columns


def top_activations(
    module: nn.Module,
    dataset: Sequence,
    layers: str | Iterable[str],
    k: int = 9,
    batch_size: int = 64,
    preprocess: Callable[[Tensor], Tensor] | None = None,
    progress: Callable[[Sequence[int]], Iterable[int]] = iter,
) -> dict[str, TopActivations]:
    """The k images that excite every map of the named layers most, and where (Fig. 2): one pass over the data set for all layers.

    An image enters a map's list once, with its strongest position. Equal values are ordered by image index and positions by
    reading order, so the answer does not depend on `batch_size` (but for the rounding of the network itself, about 1e-6 of a
    value). Only k values per map are kept, however large the data set.

    Args:
        module: any network; it is left exactly as it was.
        dataset: map-style, items `(image, label)` with images (3, H, W), all of one size; a `torch.utils.data.Subset` is one too.
        layers: dotted module names.
        k: how many images per map; fewer come back if the data set has fewer.
        batch_size: the most images to run at once.
        preprocess: turns a batch (N, 3, H, W) as it comes from the data set into pixels minus the mean image, typically
            `world.preprocess`. Without it, images must be float and are taken as preprocessed.
        progress: wrapped around the sequence of batches, for instance `tqdm.tqdm`.

    Returns:
        `{layer: TopActivations}`.

    Raises:
        ValueError: an unknown layer, k or batch_size below 1, an empty data set, images of several sizes, NaN pixels.
        TypeError: a data set without length or index, uint8 images without `preprocess`.

    >>> images = [(torch.full((3, 2, 2), float(brightness)), 0) for brightness in (1, 3, 2)]
    >>> top = top_activations(nn.Sequential(nn.ReLU()), images, "0", k=2)["0"]
    >>> top, top.images[0].tolist(), top.values[0].tolist()
    (TopActivations(3 maps, top 2), [1, 2], [3.0, 2.0])
    """
    for name, number in (("k", k), ("batch_size", batch_size)):
        if number < 1:
            raise ValueError(f"{name} must be at least 1, not {number}.")
    if not hasattr(dataset, "__len__") or not hasattr(dataset, "__getitem__"):
        raise TypeError(f"The data set must have a length and items by index; a {type(dataset).__name__} has not.")
    if not len(dataset):
        raise ValueError("The data set is empty; there is no image to look for.")

    # Equal batches, the last one filled up with its last image: a network's rounding depends on the size of the batch, and the
    # same picture seen twice should give the same number twice.
    batches = math.ceil(len(dataset) / batch_size)
    size = math.ceil(len(dataset) / batches)
    best: dict[str, tuple[Tensor, ...]] = {}
    with recording(module, layers, read=strongest) as forward:
        for start in progress(range(0, len(dataset), size)):
            indices = range(start, min(start + size, len(dataset)))
            images = checked_images(module, _batch(dataset, indices, preprocess), start)
            images = torch.cat([images, images[-1:].expand(size - len(indices), -1, -1, -1)])
            for layer, found in forward(images)[1].items():
                seen = torch.arange(start, indices.stop)[:, None].expand(-1, found[0].shape[1])
                values, rows, columns = (part[: len(indices)].cpu() for part in found)
                challengers = (values, seen, rows, columns)
                best[layer] = _merged(best.get(layer), challengers, k)
    return {layer: TopActivations(*(part.T.contiguous() for part in parts)) for layer, parts in best.items()}


def _batch(dataset: Sequence, indices: range, preprocess: Callable[[Tensor], Tensor] | None) -> Tensor:
    images = [dataset[index][0] for index in indices]
    for index, image in zip(indices, images, strict=True):
        if not isinstance(image, Tensor):
            raise TypeError(f"Item {index} of the data set must be (image tensor, label), not a {type(image).__name__} first.")
        if image.shape != images[0].shape:
            raise ValueError(f"Image {index} has the shape {tuple(image.shape)}, others {tuple(images[0].shape)}; give one size.")
    batch = torch.stack(images)
    if preprocess is not None:
        return preprocess(batch)
    if not batch.is_floating_point():
        raise TypeError(f"The data set gives {batch.dtype} images; pass preprocess=world.preprocess to subtract the mean image.")
    return batch


def _merged(best: tuple[Tensor, ...] | None, challengers: tuple[Tensor, ...], k: int) -> tuple[Tensor, ...]:
    """The first k of both in order of value; the stable sort leaves equal values in order of image index."""
    parts = challengers if best is None else [torch.cat(pair) for pair in zip(best, challengers, strict=True)]
    order = parts[0].sort(dim=0, descending=True, stable=True).indices[:k]  # (k, maps)
    return tuple(part.gather(0, order) for part in parts)
