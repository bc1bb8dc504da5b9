"""The index of the report: what every claim came to, every notebook with its numbers, and what differs from the record.

    python -m zfhelpers.report.index REPORTS NOTEBOOK... --world WORLD                        -> REPORTS/index.html
    python -m zfhelpers.report.index REPORTS NOTEBOOK... --world WORLD --summary [--strict]   the last lines of `make report`

The summary says how many notebooks ran, which needs were unmet and how many numbers differ from what `expectations` has on
record. Neither is an error, unless `--strict` makes one of the latter.
"""

from __future__ import annotations

import argparse
import base64
import html
import importlib.metadata
import io
import os
import platform
import re
import subprocess
import sys
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass
from datetime import datetime
from pathlib import Path

import jinja2
import nbformat
from PIL import Image

from zfhelpers.paper.expectations import Expectation, read_expected
from zfhelpers.paper.published import claims
from zfhelpers.paper.runs import Measurement, Run
from zfhelpers.paper.tables import quantity, rounded
from zfhelpers.report.pages import TEMPLATES, heading, opening, page, write_page
from zfhelpers.report.settings import matching

THUMBNAIL = (640, 480)  # pixels at most
THUMBNAIL_TAG = "thumbnail"  # of the cell whose figure stands for its notebook
PAPER = re.compile(r"(Fig|Tables?|[Ss]ec)(?:\.|ure|tion)?\s(\d[\w.–-]*(?<![.–-]))")
HEADING = re.compile(r"^(##+)\s+(.+)", re.MULTILINE)
FIGURE = re.compile(r"\bFig(?:\.|ure)\s*\d|\bthe figure\b", re.IGNORECASE)
IMAGE = re.compile(r"<img\b[^>]*>", re.DOTALL)
EMBEDDED = re.compile(r"data:image/(?!svg)[^,]*;base64,")


@dataclass(frozen=True)
class Comparison:
    """The numbers of one run beside what is on record for the default run.

    Attributes:
        compared: how many numbers have an expectation.
        differ: those that lie outside its tolerance.
        beyond: of a run with another seed, those that lie outside what 95 of 100 seeds are expected to give.
        usual: how many numbers another seed puts outside the tolerance: the least and the most of those on record.
    """

    compared: int
    differ: list[tuple[Measurement, Expectation]]
    beyond: int
    usual: tuple[int, int] | None


def compare(run: Run) -> Comparison | None:
    """Hold a run against the record; None where the record has nothing for its notebook and world."""
    expected = read_expected(run.notebook, run.world or "", run.network)
    if not expected:
        return None
    both = [(found, expected[found.name]) for found in run.measurements if found.name in expected]
    beyond = sum(
        not each.reach[0] <= found.value <= each.reach[1] for found, each in both if each.reach and found.value is not None
    )
    others = {seed for each in expected.values() for seed in list(each.seeds)[1:]}
    outside = [sum(not each.holds(each.seeds[seed]) for each in expected.values() if seed in each.seeds) for seed in others]
    usual = (min(outside), max(outside)) if outside else None
    return Comparison(len(both), [(found, each) for found, each in both if not each.holds(found.value)], beyond, usual)


def index(reports: Path, notebooks: Sequence[Path], world: str, network: str = "zfnet") -> list[dict]:
    """Writes `reports/index.html`. A notebook that failed or was not run is listed as such.

    Returns:
        what it shows of each notebook.
    """
    entries = [_entry(reports, notebook) for notebook in notebooks]
    verdicts = [(claims()[each.claim], each, entry) for entry in entries for each in entry["verdicts"]]
    order = list(claims())
    summary = summarise(entries)
    environment = jinja2.Environment(loader=jinja2.FileSystemLoader(TEMPLATES), autoescape=True)
    environment.filters |= {"duration": duration, "memory": memory}
    text = environment.get_template("index.html.j2").render(
        world=world,
        network=network,
        entries=entries,
        verdicts=sorted(verdicts, key=lambda each: order.index(each[0].id)),
        counts={word: sum(each.verdict == word for _, each, _ in verdicts) for word in ("holds", "does not hold", "open here")},
        differences=[(entry, *row) for entry in entries for row in entry["differences"]],
        compared=sum(entry["compared"] or 0 for entry in entries),
        default=not any(entry["parameters"] for entry in entries),
        summary=summary,
        unfinished=sum(not entry["finished"] for entry in entries),
        numbers=sum(len(entry["foremost"]) + len(entry["further"]) for entry in entries),
        needs=sum(len(entry["needs"]) for entry in entries),
        seconds=sum(entry["seconds"] or 0 for entry in entries),
        peak_mb=max((entry["peak_mb"] or 0 for entry in entries), default=0),
        date=f"{datetime.now():%d %B %Y, %H:%M}".lstrip("0"),
        provenance=provenance(),
    )
    write_page(reports / "index.html", text)
    return entries


