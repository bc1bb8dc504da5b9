"""The pages of the report, made of notebooks and numbers by hand: what they show, and that they ask no server for anything."""

import html.parser
import json
import re
import shutil
from pathlib import Path

import nbformat
import pytest
from nbformat.v4 import new_code_cell, new_markdown_cell, new_notebook, new_output

from zfhelpers.files import project_dir
from zfhelpers.report import pages as report

PIXEL = "iVBORw0KGgoAAAANSUhEUgAAAAEAAAABCAYAAAAfFcSJAAAADUlEQVR42mNk+M9QDwADhgGAWjR9awAAAABJRU5ErkJggg=="  # a PNG of one pixel


class Page(html.parser.HTMLParser):
    """What a page asks for, and what its images say."""

    def __init__(self, path: Path):
        super().__init__()
        self.loads, self.links, self.alts, self.formulas, self.scripts = [], [], [], [], 0
        text = path.read_text(encoding="utf-8")
        self.feed(text)
        self.loads += re.findall(r"(?:url\(|@import)\s*['\"]?([^'\")]+)", text)

    def handle_starttag(self, tag, attributes):
        attributes = dict(attributes)
        self.scripts += tag == "script"
        self.links += [attributes["href"]] if tag == "a" and "href" in attributes else []
        self.loads += [attributes[key] for key in ("src", "srcset", "poster", "data") if key in attributes]
        self.loads += [attributes["href"]] if tag == "link" else []
        self.alts += [attributes.get("alt")] if tag == "img" else []
        self.formulas += [attributes["aria-label"]] if tag == "svg" else []


TEXT = r"""# The *first*

Figure 2, Tables 3–5 and section 2.1; Fig. 2.

Later Fig. 9, $a < b^2$ and $$\begin{aligned}c &= 1 \\ d &= \sqrt{2}\end{aligned}$$

[next](05_second.ipynb#there), [the model](../zfhelpers/model.py), [abroad](https://example.org/)

<details><summary>Answer</summary>

**Folded.**

</details>
"""
MEASUREMENTS = [
    {
        "name": "error",
        "value": 17.6131,
        "reference": 18,
        "tolerance": 2,
        "paper": "16.5",
        "unit": "%",
        "holds": True,
        "interval": [15.123, 19.9],
        "note": "one crop",
    },
    {"name": "accuracy", "kind": "at least", "value": 71.5, "reference": 80, "tolerance": 0, "holds": False},
    {"name": "bare"},
]


@pytest.fixture
def pages(tmp_path):
    """A report made by hand of two notebooks: with formulas, a widget, links and a picture."""
    notebooks, reports = tmp_path / "notebooks", tmp_path / "reports" / "toy"
    notebooks.mkdir()
    (reports / "04_first").mkdir(parents=True)
    picture = new_output("display_data", data={"text/html": f'<img alt="A nose" src="data:image/png;base64,{PIXEL}">'})
    view = new_output(
        "display_data",
        data={"application/vnd.jupyter.widget-view+json": {"model_id": "1"}, "image/png": PIXEL, "text/plain": 'A "slider" at 3'},
    )
    last = new_output("execute_result", data={"text/plain": "the last value"}, execution_count=1)
    first = new_notebook(
        cells=[new_markdown_cell(TEXT), new_code_cell("x < 1", outputs=[picture, view, last])],
        metadata={"papermill": {"input_path": str(notebooks / "04_first.ipynb")}, "widgets": {"state": {}}},
    )
    nbformat.write(first, reports / "04_first.ipynb")
    nbformat.write(new_notebook(cells=[new_markdown_cell("# Second")]), reports / "05_second.ipynb")
    metrics = {"measurements": MEASUREMENTS, "seconds": 75, "peak_mb": 1500}
    (reports / "04_first" / "metrics.json").write_text(json.dumps(metrics))
    for name in ("04_first", "05_second"):
        report.page(reports / f"{name}.ipynb", ["04_first", "05_second"])
    report.index(reports, [notebooks / "04_first.ipynb", notebooks / "05_second.ipynb"], "toy")
    return reports


@pytest.mark.parametrize("name", ["04_first", "05_second", "index"])
def test_pages_ask_no_server_for_anything(pages, name):
    page = Page(pages / f"{name}.html")
    assert page.scripts == 0
    assert all(load.startswith("data:") for load in page.loads)


def test_page_keeps_descriptions_and_draws_formulas(pages):
    page, text = Page(pages / "04_first.html"), (pages / "04_first.html").read_text()
    assert page.alts == ["A nose", 'A "slider" at 3']
    assert page.formulas == ["a < b^2", "c = 1", r"d = \sqrt{2}"]
    assert "<title>The first</title>" in text
    assert "<pre>the last value</pre>" in text
    assert re.search(r"<details><summary>Answer</summary>\s*<p><strong>Folded.</strong></p>\s*</details>", text)


@pytest.mark.parametrize("path", sorted((project_dir() / "notebooks").glob("*.ipynb")), ids=lambda path: path.stem)
def test_every_formula_of_the_notebooks_is_drawn(path, tmp_path, monkeypatch):
    draw, drawn = report.formula, {}
    monkeypatch.setattr(report, "formula", lambda tex: drawn.setdefault(tex, draw(tex)))
    report.page(Path(shutil.copy(path, tmp_path)), [])
    assert [tex for tex, shown in drawn.items() if not shown.startswith("<svg")] == []


def test_links_stay_in_the_report_and_find_the_project(pages):
    links = Page(pages / "04_first.html").links
    assert links.count("05_second.html") == 2
    assert {"index.html", "05_second.html#there", "../../zfhelpers/model.py", "https://example.org/"} < set(links)


def test_index_holds_numbers_pictures_and_costs(pages):
    text = (pages / "index.html").read_text()
    assert Page(pages / "index.html").alts == ["A nose"]
    for part in (
        "The first",
        "Fig. 2, Tables 3–5, sec. 2.1<",
        "error, %",
        "17.61",
        "18 ± 2",
        "16.5",
        "[15.12, 19.9]",
        "one crop",
        "at least 80",
        "holds",
        "fails",
        "1 min 15 s",
        "1.5 GB",
        'href="04_first.html"',
    ):
        assert part in text, part
    assert "Fig. 9" not in text


def test_index_lists_what_has_not_been_run(tmp_path):
    nbformat.write(new_notebook(cells=[new_markdown_cell("# A lesson")]), tmp_path / "a.ipynb")
    (tmp_path / "reports").mkdir()
    report.index(tmp_path / "reports", [tmp_path / "a.ipynb"], "toy")
    assert "This notebook has not been run." in (tmp_path / "reports" / "index.html").read_text()
