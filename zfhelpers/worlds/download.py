"""Fetch the images of a world into `frames.data_dir()`.

    python -m zfhelpers.worlds.download imagenette

The toy world needs no download, and ILSVRC-2012 cannot be fetched by a program: its licence must be accepted by a person.
"""

from __future__ import annotations

import argparse

from torchvision.datasets import Imagenette

from zfhelpers.files import data_dir


def download(name: str) -> None:
    """Fetch one world; a second call does nothing.

    Raises:
        ValueError: this world has no download.
        OSError: the network or the disk fails.
    """
    if name != "imagenette":
        raise ValueError(f"There is no download for {name!r}; there is one for imagenette, and toy needs none.")
    folder = data_dir()
    folder.mkdir(parents=True, exist_ok=True)
    if not (folder / "imagenette2-160").is_dir():
        Imagenette(folder, size="160px", download=True)  # torchvision checks the MD5 sum


if __name__ == "__main__":
    parser = argparse.ArgumentParser(prog="python -m zfhelpers.worlds.download", description="Fetch the images of a world.")
    parser.add_argument("world", help="imagenette")
    try:
        download(parser.parse_args().world)
    except (ValueError, OSError) as error:
        parser.exit(2, f"{parser.prog}: {error}\n")
