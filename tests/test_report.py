"""The batch run and the report through their real commands: `make report` in a small project with small notebooks of its own."""

import html.parser
import json
import os
import re
import shutil
import stat
import subprocess
import sys
import tomllib
from pathlib import Path

import nbformat
import pytest
from nbformat.v4 import new_code_cell, new_markdown_cell, new_notebook, new_output
from packaging.requirements import Requirement

from zfhelpers import batch, report

ROOT = Path(__file__).resolve().parent.parent
ALT = "A dog's nose, seen > once & \"well\"."
PIXEL = "iVBORw0KGgoAAAANSUhEUgAAAAEAAAABCAYAAAAfFcSJAAAADUlEQVR42mNk+M9QDwADhgGAWjR9awAAAABJRU5ErkJggg=="  # a PNG of one pixel
SHOW = f"""from html import escape
from IPython.display import HTML
HTML('<img alt="' + escape({ALT!r}) + '" src="data:image/png;base64,{PIXEL}">')"""
RECORD = """import json, pathlib
numbers = [{"name": "top-1 error", "value": 0.17613, "reference": 0.18, "tolerance": 0.02, "paper": 0.384, "unit": None,
            "holds": True, "note": "single crop", "interval": [0.151, 0.199]}, {"name": "bare", "value": 7.0}]
pathlib.Path(out_dir, "metrics.json").write_text(json.dumps({"notebook": "x", "world": world, "measurements": numbers}))"""


def write(path: Path, *cells: str, title: str = "A lesson\n\nFig. 7, Table 1."):
    """A notebook with parameters and these cells: code, or markdown if it starts with a heading."""
    parameters = new_code_cell('world = "toy"\nout_dir = ""\nseed = 0', metadata={"tags": ["parameters"]})
    kernel = {"kernelspec": {"name": "python3", "display_name": "Python 3", "language": "python"}}
    more = [new_markdown_cell(cell) if cell.startswith("#") else new_code_cell(cell) for cell in cells]
    nbformat.write(new_notebook(cells=[new_markdown_cell(f"# {title}"), parameters, *more], metadata=kernel), path)


@pytest.fixture(scope="module")
def project(tmp_path_factory):
    """A folder in which `make report` works: our Makefile, Snakefile and package, and other notebooks."""
    folder = tmp_path_factory.mktemp("project")
    for name in ("Makefile", "Snakefile", "requirements.lock"):
        shutil.copy(ROOT / name, folder)
    shutil.copytree(ROOT / "zfhelpers", folder / "zfhelpers", ignore=shutil.ignore_patterns("__pycache__"))
    (folder / "notebooks").mkdir()
    return folder


def make(folder: Path, *words: str) -> subprocess.CompletedProcess:
    """`make` with the environment that the tests already run in."""
    environment = {key: value for key, value in os.environ.items() if key not in ("MAKEFLAGS", "MAKELEVEL", "MFLAGS")}
    command = ["make", "-C", str(folder), f"RUN={sys.executable}", "STAMP=", *words]
    return subprocess.run(command, env=environment, capture_output=True, text=True)


def times(folder: Path) -> dict[str, int]:
    """When each file of the report was made."""
    return {str(path.relative_to(folder)): path.stat().st_mtime_ns for path in folder.rglob("*") if path.is_file()}


def made_anew(before: dict[str, int], after: dict[str, int]) -> set[str]:
    return {path for path, time in after.items() if before.get(path) != time}


# ------------------------------------------------------------------------------------- one story, told in order: make report


