"""What the numbers of a notebook should be: written by one command from several seeds, never by hand.

    make expected WORLD=toy SEEDS="0 1 2 3"      -> notebooks/expected/toy/NAME.json

A lesson shows what was measured. What it should have been is for tests and for the report, and lies here: for each number its
value in the default run, the tolerance, and what every seed gave. With it goes what the default run said besides: the number's
unit, interval and the paper's number, the verdicts on claims, and what sections lacked; `results.scorecard` reads these.

    >>> summary = summarise({0: 17.6, 1: 18.4, 2: 16.9}, "%")
    >>> summary.holds(17.9), summary.holds(19.0), round(summary.spread, 2)
    (True, False, 0.75)

The *tolerance* is that of the default run on another machine, where rounding differs: a percent of the value; half a point of a
percentage or of a difference of two, which a few images of a thousand make; a quarter of the deviation between seeds. A whole
number that no seed changes must agree exactly. A number that does not repeat (`repeats=False`, short training runs) may move as
far as another seed would move it. The *reach* is that of another seed, the interval in which 95 % of them are expected to lie.
"""

from __future__ import annotations

import json
from collections.abc import Mapping
from dataclasses import asdict, dataclass, field, fields
from pathlib import Path

import numpy as np
import scipy

from zfhelpers.files import project_dir, seen_folder, write_whole
from zfhelpers.paper.runs import VERDICTS
from zfhelpers.paper.tables import quantity, rounded

RELATIVE = 0.01  # of a value: what rounding may move it by on another machine, generously
ABSOLUTE = 1e-4  # of numbers that are nothing but rounding
POINTS = 0.5  # of a percentage, or of a difference of two
PERCENT = ("%", "points")
SHARE = 0.25  # of the deviation between seeds
LEVEL = 0.95


@dataclass(frozen=True)
class Expectation:
    """What one number should be.

    Attributes:
        value: in the default run; None if it should not be finite.
        tolerance: how far the default run may be off on another machine.
        seeds: {seed: value}, the default's first.
        unit, interval, paper: see `runs.Measurement`; of the default run, and empty in records that are older than these.
    """

    value: float | None
    tolerance: float
    seeds: dict[str, float | None]
    unit: str = ""
    interval: tuple[float, float] | None = None
    paper: float | str | None = None

    @property
    def spread(self) -> float:
        """Standard deviation between seeds; 0 for one seed."""
        values = [value for value in self.seeds.values() if value is not None]
        return float(np.std(values, ddof=1)) if len(values) > 1 else 0.0

    @property
    def reach(self) -> tuple[float, float] | None:
        """In which another seed should lie, 95 times in 100, if seeds scatter normally; None where that cannot be said."""
        values = [value for value in self.seeds.values() if value is not None]
        if len(values) < 2:
            return None
        half = scipy.stats.t.ppf((1 + LEVEL) / 2, len(values) - 1) * self.spread * (1 + 1 / len(values)) ** 0.5
        half = max(half, self.tolerance)
        return float(np.mean(values) - half), float(np.mean(values) + half)

    def holds(self, value: float | None) -> bool:
        """Whether a number of a default run is as expected."""
        if value is None or self.value is None:
            return value is None and self.value is None
        return abs(value - self.value) <= self.tolerance

    def words(self, unit: str) -> str:
        """ "17.6 ± 0.5 %"."""
        if not self.tolerance:
            return f"exactly {quantity(rounded(self.value), unit)}"
        return quantity(f"{rounded(self.value)} ± {rounded(self.tolerance)}", unit)


@dataclass(frozen=True)
class Decided:
    """What was decided of a claim.

    Attributes:
        verdict, why: of the default run, see `runs.Verdict`.
        seeds: {seed: verdict} of all that were asked; not all whose numbers are on record were.
    """

    verdict: str
    why: str
    seeds: dict[str, str]

    @property
    def otherwise(self) -> dict[str, str]:
        """Those seeds that decide differently, with their verdicts."""
        return {seed: verdict for seed, verdict in self.seeds.items() if verdict != self.verdict}


