"""Images that two data sets share, found as the paper found them (sec. 5.2): by normalised correlation.

Features learned on images that are also in the target would flatter the transfer, so the paper took out of its training set
what occurs in Caltech-101 (44 images) and in Caltech-256 (243), and trained again. Each image becomes a small grey picture g;
with its mean removed and its norm set to one, the correlation of two images is  <g, h> / (|g| |h|),  and one matrix product
compares a block with a block.

    >>> frames = np.random.default_rng(0).integers(0, 256, (5, 3, 64, 64), dtype=np.uint8)
    >>> source, partner, correlation = duplicates(frames, frames[[3]])
    >>> source.tolist(), partner.tolist(), correlation.round(3).tolist()
    ([3], [0], [1.0])
"""

from __future__ import annotations

import numpy as np
import torch
from torch.nn.functional import interpolate

from zfhelpers.files import forget
from zfhelpers.worlds.world import ImageSet

SIDE = 32  # pixels of the small grey pictures
BLOCK = 2048  # images in a block: 2048 x 2048 correlations are 16 MB
EXACT = 1 - 1e-5  # what single precision makes of a copy's correlation, which is 1, is more; a JPEG of quality 50 reaches 0.996
THRESHOLD = 0.95  # between planted copies and different images; see `duplicates`


def thumbnails(frames) -> torch.Tensor:
    """Small grey pictures, centred and of unit norm.

    Args:
        frames: (N, 3, H, W) uint8, an array or anything that is indexed like one.

    Returns:
        (N, 1024) float32; an image of one single grey is all zeros, and correlates with nothing.

    Raises:
        ValueError: no batch of uint8 RGB images; of other numbers it cannot be known which differences are but rounding.
    """
    wanted = "Images to compare are pixels from 0 to 255, (N, 3, H, W) uint8"
    shape = tuple(getattr(frames, "shape", ()))
    if len(shape) != 4 or shape[1] != 3 or 0 in shape[1:]:
        raise ValueError(f"{wanted}, not {shape if hasattr(frames, 'shape') else f'a {type(frames).__name__}'}.")
    small = [torch.zeros(0, SIDE * SIDE)]
    for start in range(0, len(frames), 256):
        block = np.array(frames[start : start + 256])
        if block.dtype != np.uint8:
            raise ValueError(f"{wanted}, not {block.dtype}; give them as they are before preprocessing.")
        block = torch.from_numpy(block).float()
        grey = (block * torch.tensor([0.299, 0.587, 0.114])[:, None, None]).sum(dim=1, keepdim=True)
        flat = interpolate(grey, size=(SIDE, SIDE), mode="area").flatten(1)
        flat -= flat.mean(dim=1, keepdim=True)
        norm = flat.norm(dim=1, keepdim=True)
        small.append(torch.where(norm > 1, flat / norm.clamp(min=1), 0))  # below 1 in 255 over 1024 pixels there is only rounding
    forget(getattr(frames, "frames", frames))  # of thousands of photographs nothing but the thumbnails is kept
    return torch.cat(small)


def duplicates(source_frames, target_frames, threshold: float = THRESHOLD) -> tuple[np.ndarray, np.ndarray, np.ndarray]:
    """Which source images occur in the target, as they are or mirrored.

    The threshold comes from photographs at 146 px. Of 600 of Imagenette, written again as JPEG of quality 50, all reach 0.996;
    at quality 20, 0.986. Cropped by two pixels besides, their median is 0.985, 99 % reach 0.917 and 95.5 % pass 0.95; cropped
    by four, 57 % pass. Of the 173 million pairs and mirrored pairs of Imagenette's training half and Caltech-101, one reaches
    0.951, 49 images find a partner above 0.9, and none of the 40 highest is a true copy: what they share is a bright sky over
    dark ground, or white bars above and below. So look at what is found before removing it, and expect to miss what was cropped.

    Args:
        source_frames: (N, 3, H, W) uint8, what the network is trained on.
        target_frames: (M, 3, H, W) uint8, what its features are tried on.
        threshold: least correlation of a duplicate, in (0, 1]; at 1 exact copies are found, to within 1e-5 for the rounding.

    Returns:
        Indices of the source images, ascending, (n,) int64; the target image most like each, (n,) int64; and their
        correlation, (n,) float32.

    Raises:
        ValueError: frames that are no batch of uint8 RGB images, or a threshold outside (0, 1].
    """
    if not 0 < threshold <= 1:
        raise ValueError(f"A correlation's threshold lies above 0 and at most at 1; {threshold} does not.")
    source, target = thumbnails(source_frames), thumbnails(target_frames)
    mirrored = target.unflatten(1, (SIDE, SIDE)).flip(-1).flatten(1)
    best, partner = torch.full((len(source),), -1.0), torch.zeros(len(source), dtype=torch.int64)
    for row in range(0, len(source), BLOCK):
        rows = slice(row, row + BLOCK)
        for column in range(0, len(target), BLOCK):
            for side in (target, mirrored):
                value, index = (source[rows] @ side[column : column + BLOCK].T).max(dim=1)
                better = value > best[rows]
                best[rows] = torch.where(better, value, best[rows])
                partner[rows] = torch.where(better, index + column, partner[rows])
    found = torch.nonzero(best >= min(threshold, EXACT)).squeeze(1)
    return found.numpy(), partner[found].numpy(), best[found].numpy()


def without_copies(target: ImageSet, source_frames, least: int) -> tuple[ImageSet, np.ndarray, int]:
    """A target without the images that also occur in the source, and without classes of which too few are left.

    Args:
        target: what features are tried on.
        source_frames: (N, 3, H, W) uint8, what the network was trained on.
        least: images that a class must have.

    Returns:
        the images that are left, their labels numbered anew; the classes that are left, (c,) indices; how many were taken out.
    """
    copies, _, _ = duplicates(target.frames, source_frames)
    kept = np.setdiff1d(np.arange(len(target)), copies)
    classes = np.flatnonzero(np.bincount(target.labels[kept], minlength=target.labels.max() + 1) >= least)
    kept = kept[np.isin(target.labels[kept], classes)]
    if len(kept) == len(target):
        return target, classes, len(copies)
    labels = np.searchsorted(classes, target.labels[kept])
    return ImageSet(target.frames[kept], labels, target.image_size), classes, len(copies)


def planted_found(frames, others, count: int = 3) -> int:
    """A test of the test: how many of some planted copies `duplicates` finds.

    Args:
        frames: (N, 3, H, W) uint8, of which image 1 and the following `count` - 1 are planted.
        others: (M, 3, H, W) uint8, among which none is.
    """
    planted = np.concatenate([others, frames[list(range(1, count + 1))]])
    found, _, _ = duplicates(planted, frames)
    return int(np.isin(np.arange(len(others), len(planted)), found).sum())
