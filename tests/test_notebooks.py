"""What every notebook must be, and a proof that the comparison of notebooks with their stored outputs can fail.

The comparison itself is nbval's, in the same pytest run; here is what nbval lets pass.
"""

import ast
import html
import html.parser
import io
import itertools
import os
import re
import subprocess
import sys
import tokenize
import xml.etree.ElementTree as ElementTree
from pathlib import Path

import nbformat
import pytest
from nbformat.v4 import new_code_cell, new_markdown_cell, new_notebook, new_output

from zfhelpers.files import project_dir
from zfhelpers.paper.expectations import Record, read_expected, summarise, write_expected
from zfhelpers.report import run

ROOT = Path(__file__).resolve().parents[1]
NOTEBOOKS = sorted((ROOT / "notebooks").glob("*.ipynb"))
every_notebook = pytest.mark.parametrize("path", NOTEBOOKS, ids=lambda path: path.stem)

LARGEST = 1_000_000  # bytes
LONGEST = 10  # lines of a function
CELL, WIDTH = 15, 88  # lines of a cell that are not blank; letters of a line
PAPER, BEYOND = 2000, 150  # lines of code in lessons 00 to 12 together, and in each of those beyond the paper
HANGING_WIDGETS = {"interact", "interactive", "interactive_output", "Output"}
EXCUSES = {"NBVAL_SKIP", "NBVAL_IGNORE_OUTPUT", "NBVAL_RAISES_EXCEPTION", "nbval-skip", "nbval-ignore-output", "raises-exception"}
GENERATED = ("data/downloads", "data/cache")
BOUNDS = re.compile(r"\(within ±|\bat (?:least|most)\b")  # what was expected, where what was measured should stand


def test_there_are_notebooks():
    assert NOTEBOOKS


@every_notebook
def test_notebook_is_fit_to_be_committed(path):
    assert path.stat().st_size < LARGEST
    assert complaints(nbformat.read(path, as_version=4), path.parent) == []


def complaints(notebook, folder: Path) -> list[str]:
    """What is wrong with a notebook in `folder`, empty if nothing is."""
    codes = [cell for cell in notebook.cells if cell.cell_type == "code"]
    found = []
    if [cell.execution_count for cell in codes] != list(range(1, len(codes) + 1)):
        found.append("not executed in order from 1")
    if notebook.metadata.get("kernelspec", {}).get("name") != "python3":
        found.append("does not name its kernel, python3")
    if "widgets" in notebook.metadata:
        found.append("keeps the state of widgets")
    marked = [cell for cell in codes if "parameters" in cell.metadata.get("tags", [])]
    names = {target.id for cell in marked for node in ast.walk(ast.parse(cell.source)) for target in getattr(node, "targets", [])}
    if len(marked) != 1 or not {"world", "out_dir"} <= names:
        found.append("lacks the one parameters cell that defines world and out_dir")
    for number, cell in enumerate(codes, 1):
        found += [f"code cell {number}: {what}" for what in [*source_complaints(cell), *output_complaints(cell)]]
    for cell in notebook.cells:
        if cell.cell_type == "markdown":
            found += [f"an image without alt text: {image}" for image in images_without_alt(cell.source)]
            found += [f"an image without alt text: {image}" for image in re.findall(r"!\[\s*\]\([^)]*\)", cell.source)]
        found += [f"names {name}, which is not there" for name in missing_files(cell.source, folder)]
        found += [f"names a place on one machine: {place}" for place in machine_paths(cell.source + outputs_as_text(cell))]
    return found


def code_lines(cell) -> list[str]:
    """The lines of a code cell that are not blank."""
    return [line for line in cell.source.splitlines() if line.strip()]


def code_length(path: Path) -> int:
    """Lines of code in a notebook."""
    return sum(len(code_lines(cell)) for cell in nbformat.read(path, as_version=4).cells if cell.cell_type == "code")


def test_the_course_stays_short():
    assert sum(code_length(path) for path in NOTEBOOKS if path.stem < "13") <= PAPER
    assert [path.stem for path in NOTEBOOKS if path.stem >= "13" and code_length(path) > BEYOND] == []


