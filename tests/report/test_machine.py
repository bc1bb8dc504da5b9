"""As many notebooks at once as cores and memory allow, whatever says what they are."""

import os
import subprocess
import sys
from pathlib import Path

import psutil
import pytest

from zfhelpers.report import machine
from zfhelpers.report.machine import NEED, cores, memory, notebooks_at_once

GB = 10**9


@pytest.fixture
def roomy(monkeypatch):
    """A machine of eight cores and 64 GB that nobody uses."""
    monkeypatch.setattr(os, "sched_getaffinity", lambda process: set(range(8)), raising=False)
    monkeypatch.setattr(psutil, "virtual_memory", lambda: type("Memory", (), {"available": 64 * GB}))


def grouped(folder: Path, line: str, files: dict[str, str]) -> tuple[Path, Path]:
    """Control groups as Linux shows them: what /proc/self/cgroup says, and what stands in the files below /sys/fs/cgroup."""
    for name, text in files.items():
        path = folder / name
        path.parent.mkdir(parents=True, exist_ok=True)
        path.write_text(text + "\n")
    ours = folder / "ours"
    ours.write_text(line + "\n")
    return folder, ours


def test_without_control_groups_it_is_what_the_system_says(roomy, tmp_path):
    nowhere = tmp_path, tmp_path / "none"
    assert (cores(*nowhere), memory(*nowhere)) == (8, 64 * GB)


@pytest.mark.parametrize(
    ("quota", "expected"), [("max 100000", 8), ("250000 100000", 2), ("50000 100000", 1), ("3000000 100000", 8)]
)
def test_a_quota_of_version_2_counts_in_whole_cores(quota, expected, roomy, tmp_path):
    assert cores(*grouped(tmp_path, "0::/", {"cpu.max": quota})) == expected


def test_a_limit_of_version_2_leaves_what_is_not_used_or_can_be_dropped(roomy, tmp_path):
    files = {"memory.max": f"{6 * GB}", "memory.current": f"{3 * GB}", "memory.stat": f"anon 5\ninactive_file {GB}"}
    assert memory(*grouped(tmp_path, "0::/", files)) == 4 * GB
    assert memory(*grouped(tmp_path, "0::/", files | {"memory.max": "max"})) == 64 * GB
    assert memory(*grouped(tmp_path, "0::/", files | {"memory.max": f"{GB}"})) == 0


def test_the_narrowest_of_the_groups_above_counts(roomy, tmp_path):
    files = {"a/cpu.max": "400000 100000", "a/b/cpu.max": "max 100000", "a/memory.max": f"{9 * GB}", "a/memory.current": "0"}
    there = grouped(tmp_path, "0::/a/b", files)
    assert (cores(*there), memory(*there)) == (4, 9 * GB)


def test_version_1_has_a_folder_for_each_controller_even_where_our_own_group_cannot_be_seen(roomy, tmp_path):
    line = "4:memory:/docker/x\n2:cpu,cpuacct:/docker/x\n1:name=systemd:/docker/x"
    files = {"cpu/cpu.cfs_quota_us": "300000", "cpu/cpu.cfs_period_us": "100000"}
    files |= {"memory/memory.limit_in_bytes": f"{8 * GB}", "memory/memory.usage_in_bytes": f"{5 * GB}"}
    files["memory/memory.stat"] = f"total_inactive_file {2 * GB}"
    there = grouped(tmp_path, line, files)
    assert (cores(*there), memory(*there)) == (3, 5 * GB)
    (tmp_path / "cpu" / "cpu.cfs_quota_us").write_text("-1\n")
    assert cores(*there) == 8


def test_notebooks_fit_both_and_one_always_runs():
    assert [notebooks_at_once(2, gb * GB) for gb in (1, 4, 20)] == [1, 1, 2]
    for count in (1, 3, 7):
        assert notebooks_at_once(64, count * NEED) == count == notebooks_at_once(count, 1e15)


def test_this_machine_has_some_of_each_and_says_how_many_notebooks():
    assert 1 <= cores() <= os.cpu_count()
    assert 0 < memory() <= psutil.virtual_memory().total
    done = subprocess.run([sys.executable, "-P", "-m", machine.__name__], capture_output=True, text=True)
    assert 1 <= int(done.stdout) <= cores()
