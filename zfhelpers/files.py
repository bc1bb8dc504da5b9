"""Where things lie, and how they are written: whole or not at all. Nothing here needs torch."""

from __future__ import annotations

import contextlib
import errno
import hashlib
import mmap
import os
import re
import time
from collections.abc import Callable, Iterator, Sequence
from contextlib import contextmanager
from pathlib import Path
from typing import BinaryIO

import numpy as np

try:
    import fcntl
except ImportError:  # Windows
    fcntl = None

LONGEST = 100  # letters of a name that a file's name keeps
UNNAMED = re.compile(r"[^A-Za-z0-9_./:]")  # what a shell, make, snakemake or a file system may read as something else
CHUNK = 2**24  # bytes written at once
READ_LIMIT = 2**30  # bytes of files that are read again to see whether they have changed: a few seconds
RECENT = 3  # seconds; a file changed so lately may be changed again within one tick of its file system's clock
NO_FALLOCATE = {errno.EOPNOTSUPP, errno.ENOTSUP, errno.EINVAL, errno.ENOSYS}  # "not here", in the words of several systems


def data_dir() -> Path:
    """Where data sets lie: `$ZF_DATA`, or `data/downloads` in this project."""
    return Path(os.environ.get("ZF_DATA") or project_dir() / "data" / "downloads")


def cache_dir() -> Path:
    """Where decoded frames are kept, to be deleted at will: `$ZF_CACHE`, or `data/cache` in this project."""
    return Path(os.environ.get("ZF_CACHE") or project_dir() / "data" / "cache")


def project_dir() -> Path:
    """The folder that holds `zfhelpers`, `notebooks` and `data`.

    Raises:
        FileNotFoundError: the package was installed without the other two.
    """
    folder = Path(__file__).resolve().parents[1]
    if not (folder / "data" / "paper").is_dir():
        raise FileNotFoundError(
            "zfhelpers is installed here without its networks, tables and caches, which lie in its repository: clone that and "
            "run 'pip install -e .' in it. For images of your own it is enough to set ZF_CACHE to a folder with room."
        )
    return folder


def plain_name(whole: str) -> str:
    """A file's name for something that has a name of its own: no other thing's, and one that needs no quotes.

    A name that would not tell things apart ends in a hash of the whole: "a/b" and "a-b" would be one.

    >>> plain_name("torchvision:alexnet"), plain_name("folder:/a/b"), plain_name("folder:/a-b")
    ('torchvision-alexnet', 'folder--a-b', 'folder--a-b--6b19c6e2')
    """
    plain = re.sub(r"[/:]", "-", UNNAMED.sub("-", whole))
    if len(plain) <= LONGEST and not UNNAMED.search(whole) and ":" not in whole.partition(":")[2]:
        return plain
    return f"{plain[-LONGEST:].lstrip('-')}--{hashlib.sha256(os.fsencode(whole)).hexdigest()[:8]}"


def seen_folder(world: str, network: str = "zfnet") -> str:
    """A folder's name for a world as a network sees it; the world's alone where the network is its own.

    >>> seen_folder("toy"), seen_folder("imagenette", "torchvision:alexnet")
    ('toy', 'imagenette--torchvision-alexnet')
    """
    return plain_name(world) if network == "zfnet" else f"{plain_name(world)}--{plain_name(network)}"


def show_progress() -> bool:
    """Whether progress bars are wanted: not in batch runs, where `ZF_PROGRESS=0`."""
    return os.environ.get("ZF_PROGRESS", "1") != "0"


def cached_array(name: str, key: str, shape: tuple[int, ...], fill: Callable[[np.ndarray], None]) -> np.ndarray:
    """A read-only memory-mapped uint8 array, computed by `fill` on first use, kept in the cache by `name` and a hash of `key`."""
    name, key = re.sub(r"[^\w.-]", "-", name, flags=re.ASCII), hashlib.sha256(key.encode(errors="surrogatepass")).hexdigest()[:16]
    path = cache_dir() / f"{name}-{key}.npy"
    kept = _kept(path, shape)
    if kept is None:
        with one_at_a_time(path):
            kept = _kept(path, shape)  # another process may have computed it meanwhile
            if kept is None:
                with new_array(path, shape) as array:
                    fill(array)
                kept = np.load(path, mmap_mode="r")
    return kept


@contextmanager
def one_at_a_time(path: Path) -> Iterator[None]:
    """Let one process at a time make a file that several want: the others wait in front of the block, and find it made.

    Where the system or the file system has no locks nobody waits, and each makes its own.
    """
    lock = path.with_name(f"{path.name}.lock")
    with contextlib.ExitStack() as held:
        if fcntl:
            with contextlib.suppress(OSError):  # a folder that cannot be written is named when the file itself is written
                lock.parent.mkdir(parents=True, exist_ok=True)
                file = held.enter_context(open(lock, "w"))
                held.callback(lock.unlink, missing_ok=True)
                fcntl.flock(file, fcntl.LOCK_EX)  # the system takes it back, however this process ends
        yield


def forget(array: object) -> None:
    """Give back the memory of a memory-mapped array: what is read again comes from its file, into which all was written.

    Anything else is left alone.
    """
    mapped = getattr(array, "_mmap", None)
    if mapped is not None and array.mode in ("r", "r+") and hasattr(mmap, "MADV_DONTNEED"):  # "c" would lose what was changed
        mapped.madvise(mmap.MADV_DONTNEED)


def _kept(path: Path, shape: tuple[int, ...]) -> np.ndarray | None:
    """An array of the cache, if it is there and whole."""
    try:
        array = np.load(path, mmap_mode="r")
    except (FileNotFoundError, EOFError, ValueError):  # not there, or cut short by a copy
        return None
    return array if array.shape == shape and array.dtype == np.uint8 else None


def fingerprint(paths: Sequence[str], now: float | None = None) -> str:
    """A hash that differs as soon as the content of one of some files does.

    It is over their bytes, where these are few enough to be read each time. For more it takes size, times and inode: who puts
    back the time of modification cannot put back that of the change. A file that was changed within the last seconds is read even
    then, since clocks of file systems are coarse; so are all on Windows, which keeps no time of change.

    Args:
        paths: their names, which count as well. What cannot be read counts as its error.
        now: in seconds, as `time.time` gives it, where two hashes are to be compared.
    """
    lately = ((time.time() if now is None else now) - RECENT) * 1e9
    found = [_status(path) for path in paths]
    whole = os.name == "nt" or sum(status[0] for status in found if status) <= READ_LIMIT
    digest = hashlib.sha256()
    for path, status in zip(paths, found, strict=True):
        what = _content(path) if whole or not status or status[2] > lately else status
        digest.update(f"{what} {path}\0".encode(errors="surrogatepass"))
    return digest.hexdigest()


def _status(path: str) -> tuple[int, int, int, int] | None:
    """Size, times of modification and change in nanoseconds, and inode; None of what is not there."""
    try:
        status = os.stat(path)
    except OSError:
        return None
    return status.st_size, status.st_mtime_ns, status.st_ctime_ns, status.st_ino


def _content(path: str) -> str:
    try:
        with open(path, "rb", buffering=0) as file:
            return hashlib.sha256(file.read()).hexdigest()
    except OSError as error:
        return str(error.errno)


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
