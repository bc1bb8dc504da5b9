"""What excites a feature map most: Fig. 2 in one call, for any network and any set of images.

    search    one pass over the data set finds, for each map, the k images that excite it most, and where in them
    project   each of these activations is carried back to the pixels
    crop      image and projection are cut to the field of the unit, with the unit in the middle

`top_patches` does all three; `patches_of` goes on from a search that was made before.

    >>> net = nn.Sequential(nn.Conv2d(3, 8, 5), nn.ReLU())
    >>> images = [(torch.randn(3, 12, 12), 0) for _ in range(20)]
    >>> found = top_patches(net, images, {"1": [6, 2, 3]}, k=4)["1"]
    >>> found
    TopPatches(1: 3 maps, top 4, 5 px)
    >>> found.images.shape, found.patches.shape, found.projections.shape
    (torch.Size([3, 4]), torch.Size([3, 4, 3, 5, 5]), torch.Size([3, 4, 3, 5, 5]))

The same of grey digits, whose images have one channel and are drawn grey:

    >>> net = nn.Sequential(nn.Conv2d(1, 8, 5), nn.ReLU(), nn.MaxPool2d(2), nn.Conv2d(8, 16, 5), nn.ReLU())
    >>> digits = [({"image": torch.rand(1, 28, 28), "label": 7}) for _ in range(20)]
    >>> found = top_patches(net, digits, {"4": [0, 5]})["4"]
    >>> found.patches.shape, found.figure().size
    (torch.Size([2, 9, 1, 14, 14]), (1106, 188))
"""

from __future__ import annotations

import math
from collections.abc import Callable, Iterable, Mapping, Sequence
from contextlib import closing
from dataclasses import dataclass, fields
from numbers import Integral, Real
from typing import TYPE_CHECKING

import numpy as np
import torch
from torch import Tensor, nn

from zfhelpers.boxes import Box, ReceptiveField, crop, middle, moved, square_at
from zfhelpers.deconv import IMAGES_AT_ONCE, check_units
from zfhelpers.fields import InFields
from zfhelpers.geometry import LostField, field_in
from zfhelpers.hooks import activations, checked_images, find_layer, maps_first, whole, whole_numbers
from zfhelpers.strongest import TopActivations, check_dataset, prepared, read_images, top_activations

if TYPE_CHECKING:
    from zfhelpers.figures import Picture

GREY = 124  # of 255, where a patch reaches outside its image: close to the mean image, as the paper's grey is


@dataclass(frozen=True, eq=False, repr=False)
class TopPatches:
    """The strongest activations of some maps of one layer, strongest first, and what they show; on the CPU.

    Attributes:
        layer: its name.
        maps: (M,) int64, which maps these are, in the order of the first axis of everything below.
        values: (M, k) float, the activations.
        images: (M, k) int64, where in the data set each was seen.
        rows, columns: (M, k) int64, where in the map; 0 where units have no position.
        boxes: (M, k, 4) int64, where in the image: (top, left, bottom, right) in pixels, half-open; may reach outside of it.
        patches: (M, k, C, h, h), the image inside the box, as it comes from the data set.
        projections: (M, k, C, h, h) float, signed, the projection inside the box; zero outside the image.
    """

    layer: str
    maps: Tensor
    values: Tensor
    images: Tensor
    rows: Tensor
    columns: Tensor
    boxes: Tensor
    patches: Tensor
    projections: Tensor

    def __getitem__(self, chosen: int | slice | Sequence[int]) -> TopPatches:
        """Some of the maps, by their place: `found[:12]` are the first twelve."""
        places = torch.arange(len(self.maps))[chosen].reshape(-1)
        return TopPatches(self.layer, *(getattr(self, part.name)[places] for part in fields(self)[1:]))

    def figure(self, percentile: float = 99.5, alt: str | None = None, side: int = 49) -> Picture:
        """The layer's part of Fig. 2: for each map a block of projections, and in the same place on the right its patches.

        Patches that are not uint8 are shown from the darkest of them, black, to the brightest, white.

        Args:
            percentile: of |projection| that becomes black or white; the projections of a map share one scale.
            alt: a description that says more than how many there are of what.
            side: pixels of a tile on the page, at most.
        """
        from zfhelpers.figures import top9_figure

        patches, projections = self.patches, self.projections
        if torch.finfo(projections.dtype).bits < 32:
            projections = projections.float()
        if patches.dtype != torch.uint8:
            patches = patches.to(torch.promote_types(patches.dtype, torch.float32))
            low, high = patches.aminmax()
            patches = ((patches - low) * (255 / (high - low).clamp(min=1e-9))).round().to(torch.uint8)
        return top9_figure(projections, patches, self.layer, self.maps.tolist(), None, percentile, alt, side)

    def __repr__(self) -> str:
        """Short: the tensors would fill pages."""
        maps, k, *_, side = self.patches.shape
        return f"TopPatches({self.layer}: {maps} maps, top {k}, {side} px)"


