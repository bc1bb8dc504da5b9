"""Windows of an image: where they lie, how they are cut out, and how they are covered up.

A box is (top, left, bottom, right) in whole pixels, half-open: it has bottom - top rows and right - left columns. It may reach
outside the image, as the receptive field of a unit near the border does.

    >>> image = torch.ones(3, 8, 8)
    >>> field = square_at(-2, 5, 4)
    >>> field, inside(field, (8, 8)), middle(field, (2, 8))
    ((-2, 5, 2, 9), (0, 5, 2, 8), (-1, 5, 1, 9))
    >>> crop(image, field)[0]
    tensor([[0., 0., 0., 0.],
            [0., 0., 0., 0.],
            [1., 1., 1., 0.],
            [1., 1., 1., 0.]])
    >>> covered(image[None], [field]).sum().item()  # 6 of 64 pixels are gone, in three colours
    174.0
"""

from __future__ import annotations

import reprlib
from collections.abc import Sequence
from dataclasses import dataclass

import torch
from torch import Tensor

Box = tuple[int, int, int, int]
COUNTS = ("none", "one", "two", "three", "four")

# ------------------------------------------------------------------------------------------------------- where they lie


def square_at(top: int, left: int, side: int) -> Box:
    """The box of a square whose first row and column are known.

    >>> square_at(3, -1, 5)
    (3, -1, 8, 4)
    """
    return rectangle_at(top, left, side, side)


def rectangle_at(top: int, left: int, height: int, width: int) -> Box:
    """The box of a rectangle whose first row and column are known.

    >>> rectangle_at(3, -1, 5, 2)
    (3, -1, 8, 1)
    """
    return top, left, top + height, left + width


def square(centre: Sequence[float], side: float, shape: Sequence[int]) -> Box:
    """The box of a square around a point, cut off at the border of the image.

    Args:
        centre: row and column in pixels; the first pixel's centre is (0.5, 0.5).
        side: in pixels, rounded to whole ones, at least 1.
        shape: height and width of the image.

    Raises:
        ValueError: a centre outside the image, or a side that is not positive.

    >>> square((10, 3), 8, (64, 64))
    (6, 0, 14, 7)
    """
    if not all(0 <= at < end for at, end in zip(centre, shape, strict=True)):
        raise ValueError(f"The centre {tuple(centre)} lies outside the image of {shape[0]} x {shape[1]} pixels.")
    if not side > 0:
        raise ValueError(f"The side of a square must be positive, not {side}.")
    whole = max(1, round(side))
    top, left = (round(at - whole / 2) for at in centre)
    return inside(square_at(top, left, whole), shape)


def inside(box: Box, shape: Sequence[int]) -> Box:
    """The part of a box that lies in an image of so many rows and columns; without area if none of it does.

    >>> inside((-5, 1, 1, 99), (8, 8)), inside((9, 0, 12, 3), (8, 8))
    ((0, 1, 1, 8), (8, 0, 8, 3))
    """
    top, left, bottom, right = (min(max(int(edge), 0), end) for edge, end in zip(box, (*shape, *shape), strict=True))
    return top, left, bottom, right


def extent(values: Tensor) -> Box:
    """The smallest box outside of which all values (T, C, h, w) are zero; one pixel if all are.

    >>> values = torch.zeros(1, 2, 8, 8)
    >>> values[0, 0, 2, 5] = values[0, 1, 3, 6] = -1.0
    >>> extent(values)
    (2, 5, 4, 7)
    """
    there = (values != 0).any(1).any(0)
    rows, columns = (there.any(axis).nonzero()[:, 0].tolist() for axis in (1, 0))
    return (rows[0], columns[0], rows[-1] + 1, columns[-1] + 1) if rows else (0, 0, 1, 1)


def middle(box: Box, shape: Sequence[int]) -> Box:
    """The middle of a box, of at most so many rows and columns: the window to show of a field that is larger than the image.

    >>> middle((-10, 0, 3, 4), (8, 8))
    (-8, 0, 0, 4)
    """
    rows, columns = (min(end - start, most) for start, end, most in zip(box[:2], box[2:], shape, strict=True))
    top, left = box[0] + (box[2] - box[0] - rows) // 2, box[1] + (box[3] - box[1] - columns) // 2
    return top, left, top + rows, left + columns


