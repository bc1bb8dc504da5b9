"""A world made of a few files."""

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
