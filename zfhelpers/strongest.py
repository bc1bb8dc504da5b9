"""The strongest activations of every feature map over a whole data set, and where they are: the search behind Fig. 2.

`patches` shows what they show.
"""

from __future__ import annotations

import math
from collections.abc import Callable, Iterable, Mapping, Sequence
from dataclasses import dataclass, fields
from functools import partial

import torch
from torch import Tensor, nn

from zfhelpers.answers import Name, check_alone, decides
from zfhelpers.hooks import Forward, checked_images, find_layer, layer_names, maps_first, recording, whole


@dataclass(frozen=True, eq=False, repr=False)
class TopActivations:
    """The strongest activations of every map of one layer over a data set, strongest first.

    Attributes:
        values: (maps, k) float, the activations.
        images: (maps, k) int64, where in the data set each was seen; no image twice in a row of it.
        rows, columns: (maps, k) int64, where in the map; 0 where units have no position.
    """

    values: Tensor
    images: Tensor
    rows: Tensor
    columns: Tensor

    @property
    def parts(self) -> tuple[Tensor, ...]:
        """Values, images, rows and columns."""
        return tuple(getattr(self, field.name) for field in fields(self))

    def first(self, k: int) -> TopActivations:
        """The k of every map with the largest values; equal values keep their order."""
        order = self.values.sort(dim=1, descending=True, stable=True).indices[:, :k]
        return TopActivations(*(part.gather(1, order) for part in self.parts))

    def joined(self, other: TopActivations, k: int) -> TopActivations:
        """The k of every map with the largest values of both, of two sets of images; of equal values this one's come first."""
        pairs = zip(self.parts, other.parts, strict=True)
        return TopActivations(*(torch.cat(pair, dim=1) for pair in pairs)).first(k)

    def lively(self) -> Tensor:
        """The numbers of the maps that are excited in each of their k images; the others could not fill their block of nine.

        >>> where = torch.zeros(3, 2, dtype=torch.int64)
        >>> TopActivations(torch.tensor([[2.0, 0.0], [3.0, 1.0], [0.0, 0.0]]), where, where, where).lively()
        tensor([1])
        """
        return (self.values[:, -1] > 0).nonzero()[:, 0]

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


def most_active(values: Tensor) -> tuple[int, int, int]:
    """The unit with the strongest activation of all in one image, as (map, row, column): the first of those that tie.

    Args:
        values: (1, maps, rows, columns), or (1, units), where row and column are 0.

    Raises:
        ValueError: another shape, or several images.

    >>> most_active(torch.tensor([[[[0.0, 1.0]], [[3.0, 3.0]]]]))
    (1, 0, 0)
    """
    if len(values) != 1:
        raise ValueError(f"The most active unit is that of one image, and there are {len(values)}.")
    peaks, rows, columns = (part[0] for part in strongest(values))
    found = int(peaks.argmax())
    return found, int(rows[found]), int(columns[found])


def strongest_maps(values: Tensor, per_image: int = 1) -> tuple[list[int], list[int]]:
    """The maps with the strongest activations in each image, and which image each belongs to: as `Deconvnet.project` takes them.

    Args:
        values: (N, maps, rows, columns), or (N, units).
        per_image: how many maps of each image, strongest first.

    Returns:
        two lists of N * per_image: the image's number, and the map's.

    >>> strongest_maps(torch.tensor([[1.0, 5.0, 3.0], [9.0, 0.0, 2.0]]), per_image=2)
    ([0, 0, 1, 1], [1, 2, 0, 2])
    """
    order = strongest(values)[0].argsort(dim=1, descending=True, stable=True)[:, :per_image]
    return torch.arange(len(values)).repeat_interleave(order.shape[1]).tolist(), order.flatten().tolist()


