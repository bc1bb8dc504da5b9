"""The pages of the report, made of notebooks and numbers by hand: what they show, and that they ask no server for anything."""

import base64
import html.parser
import io
import re
import shutil
from dataclasses import replace
from pathlib import Path

import nbformat
import pytest
from nbformat.v4 import new_code_cell, new_markdown_cell, new_notebook, new_output
from PIL import Image

from zfhelpers.files import project_dir
from zfhelpers.paper.expectations import Expectation
from zfhelpers.paper.runs import Measurement, Need, Run, Verdict
from zfhelpers.report import index, refresh
from zfhelpers.report import pages as report

PIXEL = "iVBORw0KGgoAAAANSUhEUgAAAAEAAAABCAYAAAAfFcSJAAAADUlEQVR42mNk+M9QDwADhgGAWjR9awAAAABJRU5ErkJggg=="  # a PNG of one pixel


class Page(html.parser.HTMLParser):
    """What a page asks for, and what its images say."""

    def __init__(self, path: Path):
        super().__init__()
        self.loads, self.links, self.alts, self.formulas = [], [], [], []
        text = path.read_text(encoding="utf-8")
        self.feed(text)
        self.loads += re.findall(r"(?:url\(|@import)\s*['\"]?([^'\")]+)", text)

    def handle_starttag(self, tag, attributes):
        attributes = dict(attributes)
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
RUN = Run(
    "04_first",
    "toy",
    seconds=75,
    peak_mb=1500,
    measurements=[
        Measurement("error", 17.6131, "%", "16.5", (15.123, 19.9), "one crop"),
        Measurement("accuracy", 71.5),
        Measurement("broken", None),
    ],
    verdicts=[Verdict("8", "holds", "P fell <by> half.")],
    needs=[Need("3  Faces", "it needs faces; draw some.")],
)
EXPECTED = {
    "error": Expectation(17.6, 0.5, {"0": 17.6, "1": 18.4, "2": 17.5}),
    "accuracy": Expectation(80.0, 0.5, {"0": 80.0, "1": 79.0, "2": 80.2}),
}


@pytest.fixture
def pages(tmp_path, monkeypatch):
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
    RUN.write(reports / "04_first" / "metrics.json")
    monkeypatch.setattr(index, "read_expected", lambda notebook, world, network: EXPECTED if notebook == "04_first" else None)
    for name in ("04_first", "05_second"):
        report.page(reports / f"{name}.ipynb", ["04_first", "05_second"])
    index.index(reports, [notebooks / "04_first.ipynb", notebooks / "05_second.ipynb"], "toy")
    return reports


@pytest.mark.parametrize("name", ["04_first", "05_second", "index"])
def test_pages_ask_no_server_for_anything(pages, name):
    page = Page(pages / f"{name}.html")
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


def test_index_holds_claims_numbers_needs_pictures_and_costs(pages):
    text = (pages / "index.html").read_text()
    assert Page(pages / "index.html").alts == ["A nose"]
    for part in (
        "The first",
        "Fig. 2, Tables 3–5, sec. 2.1<",
        "error, %",
        "17.61",
        "16.5",
        "15.12 to 19.9",
        "one crop",
        "1 min 15 s",
        "1.5 GB",
        'href="04_first.html"',
        "Claim 8 (Fig. 7)",
        "P fell &lt;by&gt; half.",
        "3  Faces: it needs faces; draw some.",
        "80 ± 0.5",  # what accuracy, 71.5 here, should have been
    ):
        assert part in text, part
    assert "Fig. 9" not in text


def test_the_summary_says_what_ran_what_lacks_and_what_differs(pages, capsys):
    names = [str(pages / f"{name}.ipynb") for name in ("04_first", "05_second")]
    command = [str(pages), *names, "--world", "toy", "--summary"]
    assert index.main(command) == 0
    assert capsys.readouterr().out.splitlines() == [
        "2 of 2 notebooks ran.",
        "1 section was left out for want of something, in 04_first; the index says what brings it.",
        "1 of 2 numbers differ from the record; the index lists them.",
    ]
    assert index.main([*command, "--strict"]) == 1


