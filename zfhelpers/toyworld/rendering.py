"""Drawing many images, in chunks that processes share; the same bytes for any number of processes."""

from __future__ import annotations

import multiprocessing
import os
import sys
from collections.abc import Callable, Iterable
from concurrent.futures import ProcessPoolExecutor
from concurrent.futures.process import BrokenProcessPool
from functools import partial

import numpy as np
from tqdm import tqdm

CHUNK = 48  # images that a process draws at a time, about a second's work


def render_chunk(start: int, stop: int, picture: Callable[[int], np.ndarray]) -> np.ndarray:
    """Images `start` to `stop` as (n, 3, F, F) uint8; a top-level function, so that a process can be given it."""
    return np.stack([picture(index).transpose(2, 0, 1) for index in range(start, stop)])


def render_frames(picture: Callable[[int], np.ndarray], size: int, frame_size: int, title: str, workers: int = 2) -> np.ndarray:
    """Images 0 to `size` as (N, 3, F, F) uint8.

    Args:
        picture: draws image i, (F, F, 3) uint8; a top-level function or a `partial` of one, so that a process can be given it.
        size: N, how many images.
        frame_size: F in pixels.
        title: stands beside the progress bar; `ZF_PROGRESS=0` silences it.
        workers: processes; 1 draws in this one, as do more where the machine allows no others, or ends one of them.
    """
    chunk = partial(render_chunk, picture=picture)
    frames = np.empty((size, 3, frame_size, frame_size), np.uint8)
    starts = range(0, size, CHUNK)
    stops = [min(start + CHUNK, size) for start in starts]
    with tqdm(total=size, desc=f"drawing {title}", unit="image", disable=os.environ.get("ZF_PROGRESS") == "0") as bar:

        def keep(chunks: Iterable[np.ndarray]) -> None:
            for start, stop, drawn in zip(starts, stops, chunks, strict=True):
                frames[start:stop] = drawn
                bar.update(stop - start)

        if workers > 1:
            # Linux may fork, so that a script needs no `if __name__ == "__main__"`; elsewhere forking is unsafe or impossible.
            context = multiprocessing.get_context("fork" if sys.platform == "linux" else "spawn")
            try:
                with ProcessPoolExecutor(workers, mp_context=context) as pool:
                    keep(pool.map(chunk, starts, stops))
                return frames
            except (OSError, BrokenProcessPool):  # no semaphores on this machine, or a process was killed for want of memory
                bar.reset()
        keep(map(chunk, starts, stops))
    return frames
