"""Which images make up each step of training: their order, their crops and mirror images, all drawn from (seed, step).

A batch is the same batch on one process or on eight, in a run that was killed and resumed, and on every platform.
"""

from __future__ import annotations

import os
from collections import deque
from collections.abc import Iterator, Sequence
from concurrent.futures import Future
from itertools import islice
from queue import SimpleQueue
from threading import Thread

import numpy as np
import torch
import torch.nn.functional as F
from torch import Tensor

from zfhelpers.training.recipe import Recipe
from zfhelpers.worlds.frames import in_memory
from zfhelpers.worlds.world import ImageSet

DECODERS = 8  # threads that decode images, at least: on few cores some of them wait for the disk
AHEAD = 3  # batches that are decoded while a step is taken, with the one that is waited for
PATIENCE = 300  # seconds for one image: a disk that has stopped answering would hold a training up for ever


def batches(images: ImageSet, groups: Sequence[np.ndarray]) -> Iterator[tuple[Tensor, Tensor]]:
    """Read the given groups of indices, one after the other.

    Images that must be decoded first are decoded ahead, in threads: decoding lets other threads run, and threads need no shared
    memory (a container has 64 MB of it), are not killed one by one, and start the same way on every platform.

    Yields:
        frames (n, 3, F, F) uint8 and labels (n,) int64.

    Raises:
        ValueError: an image cannot be read; what its reader said.
        TimeoutError: no image came for five minutes.
    """
    if in_memory(images.frames):
        for rows in groups:
            yield torch.from_numpy(np.array(images.frames[rows])), torch.from_numpy(images.labels[rows])
    else:
        yield from _decoded_ahead(images, groups)


def _decoded_ahead(images: ImageSet, groups: Sequence[np.ndarray]) -> Iterator[tuple[Tensor, Tensor]]:
    """The same for frames that are decoded one by one."""
    jobs, upcoming, begun = SimpleQueue(), iter(groups), deque()
    threads = [
        Thread(target=_decode, args=(images, jobs), daemon=True) for _ in range(decoders())
    ]  # one that is stuck ends with us
    for thread in threads:
        thread.start()
    try:
        while True:
            for rows in islice(upcoming, AHEAD - len(begun)):
                begun.append((rows, [Future() for _ in rows]))
                for job in zip(begun[-1][1], rows, strict=True):
                    jobs.put(job)
            if not begun:
                return
            rows, futures = begun[0]
            frames = np.empty((len(rows), *images.frames.shape[1:]), np.uint8)
            for place, future in enumerate(futures):
                try:
                    frames[place] = future.result(PATIENCE)
                except TimeoutError:
                    if future.done():  # the reader's own
                        raise
                    name = f"the image {images.files[rows[place]]!r}" if images.files else f"image {rows[place]}"
                    raise TimeoutError(f"Nothing came of {name} in {PATIENCE} s; look after the disk that holds it.") from None
            begun.popleft()
            yield torch.from_numpy(frames), torch.from_numpy(images.labels[rows])
    finally:
        for _, futures in begun:
            for future in futures:
                future.cancel()
        for _ in threads:
            jobs.put(None)


