"""Our own numbers, asserted, recorded and held against the paper's.

    >>> _ = begin("03_training", "toy")
    >>> check("top-1 error", 17.6, reference=18, tolerance=2, unit="%", paper=38.4)
    top-1 error: 18 % (within ±2 %; the paper: 38.4 %)

The line shows the *reference*, not the measurement. It is therefore the same on every machine, so that a notebook's committed
outputs can be compared strictly, and it still fails, with the measured number, when the result moves. The measurement itself goes
into `metrics.json`, and into the HTML of `comparison`, which nobody compares.
"""

from __future__ import annotations

import importlib.metadata
import json
import math
import platform
import subprocess
import sys
import time
from collections.abc import Mapping, Sequence
from contextlib import suppress
from dataclasses import asdict, dataclass, field
from pathlib import Path

from zfhelpers.files import project_dir, write_whole
from zfhelpers.paper.tables import Comparison, number, quantity

Number = float | Mapping[str, float] | None
PACKAGES = ("zfhelpers", "torch", "torchvision", "numpy", "scikit-learn", "matplotlib")


@dataclass
class Measurement:
    """One number of a notebook as `metrics.json` holds it.

    Attributes:
        value: None where it was not finite, which no check survives.
        kind: "check", "at least" or "at most" (the reference is then the bound).
        holds: None where there was nothing to hold it against.
    """

    name: str
    kind: str
    value: float | None
    reference: float | None
    tolerance: float | None
    unit: str = ""
    paper: float | str | None = None
    interval: tuple[float, float] | None = None
    note: str | None = None
    holds: bool | None = None

    @property
    def asserted(self) -> str | None:
        """What the value must be, in words."""
        if self.reference is None:
            return None
        if self.kind != "check":
            return f"{self.kind} {quantity(self.reference, self.unit)}"
        within = f" ± {number(self.tolerance)}" if self.tolerance else ""
        return f"{number(self.reference)}{within} {self.unit}".rstrip()

    def judge(self, value: float) -> None:
        """Sets `holds`."""
        if self.reference is None or not math.isfinite(value):
            self.holds = None if math.isfinite(value) else False
        elif self.kind == "check":
            self.holds = abs(value - self.reference) <= self.tolerance
        else:
            self.holds = value >= self.reference if self.kind == "at least" else value <= self.reference

    def __str__(self) -> str:
        if self.reference is None:
            shown, remarks = quantity(f"{self.value:.4g}", self.unit), ["measured"]
        elif self.kind == "check":
            shown, remarks = quantity(self.reference, self.unit), [f"within ±{quantity(self.tolerance, self.unit)}"]
            remarks = remarks if self.tolerance else ["exactly"]
        else:
            shown, remarks = self.asserted, []
        if self.paper is not None:
            remarks.append(f"the paper: {self.paper if isinstance(self.paper, str) else quantity(self.paper, self.unit)}")
        return f"{self.name}: {shown}" + (f" ({'; '.join(remarks)})" if remarks else "")


@dataclass
class Record:
    """The numbers of one run of one notebook."""

    notebook: str
    world: str | None
    out_dir: Path | None = None
    started: float = field(default_factory=time.monotonic)
    measurements: list[Measurement] = field(default_factory=list)


_run = Record("", None)


def begin(notebook: str, world: str, out_dir: str | Path | None = None) -> Record:
    """Starts the record of a notebook: the first call in it. What was recorded before is forgotten.

    Args:
        notebook: file name without ending, for instance `"08_occlusion"`.
        world: name of the world it runs in; a `reference` given per world is looked up with it.
        out_dir: where `record` writes; nothing is written if it is None or empty, as when a reader runs the notebook by hand.
    """
    global _run
    _run = Record(notebook, world, Path(out_dir) if out_dir else None)
    return _run


def check(
    name: str,
    value: float,
    reference: Number,
    tolerance: Number,
    unit: str = "",
    paper: float | str | None = None,
    interval: tuple[float, float] | None = None,
    note: str | None = None,
) -> None:
    """Asserts |value - reference| <= tolerance, prints the reference, and records everything.

    Args:
        name: what was measured.
        value: the measurement; anything that `float` takes.
        reference: what it should be, or {world: what it should be}. A world without one, or None: nothing is asserted, and the
            line shows the measurement.
        tolerance: how far it may be off, in the same unit, or {world: tolerance}; 0 for numbers that must agree exactly.
        unit: shown after the numbers.
        paper: the published number, where there is one.
        interval: (low, high) of the measurement, for instance a bootstrap interval.
        note: anything a reader of the record should know.

    Raises:
        AssertionError: the measurement is off, or NaN; the sentence has the measured number.
        ValueError: a negative tolerance, or references per world before `begin` named the world.
    """
    _measure("check", name, value, reference, tolerance, unit, paper, interval, note)


