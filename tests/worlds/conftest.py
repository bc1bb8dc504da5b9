"""Worlds made of a few files."""

import io

import numpy as np
import pytest
from PIL import Image


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


def jpeg(grey, mode="RGB"):
    file = io.BytesIO()
    Image.new("L", (64, 64), grey).convert(mode).save(file, "JPEG")
    return file.getvalue()


@pytest.fixture
def tiny(tmp_path, monkeypatch):
    """A Tiny-ImageNet of three classes with 4 + 2 images each, {path in the archive: bytes}; data and cache are private.

    All images of a class are of one grey: 60, 120 or 180, in the order of the sorted WordNet numbers.
    """
    monkeypatch.setenv("ZF_DATA", str(tmp_path / "data"))
    monkeypatch.setenv("ZF_CACHE", str(tmp_path / "cache"))
    monkeypatch.setenv("ZF_PROGRESS", "0")
    greys, annotations = {"n02": 120, "n03": 180, "n01": 60}, []
    files = {
        "wnids.txt": "".join(f"{wnid}\n" for wnid in greys).encode(),
        "words.txt": b"n00\tentity\nn01\tgoldfish, Carassius auratus\nn02\tbullfrog, Rana catesbeiana\nn03\tbus\n",
        "test/images/test_0.JPEG": jpeg(9),
    }
    for wnid, grey in greys.items():
        names = [f"{wnid}_{i}.JPEG" for i in range(4)]
        files[f"train/{wnid}/{wnid}_boxes.txt"] = "".join(f"{name}\t0\t10\t63\t58\n" for name in names).encode()
        for i, name in enumerate(names):
            files[f"train/{wnid}/images/{name}"] = jpeg(grey, "L" if i == 3 else "RGB")
    for i, wnid in enumerate(("n03", "n01", "n02", "n02", "n01", "n03")):
        annotations.append(f"val_{i}.JPEG\t{wnid}\t0\t32\t44\t62\n")
        files[f"val/images/val_{i}.JPEG"] = jpeg(greys[wnid])
    files["val/val_annotations.txt"] = "".join(annotations).encode()
    return {f"tiny-imagenet-200/{name}": data for name, data in files.items()}
