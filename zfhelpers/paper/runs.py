"""The record of one run of one notebook: what it measured, what it found about the paper's claims, and what it lacked.

A `Run` is what `metrics.json` holds: written by the notebook (`measurements.record`), completed by the batch run, and read by the
report.
"""

from __future__ import annotations

import html
import json
from collections.abc import Sequence
from dataclasses import asdict, dataclass, field
from pathlib import Path

from zfhelpers.files import write_whole
from zfhelpers.paper.published import claims
from zfhelpers.paper.tables import quantity, rounded

VERDICTS = ("holds", "does not hold", "open here")


@dataclass(frozen=True)
class Measurement:
    """One number of a notebook.

    Attributes:
        name: what was measured; no two numbers of a notebook share one.
        value: None where it was not finite.
        unit: shown after it, may be empty.
        paper: the published number, or a few words in its place.
        interval: (low, high) of the value.
        note: anything a reader should know.
        repeats: False where rounding decides, as in a short training run: another machine may find another number, as another
            seed would.
    """

    name: str
    value: float | None
    unit: str = ""
    paper: float | str | None = None
    interval: tuple[float, float] | None = None
    note: str | None = None
    repeats: bool = True

    def __str__(self) -> str:
        parts = [quantity(rounded(self.value), self.unit)]
        if self.interval:
            parts.append("interval {} to {}".format(*map(rounded, self.interval)))
        if self.paper is not None:
            parts.append(f"the paper: {self.paper if isinstance(self.paper, str) else quantity(rounded(self.paper), self.unit)}")
        return f"{self.name}: {', '.join(parts)}"


@dataclass(frozen=True)
class Verdict:
    """What a notebook found about one claim of `published.claims`.

    Attributes:
        claim: its id, such as "8" or "S2".
        verdict: "holds", "does not hold" or "open here".
        why: one sentence, with the numbers that decide.
    """

    claim: str
    verdict: str
    why: str

    def __repr__(self) -> str:
        return f"Claim {self.claim}: {self.verdict}"

    def _repr_html_(self) -> str:
        known = claims()[self.claim]
        said = f"“{known.quote}”" if known.quote else known.claim
        why, said = html.escape(self.why), html.escape(said)
        return f"<p><b>{known.title}: {self.verdict}.</b> {why}<br><small>{said}</small></p>"


@dataclass(frozen=True)
class Need:
    """A section that could not run: its title, and in one sentence what it lacks and what brings it."""

    section: str
    sentence: str


@dataclass
class Run:
    """One run of one notebook: what `metrics.json` holds.

    Attributes:
        parameters: those that were given to the notebook besides world and network; empty for a run with the defaults.
    """

    notebook: str
    world: str | None
    network: str = "zfnet"
    parameters: dict[str, object] = field(default_factory=dict)
    commit: str | None = None
    seconds: float | None = None
    peak_mb: float | None = None
    versions: dict[str, str] = field(default_factory=dict)
    measurements: list[Measurement] = field(default_factory=list)
    verdicts: list[Verdict] = field(default_factory=list)
    needs: list[Need] = field(default_factory=list)

    def write(self, path: Path) -> None:
        """Write it as JSON, whole or not at all.

        Raises:
            OSError: the file could not be written; nothing is left behind.
        """
        write_whole(path, (json.dumps(asdict(self), indent=1, ensure_ascii=False, allow_nan=False) + "\n").encode())

    @classmethod
    def read(cls, path: Path) -> Run:
        """Read it back.

        Raises:
            ValueError: the file is no such record.
        """
        try:
            given = json.loads(Path(path).read_text(encoding="utf-8"))
            lists = {"measurements": Measurement, "verdicts": Verdict, "needs": Need}
            return cls(**given | {key: [kind(**entry) for entry in given.get(key, [])] for key, kind in lists.items()})
        except (AttributeError, TypeError, ValueError) as error:
            raise ValueError(f"{str(path)!r} is not the record of a notebook's run: {error}.") from None


def measurements_of(runs: Sequence[Run]) -> dict[str, list[Measurement]]:
    """The measurements of several runs of one notebook, by name, in the order of the first; those that one lacks are left out."""
    by_name = [{found.name: found for found in run.measurements} for run in runs]
    return {name: [each[name] for each in by_name] for name in by_name[0] if all(name in each for each in by_name)}
