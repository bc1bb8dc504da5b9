"""The report: an HTML page for every executed notebook and the index of them all, complete in themselves, without a server.

The Snakefile calls this file as a program, on what `batch.py` has made:

    report.py page REPORTS/NAME.ipynb NAME...             -> REPORTS/NAME.html, linked to its neighbours among NAME...
    report.py index REPORTS NOTEBOOK... --world WORLD     -> REPORTS/index.html
"""

from __future__ import annotations

import argparse
import base64
import html
import importlib.metadata
import io
import json
import os
import platform
import re
import subprocess
import sys
from collections.abc import Sequence
from datetime import datetime
from pathlib import Path

import jinja2
import nbformat
from matplotlib import rc_context
from matplotlib.textpath import TextPath
from nbconvert.exporters import HTMLExporter
from nbconvert.filters.markdown_mistune import IPythonRenderer, MarkdownWithMath
from PIL import Image
from pygments.formatters import HtmlFormatter

TEMPLATES = Path(__file__).parent / "templates"
THUMBNAIL = (640, 480)  # pixels at most
PRIORITY = ("text/html", "text/markdown", "image/svg+xml", "text/latex", "image/png", "image/jpeg", "text/plain")
PAPER = re.compile(r"(Fig|Tables?|[Ss]ec)(?:\.|ure|tion)?\s(\d[\w.–-]*(?<![.–-]))")
IMAGE = re.compile(r"<img\b[^>]*>", re.DOTALL)
PATH_LETTERS = {1: "M", 2: "L", 3: "Q", 4: "C", 79: "Z"}  # matplotlib's codes as SVG has them


class Markdown(IPythonRenderer):
    """Markdown cells with their formulas drawn, and their HTML as it is: the base class would close every <details> at once."""

    def block_html(self, html: str) -> str:
        """A line that starts with a tag."""
        return super().block_html(html) if "<img" in html else html

    def inline_html(self, html: str) -> str:
        """A tag within a line."""
        return super().inline_html(html) if "<img" in html else html

    def inline_math(self, body: str) -> str:
        """`$...$`."""
        return formula(body)

    def block_math(self, body: str) -> str:
        """`$$...$$`, several rows under each other."""
        rows = re.split(r"\\\\", re.sub(r"\\(?:begin|end)\{aligned\}|&", "", body))
        return f'<span class="display">{"".join(formula(row) for row in rows if row.strip())}</span>'


def formula(tex: str) -> str:
    r"""TeX as inline SVG, drawn by matplotlib because a page may not fetch MathJax; what matplotlib cannot draw stays TeX.

    >>> formula("x^2")[:50]
    '<svg class="math" role="img" aria-label="x^2" view'
    >>> formula(r"\begin{cases}")
    '<code>\\begin{cases}</code>'
    """
    tex, em = " ".join(tex.split()), 100
    try:
        with rc_context({"mathtext.fontset": "stix"}):
            outline = TextPath((0, 0), f"${tex}$", size=em)
    except ValueError:
        return f"<code>{html.escape(tex)}</code>"
    strokes = [
        PATH_LETTERS[code] + ("" if code == 79 else " ".join(f"{x:.0f} {-y:.0f}" for x, y in points.reshape(-1, 2)))
        for points, code in outline.iter_segments(simplify=False)
    ]
    left, bottom, width, height = outline.get_extents().bounds
    view = f"{left:.0f} {-bottom - height:.0f} {width:.0f} {height:.0f}"
    place = f"width:{width / em:.3f}em;height:{height / em:.3f}em;vertical-align:{bottom / em:.3f}em"
    return (
        f'<svg class="math" role="img" aria-label="{html.escape(tex)}" viewBox="{view}" style="{place}">'
        f'<path d="{"".join(strokes)}"/></svg>'
    )