def summarise(entries: Sequence[Mapping]) -> list[str]:
    """Notebooks run, needs unmet, numbers that differ: a line each."""
    ran = [entry for entry in entries if entry["finished"]]
    lines = [f"{len(ran)} of {len(entries)} notebooks ran"]
    if broken := [entry["name"] for entry in entries if entry["failure"]]:
        lines[0] += f"; {', '.join(broken)} failed"
    lines[0] += "."
    sections = [(entry["name"], need) for entry in entries for need in entry["needs"]]
    if sections:
        where = ", ".join(dict.fromkeys(name for name, _ in sections))
        many = "1 section was" if len(sections) == 1 else f"{len(sections)} sections were"
        lines.append(f"{many} left out for want of something, in {where}; the index says what brings it.")
    else:
        lines.append("Nothing was left out for want of something.")
    compared = [entry for entry in entries if entry["compared"] is not None]
    differ, total = (sum(entry[key] for entry in compared) for key in ("differ", "compared"))
    if not compared:
        lines.append("No numbers are on record for this world and network; everything was measured, nothing compared.")
    elif any(entry["parameters"] for entry in entries):
        usual = [entry["usual"] for entry in compared if entry["usual"]]
        low, high = (sum(ends[side] for ends in usual) for side in (0, 1))
        others = f"; the other seeds on record put {low} to {high} there" if usual else ""
        lines.append(
            f"With other parameters than the default no numbers are on record: {differ} of {total} lie outside the default's "
            f"tolerance{others}; {sum(entry['beyond'] for entry in compared)} lie where fewer than 5 in 100 seeds are expected."
        )
    else:
        lines.append(f"{differ} of {total} numbers differ from the record{'; the index lists them' if differ else ''}.")
    return lines


def _entry(reports: Path, notebook: Path) -> dict:
    """What the index shows of one notebook."""
    executed, failed = reports / notebook.name, reports / "failed" / notebook.name
    notes = reports / notebook.stem / "metrics.json"
    finished = executed.exists()
    shown = nbformat.read(executed if finished else failed if failed.exists() else notebook, as_version=4)
    run = Run.read(notes) if finished and notes.exists() else Run(notebook.stem, None)
    if not finished and failed.exists():
        page(failed, [], home="../index.html")
    papers = (f"{kind}{'.' * (not kind.startswith('Table'))} {place}" for kind, place in PAPER.findall(opening(shown)))
    rows, found = [_row(each) for each in run.measurements], compare(run)
    image, alt = (finished and best_figure(shown)) or (None, "")
    return {
        "name": notebook.stem,
        "finished": finished,
        "title": heading(shown) or notebook.stem,
        "paper": ", ".join(dict.fromkeys(papers)),
        "page": executed.with_suffix(".html").name if finished else f"failed/{notebook.stem}.html" if failed.exists() else None,
        "failure": shown.metadata.get("failure"),
        "thumbnail": image,
        "alt": alt,
        "seconds": run.seconds,
        "peak_mb": run.peak_mb,
        "parameters": run.parameters,
        "verdicts": run.verdicts,
        "needs": run.needs,
        "compared": found.compared if found else None,
        "differ": len(found.differ) if found else 0,
        "beyond": found.beyond if found else 0,
        "usual": found.usual if found else None,
        "differences": [
            (each.name, quantity(rounded(each.value), each.unit), known.words(each.unit)) for each, known in found.differ
        ]
        if found
        else [],
        "foremost": [row for row in rows if row["paper"]],
        "further": [row for row in rows if not row["paper"]],
    }


def _row(found: Measurement) -> dict:
    """A measurement as the table shows it; what it lacks stays empty."""
    paper = found.paper if isinstance(found.paper, str) else "" if found.paper is None else rounded(found.paper)
    return {
        "name": f"{found.name}, {found.unit}" if found.unit else found.name,
        "here": rounded(found.value),
        "paper": paper,
        "interval": "{} to {}".format(*map(rounded, found.interval)) if found.interval else "",
        "note": found.note,
    }