def top_activations(
    module: nn.Module,
    dataset: Sequence,
    layers: str | Iterable[str],
    k: int = 9,
    batch_size: int = 64,
    preprocess: Callable[[Tensor], Tensor] | None = None,
    progress: Callable[[Sequence], Iterable] = iter,
    *,
    channel_axis: int | None = None,
) -> dict[str, TopActivations]:
    """The k images that excite every map of the named layers most, and where (Fig. 2): one pass over the data set for all layers.

    An image enters a map's list once, with its strongest position. Equal values are ordered by image index and positions by
    reading order, so the answer does not depend on `batch_size` (but for the rounding of the network itself, about 1e-6 of a
    value). A network with an `if` that looks at the images is run on one at a time. Only k values per map are kept, however large
    the data set.

    Args:
        module: any network; it is left exactly as it was.
        dataset: map-style, items `(image, label)` with images (C, H, W), all of one size; a `torch.utils.data.Subset` is one too.
            Other items that will do: see `image_of`.
        layers: dotted module names.
        k: how many images per map; fewer come back if the data set has fewer.
        batch_size: the most images to run at once.
        preprocess: turns a batch (N, C, H, W) as it comes from the data set into pixels minus the mean image, typically
            `world.preprocess`. Without it, images must be float and are taken as preprocessed.
        progress: wrapped around the sequence of batches, for instance `tqdm.tqdm`.
        channel_axis: in which axis of the layers' values the maps lie, if not in axis 1; see `hooks.maps_first`. Of tokens
            (N, places, maps) a place counts as a row.

    Returns:
        `{layer: TopActivations}`, on the CPU.

    Raises:
        ValueError: an unknown layer, k or batch_size below 1, an empty data set, images of several sizes, NaN pixels; NaN that
            arises in the network; a network or `preprocess` that makes of an image what depends on the others of its batch.
        TypeError: a data set without length or index, uint8 images without `preprocess`.

    >>> images = [(torch.full((3, 2, 2), float(brightness)), 0) for brightness in (1, 3, 2)]
    >>> top = top_activations(nn.Sequential(nn.ReLU()), images, "0", k=2)["0"]
    >>> top, top.images[0].tolist(), top.values[0].tolist()
    (TopActivations(3 maps, top 2), [1, 2], [3.0, 2.0])
    """
    k, batch_size, layers = whole("k", k), whole("batch_size", batch_size), layer_names(layers)
    check_dataset(dataset)

    # Equal batches, the last one filled up with its last image: a network's rounding depends on the size of the batch, and the
    # same picture seen twice should give the same number twice.
    batches = math.ceil(len(dataset) / batch_size)
    size = math.ceil(len(dataset) / batches)
    best: dict[str, TopActivations] = {}
    read: dict[str, Callable] = {}
    with recording(module, layers, read=read, beyond=False) as forward:
        for start in progress(range(0, len(dataset), size)):
            indices = range(start, min(start + size, len(dataset)))
            given = read_images(dataset, indices)
            images = checked_images(module, prepared(given, preprocess), start)
            if not start:
                check_each(given, preprocess)
                with recording(module, layers, finite=False, beyond=False) as whole_layers:
                    alone = decides(whole_layers, images[:1])
                    if not alone:
                        check_alone(whole_layers, images, layout=torch.channels_last)
                for layer in layers:
                    where = layer, find_layer(module, layer), images.shape, channel_axis
                    read[layer] = partial(_strongest_of, where=where)
            images = torch.cat([images, images[-1:].expand(size - len(indices), -1, -1, -1)])
            images = images.contiguous(memory_format=torch.channels_last)  # up to half faster on a CPU
            called = partial(_called, start)
            read_now = _each(forward, images[: len(indices)], called) if alone else forward(images, called=called)[1]
            for layer, found in read_now.items():
                values, rows, columns = (part[: len(indices)].T.cpu() for part in found)  # (maps, images)
                new = TopActivations(values, torch.arange(start, indices.stop).expand_as(rows), rows, columns)
                best[layer] = best[layer].joined(new, k) if layer in best else new.first(k)
    return best


def _called(start: int, row: int) -> str:
    return f"Image {start + row}"


def _each(forward: Forward, images: Tensor, called: Name) -> dict[str, list[Tensor]]:
    """What is read of every image by itself: an `if` of the network would decide for all of a batch."""
    read = [forward(image, called=lambda _, row=row: called(row))[1] for row, image in enumerate(images.split(1))]
    return {layer: [torch.cat(part) for part in zip(*(one[layer] for one in read), strict=True)] for layer in read[0]}


