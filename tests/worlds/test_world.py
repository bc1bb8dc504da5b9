"""Opening worlds, reading odd images, preprocessing and ten crops."""

import os

import numpy as np
import pytest
import torch
from PIL import Image

from zfhelpers.files import data_dir
from zfhelpers.worlds import frames as frames_module
from zfhelpers.worlds.frames import GREY, read_image, to_frame, to_rgb
from zfhelpers.worlds.opening import open_world
from zfhelpers.worlds.world import ImageSet


@pytest.fixture
def folder(tmp_path, monkeypatch):
    """A world of two classes, with images of many shapes; its cache is private."""
    monkeypatch.setenv("ZF_CACHE", str(tmp_path / "cache"))
    rng = np.random.default_rng(0)
    for split, count in (("train", 5), ("val", 2)):
        for name in ("cat", "dog"):
            (tmp_path / "world" / split / name).mkdir(parents=True)
            for i in range(count):
                pixels = rng.integers(0, 256, (40 + 7 * i, 60, 3), dtype=np.uint8)
                Image.fromarray(pixels).save(tmp_path / "world" / split / name / f"{i}.png")
    return tmp_path / "world"


def test_interface_of_a_folder_world(folder):
    world = open_world(f"folder:{folder}", image_size=32)
    assert (world.classes, world.image_size, world.frame_size) == (("cat", "dog"), 32, 37)
    assert (len(world.train), len(world.val)) == (10, 4)
    image, label = world.train[7]
    assert (image.shape, image.dtype, label) == ((3, 32, 32), torch.uint8, 1)
    assert world.train.labels.tolist() == [0] * 5 + [1] * 5
    expected = np.asarray(to_frame(read_image(folder / "train" / "dog" / "2.png"), 37))[2:34, 2:34].transpose(2, 0, 1)
    assert np.array_equal(image.numpy(), expected)
    slow_mean = torch.stack([world.train[i][0].double() for i in range(10)]).mean(0)
    torch.testing.assert_close(world.mean.double(), slow_mean, atol=1e-4, rtol=0)
    torch.testing.assert_close(world.preprocess(image), image.float() - world.mean)
    assert repr(world).endswith("2 classes, 32 px)")


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


def test_pixels_scales_the_papers_lengths():
    world = open_world("toy")
    assert [world.pixels(p) for p in (224, 50, 6, 0.1)] == [128, 29, 3, 1]


def test_toy_world():
    world = open_world("toy")
    assert (len(world.classes), len(world.train), len(world.val)) == (24, 7200, 1200)
    image, label = world.val[30]
    assert (image.shape, label) == ((3, 128, 128), 6)
    parts = world.parts("val", 30)
    assert parts.mask.shape == (128, 128)
    assert np.array_equal(parts.image[9:137, 9:137].transpose(2, 0, 1), image.numpy())


def test_other_worlds_know_no_parts(folder):
    with pytest.raises(ValueError, match="does not know where the parts"):
        open_world(f"folder:{folder}").parts("val", 0)


def test_ten_crops_by_hand():
    world = open_world("toy", mean=torch.zeros(3, 128, 128))
    frames = torch.randint(0, 256, (2, 3, 146, 146), dtype=torch.uint8)
    views = world.ten_crop(frames)
    assert views.shape == (2, 10, 3, 128, 128)
    by_hand = [frames[1, :, r : r + 128, c : c + 128].float() for r, c in ((0, 0), (0, 18), (18, 0), (18, 18), (9, 9))]
    for i, crop in enumerate(by_hand):
        assert torch.equal(views[1, i], crop)
        for column in range(128):
            assert torch.equal(views[1, i + 5][..., column], crop[..., 127 - column])
    with pytest.raises(ValueError, match="Ten crops are taken from frames"):
        world.ten_crop(frames[..., :128])


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


def test_preprocess_takes_pictures_tensors_and_batches():
    world = open_world("toy", mean=torch.full((3, 128, 128), 100.0))
    picture = Image.new("L", (300, 200), 130)
    one = world.preprocess(picture)
    assert (one.shape, one.dtype) == ((3, 128, 128), torch.float32)
    assert (one == 30).all()
    batch = torch.full((2, 3, 90, 70), 130, dtype=torch.uint8)
    assert (world.preprocess(batch) == 30).all()
    for wrong in (torch.zeros(3, 128, 128), torch.zeros(128, 128, dtype=torch.uint8), "cat.jpg"):
        with pytest.raises(TypeError, match="An image here is a PIL image or a uint8 tensor"):
            world.preprocess(wrong)


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


