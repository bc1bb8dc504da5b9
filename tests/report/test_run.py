"""The batch run through its real commands: `make` in a small project, with small notebooks of its own."""

import html
import os
import re
import shlex
import shutil
import stat
import subprocess
import sys
import tomllib
from pathlib import Path

import nbformat
import psutil
import pytest
from nbformat.v4 import new_code_cell, new_markdown_cell, new_notebook
from packaging.requirements import Requirement
from PIL import Image

from zfhelpers.report import run

ROOT = Path(__file__).resolve().parents[2]
ALT = 'A dog\'s nose, seen > once & "well".'
ODD = """-it's 100% {x} {{y}} #2, $HOME $(id) `id` "no" #: ~ [z] \\n é 1e3"""  # something for everything it goes through
TITLED, SHOWN = 'world = "toy"\nout_dir = ""\ntitle = ""', ("print(ascii(world))", "print(ascii(title))")
PIXEL = "iVBORw0KGgoAAAANSUhEUgAAAAEAAAABCAYAAAAfFcSJAAAADUlEQVR42mNk+M9QDwADhgGAWjR9awAAAABJRU5ErkJggg=="  # a PNG of one pixel
SHOW = f"""from html import escape
from IPython.display import HTML
HTML('<img alt="' + escape({ALT!r}) + '" src="data:image/png;base64,{PIXEL}">')"""
RECORD = """import json, pathlib
metrics = {"notebook": "01_first", "world": world, "measurements": [{"name": "top-1 error", "value": 17.6131}], "peak_mb": 99999}
pathlib.Path(out_dir, "metrics.json").write_text(json.dumps(metrics))"""


NETWORK = """from torch import nn
def build():
    parts = [part for i in range(5) for part in (nn.Conv2d(3 if i == 0 else 4, 4, 3, padding=1), nn.ReLU())]
    return nn.Sequential(*parts, nn.AdaptiveAvgPool2d(1), nn.Flatten(), nn.Linear(4, 2)), {"image_size": 32}
"""


