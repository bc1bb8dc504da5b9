"""Which files are pictures: by their ending where it is a common one, and otherwise by what is in them.

Pillow has also heard of films, tables and PostScript, and knows formats without a signature, which any file may be taken for.

    >>> is_companion("._cat.jpg"), is_companion("Thumbs.db"), is_companion("cat.jpg")
    (True, True, False)
    >>> "TGA" in formats_for("cat.jpg"), "TGA" in formats_for("cat.tga"), "MPEG" in formats_for("cat.mpg")
    (False, True, False)
"""

from __future__ import annotations

import os

from PIL import Image

SIGNED = ("JPEG", "PNG", "WEBP", "GIF", "BMP", "TIFF", "AVIF", "JPEG2000", "PPM", "QOI")  # their first bytes say what they are
COMMON = (*SIGNED, "DIB", "TGA", "ICO")  # a file of such an ending is meant as a picture: that it cannot be read is an error
NO_PICTURES = {"BUFR", "EPS", "GRIB", "HDF5", "IPTC", "MPEG", "WMF"}  # Pillow knows their names, or hands them to other programs
COMPANIONS = {
    "__macosx", "thumbs.db", "ehthumbs.db", "desktop.ini", "icon\r", "@eadir", "#recycle", "$recycle.bin",
    "system volume information", "lost+found",
}  # fmt: skip


def is_companion(name: str) -> bool:
    """Whether a file or folder is hidden, or one that a system left behind: nobody misses it."""
    return name.startswith(".") or name.casefold() in COMPANIONS


def formats_for(path: str | os.PathLike) -> list[str]:
    """The formats of Pillow that a file of this name may have: those with a signature, and the one of its ending."""
    Image.init()
    ending = os.path.splitext(path)[1].lower()
    named = Image.registered_extensions().get(ending)
    plugins = [name for name, (factory, _) in Image.OPEN.items() if not getattr(factory, "__module__", "").startswith("PIL.")]
    asked = dict.fromkeys([*SIGNED, *plugins, named])
    if ending and named is None:
        del asked["TIFF"]  # cameras' raw files (.nef, .dng) are TIFF as well, and what Pillow reads is their thumbnail
    return [name for name in asked if name in Image.OPEN and name not in NO_PICTURES]


def is_picture(path: str | os.PathLike) -> bool:
    """Whether a file is one of the pictures of its folder; one of a common ending is, even if it turns out to be damaged."""
    Image.init()
    named = Image.registered_extensions().get(os.path.splitext(path)[1].lower())
    if named in COMMON and named in Image.OPEN:
        return True
    try:
        with Image.open(path, formats=formats_for(path)):
            return True
    except Exception:  # whatever a decoder has to say of what is none of its files
        return False