def at_least(
    name: str,
    value: float,
    bound: Number,
    unit: str = "",
    paper: float | str | None = None,
    interval: tuple[float, float] | None = None,
    note: str | None = None,
) -> None:
    """Asserts value >= bound and prints the bound; otherwise as `check`.

    >>> at_least("pointing accuracy", 91.2, 80, "%")
    pointing accuracy: at least 80 %
    """
    _measure("at least", name, value, bound, 0, unit, paper, interval, note)


def at_most(
    name: str,
    value: float,
    bound: Number,
    unit: str = "",
    paper: float | str | None = None,
    interval: tuple[float, float] | None = None,
    note: str | None = None,
) -> None:
    """Asserts value <= bound and prints the bound; otherwise as `check`."""
    _measure("at most", name, value, bound, 0, unit, paper, interval, note)


def _measure(kind, name, value, reference, tolerance, unit, paper, interval, note) -> None:
    value, reference, tolerance, paper = _plain(value), _plain(_here(reference)), _plain(_here(tolerance)), _plain(paper)
    if reference is not None and not (tolerance is not None and tolerance >= 0):
        raise ValueError(f"The tolerance of {name!r} must be 0 or more, not {tolerance}.")
    ends = None if interval is None else tuple(_plain(end) for end in interval)
    finite = value if math.isfinite(value) else None
    measurement = Measurement(name, kind, finite, reference, tolerance, unit, paper, ends, note)
    measurement.judge(value)
    # A cell that a reader runs again measures again.
    _run.measurements[:] = [*(earlier for earlier in _run.measurements if earlier.name != name), measurement]
    if measurement.holds is False:
        measured = quantity(f"{value:.10g}", unit)  # all digits: it may have missed by little
        raise AssertionError(f"{name} is {measured}; it should be {measurement.asserted or 'a number'}.")
    print(measurement)


def _plain(value) -> float | str | None:
    """A number out of whatever holds one, whole numbers staying whole; text and None as they are."""
    value = value.item() if hasattr(value, "item") else value
    return value if isinstance(value, int | str | None) else float(value)


def _here(value: Number) -> float | None:
    """The entry for the world of this run, where there is one per world."""
    if not isinstance(value, Mapping):
        return value
    if _run.world is None:
        raise ValueError(f"The references are given per world ({', '.join(value)}); call begin(notebook, world) first.")
    return value.get(_run.world, value.get(_run.world.split(":")[0]))  # "folder" stands for every folder:PATH


# -------------------------------------------------------------------------------------------------- keeping and showing


def record(**more: object) -> Comparison:
    """Writes `out_dir/metrics.json`, whole or not at all, if `begin` was given a folder; the last call in a notebook.

    Args:
        more: further entries of the file, for instance `figures=[...]`; anything JSON can hold.

    Returns:
        everything that was checked, beside the paper.

    Raises:
        OSError: the file could not be written; nothing is left behind.
    """
    if _run.out_dir is not None:
        metrics = {
            "notebook": _run.notebook,
            "world": _run.world,
            "commit": _commit(),
            "seconds": round(time.monotonic() - _run.started, 1),
            "peak_mb": _peak_mb(),
            "versions": _versions(),
            "measurements": [asdict(m) for m in _run.measurements],
            **more,
        }
        text = json.dumps(metrics, indent=1, ensure_ascii=False, allow_nan=False)
        write_whole(_run.out_dir / "metrics.json", text.encode())
    return recorded()


def comparison(rows: Sequence[tuple], title: str = "") -> Comparison:
    """Our numbers beside the paper's, row by row: (what, the paper's or None, ours)."""
    return Comparison(rows, title)


def recorded(*names: str) -> Comparison:
    """What has been checked so far in this notebook beside the paper: all of it, or the measurements called `names`."""
    missing = set(names) - {m.name for m in _run.measurements}
    if missing:
        raise ValueError(
            f"Nothing was recorded as {', '.join(sorted(missing))}; there are {', '.join(m.name for m in _run.measurements)}."
        )
    chosen = [m for m in _run.measurements if not names or m.name in names]
    return Comparison(
        [(f"{m.name}, {m.unit}" if m.unit else m.name, m.paper, m.value, m.asserted) for m in chosen], _run.notebook
    )


def _commit() -> str | None:
    """The commit of this checkout, marked where the files differ from it; None outside a checkout."""
    command = ["git", "-C", str(project_dir()), "describe", "--always", "--dirty", "--abbrev=40", "--exclude=*"]
    with suppress(OSError, subprocess.SubprocessError):
        return subprocess.run(command, capture_output=True, text=True, check=True, timeout=30).stdout.strip()
    return None


def _peak_mb() -> float | None:
    """The most memory this process ever held, in MB; None on Windows, which does not tell."""
    try:
        import resource
    except ImportError:
        return None
    unit = 1 if sys.platform == "darwin" else 1024  # bytes there, kilobytes here
    return round(resource.getrusage(resource.RUSAGE_SELF).ru_maxrss * unit / 2**20, 1)


def _versions() -> dict[str, str]:
    versions = {"python": platform.python_version()}
    for package in PACKAGES:
        with suppress(importlib.metadata.PackageNotFoundError):
            versions[package] = importlib.metadata.version(package)
    return versions
