"""The house keeps its plan: a thin core, files that can be read, and imports that point down."""

import re
import shutil
import subprocess
import sys
from pathlib import Path

import pytest

from zfhelpers.files import project_dir

PACKAGE = project_dir() / "zfhelpers"
FILES = sorted(path.relative_to(PACKAGE) for path in PACKAGE.rglob("*.py"))
LINT = str(Path(sys.executable).with_name("lint-imports"))


def test_the_core_is_thin():
    assert len([path for path in PACKAGE.glob("*.py") if path.stem != "__init__"]) <= 15


@pytest.mark.parametrize("file", FILES, ids=str)
def test_a_file_can_be_read(file):
    assert len((PACKAGE / file).read_text().splitlines()) <= 350


@pytest.mark.parametrize("room", sorted({file.parent for file in FILES}), ids=str)
def test_every_room_says_what_it_holds(room):
    assert (PACKAGE / room / "__init__.py").read_text().startswith('"""')


@pytest.fixture
def house(tmp_path):
    """A copy of the package and its contracts, to be spoilt."""
    shutil.copytree(PACKAGE, tmp_path / "zfhelpers", ignore=shutil.ignore_patterns("__pycache__"))
    shutil.copy(project_dir() / "pyproject.toml", tmp_path)
    return tmp_path


def lint(house: Path) -> str:
    """What lint-imports says of a house."""
    done = subprocess.run([LINT, "--no-cache"], cwd=house, capture_output=True, text=True)
    return re.sub(r"\x1b\[[0-9;]*m", "", done.stdout + done.stderr)


def test_imports_point_down(house):
    assert "0 broken" in lint(house)


@pytest.mark.parametrize(
    ("file", "line"),
    [
        ("deconv.py", "from zfhelpers.worlds.world import World"),
        ("model.py", "from zfhelpers.hooks import find_layer"),
        ("worlds/frames.py", "import zfhelpers.training.loop"),
        ("experiments/spectrum.py", "from zfhelpers.results import records"),
        ("results/records.py", "def late():\n    from zfhelpers.views import View"),
        ("figures/charts.py", "from zfhelpers.report import run"),
    ],
)
def test_an_import_that_points_up_breaks_the_contract(house, file, line):
    path = house / "zfhelpers" / file
    path.write_text(f"{path.read_text()}\n\n{line}\n")
    assert "1 broken" in lint(house)