def source_complaints(cell) -> list[str]:
    try:
        tree = ast.parse(cell.source)
    except SyntaxError as error:
        return [f"is not plain Python (a magic?): {error.text}"]
    found = []
    used = {node.id for node in ast.walk(tree) if isinstance(node, ast.Name)}
    used |= {node.attr for node in ast.walk(tree) if isinstance(node, ast.Attribute)}
    used |= {node.name for node in ast.walk(tree) if isinstance(node, ast.alias)}
    found += [f"uses {name}, which hangs papermill" for name in used & HANGING_WIDGETS]
    if (lines := len(code_lines(cell))) > CELL:
        found.append(f"has {lines} lines, more than {CELL}")
    if wide := [line for line in cell.source.splitlines() if len(line) > WIDTH]:
        found.append(f"has lines of more than {WIDTH} letters: {wide}")
    for node in ast.walk(tree):
        if isinstance(node, ast.FunctionDef | ast.AsyncFunctionDef) and node.end_lineno - node.lineno >= LONGEST:
            found.append(f"function {node.name} has more than {LONGEST} lines")
    tokens = [one for one in tokenize.generate_tokens(io.StringIO(cell.source).readline) if one.type != tokenize.COMMENT]
    if any(one.string == ";" and after.type in (tokenize.NEWLINE, tokenize.NL) for one, after in itertools.pairwise(tokens)):
        found.append("ends a line with ';'")
    if any(isinstance(node, ast.Assert) for node in ast.walk(tree)):
        found.append("asserts: a lesson goes on, tests hold its numbers")
    words = {*re.findall(r"\w+", cell.source), *cell.metadata.get("tags", [])}
    return found + [f"is kept from comparison by {word}" for word in words & EXCUSES]


def output_complaints(cell) -> list[str]:
    found = []
    for output in cell.outputs:
        data = output.get("data", {})
        if output.output_type == "error":
            found.append(f"stores an error, {output.ename}")
        found += [f"shows an image without alt text: {image}" for image in images_without_alt(data.get("text/html", ""))]
        text = data.get("text/plain", "").strip()
        if BOUNDS.search(output.get("text", "") + data.get("text/plain", "")):
            found.append("shows a bound in place of what was measured")
        if "image/png" in data and "text/html" not in data and (not text or text.startswith("<Figure size")):
            found.append("shows a picture that nothing describes")
    return found


def images_without_alt(text: str) -> list[str]:
    found = []

    class Images(html.parser.HTMLParser):
        def handle_starttag(self, tag, attributes):
            if tag == "img" and not (dict(attributes).get("alt") or "").strip():
                found.append(self.get_starttag_text()[:80])

    Images().feed(text)
    return found


def missing_files(text: str, folder: Path) -> list[str]:
    """Links, paths of this project and names of notebooks in a text that lead nowhere."""
    links = [target.partition("#")[0] for target in re.findall(r"\]\((?![a-z]+:|#)([^)\s]+)", text)]
    missing = [link for link in links if not (folder / link).exists()]
    for name in re.findall(r"(?<![\w/.])(?:zfhelpers|notebooks|tests|data)/[\w./-]*\w", text):
        if not name.startswith(GENERATED) and not (ROOT / name).exists():
            missing.append(name)
    stems = {path.stem for path in folder.glob("*.ipynb")}
    return missing + [name for name in re.findall(r"(?<![\w/])\d\d_[a-z]\w+", text) if name not in stems]


def machine_paths(text: str) -> list[str]:
    return re.findall(r"(?<![\w.:/])/(?:home|root|tmp|work|Users|mnt|opt|var)/[\w.-]+|\b[A-Z]:\\\\?Users", text)


def outputs_as_text(cell) -> str:
    kinds = [
        output.get("text", "") + output.get("data", {}).get("text/plain", "") + output.get("data", {}).get("text/html", "")
        for output in cell.get("outputs", [])
    ]
    return re.sub(r"base64,[A-Za-z0-9+/=]+", "", "\n".join(kinds))


# --------------------------------------------------------------------------------------------- the gates themselves can fail


def executed(*cells, **metadata):
    """A notebook that passes every gate, with more cells: markdown text, or code as (source, outputs)."""
    parameters = new_code_cell('world = "toy"\nout_dir = ""', metadata={"tags": ["parameters"]}, execution_count=1)
    metadata = {"kernelspec": {"name": "python3", "display_name": "Python 3"}} | metadata
    notebook = new_notebook(cells=[new_markdown_cell("# A notebook"), parameters], metadata=metadata)
    for cell in cells:
        count = sum(one.cell_type == "code" for one in notebook.cells) + 1
        notebook.cells.append(
            new_markdown_cell(cell)
            if isinstance(cell, str)
            else new_code_cell(cell[0], outputs=list(cell[1:]), execution_count=count)
        )
    return notebook


def shown(**data):
    return new_output("display_data", data={key.replace("_", "/"): value for key, value in data.items()})


