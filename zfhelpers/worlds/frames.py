"""Image files become frames: upright RGB squares, decoded once and kept memory-mapped.

>>> to_frame(Image.new("CMYK", (300, 200)), 146).size
(146, 146)
"""

from __future__ import annotations

import os
import stat
import time
from collections.abc import Callable, Sequence
from concurrent.futures import ThreadPoolExecutor

import numpy as np
import PIL
from PIL import Image, ImageFile, ImageOps, UnidentifiedImageError
from torch import Tensor
from tqdm.auto import tqdm

from zfhelpers.files import cached_array, fingerprint, forget, show_progress
from zfhelpers.worlds.formats import formats_for

IN_MEMORY_LIMIT = 4 * 2**30  # bytes of decoded frames worth keeping on disk; ILSVRC-2012 (250 GB) is decoded as it is read
GREY = (124, 124, 124)  # what lies behind a transparent image: the paper's neutral grey
VERSION = 2  # of how files become frames: a higher one forgets what is cached
DEPTHS = (8, 10, 12, 14, 16, 24, 31, 32)  # bits that cameras, scanners and programs give a value
FLAT = 100 / 255  # of the scale; what uses less of it would come out as nearly one grey
PHOTOMETRIC, WHITE_IS_ZERO, SAMPLE_FORMAT, UNSIGNED = 262, 0, 339, 1  # tags of TIFF, each with one of its values
OFTEN = 500  # images; then what was decoded need not stay in memory, too
LONGEST = 16  # sides: of a strip longer than so many times its width only the middle is resized


def to_rgb(image: Image.Image) -> Image.Image:
    """Any image as upright 8-bit RGB: turned as EXIF says, wider values scaled, CMYK and palette converted, alpha over mid-grey.

    Raises:
        ValueError: it has no pixels, or values that are no numbers.
    """
    if 0 in image.size:
        raise ValueError("it has no pixels")
    image = ImageOps.exif_transpose(image)
    if image.mode.startswith("I") or image.mode == "F":
        image = Image.fromarray(to_bytes(np.asarray(image)))
    if image.mode in ("RGBA", "LA", "PA", "La", "RGBa") or "transparency" in image.info:
        image = image.convert("LA") if image.mode == "La" else image
        image = image.convert("RGBA")
        return Image.alpha_composite(Image.new("RGBA", image.size, (*GREY, 255)), image).convert("RGB")
    return image.convert("RGB")


def to_bytes(values: np.ndarray) -> np.ndarray:
    """Grey values of any range in 8 bits, black at 0 and white at the top of their scale.

    Files do not say what their scale is. For whole numbers it is the least usual depth that holds them (8, 10, 12, 14, 16 bits
    and more); for others 0 to 1, or up to the largest value if that is above 1. What is negative somewhere, or would use less
    than 100 of the 255 levels, is stretched from its smallest to its largest value.

    Args:
        values: (H, W), integers or floats.

    Returns:
        (H, W) uint8.

    Raises:
        ValueError: values that are NaN or infinite.

    >>> to_bytes(np.array([0, 2048, 4095])), to_bytes(np.array([0, 0.5, 1])), to_bytes(np.array([-1, 0, 1.0]))
    (array([  0, 128, 255], dtype=uint8), array([  0, 128, 255], dtype=uint8), array([  0, 128, 255], dtype=uint8))
    """
    integers = values.dtype.kind in "iu"
    if not integers and (wrong := int((~np.isfinite(values)).sum())):
        raise ValueError(f"{wrong} of its {values.size} values are NaN or infinite")
    low, high = float(values.min()), float(values.max())
    values = values.astype(np.float32 if integers and values.itemsize < 4 else np.float64)  # scans of 100 megapixels have 16 bits
    if high <= 1:
        top = 1.0
    elif integers or (values == np.rint(values)).all():
        top = next((2.0**bits - 1 for bits in DEPTHS if high < 2**bits), high)
    else:
        top = high
    if low < 0 or 0 < high - low < FLAT * top:
        return ((values - low) / max(high - low, np.finfo(float).tiny) * 255).round().astype(np.uint8)
    return (values / top * 255).round().astype(np.uint8)


def read_image(path: str | os.PathLike) -> Image.Image:
    """The image in a file, upright and RGB; of several the first.

    Raises:
        FileNotFoundError: there is no such file.
        ValueError: the file is no image, is damaged or cut off, or holds what 8 bits cannot show.
    """
    try:
        if not stat.S_ISREG(os.stat(path).st_mode):
            raise ValueError("it is no file")  # a pipe would be waited for
        with Image.open(path, formats=formats_for(path)) as image:
            wide, tiles = image.mode[0] in "IF", str(getattr(image, "tile", ""))
            tags = getattr(image, "tag_v2", {})
            rgb = to_rgb(image)
            if image.mode == "I" and tags.get(SAMPLE_FORMAT, (1,))[0] == UNSIGNED and image.getextrema()[0] < 0:
                raise ValueError("it holds whole numbers beyond 31 bits")  # Pillow takes them for negative ones
            if not wide and ";16" in tiles and _brightest(image) < 64:
                raise ValueError("its colours have 16 bits and use 14 at most, of which Pillow keeps the upper 8; save it with 8")
            if wide and tags.get(PHOTOMETRIC) == WHITE_IS_ZERO:
                return ImageOps.invert(rgb)  # Pillow does it for 8 bits only
            return rgb
    except FileNotFoundError:
        raise FileNotFoundError(f"There is no image {str(path)!r}.") from None
    except UnidentifiedImageError:
        what = "it is no picture of a known format" if os.path.getsize(path) else "it is empty"
        raise ValueError(f"The image {str(path)!r} cannot be read: {what}.") from None
    except Exception as error:  # decoders of damaged files raise nearly everything; what they say belongs to the file
        why = (getattr(error, "strerror", None) or str(error)).partition("\n")[0].rstrip(".") or type(error).__name__
        raise ValueError(f"The image {str(path)!r} cannot be read: {why}.") from None