def top_patches(
    module: nn.Module,
    dataset: Sequence,
    maps: Mapping[str, int | Sequence[int]],
    k: int = 9,
    batch_size: int = 64,
    preprocess: Callable[[Tensor], Tensor] | None = None,
    progress: Callable[[Sequence], Iterable] = iter,
    *,
    seed: int | np.random.Generator = 0,
    fill: float | None = None,
    largest: float | None = None,
    rule: str = "deconvnet",
    overlap: str = "sum",
    channel_axis: int | None = None,
) -> dict[str, TopPatches]:
    """The k images that excite feature maps most, cut to what the unit sees, and the projections of these activations (Fig. 2).

    One pass over the data set serves all layers; then each image that was found goes through the network once more for its
    layer, 16 at a time. What is kept is the answer, however many images there are.

    Args:
        module: any network that `Deconvnet` can go back through; it is left exactly as it was.
        dataset, k, batch_size, preprocess: as for `top_activations`; `preprocess` must keep height and width of the images.
        maps: `{layer: numbers of maps}`; or `{layer: how many}`, to be drawn at random, as in the paper, from those maps that
            k images excite: fewer come back if there are fewer. Units of a fully connected layer count as maps.
        progress: wrapped around the sequence of batches of the search, and then of the projections of each layer.
        seed: of the draw, which is made layer by layer; or the generator to draw with.
        fill, largest, rule, overlap, channel_axis: as for `patches_of`.

    Returns:
        `{layer: TopPatches}`.

    Raises:
        ValueError: an unknown layer or map, none to be drawn, images of several sizes, or that change each time they are asked
            for, and more: see `top_activations`.
        TypeError: maps that are not as above, a data set without length or index, uint8 images without `preprocess`.
        NotImplementedError: an operation that cannot be undone lies between the images and a layer.
    """
    options = {"preprocess": preprocess, "fill": fill, "largest": largest, "rule": rule, "overlap": overlap}
    options["channel_axis"] = channel_axis
    check_dataset(dataset)
    trial = {layer: [0] if isinstance(wanted, Integral) else wanted for layer, wanted in _by_layer(maps)}
    first = [dataset[0]]  # a search may take hours: what is wrong is found out on one image, before
    tried = top_activations(module, first, maps, preprocess=preprocess, channel_axis=channel_axis)
    patches_of(module, first, tried, trial, **options)

    top = top_activations(module, dataset, maps, k, batch_size, preprocess, progress, channel_axis=channel_axis)
    chosen, rng = dict(maps), np.random.default_rng(seed)
    for layer, wanted in maps.items():
        if isinstance(wanted, Integral):
            chosen[layer] = rng.permutation(top[layer].lively().numpy())[:wanted]
            if not len(chosen[layer]):
                raise ValueError(f"No map of {layer!r} is excited by {k} images, so none can be drawn; name maps, or lower k.")
    return patches_of(module, dataset, top, chosen, progress=progress, **options)