GOOD = (
    "See [the package](../zfhelpers/model.py), `zfhelpers/report/run.py` and data/cache/x. ![A dog.](../LICENSE)",
    (
        "def half(x):\n    return x / 2  # a comment; with a semicolon\n\n\nhalf(3)",
        shown(text_plain="1.5"),
        shown(text_html='<img alt="A dog" src="data:,">', text_plain="<Picture: A dog>"),
    ),
)

BAD = {
    "magic": ("%matplotlib inline",),
    "semicolon": ("x = 1;",),
    "interact": ("from ipywidgets import interact",),
    "Output": ("import ipywidgets as w\nw.Output()",),
    "long function": ("def f(x):\n" + "    x += 1\n" * 10,),
    "long cell": ("x = 1\n" * 16,),
    "long line": (f"x = {'1' * 85}",),
    "excuse": ("# NBVAL_IGNORE_OUTPUT\nprint(1)",),
    "error": ("1 / 0", new_output("error", ename="ZeroDivisionError", evalue="", traceback=[])),
    "image without alt": ("x", shown(text_html='<p><img src="data:,"></p>', text_plain="<Picture>")),
    "image with empty alt": ("x", shown(text_html='<img alt=" " src="data:,">', text_plain="<Picture>")),
    "assertion": ("x = 1\nassert x",),
    "bound": ("x", new_output("stream", name="stdout", text="pointing: at least 80 %")),
    "undescribed figure": ("x", shown(image_png="AAAA", text_plain="<Figure size 640x480 with 1 Axes>")),
    "place on a machine": ("x", new_output("stream", name="stdout", text="read /Users/me/data")),
    "markdown image without alt": "![](../LICENSE)",
    "html image without alt": '<img src="x.png">',
    "dead link": "[there](nowhere.md)",
    "dead path": "as in `zfhelpers/nowhere.py`",
    "no such notebook": "see 99_nowhere",
}


def test_gates_let_a_good_notebook_pass(tmp_path):
    assert complaints(executed(*GOOD), ROOT / "tests") == []


@pytest.mark.parametrize("cell", BAD.values(), ids=BAD)
def test_gates_stop_a_bad_cell(cell):
    assert len(complaints(executed(*GOOD, cell), ROOT / "tests")) == 1


def test_gates_stop_a_bad_notebook():
    skipped, unmarked, stateful, homeless = executed(*GOOD), executed(*GOOD), executed(*GOOD, widgets={}), executed(*GOOD)
    del homeless.metadata["kernelspec"]
    skipped.cells[-1].execution_count = 5
    unmarked.cells[1].metadata.clear()
    for bad in (skipped, unmarked, stateful, homeless):
        assert len(complaints(bad, ROOT / "tests")) == 1


# ------------------------------------------------------------------------------------------- the comparison itself can fail


def stored(line: str, printed: str | None = None):
    """A cell that prints a line, and what it is said to have printed."""
    output = new_output("stream", name="stdout", text=f"{line if printed is None else printed}\n")
    return new_code_cell(f"print({line!r})", outputs=[output], execution_count=1)


def mutations(line: str) -> list:
    """The cell that prints a line, as often as the line has numbers, each time with one of them stored wrongly."""
    starts = [number.start() for number in re.finditer(r"\d[\d.,]*", line)]
    return [stored(line, f"{line[:place]}{(int(line[place]) + 1) % 10}{line[place + 1 :]}") for place in starts]


def verdicts(cells, folder: Path) -> list[bool]:
    """Whether nbval lets each cell pass, run as 'make test' runs it."""
    nbformat.write(new_notebook(cells=cells), folder / "mutant.ipynb")
    command = [
        sys.executable,
        "-m",
        "pytest",
        "-c",
        "pyproject.toml",
        "--rootdir",
        str(folder),
        "-q",
        "-p",
        "conftest",
        "-p",
        "no:cacheprovider",
        "-p",
        "no:xdist",
        "--junitxml",
        str(folder / "verdicts.xml"),
        str(folder / "mutant.ipynb"),
    ]
    environment = {key: value for key, value in os.environ.items() if not key.startswith("PYTEST_")}
    done = subprocess.run(command, cwd=ROOT, env=environment, capture_output=True, text=True)
    tests = ElementTree.parse(folder / "verdicts.xml").findall(".//testcase")
    assert len(tests) == len(cells), done.stdout
    return [test.find("failure") is None for test in tests]


