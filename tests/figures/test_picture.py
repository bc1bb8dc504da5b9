"""Pictures against what was put into them: as PNG, as HTML, as text."""

import base64
import io
import re

import numpy as np
import pytest
import torch
from PIL import Image

from zfhelpers.figures import Picture, picture

RNG = np.random.default_rng(0)


def photos(*shape):
    return RNG.integers(0, 256, shape, dtype=np.uint8)


def shown(drawn: Picture) -> np.ndarray:
    """The pixels of a picture, (H, W, 3)."""
    return np.asarray(Image.open(io.BytesIO(drawn.png)).convert("RGB"))


@pytest.mark.parametrize("alt", ["", "  ", None])
def test_alt_text_is_mandatory(alt):
    with pytest.raises(ValueError, match="needs alt text"):
        Picture(photos(3, 4, 4), alt)


def test_a_picture_shows_itself_as_html_and_text(tmp_path):
    image = photos(3, 6, 9)
    bundle = (drawn := Picture(image, 'A <b> & "c"\n d.'))._repr_mimebundle_()
    assert set(bundle) == {"text/html", "text/plain"}
    assert bundle["text/plain"] == '<Picture: A <b> & "c" d.>'
    assert 'alt="A &lt;b&gt; &amp; &quot;c&quot; d."' in bundle["text/html"]
    data = base64.b64decode(re.search(r"data:image/png;base64,([^\"]+)", bundle["text/html"])[1])
    assert data == drawn.png
    assert (shown(drawn) == image.transpose(1, 2, 0)).all()
    assert drawn.size == (9, 6)
    drawn.save(tmp_path / "a.png")
    assert (tmp_path / "a.png").read_bytes() == drawn.png
    assert Picture(drawn.png, "The same.").png == drawn.png


def test_few_colours_get_a_palette_and_many_stay_exact():
    ramp = np.broadcast_to(np.arange(200, dtype=np.uint8), (3, 50, 200))
    assert Image.open(io.BytesIO(picture.encode(ramp))).mode == "P"
    assert (shown(Picture(ramp, "A ramp.")) == ramp.transpose(1, 2, 0)).all()
    many = photos(3, 80, 80)
    assert (shown(Picture(many, "Noise.")) == many.transpose(1, 2, 0)).all()


def test_a_large_picture_is_embedded_small_and_still_looks_the_same():
    y, x = np.mgrid[:600, :600]
    smooth = np.stack([128 + 100 * np.sin(x / 31 + k) * np.cos(y / 47) for k in range(3)]) + RNG.normal(0, 4, (3, 600, 600))
    large = Picture(smooth.clip(0, 255).astype(np.uint8), "Waves.")
    assert len(large.png) > picture.SMALL
    data = base64.b64decode(re.search(r"data:image/webp;base64,([^\"]+)", large.html)[1])
    assert len(data) < len(large.png) / 4
    seen = np.asarray(Image.open(io.BytesIO(data)).convert("RGB"), float)
    assert np.abs(seen - shown(large)).mean() < 4


@pytest.mark.parametrize(
    "image", [photos(3, 90, 90), np.zeros((3, 5, 7), np.uint8), 255 * (photos(3, 64, 64) // 128)], ids=["photo", "flat", "few"]
)
def test_what_is_compressed_without_its_png_is_what_is_compressed_from_it(image):
    straight, by_png = Picture(image, "One."), Picture(Picture(image, "One.").png, "One.")
    assert straight.compressed() == by_png.compressed() == picture.smaller(by_png.png)
    assert straight.png == by_png.png
    assert straight.compressed() == by_png.compressed()  # now that its PNG is there


def test_pictures_of_the_same_pixels_have_one_digest():
    red, blue = (np.full((3, 4, 6), 9, np.uint8) for _ in range(2))
    red[0], blue[2] = 200, 200  # as images with a palette their bytes are the same, and so are those of the one that is turned
    told_apart = [Picture(each, "A colour.").digest() for each in (red, blue, red.transpose(0, 2, 1), photos(3, 70, 70))]
    assert len(set(told_apart)) == 4
    assert Picture(red.copy(), "Red.").digest() == told_apart[0]


@pytest.mark.parametrize(
    "image", [np.zeros((4, 4), np.uint8), np.zeros((3, 4, 4)), np.zeros((4, 4, 3), np.uint8), torch.zeros(1, 3, 4, 4)]
)
def test_only_uint8_images_are_shown(image):
    with pytest.raises(ValueError, match=r"is uint8 of shape \(C, H, W\), not"):
        Picture(image, "Something.")
