"""Reading a picture: damaged files of all formats are named, and values of all ranges come out or are refused."""

import io
import os
import struct
import warnings
import zlib

import numpy as np
import pytest
from PIL import Image, features

from zfhelpers.worlds import frames
from zfhelpers.worlds.frames import GREY, read_image, to_bytes, to_frame

MUTATIONS = 60  # of each format
SAVED = {  # ending -> (format, options)
    "png": ("PNG", {}),
    "jpg": ("JPEG", {"quality": 90}),
    "gif": ("GIF", {"save_all": True, "append_images": [Image.new("RGB", (24, 20), (1, 2, 3))]}),
    "bmp": ("BMP", {}),
    "tif": ("TIFF", {}),
    "tiff": ("TIFF", {"compression": "tiff_lzw"}),
    "webp": ("WEBP", {"lossless": True}),
    "ppm": ("PPM", {}),
    "ico": ("ICO", {"sizes": [(24, 20)]}),
    "tga": ("TGA", {"compression": "tga_rle"}),
    "jp2": ("JPEG2000", {}),
    "avif": ("AVIF", {}),
    "pcx": ("PCX", {}),
    "sgi": ("SGI", {}),
    "apng": ("PNG", {"save_all": True, "append_images": [Image.new("RGB", (24, 20), (1, 2, 3))]}),
    "dds": ("DDS", {}),
    "heic": ("PNG", {}),  # under another's name
    "": ("JPEG", {"exif": Image.Exif()}),
}
THERE = [
    ending
    for ending, (kind, _) in SAVED.items()
    if kind not in ("AVIF", "JPEG2000") or features.check({"AVIF": "avif", "JPEG2000": "jpg_2000"}[kind])
]


def saved(ending):
    """A small picture in the bytes of a format."""
    kind, options = SAVED[ending]
    if "exif" in options:
        options["exif"][0x0112] = 6
    file = io.BytesIO()
    Image.effect_mandelbrot((24, 20), (-2, -1, 1, 1), 40).convert("RGB").save(file, kind, **options)
    return file.getvalue()