def write(path: Path, *cells: str):
    """A notebook with parameters, and these cells."""
    parameters = new_code_cell('world = "toy"\nout_dir = ""\nseed = 0', metadata={"tags": ["parameters"]})
    kernel = {"kernelspec": {"name": "python3", "display_name": "Python 3", "language": "python"}}
    cells = [new_markdown_cell("# A lesson"), parameters, *map(new_code_cell, cells)]
    nbformat.write(new_notebook(cells=cells, metadata=kernel), path)


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
        assert "No notebook has a parameter 'seeed'; there are seed." in done.stderr
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
        listed = html.unescape((toy / "index.html").read_text())
        for part in ("This notebook failed in code cell 3", "ZeroDivisionError", ALT, "17.61", "97.7 GB"):
            assert part in listed

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

    @pytest.mark.parametrize("file", ["results/toy/table3.json", "checkpoints/toy/table3/zfnet-0.json"])
    def test_new_record_or_network_runs_a_notebook_again(self, project, file):
        before = times(project / "reports" / "toy")
        (project / "data" / file).parent.mkdir(parents=True)
        (project / "data" / file).write_text("{}")
        assert make(project, "report", "NOTEBOOKS=notebooks/02*.ipynb").returncode == 0
        assert "02_second.ipynb" in made_anew(before, times(project / "reports" / "toy"))

    def test_a_changed_file_in_a_room_runs_a_notebook_again_and_a_changed_template_only_its_page(self, project):
        report, second = project / "reports" / "toy", "NOTEBOOKS=notebooks/02*.ipynb"
        assert make(project, "report", second).returncode == 0
        for file, again in (
            ("toyworld/drawings/dogs.py", {"02_second.ipynb", "02_second/metrics.json", "02_second.html", "index.html"}),
            ("report/templates/style.css", {"02_second.html", "index.html"}),
        ):
            before = times(report)
            with open(project / "zfhelpers" / file, "a") as edited:
                edited.write("\n")
            assert make(project, "report", second).returncode == 0
            assert made_anew(before, times(report)) == again

    def test_the_last_lines_say_how_the_run_stands(self, project):
        said = make(project, "report", "NOTEBOOKS=notebooks/02*.ipynb").stdout.splitlines()
        lines = [line for line in said if not line.startswith("make")]  # its own "Leaving directory"
        assert lines[-4:] == [
            "1 of 1 notebooks ran.",
            "Nothing was left out for want of something.",
            "No numbers are on record for this world and network; everything was measured, nothing compared.",
            "The report: reports/toy/index.html",
        ]

    def test_a_parameter_that_another_notebook_has_runs_only_that(self, project):
        write(project / "notebooks" / "02_second.ipynb", "print(world, out_dir, seed)")
        write(project / "notebooks" / "04_fourth.ipynb", "print('shade', shade)")
        fourth = nbformat.read(project / "notebooks" / "04_fourth.ipynb", as_version=4)
        fourth.cells[1].source += '\nshade = "007"'
        nbformat.write(fourth, project / "notebooks" / "04_fourth.ipynb")
        both = "NOTEBOOKS=notebooks/0[24]*.ipynb"
        assert make(project, "report", both).returncode == 0
        before = times(project / "reports" / "toy")
        assert make(project, "report", both, "PARAMS=-p shade 010").returncode == 0
        again = made_anew(before, times(project / "reports" / "toy"))
        assert again == {"04_fourth.ipynb", "04_fourth/metrics.json", "04_fourth.html", "index.html"}
        assert "shade 010" in (project / "reports" / "toy" / "04_fourth.ipynb").read_text()
        (project / "notebooks" / "04_fourth.ipynb").unlink()

    def test_parameters_reach_the_notebook(self, project):
        notebooks = "NOTEBOOKS=notebooks/02*.ipynb"
        assert make(project, "report", notebooks, "PARAMS=-p seed 31").returncode == 0
        assert "toy ../reports/toy/02_second 31" in (project / "reports" / "toy" / "02_second.ipynb").read_text()

    def test_broken_notebook_leaves_no_page_of_its_better_days(self, project):
        write(project / "notebooks" / "01_first.ipynb", "import os, signal\nos.kill(os.getpid(), signal.SIGKILL)")
        done = make(project, "report", "NOTEBOOKS=notebooks/01*.ipynb")
        assert done.returncode != 0
        assert "01_first.ipynb failed in code cell 2, which did not finish: DeadKernelError: Kernel died." in done.stderr
        assert not list((project / "reports" / "toy").glob("01_first.*"))

    def test_settings_reach_the_notebook_as_they_were_typed(self, project):
        """Through make, the shell, snakemake, the shell again, and papermill; the world as far as its check."""
        write(project / "notebooks" / "05 fifth #.ipynb", *SHOWN)
        fifth = nbformat.read(project / "notebooks" / "05 fifth #.ipynb", as_version=4)
        fifth.cells[1].source = TITLED
        nbformat.write(fifth, project / "notebooks" / "05 fifth #.ipynb")
        fifth, world = "NOTEBOOKS=notebooks/05*.ipynb", f"folder:{project}/{ODD}"
        assert f"There is no folder {f'{project}/{ODD}/train'!r}" in make(project, "report", fifth, f"WORLD={world}").stderr
        done = make(project, "report", fifth, f"PARAMS=-p title {shlex.quote(ODD)}")
        assert done.returncode == 0, done.stderr
        said = nbformat.read(project / "reports" / "toy" / "05 fifth #.ipynb", as_version=4)
        assert [output.text.strip() for cell in said.cells for output in cell.get("outputs", [])] == ["'toy'", ascii(ODD)]
        run.run(project / "notebooks" / "05 fifth #.ipynb", project / "reports" / "odd", world)
        said = nbformat.read(project / "reports" / "odd" / "05 fifth #.ipynb", as_version=4)
        assert [output.text.strip() for cell in said.cells for output in cell.get("outputs", [])] == [ascii(world), "''"]
        (project / "notebooks" / "05 fifth #.ipynb").unlink()

    def test_another_network_reaches_the_notebook_and_has_a_report_of_its_own(self, project):
        """By a name that is relative to where make is called; a mistake is a sentence before anything runs."""
        for split in ("train", "val"):
            (project / "photos" / split / "cups").mkdir(parents=True)
            Image.new("RGB", (50, 50)).save(project / "photos" / split / "cups" / "a.png")
        (project / "net.py").write_text(NETWORK)
        write(project / "notebooks" / "06_sixth.ipynb", "print(network)")
        asked = "report", "NOTEBOOKS=notebooks/06*.ipynb", f"WORLD=folder:{project}/photos"
        done = make(project, *asked, "NETWORK=net.py:build")
        assert done.returncode != 0
        assert "06_sixth.ipynb has no parameter 'network'; it has world, out_dir, seed. Nothing was run." in done.stderr
        sixth = nbformat.read(project / "notebooks" / "06_sixth.ipynb", as_version=4)
        sixth.cells[1].source += '\nnetwork = "zfnet"'
        nbformat.write(sixth, project / "notebooks" / "06_sixth.ipynb")
        assert "net.py' has no function 'bild'; it has build." in make(project, *asked, "NETWORK=net.py:bild").stderr
        done = make(project, *asked, "NETWORK=net.py:build")
        assert done.returncode == 0, done.stderr
        (reports,) = (project / "reports").glob("folder--*--*net.py-build*")
        assert f"{project}/net.py:build" in (reports / "06_sixth.ipynb").read_text()
        assert "net.py:build" in (reports / "index.html").read_text()
        assert f"The report: reports/{reports.name}/index.html" in done.stdout
        (project / "notebooks" / "06_sixth.ipynb").unlink()

    def test_a_changed_snakefile_is_the_one_that_runs(self, project):
        kept = (project / "Snakefile").read_text()
        (project / "Snakefile").write_text(kept + '\nsys.exit("This is another Snakefile.")\n')
        assert "This is another Snakefile." in make(project, "report").stderr
        (project / "Snakefile").write_text(kept)


