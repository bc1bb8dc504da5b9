"""Notebooks are compared alike wherever pytest is started: from the project's folder, from `notebooks/`, from anywhere."""

import os
import subprocess
import sys
from pathlib import Path

import nbformat
import pytest
from nbformat.v4 import new_code_cell, new_notebook, new_output

ROOT = Path(__file__).resolve().parents[2]


@pytest.mark.parametrize("place", ["project", "notebooks", "elsewhere"])
def test_what_differs_between_machines_is_overlooked_from_every_folder(place, tmp_path):
    said = new_output("stream", name="stdout", text="took 41 s\n")
    cells = [new_code_cell("print('took 12 s')", outputs=[said], execution_count=1)]
    nbformat.write(new_notebook(cells=cells), tmp_path / "some.ipynb")
    folder = tmp_path if place == "elsewhere" else ROOT if place == "project" else ROOT / place
    command = [
        sys.executable,
        "-m",
        "pytest",
        "-c",
        str(ROOT / "pyproject.toml"),
        "--rootdir",
        str(tmp_path),
        "-q",
        "-p",
        "conftest",
    ]
    environment = {key: value for key, value in os.environ.items() if not key.startswith("PYTEST_")} | {"PYTHONPATH": str(ROOT)}
    done = subprocess.run(
        [*command, "-p", "no:cacheprovider", "-p", "no:xdist", str(tmp_path / "some.ipynb")],
        cwd=folder,
        env=environment,
        capture_output=True,
        text=True,
    )
    assert done.returncode == 0, done.stdout
    assert "1 passed" in done.stdout
