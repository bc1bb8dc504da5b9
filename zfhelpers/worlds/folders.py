"""What lies in the class folders of a world, as people have them: PATH/CLASS/ holds pictures, also in folders of its own.

Hidden files and what systems leave behind are passed over. All else that is no picture is counted, by reason, to be said once.
"""

from __future__ import annotations

import os
import unicodedata
from collections import Counter
from collections.abc import Iterator
from pathlib import Path

from zfhelpers.worlds.formats import is_companion, is_picture

LAYOUT = "a folder world is PATH/train/CLASS/*.jpg and PATH/val/CLASS/*.jpg"
NOT_READ = "that Pillow cannot read as pictures"
NO_FILE = "that are no files, or links to nothing"
AGAIN = "that lead back to a folder already seen"
OUTSIDE = "beside the class folders"
WITHOUT = "without an ending"
PHONES = (".heic", ".heif")


def class_folders(root: Path, layout: str = LAYOUT) -> dict[str, Path]:
    """The class folders of one half of a world, by the name of the class; sorted by the name of the folder.

    A class is called as its folder; what cannot be printed is written as an escape, and accents, which a Mac takes apart, are
    composed.

    Raises:
        FileNotFoundError: there is no such folder, or no class in it.
        ValueError: it cannot be read, or two folders would be one class.
    """
    if not root.is_dir():
        raise FileNotFoundError(f"There is no folder {str(root)!r}; {layout}.")
    found: dict[str, Path] = {}
    for entry in _entries(root):
        if os.path.isdir(entry.path):
            name = printable(entry.name)
            if name in found:
                raise ValueError(f"{str(root)!r} has two folders of the name {name!r}, written differently; rename one.")
            found[name] = Path(entry.path)
    if not found:
        raise FileNotFoundError(f"{str(root)!r} holds no class folders; {layout}.")
    return found


def printable(name: str) -> str:
    r"""A file's name as it can be shown, written and sorted everywhere.

    >>> print(printable("cafe\u0301"), printable("caf\udce9"), printable("two\nlines"))
    café caf\xe9 two\nlines
    """
    known = os.fsencode(name).decode("utf-8", "backslashreplace")  # bytes that are not UTF-8 come as lone surrogates
    letters = unicodedata.normalize("NFC", known)
    return "".join(repr(each)[1:-1] if unicodedata.category(each) in ("Cc", "Zl", "Zp") else each for each in letters)


def look_through(folder: Path) -> Iterator[tuple[str, str]]:
    """Every file in a class folder and the folders in it, and why it is left out: "" for a picture, else an ending or a reason.

    Yields:
        path, reason; folder by folder.

    Raises:
        ValueError: a folder that cannot be read.
    """
    todo, seen = [str(folder)], set()
    while todo:
        here = todo.pop()
        status = os.stat(here)
        if (status.st_dev, status.st_ino) in seen:
            yield here, AGAIN
            continue
        seen.add((status.st_dev, status.st_ino))
        for entry in _entries(here):
            if entry.is_file(follow_symlinks=False) or os.path.isfile(entry.path):
                yield entry.path, "" if is_picture(entry.path) else os.path.splitext(entry.name)[1].lower() or WITHOUT
            elif os.path.isdir(entry.path):
                todo.append(entry.path)
            else:
                yield entry.path, NO_FILE


def has_pictures(folder: Path) -> bool:
    """Whether there is a single picture in a class folder; stops at the first."""
    return any(not reason for _, reason in look_through(folder))


def pictures(folder: Path) -> tuple[list[str], Counter[str]]:
    """The pictures of a class, sorted by folder and name, and how many files were left out for which reason."""
    files, left_out = [], Counter()
    for path, reason in look_through(folder):
        if reason:
            left_out[reason] += 1
        else:
            files.append(path)
    return sorted(files, key=lambda path: path.split(os.sep)), left_out


def outside(root: Path) -> int:
    """How many files lie beside the class folders, where no class is theirs."""
    return sum(not os.path.isdir(entry.path) for entry in _entries(root))


def left_out_sentence(root: Path, left_out: Counter[str]) -> str:
    """What was left out of a folder, in one sentence.

    >>> print(left_out_sentence(Path("train"), Counter({".heic": 2, OUTSIDE: 1})))
    3 files of 'train' are left out: 2 that Pillow cannot read as pictures (2 .heic: convert to JPEG), 1 beside the class folders.
    """
    endings = Counter({reason: count for reason, count in left_out.items() if reason.startswith((".", WITHOUT))})
    parts = [f"{count} {reason}" for reason, count in sorted(left_out.items()) if reason not in endings]
    if endings:
        known = [f"{count} {printable(end)}{': convert to JPEG' * (end in PHONES)}" for end, count in endings.most_common(5)]
        known += ["and others"] * (len(endings) > 5)
        parts.insert(0, f"{endings.total()} {NOT_READ} ({', '.join(known)})")
    are = "file of {!r} is" if left_out.total() == 1 else "files of {!r} are"
    return f"{left_out.total()} {are.format(str(root))} left out: {', '.join(parts)}."


def _entries(folder: str | Path) -> list[os.DirEntry]:
    """What is in a folder, sorted, without companions."""
    try:
        with os.scandir(folder) as entries:
            return sorted((entry for entry in entries if not is_companion(entry.name)), key=lambda entry: entry.name)
    except OSError as error:
        raise ValueError(f"The folder {str(folder)!r} cannot be read: {error.strerror}.") from None