def page(executed: Path, names: Sequence[str], home: str = "index.html") -> Path:
    """Writes the HTML page of an executed notebook beside it.

    Args:
        executed: what `batch.run` made.
        names: of all notebooks in order, without endings: links between them stay among the pages.
        home: where the index is, seen from the page.
    """
    notebook = nbformat.read(executed, as_version=4)
    notebook.metadata.pop("widgets", None)  # their pictures are in the outputs; to draw them anew takes scripts from a server
    source = Path(notebook.metadata.get("papermill", {}).get("input_path") or executed).parent

    def markdown2html(text: str) -> str:
        renderer = Markdown(escape=False, embed_images=True, path=str(source), exclude_anchor_links=True)
        return MarkdownWithMath(renderer=renderer).render(text)

    def link(match: re.Match) -> str:
        target, hash_, place = match[1].partition("#")
        name = target.removesuffix(".ipynb")
        moved = f"{name}.html" if name in names else os.path.relpath(source / target, executed.parent)
        return f'href="{moved}{hash_}{place}"'

    folder, name = str(TEMPLATES.parent), TEMPLATES.name
    exporter = HTMLExporter(extra_template_basedirs=[folder], template_name=name, template_file="page.html.j2")
    exporter.display_data_priority = list(PRIORITY)
    exporter.register_filter("markdown2html", markdown2html)
    light, dark = (HtmlFormatter(style=style).get_style_defs(".highlight") for style in ("friendly", "github-dark"))
    around = [None, *names, None]
    place = around.index(executed.stem) if executed.stem in names else None
    resources = {
        "title": heading(notebook) or executed.stem,
        "home": home,
        "highlighting": f"{light}\n@media (prefers-color-scheme: dark) {{\n{dark}\n}}",
        "previous": around[place - 1] if place else None,
        "next": around[place + 1] if place else None,
    }
    text, _ = exporter.from_notebook_node(notebook, resources=resources)
    text = re.sub(r'href="(?![#/]|[a-z]+:)([^"]+\.(?:ipynb|py|md|cff)(?:#[^"]*)?)"', link, text)
    return _write(executed.with_suffix(".html"), text)


def index(reports: Path, notebooks: Sequence[Path], world: str) -> Path:
    """Writes the page of all notebooks: first figure, numbers against the paper, seconds and peak memory of each.

    A notebook that failed or was not run is listed as such.
    """
    entries = [_entry(reports, notebook) for notebook in notebooks]
    measurements = [one for entry in entries for one in entry["foremost"] + entry["further"]]
    environment = jinja2.Environment(loader=jinja2.FileSystemLoader(TEMPLATES), autoescape=True)
    environment.filters |= {"duration": duration, "memory": memory}
    text = environment.get_template("index.html.j2").render(
        world=world,
        entries=entries,
        unfinished=sum(not entry["finished"] for entry in entries),
        checked=sum(one["holds"] is not None for one in measurements),
        holding=sum(one["holds"] is True for one in measurements),
        seconds=sum(entry["seconds"] or 0 for entry in entries),
        peak_mb=max((entry["peak_mb"] or 0 for entry in entries), default=0),
        date=f"{datetime.now():%d %B %Y, %H:%M}".lstrip("0"),
        provenance=provenance(),
    )
    return _write(reports / "index.html", text)


def _entry(reports: Path, notebook: Path) -> dict:
    """What the index shows of one notebook."""
    executed, failed = reports / notebook.name, reports / "failed" / notebook.name
    notes = reports / notebook.stem / "metrics.json"
    finished = executed.exists()
    shown = nbformat.read(executed if finished else failed if failed.exists() else notebook, as_version=4)
    metrics = json.loads(notes.read_text(encoding="utf-8")) if finished and notes.exists() else {}
    if not finished and failed.exists():
        page(failed, [], home="../index.html")
    papers = (f"{kind}{'.' * (not kind.startswith('Table'))} {place}" for kind, place in PAPER.findall(_opening(shown)))
    rows = [_row(one) for one in metrics.get("measurements", [])]
    image, alt = (finished and first_figure(shown)) or (None, "")
    return {
        "name": notebook.stem,
        "finished": finished,
        "title": heading(shown) or notebook.stem,
        "paper": ", ".join(dict.fromkeys(papers)),
        "page": executed.with_suffix(".html").name if finished else f"failed/{notebook.stem}.html" if failed.exists() else None,
        "failure": shown.metadata.get("failure"),
        "thumbnail": image,
        "alt": alt,
        "seconds": metrics.get("seconds"),
        "peak_mb": metrics.get("peak_mb"),
        "foremost": [row for row in rows if row["paper"] or row["holds"] is False],
        "further": [row for row in rows if not row["paper"] and row["holds"] is not False],
    }


