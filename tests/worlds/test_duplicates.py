"""Overlap: planted copies are found, with their partners; different images are not."""

import io

import numpy as np
import pytest
from PIL import Image

from zfhelpers.toyworld import familiar, novel
from zfhelpers.worlds import duplicates as module
from zfhelpers.worlds.duplicates import SIDE, THRESHOLD, duplicates, planted_found, thumbnails, without_copies
from zfhelpers.worlds.world import ImageSet


def as_picture(frame):
    return Image.fromarray(np.ascontiguousarray(frame.transpose(1, 2, 0)))


def recompressed(frame):
    file = io.BytesIO()
    as_picture(frame).save(file, "JPEG", quality=50)
    return np.asarray(Image.open(file)).transpose(2, 0, 1)


def cropped(frame):
    picture = as_picture(frame).crop((2, 0, 146, 144)).resize((146, 146), Image.Resampling.BICUBIC)
    return np.asarray(picture).transpose(2, 0, 1)


@pytest.fixture(scope="module")
def source():
    return np.stack([familiar.draw(familiar.scene("train", index)).image.transpose(2, 0, 1) for index in range(24)])


@pytest.fixture(scope="module")
def target():
    return np.stack([novel.draw(novel.scene(index)).image.transpose(2, 0, 1) for index in range(20)])


COPIES = {
    "the same": lambda frame: frame,
    "recompressed": recompressed,
    "mirrored": lambda frame: recompressed(frame[..., ::-1]),
    "cropped by two pixels": cropped,
}


@pytest.mark.parametrize("kind", COPIES)
def test_planted_copies_are_found_with_their_partners(kind, source, target):
    planted = target.copy()
    for place, index in ((5, 3), (6, 17), (19, 23)):
        planted[place] = COPIES[kind](source[index])
    found, partners, correlations = duplicates(source, planted)
    assert (found.tolist(), partners.tolist()) == ([3, 17, 23], [5, 6, 19])
    assert (found.dtype, partners.dtype, correlations.dtype) == (np.int64, np.int64, np.float32)
    assert correlations.min() >= THRESHOLD
    assert correlations.max() <= 1 + 1e-5


def test_different_images_are_no_duplicates(source, target):
    assert [part.shape for part in duplicates(source, target)] == [(0,), (0,), (0,)]
    assert duplicates(source[:12], source[12:])[0].size == 0


def test_correlation_by_a_slow_loop(monkeypatch):
    """Float64, one pair at a time, on sides where a small pixel is a whole number of pixels; in blocks that do not divide."""
    monkeypatch.setattr(module, "BLOCK", 3)
    rng = np.random.default_rng(0)
    first, second = (rng.integers(0, 256, (n, 3, 64, 64), dtype=np.uint8) for n in (8, 7))
    second[4] = 255 - first[2] // 2  # a negative correlates with nothing

    def small(frame):
        grey = np.tensordot([0.299, 0.587, 0.114], frame.astype(float), axes=1)
        return grey.reshape(SIDE, 2, SIDE, 2).mean(axis=(1, 3))

    found, partners, correlations = duplicates(first, second, threshold=1e-6)
    for index, partner, correlation in zip(found, partners, correlations, strict=True):
        pairs = [
            max(np.corrcoef(small(first[index]).ravel(), view.ravel())[0, 1] for view in (small(other), small(other)[:, ::-1]))
            for other in second
        ]
        assert partner == np.argmax(pairs)
        assert correlation == pytest.approx(max(pairs), abs=1e-5)
    assert found.tolist() == list(range(8))


def test_brightness_and_contrast_do_not_matter(source):
    dark = (source // 3 + 20).astype(np.uint8)
    found, partners, correlations = duplicates(source, dark)
    assert found.tolist() == partners.tolist() == list(range(24))
    assert correlations.min() > 0.995


def test_a_flat_image_correlates_with_nothing():
    flat = np.full((2, 3, 64, 64), 77, np.uint8)
    assert not thumbnails(flat).any()
    assert duplicates(flat, flat)[0].size == 0


@pytest.mark.parametrize("side", [32, 45, 64, 146])
@pytest.mark.parametrize("contrast", [255, 20, 3])
def test_at_a_threshold_of_one_all_exact_copies_are_found_and_nothing_else(side, contrast):
    rng = np.random.default_rng(side)
    frames = (100 + rng.integers(0, contrast + 1, (60, 3, side, side)) // 2).astype(np.uint8)
    order = rng.permutation(60)
    copies = frames[order].copy()
    copies[::2] = copies[::2, ..., ::-1]
    found, partners, _ = duplicates(frames, copies, 1.0)
    assert found.tolist() == list(range(60))
    assert order[partners].tolist() == list(range(60))
    copies[:, :, side // 2, : side // 2] ^= 1  # a bit in half a row
    assert duplicates(frames, copies, 1.0)[0].size == 0 or contrast == 255


def test_recompressed_copies_are_no_exact_ones(source):
    assert duplicates(source, np.stack([recompressed(frame) for frame in source]), 1.0)[0].size == 0


def test_sets_without_images_share_none(source):
    for one, other in ((source[:0], source), (source, source[:0]), (source[:0], source[:0])):
        assert [(part.shape, part.dtype) for part in duplicates(one, other)] == [((0,), kind) for kind in KINDS]


KINDS = (np.int64, np.int64, np.float32)


@pytest.mark.parametrize(
    ("make", "given"),
    [
        (lambda frames: frames / 255, "float64"),
        (lambda frames: frames.astype(np.float32), "float32"),
        (lambda frames: frames.astype(np.uint16) * 257, "uint16"),
        (lambda frames: frames > 99, "bool"),
        (list, "a list"),
        (lambda frames: frames[0], r"\(3, 146, 146\)"),
        (lambda frames: frames.transpose(0, 2, 3, 1), r"\(24, 146, 146, 3\)"),
        (lambda frames: frames[..., :0], r"\(24, 3, 146, 0\)"),
        (lambda frames: ImageSet(frames, np.zeros(24), 128), "a ImageSet"),
    ],
)
def test_what_is_no_batch_of_pixels_is_refused_on_either_side(source, make, given):
    sentence = rf"^Images to compare are pixels from 0 to 255, \(N, 3, H, W\) uint8, not {given}[.;]"
    for pair in ((source, make(source)), (make(source), source)):
        with pytest.raises(ValueError, match=sentence):
            duplicates(*pair)


def test_bad_thresholds_are_told_what_is_possible(source):
    for threshold in (0, 1.2, float("nan")):
        with pytest.raises(ValueError, match="threshold lies above 0 and at most at 1"):
            duplicates(source, source, threshold)


def test_copies_and_classes_that_lose_too_many_are_left_out(source):
    labels = np.arange(12) % 3
    frames = np.random.default_rng(5).integers(0, 256, (12, 3, 146, 146), dtype=np.uint8)
    frames[[0, 3, 4]] = source[[1, 2, 5]]
    target = ImageSet(frames, labels, 128)
    left, classes, count = without_copies(target, source, least=3)
    assert (classes.tolist(), count) == ([1, 2], 3)  # class 0 keeps two images of four
    assert left.labels.tolist() == [0 if label == 1 else 1 for place, label in enumerate(labels) if label and place != 4]
    assert len(left) == 7
    same, classes, count = without_copies(ImageSet(frames[5:], labels[5:], 128), source, least=1)
    assert (len(same), classes.tolist(), count) == (7, [0, 1, 2], 0)


def test_planted_copies_are_found(source):
    others = np.random.default_rng(6).integers(0, 256, (4, 3, 146, 146), dtype=np.uint8)
    assert planted_found(source, others) == 3
