"""The scorecard: what every claim of the paper came to in every world and network that is on record.

    card = scorecard()
    card.verdict("20", card.seen[0])     # "holds", "does not hold", "open here" or "not run"
    card["20", card.seen[0]].numbers     # those that decide, with their intervals and the paper's

It reads `notebooks/expected` alone and runs nothing. Where the numbers on record suffice, the verdict is decided again from them,
by `rules`; else it is the notebook's own. Why ours differ from the paper's, and what would close an open claim, are sentences
written by hand, in `data/results/scorecard.csv`.
"""

from __future__ import annotations

import csv
import html
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass, field
from pathlib import Path

from zfhelpers.files import project_dir
from zfhelpers.paper.expectations import Expectation, Record, read_file
from zfhelpers.paper.published import Claim, claims
from zfhelpers.paper.runs import VERDICTS
from zfhelpers.paper.tables import aligned, quantity, rounded
from zfhelpers.results.rules import NotOnRecord, decide, in_words

NOT_RUN = "not run"
WORDS = (*VERDICTS, NOT_RUN)
NEAR = 0.1  # of the paper's number: ours is near to it
GROUPS = {
    "holds everywhere": "It holds wherever it was run.",
    "holds in some": "It holds in some worlds or networks, and not in others.",
    "does not hold": "It was refuted somewhere, and holds nowhere.",
    "nobody can decide here": "Nowhere do the numbers decide it, or it was not run.",
}
TOLD = {  # of claims without a rule, what is nearest to deciding them
    "12": "replication of Krizhevsky's, ten crops: top-1 error",
    "18": ", softmax: mean average precision",
}


@dataclass(frozen=True)
class Seen:
    """A world as a network sees it."""

    world: str
    network: str = "zfnet"

    @property
    def label(self) -> str:
        """In a word or two.

        >>> Seen("toy").label, Seen("imagenette", "torchvision:squeezenet1_1").label
        ('toy', 'imagenette, squeezenet1_1')
        """
        return self.world if self.network == "zfnet" else f"{self.world}, {self.network.removeprefix('torchvision:')}"


@dataclass(frozen=True)
class About:
    """What was written by hand of a claim.

    Attributes:
        notebook: that decides it.
        differs: why our numbers and the paper's differ, or why they agree.
        closes: what would have to be run to decide it where it is open.
    """

    notebook: str
    differs: str
    closes: str


@dataclass(frozen=True)
class Judged:
    """What one claim came to in one world, for one network.

    Attributes:
        verdict: "holds", "does not hold", "open here" or "not run".
        own: the notebook's own verdict; empty if none is on record.
        again: whether `verdict` was decided again from the numbers; else it is the notebook's own.
        why: the notebook's sentence, or what its sections lacked.
        numbers: {name: those that decide}, the most telling one first.
        otherwise: {seed: verdict} of seeds that decided differently in the notebook.
    """

    verdict: str
    own: str = ""
    again: bool = False
    why: str = ""
    numbers: Mapping[str, Expectation] = field(default_factory=dict)
    otherwise: Mapping[str, str] = field(default_factory=dict)


class Scorecard:
    """All claims in all worlds and networks.

    Attributes:
        seen: worlds and networks, those of this course first.
        claims: {id: Claim}.
        about: {id: About}.
    """

    def __init__(self, records: Mapping[Seen, Mapping[str, Record]]):
        self.records, self.seen = records, sorted(records, key=_order)
        self.claims: dict[str, Claim] = claims()
        self.about = about()
        self._judged: dict[tuple[str, Seen], Judged] = {}
        for claim, written in self.about.items():
            self._judged |= {(claim, seen): judge(claim, records[seen].get(written.notebook)) for seen in self.seen}

    def __getitem__(self, place: tuple[str, Seen]) -> Judged:
        return self._judged[place]

    def verdict(self, claim: str, seen: Seen) -> str:
        """In a word."""
        return self[claim, seen].verdict

    def rule(self, claim: str) -> str:
        """What decides a claim, in words; empty where a notebook's own verdict stands."""
        return in_words(claim)

    def verdicts(self, claim: str) -> dict[Seen, str]:
        """{world and network: verdict}."""
        return {seen: self.verdict(claim, seen) for seen in self.seen}

    def group(self, claim: str) -> str:
        """Which of `GROUPS` a claim belongs to."""
        found = {*self.verdicts(claim).values()} - {NOT_RUN}
        if "holds" in found:
            return "holds everywhere" if found == {"holds"} else "holds in some"
        return "does not hold" if "does not hold" in found else "nobody can decide here"

    def groups(self) -> dict[str, list[str]]:
        """{group: claims}, in the paper's order."""
        return {group: [claim for claim in self.claims if self.group(claim) == group] for group in GROUPS}

    def counts(self, seen: Seen) -> dict[str, int]:
        """How many claims came to each verdict."""
        return {word: sum(self.verdict(claim, seen) == word for claim in self.claims) for word in WORDS}

    def open(self) -> Iterator[tuple[str, list[Seen]]]:
        """Claims that are open or were not run somewhere, and where."""
        for claim in self.claims:
            if places := [seen for seen, word in self.verdicts(claim).items() if word in ("open here", NOT_RUN)]:
                yield claim, places

    def published(self, seen: Seen) -> list[tuple[str, str, Expectation]]:
        """(notebook, name, number) of all numbers beside which the paper has one of its own."""
        return [
            (notebook, name, number)
            for notebook, record in self.records[seen].items()
            for name, number in record.numbers.items()
            if number.value is not None and isinstance(number.paper, int | float)
        ]

    def nearness(self, seen: Seen) -> dict[str, int]:
        """How many numbers the paper has too; in how many intervals its own lies; and how many are within a tenth of it."""
        both = [number for *_, number in self.published(seen)]
        within = [number for number in both if number.interval and number.interval[0] <= number.paper <= number.interval[1]]
        near = [number for number in both if abs(number.value - number.paper) <= NEAR * abs(number.paper)]
        spans = [number for number in both if number.interval]
        return {"both": len(both), "with an interval": len(spans), "in it": len(within), "near": len(near)}


