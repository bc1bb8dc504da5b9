"""Table 3 beside the paper's: what each change costs, and what its three claims come to.

    found = judged_changes("toy", most=1200)
    found.costs()                        # every row's difference to the network that was changed, with two intervals
    holds, why = found.depth()           # claim 14

`ablation` measures the table; here its rows get words, the paper's numbers, and the interval over trainings beside that over
images. Where one row scatters more than the others its own spread makes its interval, see `over_trainings`.
"""

from __future__ import annotations

import math
from collections.abc import Iterable, Sequence
from dataclasses import dataclass

import numpy as np
import scipy

from zfhelpers.experiments.intervals import above, ends, outlying, pooled, together, welch
from zfhelpers.networks.catalogue import BASES
from zfhelpers.networks.trained import trained
from zfhelpers.paper.measurements import measure
from zfhelpers.paper.published import table
from zfhelpers.paper.tables import Measured
from zfhelpers.results.ablation import table3
from zfhelpers.results.records import say_record

WORDS = {
    "alexnet": "the replication",
    "alexnet-no-3-4": "replication without layers 3, 4",
    "alexnet-no-7": "replication without layer 7",
    "alexnet-no-6-7": "replication without layers 6, 7",
    "alexnet-no-3-4-6-7": "replication without layers 3, 4, 6, 7",
    "alexnet-fc-2048": "replication, half the units",
    "alexnet-fc-8192": "replication, twice the units",
    "zfnet": "ours",
    "zfnet-fc-2048": "ours, half the units",
    "zfnet-fc-8192": "ours, twice the units",
    "zfnet-wide": "ours, wider layers 3 to 5",
    "zfnet-wide-fc-8192": "ours, wider, and twice the units",
}
NO_67, NO_34, NONE = "alexnet-no-6-7", "alexnet-no-3-4", "alexnet-no-3-4-6-7"
SIZES = ("alexnet-fc-2048", "alexnet-fc-8192", "zfnet-fc-2048", "zfnet-fc-8192")
WIDE, BOTH = "zfnet-wide", "zfnet-wide-fc-8192"
REMOVED = {"layers 6 and 7": NO_67, "layers 3 and 4": NO_34, "all four": NONE}  # what claim 14 is about
RESIZED = (*SIZES, WIDE, BOTH)  # what claim 15 is about

Interval = tuple[float, float] | None