class TestMakeReport:
    def test_unknown_parameter_is_refused_before_anything_runs(self, project):
        write(project / "notebooks" / "01_first.ipynb", SHOW, RECORD)
        done = make(project, "report", "PARAMS=-p seeed 3")
        assert done.returncode != 0
        assert "no parameter 'seeed'; it has world, out_dir, seed" in done.stderr
        assert not (project / "reports").exists()

    def test_failing_notebook_fails_the_command_and_nothing_else(self, project):
        write(project / "notebooks" / "02_second.ipynb", "print(world, out_dir, seed)")
        cells = "print('so far')", "def f(x):\n    return 1 / x\n\nf(seed)", "print('never')"
        write(project / "notebooks" / "03_third.ipynb", *cells)
        done = make(project, "report", "JOBS=2")
        toy = project / "reports" / "toy"
        sentence = "notebooks/03_third.ipynb failed in code cell 3, line 4, `f(seed)`: ZeroDivisionError: division by zero."
        assert done.returncode != 0
        assert sentence in done.stderr
        assert "reports/toy/failed/03_third.ipynb" in done.stderr
        assert (toy / "01_first.html").exists()
        assert (toy / "02_second.html").exists()
        assert not list(toy.glob("03_third*/*.ipynb")) + list(toy.glob("03_third.*"))
        assert "so far" in (toy / "failed" / "03_third.ipynb").read_text()
        assert "so far" in (toy / "failed" / "03_third.html").read_text()
        listed = (toy / "index.html").read_text()
        assert "This notebook failed in code cell 3" in listed
        assert "ZeroDivisionError" in listed

    def test_mended_notebook_runs_with_the_index_and_without_the_others(self, project):
        toy = project / "reports" / "toy"
        before = times(toy)
        write(project / "notebooks" / "03_third.ipynb", "print('so far, so good')")
        done = make(project, "report")
        assert done.returncode == 0, done.stderr
        assert made_anew(before, times(toy)) == {"03_third.ipynb", "03_third.html", "03_third/metrics.json", "index.html"}
        assert not list((toy / "failed").iterdir())
        assert "failed" not in re.sub(r"<style>.*?</style>", "", (toy / "index.html").read_text(), flags=re.DOTALL)

    def test_second_run_does_nothing(self, project):
        before = times(project / "reports")
        done = make(project, "report")
        assert done.returncode == 0
        assert times(project / "reports") == before

    def test_touched_notebook_runs_with_the_index_alone(self, project):
        before = times(project / "reports" / "toy")
        os.utime(project / "notebooks" / "02_second.ipynb")
        assert make(project, "report").returncode == 0
        again = made_anew(before, times(project / "reports" / "toy"))
        assert again == {"02_second.ipynb", "02_second.html", "02_second/metrics.json", "index.html"}

    def test_parameters_reach_the_notebook(self, project):
        notebooks = "NOTEBOOKS=notebooks/02*.ipynb"
        assert make(project, "report", notebooks, "PARAMS=-p seed 31").returncode == 0
        assert "toy ../reports/toy/02_second 31" in (project / "reports" / "toy" / "02_second.ipynb").read_text()

    def test_broken_notebook_leaves_no_page_of_its_better_days(self, project):
        write(project / "notebooks" / "01_first.ipynb", "import os, signal\nos.kill(os.getpid(), signal.SIGKILL)")
        done = make(project, "report", "NOTEBOOKS=notebooks/01*.ipynb")
        assert done.returncode != 0
        assert "notebooks/01_first.ipynb failed in code cell 2" in done.stderr
        assert not list((project / "reports" / "toy").glob("01_first.*"))


# ------------------------------------------------------------------------------------------------------- what check refuses


def test_check_names_what_there_is(tmp_path):
    write(tmp_path / "a.ipynb")
    for world, parameters, message in (("tyo", [], "no world 'tyo'"), ("folder:nowhere", [], "no folder '.*nowhere"),
                                       ("toy", [("sed", "3")], "no parameter 'sed'; it has world, out_dir, seed"),
                                       ("toy", [("world", "x")], "follows from WORLD")):
        with pytest.raises((ValueError, FileNotFoundError), match=message):
            batch.check([tmp_path / "a.ipynb"], world, parameters)
    with pytest.raises(ValueError, match="no notebooks"):
        batch.check([], "toy")


def test_check_misses_photographs(tmp_path, monkeypatch):
    monkeypatch.setenv("ZF_DATA", str(tmp_path))
    write(tmp_path / "a.ipynb")
    with pytest.raises(FileNotFoundError, match="Imagenette is not in"):
        batch.check([tmp_path / "a.ipynb"], "imagenette")


def test_plain_errors_of_the_command_line(tmp_path, capsys):
    assert batch.main(["check", str(tmp_path / "none.ipynb"), "--world", "toy"]) == 1
    assert capsys.readouterr().err == f"There is no notebook {str(tmp_path / 'none.ipynb')!r}. Nothing was run.\n"


# ---------------------------------------------------------------------------------------------------------------- the pages


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

Figure 2, Table 3 and section 2.1; Fig. 2.

Later Fig. 9, $a < b^2$ and $$\begin{aligned}c &= 1 \\ d &= \sqrt{2}\end{aligned}$$