def _row(measurement: dict) -> dict:
    """A measurement of `metrics.json` as the table shows it; what it lacks stays empty."""
    unit, interval, tolerance = measurement.get("unit") or "", measurement.get("interval"), measurement.get("tolerance")
    asserted, kind = number(measurement.get("reference")), measurement.get("kind", "check")
    if asserted and kind != "check":
        asserted = f"{kind} {asserted}"
    elif asserted and tolerance:
        asserted += f" ± {number(tolerance)}"
    return {
        "name": measurement.get("name", "") + (f", {unit}" if unit else ""),
        "here": number(measurement.get("value")),
        "asserted": asserted,
        "paper": number(measurement.get("paper")),
        "interval": f"[{number(interval[0])}, {number(interval[1])}]" if interval else "",
        "holds": measurement.get("holds"),
        "note": measurement.get("note"),
    }


def first_figure(notebook: nbformat.NotebookNode) -> tuple[str, str] | None:
    """The first picture of an executed notebook, made small, as (data URI, alt text)."""
    for data in (output.get("data", {}) for cell in notebook.cells for output in cell.get("outputs", [])):
        for tag in IMAGE.findall(data.get("text/html", "")):
            found = dict(re.findall(r'\b(src|alt)="([^"]*)"', tag))
            if found.get("src", "").startswith("data:image/") and ";base64," in found["src"]:
                return _thumbnail(found["src"].partition(",")[2]), html.unescape(found.get("alt", ""))
        if "image/png" in data:
            return _thumbnail(data["image/png"]), data.get("text/plain", "")
    return None


def _thumbnail(encoded: str) -> str:
    image = Image.open(io.BytesIO(base64.b64decode(encoded))).convert("RGBA")
    image = Image.alpha_composite(Image.new("RGBA", image.size, "white"), image).convert("RGB")
    image.thumbnail(THUMBNAIL, Image.Resampling.LANCZOS)
    small = io.BytesIO()
    image.save(small, "WEBP", quality=88)
    return f"data:image/webp;base64,{base64.b64encode(small.getvalue()).decode()}"


def _opening(notebook: nbformat.NotebookNode) -> str:
    """The first heading of a notebook, and the paragraph below it."""
    texts = (cell.source.strip() for cell in notebook.cells if cell.cell_type == "markdown")
    return "\n\n".join(next((text for text in texts if text.startswith("#")), "").split("\n\n")[:2])


def heading(notebook: nbformat.NotebookNode) -> str:
    """The first heading of a notebook, without marks."""
    return re.sub(r"[*_`#$]", "", _opening(notebook).partition("\n")[0]).strip()


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


def number(value: object) -> str:
    """A number for a table, four digits of it; text as it is, nothing for None.

    >>> number(0.123456), number(62357608), number("16.5"), number(None)
    ('0.1235', '62,357,608', '16.5', '')
    """
    if value is None or isinstance(value, str):
        return value or ""
    return f"{int(value):,}" if float(value).is_integer() else f"{value:,.4g}"


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


def _write(path: Path, text: str) -> Path:
    """A page that is there is there in full."""
    part = path.with_name(f".{path.name}.part")
    part.write_text(text, encoding="utf-8")
    os.replace(part, path)
    return path


def main(arguments: Sequence[str] | None = None) -> None:
    """The command line."""
    parser = argparse.ArgumentParser(description="Make the pages of the report; see also the Snakefile and 'make report'.")
    commands = parser.add_subparsers(dest="command", required=True)
    one = commands.add_parser("page", help="the page of one executed notebook")
    one.add_argument("executed", type=Path)
    one.add_argument("names", nargs="*", help="all notebooks in order, without endings")
    whole = commands.add_parser("index", help="the page of all of them")
    whole.add_argument("reports", type=Path)
    whole.add_argument("notebooks", nargs="+", type=Path)
    whole.add_argument("--world", required=True)
    options = parser.parse_args(arguments)
    if options.command == "page":
        page(options.executed, options.names)
    else:
        index(options.reports, options.notebooks, options.world)


if __name__ == "__main__":
    sys.exit(main())
