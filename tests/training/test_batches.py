"""Batches are the same whoever reads them: a step on its own, several processes, and threads that decode ahead."""

import subprocess
import sys
import threading
import time
from dataclasses import replace
from threading import Event
from unittest import mock

import numpy as np
import psutil
import pytest
import torch
from hypothesis import given, settings
from hypothesis import strategies as st
from torchvision.transforms.v2 import InterpolationMode
from torchvision.transforms.v2.functional import rotate

from zfhelpers.training import batches
from zfhelpers.training.batches import augment, crop_draws, epoch_batches, epoch_order, steps_per_epoch, turned
from zfhelpers.training.recipe import Recipe
from zfhelpers.worlds.world import ImageSet


def numbered(count):
    """Every frame has its own number as its grey value."""
    return ImageSet(np.broadcast_to(np.arange(count, dtype=np.uint8)[:, None, None, None], (count, 3, 9, 9)), np.arange(count), 8)


def test_crops_and_mirrors_are_what_the_draws_say():
    frames = torch.arange(2 * 3 * 6 * 6).reshape(2, 3, 6, 6).to(torch.uint8)
    out = augment(frames, 4, np.array([[0.0, 0.99, 0.9], [0.5, 0.4, 0.1]]))
    assert torch.equal(out[0], frames[0, :, 0:4, 2:6])
    assert torch.equal(out[1], frames[1, :, 1:5, 1:5].flip(-1))


@pytest.mark.parametrize(("count", "batch", "steps"), [(23, 5, 4), (20, 5, 4), (3, 5, 1)])
def test_an_epoch_visits_its_order_in_full_batches(count, batch, steps):
    recipe, images = Recipe(batch=batch, seed=7), numbered(count)
    assert steps_per_epoch(count, batch) == steps
    for epoch in (1, 2):
        found = list(epoch_batches(images, recipe, epoch, (epoch - 1) * steps))
        order = epoch_order(7, epoch, count)
        for place, (frames, labels, draws) in enumerate(found):
            rows = order[place * batch : (place + 1) * batch]
            assert labels.tolist() == frames[:, 0, 0, 0].tolist() == rows.tolist()
            np.testing.assert_array_equal(draws, crop_draws(7, (epoch - 1) * steps + place, len(rows)))
        assert len(found) == steps


@pytest.mark.parametrize("done", range(4, 9))
def test_an_epoch_goes_on_where_it_was(done):
    recipe, images = Recipe(batch=5), numbered(23)
    whole, rest = list(epoch_batches(images, recipe, 2, 4)), list(epoch_batches(images, recipe, 2, done))
    assert len(rest) == 8 - done
    for (_, labels, draws), (_, expected, drawn) in zip(rest, whole[done - 4 :], strict=True):
        assert torch.equal(labels, expected)
        np.testing.assert_array_equal(draws, drawn)


def test_the_parts_of_three_processes_make_up_the_batch():
    recipe, images = Recipe(batch=6), numbered(20)
    parts = [list(epoch_batches(images, recipe, 1, 0, rank, 3)) for rank in range(3)]
    for whole, *split in zip(epoch_batches(images, recipe, 1, 0), *parts, strict=True):
        for rank, part in enumerate(split):
            for mine, all_of_it in zip(part, whole, strict=True):
                np.testing.assert_array_equal(mine, all_of_it[rank::3])


class Decoded:
    """Frames of so many numbered images that are not in memory; reading the image `bad` does what `fault` does."""

    def __init__(self, count, bad=None, fault=None):
        self.shape, self.bad, self.fault = (count, 3, 9, 9), bad, fault

    def __getitem__(self, index):
        if index == self.bad:
            self.fault()
        return np.full(self.shape[1:], index, np.uint8)


def decoded(count, **fault):
    return ImageSet(Decoded(count, **fault), np.arange(count), 8, [f"{number}.jpg" for number in range(count)])


@settings(max_examples=60, deadline=None)
@given(st.lists(st.lists(st.integers(0, 19), max_size=7), max_size=9), st.integers(1, 5))
def test_decoded_ahead_is_the_same_as_read_at_once(groups, threads):
    with mock.patch.object(batches, "DECODERS", threads):
        rows = [np.array(group, dtype=np.int64) for group in groups]
        found = list(batches.batches(decoded(20), rows))
    assert [(frames.tolist(), labels.tolist()) for frames, labels in found] == [
        (np.broadcast_to(group[:, None, None, None], (len(group), 3, 9, 9)).tolist(), group.tolist()) for group in rows
    ]


def test_an_image_that_cannot_be_read_is_named_in_its_readers_words():
    def fault():
        raise ValueError("The image '7.jpg' cannot be read: it is cut off.")

    with pytest.raises(ValueError, match=r"^The image '7.jpg' cannot be read: it is cut off\.$"):
        list(batches.batches(decoded(9, bad=7, fault=fault), np.arange(9).reshape(3, 3)))