def moved(box: Box, origin: Sequence[int]) -> Box:
    """The same box seen from a part of the image that begins at `origin`, (row, column).

    >>> moved((5, 6, 9, 9), origin=(4, 0))
    (1, 6, 5, 9)
    """
    row, column = origin
    return box[0] - row, box[1] - column, box[2] - row, box[3] - column


def overlap(box: Box, other: Box) -> bool:
    """Whether two boxes share a pixel.

    >>> overlap((0, 0, 2, 2), (1, 1, 3, 3)), overlap((0, 0, 2, 2), (0, 2, 2, 4))
    (True, False)
    """
    return box[0] < other[2] and other[0] < box[2] and box[1] < other[3] and other[1] < box[3]


# ------------------------------------------------------------------------------------------------------ what units see


@dataclass(frozen=True)
class ReceptiveField:
    """The square of pixels that the units of a layer see.

    Attributes:
        size: its side.
        stride: how far it moves from one unit to the next; 0 where every unit sees the whole image.
        offset: the first row, and column, of the field of unit (0, 0). Padding makes it negative.
    """

    size: int
    stride: int
    offset: int

    def box(self, row: int, column: int) -> Box:
        """The field of one unit as (top, left, bottom, right) in pixels, half-open; at borders it reaches outside the image.

        >>> ReceptiveField(size=7, stride=2, offset=-1).box(0, 3)
        (-1, 5, 6, 12)
        """
        return square_at(*(self.offset + self.stride * int(index) for index in (row, column)), self.size)

    def nearest(self, place: float) -> int:
        """The row, or column, of the unit whose field has its middle nearest to a place, in pixels from the border.

        It may lie outside the map. Where every unit sees the whole image it is 0.

        >>> ReceptiveField(size=7, stride=2, offset=-1).nearest(9.0)
        3
        """
        return round((place - self.offset - self.size / 2) / self.stride) if self.stride else 0


# ------------------------------------------------------------------------------------------------ cut out, and covered up


def window(box: Box) -> tuple:
    """A box inside an image as an index: `image[window(box)]` are its pixels, a view of an image or images (..., H, W).

    >>> torch.arange(16).reshape(4, 4)[window((1, 2, 3, 4))]
    tensor([[ 6,  7],
            [10, 11]])
    """
    top, left, bottom, right = box
    return ..., slice(top, bottom), slice(left, right)


def crop(image: Tensor, box: Box, fill: float = 0.0) -> Tensor:
    """The part of an image inside a box, always of the box's full size, so that tiles align; what lies outside is filled.

    Args:
        image: (C, H, W), any dtype.
        box: (top, left, bottom, right) in pixels, half-open, for instance `receptive_field(...).box(row, column)`; it may
            reach outside the image.
        fill: value outside the image. 0 is the mean image in preprocessed pixels; mid-grey in uint8 is 124.

    Returns:
        (C, bottom - top, right - left), a copy.

    Raises:
        TypeError: a fill that is no number.
        ValueError: not one image (C, H, W), a box without area, or a fill that such images cannot hold.

    >>> crop(torch.ones(3, 2, 2), (-1, 0, 1, 3))[0]
    tensor([[0., 0., 0.],
            [1., 1., 0.]])
    """
    if not isinstance(image, Tensor) or image.ndim != 3:
        given = tuple(image.shape) if isinstance(image, Tensor) else type(image).__name__
        raise ValueError(f"crop takes one image of shape (C, H, W), not {given}.")
    top, left, bottom, right = box = _whole(box)
    if bottom <= top or right <= left:
        raise ValueError(f"A box is (top, left, bottom, right) with bottom > top and right > left, not {box}.")
    value = _held(fill, image, "fill must be one value")
    if value.ndim:
        raise TypeError(f"fill must be one value, not of shape {tuple(value.shape)}.")
    tile = image.new_full((image.shape[0], bottom - top, right - left), value.item())
    seen = inside(box, image.shape[1:])
    tile[window((seen[0] - top, seen[1] - left, seen[2] - top, seen[3] - left))] = image[window(seen)]
    return tile