def test_comparison_sees_every_changed_number(tmp_path):
    lines = [
        "top-1 error: 18 %, the paper: 38.4 %",
        "parameters: 62,357,608",
        "(110, 110, 96) at 0.25 cycles/px, 50 px of 224",
    ]
    mutants = [mutant for line in lines for mutant in mutations(line)]
    seen = verdicts([*map(stored, lines), *mutants], tmp_path)
    assert all(seen[: len(lines)])
    assert [mutant.outputs[0].text for mutant, passed in zip(mutants, seen[len(lines) :], strict=True) if passed] == []


def test_comparison_overlooks_only_what_differs_between_machines(tmp_path):
    harmless = ["took 41 s, or 3.2 ms, or 5 min", "trained at 412 img/s", "made 2026-11-22 14:36", "torch 2.15.0, Python 3.11.7"]
    moved = stored("<object at 0x7f3a2b1c0d>", "<object at 0x7f00aa5590>")
    assert all(verdicts([moved, *(mutant for line in harmless for mutant in mutations(line))], tmp_path))


# ------------------------------------------------------------------------------------------ the numbers are held by a record


def measured_names(path: Path) -> list[str]:
    """Names of all numbers that a committed notebook shows in tables of what it measured."""
    names = {}
    for cell in nbformat.read(path, as_version=4).cells:
        for output in cell.get("outputs", []):
            text = output.get("data", {}).get("text/html", "")
            if '<th scope="col">here</th>' in text:
                rows = re.findall(r'<tr><th scope="row">(.*?)</th>', text)
                names |= dict.fromkeys(map(html.unescape, rows))
    return list(names)


@every_notebook
def test_every_measured_number_has_an_expectation(path):
    expected = read_expected(path.stem, "toy")
    assert expected
    assert set(expected) <= set(measured_names(path))


def measuring(value: float, folder: Path) -> list[bool]:
    """Whether nbval lets a notebook pass that measures 17.5 where `value` is expected: its two cells, the other one prints."""
    code = "import zfhelpers as zf\n_ = zf.begin('99_mutant', 'toy')\nzf.measure('error', 17.5, '%', paper=38.4)"
    table = new_output("display_data", data={"text/plain": "measured  the paper\nerror, %  38.4"})
    expected = project_dir() / "notebooks" / "expected" / "toy" / "99_mutant.json"
    try:
        write_expected(Record("99_mutant", "toy", numbers={"error": summarise({0: value, 1: value + 1.0}, "%")}))
        return verdicts([new_code_cell(code, outputs=[table], execution_count=1), stored("3 images")], folder)
    finally:
        expected.unlink(missing_ok=True)


def test_a_number_that_moved_fails_in_its_cell_and_nowhere_else(tmp_path):
    assert measuring(17.4, tmp_path) == [True, True]
    assert measuring(18.4, tmp_path) == [False, True]


# ------------------------------------------------------------------------------------------------------ figures are compared


def drawing(level: float, kept: float, **metadata):
    """A cell that draws a curve at a level, and keeps a figure of one at another."""
    code = """from zfhelpers import figures
figures.curves_figure({{"one": ([0, 1, 2], [0, {}, 1])}}, "step", "error (%)", alt="A curve.")"""
    names: dict[str, object] = {}
    first, last = code.format(kept).splitlines()
    exec(first, names)
    data = eval(last, names)._repr_mimebundle_()
    output = new_output("execute_result", data=data, execution_count=1)
    return new_code_cell(code.format(level), outputs=[output], execution_count=1, metadata=metadata)


def test_a_figure_of_other_data_fails_in_its_cell(tmp_path):
    moved, little = drawing(0.6, 0.5), drawing(0.5002, 0.5)
    excused = drawing(0.6, 0.5, tags=["does-not-repeat"])
    assert verdicts([drawing(0.5, 0.5), moved, little, excused], tmp_path) == [True, False, True, True]


def test_only_short_trainings_draw_what_does_not_repeat():
    for path in NOTEBOOKS:
        for cell in nbformat.read(path, as_version=4).cells:
            if "does-not-repeat" in cell.metadata.get("tags", []):
                assert path.stem == "03_training"
                assert re.search(r"\bruns\b|\brun\(", cell.source)


# ------------------------------------------------------------------------------------------------- on photographs


@every_notebook
def test_notebook_runs_on_photographs(path, tmp_path):
    folder = Path(os.environ.get("ZF_DATA") or ROOT / "data" / "downloads")
    if not (folder / "imagenette2-160").is_dir():
        pytest.skip("no photographs: 'make data' fetches Imagenette (95 MB), or set ZF_DATA to the folder of imagenette2-160")
    run.check([path], "imagenette")
    run.run(path, tmp_path, "imagenette")
    assert (tmp_path / path.name).exists()
