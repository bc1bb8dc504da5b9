"""What this machine lets us have at once: cores and memory, of a container those of the container.

    python -P -m zfhelpers.report.machine        -> how many notebooks `make report` runs at once, unless JOBS says so

A container is held to its share by control groups, of which neither the operating system's count of cores nor its free memory
knows anything: both versions of them are read where they are mounted, from our own group up to the root.
"""

from __future__ import annotations

import os
from collections.abc import Iterator
from pathlib import Path

import psutil

GROUPS, OURS = Path("/sys/fs/cgroup"), Path("/proc/self/cgroup")
NEED = 2.5e9  # bytes of a notebook at most, measured on toy: 04 takes 2.2e9, the others 0.9e9 to 2.0e9; photographs up to 3.7e9


def notebooks_at_once(cores: int, memory: float) -> int:
    """As many notebooks as there are cores, and as find room in the memory; at least one.

    Args:
        cores: see `cores`.
        memory: in bytes, see `memory`.

    >>> [notebooks_at_once(cores, gb * 1e9) for cores, gb in ((2, 20), (16, 20), (4, 3), (2, 1))]
    [2, 8, 1, 1]
    """
    return max(1, min(cores, int(memory // NEED)))


def cores(groups: Path = GROUPS, ours: Path = OURS) -> int:
    """The cores that this process may use, at least 1: those it is bound to, or the whole ones of its control group's quota."""
    bound = len(os.sched_getaffinity(0)) if hasattr(os, "sched_getaffinity") else os.cpu_count() or 1
    allowed = [float(bound)]
    for folder in _folders("cpu", groups, ours):
        quota, period = _words(folder / "cpu.max") or [
            word for name in ("cpu.cfs_quota_us", "cpu.cfs_period_us") for word in _words(folder / name) or [""]
        ]
        if quota.isdigit() and period.isdigit():  # "max" and "-1" mean that there is no limit
            allowed.append(int(quota) / int(period))
    return max(1, int(min(allowed)))


def memory(groups: Path = GROUPS, ours: Path = OURS) -> int:
    """Bytes of memory that can be had without pushing others out: of the machine, or what its control group has left to it."""
    left = [psutil.virtual_memory().available]
    for folder in _folders("memory", groups, ours):
        for limit, used, idle in (
            ("memory.max", "memory.current", "inactive_file"),
            ("memory.limit_in_bytes", "memory.usage_in_bytes", "total_inactive_file"),
        ):
            words, taken, stat = _words(folder / limit), _words(folder / used), _words(folder / "memory.stat")
            if words and taken and words[0].isdigit():
                freed = dict(zip(stat[::2], map(int, stat[1::2]), strict=True)).get(idle, 0)  # files kept while there is room
                left.append(int(words[0]) - int(taken[0]) + freed)
    return max(0, min(left))


def _folders(controller: str, groups: Path, ours: Path) -> Iterator[Path]:
    """Where the limits of our control group and of those above it may stand, in version 2 and in version 1."""
    try:
        lines = ours.read_text(encoding="utf-8").splitlines()
    except OSError:  # no Linux
        return
    for line in lines:
        _, controllers, place = line.split(":", 2)
        if not controllers or controller in controllers.split(","):
            root = groups / controller if controllers else groups
            group = root / place.strip("/")
            yield from (group, *(each for each in group.parents if each.is_relative_to(root)))


def _words(file: Path) -> list[str]:
    try:
        return file.read_text(encoding="utf-8").split()
    except OSError:
        return []


if __name__ == "__main__":
    print(notebooks_at_once(cores(), memory()))
