"""A reader's own photograph, from a path or from uploaded bytes: read by the package's own reader, or refused in one sentence.

>>> read_bytes("notes.txt", b"Not a picture.")
Traceback (most recent call last):
...
ValueError: The image 'notes.txt' cannot be read: it is no picture of a known format.
"""

from __future__ import annotations

import os
import tempfile
import warnings
from dataclasses import dataclass
from pathlib import Path

from PIL import Image

from zfhelpers.worlds.formats import formats_for
from zfhelpers.worlds.frames import read_image

LARGEST = 64 * 2**20  # bytes of a file
PIXELS = 100_000_000  # of an image; decoded these are 300 MB
KEPT = 2048  # pixels along the longer side of what is kept: no network of the course takes more than a few hundred


@dataclass(frozen=True)
class Photograph:
    """An image of the reader's own.

    Attributes:
        name: of its file, without folders.
        image: upright and RGB, its longer side at most `KEPT` pixels.
        note: what was done to it that nobody asked for; empty if nothing was.
    """

    name: str
    image: Image.Image
    note: str = ""


def read_path(path: str) -> Photograph:
    """The photograph in a file.

    Raises:
        FileNotFoundError: there is no such file.
        ValueError: no path; a file that is no image, is damaged, cut off or too large.
    """
    typed = str(path).strip().strip("\"'")
    if not typed or "\0" in typed:
        raise ValueError("Type the path of an image file, such as ~/pictures/dog.jpg.")
    return _read(Path(typed).expanduser(), typed)


def read_bytes(name: str, data: bytes) -> Photograph:
    """The photograph in the bytes of a file.

    Args:
        name: of the file; its ending helps to tell formats apart that have no signature.
        data: what is in it.

    Raises:
        ValueError: no image, damaged, cut off or too large.
    """
    plain = Path(str(name).replace("\0", "").replace("\\", "/")).name or "photograph"
    with tempfile.TemporaryDirectory(prefix="photograph-") as folder:
        path = Path(folder) / ("upload" + Path(plain).suffix[:10])
        path.write_bytes(data)
        return _read(path, plain)


def too_large(called: str, size: int) -> str:
    """Why a file of so many bytes is not read."""
    return f"The image {called!r} has {size / 2**20:.0f} MB; at most {LARGEST // 2**20} MB are read. Save it smaller."


def _read(path: Path, called: str) -> Photograph:
    """What is in a file, which sentences call by another name."""
    notes = []
    with warnings.catch_warnings():
        warnings.simplefilter("ignore")  # of large images and odd tags: what matters is said in the note, or refused
        if path.is_file():
            notes = _looked_at(path, called)
        try:
            image = read_image(path)
        except (ValueError, FileNotFoundError) as error:
            raise type(error)(str(error).replace(repr(str(path)), repr(called))) from None
    image.thumbnail((KEPT, KEPT), Image.Resampling.BICUBIC, reducing_gap=3.0)
    return Photograph(Path(called).name, image, "; ".join(notes))


def _looked_at(path: Path, called: str) -> list[str]:
    """What the head of a file says that a reader should know; refuses what is too large before it is decoded."""
    if (size := os.path.getsize(path)) > LARGEST:
        raise ValueError(too_large(called, size))
    notes = []
    try:
        with Image.open(path, formats=formats_for(path)) as image:
            (width, height), frames, mode = image.size, getattr(image, "n_frames", 1), image.mode
    except Image.DecompressionBombError:
        width, height, frames, mode = PIXELS, PIXELS, 1, ""
    except Exception:  # what is wrong with it the reader says, better
        return notes
    if width * height > PIXELS:
        raise ValueError(f"The image {called!r} has more than {PIXELS // 10**6} million pixels. Save it smaller.")
    if frames > 1:
        notes.append(f"the first of {frames} frames")
    if mode == "CMYK":
        notes.append("its printing colours made RGB")
    return notes
