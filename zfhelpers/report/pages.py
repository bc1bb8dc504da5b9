"""The pages of the report: HTML for every executed notebook, complete in itself, without a server.

The Snakefile calls this module as a program, on what `run` has made:

    python -m zfhelpers.report.pages REPORTS/NAME.ipynb NAME...    -> REPORTS/NAME.html, linked to its neighbours among NAME...
"""

from __future__ import annotations

import argparse
import ast
import html
import itertools
import os
import re
import sys
from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path
from tempfile import TemporaryDirectory
from urllib.parse import quote

import nbformat
from matplotlib import rc_context
from matplotlib.textpath import TextPath
from nbconvert.exporters import HTMLExporter
from nbconvert.filters.markdown_mistune import IPythonRenderer, MarkdownWithMath
from nbformat.v4 import new_markdown_cell, new_notebook

TEMPLATES = Path(__file__).parent / "templates"
PRIORITY = ("text/html", "text/markdown", "image/svg+xml", "text/latex", "image/png", "image/jpeg", "text/plain")
PATH_LETTERS = {1: "M", 2: "L", 3: "Q", 4: "C", 79: "Z"}  # matplotlib's codes as SVG has them
LEFT_OR_RIGHT = re.compile(r"(?<=\\)[lr](?=[Vv]ert\b)")  # \lVert: matplotlib has bars without a side alone
OPTIONAL = re.compile(r"\s*\(optional\)$")
TABLE = re.compile(r"<script\b.*?</script>|<table\b.*?</table>", re.DOTALL)
ROW = re.compile(r"<tr\b.*?</tr>", re.DOTALL)
GIST = 110  # letters, more than fit
WORDS = 24  # letters of a cell of a table; a column with longer ones is text, and stands on the left
OURS = re.compile(r"\b(here|paper|verdict)\b")  # in a heading: such a table is stacked where it is too wide
GLOSSARY = "GLOSSARY.md"  # beside the notebooks; it has a page of its own
WRITTEN_FOR = {"world": "toy", "network": "zfnet"}  # what the lessons tell of
NOT_FOR_READERS = {"out_dir"}  # parameters that say nothing about what is on the page


@dataclass(frozen=True)
class Section:
    """A line of the contents list: `title` is HTML, `place` the id of its heading."""

    level: int
    title: str
    place: str
    optional: bool


