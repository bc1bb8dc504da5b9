"""Where things lie, and how they are written: whole or not at all. Nothing here needs torch."""

from __future__ import annotations

import contextlib
import errno
import hashlib
import os
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from pathlib import Path

import numpy as np


def data_dir() -> Path:
    """Where data sets lie: `$ZF_DATA`, or `data/downloads` in this project."""
    return Path(os.environ.get("ZF_DATA") or project_dir() / "data" / "downloads")


def cache_dir() -> Path:
    """Where decoded frames are kept, to be deleted at will: `$ZF_CACHE`, or `data/cache` in this project."""
    return Path(os.environ.get("ZF_CACHE") or project_dir() / "data" / "cache")


def project_dir() -> Path:
    """The folder that holds `zfhelpers`, `notebooks` and `data`."""
    return Path(__file__).resolve().parents[1]


def show_progress() -> bool:
    """Whether progress bars are wanted: not in batch runs, where `ZF_PROGRESS=0`."""
    return os.environ.get("ZF_PROGRESS", "1") != "0"


def cached_array(name: str, key: str, shape: tuple[int, ...], fill: Callable[[np.ndarray], None]) -> np.ndarray:
    """A read-only memory-mapped uint8 array, computed by `fill` on first use, kept in the cache by `name` and a hash of `key`."""
    path = cache_dir() / f"{name}-{hashlib.sha256(key.encode()).hexdigest()[:16]}.npy"
    if not path.exists():
        with new_array(path, shape) as array:
            fill(array)
    return np.load(path, mmap_mode="r")


@contextmanager
def new_array(path: Path, shape: tuple[int, ...], dtype: type = np.uint8) -> Iterator[np.ndarray]:
    """A new memory-mapped .npy file to be filled: it appears under its name only when the block ends, and whole.

    Several processes may write the same file at once: each fills its own, and the last to finish stays.

    Raises:
        OSError: the file cannot be written, for want of space or permission; nothing of it is left.
    """
    part = path.with_name(f"{path.name}.{os.getpid()}.part")
    try:
        path.parent.mkdir(parents=True, exist_ok=True)
        size = int(np.prod(shape, dtype=np.int64)) * np.dtype(dtype).itemsize
        with open(part, "wb") as file:  # claim the space first: a memory map on a full disk dies without a word
            os.posix_fallocate(file.fileno(), 0, size + 4096)
        array = np.lib.format.open_memmap(part, mode="w+", dtype=dtype, shape=shape)
        yield array
        array.flush()
        os.replace(part, path)
    except OSError as error:
        raise OSError(
            error.errno,
            f"The cache {path.name} cannot be written to {path.parent} ({error.strerror}); set ZF_CACHE to a folder with room.",
        ) from None
    finally:
        part.unlink(missing_ok=True)


def write_whole(path: Path, data: bytes) -> None:
    """Write a file so that it is either there in full or not at all, also when the disk fills up or the process is killed.

    Raises:
        OSError: it could not be written; the sentence says which file and why.
    """
    path = Path(path)
    part = path.with_name(f".{path.name}.{os.getpid()}.part")
    try:
        path.parent.mkdir(parents=True, exist_ok=True)
        with open(part, "wb") as file:
            file.write(data)
            file.flush()
            os.fsync(file.fileno())
        os.replace(part, path)
    except OSError as error:
        with contextlib.suppress(OSError):
            part.unlink(missing_ok=True)
        raise OSError(
            error.errno or errno.EIO, f"{str(path)!r} could not be written: {error.strerror}. Nothing was changed."
        ) from None
