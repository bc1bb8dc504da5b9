"""Where things lie, and how they are written: whole or not at all. Nothing here needs torch."""

from __future__ import annotations

import contextlib
import errno
import hashlib
import os
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import BinaryIO

import numpy as np

CHUNK = 2**24  # bytes written at once
NO_FALLOCATE = {errno.EOPNOTSUPP, errno.ENOTSUP, errno.EINVAL, errno.ENOSYS}  # "not here", in the words of several systems


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
        with _cache_errors(path):
            path.parent.mkdir(parents=True, exist_ok=True)
            with open(part, "wb") as file:
                descr = np.lib.format.dtype_to_descr(np.dtype(dtype))
                np.lib.format.write_array_header_1_0(file, {"descr": descr, "fortran_order": False, "shape": shape})
                _claim(file, int(np.prod(shape, dtype=np.int64)) * np.dtype(dtype).itemsize)
            array = np.load(part, mmap_mode="r+")  # `open_memmap` would empty the file first, and give the space back
        yield array
        with _cache_errors(path):
            array.flush()
            os.replace(part, path)
    finally:
        part.unlink(missing_ok=True)


@contextmanager
def _cache_errors(path: Path) -> Iterator[None]:
    """Says which cache could not be written and what to do; errors of what fills it are none of these."""
    try:
        yield
    except OSError as error:
        raise OSError(
            error.errno,
            f"The cache {path.name} cannot be written to {path.parent} ({error.strerror}); set ZF_CACHE to a folder with room.",
        ) from None


def _claim(file: BinaryIO, size: int) -> None:
    """Make a file longer by so many bytes that the disk really has: a memory map on a full disk dies without a word.

    macOS has no `posix_fallocate`, and some file systems refuse it. There zeros are written instead: the file is written twice,
    but a disk that is full says so here.
    """
    file.flush()
    try:
        return os.posix_fallocate(file.fileno(), 0, file.tell() + size)
    except AttributeError:
        pass
    except OSError as error:
        if error.errno not in NO_FALLOCATE:
            raise
    zeros = memoryview(bytes(min(size, CHUNK)))
    for start in range(0, size, CHUNK):
        file.write(zeros[: size - start])
    file.flush()
    os.fsync(file.fileno())  # file systems on a network count their space only now


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