def test_other_parameters_are_compared_with_other_seeds(pages, capsys):
    path = pages / "04_first" / "metrics.json"
    replace(RUN, parameters={"seed": 7}).write(path)
    assert index.main([str(pages), str(pages / "04_first.ipynb"), "--world", "toy", "--summary", "--strict"]) == 0
    last = capsys.readouterr().out.splitlines()[-1]
    assert last == (
        "With other parameters than the default no numbers are on record: 1 of 2 lie outside the default's tolerance; "
        "the other seeds on record put 0 to 2 there; 1 lie where fewer than 5 in 100 seeds are expected."
    )


def test_a_world_without_a_record_is_measured_and_not_compared(pages, capsys, monkeypatch):
    monkeypatch.setattr(index, "read_expected", lambda *_: None)
    assert index.main([str(pages), str(pages / "04_first.ipynb"), "--world", "mine", "--summary", "--strict"]) == 0
    assert capsys.readouterr().out.splitlines()[-1].startswith("No numbers are on record for this world")


def test_tables_of_any_origin_get_headings_a_frame_and_the_names_of_their_columns():
    pandas = """<table border="1" class="dataframe">
      <thead><tr style="text-align: right;"><th></th><th>here</th><th>the paper</th><th>note</th></tr></thead>
      <tbody><tr><th>error &lt; 1</th><td>16</td><td></td><td>a note too long for the right</td></tr></tbody></table>"""
    shown = report.framed(f"<p>Before.</p>{pandas}<script>'<table><tr><th>1</th></tr></table>'</script>")
    assert shown.startswith('<p>Before.</p><div class="scroll stack"><table border="1" class="dataframe">')
    assert '<th scope="col">here</th><th scope="col">the paper</th><th scope="col" class="words">note</th>' in shown
    assert '<th scope="row">error &lt; 1</th><td data-label="here">16</td><td data-label="the paper"></td>' in shown
    assert '<td data-label="note" class="words">a note' in shown
    assert shown.endswith("</table></div><script>'<table><tr><th>1</th></tr></table>'</script>")
    assert report.framed("<table><tr><td>1</td></tr></table>") == '<div class="scroll"><table><tr><td>1</td></tr></table></div>'


@pytest.mark.parametrize(
    ("source", "line"),
    [
        ("", ""),
        ("# nothing but a word", "# nothing but a word"),
        ("import os", "import os"),
        ("from a import b\nzf.section(\n    'One',\n)\nfor x in b:\n    print(x)", "for x in b:"),
        ("importance = 3", "importance = 3"),
        ("%matplotlib inline\nx = 1", "%matplotlib inline x = 1"),
    ],
)
def test_a_folded_cell_is_told_by_a_line(source, line):
    assert report.gist(source) == line


def figures(*cells) -> tuple[int, int]:
    """Size of the thumbnail of a notebook of cells: text, or (width, height) of a figure, or that with a tag."""
    made = []
    for cell in cells:
        if isinstance(cell, str):
            made.append(new_markdown_cell(cell))
            continue
        file = io.BytesIO()
        Image.new("RGB", cell[:2]).save(file, "PNG")
        html = f'<img alt="A" src="data:image/png;base64,{base64.b64encode(file.getvalue()).decode()}">'
        output = new_output("display_data", data={"text/html": html})
        made.append(new_code_cell("show", outputs=[output], metadata={"tags": list(cell[2:])}))
    found = index.best_figure(new_notebook(cells=made))
    return found and Image.open(io.BytesIO(base64.b64decode(found[0].partition(",")[2]))).size


