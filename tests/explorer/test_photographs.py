"""Photographs of the reader's own: odd ones are read as the package reads them, bad ones refused in one sentence."""

import io
import re
import zlib

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from PIL import Image

import zfhelpers as zf
from zfhelpers.explorer import photographs
from zfhelpers.explorer.photographs import KEPT, read_bytes, read_path

RNG = np.random.default_rng(0)
PIXELS = RNG.integers(0, 256, (40, 60, 3), dtype=np.uint8)


def encoded(image, kind, **options) -> bytes:
    file = io.BytesIO()
    image.save(file, kind, **options)
    return file.getvalue()


def photo(mode="RGB") -> Image.Image:
    return Image.fromarray(PIXELS).convert(mode)


def head_of_a_png(side: int) -> bytes:
    """The head of a PNG of so many pixels a side; nothing of it has to be decoded to know that."""
    head = side.to_bytes(4, "big") * 2 + bytes([8, 2, 0, 0, 0])
    chunks = [(b"IHDR", head), (b"IDAT", b"")]
    written = [len(data).to_bytes(4, "big") + kind + data + zlib.crc32(kind + data).to_bytes(4, "big") for kind, data in chunks]
    return b"\x89PNG\r\n\x1a\n" + b"".join(written)


ODD = {
    "grey.png": encoded(photo("L"), "PNG"),
    "palette.gif": encoded(photo("P"), "GIF"),
    "alpha.png": encoded(Image.merge("RGBA", [*photo().split(), Image.linear_gradient("L").resize((60, 40))]), "PNG"),
    "printing.jpg": encoded(photo("CMYK"), "JPEG"),
    "sixteen.png": encoded(Image.fromarray(RNG.integers(0, 65536, (40, 60), dtype=np.uint16)), "PNG"),
    "turned.jpg": encoded(photo(), "JPEG", exif=b"Exif\0\0MM\0*\0\0\0\x08\0\x01\x01\x12\0\x03\0\0\0\x01\0\x06\0\0\0\0\0\0"),
    "photo.webp": encoded(photo(), "WEBP"),
    "no ending": encoded(photo(), "PNG"),
    "tagged.tif": encoded(photo(), "TIFF"),
    "ünïcode.png": encoded(photo(), "PNG"),
}
BAD = {
    "empty.jpg": (b"", "it is empty"),
    "notes.txt": (b"Dear diary, " * 50, "no picture of a known format"),
    "page.png": (b"<html><body>404</body></html>", "no picture of a known format"),
    "film.mp4": (b"\0\0\0\x18ftypmp42" + bytes(200), "no picture of a known format"),
    "cut.jpg": (encoded(photo(), "JPEG")[:400], "cannot be read"),
    "cut.png": (encoded(photo(), "PNG")[:300], "cannot be read"),
    "large.png": (head_of_a_png(11_000), "has more than 100 million pixels"),
    "huge.png": (head_of_a_png(30_000), "has more than 100 million pixels"),
}


@pytest.mark.parametrize("name", ODD)
def test_odd_files_are_read_as_the_package_reads_them(name, tmp_path):
    path = tmp_path / name
    path.write_bytes(ODD[name])
    found = read_bytes(name, ODD[name])
    assert found.name == name
    assert found.image.mode == "RGB"
    assert (np.asarray(found.image) == np.asarray(zf.read_image(path))).all()
    assert (np.asarray(read_path(str(path)).image) == np.asarray(found.image)).all()


def test_what_was_done_unasked_is_said():
    frames = [Image.new("RGB", (8, 8), (level, 0, 0)) for level in (250, 90, 10)]
    film = encoded(frames[0], "GIF", save_all=True, append_images=frames[1:])
    found = read_bytes("film.gif", film)
    assert found.note == "the first of 3 frames"
    assert found.image.getpixel((4, 4))[0] > 200
    assert read_bytes("printing.jpg", ODD["printing.jpg"]).note == "its printing colours made RGB"
    assert read_bytes("photo.webp", ODD["photo.webp"]).note == ""


@pytest.mark.parametrize("name", BAD)
def test_bad_files_are_refused_in_one_sentence_by_their_name(name):
    data, why = BAD[name]
    with pytest.raises(ValueError, match=why) as refused:
        read_bytes(name, data)
    assert str(refused.value).startswith(f"The image '{name}' ")
    assert "\n" not in str(refused.value)
    assert "photograph-" not in str(refused.value)  # the folder in which it was looked at


@given(st.sampled_from(["JPEG", "PNG", "GIF", "WEBP", "TIFF", "BMP"]), st.floats(0, 1), st.binary(max_size=40))
@settings(max_examples=60, deadline=None)
def test_a_damaged_file_is_a_picture_or_a_sentence(kind, share, junk):
    data = encoded(photo(), kind)
    place = int(share * len(data))
    damaged = data[:place] + junk + (data[place + len(junk) :] if len(junk) % 2 else b"")
    said = answer(f"x.{kind.lower()}", damaged)
    assert said == "RGB" or re.fullmatch(r"The image 'x\.\w+' .+", said)


def answer(name: str, data: bytes) -> str:
    """The mode of the image, or what is said of the file."""
    try:
        return read_bytes(name, data).image.mode
    except ValueError as refused:
        return str(refused)


@given(st.text(max_size=30), st.binary(max_size=60))
@settings(max_examples=60, deadline=None)
def test_any_name_and_any_bytes_are_answered(name, data):
    with pytest.raises(ValueError, match="The image"):
        read_bytes(name, data)


@pytest.mark.parametrize("typed", ["", "   ", '""', "nul\0l"])
def test_no_path_is_asked_for_one(typed):
    with pytest.raises(ValueError, match=r"^Type the path of an image file, such as "):
        read_path(typed)


def test_paths(tmp_path, monkeypatch):
    monkeypatch.setenv("HOME", str(tmp_path))
    (tmp_path / "a dog.png").write_bytes(ODD["no ending"])
    assert read_path(' "~/a dog.png" ').name == "a dog.png"
    with pytest.raises(FileNotFoundError, match=r"^There is no image 'nowhere/x\.jpg'\.$"):
        read_path("nowhere/x.jpg")
    with pytest.raises(ValueError, match="cannot be read: it is no file"):
        read_path(str(tmp_path))


def test_files_that_are_too_large_are_not_read(tmp_path, monkeypatch):
    monkeypatch.setattr(photographs, "LARGEST", 1000)
    with pytest.raises(ValueError, match=r"^The image 'x\.png' has 0 MB; at most 0 MB are read\. Save it smaller\.$"):
        read_bytes("x.png", encoded(photo(), "PNG"))


def test_a_large_image_is_kept_smaller():
    wide = Image.new("RGB", (KEPT * 2, 100), (9, 99, 199))
    assert read_bytes("wide.png", encoded(wide, "PNG")).image.size == (KEPT, 50)