def decoders() -> int:
    """How many threads decode images: one for each core we may use, divided among the processes that train together here."""
    cores = len(os.sched_getaffinity(0)) if hasattr(os, "sched_getaffinity") else os.cpu_count() or 1
    return max(DECODERS, cores // int(os.environ.get("LOCAL_WORLD_SIZE", 1)))


def _decode(images: ImageSet, jobs: SimpleQueue) -> None:
    """What a thread does: (future, row) after another, until it is given None."""
    while job := jobs.get():
        future, row = job
        if future.set_running_or_notify_cancel():
            try:
                future.set_result(images.frames[row])
            except Exception as error:
                future.set_exception(error)


def epoch_batches(
    images: ImageSet, recipe: Recipe, epoch: int, done: int, rank: int = 0, ranks: int = 1
) -> Iterator[tuple[Tensor, Tensor, np.ndarray]]:
    """The batches of one epoch.

    Args:
        images: the training set.
        recipe: its batch and its seed.
        epoch: which, from 1.
        done: steps of this run that were taken already, in this epoch and in those before it.
        rank, ranks: the part that this process has in each batch, and how many parts there are.

    Yields:
        frames (n, 3, F, F) uint8, labels (n,) int64, and the draws (n, 3), or (n, 4) with angles, that `augment` takes.
    """
    per_epoch = steps_per_epoch(len(images), recipe.batch)
    order = epoch_order(recipe.seed, epoch, len(images))
    steps = range(done, epoch * per_epoch)
    groups = [order[(step % per_epoch) * recipe.batch :][: recipe.batch] for step in steps]
    for step, (frames, labels) in zip(steps, batches(images, [rows[rank::ranks] for rows in groups]), strict=True):
        draws = crop_draws(recipe.seed, step, len(groups[0]))
        if recipe.turn:
            draws = np.column_stack([draws, turn_draws(recipe.seed, step, len(draws)) * recipe.turn])
        yield frames, labels, draws[rank::ranks]


def steps_per_epoch(count: int, batch: int) -> int:
    """Full batches in one pass over so many images; a world smaller than a batch makes one of what it has."""
    return max(1, count // batch)


def epoch_order(seed: int, epoch: int, count: int) -> np.ndarray:
    """The order in which one epoch visits the training images."""
    return np.random.default_rng([seed, 1, epoch]).permutation(count)


def crop_draws(seed: int, step: int, count: int) -> np.ndarray:
    """What decides about the crops of one step, see `augment`: (count, 3) uniform in [0, 1)."""
    return np.random.default_rng([seed, 2, step]).random((count, 3))


def turn_draws(seed: int, step: int, count: int) -> np.ndarray:
    """By how much of the largest angle each image of one step is turned: (count,) uniform in [-1, 1)."""
    return np.random.default_rng([seed, 3, step]).uniform(-1, 1, count)


def augment(frames: Tensor, size: int, draws: np.ndarray) -> Tensor:
    """A random crop of each frame, half of them mirrored.

    Args:
        frames: (n, 3, F, F) uint8.
        size: side of the crops.
        draws: (n, 3) uniform in [0, 1): row, column, mirror. With a fourth column the frames are first `turned` by those degrees.

    Returns:
        (n, 3, size, size) uint8.
    """
    if draws.shape[1] == 4:
        frames = turned(frames, draws[:, 3])
    room = frames.shape[-1] - size + 1
    crops = []
    for frame, (row, column, mirror) in zip(frames, draws[:, :3], strict=True):
        top, left = int(row * room), int(column * room)
        crop = frame[:, top : top + size, left : left + size]
        crops.append(crop.flip(-1) if mirror < 0.5 else crop)
    return torch.stack(crops)


def turned(frames: Tensor, degrees: np.ndarray) -> Tensor:
    """Frames turned about their centre, without black corners: what comes in from outside is the image reflected at its border.

    Args:
        frames: (n, C, F, F) uint8.
        degrees: (n,) counter-clockwise.

    Returns:
        (n, C, F, F) uint8, bilinear.

    >>> turned(torch.tensor([[[[1, 2], [3, 4]]]], dtype=torch.uint8), np.array([90.0])).tolist()
    [[[[2, 4], [1, 3]]]]
    """
    angle = torch.as_tensor(degrees, dtype=torch.float32, device=frames.device).deg2rad()
    cos, sin, zero = angle.cos(), angle.sin(), torch.zeros_like(angle)
    back = torch.stack([torch.stack([cos, -sin, zero], 1), torch.stack([sin, cos, zero], 1)], 1)  # (n, 2, 3), from new to old
    grid = F.affine_grid(back, list(frames.shape), align_corners=False)
    pixels = F.grid_sample(frames.float(), grid, padding_mode="reflection", align_corners=False)
    return pixels.round().clamp(0, 255).to(torch.uint8)