def covered(images: Tensor, boxes: Sequence[Box], fill: float | Sequence[float] | Tensor = 0.0) -> Tensor:
    """Copies of images, each with its box filled.

    Args:
        images: (n, C, H, W), preprocessed, or uint8 for looking at.
        boxes: one (top, left, bottom, right) for each image, in pixels, half-open; what lies outside the image is cut off.
        fill: one value, one for each channel, or an image (C, H, W) to look through to; 124 is the paper's grey in uint8.

    Raises:
        ValueError: not one box per image, a box that is not four whole numbers or covers nothing of its image.

    >>> covered(torch.ones(1, 3, 2, 2), [(-5, 1, 1, 9)])[0, 0]
    tensor([[1., 0.],
            [1., 1.]])
    """
    if not isinstance(images, Tensor) or images.ndim != 4:
        given = tuple(images.shape) if isinstance(images, Tensor) else type(images).__name__
        raise ValueError(f"Images to cover are a tensor (n, C, H, W), not {given}.")
    boxes = list(boxes)
    if len(boxes) != len(images):
        raise ValueError(f"Give one box for each image: there are {len(images)} images and {len(boxes)} boxes.")
    height, width = images.shape[2:]
    cover, copies = fill_image(fill, images), images.clone()
    for number, (copy, box) in enumerate(zip(copies, boxes, strict=True)):
        box = _whole(box)
        hidden = window(inside(box, (height, width)))
        if not copy[hidden].numel():
            raise ValueError(f"The box {box} covers nothing of image {number}, which is {height} x {width} pixels.")
        copy[hidden] = cover[hidden]
    return copies


def fill_image(fill: float | Sequence[float] | Tensor, images: Tensor) -> Tensor:
    """What an occluder shows, as a whole image (C, H, W): one value, one for each channel, or an image to look through to.

    Args:
        fill: the value, the values, or the image.
        images: (N, C, H, W), to whose shape, type and device it is brought.

    Raises:
        TypeError: no numbers.
        ValueError: another shape, NaN, or values that such images cannot hold.

    >>> fill_image((1, 2, 3), torch.zeros(5, 3, 1, 2))[:, 0]
    tensor([[1., 1.],
            [2., 2.],
            [3., 3.]])
    """
    channels, shape = images.shape[1], images.shape[1:]
    each = COUNTS[channels] if channels < len(COUNTS) else channels
    wanted = (
        f"fill must be one value, {each}, or an image {tuple(shape)}"
        if channels > 1
        else f"fill must be one value, or an image {tuple(shape)}"
    )
    cover = _held(fill, images, wanted).to(images.dtype).to(images.device)
    if cover.shape not in ((), shape[:1], shape):
        raise ValueError(f"{wanted}, not of shape {tuple(cover.shape)}.")
    return (cover[:, None, None] if cover.ndim == 1 else cover).expand(shape)


def _held(fill: object, images: Tensor, wanted: str) -> Tensor:
    """The numbers of a fill, as a tensor of any type and shape, after a look whether images of this type can hold them."""
    try:
        values = fill if isinstance(fill, Tensor) else torch.as_tensor(fill, dtype=torch.float64)
    except (TypeError, ValueError, RuntimeError) as error:
        raise TypeError(f"{wanted}, not {reprlib.repr(fill)}.") from error
    if not torch.isfinite(values).all():
        raise ValueError("fill holds NaN or infinite values; give finite ones.")
    if images.dtype != torch.bool:
        ends = torch.finfo(images.dtype) if images.is_floating_point() else torch.iinfo(images.dtype)
        wide = values if values.is_floating_point() else values.long()  # 300 would become a uint8 to be compared with one
        if len(wrong := wide[(wide < ends.min) | (wide > ends.max)]):
            kind, given = str(images.dtype).removeprefix("torch."), wrong[0].item()
            raise ValueError(f"fill must lie between {ends.min:g} and {ends.max:g} in {kind} images, not at {given:g}.")
    return values


def _whole(box: Box) -> Box:
    """The same box in Python's own whole numbers, or a ValueError."""
    try:
        edges = tuple(int(edge) for edge in box)
        same = all(edge == given for edge, given in zip(edges, box, strict=True))
    except (TypeError, ValueError, OverflowError):  # no numbers, not even a sequence, NaN, infinity
        same = False
    if not same or len(edges) != 4:
        raise ValueError(f"A box is (top, left, bottom, right), not {reprlib.repr(box)}: four whole numbers.")
    return edges
