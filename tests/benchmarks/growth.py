"""How time and peak memory grow with the size of the image, the number of positions, and the number of maps.

Each point is a process of its own, so that the peak is its own; what the process holds before the job is taken off.

    python tests/benchmarks/growth.py occlusion 224 30 2     # one point: side of the image, positions along a side, threads
"""

from __future__ import annotations

import json
import subprocess
import sys
import time

import torch
from networks import image, network
from timing import forget_peak, peak_memory_mb

from zfhelpers import Deconvnet, occlusion_maps

CURVES = {  # {title: (what the axis counts, points: job, side of the image, positions along a side or maps)}
    "occlusion at 224 px": ("positions", [("occlusion", 224, along) for along in (10, 30, 60)]),
    "occlusion, 100 positions": ("side of the image, px", [("occlusion", side, 10) for side in (128, 224, 320)]),
    "projections of layer 5 at 224 px": ("maps", [("projections", 224, maps) for maps in (1, 64, 256)]),
    "projections of 64 maps of layer 5": ("side of the image, px", [("projections", side, 64) for side in (128, 224, 320)]),
}


def jobs(threads: int) -> dict:
    """{title: {"axis": ..., "x": [...], "seconds": [...], "peak MB": [...]}}."""
    found = {}
    for title, (axis, points) in CURVES.items():
        answers = [apart(*words, threads) for words in points]
        counted = {"positions": [answer["positions"] for answer in answers], "maps": [count for _, _, count in points]}
        xs = counted.get(axis, [side for _, side, _ in points])
        found[title] = {"axis": axis, "x": xs} | {key: [each[key] for each in answers] for key in ("seconds", "peak MB")}
        print(title, found[title], flush=True)
    return found


def apart(job: str, side: int, count: int, threads: int) -> dict:
    """One point, by a process of its own."""
    words = [sys.executable, __file__, job, str(side), str(count), str(threads)]
    return json.loads(subprocess.run(words, check=True, capture_output=True, text=True).stdout.splitlines()[-1])


def point(job: str, side: int, count: int, threads: int) -> dict:
    """Seconds and MB of one job, after a small one of its kind."""
    torch.set_num_threads(threads)
    net, picture = network("zfnet", side), image(side)[0]
    run = {"occlusion": occlusion, "projections": projections}[job]
    before = forget_peak()
    run(net, picture, 2)
    began = time.perf_counter()
    found = run(net, picture, count)
    return {"seconds": round(time.perf_counter() - began, 3), "peak MB": round(peak_memory_mb() - before), "positions": found}


def occlusion(net: torch.nn.Module, picture: torch.Tensor, along: int) -> int:
    """A sweep of about so many positions along a side; how many they were in all."""
    side = picture.shape[-1]
    size = round(side * 50 / 224)
    return occlusion_maps(net, picture, "layer5", size, round((side - size) / (along - 1))).labels.numel()


def projections(net: torch.nn.Module, picture: torch.Tensor, maps: int) -> int:
    """One activation of each of so many maps of layer 5, back to the pixels."""
    return len(Deconvnet(net).project(picture[None], "layer5", list(range(maps))))


if __name__ == "__main__":
    print(json.dumps(point(sys.argv[1], *map(int, sys.argv[2:]))))