def test_thumbnail_is_the_tagged_figure_else_the_largest_of_the_papers_figure_else_the_first():
    before, section = (
        ["# Figure 2", (80, 80), "## 1  First", (90, 90)],
        ["## 2  Figure 2", (20, 20), "### Layer 5", (40, 30), (30, 30)],
    )
    after = ["## 3  Another figure", (70, 70), "### Figure 3", (60, 60)]
    assert figures("# None") is None
    assert figures(*before, *after[:2]) == (80, 80)
    assert figures(*before, *section, *after) == (40, 30)
    assert figures(*before, *section, *after, (10, 10, "thumbnail")) == (10, 10)


def test_refresh_keeps_the_tag_of_the_thumbnail(tmp_path):
    cell = new_code_cell("print(1)", metadata={"tags": ["thumbnail"], "execution": {}})
    nbformat.write(new_notebook(cells=[cell]), tmp_path / "a.ipynb")
    refresh.refresh(tmp_path / "a.ipynb")
    assert nbformat.read(tmp_path / "a.ipynb", as_version=4).cells[0].metadata == {"tags": ["thumbnail"]}


def test_headings_have_the_places_that_jupyter_gives_them_and_each_its_own():
    sections = []
    shown = [
        report.MarkdownWithMath(report.Markdown(sections, Path())).render(text)
        for text in ("## 1  *A* & $b$ (optional)", "## 1  *A* & $b$ (optional)")
    ]
    assert [section.place for section in sections] == ["1--A-&--(optional)", "1--A-&--(optional)-2"]
    assert shown[1].startswith('<h2 id="1--A-&amp;--(optional)-2">1  <em>A</em> &amp; <svg')
    assert shown[1].endswith('</svg> <span class="optional">optional</span></h2>\n')


def test_index_lists_what_has_not_been_run(tmp_path):
    nbformat.write(new_notebook(cells=[new_markdown_cell("# A lesson")]), tmp_path / "a.ipynb")
    (tmp_path / "reports").mkdir()
    index.index(tmp_path / "reports", [tmp_path / "a.ipynb"], "toy")
    assert "This notebook has not been run." in (tmp_path / "reports" / "index.html").read_text()


def test_the_words_of_the_course_have_a_page_of_their_own(tmp_path):
    lessons, reports = tmp_path / "lessons", tmp_path / "reports"
    for folder in (lessons, reports):
        folder.mkdir()
    (lessons / report.GLOSSARY).write_text(
        "# Words\n\n## top-1 error\nMisses. Lesson [04](04_first.ipynb), a [word](#word).\n\n## word\nThis.\n"
    )
    text = "# First\n\nThe [top-1 error](GLOSSARY.md#top-1-error)."
    executed = new_notebook(
        cells=[new_markdown_cell(text)], metadata={"papermill": {"input_path": str(lessons / "04_first.ipynb")}}
    )
    nbformat.write(executed, reports / "04_first.ipynb")
    report.page(reports / "04_first.ipynb", ["04_first"])
    assert "GLOSSARY.html#top-1-error" in Page(reports / "04_first.html").links
    words = Page(reports / "GLOSSARY.html")
    assert {"04_first.html", "#word", "index.html"} <= set(words.links)
    assert 'id="top-1-error"' in (reports / "GLOSSARY.html").read_text(encoding="utf-8")
    assert sorted(path.name for path in reports.iterdir()) == ["04_first.html", "04_first.ipynb", "GLOSSARY.html"]


@pytest.mark.parametrize(
    ("given", "told"),
    [({"world": "toy"}, False), ({"seed": 7}, False), ({"world": "folder:x"}, True), ({"network": "torchvision:alexnet"}, True)],
)
def test_a_page_about_another_world_or_network_says_what_its_text_was_written_for(tmp_path, given, told):
    injected = new_code_cell("# Parameters", metadata={"tags": ["injected-parameters"]}, execution_count=1)
    notebook = new_notebook(cells=[new_markdown_cell("# First"), injected], metadata={"papermill": {"parameters": given}})
    nbformat.write(notebook, tmp_path / "a.ipynb")
    text = report.page(tmp_path / "a.ipynb", ["a"]).read_text(encoding="utf-8")
    assert ("was written for the world <code>toy</code>" in text) is told
