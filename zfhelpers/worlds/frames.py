"""Image files become frames: upright RGB squares, decoded once and kept memory-mapped.

>>> to_frame(Image.new("CMYK", (300, 200)), 146).size
(146, 146)
"""

from __future__ import annotations

import os
from collections.abc import Sequence
from concurrent.futures import ThreadPoolExecutor

import numpy as np
from PIL import Image, ImageOps
from torch import Tensor
from tqdm.auto import tqdm

from zfhelpers.files import cached_array, show_progress

IN_MEMORY_LIMIT = 4 * 2**30  # bytes of decoded frames worth keeping on disk; ILSVRC-2012 (250 GB) is decoded as it is read
GREY = (124, 124, 124)  # what lies behind a transparent image: the paper's neutral grey


def to_rgb(image: Image.Image) -> Image.Image:
    """Any image as upright 8-bit RGB: EXIF rotation applied, 16-bit scaled, CMYK and palette converted, alpha over mid-grey."""
    image = ImageOps.exif_transpose(image)
    if image.mode.startswith("I") or image.mode == "F":
        values = np.asarray(image, dtype=np.float64)
        top = 65535 if image.mode.startswith("I") else max(float(values.max()), 1.0)
        image = Image.fromarray((values / top * 255).round().clip(0, 255).astype(np.uint8))
    if image.mode in ("RGBA", "LA", "PA", "La", "RGBa") or "transparency" in image.info:
        image = image.convert("RGBA")
        return Image.alpha_composite(Image.new("RGBA", image.size, (*GREY, 255)), image).convert("RGB")
    return image.convert("RGB")


def read_image(path: str | os.PathLike) -> Image.Image:
    """The image in a file, upright and RGB.

    Raises:
        FileNotFoundError: there is no such file.
        ValueError: the file is no image, or is cut off.
    """
    try:
        with Image.open(path) as image:
            return to_rgb(image)
    except FileNotFoundError:
        raise FileNotFoundError(f"There is no image {str(path)!r}.") from None
    except (OSError, SyntaxError, ValueError, Image.DecompressionBombError) as error:
        raise ValueError(f"The image {str(path)!r} cannot be read: {error}.") from None


def to_frame(image: Image.Image, size: int) -> Image.Image:
    """Resize until the shorter side is `size` and keep the centre square: the paper's 256 x 256 frame, at this size."""
    factor = size / min(image.size)
    width, height = (max(size, round(side * factor)) for side in image.size)
    left, top = (width - size) // 2, (height - size) // 2
    return image.resize((width, height), Image.Resampling.BICUBIC, reducing_gap=3.0).crop((left, top, left + size, top + size))


def centre_crop(frames: Tensor, size: int) -> Tensor:
    """The centre `size` x `size` of (..., H, W)."""
    top, left = (frames.shape[-2] - size) // 2, (frames.shape[-1] - size) // 2
    return frames[..., top : top + size, left : left + size]


class DecodedOnDemand:
    """Frames that stay JPEG files until they are indexed, like an (N, 3, F, F) array: for sets too large to keep decoded."""

    def __init__(self, paths: Sequence[str], frame_size: int):
        self.paths = list(paths)
        self.shape = (len(self.paths), 3, frame_size, frame_size)

    def __len__(self) -> int:
        return len(self.paths)

    def __getitem__(self, index) -> np.ndarray:
        if np.ndim(index) == 0 and not isinstance(index, slice):
            return np.asarray(to_frame(read_image(self.paths[index]), self.shape[-1])).transpose(2, 0, 1)
        return np.stack([self[i] for i in np.arange(len(self))[index]])


def decode(paths: Sequence[str], frame_size: int, name: str):
    """All frames of some image files: decoded once into a memory-mapped file of the cache, or on demand if they are too many.

    Raises:
        OSError: the cache cannot be written, for want of space or permission.
        ValueError: an image that cannot be read, by its name.
    """
    frames = DecodedOnDemand(paths, frame_size)
    if np.prod(frames.shape, dtype=np.int64) > IN_MEMORY_LIMIT:
        return frames
    listing = "\n".join(f"{path} {os.path.getsize(path)}" for path in paths)

    def fill(array: np.ndarray) -> None:
        def put(i: int) -> None:
            array[i] = frames[i]

        with ThreadPoolExecutor() as pool:
            jobs = pool.map(put, range(len(paths)))
            for _ in tqdm(jobs, total=len(paths), desc=f"decoding {name}", unit="img", disable=not show_progress()):
                pass

    return cached_array(f"{name}-{frame_size}", listing, frames.shape, fill)
