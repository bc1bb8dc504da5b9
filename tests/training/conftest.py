"""What several tests of training need."""

import os
from collections.abc import Callable

import numpy as np
import pytest
from PIL import Image


@pytest.fixture(scope="session")
def folder(tmp_path_factory):
    """Forty noisy photographs of two classes, light and dark."""
    root = tmp_path_factory.mktemp("little")
    rng = np.random.default_rng(0)
    for split, count in (("train", 20), ("val", 6)):
        for label, name in enumerate(("dark", "light")):
            (root / split / name).mkdir(parents=True)
            for i in range(count):
                pixels = (rng.random((74, 80, 3)) * 90 + 130 * label).astype(np.uint8)
                Image.fromarray(pixels).save(root / split / name / f"{i:02d}.png")
    return root


@pytest.fixture
def environment(tmp_path) -> dict[str, str]:
    """Of a training in a process of its own."""
    return {
        **os.environ,
        "ZF_CACHE": str(tmp_path / "cache"),
        "ZF_PROGRESS": "0",
        "OMP_NUM_THREADS": "1",
        "ACCELERATE_USE_CPU": "1",
    }


@pytest.fixture
def typed(folder) -> Callable[..., list[str]]:
    """`typed(out, ...)`: the words of a small training of the folder's photographs, for the command line."""

    def words(out, *more: str) -> list[str]:
        given = {"--world": f"folder:{folder}", "--epochs": 4, "--width": 0.05, "--fc": 8, "--batch": 8, "--out": out}
        return [str(word) for pair in given.items() for word in pair] + list(more)

    return words
