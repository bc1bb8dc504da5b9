"""What the paper published: every cell of its tables, the numbers of its figures, its claims, and where it contradicts itself.

Read from `data/paper/*.csv`, each row with its source and how certain it is. Numbering is that of arXiv 1311.2901v3.

    >>> table(3)["Removed layer 7", "val top-5"]
    18.4
    >>> table(4)
    Table 4: Caltech-101 accuracy with 15 and 30 training images per class
    (%, mean over classes; ± over five folds)
    method                  15 per class  30 per class
    Bo et al. 2013          -             81.4 ± 0.33
    Yang et al. 2009        73.2          84.3
    Donahue et al.          -             86.1
    Not pretrained          22.8 ± 1.5    46.5 ± 1.7
    Pretrained on ImageNet  83.8 ± 0.5    86.5 ± 0.5

Our own measurements are shown beside these numbers by `measure` and kept by `record`, see `zfhelpers.paper.measurements`.
"""

from __future__ import annotations

import csv
import html
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass
from functools import cache
from pathlib import Path

from zfhelpers.files import project_dir
from zfhelpers.paper.tables import aligned, html_table, number


class Table(Mapping):
    """A published table: rows by name, cells by (row, column); in a notebook it shows itself.

    Attributes:
        title, unit, note: what is written above and below it; `unit` goes for every number unless it says otherwise.
        columns: the names of the columns that hold data.
        origin: for every row, (source, certainty).

    >>> table(1)["nose"]
    {'layer 5': 0.079, 'layer 5 ±': 0.017, 'layer 7': 0.069, 'layer 7 ±': 0.011}
    """

    def __init__(self, path: Path):
        notes, lines = _read(path)
        self.title, self.unit, self.note = (notes.get(key, "") for key in ("title", "unit", "note"))
        self.heading, *names = lines[0]
        self.columns = [name for name in names if name not in ("source", "certainty")]
        self.origin: dict[str, tuple[str, str]] = {}
        self._rows: dict[str, dict[str, float | str | None]] = {}
        for key, *cells in lines[1:]:
            row = dict(zip(names, cells, strict=True))
            self.origin[key] = row["source"], row["certainty"]
            self._rows[key] = {name: _number(row[name]) for name in self.columns}

    def __getitem__(self, key: str | tuple[str, str]):
        row, *column = (key,) if isinstance(key, str) else key
        if row not in self._rows:
            raise KeyError(f"{self.title.split(':')[0]} has no row {row!r}; it has {', '.join(self._rows)}.")
        if column and column[0] not in self.columns:
            raise KeyError(f"{self.title.split(':')[0]} has no column {column[0]!r}; it has {', '.join(self.columns)}.")
        return self._rows[row][column[0]] if column else dict(self._rows[row])

    def __iter__(self) -> Iterator[str]:
        return iter(self._rows)

    def __len__(self) -> int:
        return len(self._rows)

    def column(self, name: str) -> dict[str, float]:
        """One column as {row: number}, without the rows that have none."""
        return {row: self[row, name] for row in self if self[row, name] is not None}

    def _lines(self) -> list[list[str]]:
        """Heading and rows as text, each ± merged into the number before it."""
        shown = [name for name in self.columns if not name.endswith(" ±")]
        lines = [[self.heading, *shown]]
        for key, row in self._rows.items():
            pairs = [(row[name], row.get(f"{name} ±")) for name in shown]
            lines.append(
                [key, *(f"{number(cell)} ± {number(spread)}" if spread is not None else number(cell) for cell, spread in pairs)]
            )
        return lines

    def __str__(self) -> str:
        return "\n".join([self.title, f"({self.unit})", aligned(self._lines())])

    __repr__ = __str__

    def _repr_html_(self) -> str:
        below = "".join(f"<p><small>{html.escape(text)}</small></p>" for text in (self.unit, self.note) if text)
        return html_table(self._lines(), self.title) + below


def table(n: int) -> Table:
    """Table `n` of the paper, numbered as in arXiv v3, 1 to 7."""
    return _published("table", n, range(1, 8))


def figure(n: int) -> Table:
    """The numbers printed in, or read off, Fig. 2, 3, 5, 7 or 9.

    >>> figure(9)["6", "Ours"]
    57.01
    """
    return _published("figure", n, (2, 3, 5, 7, 9))


@dataclass(frozen=True)
class Claim:
    """One claim that a measurement can decide.

    Attributes:
        id: "1" to "20" for the paper's own, "S1" to "S6" for what a summary of it draws from it.
        where: the figure, table or section that it is made in.
        claim: in our words.
        quote: the paper's own sentence; empty for a summary's.
        decided_by: the number, or numbers, that decide it, with the paper's.
    """

    id: str
    where: str
    claim: str
    quote: str
    decided_by: str

    @property
    def title(self) -> str:
        """ "Claim 8 (Fig. 7)"."""
        return f"Claim {self.id} ({self.where})"


@dataclass(frozen=True)
class Inconsistency:
    """One place where the paper disagrees with itself."""

    where: str
    what: str


@cache
def claims() -> dict[str, Claim]:
    """The testable claims of the paper, in its order, and of its summary: {id: Claim}.

    >>> claims()["8"].title
    'Claim 8 (Fig. 7)'
    """
    _, (_, *lines) = _read(_folder() / "claims.csv")
    return {line[0]: Claim(*line) for line in lines}


def inconsistencies(where: str = "") -> tuple[Inconsistency, ...]:
    """The paper's internal inconsistencies, all or those of one table or figure, for instance `"Table 6"`."""
    _, (_, *lines) = _read(_folder() / "inconsistencies.csv")
    return tuple(Inconsistency(*line) for line in lines if where in line[0])


@cache
def _published(kind: str, n: int, numbers: Sequence[int]) -> Table:
    if n not in numbers:
        raise ValueError(f"There is no {kind} {n!r} here; there are {', '.join(map(str, numbers))}.")
    return Table(_folder() / f"{kind}{n}.csv")


def _folder() -> Path:
    return project_dir() / "data" / "paper"


def _read(path: Path) -> tuple[dict[str, str], list[list[str]]]:
    """The `# key: value` lines that start a file, and its rows."""
    text = path.read_text(encoding="utf-8").splitlines()
    notes = dict(line[2:].split(": ", 1) for line in text if line.startswith("# "))
    return notes, list(csv.reader(line for line in text if not line.startswith("#")))


def _number(cell: str) -> float | str | None:
    try:
        return float(cell) if cell else None
    except ValueError:
        return cell