def test_endless_cell_is_stopped_and_named(tmp_path, monkeypatch):
    monkeypatch.setattr(run, "CELL_TIMEOUT", 2)
    write(tmp_path / "a.ipynb", "x = 1", "import time\ntime.sleep(600)")
    with pytest.raises(RuntimeError, match=r"a.ipynb failed in code cell 3, line 2, .* after 2 seconds"):
        run.run(tmp_path / "a.ipynb", tmp_path / "reports", "toy")
    assert not (tmp_path / "reports" / "a.ipynb").exists()


def test_a_kernel_keeps_its_memory_unless_we_are_told_otherwise(tmp_path, monkeypatch):
    monkeypatch.delenv("MALLOC_TRIM_THRESHOLD_", raising=False)
    monkeypatch.setenv("MALLOC_MMAP_THRESHOLD_", "1234567")
    write(tmp_path / "a.ipynb", "import os\nprint(*(os.environ[f'MALLOC_{what}_THRESHOLD_'] for what in ('MMAP', 'TRIM')))")
    run.run(tmp_path / "a.ipynb", tmp_path / "reports", "toy")
    assert "1234567 2147483648" in (tmp_path / "reports" / "a.ipynb").read_text()


def test_a_notebook_is_written_when_it_ends_and_not_for_each_cell(tmp_path):
    seen = "import json, pathlib\ncells = json.loads(pathlib.Path(out_dir, 'running.ipynb').read_text())['cells']"
    write(tmp_path / "a.ipynb", "print('first')", f"{seen}\nprint({{cell['metadata']['papermill']['status'] for cell in cells}})")
    run.run(tmp_path / "a.ipynb", tmp_path / "reports", "toy")
    done = nbformat.read(tmp_path / "reports" / "a.ipynb", as_version=4)
    assert [output.text for cell in done.cells for output in cell.get("outputs", [])] == ["first\n", "{'pending'}\n"]
    assert {cell.metadata.papermill.status for cell in done.cells} == {"completed"}


@pytest.mark.skipif(not sys.platform.startswith("linux"), reason="only Linux says what processes share")
def test_what_a_fork_shares_counts_once():
    hold = "x = bytes(range(256)) * 800_000; import os, time; os.fork(); print(flush=True); time.sleep(60)"  # 205 MB
    with psutil.Popen([sys.executable, "-c", hold], stdout=subprocess.PIPE) as parent:
        try:
            for _ in range(2):  # both have it
                parent.stdout.readline()
            both = [parent, *parent.children()]
            assert sum(one.memory_info().rss for one in both) > 400e6
            assert 205e6 < sum(map(run._memory, both)) < 300e6
        finally:
            for one in (*parent.children(), parent):
                one.kill()


# ------------------------------------------------------------------------------------------------------- what check refuses


def test_check_names_what_there_is(tmp_path):
    write(tmp_path / "a.ipynb")
    for world, parameters, message in (
        ("tyo", [], "no world 'tyo'"),
        ("folder:nowhere", [], "no folder '.*nowhere"),
        ("toy", [("sed", "3")], "No notebook has a parameter 'sed'; there are seed"),
        ("toy", [("seed", "three")], "seed of a.ipynb is a whole number, not 'three'"),
        ("toy", [("seed", "3.5")], "seed of a.ipynb is a whole number, not '3.5'"),
        ("toy", [("world", "x")], "follows from WORLD"),
        ("toy", [("network", "x")], "follows from WORLD or NETWORK"),
    ):
        with pytest.raises((ValueError, FileNotFoundError), match=message):
            run.check([tmp_path / "a.ipynb"], world, parameters)
    (tmp_path / "b.ipynb").write_text("{")
    with pytest.raises(ValueError, match=r"b\.ipynb cannot be run: "):
        run.check([tmp_path / "b.ipynb"], "toy")
    with pytest.raises(ValueError, match="no notebooks"):
        run.check([], "toy")


def test_check_misses_photographs(tmp_path, monkeypatch):
    monkeypatch.setenv("ZF_DATA", str(tmp_path))
    write(tmp_path / "a.ipynb")
    with pytest.raises(FileNotFoundError, match="Imagenette is not in"):
        run.check([tmp_path / "a.ipynb"], "imagenette")


def test_plain_errors_of_the_command_line(tmp_path, capsys):
    assert run.main(["check", str(tmp_path / "none.ipynb"), "--world", "toy"]) == 1
    assert capsys.readouterr().err == f"There is no notebook {str(tmp_path / 'none.ipynb')!r}. Nothing was run.\n"


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
