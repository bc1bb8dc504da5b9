"""Images to explore: labels, photographs of the reader's own, and what tells one set of images from another."""

import numpy as np
import pytest
import torch
from PIL import Image
from torch.utils.data import TensorDataset

from tests.explorer.conftest import centred
from zfhelpers.explorer.source import Source
from zfhelpers.worlds.world import ImageSet, World

RED = Image.new("RGB", (90, 60), (200, 10, 20))


def halves(first: int, second: int) -> Image.Image:
    """90 x 60 pixels, its left half of one grey, its right half of another."""
    image = Image.new("RGB", (90, 60), (first,) * 3)
    image.paste((second,) * 3, (45, 0, 90, 60))
    return image


def test_a_photograph_becomes_an_image_of_the_set(images):
    assert Source(images, centred).taken(RED).flatten(1).float().mean(1).tolist() == [200, 10, 20]
    half = Source(images, centred).taken(halves(0, 250))
    assert half.shape == (3, 64, 64)
    assert (half[0, :, :28] < 10).all()
    assert (half[0, :, 36:] > 240).all()


def test_grey_and_float_images():
    grey = Source(torch.rand(4, 1, 20, 30))
    taken = grey.taken(halves(0, 255))
    assert taken.shape == (1, 20, 30)
    assert taken.dtype == torch.float32
    assert (taken[0, :, 0].max(), taken[0, :, -1].min()) == (0, 1)
    assert grey.shown(taken).shape == (3, 20, 30)
    assert grey.grey == pytest.approx(124 / 255)


def test_floats_of_an_unknown_scale_need_a_function():
    normalised = torch.randn(4, 3, 8, 8)
    with pytest.raises(ValueError, match=r"how a photograph becomes such numbers is not known\. Pass photograph="):
        Source(normalised).taken(RED)
    own = Source(normalised, photograph=lambda image: torch.full((3, 8, 8), float(image.width)))
    assert own.taken(RED).unique().tolist() == [90]
    with pytest.raises(ValueError, match=r"^These images have 2 channels; pass photograph="):
        Source(torch.rand(4, 2, 8, 8)).taken(RED)


def test_floats_are_shown_between_their_ends():
    low_high = torch.tensor([-2.0, 6.0, 2.0]).reshape(3, 1, 1, 1)
    source = Source(low_high)
    assert [int(source.shown(image).max()) for image in low_high] == [0, 255, 128]


def test_labels_are_found_or_given(images):
    class Named(list):
        targets = torch.arange(12) % 2

    plain = [(image, 0) for image in images]
    assert Source(plain, centred).groups(["x"]) == {"all images": list(range(12))}
    assert Source(Named(plain), centred).groups(["x"]) == {"x": list(range(0, 12, 2)), "class 1": list(range(1, 12, 2))}
    assert Source(TensorDataset(images, images), centred, labels=[7] * 12).groups([]) == {"class 7": list(range(12))}


def test_a_world_is_cropped_as_its_network_crops():
    frames = np.random.default_rng(0).integers(0, 256, (6, 3, 146, 146), dtype=np.uint8)
    world = World(
        "drawn",
        ("a", "b"),
        128,
        lambda world, split: ImageSet(frames, np.arange(6) % 2, 128),
        mean=torch.full((3, 128, 128), 100.0),
    )
    source = Source.of_world(world)
    photograph = Image.fromarray(frames[2].transpose(1, 2, 0))
    assert torch.equal(source.taken(photograph), world.crop(photograph))
    assert torch.equal(source.inputs(source.raw(4)[None]), world.preprocess(world.val.images([4])))


def test_a_world_without_its_images_shows_the_mean():
    def closed(world, split):
        raise FileNotFoundError("Not here.")

    source = Source.of_world(World("away", ("a", "b"), 128, closed, mean=torch.full((3, 128, 128), 100.4)))
    assert len(source) == 0
    assert source.groups(("a", "b")) == {}
    assert source.raw(0).unique().tolist() == [100]


def test_what_differs_has_another_digest(images):
    changed = images.clone()
    changed[7, 1, 5, 5] += 1
    sources = [Source(images, centred), Source(images.clone(), centred), Source(changed, centred), Source(images[:11], centred),
               Source(images, lambda batch: batch.float() - 127)]  # fmt: skip
    digests = [source.digest() for source in sources]
    assert digests[0] == digests[1]
    assert len(set(digests)) == 4
