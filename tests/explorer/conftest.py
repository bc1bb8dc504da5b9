"""A small world to explore: a network that listens, images of one colour with a bright square, and no cache."""

import numpy as np
import pytest
import torch

from zfhelpers.explorer import explore

CLASSES = ["ant", "bee", "cat", "dog", "eel"]


@pytest.fixture
def images():
    """(12, 3, 64, 64) uint8: noise, and a bright square somewhere."""
    rng = np.random.default_rng(0)
    found = rng.integers(0, 120, (12, 3, 64, 64), dtype=np.uint8)
    for number, image in enumerate(found):
        row, column = rng.integers(0, 44, 2)
        image[:, row : row + 20, column : column + 20] = rng.integers(120, 256, (3, 1, 1)) - number
    return torch.from_numpy(found)


def centred(batch):
    return batch.float() - 128


@pytest.fixture(autouse=True)
def cache(tmp_path, monkeypatch):
    monkeypatch.setenv("ZF_CACHE", str(tmp_path / "cache"))
    return tmp_path / "cache"


@pytest.fixture
def net(listening):
    return listening(0.125)


@pytest.fixture
def opened(net, images):
    """Makes the exploration of a network; options are those of `zf.explore`."""

    def make(module=net, given=images, classes=CLASSES, **options):
        options = {"preprocess": centred, "labels": [number % 5 for number in range(len(given))], **options}
        return explore(module, given, classes, **options).exploration

    return make