def test_a_disk_that_stops_answering_is_waited_for_with_patience_but_not_for_ever(monkeypatch):
    monkeypatch.setattr(batches, "PATIENCE", 0.3)
    answers = Event()
    reader, seen = batches.batches(decoded(9, bad=4, fault=answers.wait), np.arange(9).reshape(3, 3)), []
    started = time.monotonic()
    with pytest.raises(TimeoutError, match=r"^Nothing came of the image '4.jpg' in 0.3 s; look after the disk that holds it\.$"):
        seen.extend(labels.tolist() for _, labels in reader)
    answers.set()
    assert seen == [[0, 1, 2]]
    assert time.monotonic() - started < 30


def test_nobody_goes_on_reading_when_nobody_listens():
    before, children = set(threading.enumerate()), psutil.Process().children(recursive=True)
    reader = batches.batches(decoded(200), np.arange(200).reshape(50, 4))
    next(reader)
    assert len(set(threading.enumerate()) - before) <= batches.decoders()
    assert psutil.Process().children(recursive=True) == children  # no process that could be killed, or lack shared memory
    reader.close()
    for thread in set(threading.enumerate()) - before:
        thread.join(10)
    assert set(threading.enumerate()) <= before


@pytest.mark.parametrize(("cores", "processes", "threads"), [(2, None, 8), (32, None, 32), (128, "8", 16), (16, "8", 8)])
def test_a_thread_for_each_core_of_the_share_and_eight_at_least(monkeypatch, cores, processes, threads):
    monkeypatch.setattr("os.sched_getaffinity", lambda _: range(cores), raising=False)
    if processes:
        monkeypatch.setenv("LOCAL_WORLD_SIZE", processes)
    else:
        monkeypatch.delenv("LOCAL_WORLD_SIZE", raising=False)
    before = set(threading.enumerate())
    reader = batches.batches(decoded(20), [np.arange(5)] * 4)
    next(reader)
    assert len(set(threading.enumerate()) - before) == threads
    reader.close()


FROM_FILES = """
import multiprocessing, sys
import numpy as np
from PIL import Image
from zfhelpers.training import batches
from zfhelpers.worlds.frames import DecodedOnDemand
from zfhelpers.worlds.world import ImageSet

if __name__ == "__main__":
    multiprocessing.set_start_method(sys.argv[1])
    paths = [f"{sys.argv[2]}/{number}.png" for number in range(5)]
    for number, path in enumerate(paths):
        Image.new("RGB", (9, 9), (number, number, number)).save(path)
    batches.DECODERS = 1
    images = ImageSet(DecodedOnDemand(paths, 9), range(5), 8)
    for frames, labels in batches.batches(images, [np.array([3, 1]), np.array([0, 2, 4])]):
        print(frames[:, 0, 0, 0].tolist(), labels.tolist())
"""


@pytest.mark.parametrize("method", ["spawn", "forkserver"])
def test_batches_come_however_processes_start(method, tmp_path):
    """As on macOS, and from Python 3.14 on everywhere."""
    script = tmp_path / "script.py"
    script.write_text(FROM_FILES)
    done = subprocess.run([sys.executable, str(script), method, str(tmp_path)], capture_output=True, text=True)
    assert done.returncode == 0, done.stderr[-2000:]
    assert done.stdout.splitlines() == ["[3, 1] [3, 1]", "[0, 2, 4] [0, 2, 4]"]


def test_turned_frames_are_those_of_another_library_where_nothing_comes_in_from_outside():
    frames = torch.from_numpy(np.random.default_rng(0).integers(0, 256, (3, 3, 40, 40), dtype=np.uint8))
    found = turned(frames, np.array([30.0, -75.0, 161.0]))
    y, x = np.mgrid[:40, :40] - 19.5
    inside = torch.from_numpy(np.hypot(y, x) < 18)
    for frame, angle, turn in zip(frames, (30.0, -75.0, 161.0), found, strict=True):
        other = rotate(frame.float(), angle, InterpolationMode.BILINEAR)
        assert (turn.float() - other)[:, inside].abs().max() <= 0.6  # rounded


def test_a_quarter_turn_is_exact_and_leaves_no_black_corners():
    frames = torch.randint(200, 256, (1, 3, 31, 31), dtype=torch.uint8)
    assert torch.equal(turned(frames, np.array([90.0])), frames.rot90(1, (2, 3)))
    assert turned(frames, np.array([45.0])).min() >= 200


def test_turning_draws_from_numbers_of_its_own():
    plain, turning = Recipe(batch=4, seed=5), Recipe(batch=4, seed=5, turn=90.0)
    two = [next(epoch_batches(numbered(12), recipe, 1, 0)) for recipe in (plain, turning)]
    assert torch.equal(two[0][1], two[1][1])
    assert np.array_equal(two[0][2], two[1][2][:, :3])
    assert not np.isclose((two[1][2][:, 3, None] / 90 + 1) / 2, two[0][2].ravel()).any()
    angles = np.concatenate([draws[:, 3] for _, _, draws in epoch_batches(numbered(400), replace(turning, batch=20), 1, 0)])
    assert np.abs(angles).max() <= 90 < np.ptp(angles)


def test_frames_are_turned_before_they_are_cut():
    frames = torch.randint(256, (1, 3, 20, 20), dtype=torch.uint8)
    cut = augment(frames, 16, np.array([[0.0, 0.0, 0.9, 90.0]]))
    assert torch.equal(cut, frames.rot90(1, (2, 3))[..., :16, :16])