[next](05_second.ipynb#there), [the model](../zfhelpers/model.py), [abroad](https://example.org/)

<details><summary>Answer</summary>

**Folded.**

</details>
"""
MEASUREMENTS = [
    {"name": "error", "value": 17.6131, "reference": 18, "tolerance": 2, "paper": "16.5", "unit": "%", "holds": True,
     "interval": [15.123, 19.9], "note": "one crop"},
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
    view = new_output("display_data", data={"application/vnd.jupyter.widget-view+json": {"model_id": "1"}, "image/png": PIXEL,
                                            "text/plain": 'A "slider" at 3'})
    first = new_notebook(cells=[new_markdown_cell(TEXT), new_code_cell("x < 1", outputs=[picture, view])],
                         metadata={"papermill": {"input_path": str(notebooks / "04_first.ipynb")}, "widgets": {"state": {}}})
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
    assert re.search(r"<details><summary>Answer</summary>\s*<p><strong>Folded.</strong></p>\s*</details>", text)


def test_links_stay_in_the_report_and_find_the_project(pages):
    links = Page(pages / "04_first.html").links
    assert links.count("05_second.html") == 2
    assert {"index.html", "05_second.html#there", "../../zfhelpers/model.py", "https://example.org/"} < set(links)


def test_index_holds_numbers_pictures_and_costs(pages):
    text = (pages / "index.html").read_text()
    assert Page(pages / "index.html").alts == ["A nose"]
    for part in ("The first", "Fig. 2, Table 3, sec. 2.1<", "error, %", "17.61", "18 ± 2", "16.5", "[15.12, 19.9]", "one crop",
                 "at least 80", "holds", "fails", "1 min 15 s", "1.5 GB", 'href="04_first.html"'):
        assert part in text, part
    assert "Fig. 9" not in text


def test_index_lists_what_has_not_been_run(tmp_path):
    write(tmp_path / "a.ipynb")
    (tmp_path / "reports").mkdir()
    report.index(tmp_path / "reports", [tmp_path / "a.ipynb"], "toy")
    assert "This notebook has not been run." in (tmp_path / "reports" / "index.html").read_text()


# ------------------------------------------------------------------------------------------------------------ the install


def old_python(folder: Path, script: str) -> str:
    path = folder / "python-for-make"
    path.write_text(f"#!/bin/sh\n{script}\n")
    path.chmod(path.stat().st_mode | stat.S_IXUSR)
    return str(path)


def install(folder: Path, python: str) -> subprocess.CompletedProcess:
    for name in ("Makefile", "requirements.lock", "pyproject.toml"):
        shutil.copy(ROOT / name, folder)
    return subprocess.run(["make", "-C", str(folder), "install", f"PYTHON={python}"], capture_output=True, text=True)


def test_old_python_is_refused_in_one_sentence(tmp_path):
    done = install(tmp_path, old_python(tmp_path, 'test "$1" = --version && echo Python 3.9.2; test "$1" = --version'))
    assert done.returncode != 0
    assert "needs Python 3.11 or newer, and" in done.stderr
    assert "is Python 3.9.2" in done.stderr
    assert not (tmp_path / ".venv").exists()


def test_missing_python_is_refused_in_one_sentence(tmp_path):
    assert "There is no 'python-of-dreams' here" in install(tmp_path, "python-of-dreams").stderr


def test_interrupted_install_is_not_taken_for_done(tmp_path):
    makes_a_failing_one = 'mkdir -p .venv/bin; printf "#!/bin/sh\\nexit 1" > .venv/bin/python; chmod +x .venv/bin/python'
    script = f'test "$2" = venv && {{ {makes_a_failing_one}; }}; exit 0'
    done = install(tmp_path, old_python(tmp_path, script))
    assert done.returncode != 0
    assert (tmp_path / ".venv").exists()
    assert not (tmp_path / ".venv" / ".installed").exists()


def requirements(text: str) -> dict[str, Requirement]:
    lines = (line.partition("#")[0].strip() for line in text.splitlines())
    return {requirement.name.lower(): requirement for requirement in map(Requirement, filter(None, lines))}


def test_lock_lies_within_the_ranges_and_the_package_asks_for_nothing_else():
    locked, ranges = (requirements((ROOT / name).read_text()) for name in ("requirements.lock", "requirements.txt"))
    package = requirements("\n".join(tomllib.loads((ROOT / "pyproject.toml").read_text())["project"]["dependencies"]))
    for name, requirement in ranges.items():
        (pin,) = locked[name].specifier
        assert pin.operator == "=="
        assert requirement.specifier.contains(pin.version), name
    assert all(requirement.specifier == ranges[name].specifier for name, requirement in package.items())
