"""From arrays to pictures that say what they show: pixels, mosaics of tiles, one style, and `Picture` with its alt text.

    >>> tiles = np.zeros((4, 3, 2, 2), np.uint8)
    >>> Picture(mosaic(tiles, columns=2), alt="Four black squares.")
    <Picture: Four black squares.>

Images are (3, H, W), uint8. A projection is signed, (3, H, W) float, and is shown around mid-grey, see `projection_to_rgb`.
"""

from __future__ import annotations

import base64
import html
import io
from contextlib import AbstractContextManager
from pathlib import Path

import matplotlib.style
import numpy as np
from matplotlib.backends.backend_agg import FigureCanvasAgg
from matplotlib.figure import Figure
from PIL import Image

SMALL = 80_000  # bytes that one embedded picture may have before it is compressed with loss: notebooks stay under 1 MB
DPI = 100  # pixels an inch; figures made of tiles are laid out in pixels

# Okabe and Ito: told apart with every kind of colour vision, and in this order also by lightness.
COLOURS = ("#0072B2", "#E69F00", "#009E73", "#CC79A7", "#56B4E9", "#D55E00", "#F0E442", "#000000")
HOUSE_STYLE = {
    "font.family": "DejaVu Sans",  # comes with matplotlib, so that pictures agree between machines
    "font.size": 9,
    "axes.titlesize": 10,
    "axes.titlelocation": "left",
    "axes.labelsize": 9,
    "axes.spines.top": False,
    "axes.spines.right": False,
    "axes.edgecolor": "#888888",
    "axes.linewidth": 0.8,
    "axes.grid": True,
    "axes.axisbelow": True,
    "axes.prop_cycle": matplotlib.rcsetup.cycler(color=COLOURS),
    "grid.color": "#e4e4e4",
    "grid.linewidth": 0.6,
    "xtick.color": "#444444",
    "ytick.color": "#444444",
    "xtick.labelsize": 8,
    "ytick.labelsize": 8,
    "lines.linewidth": 1.6,
    "lines.markersize": 4,
    "legend.frameon": False,
    "legend.fontsize": 8,
    "figure.facecolor": "white",
    "figure.dpi": 120,
    "figure.constrained_layout.use": True,
}


def style() -> AbstractContextManager:
    """The house style as a context: `with style(): ...` around making a figure *and* its Picture."""
    return matplotlib.style.context(["default", HOUSE_STYLE])


class Picture:
    """A picture with alt text. A notebook shows it as an HTML figure; as text it is its alt text, the same on every machine.

    Args:
        drawing: a matplotlib Figure, an image (3, H, W) uint8, a Pillow image, or the bytes of a PNG.
        alt: what is to be seen, in a sentence or two, without measured digits.
        caption: shown below it, if given.

    Attributes:
        png: the picture as PNG bytes.
        size: (width, height) in pixels.

    Raises:
        ValueError: alt text that is missing or empty.
    """

    def __init__(self, drawing, alt: str, caption: str | None = None):
        if not isinstance(alt, str) or not alt.strip():
            raise ValueError("A picture needs alt text: one sentence that says what is to be seen in it.")
        self.alt, self.caption = " ".join(alt.split()), caption
        self.png = drawing if isinstance(drawing, bytes) else encode(drawing)
        with Image.open(io.BytesIO(self.png)) as image:
            self.size = image.size

    def __repr__(self) -> str:
        return f"<Picture: {self.alt}>"

    def _repr_mimebundle_(self, include=None, exclude=None) -> dict[str, str]:
        caption = f"<figcaption>{html.escape(self.caption)}</figcaption>" if self.caption else ""
        return {"text/html": f"<figure>{self.html}{caption}</figure>", "text/plain": repr(self)}

    @property
    def html(self) -> str:
        """The picture alone, as an `<img>` that carries its own data: the PNG, or WebP where that is large."""
        return img(self.png if len(self.png) <= SMALL else _webp(self.png), self.alt)

    def save(self, path: str | Path) -> None:
        """Writes the PNG."""
        Path(path).write_bytes(self.png)


def img(data: bytes, alt: str) -> str:
    """An `<img>` element with the picture inside it."""
    kind = "png" if data.startswith(b"\x89PNG") else "webp"
    source = f"data:image/{kind};base64,{base64.b64encode(data).decode()}"
    return f'<img alt="{html.escape(alt)}" src="{source}" style="max-width:100%">'


def encode(drawing) -> bytes:
    """PNG bytes, with a palette of 256 colours where that cannot be seen."""
    image = _pillow(drawing)
    if image.getcolors(4096):  # few enough for a palette; a mosaic of photographs has more
        palette = image.quantize(256, method=Image.Quantize.MEDIANCUT, dither=Image.Dither.NONE)
        error = np.abs(np.asarray(palette.convert("RGB"), np.int16) - np.asarray(image, np.int16))
        image = palette if error.mean() < 1 else image
    png = io.BytesIO()
    image.save(png, "PNG")
    return png.getvalue()


