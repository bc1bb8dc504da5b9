"""Pictures that say what they show: `Picture` with its alt text, and the one style of all figures.

>>> Picture(np.zeros((3, 2, 2), np.uint8), alt="A black square.")
<Picture: A black square.>
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

from zfhelpers.figures.colours import COLOURS
from zfhelpers.figures.tiles import to_pillow

SMALL = 80_000  # bytes that one embedded picture may have before it is compressed with loss: notebooks stay under 1 MB
DPI = 100  # pixels an inch; figures made of tiles are laid out in pixels
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
        drawing: a matplotlib Figure, an image (C, H, W) uint8, a Pillow image, or the bytes of a PNG.
        alt: what is to be seen, in a sentence or two, without measured digits.

    Attributes:
        png: the picture as PNG bytes.
        size: (width, height) in pixels.

    Raises:
        ValueError: alt text that is missing or empty.
    """

    def __init__(self, drawing, alt: str):
        self.alt = described(alt)
        self.png = drawing if isinstance(drawing, bytes) else encode(drawing)
        with Image.open(io.BytesIO(self.png)) as image:
            self.size = image.size

    def __repr__(self) -> str:
        return f"<Picture: {self.alt}>"

    def _repr_mimebundle_(self, include=None, exclude=None) -> dict[str, str]:
        return {"text/html": f"<figure>{self.html}</figure>", "text/plain": repr(self)}

    @property
    def html(self) -> str:
        """The picture alone, as an `<img>` that carries its own data: the PNG, or WebP where that is large."""
        return img(self.png if len(self.png) <= SMALL else smaller(self.png), self.alt)

    def save(self, path: str | Path) -> None:
        """Writes the PNG."""
        Path(path).write_bytes(self.png)


def described(alt: str) -> str:
    """An alt text in one line.

    Raises:
        ValueError: it is missing or empty.
    """
    if not isinstance(alt, str) or not alt.strip():
        raise ValueError("A picture needs alt text: one sentence that says what is to be seen in it.")
    return " ".join(alt.split())


def img(data: bytes, alt: str) -> str:
    """An `<img>` element with the picture inside it."""
    return f'<img alt="{html.escape(alt)}" src="{data_url(data)}" style="max-width:100%">'


def data_url(data: bytes) -> str:
    """A PNG or a WebP as an address that holds all of it."""
    kind = "png" if data.startswith(b"\x89PNG") else "webp"
    return f"data:image/{kind};base64,{base64.b64encode(data).decode()}"


def encode(drawing) -> bytes:
    """PNG bytes, with a palette of 256 colours where that cannot be seen."""
    image = rgb(drawing)
    if image.getcolors(4096):  # few enough for a palette; a mosaic of photographs has more
        palette = image.quantize(256, method=Image.Quantize.MEDIANCUT, dither=Image.Dither.NONE)
        error = np.abs(np.asarray(palette.convert("RGB"), np.int16) - np.asarray(image, np.int16))
        image = palette if error.mean() < 1 else image
    png = io.BytesIO()
    image.save(png, "PNG")
    return png.getvalue()


def rgb(drawing) -> Image.Image:
    """Whatever a `Picture` is made of, but bytes, as a Pillow image of three colours."""
    if isinstance(drawing, Figure):
        canvas = FigureCanvasAgg(drawing)
        canvas.draw()
        return Image.fromarray(np.asarray(canvas.buffer_rgba())).convert("RGB")
    return drawing.convert("RGB") if isinstance(drawing, Image.Image) else to_pillow(drawing)


def smaller(png: bytes) -> bytes:
    """A PNG compressed with a loss that is hard to see, as WebP; the PNG itself where that is no gain."""
    compressed = io.BytesIO()
    with Image.open(io.BytesIO(png)) as image:
        image.convert("RGB").save(compressed, "WEBP", quality=75)
    return min(compressed.getvalue(), png, key=len)
