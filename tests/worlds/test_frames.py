"""Reading odd images, and frames that are decoded once or as they are read."""

import os

import numpy as np
import pytest
import torch
from PIL import Image

from zfhelpers.worlds import frames as frames_module
from zfhelpers.worlds.frames import GREY, read_image, to_frame, to_rgb
from zfhelpers.worlds.opening import open_world

ODD_IMAGES = {
    "grey": lambda rgb: rgb.convert("L"),
    "palette": lambda rgb: rgb.quantize(256),
    "cmyk": lambda rgb: rgb.convert("CMYK"),
    "16-bit": lambda rgb: Image.fromarray(np.asarray(rgb.convert("L")).astype(np.uint16) * 257),
    "alpha": lambda rgb: rgb.convert("RGBA"),
    "grey alpha": lambda rgb: rgb.convert("LA"),
    "one bit": lambda rgb: rgb.convert("1"),
    "float": lambda rgb: rgb.convert("L").convert("F"),
}


@pytest.mark.parametrize("kind", ODD_IMAGES)
def test_odd_images_become_upright_rgb(kind):
    rgb = Image.new("RGB", (60, 40), (20, 20, 20))
    rgb.paste((230, 230, 230), (0, 0, 30, 40))
    out = to_rgb(ODD_IMAGES[kind](rgb))
    assert (out.mode, out.size) == ("RGB", (60, 40))
    pixels = np.asarray(out).astype(float)
    assert pixels[:, :28].mean() > 200
    assert pixels[:, 32:].mean() < 40


def test_transparent_pixels_turn_grey_and_exif_turns_upright(tmp_path):
    clear = Image.new("RGBA", (8, 8), (255, 0, 0, 0))
    assert to_rgb(clear).getpixel((3, 3)) == GREY
    picture = Image.new("RGB", (60, 40), (0, 0, 0))
    picture.paste((255, 255, 255), (0, 0, 60, 10))  # bright top, once upright it is the right-hand side
    exif = Image.Exif()
    exif[0x0112] = 6
    picture.save(tmp_path / "turned.jpg", exif=exif)
    upright = np.asarray(read_image(tmp_path / "turned.jpg")).astype(float)
    assert upright.shape == (60, 40, 3)
    assert upright[:, 32:].mean() > 200
    assert upright[:, :28].mean() < 40


def test_the_frame_keeps_the_aspect_ratio():
    tall = Image.new("RGB", (50, 100), (0, 0, 0))
    tall.paste((255, 255, 255), (0, 25, 50, 75))  # exactly the centre square
    frame = np.asarray(to_frame(tall, 146)).astype(float)
    assert frame.shape == (146, 146, 3)
    assert frame[3:-3].min() > 250


def test_broken_and_missing_images(tmp_path, folder):
    with pytest.raises(FileNotFoundError, match=r"There is no image '.*nowhere\.jpg'"):
        read_image(tmp_path / "nowhere.jpg")
    Image.effect_noise((200, 200), 90).convert("RGB").save(tmp_path / "whole.jpg")
    cut = folder / "val" / "cat" / "cut.jpg"
    cut.write_bytes((tmp_path / "whole.jpg").read_bytes()[:3000])
    with pytest.raises(ValueError, match=r"cut\.jpg' cannot be read: .*truncated"):
        len(open_world(f"folder:{folder}").val)
    assert not list((tmp_path / "cache").glob("*.npy*")), "a failed decoding must leave nothing behind"
    (tmp_path / "text.png").write_text("not an image")
    with pytest.raises(ValueError, match="cannot be read"):
        read_image(tmp_path / "text.png")


def test_decoded_on_demand_gives_the_same_frames(folder, monkeypatch):
    cached = open_world(f"folder:{folder}", image_size=32).train
    monkeypatch.setattr(frames_module, "IN_MEMORY_LIMIT", 0)
    lazy = open_world(f"folder:{folder}", image_size=32).train
    assert isinstance(cached.frames, np.ndarray)
    assert not isinstance(lazy.frames, np.ndarray)
    assert all(torch.equal(cached[i][0], lazy[i][0]) for i in range(10))
    assert torch.equal(cached.images([3, 1]), lazy.images([3, 1]))


def test_cache_notices_changed_images(folder):
    before = open_world(f"folder:{folder}", image_size=32).train[0][0]
    Image.new("RGB", (90, 50), (255, 0, 0)).save(folder / "train" / "cat" / "0.png")
    after = open_world(f"folder:{folder}", image_size=32).train[0][0]
    assert not torch.equal(before, after)
    assert after[0].float().mean() == 255


def test_full_disk_leaves_no_cache(tmp_path, monkeypatch, folder):
    def full(*_):
        raise OSError(28, "No space left on device")

    monkeypatch.setattr(os, "posix_fallocate", full)
    with pytest.raises(OSError, match=r"cannot be written to .*\(No space left on device\); set ZF_CACHE"):
        len(open_world(f"folder:{folder}").train)
    assert not list((tmp_path / "cache").iterdir())
