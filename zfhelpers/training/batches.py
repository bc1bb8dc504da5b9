"""Which images make up each step of training: their order, their crops and mirror images, all drawn from (seed, step).

A batch is the same batch on one process or on eight, in a run that was killed and resumed, and on every platform.
"""

from __future__ import annotations

import numpy as np
import torch
from torch import Tensor
from torch.utils.data import DataLoader, Dataset

from zfhelpers.worlds.world import ImageSet, World


class Frames(Dataset):
    """The frames of a set, read a batch at a time; cropping is left to the step."""

    def __init__(self, images: ImageSet):
        self.images = images

    def __len__(self) -> int:
        return len(self.images)

    def __getitems__(self, indices: list[int]) -> list[tuple[Tensor, Tensor]]:
        rows = np.asarray(indices)
        return [(torch.from_numpy(np.array(self.images.frames[rows])), torch.from_numpy(self.images.labels[rows]))]


def batches(images: ImageSet, groups: list[np.ndarray]) -> DataLoader:
    """A loader that reads the given groups of indices, in worker processes only where images must be decoded first."""
    workers = 0 if isinstance(images.frames, np.ndarray) else 8
    return DataLoader(
        Frames(images), batch_sampler=[list(map(int, g)) for g in groups], num_workers=workers, collate_fn=lambda rows: rows[0]
    )


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


def steps_per_epoch(world: World, batch: int) -> int:
    """Full batches in one pass over the training set; a world smaller than a batch makes one of what it has."""
    return max(1, len(world.train) // batch)


def epoch_order(seed: int, epoch: int, count: int) -> np.ndarray:
    """The order in which one epoch visits the training images."""
    return np.random.default_rng([seed, 1, epoch]).permutation(count)
