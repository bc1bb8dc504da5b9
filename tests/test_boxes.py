"""Windows against loops over their pixels, and every box of a small image against every other."""

import itertools
import re

import numpy as np
import pytest
import torch

from zfhelpers.boxes import covered, crop, inside, middle, overlap, square, square_at, window

EDGES = (-3, 0, 2, 5, 7)
BOXES = [
    (top, left, bottom, right)
    for top, bottom in itertools.combinations(EDGES, 2)
    for left, right in itertools.combinations(EDGES, 2)
]


def pixels(box):
    """The places in a box, one by one."""
    return set(itertools.product(range(box[0], box[2]), range(box[1], box[3])))


@pytest.mark.parametrize("box", BOXES)
def test_the_part_inside_is_what_box_and_image_share(box):
    assert pixels(inside(box, (5, 4))) == pixels(box) & pixels((0, 0, 5, 4))


def test_boxes_overlap_where_they_share_a_pixel():
    for box, other in itertools.product(BOXES, repeat=2):
        assert overlap(box, other) == bool(pixels(box) & pixels(other))


@pytest.mark.parametrize("shape", [(1, 1), (2, 3), (4, 40), (40, 40)])
@pytest.mark.parametrize("box", [square_at(-4, 3, 9), square_at(0, 0, 2), (-7, 1, 3, 4)])
def test_the_middle_is_as_large_as_can_be_and_leaves_as_much_on_either_side(box, shape):
    found = middle(box, shape)
    for axis in (0, 1):
        assert found[axis + 2] - found[axis] == min(shape[axis], box[axis + 2] - box[axis])
        before, after = found[axis] - box[axis], box[axis + 2] - found[axis + 2]
        assert 0 <= after - before <= 1


def test_a_window_is_a_view():
    images = torch.zeros(2, 3, 6, 6)
    images[window((1, 2, 3, 5))] = 1
    assert images.nonzero()[:, 2:].unique(dim=0).tolist() == [[row, column] for row in (1, 2) for column in (2, 3, 4)]


@pytest.mark.parametrize("dtype", [torch.uint8, torch.float32])
@pytest.mark.parametrize(
    "box", [(2, 3, 5, 9), (-4, -1, 3, 2), (5, 7, 15, 12), (-2, -2, 12, 12), (-9, 0, -3, 4), (0, 20, 3, 25), (7, -5, 8, -1)]
)
def test_crop_is_the_image_inside_and_fill_outside(box, dtype):
    image = torch.randint(0, 256, (3, 8, 10), generator=torch.Generator().manual_seed(3)).to(dtype)
    tile = crop(image, box, fill=7)
    top, left, bottom, right = box
    assert tile.shape == (3, bottom - top, right - left)
    assert tile.dtype == dtype
    for row in range(top, bottom):
        for column in range(left, right):
            inside = 0 <= row < 8 and 0 <= column < 10
            expected = image[:, row, column] if inside else torch.full((3,), 7, dtype=dtype)
            assert torch.equal(tile[:, row - top, column - left], expected)


def test_crop_gives_a_copy_and_refuses_nonsense():
    image = torch.zeros(3, 8, 8)
    crop(image, (0, 0, 8, 8)).fill_(1)
    assert not image.any()
    with pytest.raises(ValueError, match="one image"):
        crop(image[None], (0, 0, 8, 8))
    with pytest.raises(ValueError, match="bottom > top"):
        crop(image, (4, 0, 4, 8))


KINDS = [torch.uint8, torch.int8, torch.int16, torch.int64, torch.float16, torch.float32, torch.float64]


@pytest.mark.parametrize("kind", KINDS)
@pytest.mark.parametrize("fill", [0, 7, 255, 256, 300, -1, -129, 4e9, 1e200, 0.25, 1 / 3])
def test_a_fill_is_held_as_it_is_or_refused(kind, fill):
    """Whatever it is given as; fractions are cut off where images are whole numbers."""
    image, box = torch.zeros(3, 4, 4, dtype=kind), (-1, 0, 2, 2)
    ends = torch.iinfo(kind) if not kind.is_floating_point else torch.finfo(kind)
    for given in (fill, torch.tensor(fill, dtype=torch.float64), np.float64(fill)):
        if not ends.min <= fill <= ends.max:
            said = re.escape(f"fill must lie between {ends.min:g} and {ends.max:g} in {str(kind)[6:]} images, not at {fill:g}.")
            for call in (lambda given=given: crop(image, box, given), lambda given=given: covered(image[None], [box], given)):
                with pytest.raises(ValueError, match=said):
                    call()
        else:
            expected = np.array(fill).astype(str(kind)[6:])
            assert crop(image, box, given)[0, 0, 0].numpy() == expected
            assert covered(image[None], [box], given)[0, 2, 1, 1].numpy() == expected


def test_a_fill_of_another_type_does_not_wrap_round():
    image = torch.zeros(1, 3, 4, 4, dtype=torch.uint8)
    for fill in (torch.tensor([1, 2, 300]), np.array([1, 2, -3]), torch.full((3, 4, 4), 256, dtype=torch.int16)):
        with pytest.raises(ValueError, match=r"^fill must lie between 0 and 255 in uint8 images, not at (300|-3|256)[.]$"):
            covered(image, [(0, 0, 2, 2)], fill)
    assert covered(image, [(0, 0, 4, 4)], torch.tensor([1, 2, 250], dtype=torch.uint8))[0, :, 0, 0].tolist() == [1, 2, 250]


@pytest.mark.parametrize(
    ("fill", "error", "sentence"),
    [
        (None, TypeError, "fill must be one value, not None"),
        ("grey", TypeError, "fill must be one value, not 'grey'"),
        ((1, 2, 3), TypeError, r"fill must be one value, not of shape \(3,\)"),
        (float("nan"), ValueError, "fill holds NaN or infinite values"),
    ],
)
def test_what_a_crop_cannot_be_filled_with_is_refused(fill, error, sentence):
    for kind in (torch.uint8, torch.float32):
        with pytest.raises(error, match=f"^{sentence}"):
            crop(torch.zeros(3, 4, 4, dtype=kind), (0, 0, 2, 2), fill)


def test_covered_covers_its_box_and_nothing_else():
    images = torch.arange(2 * 3 * 6 * 5, dtype=torch.uint8).reshape(2, 3, 6, 5)
    before, boxes = images.clone(), [(1, 2, 4, 4), (-3, 3, 2, 99)]
    hidden = covered(images, boxes, fill=200)
    for number, (top, left, bottom, right) in enumerate(boxes):
        for row in range(6):
            for column in range(5):
                inside = top <= row < bottom and left <= column < right
                expected = [200] * 3 if inside else before[number, :, row, column].tolist()
                assert hidden[number, :, row, column].tolist() == expected
    assert images.equal(before)


def test_squares():
    assert square((10.5, 20.5), 5, (64, 64)) == (8, 18, 13, 23)
    assert square((0, 63.9), 10, (64, 64)) == (0, 59, 5, 64)
    assert square((5, 5), 0.2, (64, 64))[2:] == tuple(1 + at for at in square((5, 5), 0.2, (64, 64))[:2])
    with pytest.raises(ValueError, match=r"centre \(64, 3\) lies outside the image of 64 x 64"):
        square((64, 3), 5, (64, 64))
    with pytest.raises(ValueError, match="must be positive, not 0"):
        square((6, 3), 0, (64, 64))
    assert not overlap((0, 0, 5, 5), (5, 0, 9, 5))
    assert overlap((0, 0, 5, 5), (4, 4, 9, 9))