@dataclass(frozen=True)
class Record:
    """All that is on record of a notebook, in one world, for one network.

    Attributes:
        numbers: {name: what it should be}.
        verdicts: {claim's id: what was decided of it}; none in records that are older than these.
        needs: {section: what it lacked, in one sentence}.
        command: that made it.
    """

    notebook: str
    world: str
    network: str = "zfnet"
    numbers: dict[str, Expectation] = field(default_factory=dict)
    verdicts: dict[str, Decided] = field(default_factory=dict)
    needs: dict[str, str] = field(default_factory=dict)
    command: str = ""


def summarise(seeds: Mapping[int | str, float | None], unit: str = "", repeats: bool = True) -> Expectation:
    """The expectation that follows from what several seeds gave; the first is the default.

    Args:
        seeds: {seed: value}.
        unit: "%" for percentages, "points" for differences of two.
        repeats: see `measurements.Measurement`.
    """
    values = list(seeds.values())
    named = {str(seed): value for seed, value in seeds.items()}
    if values[0] is None:
        return Expectation(None, 0.0, named)
    spread = Expectation(values[0], 0.0, named).spread
    if all(isinstance(value, int) for value in values) and not spread:
        return Expectation(values[0], 0.0, named)
    rounding = max(RELATIVE * abs(values[0]), ABSOLUTE, POINTS if unit in PERCENT else 0)
    if repeats:
        return Expectation(values[0], float(max(rounding, SHARE * spread)), named)
    low, high = Expectation(values[0], rounding, named).reach or (values[0], values[0])
    return Expectation(values[0], float(max(rounding, high - values[0], values[0] - low)), named)


def expected_file(notebook: str, world: str, network: str = "zfnet") -> Path:
    """Where the expectations of a notebook in a world lie, or of another network that looks at the world."""
    return project_dir() / "notebooks" / "expected" / seen_folder(world, network) / f"{notebook}.json"


def read_expected(notebook: str, world: str, network: str = "zfnet") -> dict[str, Expectation] | None:
    """What is expected of a notebook's numbers, by name; None where nothing is on record.

    Raises:
        ValueError: the file is no such record.
    """
    path = expected_file(notebook, world, network)
    return read_file(path).numbers if path.exists() else None


def read_file(path: Path) -> Record:
    """All that a file has on record; what an older one lacks stays empty.

    Raises:
        FileNotFoundError: there is no such file.
        ValueError: it is no such record; in one sentence.
    """
    try:
        given = json.loads(path.read_text(encoding="utf-8"))
        numbers = {name: _expectation(entry) for name, entry in given["numbers"].items()}
        verdicts = {claim: Decided(**entry) for claim, entry in given.get("verdicts", {}).items()}
        if unknown := {word for each in verdicts.values() for word in (each.verdict, *each.seeds.values())} - {*VERDICTS}:
            raise ValueError(f"there is no verdict {min(unknown)!r};")
        known = {key: given[key] for key in ("notebook", "world", "network", "needs", "command") if key in given}
        return Record(**known, numbers=numbers, verdicts=verdicts)
    except FileNotFoundError:
        raise
    except (AttributeError, KeyError, OSError, TypeError, ValueError) as error:
        raise ValueError(f"{str(path)!r} is no record of expected numbers: {type(error).__name__} {error}.") from None


def write_expected(record: Record) -> Path:
    """Put what is expected of a notebook on record, whole or not at all.

    Raises:
        OSError: the file could not be written; what was there is unchanged.
    """
    path = expected_file(record.notebook, record.world, record.network)
    numbers = {name: _entry(each) for name, each in record.numbers.items()}
    card = asdict(record) | {"numbers": numbers}
    order = ("notebook", "world", "network", "command", "numbers", "verdicts", "needs")
    left_out = {key for key in ("verdicts", "needs") if not card[key]} | ({"network"} if record.network == "zfnet" else set())
    kept = {key: card[key] for key in order if key not in left_out}
    write_whole(path, (json.dumps(kept, indent=1, ensure_ascii=False, allow_nan=False) + "\n").encode())
    return path


def _entry(expected: Expectation) -> dict:
    """As a file has it: nothing of what is empty by default."""
    optional = {each.name: each.default for each in fields(Expectation) if each.name in ("unit", "interval", "paper")}
    return {key: value for key, value in asdict(expected).items() if key not in optional or value != optional[key]}


def _expectation(entry: Mapping) -> Expectation:
    low_high = entry.get("interval")
    if low_high is not None:
        low, high = map(float, low_high)
        entry = {**entry, "interval": (low, high)}
    return Expectation(**entry)
