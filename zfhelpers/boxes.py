"""Windows of an image: squares around a point, crops, and what an occluder covers."""

from __future__ import annotations

from collections.abc import Sequence

import torch
from torch import Tensor

Box = tuple[int, int, int, int]


def covered(images: Tensor, boxes: Sequence[Box], fill: float | Sequence[float] | Tensor = 0.0) -> Tensor:
    """Copies of images, each with its box filled.

    Args:
        images: (n, 3, H, W), preprocessed, or uint8 for looking at.
        boxes: as in `correspondence`.
        fill: one value, three, or an image (3, H, W) to look through to; 124 is the paper's grey in uint8.

    Raises:
        ValueError: not one box per image, a box that is not four numbers or covers nothing of its image.

    >>> covered(torch.ones(1, 3, 2, 2), [(-5, 1, 1, 9)])[0, 0]
    tensor([[1., 0.],
            [1., 1.]])
    """
    if len(boxes) != len(images):
        raise ValueError(f"Give one box for each image: there are {len(images)} images and {len(boxes)} boxes.")
    height, width = images.shape[2:]
    cover, copies = fill_image(fill, images), images.clone()
    for number, box in enumerate(boxes):
        if len(box) != 4:
            raise ValueError(f"A box is (top, left, bottom, right), not {tuple(box)}.")
        top, left, bottom, right = (int(side) for side in box)
        window = (slice(None), slice(max(top, 0), max(bottom, 0)), slice(max(left, 0), max(right, 0)))
        if not copies[number][window].numel():
            raise ValueError(f"The box {tuple(box)} covers nothing of image {number}, which is {height} x {width} pixels.")
        copies[number][window] = cover[window]
    return copies


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
    starts = [round(at - whole / 2) for at in centre]
    ends = [min(start + whole, end) for start, end in zip(starts, shape, strict=True)]
    top, left = (max(start, 0) for start in starts)
    return top, left, *ends


def overlap(one: Box, other: Box) -> bool:
    """Whether two boxes share a pixel.

    >>> overlap((0, 0, 2, 2), (1, 1, 3, 3)), overlap((0, 0, 2, 2), (0, 2, 2, 4))
    (True, False)
    """
    return one[0] < other[2] and other[0] < one[2] and one[1] < other[3] and other[1] < one[3]


def fill_image(fill: float | Sequence[float] | Tensor, images: Tensor) -> Tensor:
    """What an occluder shows, as a whole image (3, H, W): one value, one for each colour, or an image to look through to.

    Raises:
        ValueError: another shape, or NaN.
    """
    cover = torch.as_tensor(fill, dtype=images.dtype, device=images.device)
    shape = images.shape[1:]
    if cover.shape not in ((), shape[:1], shape):
        raise ValueError(f"fill must be one value, three, or an image {tuple(shape)}, not of shape {tuple(cover.shape)}.")
    if not torch.isfinite(cover).all():
        raise ValueError("fill holds NaN or infinite values; give finite ones.")
    return (cover[:, None, None] if cover.ndim == 1 else cover).expand(shape)


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
