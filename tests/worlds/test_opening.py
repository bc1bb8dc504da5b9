"""Opening worlds by name: each kind, and what is missing."""

import numpy as np
import pytest
import torch
from PIL import Image

from zfhelpers.files import data_dir
from zfhelpers.worlds import opening
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


@pytest.mark.parametrize(
    ("size", "error", "sentence"),
    [
        (0, ValueError, "image_size must be at least 1, not 0"),
        (-5, ValueError, "image_size must be at least 1, not -5"),
        (64.5, ValueError, "image_size must be a whole number, not 64.5"),
        ("64", TypeError, "image_size must be a whole number, not '64'"),
        ((64, 64), TypeError, r"image_size must be a whole number, not \(64, 64\)"),
        (True, TypeError, "image_size must be a whole number"),
    ],
)
def test_sizes_that_no_image_has_are_refused_by_every_world(folder, size, error, sentence):
    for name in ("toy", "imagenette", f"folder:{folder}"):
        with pytest.raises(error, match=f"^{sentence}"):
            open_world(name, image_size=size)
    assert open_world(f"folder:{folder}", image_size=64.0).val[0][0].shape == (3, 64, 64)


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

    for name in ("._a.JPEG", ".DS_Store"):
        (root / "val" / "n01" / name).write_bytes(bytes(200))
    assert len(open_world("imagenet").val) == 2
    (root / "val" / "@eaDir").mkdir()
    (root / "val" / "@eaDir" / "a.JPEG").write_bytes(b"")
    with pytest.raises(ValueError, match=r"val' has a folder '@eaDir' that is no class of ILSVRC-2012; remove it"):
        open_world("imagenet")


def test_imagenet_unpacked_without_its_development_kit(tmp_path, monkeypatch):
    """The refusal says what is missing, and the world that it names instead opens."""
    monkeypatch.setenv("ZF_DATA", str(tmp_path))
    monkeypatch.setenv("ZF_CACHE", str(tmp_path / "cache"))
    for split in ("train", "val"):
        for synset in ("n01440764", "n01443537"):
            (tmp_path / "imagenet" / split / synset).mkdir(parents=True)
            Image.new("RGB", (300, 300)).save(tmp_path / "imagenet" / split / synset / f"{synset}_1.JPEG")
    with pytest.raises(FileNotFoundError, match=r"not its development kit, which .*; put ILSVRC2012_devkit_t12\.tar\.gz") as told:
        open_world("imagenet")
    world = open_world(str(told.value).split("'")[-2], image_size=224)
    assert (world.classes, len(world.train), world.val[0][0].shape) == (("n01440764", "n01443537"), 2, (3, 224, 224))


def test_several_processes_do_not_unpack_imagenet_into_each_other(tmp_path, monkeypatch):
    """The sentence has a command for one process; here it has unpacked nothing, since there is nothing."""
    monkeypatch.setenv("ZF_DATA", str(tmp_path))
    monkeypatch.setenv("WORLD_SIZE", "2")
    with pytest.raises(FileNotFoundError, match=r"several processes would do it at once; let one begin: python -c") as told:
        open_world("imagenet")
    monkeypatch.setenv("WORLD_SIZE", "1")
    with pytest.raises(FileNotFoundError, match="put its archives there"):
        exec(str(told.value).split('"')[1])
    for split in ("train", "val"):
        (tmp_path / "imagenet" / split / "n01").mkdir(parents=True)
        Image.new("RGB", (300, 260)).save(tmp_path / "imagenet" / split / "n01" / "a.JPEG")
    torch.save(({"n01": ("fox",)}, ["n01"]), tmp_path / "imagenet" / "meta.bin")
    monkeypatch.setenv("WORLD_SIZE", "2")
    assert open_world("imagenet").classes == ("fox",)


def test_companions_are_no_images_of_imagenette(tmp_path, monkeypatch):
    monkeypatch.setenv("ZF_DATA", str(tmp_path))
    monkeypatch.setenv("ZF_CACHE", str(tmp_path / "cache"))
    monkeypatch.setitem(opening.IMAGENETTE_IMAGES, "val", 10)
    for wnid in [*opening.IMAGENETTE, "@eaDir", ".git"]:
        (tmp_path / "imagenette2-160" / "val" / wnid).mkdir(parents=True)
        for name in ("a.JPEG", "._a.JPEG"):
            Image.new("RGB", (160, 160)).save(tmp_path / "imagenette2-160" / "val" / wnid / name, "JPEG")
    world = open_world("imagenette")
    assert world.val.labels.tolist() == list(range(10))


@pytest.mark.skipif(not (data_dir() / "imagenette2-160").is_dir(), reason="Imagenette is not in ZF_DATA")
def test_imagenette():
    world = open_world("imagenette")
    assert (len(world.train), len(world.val), len(world.classes)) == (9469, 3925, 10)
    assert np.bincount(world.val.labels).min() > 300
