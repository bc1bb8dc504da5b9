"""The explorer's answer to one move of the occluder: class probabilities, the chosen map, and the pictures of both as PNG."""

from __future__ import annotations

import time

import torch
from networks import network
from timing import Row

from zfhelpers.explorer.exploration import Exploration
from zfhelpers.explorer.eye import Eye
from zfhelpers.explorer.source import Source

NAMES = {"course": "zfnet a quarter wide"}
WANTED = {128: 50, 224: 150}  # ms


def jobs(repeats: int):
    """One row for each size of image; a repeat is a drag of twenty places."""
    for name, side in (("course", 128), ("zfnet", 224), ("squeezenet1_1", 224)):
        pictures = torch.randint(0, 256, (4, 3, side, side), dtype=torch.uint8)
        source = Source(pictures, lambda raw: raw.float() - 128)
        explored = Exploration(Eye(name, network(name), source), {}, [])
        explored.do({"do": "layer", "number": len(explored.panes[0].eye.layers) - 1})
        explored.shown()
        times = [move(explored, k / (20 * repeats)) for k in range(20 * repeats)]
        note = f"wanted: under {WANTED[side]} ms; the longest of {len(times)} took {max(times) * 1000:.0f} ms"
        yield Row(f"one move of the occluder, {NAMES.get(name, name)}, {side} px", {"ours": times}, None, None, note)


def move(explored: Exploration, at: float) -> float:
    """Seconds from the command to all that the page draws."""
    began = time.perf_counter()
    explored.do({"do": "square", "x": 0.2 + 0.6 * at, "y": 0.5})
    explored.shown()
    if explored.message:
        raise RuntimeError(explored.message)
    return time.perf_counter() - began
