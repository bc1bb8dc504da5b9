"""Times of several ways to do one job, measured in alternation in one process."""

from __future__ import annotations

import gc
import os
import platform
import resource
import statistics
import sys
import time
from collections.abc import Callable, Mapping
from dataclasses import dataclass, field
from pathlib import Path

import torch

STATUS = Path("/proc/self/status")


@dataclass
class Row:
    """One job of the table.

    Attributes:
        job: what is done.
        seconds: {who: seconds of each repeat}; ours first.
        target: how many times as fast as each peer we mean to be.
        difference: the largest difference between our answer and a peer's, as `unit` says.
        note: settings that the numbers belong to.
    """

    job: str
    seconds: dict[str, list[float]]
    target: float | None = None
    difference: float | None = None
    note: str = ""
    more: dict = field(default_factory=dict)

    @property
    def ours(self) -> str:
        """Our name in the row."""
        return next(iter(self.seconds))

    def ratios(self) -> dict[str, float]:
        """{peer: how many times its time is ours}, the median over the repeats, each with its own pair of times."""
        mine = self.seconds[self.ours]
        return {
            who: statistics.median(theirs / ours for theirs, ours in zip(times, mine, strict=True))
            for who, times in self.seconds.items()
            if who != self.ours
        }

    def as_dict(self) -> dict:
        """What is kept of it."""
        medians = {who: round(statistics.median(times), 4) for who, times in self.seconds.items()}
        ratios = {who: round(ratio, 2) for who, ratio in self.ratios().items()}
        times = {who: [round(each, 4) for each in times] for who, times in self.seconds.items()}
        return {
            "job": self.job, "target": self.target, "seconds": medians, "times as fast as": ratios, "difference": self.difference,
            "note": self.note, "repeats": times, **self.more,
        }  # fmt: skip

    def __str__(self) -> str:
        medians = ", ".join(f"{who} {statistics.median(times):.3g} s" for who, times in self.seconds.items())
        ratios = ", ".join(f"{ratio:.2f} times as fast as {who}" for who, ratio in self.ratios().items())
        wanted = f" (wanted: {self.target:g})" if self.target else ""
        apart = f"; answers differ by {self.difference:.1e}" if self.difference is not None else ""
        return f"{self.job}: {medians}; {ratios}{wanted}{apart}. {self.note}"


def alternate(ways: Mapping[str, Callable[[], object]], repeats: int, warm: bool = True) -> dict[str, list[float]]:
    """Seconds of every way in every repeat, each repeat beginning with another one; first each runs once, unmeasured."""
    if warm:
        for way in ways.values():
            way()
    seconds: dict[str, list[float]] = {name: [] for name in ways}
    names = list(ways)
    for repeat in range(repeats):
        for name in names[repeat % len(names) :] + names[: repeat % len(names)]:
            gc.collect()
            began = time.perf_counter()
            ways[name]()
            _finish()
            seconds[name].append(time.perf_counter() - began)
    return seconds


def best_of(settings: Mapping[int, Callable[[], object]]) -> int:
    """The setting with which a peer is fastest, by one short run of each."""
    return min(settings, key=lambda setting: alternate({"": settings[setting]}, 1, warm=False)[""][0])


def _finish() -> None:
    if torch.cuda.is_available():
        torch.cuda.synchronize()


def peak_gflops(dtype: torch.dtype, side: int = 2048) -> float:
    """Billions of operations a second in a product of large matrices: what this machine can do now."""
    a, b = torch.randn(side, side).to(dtype), torch.randn(side, side).to(dtype)
    return 2 * side**3 / min(alternate({"": lambda: a @ b}, 5)[""]) / 1e9


def peak_memory_mb() -> float:
    """The most memory that this process has held since it began, or on Linux since `forget_peak`, in MB."""
    if STATUS.exists():
        (line,) = (line for line in STATUS.read_text().splitlines() if line.startswith("VmHWM"))
        return int(line.split()[1]) / 2**10
    return resource.getrusage(resource.RUSAGE_SELF).ru_maxrss / (2**20 if sys.platform == "darwin" else 2**10)


def forget_peak() -> float:
    """What the process holds now, in MB; the peak is taken from here on."""
    if STATUS.exists():
        STATUS.with_name("clear_refs").write_text("5")  # see proc(5)
    return peak_memory_mb()


def machine() -> dict:
    """What the numbers were measured on."""
    cpu = Path("/proc/cpuinfo")
    lines = cpu.read_text().splitlines() if cpu.exists() else []
    name = next((line.partition(": ")[2] for line in lines if line.startswith("model name")), platform.processor())
    return {
        "processor": name,
        "threads": torch.get_num_threads(),
        "cores at work before": round(os.getloadavg()[0], 1),
        "torch": torch.__version__,
        "GFLOP/s in float32": round(peak_gflops(torch.float32)),
        "GFLOP/s in bfloat16": round(peak_gflops(torch.bfloat16)),
    }
