"""Installed without its repository, as `pip install .` does it, the package says what it lacks, and the rest of it works."""

import os
import shutil
import subprocess
import sys
from pathlib import Path
from zipfile import ZipFile

import pytest

ROOT = Path(__file__).resolve().parents[2]
LACKS = "which lie in its repository: clone that and run 'pip install -e .' in it"
ASKED = """
import sys, torch, zfhelpers as zf
from zfhelpers import files
from zfhelpers.results.records import read_record
assert files.__file__.startswith(sys.argv[1]), files.__file__
for ask in (lambda: zf.load("toy"), lambda: zf.paper.claims(), lambda: zf.paper.table(3), lambda: zf.open_world("toy").val,
            lambda: read_record("toy", 3), lambda: zf.open_world("imagenette").val):
    try:
        ask()
    except FileNotFoundError as error:
        print(error)
net = torch.nn.Sequential(torch.nn.Conv2d(3, 4, 3), torch.nn.ReLU()).eval()
print(tuple(zf.Deconvnet(net).project(torch.rand(1, 3, 9, 9), "1", maps=[0]).shape))
"""


@pytest.fixture(scope="module")
def wheel(tmp_path_factory):
    """What pip makes of a copy of the project, with the folders that must not travel."""
    folder = tmp_path_factory.mktemp("plain")
    for name in ("pyproject.toml", "README.md", "LICENSE", "LICENSE-TEXT"):
        shutil.copy(ROOT / name, folder)
    shutil.copytree(ROOT / "zfhelpers", folder / "zfhelpers", ignore=shutil.ignore_patterns("__pycache__"))
    for name in ("data", "tests", "notebooks", "runs", "reports"):
        (folder / name).mkdir()
        (folder / name / "some.py").touch()
    command = [
        sys.executable,
        "-m",
        "pip",
        "wheel",
        "-q",
        "--no-deps",
        "--no-build-isolation",
        "--no-index",
        "-w",
        str(folder / "made"),
    ]
    done = subprocess.run([*command, str(folder)], capture_output=True, text=True)
    assert done.returncode == 0, done.stderr
    (made,) = (folder / "made").glob("*.whl")
    return made


def test_the_package_alone_travels_and_all_of_it(wheel):
    names = set(ZipFile(wheel).namelist())
    assert {name.partition("/")[0].partition("-")[0] for name in names} == {"zfhelpers"}
    ours = [
        path.relative_to(ROOT) for path in (ROOT / "zfhelpers").rglob("*") if path.is_file() and "__pycache__" not in path.parts
    ]
    assert set(map(Path.as_posix, ours)) <= names


def test_what_lies_in_the_repository_is_asked_for_in_one_sentence(wheel, tmp_path):
    ZipFile(wheel).extractall(tmp_path)
    kept = {key: value for key, value in os.environ.items() if key not in ("ZF_CACHE", "ZF_DATA")}
    done = subprocess.run(
        [sys.executable, "-c", ASKED, str(tmp_path)],
        cwd=tmp_path,
        env=kept | {"PYTHONPATH": str(tmp_path)},
        capture_output=True,
        text=True,
    )
    assert done.returncode == 0, done.stderr
    said = done.stdout.splitlines()
    assert len(said) == 7
    assert all(LACKS in line for line in said[:-1])
    assert said[-1] == "(1, 3, 9, 9)"