def _strongest_of(values: Tensor, where: tuple) -> tuple[Tensor, Tensor, Tensor]:
    """`strongest` of maps wherever they lie; `where`: see `maps_first`."""
    return strongest(maps_first(values, *where))


# ------------------------------------------------------------------------------------------------ images from a data set


def check_dataset(dataset: Sequence) -> None:
    """One sentence if this is not a map-style data set with an image in it.

    Raises:
        TypeError: it has no length, or no items by index.
        ValueError: it is empty.
    """
    if not hasattr(dataset, "__len__") or not hasattr(dataset, "__getitem__") or isinstance(dataset, Mapping):
        raise TypeError(f"The data set must have a length and items by index; a {type(dataset).__name__} has not.")
    if not len(dataset):
        raise ValueError("The data set is empty; there is no image to look for.")


def image_of(item: object, index: int) -> Tensor:
    """The image of one item of a data set: the first of (image, label), the "image" of a dictionary, or the item itself.

    Raises:
        TypeError: there is no tensor in that place.

    >>> image_of({"image": torch.zeros(1, 28, 28), "label": 7}, 0).shape
    torch.Size([1, 28, 28])
    """
    wanted = f'Item {index} of the data set must be (image tensor, label), or a dictionary with an "image"'
    if isinstance(item, Mapping):
        if "image" not in item:
            raise TypeError(f"{wanted}, not one with {', '.join(map(repr, item)) or 'nothing in it'}.")
        image = item["image"]
    elif isinstance(item, list | tuple):
        image = item[0] if item else None
    else:
        image = item
    if not isinstance(image, Tensor):
        place = " first" if isinstance(item, list | tuple) else " as image" if isinstance(item, Mapping) else ""
        raise TypeError(f"{wanted}, not a {type(image).__name__}{place}.")
    return image


def read_images(dataset: Sequence, indices: Sequence[int]) -> Tensor:
    """Some images of a map-style data set, (n, C, H, W), as they come from it.

    Raises:
        TypeError: an item without an image, see `image_of`.
        ValueError: images of several sizes.
    """
    images = [image_of(dataset[index], index) for index in indices]
    for index, image in zip(indices, images, strict=True):
        if image.shape != images[0].shape:
            raise ValueError(f"Image {index} has the shape {tuple(image.shape)}, others {tuple(images[0].shape)}; give one size.")
    return torch.stack(images)


def prepared(images: Tensor, preprocess: Callable[[Tensor], Tensor] | None) -> Tensor:
    """Images as they come from a data set, (n, C, H, W), made into what the network takes.

    Raises:
        TypeError: whole numbers, and nothing to make pixels minus the mean image of them; or something that makes no tensor.
        ValueError: more images come out than went in, or fewer.
    """
    if preprocess is not None:
        made = preprocess(images)
        if not isinstance(made, Tensor):
            raise TypeError(f"preprocess must return a tensor (N, C, H, W), not a {type(made).__name__}.")
        if made.shape[:1] != images.shape[:1]:
            raise ValueError(
                f"preprocess makes {tuple(made.shape)} of {len(images)} images; let it return one for each, in the same order."
            )
        return made
    if not images.is_floating_point():
        raise TypeError(f"The data set gives {images.dtype} images; pass preprocess=world.preprocess to subtract the mean image.")
    return images


def check_each(images: Tensor, preprocess: Callable[[Tensor], Tensor] | None) -> None:
    """One sentence if what `preprocess` makes of an image depends on another: tried with the first one and a darker copy.

    Raises:
        ValueError: it does.
    """
    if preprocess is None:
        return
    pair = torch.cat([images[:1], (images[:1].flip(-1) * 0.5).to(images.dtype)])
    together = prepared(pair.clone(), preprocess).double()
    for one, beside in zip(pair.split(1), together, strict=True):
        made = prepared(one.clone(), preprocess)[0]
        rounding = torch.finfo(made.dtype).eps ** 0.5 * made.abs().max() if made.is_floating_point() else 0
        if made.shape != beside.shape or (made - beside).abs().max() > rounding:
            raise ValueError(
                "What preprocess makes of an image depends on the images beside it, or on chance; let it take each by itself."
            )