def best_figure(notebook: nbformat.NotebookNode) -> tuple[str, str] | None:
    """The picture that stands for an executed notebook on the index, made small, as (data URI, alt text); None if it has none.

    It is the largest of a cell tagged "thumbnail". Without that tag it is the largest of the first section whose heading names a
    figure, such as "Figure 2, layer by layer", with the sections within it; without such a section, the first of all.
    """
    tagged, section, every, level = [], [], [], None
    for cell in notebook.cells:
        if cell.cell_type == "markdown":
            for marks, title in HEADING.findall(cell.source):
                if level is not None and len(marks) <= level:
                    level = 0  # that section is over, and no other counts
                elif level is None and FIGURE.search(title):
                    level = len(marks)
        found = list(_figures(cell))
        tagged += found if THUMBNAIL_TAG in cell.metadata.get("tags", []) else []
        section += found if level else []
        every += found
    best = max(tagged or section or every[:1], key=lambda each: each[0].width * each[0].height, default=None)
    return best and (_thumbnail(best[0]), best[1])


def _figures(cell: nbformat.NotebookNode) -> Iterator[tuple[Image.Image, str]]:
    """The pictures below a cell, each with its alt text."""
    for data in (output.get("data", {}) for output in cell.get("outputs", [])):
        tags = [dict(re.findall(r'\b(src|alt)="([^"]*)"', tag)) for tag in IMAGE.findall(data.get("text/html", ""))]
        held = [tag for tag in tags if EMBEDDED.match(tag.get("src", ""))]
        found = [(tag["src"].partition(",")[2], html.unescape(tag.get("alt", ""))) for tag in held]
        if not found and "image/png" in data:
            found = [(data["image/png"], data.get("text/plain", ""))]
        for encoded, alt in found:
            yield Image.open(io.BytesIO(base64.b64decode(encoded))), alt


def _thumbnail(image: Image.Image) -> str:
    image = image.convert("RGBA")
    image = Image.alpha_composite(Image.new("RGBA", image.size, "white"), image).convert("RGB")
    image.thumbnail(THUMBNAIL, Image.Resampling.LANCZOS)
    small = io.BytesIO()
    image.save(small, "WEBP", quality=88)
    return f"data:image/webp;base64,{base64.b64encode(small.getvalue()).decode()}"


def provenance() -> str:
    """Commit, versions and machine, as far as they are known."""
    describe = ["git", "-C", str(TEMPLATES), "describe", "--always", "--dirty= with changes"]
    try:
        parts = [f"from commit {subprocess.run(describe, capture_output=True, text=True, check=True).stdout.strip()}"]
    except (OSError, subprocess.CalledProcessError):
        parts = ["outside a git checkout"]
    parts += [f"{name} {importlib.metadata.version(name)}" for name in ("torch", "torchvision", "numpy", "scikit-learn")]
    parts.append(f"Python {platform.python_version()} on {platform.system()} {platform.machine()}, {os.cpu_count()} cores")
    return ", ".join(parts)


def duration(seconds: float) -> str:
    """Seconds, from a minute on with minutes.

    >>> duration(41.3), duration(75)
    ('41 s', '1 min 15 s')
    """
    minutes, rest = divmod(round(seconds), 60)
    return f"{minutes} min {rest} s" if minutes else f"{rest} s"


def memory(megabytes: float) -> str:
    """Megabytes, from 1000 on as gigabytes.

    >>> memory(812), memory(1434)
    ('812 MB', '1.4 GB')
    """
    return f"{megabytes / 1024:.1f} GB" if megabytes >= 1000 else f"{megabytes:.0f} MB"


def main(arguments: Sequence[str] | None = None) -> int:
    """The command line; returns its exit status: 1 if it failed, or if `--strict` was asked for and a number differs."""
    parser = argparse.ArgumentParser(description="Make the index of the report; see also the Snakefile and 'make report'.")
    parser.add_argument("reports", type=Path)
    parser.add_argument("notebooks", nargs="+", help="files, or patterns such as 'notebooks/*.ipynb'")
    parser.add_argument("--world", required=True)
    parser.add_argument("--network", default="zfnet")
    parser.add_argument("--strict", action="store_true", help="numbers that differ from the record are an error")
    parser.add_argument("--summary", action="store_true", help="write nothing, only say how the numbers stand")
    options = parser.parse_args(arguments)
    try:
        notebooks = [path for given in options.notebooks for path in matching(given)]
        if options.summary:
            entries = [_entry(options.reports, notebook) for notebook in notebooks]
            print("\n".join(summarise(entries)), flush=True)
        else:
            entries = index(options.reports, notebooks, options.world, options.network)
    except (ValueError, OSError) as error:
        print(error, file=sys.stderr)
        return 1
    differ = sum(entry["differ"] for entry in entries if not entry["parameters"])
    return int(options.strict and differ > 0)


if __name__ == "__main__":
    sys.exit(main())
