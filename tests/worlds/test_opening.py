"""Opening worlds by name: each kind, and what is missing."""

import numpy as np
import pytest
import torch
from PIL import Image

from zfhelpers.files import data_dir
from zfhelpers.worlds.frames import read_image, to_frame
from zfhelpers.worlds.opening import open_world


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


def test_toy_world():
    world = open_world("toy")
    assert (len(world.classes), len(world.train), len(world.val)) == (24, 7200, 1200)
    image, label = world.val[30]
    assert (image.shape, label) == ((3, 128, 128), 6)
    parts = world.parts("val", 30)
    assert parts.mask.shape == (128, 128)
    assert np.array_equal(parts.image[9:137, 9:137].transpose(2, 0, 1), image.numpy())


def test_unknown_worlds_and_missing_folders(tmp_path, monkeypatch, folder):
    with pytest.raises(
        ValueError, match="There is no world 'mars'; there are toy, imagenette, tinyimagenet, imagenet or folder:PATH"
    ):
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