def _brightest(image: Image.Image) -> int:
    """The largest value of any band but the opacity."""
    return max(band.getextrema()[1] for name, band in zip(image.getbands(), image.split(), strict=True) if name != "A")


def to_frame(image: Image.Image, size: int, resampling: str = "bicubic") -> Image.Image:
    """Resize until the shorter side is `size` and keep the centre square: the paper's 256 x 256 frame, at this size."""
    if max(image.size) > LONGEST * min(image.size):
        width, height = (min(side, LONGEST * min(image.size)) for side in image.size)
        left, top = (image.width - width) // 2, (image.height - height) // 2
        image = image.crop((left, top, left + width, top + height))
    factor = size / min(image.size)
    width, height = (max(size, round(side * factor)) for side in image.size)
    left, top = (width - size) // 2, (height - size) // 2
    how = Image.Resampling[resampling.upper()]
    return image.resize((width, height), how, reducing_gap=3.0).crop((left, top, left + size, top + size))


def centre_crop(frames: Tensor, size: int) -> Tensor:
    """The centre `size` x `size` of (..., H, W)."""
    top, left = (frames.shape[-2] - size) // 2, (frames.shape[-1] - size) // 2
    return frames[..., top : top + size, left : left + size]


class DecodedOnDemand:
    """Frames that stay JPEG files until they are indexed, like an (N, 3, F, F) array: for sets too large to keep decoded."""

    def __init__(self, paths: Sequence[str], frame_size: int, resampling: str = "bicubic"):
        self.paths, self.resampling = list(paths), resampling
        self.shape = (len(self.paths), 3, frame_size, frame_size)

    def __len__(self) -> int:
        return len(self.paths)

    def __getitem__(self, index) -> np.ndarray:
        if np.ndim(index) == 0 and not isinstance(index, slice):
            return np.asarray(to_frame(read_image(self.paths[index]), self.shape[-1], self.resampling)).transpose(2, 0, 1)
        return np.stack([self[i] for i in np.arange(len(self))[index]])


class Rows:
    """Some of the frames (N, 3, F, F), read when they are indexed: a copy of some thousand photographs would be a gigabyte.

    >>> Rows(np.arange(24).reshape(4, 3, 2, 1), [3, 1])[1:].ravel()
    array([ 6,  7,  8,  9, 10, 11])
    """

    def __init__(self, frames, rows: Sequence[int]):
        if isinstance(frames, Rows):
            frames, rows = frames.frames, frames.rows[np.asarray(rows)]
        self.frames, self.rows = frames, np.asarray(rows)
        self.shape = (len(self.rows), *frames.shape[1:])

    def __len__(self) -> int:
        return len(self.rows)

    def __getitem__(self, index) -> np.ndarray:
        rows, *places = index if isinstance(index, tuple) else (index,)
        return self.frames[self.rows[rows], *places]


def in_memory(frames) -> bool:
    """Whether frames are decoded already, in memory or in a memory-mapped file, as are rows of such."""
    return isinstance(frames.frames if isinstance(frames, Rows) else frames, np.ndarray)


def decode(paths: Sequence[str], frame_size: int, name: str, resampling: str = "bicubic"):
    """All frames of some image files: decoded once into a memory-mapped file of the cache, or on demand if they are too many.

    Raises:
        OSError: the cache cannot be written, for want of space or permission.
        ValueError: an image that cannot be read, by its name; images that change while they are read.
    """
    frames = DecodedOnDemand(paths, frame_size, resampling)
    if np.prod(frames.shape, dtype=np.int64) > IN_MEMORY_LIMIT:
        return frames

    def put(array: np.ndarray, i: int) -> None:
        array[i] = frames[i]

    other = "" if resampling == "bicubic" else f"-{resampling}"
    return _from_files(paths, f"{name}-{frame_size}{other}", frames.shape, put, f"decoding {name}")


def readable(paths: Sequence[str], name: str) -> np.ndarray:
    """Which image files can be read: (N,) bool. The first time it takes as long as decoding; the answer is kept in the cache.

    Raises:
        OSError: the cache cannot be written.
        ValueError: images that change while they are read.
    """

    def put(array: np.ndarray, i: int) -> None:
        try:
            read_image(paths[i])
        except (ValueError, FileNotFoundError):
            array[i] = 0
        else:
            array[i] = 1

    return _from_files(paths, f"{name}-readable", (len(paths),), put, f"checking {name}") == 1


def _from_files(
    paths: Sequence[str], name: str, shape: tuple[int, ...], put: Callable[[np.ndarray, int], None], doing: str
) -> np.ndarray:
    """An array with one entry for each file, kept in the cache while the files, and what reads them, stay as they are."""
    now = time.time()
    before = fingerprint(paths, now)
    key = f"{VERSION} {PIL.__version__} {ImageFile.LOAD_TRUNCATED_IMAGES} {shape} {before}"

    def fill(array: np.ndarray) -> None:
        failure = None
        try:
            with ThreadPoolExecutor() as pool:
                jobs = pool.map(lambda i: put(array, i), range(len(paths)))
                for done, _ in enumerate(tqdm(jobs, total=len(paths), desc=doing, unit="img", disable=not show_progress())):
                    if done % OFTEN == 0:
                        forget(array)
        except (ValueError, OSError) as error:  # of a file that is half written, perhaps
            failure = error
        if fingerprint(paths, now) != before:
            raise ValueError(f"The images of {name} changed while they were read; open them again.") from failure
        if failure:
            raise failure

    return cached_array(name, key, shape, fill)
