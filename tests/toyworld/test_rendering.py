"""Rendering: the same bytes for any number of processes, and whatever start method they have."""

import errno
import multiprocessing
import os
import signal
from concurrent.futures import ProcessPoolExecutor
from functools import partial

import numpy as np
import pytest

from zfhelpers.toyworld import familiar, law, novel, rendering, scenes
from zfhelpers.toyworld.familiar import draw, render, scene


@pytest.mark.parametrize("workers", [1, 2, 3])
def test_rendering_does_not_depend_on_the_number_of_workers(workers, monkeypatch):
    monkeypatch.setenv("ZF_PROGRESS", "0")
    frames, labels = render("val", 100, workers=workers)  # three chunks
    assert frames.shape == (100, 3, 146, 146)
    assert frames.dtype == np.uint8
    assert labels.dtype == np.int64
    np.testing.assert_array_equal(labels, np.arange(100) % 24)
    for index in (0, 47, 48, 99):
        np.testing.assert_array_equal(frames[index], draw(scene("val", index)).image.transpose(2, 0, 1))


def test_workers_draw_at_the_callers_difficulty(monkeypatch):
    monkeypatch.setenv("ZF_PROGRESS", "0")
    monkeypatch.setattr(law, "DIFFICULTY", 0.1)
    frames, _ = render("val", 2, workers=2)
    np.testing.assert_array_equal(frames[1], draw(scene("val", 1, difficulty=0.1)).image.transpose(2, 0, 1))


def numbered(index):
    return np.full((5, 5, 3), index, np.uint8)


@pytest.mark.parametrize("size", [1, 47, 48, 49, 96, 100])
def test_chunks_join_in_order(size, monkeypatch):
    monkeypatch.setenv("ZF_PROGRESS", "0")
    frames = rendering.render_frames(numbered, size, 5, "numbers", workers=1)
    assert frames.shape == (size, 3, 5, 5)
    np.testing.assert_array_equal(frames[:, 0, 0, 0], np.arange(size))


@pytest.mark.parametrize(
    "render_set",
    [
        lambda: familiar.render("val", 60, frame_size=37)[0],
        lambda: novel.render(frame_size=37, image_size=32),
        lambda: scenes.render("test", frame_size=37, image_size=32),
    ],
    ids=["familiar", "novel", "scenes"],
)
def test_what_a_process_is_given_can_be_sent_to_one_that_was_not_forked(render_set, monkeypatch):
    """As on macOS and Windows."""
    monkeypatch.setenv("ZF_PROGRESS", "0")
    monkeypatch.setattr(novel, "PER_CLASS", 1)
    monkeypatch.setattr(scenes, "SIZES", {"test": 2})
    given = []

    def chunk_of(picture, size, frame_size, title, workers):
        given.append(picture)
        return np.zeros((size, 3, frame_size, frame_size), np.uint8)

    for module in (familiar, novel, scenes):
        monkeypatch.setattr(module, "render_frames", chunk_of)
    render_set()
    context = multiprocessing.get_context("spawn")
    with ProcessPoolExecutor(1, mp_context=context) as pool:
        (sent,) = pool.map(partial(rendering.render_chunk, picture=given[0]), [1], [2])
    np.testing.assert_array_equal(sent[0], given[0](1).transpose(2, 0, 1))


def killed(index, parent):
    """A picture whose drawing ends every process but one, as a machine does that runs out of memory."""
    if os.getpid() != parent and index == 50:
        os.kill(os.getpid(), signal.SIGKILL)
    return numbered(index)


def test_a_process_that_is_killed_costs_time_and_no_image(monkeypatch):
    monkeypatch.setenv("ZF_PROGRESS", "0")
    frames = rendering.render_frames(partial(killed, parent=os.getpid()), 100, 5, "numbers")
    np.testing.assert_array_equal(frames[:, 0, 0, 0], np.arange(100))


def test_a_machine_without_semaphores_draws_in_one_process(monkeypatch):
    def refuse(*_, **__):
        raise OSError(errno.ENOSYS, "This platform lacks a functioning sem_open implementation")

    monkeypatch.setenv("ZF_PROGRESS", "0")
    monkeypatch.setattr(rendering, "ProcessPoolExecutor", refuse)
    np.testing.assert_array_equal(rendering.render_frames(numbered, 100, 5, "numbers")[:, 0, 0, 0], np.arange(100))
