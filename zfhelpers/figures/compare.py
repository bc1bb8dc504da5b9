"""Whether a figure is the one that a notebook keeps.

Its alt text is the same whatever is drawn; so the tests compare, in the outputs of every cell, the pictures themselves, as means
over small squares: what rounding on another machine moves by a fraction of a pixel changes none of them by much.

    >>> from zfhelpers.figures.picture import Picture
    >>> black, spot = np.zeros((3, 40, 40), np.uint8), np.zeros((3, 40, 40), np.uint8)
    >>> spot[:, 8:20, 8:20] = 255
    >>> kept, ours = ([{"data": Picture(image, alt="A spot.")._repr_mimebundle_()}] for image in (black, spot))
    >>> changed(kept, kept), changed(ours, kept)
    ([], ['A figure has changed, around pixel (8, 8) by 64 of 255; 44% of it by more than 8: A spot.'])
"""

from __future__ import annotations

import base64
import html
import io
import re

import numpy as np
from PIL import Image

FIGURE = re.compile(r'<figure>\s*<img alt="(?P<alt>[^"]*)" src="data:image/\w+;base64,(?P<data>[^"]+)"')
BLOCK = (
    16  # pixels: what is drawn a fraction of a pixel elsewhere, as rounding on another machine may have it, changes none by much
)
ALLOWED = 8  # of 255, for the mean of a block: a line that crosses it may move by half a pixel, as rounding may have it


def changed(ours: list[dict], kept: list[dict]) -> list[str]:
    """What is different about the figures among a cell's outputs, a sentence for each; empty if nothing is.

    Args:
        ours, kept: outputs as nbformat has them, of a run and of the notebook.
    """
    ours, kept = _figures(ours), _figures(kept)
    if len(ours) != len(kept):
        return [f"The cell draws {len(ours)} figures; the notebook keeps {len(kept)}."]
    return [said for pair in zip(ours, kept, strict=True) if (said := _difference(*pair))]


def _figures(outputs: list[dict]) -> list[tuple[str, np.ndarray]]:
    """[(alt text, picture)] of all figures in some outputs, in order."""
    pages = ["".join(output.get("data", {}).get("text/html", "")) for output in outputs]
    return [(html.unescape(found["alt"]), _decoded(found["data"])) for page in pages for found in FIGURE.finditer(page)]


def _decoded(data: str) -> np.ndarray:
    """(rows, columns, 3) float, 0 to 255."""
    with Image.open(io.BytesIO(base64.b64decode(data))) as image:
        return np.asarray(image.convert("RGB"), float)


def _difference(ours: tuple[str, np.ndarray], kept: tuple[str, np.ndarray]) -> str:
    (alt, picture), (_, before) = ours, kept
    if picture.shape != before.shape:
        return f"A figure is {picture.shape[1]} x {picture.shape[0]} pixels and was {before.shape[1]} x {before.shape[0]}: {alt}"
    apart = np.abs(_blocks(picture) - _blocks(before)).max(2)
    if apart.max() <= ALLOWED:
        return ""
    row, column = np.unravel_index(apart.argmax(), apart.shape)
    where = f"around pixel ({(row + 0.5) * BLOCK:.0f}, {(column + 0.5) * BLOCK:.0f}) by {apart.max():.0f} of 255"
    return f"A figure has changed, {where}; {np.mean(apart > ALLOWED):.0%} of it by more than {ALLOWED}: {alt}"


def _blocks(picture: np.ndarray) -> np.ndarray:
    """Means over squares of BLOCK x BLOCK pixels."""
    rows, columns, _ = picture.shape
    padded = np.pad(picture, ((0, -rows % BLOCK), (0, -columns % BLOCK), (0, 0)), mode="edge")
    return padded.reshape(len(padded) // BLOCK, BLOCK, -1, BLOCK, 3).mean((1, 3))
