"""Pictures that say what they show: `Picture` with its alt text, and the one style of all figures.

>>> Picture(np.zeros((3, 2, 2), np.uint8), alt="A black square.")
<Picture: A black square.>
"""

from __future__ import annotations

import base64
import hashlib
import html
import io
from contextlib import AbstractContextManager
from functools import cached_property
from pathlib import Path

import matplotlib.style
import numpy as np
from matplotlib.backends.backend_agg import FigureCanvasAgg
from matplotlib.figure import Figure
from PIL import Image

from zfhelpers.figures.colours import COLOURS
from zfhelpers.figures.tiles import to_pillow

SMALL = 80_000  # bytes that one embedded picture may have before it is compressed with loss: notebooks stay under 1 MB
MANY = 4096  # colours: more than a drawing has; a mosaic of photographs has them
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
        size: (width, height) in pixels.

    Raises:
        ValueError: alt text that is missing or empty.
    """

    _image: Image.Image | None = None  # until it is a PNG

    def __init__(self, drawing, alt: str):
        self.alt = described(alt)
        if isinstance(drawing, bytes):
            self.png = drawing
            with Image.open(io.BytesIO(drawing)) as image:
                self.size = image.size
        else:
            self._image = few_coloured(rgb(drawing))
            self.size = self._image.size

    def __repr__(self) -> str:
        return f"<Picture: {self.alt}>"

    def _repr_mimebundle_(self, include=None, exclude=None) -> dict[str, str]:
        return {"text/html": f"<figure>{self.html}</figure>", "text/plain": repr(self)}

    @cached_property
    def png(self) -> bytes:
        """The picture as PNG bytes, made when they are asked for: of a photograph they take twice as long as WebP."""
        png, self._image = as_png(self._image), None
        return png

    def compressed(self) -> bytes:
        """The picture as `smaller` has it, without the PNG of one with many colours, which is longer in any case."""
        if self._image is None or self._image.getcolors(MANY):
            return smaller(self.png)
        return as_webp(self._image)

    def digest(self) -> bytes:
        """The same for pictures of the same pixels that nobody has had as PNG yet, and never for others."""
        shown = self.png if self._image is None else repr(self.size).encode() + self._image.convert("RGB").tobytes()
        return hashlib.sha256(shown).digest()

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
    return as_png(few_coloured(rgb(drawing)))


def few_coloured(image: Image.Image) -> Image.Image:
    """An image of three colours with a palette of 256, where that cannot be seen."""
    if not image.getcolors(MANY):
        return image
    palette = image.quantize(256, method=Image.Quantize.MEDIANCUT, dither=Image.Dither.NONE)
    error = np.abs(np.asarray(palette.convert("RGB"), np.int16) - np.asarray(image, np.int16))
    return palette if error.mean() < 1 else image


def as_png(image: Image.Image) -> bytes:
    """A Pillow image as PNG, without loss."""
    png = io.BytesIO()
    image.save(png, "PNG")
    return png.getvalue()


def as_webp(image: Image.Image) -> bytes:
    """A Pillow image as WebP, with a loss that is hard to see."""
    webp = io.BytesIO()
    image.convert("RGB").save(webp, "WEBP", quality=75)
    return webp.getvalue()


def rgb(drawing) -> Image.Image:
    """Whatever a `Picture` is made of, but bytes, as a Pillow image of three colours."""
    if isinstance(drawing, Figure):
        canvas = FigureCanvasAgg(drawing)
        canvas.draw()
        return Image.fromarray(np.asarray(canvas.buffer_rgba())).convert("RGB")
    return drawing.convert("RGB") if isinstance(drawing, Image.Image) else to_pillow(drawing)


def smaller(png: bytes) -> bytes:
    """A PNG compressed with a loss that is hard to see, as WebP; the PNG itself where that is no gain."""
    with Image.open(io.BytesIO(png)) as image:
        return min(as_webp(image), png, key=len)
