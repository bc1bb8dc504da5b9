"""Which images make up each step of training: their order, their crops and mirror images, all drawn from (seed, step).

A batch is the same batch on one process or on eight, in a run that was killed and resumed, and on every platform.
"""

from __future__ import annotations

from collections.abc import Iterator, Sequence

import numpy as np
import torch
from torch import Tensor
from torch.utils.data import DataLoader, Dataset

from zfhelpers.training.recipe import Recipe
from zfhelpers.worlds.world import ImageSet

DECODERS = 8  # processes that decode images ahead of the step


class Frames(Dataset):
    """The frames of a set, read a batch at a time; cropping is left to the step."""

    def __init__(self, images: ImageSet):
        self.images = images

    def __getitem__(self, rows: np.ndarray) -> tuple[Tensor, Tensor]:
        """Frames (n, 3, F, F) uint8 and labels (n,) int64."""
        return torch.from_numpy(np.array(self.images.frames[rows])), torch.from_numpy(self.images.labels[rows])


def batches(images: ImageSet, groups: Sequence[np.ndarray]) -> DataLoader:
    """A loader that reads the given groups of indices, in worker processes only where images must be decoded first."""
    workers = 0 if isinstance(images.frames, np.ndarray) else DECODERS
    return DataLoader(Frames(images), batch_size=None, sampler=groups, num_workers=workers)


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
        frames (n, 3, F, F) uint8, labels (n,) int64, and the draws (n, 3) that `augment` takes.
    """
    per_epoch = steps_per_epoch(len(images), recipe.batch)
    order = epoch_order(recipe.seed, epoch, len(images))
    steps = range(done, epoch * per_epoch)
    groups = [order[(step % per_epoch) * recipe.batch :][: recipe.batch] for step in steps]
    for step, (frames, labels) in zip(steps, batches(images, [rows[rank::ranks] for rows in groups]), strict=True):
        yield frames, labels, crop_draws(recipe.seed, step, len(groups[0]))[rank::ranks]


def steps_per_epoch(count: int, batch: int) -> int:
    """Full batches in one pass over so many images; a world smaller than a batch makes one of what it has."""
    return max(1, count // batch)


def epoch_order(seed: int, epoch: int, count: int) -> np.ndarray:
    """The order in which one epoch visits the training images."""
    return np.random.default_rng([seed, 1, epoch]).permutation(count)


def crop_draws(seed: int, step: int, count: int) -> np.ndarray:
    """What decides about the crops of one step, see `augment`: (count, 3) uniform in [0, 1)."""
    return np.random.default_rng([seed, 2, step]).random((count, 3))


def augment(frames: Tensor, size: int, draws: np.ndarray) -> Tensor:
    """A random crop of each frame, half of them mirrored.

    Args:
        frames: (n, 3, F, F) uint8.
        size: side of the crops.
        draws: (n, 3) uniform in [0, 1): row, column, mirror.

    Returns:
        (n, 3, size, size) uint8.
    """
    room = frames.shape[-1] - size + 1
    crops = []
    for frame, (row, column, mirror) in zip(frames, draws, strict=True):
        top, left = int(row * room), int(column * room)
        crop = frame[:, top : top + size, left : left + size]
        crops.append(crop.flip(-1) if mirror < 0.5 else crop)
    return torch.stack(crops)