def _pillow(drawing) -> Image.Image:
    if isinstance(drawing, Figure):
        canvas = FigureCanvasAgg(drawing)
        canvas.draw()
        return Image.fromarray(np.asarray(canvas.buffer_rgba())).convert("RGB")
    if isinstance(drawing, Image.Image):
        return drawing.convert("RGB")
    return Image.fromarray(pixels(drawing))


def _webp(png: bytes) -> bytes:
    smaller = io.BytesIO()
    with Image.open(io.BytesIO(png)) as image:
        image.convert("RGB").save(smaller, "WEBP", quality=75)
    return min(smaller.getvalue(), png, key=len)


# -------------------------------------------------------------------------------------------------------------- pixels


def array(values) -> np.ndarray:
    """The numbers of a tensor, on whatever device, or of anything numpy takes."""
    return values.detach().cpu().numpy() if hasattr(values, "detach") else np.asarray(values)


def pixels(image) -> np.ndarray:
    """An image (3, H, W), uint8, as Pillow and matplotlib want it: (H, W, 3).

    Raises:
        ValueError: another shape or type; preprocessed pixels need the mean image back first.
    """
    image = array(image)
    if image.ndim != 3 or image.shape[0] != 3 or image.dtype != np.uint8:
        raise ValueError(f"An image to show is uint8 of shape (3, H, W), not {image.dtype} of shape {image.shape}.")
    return np.ascontiguousarray(image.transpose(1, 2, 0))


def projection_to_rgb(projection, scale: float | None = None, percentile: float = 99.5) -> np.ndarray:
    """A signed projection as an image around mid-grey: 127.5 (1 + p / scale), clipped to what can be shown.

    Args:
        projection: (..., 3, H, W) float; everything given at once, for instance a block of nine, shares one scale.
        scale: the size of p that becomes black or white. Without it, a high percentile of |p|: the maximum would let a single
            pixel turn all others grey.
        percentile: which, in (0, 100].

    Returns:
        uint8 of the same shape; a projection of zeros is mid-grey throughout.

    >>> projection_to_rgb(np.array([-2.0, 0.0, 1.0]).reshape(1, 3, 1, 1), scale=2.0).ravel()
    array([  0, 128, 191], dtype=uint8)
    """
    signed = array(projection).astype(np.float32)
    if not np.isfinite(signed).all():
        raise ValueError("A projection to show must be finite; this one has NaN or infinite values.")
    if scale is None:
        # Unused pixels are exactly zero, and the more of them, the less a percentile over all would say about the rest.
        live = np.abs(signed[signed != 0])
        scale = float(np.percentile(live, percentile)) if live.size else 1.0
    return np.clip(np.rint(127.5 + 127.5 * signed / max(scale, 1e-30)), 0, 255).astype(np.uint8)


def mosaic(tiles, columns: int, separator: int = 1, fill: int = 255, column_major: bool = False) -> np.ndarray:
    """Tiles (N, 3, h, w), uint8, in a grid with thin lines between them, as one image (3, H, W); cells left over stay empty.

    Args:
        tiles: in reading order, or down the columns with `column_major`.
        columns: how many columns.
        separator: pixels between tiles.
        fill: grey value of separators and empty cells.

    >>> mosaic(np.zeros((3, 3, 2, 2), np.uint8), columns=2)[0]
    array([[  0,   0, 255,   0,   0],
           [  0,   0, 255,   0,   0],
           [255, 255, 255, 255, 255],
           [  0,   0, 255, 255, 255],
           [  0,   0, 255, 255, 255]], dtype=uint8)
    """
    tiles = array(tiles)
    if tiles.ndim != 4 or tiles.shape[1] != 3 or tiles.dtype != np.uint8 or not len(tiles) or columns < 1:
        raise ValueError(
            f"A mosaic is made of uint8 tiles (N, 3, h, w) in 1 column or more, not of {tiles.dtype} {tiles.shape} in {columns}."
        )
    rows = -(-len(tiles) // columns)
    high, wide = (side + separator for side in tiles.shape[2:])
    sheet = np.full((3, rows * high - separator, columns * wide - separator), fill, np.uint8)
    for number, tile in enumerate(tiles):
        row, column = (number % rows, number // rows) if column_major else divmod(number, columns)
        sheet[:, row * high : row * high + tile.shape[1], column * wide : column * wide + tile.shape[2]] = tile
    return sheet


def enlarge(image, factor: int) -> np.ndarray:
    """Every pixel of (..., H, W) as a square of `factor` pixels, so that it can be seen as a pixel."""
    return array(image).repeat(factor, axis=-2).repeat(factor, axis=-1)


def fit(tiles, side: int) -> np.ndarray:
    """Square tiles (N, 3, h, h), uint8, at about `side` pixels: enlarged by a whole factor, or reduced by averaging."""
    tiles = array(tiles)
    if tiles.shape[-1] <= side:
        return enlarge(tiles, side // tiles.shape[-1])
    reduced = [Image.fromarray(pixels(tile)).resize((side, side), Image.Resampling.BOX) for tile in tiles]
    return np.stack([np.asarray(tile).transpose(2, 0, 1) for tile in reduced])
