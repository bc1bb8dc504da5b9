"""Arrays that can be looked at: pixels of one image, projections around mid-grey, tiles in a mosaic. Numpy and Pillow only.

    >>> mosaic(np.zeros((4, 3, 2, 2), np.uint8), columns=2).shape
    (3, 5, 5)

Images are (C, H, W), uint8. A projection is signed, (C, H, W) float, and is shown around mid-grey, see `projection_to_rgb`. Three
channels are red, green and blue; one is drawn grey; of any other number the mean is drawn grey, see `three`.
"""

from __future__ import annotations

import numpy as np
from PIL import Image


def array(values) -> np.ndarray:
    """The numbers of a tensor, on whatever device, or of anything numpy takes."""
    if not hasattr(values, "detach"):
        return np.asarray(values)
    tensor = values.detach().cpu()
    return (tensor if hasattr(np, str(tensor.dtype).removeprefix("torch.")) else tensor.float()).numpy()  # has no bfloat16


def three(images) -> np.ndarray:
    """Images (..., C, H, W) with the three channels that can be shown, (..., 3, H, W), of the same type.

    Three are taken for red, green and blue. One is grey; of two, four or more the mean is, so that no channel stays unseen.

    >>> three(np.full((1, 1, 1), 7, np.uint8)).ravel(), three(np.array([0, 20, 40, 60.0]).reshape(4, 1, 1)).ravel()
    (array([7, 7, 7], dtype=uint8), array([30., 30., 30.]))
    """
    images = array(images)
    if images.shape[-3] == 3:
        return images
    if images.shape[-3] > 1:
        grey = images.mean(axis=-3, keepdims=True)
        images = (np.rint(grey) if images.dtype == np.uint8 else grey).astype(images.dtype)
    return images.repeat(3, axis=-3)


def pixels(image) -> np.ndarray:
    """An image (C, H, W), uint8, as Pillow and matplotlib want it: (H, W, 3).

    Raises:
        ValueError: another shape or type; preprocessed pixels need the mean image back first.
    """
    image = array(image)
    last = image.ndim == 3 and image.shape[2] in (3, 4) and image.shape[0] > 3  # (H, W, C), as others have it
    if image.ndim != 3 or last or not image.size or image.dtype != np.uint8:
        raise ValueError(f"An image to show is uint8 of shape (C, H, W), not {image.dtype} of shape {image.shape}.")
    return np.ascontiguousarray(three(image).transpose(1, 2, 0))


def to_pillow(image) -> Image.Image:
    """An image (C, H, W), uint8, as Pillow's, to be drawn on, resized or saved; see `pixels` for what it refuses."""
    return Image.fromarray(pixels(image))


def projection_to_rgb(projection, scale: float | None = None, percentile: float = 99.5) -> np.ndarray:
    """A signed projection as an image around mid-grey: 127.5 (1 + p / scale), clipped to what can be shown.

    Args:
        projection: (..., C, H, W) float; everything given at once, for instance a block of nine, shares one scale.
        scale: the size of p that becomes black or white. Without it, a high percentile of |p|: the maximum would let a single
            pixel turn all others grey.
        percentile: which, in (0, 100].

    Returns:
        (..., 3, H, W) uint8, see `three`; a projection of zeros is mid-grey throughout.

    Raises:
        ValueError: no image, NaN or infinite values.

    >>> projection_to_rgb(np.array([-2.0, 0.0, 1.0]).reshape(1, 3, 1, 1), scale=2.0).ravel()
    array([  0, 128, 191], dtype=uint8)
    """
    signed = array(projection).astype(np.float32)
    if signed.ndim < 3:
        raise ValueError(f"A projection to show has the shape (..., C, H, W), not {signed.shape}.")
    signed = three(signed)
    if not np.isfinite(signed).all():
        raise ValueError("A projection to show must be finite; this one has NaN or infinite values.")
    if scale is None:
        # Unused pixels are exactly zero, and the more of them, the less a percentile over all would say about the rest.
        live = np.abs(signed[signed != 0])
        scale = float(np.percentile(live, percentile)) if live.size else 1.0
    return np.clip(np.rint(127.5 + 127.5 * signed / max(scale, 1e-30)), 0, 255).astype(np.uint8)