def patches_of(
    module: nn.Module,
    dataset: Sequence,
    top: Mapping[str, TopActivations],
    maps: Mapping[str, Sequence[int]],
    preprocess: Callable[[Tensor], Tensor] | None = None,
    progress: Callable[[Sequence], Iterable] = iter,
    *,
    fill: float | None = None,
    largest: float | None = None,
    rule: str = "deconvnet",
    overlap: str = "sum",
    channel_axis: int | None = None,
) -> dict[str, TopPatches]:
    """What activations show that were found before: the second half of `top_patches`.

    Args:
        module, dataset, preprocess: those of the search.
        top: what `top_activations` found.
        maps: `{layer: numbers of maps}`.
        progress: wrapped around the sequence of batches of each layer.
        fill: value of a patch outside its image; mid-grey, 124, if the data set gives uint8, and 0 if it gives floats.
        largest: the largest side of a tile, by default that of the image. Of a larger field only the middle is shown; math.inf
            shows all of it.
        rule, overlap: as for `Deconvnet.project`.
        channel_axis: in which axis of the layers' values the maps lie, if not in axis 1; see `hooks.maps_first`. Of such maps and
            of tokens (N, places, maps), where a place counts as a row, the whole image is shown.

    Returns:
        `{layer: TopPatches}`. Where units see the whole image, or their field is no square on a regular grid, the box is the
        square around the image.

    Raises:
        ValueError: an unknown layer or map, a layer that was not searched, `preprocess` that changes the size of images; a unit
            that has not the value which the search found, by more than 3 % of the layer's largest, as where a data set augments
            its images at random.
        TypeError: maps that are not as above, uint8 images without `preprocess`.
        NotImplementedError: an operation that cannot be undone lies between the images and a layer.

    >>> net, images = nn.Sequential(nn.Conv2d(3, 8, 5), nn.ReLU()), [(torch.randn(3, 12, 12), 0) for _ in range(20)]
    >>> top = top_activations(net, images, "1")
    >>> patches_of(net, images, top, {"1": top["1"].lively()[:5]})["1"]
    TopPatches(1: 5 maps, top 9, 5 px)
    """
    wanted = dict(_by_layer(maps))
    if largest is not None and largest != math.inf:
        largest = whole("largest", largest)
    image = read_images(dataset, [0])
    inputs = checked_images(module, prepared(image, preprocess))
    if inputs.shape[2:] != image.shape[2:]:
        raise ValueError(
            f"preprocess makes {tuple(inputs.shape[1:])} of images {tuple(image.shape[1:])}, from which patches are cut; let the "
            "data set give them in the size that the network takes."
        )
    fill = _checked_fill(fill, image.dtype)
    found = {}
    for layer, value in activations(module, inputs, wanted).items():
        numbers = whole_numbers("maps", wanted[layer], "whole numbers such as [0, 5]", axes=1)
        units = maps_first(value, layer, find_layer(module, layer), inputs.shape, channel_axis)
        check_units(layer, units.shape[1:], numbers, None)
        if layer not in top or len(top[layer].values) != units.shape[1]:
            raise ValueError(f"Layer {layer!r} of this network was not searched; search and project the same layers.")
        values, seen_in, rows, columns = (part[numbers] for part in top[layer].parts)  # (M, k)
        sources, places = seen_in.flatten(), torch.stack([rows.flatten(), columns.flatten()], dim=1)  # T = M k of each
        on_a_grid = value.ndim == 4 and channel_axis in (None, 1, -3)
        field = _field(module, layer, inputs) if on_a_grid else None
        boxes = _boxes(field, image.shape[2:], places, largest)
        side = boxes[0][2] - boxes[0][0]
        patches, projections = (part.new_empty(len(boxes), part.shape[1], side, side, device="cpu") for part in (image, inputs))
        each = numbers.repeat_interleave(values.shape[1])
        largest_value = float(top[layer].values.abs().max())
        fields = InFields(module, layer, field, tuple(image.shape[2:]), largest_value, channel_axis)
        for batch in progress(sources.unique().split(IMAGES_AT_ONCE)):
            images = read_images(dataset, batch.tolist())
            here = torch.isin(sources, batch).nonzero()[:, 0]
            index = torch.searchsorted(batch, sources[here])
            for tile, number in zip(here.tolist(), index.tolist(), strict=True):
                patches[tile] = crop(images[number], boxes[tile], fill)
            position = places[here] if units.ndim == 4 else None
            images = checked_images(module, prepared(images, preprocess))
            with closing(fields.project(images, each[here], position, index, rule, overlap, values.flatten()[here])) as parts:
                for some, pictures, corners in parts:
                    for tile, picture, corner in zip(here[some].tolist(), pictures.cpu(), corners, strict=True):
                        projections[tile] = crop(picture, moved(boxes[tile], corner))
        tiles = (part.unflatten(0, values.shape) for part in (torch.tensor(boxes), patches, projections))
        found[layer] = TopPatches(layer, numbers, values, seen_in, rows, columns, *tiles)
    return found


def _by_layer(maps: Mapping[str, int | Sequence[int]]) -> Iterable[tuple[str, int | Sequence[int]]]:
    """The layers and what is wanted of each, or a TypeError or ValueError if that is not told."""
    if not isinstance(maps, Mapping):
        raise TypeError(f"maps must be maps of each layer, such as {{'layer5': [7, 42]}}, not a {type(maps).__name__}.")
    for layer, wanted in maps.items():
        if isinstance(wanted, Integral) and wanted < 1:
            raise ValueError(f"Of {layer!r} at least 1 map must be drawn, not {wanted}.")
    return maps.items()


def _checked_fill(fill: float | None, dtype: torch.dtype) -> float:
    """The value of a patch outside its image, or one sentence if images of this format have no such value."""
    if fill is None:
        return GREY if dtype == torch.uint8 else 0
    fill = fill.item() if isinstance(fill, Tensor) and fill.ndim == 0 else fill
    if not isinstance(fill, Real):
        raise TypeError(f"fill must be a number, the value of a patch outside its image, not {fill!r}; None is grey.")
    integers = None if dtype.is_floating_point or dtype == torch.bool else torch.iinfo(dtype)
    if integers and fill not in range(integers.min, integers.max + 1):
        raise ValueError(f"fill must be a value that images in {dtype} can have, {integers.min} to {integers.max}, not {fill!r}.")
    return fill


def _field(module: nn.Module, layer: str, image: Tensor) -> ReceptiveField | None:
    """The field of a layer's units in images such as this one (1, C, H, W); None if they have none on a regular grid."""
    try:
        return field_in(module, layer, image)
    except LostField:
        return None


def _boxes(field: ReceptiveField | None, shape: Sequence[int], places: Tensor, largest: float | None) -> list[Box]:
    """What the units at some places (T, 2) see of an image of some height and width: T squares of one size."""
    side = max(shape)
    most = (side, side) if largest is None else (largest, largest)
    if field is None or not field.stride:
        whole = square_at((shape[0] - side) // 2, (shape[1] - side) // 2, side)
        return [middle(whole, most)] * len(places)
    return [middle(field.box(row, column), most) for row, column in places.tolist()]