@dataclass(frozen=True, eq=False)
class Changes:
    """Table 3 of a world.

    Attributes:
        table: as `ablation.table3` gives it, or its record.
    """

    table: dict

    @property
    def rows(self) -> list[str]:
        """The rows that have a network, in the paper's order."""
        have = {entry["row"] for entry in self.table["networks"]}
        return [row for row in WORDS if row in have]

    @property
    def changed(self) -> list[str]:
        """The rows that can be held against the network that they change."""
        return [row for row in self.rows if self.table["differences"].get(row)]

    def paper(self, row: str, column: str = "val top-1") -> float:
        """The paper's number of a row, in %."""
        published = table(3)
        return published[next(change for change in published if published[change, "variant"] == row), column]

    def paper_cost(self, row: str) -> float:
        """The paper's difference of a row to the network that it changes, in points of top-1 validation error."""
        return self.paper(row) - self.paper(BASES[row])

    def each(self, row: str, what: str = "val_top1") -> np.ndarray:
        """One number for every training of a row: "val_top1", "val_topk", "train_top1" in %, "parameters", "seed"."""
        return np.array([entry[what] for entry in self.table["networks"] if entry["row"] == row])

    def cost(self, row: str) -> float:
        """The difference of a row to the network that it changes, in points of top-1 validation error."""
        return self.table["differences"][row]["top1"]

    def over_trainings(self, row: str, base: str, what: str = "val_top1") -> Interval:
        """The 95 % interval of the difference of two rows over trainings; None where it cannot be told.

        All rows together tell how single trainings scatter (`intervals.pooled`). One that scatters more than chance would have it
        is left out of that, and its own interval is made of its own spread (`intervals.welch`).
        """
        errors = {name: self.each(name, what) for name in self.rows}
        wild = outlying(errors)
        if wild in (row, base):
            return welch(errors[row], errors[base])
        return pooled(errors[row], errors[base], [values for name, values in errors.items() if name != wild])

    def intervals(self, row: str) -> tuple[Interval, Interval]:
        """Of a row's cost: over images, and over trainings."""
        return self.table["differences"][row]["images"], self.over_trainings(row, BASES[row])

    def errors(self) -> Measured:
        """Every row with its errors, the paper's first."""
        columns = ("train top-1", "val top-1", "val top-5")
        lines = [
            [
                WORDS[row],
                *(self.paper(row, column) for column in columns),
                int(self.each(row, "parameters")[0]),
                *(_spread(self.each(row, what)) for what in ("train_top1", "val_top1", "val_topk")),
            ]
            for row in self.rows
        ]
        heading = ["network", "paper: train", "val", "top-5", "here: parameters", "train", "val", f"top-{self.table['k']}"]
        return Measured(heading, lines, "Errors in %; ± is the standard deviation of single trainings", known=5)

    def costs(self) -> Measured:
        """What each change costs, beside the paper, with both intervals and one difference for each training."""
        lines = [
            [
                WORDS[row],
                f"{self.paper_cost(row):+z.1f}",
                f"{self.cost(row):+z.1f}",
                *map(ends, self.intervals(row)),
                ", ".join(f"{pair:+z.1f}" for pair in self.table["differences"][row]["pairs"]),
            ]
            for row in self.changed
        ]
        heading = ["change", "the paper", "here", "over images", "over trainings", "each training"]
        return Measured(heading, lines, "Points of top-1 validation error, with 95 % intervals", known=2)

    def agreement(self, rows: Sequence[str], seed: int | None = None) -> float:
        """Spearman's rank correlation of rows' validation errors with the paper's: of means over trainings, or of one seed's."""
        chosen = {row: slice(None) if seed is None else self.each(row, "seed") == seed for row in rows}
        ours = [self.each(row)[which].mean() for row, which in chosen.items()]
        return float(scipy.stats.spearmanr(ours, [self.paper(row) for row in rows]).statistic)

    def agreements(self) -> list[tuple[str, float, str | None]]:
        """(name, rank correlation, what single seeds give) of all rows, and of those of either network."""
        groups = {"all rows": self.rows}
        groups |= {f"rows of {WORDS[base]}": [row for row in self.rows if BASES[row] == base] for base in ("alexnet", "zfnet")}
        found = []
        for name, rows in groups.items():
            common = set.intersection(*(set(self.each(row, "seed").tolist()) for row in rows)) if rows else set()
            if len(rows) > 2:
                note = f"with one seed: {', '.join(f'{self.agreement(rows, seed):.2f}' for seed in sorted(common))}"
                found.append((name, self.agreement(rows), note if common else None))
        return found

    def depth(self) -> tuple[bool | None, str]:
        """Claim 14, and why: removing layers 6 and 7, or 3 and 4, costs little, and removing all four is dramatic.

        Little is less than a quarter of what all four cost; dramatic is an error that rises by more than half.
        """
        self._measure_costs(REMOVED.values())
        costly = [above(self.cost(NONE) / 4, *self.intervals(row)) for row in (NO_67, NO_34)]
        dramatic = above(self.each("alexnet").mean() / 2, *self.intervals(NONE))
        slight = [None if one is None else not one for one in costly]
        told = [f"without {what} by {self._told(row)}" for what, row in REMOVED.items()]
        return together(*slight, dramatic), f"The error changes {', '.join(told)}."

    def _told(self, row: str) -> str:
        images, trainings = map(ends, self.intervals(row))
        paper = f"{self.paper_cost(row):+z.1f}"
        return f"{self.cost(row):+z.1f} points (over images {images}, over trainings {trainings}; the paper: {paper})"

    def size(self) -> tuple[bool | None, str]:
        """Claim 15, and why: the units of layers 6 and 7 matter little, wider layers 3 to 5 help, both together overfit.

        Little is no more than the largest of the paper's four differences. To overfit is a lower training error with a higher
        validation error than that of the wide network, both over trainings.
        """
        self._measure_costs((*SIZES, WIDE))
        little = max(abs(self.paper_cost(row)) for row in SIZES)
        gains = above(0, *self.intervals(WIDE))
        fits = above(0, self.over_trainings(WIDE, BOTH, "train_top1"))
        worse = above(0, self.over_trainings(BOTH, WIDE))
        parts = [self._within(row, little) for row in SIZES]
        costs = ", ".join(f"{self.cost(row):+z.1f}" for row in SIZES)
        higher = self.each(BOTH).mean() - self.each(WIDE).mean()
        why = (
            f"Other sizes of layers 6 and 7 change the error by {costs} points, where the paper has {little:.1f} or less; wider "
            f"layers 3 to 5 by {self.cost(WIDE):+z.1f} (over trainings {ends(self.intervals(WIDE)[1])}); both together end "
            f"{higher:+z.1f} points from the wide network (over trainings {ends(self.over_trainings(BOTH, WIDE))})."
        )
        return together(*parts, None if gains is None else not gains, fits, worse), why

    def _measure_costs(self, rows: Iterable[str]) -> None:
        """What some changes cost, recorded with both intervals, for whoever judges the claim again from the record."""
        for row in rows:
            for over, interval in zip(("images", "trainings"), self.intervals(row), strict=True):
                name, paper = f"{WORDS[row]}: change of the error, over {over}", round(self.paper_cost(row), 1)
                measure(name, self.cost(row), "points", paper, interval, shown=False)

    def _within(self, row: str, little: float) -> bool | None:
        """Whether a cost is no more than `little`, by both intervals; None where that is open."""
        intervals = [interval for interval in self.intervals(row) if interval]
        if max(abs(end) for interval in intervals for end in interval) <= little:
            return True
        return False if abs(self.cost(row)) > little and above(0, *intervals) is not None else None

    def numbers(self) -> list[tuple]:
        """What `measure` takes, of all that is recorded about the rows: errors and their trainings, then the claims' parts."""
        found = []
        for row in self.rows:
            for which, what, column in (("validation", "val_top1", "val top-1"), ("training", "train_top1", "train top-1")):
                values = self.each(row, what)
                note = f"each training: {', '.join(f'{value:.1f}' for value in values)}" if len(values) > 1 else None
                found.append((f"{WORDS[row]}: {which} error", values.mean(), "%", self.paper(row, column), None, note))
        return found

    def depth_numbers(self) -> list[tuple]:
        """What `measure` takes, of claim 14: what all four layers cost, and which share of it their parts do."""
        whole = self.cost(NONE)
        found = [("removing all four costs", whole, "points", self.paper_cost(NONE), self.intervals(NONE)[0])]
        for what, row in (("layers 6 and 7", NO_67), ("layers 3 and 4", NO_34), ("layer 7", "alexnet-no-7")):
            if row in self.changed:
                paper = round(100 * self.paper_cost(row) / self.paper_cost(NONE), 1)
                found.append((f"removing {what}: share of that", 100 * self.cost(row) / (whole or math.nan), "%", paper))
        ours, paper = (cost(NONE) - cost(NO_34) - cost(NO_67) for cost in (self.cost, self.paper_cost))
        return [*found, ("all four, beyond the sum of the parts", ours, "points", round(paper, 1))]

    def size_numbers(self) -> list[tuple]:
        """What `measure` takes, of claim 15: the cost of each size, then of both enlargements beside the wide network."""
        found = [
            (f"{WORDS[row]}: difference", self.cost(row), "points", round(self.paper_cost(row), 1), self.intervals(row)[0])
            for row in (*SIZES, WIDE)
        ]
        differences = []
        for name, what, column in (
            ("both: training error minus the wide network's", "train_top1", "train top-1"),
            ("both: validation error above that of the wide network", "val_top1", "val top-1"),
        ):
            ours = self.each(BOTH, what).mean() - self.each(WIDE, what).mean()
            paper = round(self.paper(BOTH, column) - self.paper(WIDE, column), 1)
            differences.append((name, ours, "points", paper, self.over_trainings(BOTH, WIDE, what), "interval over trainings"))
        return [*found, *differences]


def _spread(values: np.ndarray) -> str:
    """Mean and standard deviation over trainings."""
    return f"{values.mean():.1f}" + (f" ± {values.std(ddof=1):.1f}" if len(values) > 1 else "")


def judged_changes(world: str, most: int, seed: int = 0) -> Changes:
    """Table 3 of the networks that lie here, of three seeds at most; where rows are missing, its record if there is one.

    Args:
        world: its name.
        most: how many images of either set are judged at most.
        seed: of their draw, and of the bootstrap.

    Raises:
        ValueError: neither a network of Table 3 nor a record.
    """
    networks = {network: name for network, name in trained(world).items() if network.seed < 3} or trained(world)
    recorded = None
    if {row for row, _ in networks} != set(BASES):
        print(f"Not all networks of Table 3 lie here: {', '.join(networks.values()) or 'none'}.")
        recorded = say_record(world, 3)
    return Changes(recorded or table3(world, networks, most=most, seed=seed))