def test_unknown_worlds_and_missing_folders(tmp_path, monkeypatch, folder):
    with pytest.raises(ValueError, match="There is no world 'mars'; there are toy, imagenette, imagenet or folder:PATH"):
        open_world("mars")
    with pytest.raises(FileNotFoundError, match=r"There is no folder '.*nowhere/train'"):
        open_world(f"folder:{tmp_path / 'nowhere'}")
    monkeypatch.setenv("ZF_DATA", str(tmp_path))
    world = open_world("imagenette")
    with pytest.raises(FileNotFoundError, match=r"Imagenette is not in .*make data"):
        len(world.train)
    with pytest.raises(FileNotFoundError, match="ILSVRC-2012 is not in"):
        open_world("imagenet")
    with pytest.raises(ValueError, match="drawn at 128 px"):
        open_world("toy", image_size=64)
    (folder / "val" / "fox").mkdir()
    with pytest.raises(ValueError, match="classes that are not in train: fox"):
        len(open_world(f"folder:{folder}").val)
    with pytest.raises(IndexError, match="There is no image 99; this set has 10"):
        open_world(f"folder:{folder}").train[99]


def test_half_an_imagenette_is_refused(tmp_path, monkeypatch):
    monkeypatch.setenv("ZF_DATA", str(tmp_path))
    monkeypatch.setenv("ZF_CACHE", str(tmp_path / "cache"))
    for wnid in ("n01440764", "n02102040"):  # four of ten would otherwise be a world of four classes
        (tmp_path / "imagenette2-160" / "train" / wnid).mkdir(parents=True)
        Image.new("RGB", (160, 160)).save(tmp_path / "imagenette2-160" / "train" / wnid / "a.JPEG")
    with pytest.raises(FileNotFoundError, match=r"train' holds 2 of Imagenette's 9469 images: its download was cut short"):
        len(open_world("imagenette").train)
    with pytest.raises(FileNotFoundError, match=r"val' holds 0 of Imagenette's 3925 images"):
        len(open_world("imagenette").val)


def test_full_disk_leaves_no_cache(tmp_path, monkeypatch, folder):
    def full(*_):
        raise OSError(28, "No space left on device")

    monkeypatch.setattr(os, "posix_fallocate", full)
    with pytest.raises(OSError, match=r"cannot be written to .*\(No space left on device\); set ZF_CACHE"):
        len(open_world(f"folder:{folder}").train)
    assert not list((tmp_path / "cache").iterdir())


def test_imagenet_through_torchvision(tmp_path, monkeypatch):
    """A miniature ILSVRC-2012 in torchvision's layout."""
    monkeypatch.setenv("ZF_DATA", str(tmp_path))
    monkeypatch.setenv("ZF_CACHE", str(tmp_path / "cache"))
    root = tmp_path / "imagenet"
    for split in ("train", "val"):
        for wnid in ("n01", "n02"):
            (root / split / wnid).mkdir(parents=True)
            Image.new("RGB", (300, 260), (9, 9, 9)).save(root / split / wnid / "a.JPEG")
    torch.save(({"n01": ("fox", "red fox"), "n02": ("bus",)}, ["n01", "n02"]), root / "meta.bin")
    world = open_world("imagenet")
    assert (world.classes, world.image_size, world.frame_size) == (("fox", "bus"), 224, 256)
    assert [label for _, label in (world.val[0], world.val[1])] == [0, 1]


@pytest.mark.skipif(not (data_dir() / "imagenette2-160").is_dir(), reason="Imagenette is not in ZF_DATA")
def test_imagenette():
    world = open_world("imagenette")
    assert (len(world.train), len(world.val), len(world.classes)) == (9469, 3925, 10)
    assert np.bincount(world.val.labels).min() > 300


def test_image_set_from_arrays():
    frames = np.arange(2 * 3 * 37 * 37, dtype=np.int64).astype(np.uint8).reshape(2, 3, 37, 37)
    images = ImageSet(frames, np.array([4, 2]), 32)
    assert torch.equal(images[-1][0], torch.from_numpy(frames[1][:, 2:34, 2:34]))
    assert images[-1][1] == 2
