"""The pages of the report: HTML for every executed notebook, complete in itself, without a server.

The Snakefile calls this module as a program, on what `run` has made:

    python -m zfhelpers.report.pages REPORTS/NAME.ipynb NAME...    -> REPORTS/NAME.html, linked to its neighbours among NAME...
"""

from __future__ import annotations

import argparse
import html
import os
import re
import sys
from collections.abc import Sequence
from pathlib import Path

import nbformat
from matplotlib import rc_context
from matplotlib.textpath import TextPath
from nbconvert.exporters import HTMLExporter
from nbconvert.filters.markdown_mistune import IPythonRenderer, MarkdownWithMath
from pygments.formatters import HtmlFormatter

TEMPLATES = Path(__file__).parent / "templates"
PRIORITY = ("text/html", "text/markdown", "image/svg+xml", "text/latex", "image/png", "image/jpeg", "text/plain")
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
        executed: what `run.run` made.
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
    return write_page(executed.with_suffix(".html"), text)


def opening(notebook: nbformat.NotebookNode) -> str:
    """The first heading of a notebook, and the paragraph below it."""
    texts = (cell.source.strip() for cell in notebook.cells if cell.cell_type == "markdown")
    return "\n\n".join(next((text for text in texts if text.startswith("#")), "").split("\n\n")[:2])


def heading(notebook: nbformat.NotebookNode) -> str:
    """The first heading of a notebook, without marks."""
    return re.sub(r"[*_`#$]", "", opening(notebook).partition("\n")[0]).strip()


def write_page(path: Path, text: str) -> Path:
    """A page that is there is there in full."""
    part = path.with_name(f".{path.name}.part")
    part.write_text(text, encoding="utf-8")
    os.replace(part, path)
    return path


def main(arguments: Sequence[str] | None = None) -> int:
    """The command line; returns its exit status, 1 if there is no page."""
    parser = argparse.ArgumentParser(description="Make the page of one executed notebook; see also the Snakefile.")
    parser.add_argument("executed", type=Path)
    parser.add_argument("names", nargs="*", help="all notebooks in order, without endings")
    options = parser.parse_args(arguments)
    try:
        page(options.executed, options.names)
    except (ValueError, OSError) as error:
        print(error, file=sys.stderr)
        return 1
    return 0


if __name__ == "__main__":
    sys.exit(main())
