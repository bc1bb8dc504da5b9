"""What the units of named layers do: on a few images, and at their strongest over a whole data set (Fig. 2).

    >>> from zfhelpers.model import Architecture, ZFNet
    >>> net = ZFNet(Architecture(classes=5, image_size=64, width=0.125, fc=(16, 16)))
    >>> values = activations(net, torch.zeros(2, 3, 64, 64), ["layer1", "layer5", "layer8"])
    >>> {layer: tuple(value.shape) for layer, value in values.items()}
    {'layer1': (2, 12, 30, 30), 'layer5': (2, 32, 3, 3), 'layer8': (2, 5)}
"""

from __future__ import annotations

import math
from collections.abc import Callable, Iterable, Iterator, Sequence
from contextlib import ExitStack, contextmanager
from dataclasses import dataclass
from typing import Any

import torch
from torch import Tensor, nn

from zfhelpers.model import find_layer
from zfhelpers.tape import undisturbed

Forward = Callable[[Tensor], tuple[Tensor, dict[str, Any]]]  # images -> output, {layer: what was read of it}


@contextmanager
def recording(module: nn.Module, layers: str | Iterable[str], read: Callable[[Tensor], Any] = torch.clone) -> Iterator[Forward]:
    """Forward passes in evaluation mode, without gradients, that also read named layers; all undone afterwards, come what may.

    Args:
        module: any network.
        layers: dotted module names; one name may stand alone.
        read: applied to a layer's output at the moment it exists, since an in-place ReLU may overwrite it a line later.

    Yields:
        `forward(images) -> (output, {layer: read(value)})`. A layer that runs twice is read at its first call.

    Raises:
        ValueError: an unknown layer, or one that the forward pass does not reach.
        TypeError: a layer whose output is not a tensor.

    >>> with recording(nn.Sequential(nn.Flatten(), nn.ReLU()), "0") as forward:
    ...     forward(-torch.ones(1, 1, 1, 2))
    (tensor([[0., 0.]]), {'0': tensor([[-1., -1.]])})
    """
    names = list(dict.fromkeys([layers] if isinstance(layers, str) else layers))
    if not names:
        raise ValueError("No layer was named; name at least one, for example 'layer5'.")
    watched = {name: find_layer(module, name) for name in names}
    values: dict[str, Any] = {}

    def reader(name: str):
        def hook(_module, _inputs, output):
            if not isinstance(output, Tensor):
                raise TypeError(f"Layer {name!r} gives a {type(output).__name__}, not a tensor; choose a layer inside it.")
            if name not in values:
                values[name] = read(output)

        return hook

    def forward(images: Tensor) -> tuple[Tensor, dict[str, Tensor]]:
        values.clear()
        output = module(images)
        if missing := [name for name in names if name not in values]:
            raise ValueError(f"The forward pass never runs {', '.join(missing)}; choose one that runs in evaluation mode.")
        return output, {name: values[name] for name in names}

    device = next((parameter.device for parameter in module.parameters()), torch.device("cpu"))
    with undisturbed(module, device), ExitStack() as hooks:
        for name, part in watched.items():
            hooks.callback(part.register_forward_hook(reader(name)).remove)
        yield forward


def checked_images(module: nn.Module, images: Tensor, first: int = 0) -> Tensor:
    """The same images on the module's device and in its precision, after a look at the door.

    Args:
        images: (N, 3, H, W) float, preprocessed: pixels minus the mean image.
        first: index of the first image, for the message.

    Raises:
        TypeError: not a float tensor.
        ValueError: not (N, 3, H, W), no image at all, or NaN or infinite pixels.
    """
    if not isinstance(images, Tensor) or not images.is_floating_point():
        given = images.dtype if isinstance(images, Tensor) else type(images).__name__
        raise TypeError(f"Images must be a float tensor of preprocessed pixels, not {given}; world.preprocess makes one.")
    if images.ndim != 4 or images.shape[1] != 3 or not images.numel():
        raise ValueError(f"Images must have the shape (N, 3, H, W) with N at least 1, not {tuple(images.shape)}.")
    finite = torch.isfinite(images).flatten(1).all(1)
    if not finite.all():
        raise ValueError(f"Image {first + int(finite.int().argmin())} holds NaN or infinite pixels; give finite ones.")
    parameter = next((p for p in module.parameters() if p.is_floating_point()), images)
    return images.to(parameter.device, parameter.dtype)


def activations(module: nn.Module, images: Tensor, layers: str | Iterable[str]) -> dict[str, Tensor]:
    """The outputs of named layers, all from one forward pass in evaluation mode.

    Args:
        module: any network; it is left exactly as it was.
        images: (N, 3, H, W) float, pixels minus the mean image.
        layers: dotted module names, for instance `["layer1", "layer7"]`.

    Returns:
        `{layer: value}` in the order asked for: (N, maps, rows, columns), or (N, units) after a fully connected layer. The
        values are copies, so that a ReLU which works in place does not change them.

    Raises:
        ValueError: an unknown layer, a wrong shape, NaN pixels.
        TypeError: images that are not float.
    """
    images = checked_images(module, images)
    with recording(module, layers) as forward:
        return forward(images)[1]


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


def crop(image: Tensor, box: tuple[int, int, int, int], fill: float = 0.0) -> Tensor:
    """The part of an image inside a box, always of the box's full size, so that tiles align; what lies outside is filled.

    Args:
        image: (3, H, W), any dtype.
        box: (top, left, bottom, right) in pixels, half-open, for instance `receptive_field(...).box(row, column)`; it may
            reach outside the image.
        fill: value outside the image. 0 is the mean image in preprocessed pixels; mid-grey in uint8 is 124.

    Returns:
        (3, bottom - top, right - left), a copy.

    >>> crop(torch.ones(3, 2, 2), (-1, 0, 1, 3))[0]
    tensor([[0., 0., 0.],
            [1., 1., 0.]])
    """
    if not isinstance(image, Tensor) or image.ndim != 3:
        given = tuple(image.shape) if isinstance(image, Tensor) else type(image).__name__
        raise ValueError(f"crop takes one image of shape (3, H, W), not {given}.")
    top, left, bottom, right = (int(side) for side in box)
    if bottom <= top or right <= left:
        raise ValueError(f"A box is (top, left, bottom, right) with bottom > top and right > left, not {tuple(box)}.")
    tile = image.new_full((image.shape[0], bottom - top, right - left), fill)
    rows = slice(max(top, 0), max(min(bottom, image.shape[1]), 0))
    columns = slice(max(left, 0), max(min(right, image.shape[2]), 0))
    inside = image[:, rows, columns]
    if inside.numel():
        tile[:, rows.start - top : rows.stop - top, columns.start - left : columns.stop - left] = inside
    return tile
