"""Fetch the photographs of a world into `files.data_dir()`.

    python -m zfhelpers.worlds.download imagenette
    python -m zfhelpers.worlds.download --large imagenette      # 320 px, for networks that take 224
    python -m zfhelpers.worlds.download tinyimagenet

The toy world needs no download, and ILSVRC-2012 cannot be fetched by a program: its licence must be accepted by a person.
"""

from __future__ import annotations

import argparse
import hashlib
import os
import shutil
import zipfile
import zlib
from http.client import HTTPException
from pathlib import Path
from urllib.request import Request, urlopen

from torchvision.datasets import Imagenette
from tqdm.auto import tqdm

from zfhelpers.files import data_dir, show_progress
from zfhelpers.worlds.tinyimagenet import CLASSES, FOLDER, IMAGES_A_CLASS, read_listing

TINYIMAGENET = "http://cs231n.stanford.edu/tiny-imagenet-200.zip"
TINYIMAGENET_BYTES, TINYIMAGENET_MD5 = 248_100_043, "90528d7ca1a48142e341f4ef8d21d0de"
CHUNK = 2**20  # bytes written at once
PATIENCE = 60  # seconds without a byte


def download(name: str, large: bool = False) -> None:
    """Fetch one world; a second call does nothing, and after an interruption it goes on.

    Args:
        name: "imagenette" or "tinyimagenet".
        large: the edition for networks that take more than 128 px, where there is one: of Imagenette, 320 px, 326 MB.

    Raises:
        ValueError: this world has no download; what came is not what it should be.
        OSError: the network or the disk fails; what lies there already was cut short.
    """
    worlds = {"imagenette": _imagenette, "tinyimagenet": _tinyimagenet}
    if name not in worlds:
        raise ValueError(f"There is no download for {name!r}; there is one for {' and '.join(worlds)}, and toy needs none.")
    data_dir().mkdir(parents=True, exist_ok=True)
    worlds[name](large)


def _imagenette(large: bool) -> None:
    side, megabytes = (320, 326) if large else (160, 95)
    if (data_dir() / f"imagenette2-{side}").is_dir():
        return
    try:
        Imagenette(data_dir(), size=f"{side}px", download=True)  # torchvision checks the MD5 sum
    except (OSError, HTTPException, RuntimeError) as error:
        raise OSError(
            f"Imagenette ({megabytes} MB) could not be fetched ({str(error).rstrip('.')}); the same command tries again."
        ) from None


def _tinyimagenet(_large: bool) -> None:
    root, archive = data_dir() / FOLDER, data_dir() / f"{FOLDER}.zip"
    if root.is_dir():
        read_listing(root)
        return
    if not archive.exists():
        fetch(TINYIMAGENET, archive, TINYIMAGENET_BYTES, TINYIMAGENET_MD5)
    unpack(archive, root)


def fetch(url: str, path: Path, size: int, md5: str) -> None:
    """Fetch a file, going on where an interrupted call stopped: what has arrived is kept in `PATH.part`.

    Args:
        url: where it is.
        path: where it shall be; it appears there only whole and checked.
        size: its length, in bytes.
        md5: its MD5 sum, in hexadecimal.

    Raises:
        OSError: the network or the disk fails, or the file ends before `size`.
        ValueError: a file of this length, or longer, came with another sum; it is removed.
    """
    part = path.with_name(f"{path.name}.part")
    held = part.stat().st_size if part.exists() else 0
    try:
        if held < size:
            _receive(Request(url, headers={"Range": f"bytes={held}-"}), part, size)
    except (OSError, HTTPException) as error:
        raise OSError(f"{url} could not be fetched ({error}); what has arrived is kept: the same command goes on.") from None
    if (held := part.stat().st_size) < size:
        raise OSError(f"{url} was cut short at {held:,} of {size:,} bytes; they are kept: the same command goes on.")
    with open(part, "rb") as file:
        found = hashlib.file_digest(file, "md5").hexdigest()
    if held != size or found != md5:
        part.unlink()
        raise ValueError(
            f"What came from {url} is not the file it should be ({held:,} bytes with MD5 sum {found}, not {size:,} with {md5}); "
            "it was removed."
        )
    os.replace(part, path)


def _receive(request: Request, part: Path, size: int) -> None:
    """Append what a server sends; from the beginning where it does not know how to go on."""
    with urlopen(request, timeout=PATIENCE) as response, open(part, "ab" if response.status == 206 else "wb") as file:
        held = file.tell()
        bar = {"desc": f"fetching {part.stem}", "unit": "B", "unit_scale": True, "disable": not show_progress()}
        with tqdm(initial=held, total=size, **bar) as progress:
            while block := response.read(CHUNK):
                file.write(block)
                progress.update(len(block))


def unpack(archive: Path, root: Path) -> None:
    """Unpack Tiny-ImageNet's archive; the folder appears only whole. Files that an interrupted call left are not written again.

    Args:
        archive: a zip file with a folder of the name of `root`.
        root: the folder to be.

    Raises:
        ValueError: no zip file, or one with another number of images a class than the official one.
        FileNotFoundError: the archive holds a part only.
        OSError: the disk fails.
    """
    part = root.with_name(f"{root.name}.part")
    try:
        with zipfile.ZipFile(archive) as zipped:
            members = [member for member in zipped.infolist() if not member.is_dir()]
            for member in tqdm(members, desc=f"unpacking {archive.name}", unit="file", disable=not show_progress()):
                at = part / member.filename
                if not (at.is_file() and at.stat().st_size == member.file_size):
                    zipped.extract(member, part)
    except (zipfile.BadZipFile, zlib.error, EOFError, NotImplementedError, RuntimeError, ValueError) as error:
        raise ValueError(
            f"{str(archive)!r} is not a whole zip file ({str(error) or type(error).__name__}); remove it and fetch it again."
        ) from None
    listing = read_listing(part / root.name)
    held, meant = (len(listing.classes), *listing.images_a_class), (CLASSES, *IMAGES_A_CLASS)
    if held != meant:
        shutil.rmtree(part)
        words = "{} classes of {} + {} images"
        raise ValueError(
            f"{str(archive)!r} holds {words.format(*held)}, not {words.format(*meant)}; remove it and fetch it again."
        )
    os.replace(part / root.name, root)
    shutil.rmtree(part)


if __name__ == "__main__":
    parser = argparse.ArgumentParser(prog="python -m zfhelpers.worlds.download", description="Fetch the photographs of a world.")
    parser.add_argument("world", help="imagenette or tinyimagenet")
    parser.add_argument("--large", action="store_true", help="the edition for networks that take more than 128 px")
    options = parser.parse_args()
    try:
        download(options.world, options.large)
    except (ValueError, OSError) as error:
        parser.exit(2, f"{parser.prog}: {error}\n")