class Markdown(IPythonRenderer):
    """Markdown cells with their formulas drawn, and their HTML as it is: the base class would close every <details> at once.

    Args:
        sections: gets every heading; no two get the same id.
        source: the folder that images are named from.
    """

    def __init__(self, sections: list[Section], source: Path):
        super().__init__(escape=False, embed_images=True, path=str(source))
        self.sections = sections

    def heading(self, text: str, level: int, **attributes) -> str:
        """`## ...`, with the id that Jupyter gives it, so that a link to it leads there in both."""
        plain = html.unescape(re.sub(r"<[^>]+>", "", text)).strip()
        place, taken = plain.replace(" ", "-"), {section.place for section in self.sections}
        place = next(name for name in (place, *(f"{place}-{n}" for n in range(2, len(taken) + 3))) if name not in taken)
        title = OPTIONAL.sub("", text)
        self.sections.append(Section(level, re.sub(r"</?a\b[^>]*>", "", title), place, title != text))
        mark = ' <span class="optional">optional</span>' if title != text else ""
        return f'<h{level} id="{html.escape(place)}">{title}{mark}</h{level}>\n'

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
    >>> formula(r"\lVert x \rVert")[:4]
    '<svg'
    >>> formula(r"\begin{cases}")
    '<code>\\begin{cases}</code>'
    """
    tex, em = " ".join(tex.split()), 100
    try:
        with rc_context({"mathtext.fontset": "stix"}):
            outline = TextPath((0, 0), f"${LEFT_OR_RIGHT.sub('', tex)}$", size=em)
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
    ran = notebook.metadata.get("papermill", {})
    source, title, sections = Path(ran.get("input_path") or executed).parent, heading(notebook) or executed.stem, []

    def markdown2html(text: str) -> str:
        return framed(MarkdownWithMath(renderer=Markdown(sections, source)).render(text))

    for cell in notebook.cells:
        if cell.cell_type == "markdown":
            cell.source = markdown2html(cell.source)  # now, because the contents list stands above them

    def link(match: re.Match) -> str:
        target, hash_, place = match[1].partition("#")
        name = target.removesuffix(".ipynb")
        here = name in names or (target == GLOSSARY and (source / GLOSSARY).exists())
        moved = f"{Path(target).stem}.html" if here else os.path.relpath(source / target, executed.parent)
        return f'href="{moved}{hash_}{place}"'

    folder, name = str(TEMPLATES.parent), TEMPLATES.name
    exporter = HTMLExporter(extra_template_basedirs=[folder], template_name=name, template_file="page.html.j2")
    exporter.display_data_priority = list(PRIORITY)
    exporter.register_filter("markdown2html", markdown2html)
    exporter.register_filter("framed", framed)
    exporter.register_filter("gist", gist)
    around = [None, *names, None]
    place = around.index(executed.stem) if executed.stem in names else None
    resources = {
        "title": title,
        "home": home,
        "contents": [(each, quote(each.place)) for each in sections if each.level in (2, 3)],
        "given": {name: value for name, value in ran.get("parameters", {}).items() if name not in NOT_FOR_READERS},
        "elsewhere": any(ran.get("parameters", {}).get(name, usual) != usual for name, usual in WRITTEN_FOR.items()),
        "previous": around[place - 1] if place else None,
        "next": around[place + 1] if place else None,
    }
    text, _ = exporter.from_notebook_node(notebook, resources=resources)
    text = re.sub(r'href="(?![#/]|[a-z]+:)([^"]+\.(?:ipynb|py|md|cff)(?:#[^"]*)?)"', link, text)
    if f'"{Path(GLOSSARY).stem}.html' in text and executed.stem in names:
        glossary(source / GLOSSARY, executed.parent, names, home)
    return write_page(executed.with_suffix(".html"), text)


def glossary(text: Path, folder: Path, names: Sequence[str], home: str = "index.html") -> Path:
    """Writes the page of the words that notebooks link to, from a Markdown file, into the folder of their pages."""
    words = new_notebook(cells=[new_markdown_cell(text.read_text(encoding="utf-8"))])
    words.metadata["papermill"] = {"input_path": str(text)}
    with TemporaryDirectory() as place:
        executed = Path(place) / f"{text.stem}.ipynb"
        nbformat.write(words, executed)
        made = page(executed, names, home)
        return write_page(folder / made.name, made.read_text(encoding="utf-8"))


def gist(source: str) -> str:
    """One line that stands for a folded cell: the first statement that does more than import, or say which section this is.

    >>> gist("import torch\\n\\nfound = torch.rand(\\n    2, 3\\n)\\nfound")
    'found = torch.rand( 2, 3 )'
    """
    try:
        statements = ast.parse(source).body
    except SyntaxError:
        statements = []
    parts = [ast.get_source_segment(source, each) for each in statements] or [source.strip()]
    chosen = next((part for part in parts if not re.match(r"import\b|from\b|zf\.section\(", part)), parts[0])
    compound = re.match(r"(def|class|for|while|with|if|try)\b", chosen)
    return " ".join((chosen.partition("\n")[0] if compound else chosen).split())[:GIST]


def framed(text: str) -> str:
    """HTML with a frame around each table, and its headings and columns marked; `style.css` fits it into a narrow window.

    >>> framed("<table><tr><th>error</th><td>16</td></tr></table>")
    '<div class="scroll"><table><tr><th scope="row">error</th><td>16</td></tr></table></div>'
    """
    return TABLE.sub(lambda match: match[0] if match[0].startswith("<script") else _framed(match[0]), text)


def _framed(table: str) -> str:
    head, close, body = table.rpartition("</thead>")
    columns, *_ = [*(_cells(row) for row in reversed(ROW.findall(head))), []]
    cells = itertools.zip_longest(*map(_cells, ROW.findall(body)), fillvalue="")
    text = {number for number, column in enumerate(cells) if number and max(map(len, column)) > WORDS}

    def marked(row: str, scope: str) -> str:
        numbers = itertools.count()

        def cell(match: re.Match) -> str:
            tag, attributes, number = match[1], match[2], next(numbers)
            label = columns[number] if number < len(columns) and tag == "td" else ""
            attributes += f' scope="{scope}"' * (tag == "th" and "scope=" not in attributes)
            attributes += f' data-label="{label}"' * bool(label) + ' class="words"' * (number in text)
            return f"<{tag}{attributes}>"

        return re.sub(r"<(t[hd])\b([^>]*)>", cell, row)

    head = ROW.sub(lambda row: marked(row[0], "col"), head)
    body = ROW.sub(lambda row: marked(row[0], "row"), body)
    stack = " stack" if any(map(OURS.search, columns)) else ""
    return f'<div class="scroll{stack}">{head}{close}{body}</div>'


def _cells(row: str) -> list[str]:
    """The text of the cells of a row, as an attribute can hold it."""
    cells = re.findall(r"<t[hd]\b[^>]*>(.*?)</t[hd]>", row, re.DOTALL)
    return [html.escape(html.unescape(re.sub(r"<[^>]+>", "", cell)).strip()) for cell in cells]


def opening(notebook: nbformat.NotebookNode) -> str:
    """The first heading of a notebook, and the paragraph below it."""
    texts = (cell.source.strip() for cell in notebook.cells if cell.cell_type == "markdown")
    return "\n\n".join(next((text for text in texts if text.startswith("#")), "").split("\n\n")[:2])


def heading(notebook: nbformat.NotebookNode) -> str:
    """The first heading of a notebook, without marks."""
    return re.sub(r"[*_`#$]", "", opening(notebook).partition("\n")[0]).strip()


def write_page(path: Path, text: str) -> Path:
    """A page that is there is there in full."""
    part = path.with_name(f".{path.name}.{os.getpid()}.part")  # several processes may write the same page
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