def mutated(data, rng):
    """The same bytes, damaged in one of many ways."""
    data, at = bytearray(data), int(rng.integers(len(data)))
    how = rng.choice(
        ["cut", "flip", "flips", "zeros", "noise", "insert", "remove", "giant", "negative", "repeat", "start", "header"]
    )
    if how == "cut":
        return bytes(data[:at])
    if how == "flip":
        data[at] ^= 1 << int(rng.integers(8))
    elif how == "flips":
        for place in rng.integers(len(data), size=rng.integers(2, 40)):
            data[place] ^= 1 << int(rng.integers(8))
    elif how in ("zeros", "noise"):
        end = min(len(data), at + int(rng.integers(1, 64)))
        data[at:end] = bytes(end - at) if how == "zeros" else rng.bytes(end - at)
    elif how == "insert":
        data[at:at] = rng.bytes(int(rng.integers(1, 16)))
    elif how == "remove":
        del data[at : at + int(rng.integers(1, 16))]
    elif how in ("giant", "negative"):  # a size or an offset in the header
        at, value = int(rng.integers(min(64, len(data)))), b"\x7f\xff\xff\xff" if how == "giant" else b"\xff\xff\xff\xff"
        data[at : at + 4] = value
    elif how == "repeat":
        data[at:at] = data[at // 2 : at]
    elif how == "start":
        return bytes(data[: int(rng.integers(4, 32))]) + rng.bytes(200)
    else:
        for place in rng.integers(min(48, len(data)), size=rng.integers(1, 6)):
            data[place] = rng.integers(256)
    return bytes(data)


@pytest.mark.parametrize("ending", THERE, ids=lambda ending: ending or "no ending")
def test_a_damaged_file_is_an_image_or_one_sentence_with_its_name(ending, tmp_path, monkeypatch):
    monkeypatch.setattr(Image, "MAX_IMAGE_PIXELS", 10**6)
    path, good = tmp_path / f"a 'b'{'.' * bool(ending)}{ending}", saved(ending)
    path.write_bytes(good)
    assert sorted(read_image(path).size) == [20, 24]
    rng, refused = np.random.default_rng(sum(ending.encode())), 0
    for number in range(MUTATIONS):
        data = b"" if number == 0 else mutated(good, rng)
        path.write_bytes(data)
        try:
            with warnings.catch_warnings():
                warnings.simplefilter("error" if number % 2 else "ignore")
                image = read_image(path)
            assert (image.mode, len(image.tobytes())) == ("RGB", 3 * image.width * image.height)
        except ValueError as error:
            refused += 1
            sentence = str(error)
            assert sentence.startswith(f"The image {str(path)!r} cannot be read: ")
            assert sentence.endswith(".")
            assert len(sentence.splitlines()) == 1
            assert len(sentence) < len(str(path)) + 300
    assert refused, "the mutations do no harm"


@pytest.mark.parametrize(
    ("error", "why"),
    [(MemoryError(), "MemoryError"), (struct.error("unpack requires"), "unpack requires"), (zlib.error("-3"), "-3"),
     (RecursionError("deep"), "deep"), (OSError(5, "Input/output error"), "Input/output error"), (KeyError("x"), "x"),
     (PermissionError(13, "Permission denied"), "Permission denied"), (EOFError("two\nlines"), "two.$")],
)  # fmt: skip
def test_whatever_a_decoder_raises_belongs_to_its_file(error, why, tmp_path, monkeypatch):
    path = tmp_path / "a.png"
    Image.new("L", (9, 9)).save(path)

    def raising(*_, **__):
        raise error

    monkeypatch.setattr(Image.Image, "convert", raising)
    with pytest.raises(ValueError, match=rf"^The image '.*a\.png' cannot be read: .*{why}"):
        read_image(path)


def test_a_program_that_is_stopped_stops(tmp_path, monkeypatch):
    Image.new("L", (9, 9)).save(tmp_path / "a.png")

    def stopped(*_, **__):
        raise KeyboardInterrupt

    monkeypatch.setattr(Image.Image, "convert", stopped)
    with pytest.raises(KeyboardInterrupt):
        read_image(tmp_path / "a.png")


def test_what_is_no_file(tmp_path):
    os.mkfifo(tmp_path / "pipe.png")
    for path in (tmp_path, tmp_path / "pipe.png", "/dev/zero"):
        with pytest.raises(ValueError, match="cannot be read: it is no file"):
            read_image(path)
    (tmp_path / "gone.png").symlink_to("nowhere")
    with pytest.raises(FileNotFoundError, match="There is no image"):
        read_image(tmp_path / "gone.png")
    for path in ("a\0b", None, 3.5):
        with pytest.raises(ValueError, match="cannot be read"):
            read_image(path)


def test_no_other_program_is_asked_to_read_a_file(tmp_path):
    for name, start in (("a.png", b"%!PS-Adobe-3.0 EPSF-3.0\n%%BoundingBox: 0 0 9 9\n"), ("a.eps", b"%!PS-Adobe-3.0 EPSF-3.0\n")):
        (tmp_path / name).write_bytes(start + b"%%EndComments\n")
        with pytest.raises(ValueError, match="it is no picture of a known format"):
            read_image(tmp_path / name)


# ------------------------------------------------------------------------------------------------------------- ranges

RAMP = np.linspace(0, 1, 4096).reshape(64, 64)
KNOWN = (RAMP * 255).round()


def whole(top, dtype):
    return (RAMP * top).round().astype(dtype)


RANGES = {  # name: (values, ending); each is a ramp from black to white
    **{
        f"{bits} bits in 16": (whole(2**bits - 1, np.uint16), ending) for bits in (8, 10, 12, 14, 16) for ending in ("png", "tif")
    },
    **{f"{bits} bits in 32": (whole(2**bits - 1, np.int32), "tif") for bits in (8, 12, 16, 24, 31)},
    "12 bits in a JPEG 2000": (whole(4095, np.uint16), "jp2"),
    "0 to 1": (RAMP.astype(np.float32), "tif"),
    "0 to 255 in floats": (whole(255, np.float32), "tif"),
    "0 to 65535 in floats": (whole(65535, np.float32), "tif"),
    "a mask of 0 and 1": (whole(1, np.uint16), "png"),
    "-1 to 0": ((RAMP - 1).astype(np.float32), "tif"),
    "-1 to 1": ((2 * RAMP - 1).astype(np.float32), "tif"),
    "Hounsfield": ((RAMP * 4000 - 1000).astype(np.int32), "tif"),
    "0 to 0.01": ((RAMP / 100).astype(np.float32), "tif"),
    "0 to 37.5": ((RAMP * 37.5).astype(np.float32), "tif"),
    "30,000 to 31,000": ((30000 + RAMP * 1000).astype(np.uint16), "png"),
    "0 to 50": (whole(50, np.uint16), "png"),
    "0 to 1e30": ((RAMP * 1e30).astype(np.float32), "tif"),
}


@pytest.mark.parametrize("name", RANGES)
def test_wide_values_come_out_with_their_range(name, tmp_path):
    values, ending = RANGES[name]
    Image.fromarray(values).save(tmp_path / f"x.{ending}")
    image = np.asarray(read_image(tmp_path / f"x.{ending}"))
    assert (image[..., 0] == image[..., 1]).all()
    expected = (values.astype(float) - values.min()) / float(values.max() - float(values.min())) * 255
    assert np.abs(image[..., 0] - expected).max() <= 1


def test_ranges_drawn_at_random_keep_order_and_contrast():
    rng = np.random.default_rng(0)
    for _ in range(500):
        low, high = np.sort(rng.choice([-1, 1], 2) * 10 ** rng.uniform(-6, 9, 2))
        values = rng.uniform(low, high, (8, 9))
        values.flat[:2] = low, high
        if rng.random() < 0.5:
            values = values.round()
        out = to_bytes(values).astype(int)
        order = np.argsort(values.ravel())
        assert (np.diff(out.ravel()[order]) >= 0).all()
        assert values.min() == values.max() or out.max() - out.min() >= 99


@pytest.mark.parametrize("value", [0, 7, 255, 256, 4096, 65535, 0.3, -3, 1e-9])
def test_a_single_grey_stays_one(value):
    assert len(np.unique(to_bytes(np.full((4, 4), float(value))))) == 1


def test_eight_bit_values_are_not_touched():
    values = np.arange(20, 231.0).reshape(1, -1)
    np.testing.assert_array_equal(to_bytes(values), values)


@pytest.mark.parametrize("value", [np.nan, np.inf, -np.inf])
def test_what_is_no_number_is_refused(value, tmp_path):
    values = RAMP.astype(np.float32).copy()
    values[3, 4:6] = value
    Image.fromarray(values).save(tmp_path / "x.tif")
    with pytest.raises(ValueError, match=r"x\.tif' cannot be read: 2 of its 4096 values are NaN or infinite"):
        read_image(tmp_path / "x.tif")


def test_white_is_zero(tmp_path):
    Image.fromarray(whole(65535, np.uint16)).save(tmp_path / "x.tif", tiffinfo={262: 0})
    image = np.asarray(read_image(tmp_path / "x.tif"))[..., 0]
    assert np.abs(image - (255 - KNOWN)).max() <= 1


def test_whole_numbers_that_pillow_takes_for_negative_ones_are_refused(tmp_path):
    Image.fromarray(np.array([[-5, 7]], np.int32)).save(tmp_path / "x.tif")
    data, signed = (tmp_path / "x.tif").read_bytes(), struct.pack("<HHIH", 339, 3, 1, 2)
    assert np.asarray(read_image(tmp_path / "x.tif"))[0, :, 0].tolist() == [0, 255]
    assert data.count(signed) == 1
    (tmp_path / "x.tif").write_bytes(data.replace(signed, struct.pack("<HHIH", 339, 3, 1, 1)))
    with pytest.raises(ValueError, match="cannot be read: it holds whole numbers beyond 31 bits"):
        read_image(tmp_path / "x.tif")


def png16(values):
    """A PNG with 16 bits in each of 2, 3 or 4 bands, which Pillow reads but does not write."""
    height, width, bands = values.shape

    def chunk(kind, data):
        return struct.pack(">I", len(data)) + kind + data + struct.pack(">I", zlib.crc32(kind + data))

    header = struct.pack(">IIBBBBB", width, height, 16, {2: 4, 3: 2, 4: 6}[bands], 0, 0, 0)
    rows = b"".join(b"\0" + row.astype(">u2").tobytes() for row in values)
    return b"\x89PNG\r\n\x1a\n" + chunk(b"IHDR", header) + chunk(b"IDAT", zlib.compress(rows)) + chunk(b"IEND", b"")


@pytest.mark.parametrize("bands", [2, 3, 4])
@pytest.mark.parametrize("bits", [8, 10, 12, 14, 16])
def test_colours_of_16_bits_come_out_or_are_refused(bits, bands, tmp_path):
    values = np.repeat(whole(2**bits - 1, np.uint16)[..., None], bands, axis=2)
    if bands != 3:
        values[..., -1] = 65535
    (tmp_path / "x.png").write_bytes(png16(values))
    if bits == 16:
        assert np.abs(np.asarray(read_image(tmp_path / "x.png"))[..., 1] - KNOWN).max() <= 1
    else:
        with pytest.raises(ValueError, match=r"x\.png' cannot be read: its colours have 16 bits and use 14 at most"):
            read_image(tmp_path / "x.png")


# ------------------------------------------------------------------------------------------------------------- odd ones


@pytest.mark.parametrize(
    "mode", ["1", "L", "LA", "La", "P", "PA", "RGB", "RGBA", "RGBa", "RGBX", "CMYK", "YCbCr", "LAB", "HSV", "I", "F"]
)
def test_every_mode_of_pillow_becomes_rgb(mode):
    image = frames.to_rgb(Image.new(mode, (5, 4)))
    assert (image.mode, image.size) == ("RGB", (5, 4))


@pytest.mark.parametrize("mode", ["P", "L", "RGB", "1"])
def test_a_colour_marked_as_transparent_turns_grey(mode, tmp_path):
    image = Image.new(mode, (8, 8))
    image.save(tmp_path / "x.png", transparency=(0, 0, 0) if mode == "RGB" else 0)
    assert read_image(tmp_path / "x.png").getpixel((2, 2)) == GREY


@pytest.mark.parametrize("ending", ["gif", "apng", "webp", "tif"])
def test_of_several_images_the_first_is_taken(ending, tmp_path):
    one, two = (Image.new("RGB", (9, 9), colour) for colour in ((255, 0, 0), (0, 255, 0)))
    options = {"lossless": True} if ending == "webp" else {}
    one.save(tmp_path / f"x.{ending}", {"apng": "PNG"}.get(ending), save_all=True, append_images=[two], **options)
    assert read_image(tmp_path / f"x.{ending}").getpixel((4, 4)) == (255, 0, 0)


@pytest.mark.parametrize("size", [(1, 1), (1, 3000), (3000, 1), (2, 60000)])
def test_strips_and_points_become_frames(size):
    image = Image.new("RGB", size, (9, 9, 9))
    image.paste((200, 0, 0), (size[0] // 2 - size[0] // 20, size[1] // 2 - size[1] // 20, size[0], size[1]))
    frame = to_frame(image, 146)
    assert frame.size == (146, 146)
    assert np.asarray(frame)[140:, 140:].mean() > 60


def test_an_image_without_pixels():
    with pytest.raises(ValueError, match="it has no pixels"):
        frames.to_rgb(Image.new("RGB", (0, 4)))