class Claims:
    """Some claims as a table: what each came to in every world and network, our number, the paper's, and why they differ.

    Args:
        card: all of them.
        chosen: ids of those to show.
        title: above the table.
    """

    def __init__(self, card: Scorecard, chosen: Sequence[str], title: str = ""):
        self.card, self.chosen, self.title = card, list(chosen), title

    def __str__(self) -> str:
        rows = [[each, *self.card.verdicts(each).values()] for each in self.chosen]
        return "\n".join([*([self.title] if self.title else []), aligned([["claim", *self._places], *rows])])

    __repr__ = __str__

    @property
    def _places(self) -> list[str]:
        return [seen.label for seen in self.card.seen]

    def _repr_html_(self) -> str:
        heading = "".join(f'<th scope="col">{html.escape(name)}</th>' for name in ["claim", *self._places, "the paper", "why"])
        body = "".join(map(self._row, self.chosen))
        caption = f"<caption>{html.escape(self.title)}</caption>" if self.title else ""
        return f"<table>{caption}<thead><tr>{heading}</tr></thead><tbody>{body}</tbody></table>"

    def _row(self, claim: str) -> str:
        known, about = self.card.claims[claim], self.card.about[claim]
        link = f'<a href="{about.notebook}.ipynb">{about.notebook[:2]}</a>'
        title = f"{known.id} ({known.where}), {link}<br><small>{html.escape(known.claim)}</small>"
        first = f'<th scope="row" style="text-align:left">{title}</th>'
        cells = [f"<td>{in_html(self.card[claim, seen])}</td>" for seen in self.card.seen]
        rest = [
            f'<td style="text-align:left"><small>{html.escape(text)}</small></td>' for text in (known.decided_by, about.differs)
        ]
        return f"<tr>{first}{''.join(cells)}{''.join(rest)}</tr>"


def in_html(judged: Judged) -> str:
    """A verdict with the most telling number; ° marks one that is the notebook's own, not decided again from the record."""
    mark = "" if judged.again or judged.verdict == NOT_RUN else "°"
    lines = [f"<b>{judged.verdict}{mark}</b>"]
    first = [f"{name}: {told(number)}" for name, number in judged.numbers.items()][:1]
    lines += [f"<small>{html.escape(text)}</small>" for text in first]
    lines += [f"<small>seed {seed}: {verdict}</small>" for seed, verdict in judged.otherwise.items()]
    return "<br>".join(lines)


def told(number: Expectation) -> str:
    """A number with its unit and interval.

    >>> told(Expectation(17.5, 0.5, {}, "%", (15.0, 20.25)))
    '17.5 % (15 to 20.25)'
    """
    span = " ({} to {})".format(*map(rounded, number.interval)) if number.interval else ""
    return quantity(rounded(number.value), number.unit) + span


def judge(claim: str, record: Record | None) -> Judged:
    """What one claim comes to by one record; "not run" without one."""
    if record is None:
        return Judged(NOT_RUN, why="Its notebook has no record in this world.")
    if not record.verdicts and not record.needs:
        return Judged(NOT_RUN, why="Its record is older than verdicts and intervals; 'make expected' renews it.")
    said = record.verdicts.get(claim)
    own, otherwise = (said.verdict, said.otherwise) if said else ("", {})
    lacking = " ".join(f"{sentence[:1].upper()}{sentence[1:]}" for sentence in dict.fromkeys(record.needs.values()))
    why = said.why if said else lacking or "Its notebook did not decide it."
    try:
        holds, asked = decide(claim, record.numbers)
    except NotOnRecord:
        known = [name for name in record.numbers if claim in TOLD and name.endswith(TOLD[claim])]
        return Judged(own or NOT_RUN, own, False, why, {name: record.numbers[name] for name in known}, otherwise)
    word = VERDICTS[(True, False, None).index(holds)]
    return Judged(word, own, True, why, {name: record.numbers[name] for name in asked}, otherwise)


def scorecard(*also: tuple[str, str]) -> Scorecard:
    """The scorecard of all that is on record in this project.

    Args:
        also: (world, network) that get a place even if nothing of them is on record.

    Raises:
        ValueError: a file that is no record, in one sentence.
    """
    records: dict[Seen, dict[str, Record]] = {Seen(*each): {} for each in also}
    for path in sorted(records_dir().glob("*/*.json")):
        record = read_file(path)
        records.setdefault(Seen(record.world, record.network), {})[record.notebook] = record
    return Scorecard(records)


def records_dir() -> Path:
    """Where the records lie."""
    return project_dir() / "notebooks" / "expected"


def about() -> dict[str, About]:
    """{claim: what was written of it by hand}."""
    with open(project_dir() / "data" / "results" / "scorecard.csv", encoding="utf-8", newline="") as file:
        rows = csv.DictReader(line for line in file if not line.startswith("#"))
        return {row["id"]: About(row["notebook"], row["differs"], row["closes"]) for row in rows}


def _order(seen: Seen) -> tuple:
    return seen.network != "zfnet", seen.world != "toy", seen.world, seen.network
