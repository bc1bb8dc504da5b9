"""What every world does: lengths, preprocessing, ten crops, sets of images."""

import numpy as np
import pytest
import torch
from PIL import Image

from zfhelpers.worlds.opening import open_world
from zfhelpers.worlds.world import ImageSet


def test_pixels_scales_the_papers_lengths():
    world = open_world("toy")
    assert [world.pixels(p) for p in (224, 50, 6, 0.1)] == [128, 29, 3, 1]


def test_other_worlds_know_no_parts(folder):
    with pytest.raises(ValueError, match="does not know where the parts"):
        open_world(f"folder:{folder}").parts("val", 0)


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


def test_image_set_from_arrays():
    frames = np.arange(2 * 3 * 37 * 37, dtype=np.int64).astype(np.uint8).reshape(2, 3, 37, 37)
    images = ImageSet(frames, np.array([4, 2]), 32)
    assert torch.equal(images[-1][0], torch.from_numpy(frames[1][:, 2:34, 2:34]))
    assert images[-1][1] == 2