def projection_tiles(projections, percentile: float = 99.5) -> np.ndarray:
    """Projections (N, C, h, w) as images, (N, 3, h, w) uint8, each with a scale of its own; otherwise as `projection_to_rgb`.

    >>> projection_tiles(np.array([1.0, 4.0]).reshape(2, 1, 1, 1))[:, 0, 0, 0]
    array([255, 255], dtype=uint8)
    """
    return np.stack([projection_to_rgb(projection, percentile=percentile) for projection in projections])


def map_tiles(maps) -> np.ndarray:
    """Feature maps (N, h, w) as grey images, (N, 1, h, w) uint8: black where a map is silent, white at its own maximum.

    >>> map_tiles(np.array([[[0.0, 1.0]], [[-3.0, 0.0]]]))[:, 0, 0]
    array([[  0, 255],
           [  0,   0]], dtype=uint8)
    """
    maps = np.maximum(array(maps).astype(np.float32), 0)
    largest = np.maximum(maps.max(axis=(1, 2), keepdims=True), 1e-30)
    return np.rint(255 * maps / largest).astype(np.uint8)[:, None]


def mosaic(tiles, columns: int, separator: int = 1, fill: int = 255, column_major: bool = False) -> np.ndarray:
    """Tiles (N, C, h, w), uint8, in a grid with thin lines between them, as one image (3, H, W); cells left over stay empty.

    Args:
        tiles: in reading order, or down the columns with `column_major`.
        columns: how many columns.
        separator: pixels between tiles.
        fill: grey value of separators and empty cells.

    Raises:
        ValueError: no tile, tiles of another shape or type, or no column.

    >>> mosaic(np.zeros((3, 3, 2, 2), np.uint8), columns=2)[0]
    array([[  0,   0, 255,   0,   0],
           [  0,   0, 255,   0,   0],
           [255, 255, 255, 255, 255],
           [  0,   0, 255, 255, 255],
           [  0,   0, 255, 255, 255]], dtype=uint8)
    """
    tiles = array(tiles)
    if tiles.ndim != 4 or not tiles.size or tiles.dtype != np.uint8 or columns < 1:
        raise ValueError(
            f"A mosaic is made of uint8 tiles (N, C, h, w) in 1 column or more, not of {tiles.dtype} {tiles.shape} in {columns}."
        )
    tiles, rows = three(tiles), -(-len(tiles) // columns)
    high, wide = (side + separator for side in tiles.shape[2:])
    sheet = np.full((3, rows * high - separator, columns * wide - separator), fill, np.uint8)
    for number, tile in enumerate(tiles):
        row, column = (number % rows, number // rows) if column_major else divmod(number, columns)
        sheet[:, row * high : row * high + tile.shape[1], column * wide : column * wide + tile.shape[2]] = tile
    return sheet


def enlarge(image, factor: int) -> np.ndarray:
    """Every pixel of (..., H, W) as a square of `factor` pixels, so that it can be seen as a pixel."""
    return array(image).repeat(factor, axis=-2).repeat(factor, axis=-1)


def fit(tiles, side: int) -> np.ndarray:
    """Square tiles (N, C, h, h), uint8, at about `side` pixels: enlarged by a whole factor, or reduced by averaging."""
    tiles = array(tiles)
    if tiles.shape[-1] <= side:
        return enlarge(tiles, side // tiles.shape[-1])
    return np.stack([from_pillow(to_pillow(tile).resize((side, side), Image.Resampling.BOX)) for tile in tiles])


def from_pillow(image: Image.Image) -> np.ndarray:
    """A Pillow image of three colours as an array (3, H, W), the way back from `to_pillow`."""
    return np.asarray(image).transpose(2, 0, 1)
