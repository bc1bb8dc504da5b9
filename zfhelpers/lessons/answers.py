"""Run every folded answer, and put on record what the answers come to.

    python -m zfhelpers.lessons.answers [NOTEBOOK...]        -> notebooks/answers.json

A notebook is run with the parameters that it holds, and in the same kernel each answer after it: first as a student finds the
exercise, unanswered, then with the answer of the lesson.
"""

from __future__ import annotations

import argparse
import json
import os
import sys
from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path

import nbformat
from nbclient import NotebookClient
from nbclient.exceptions import CellExecutionError
from nbformat.v4 import new_code_cell

from zfhelpers.files import project_dir, write_whole
from zfhelpers.lessons.exercises import Exercise, answers_file, exercises_in
from zfhelpers.lessons.student import student_copy

CELL_SECONDS = 300  # longer than any cell may take
SAY_DIGEST = """from zfhelpers.lessons.exercises import digest
print(digest({!r}, {}, answer))"""


@dataclass(frozen=True)
class Answered:
    """One exercise after its run: what the check said before and after, what the answer's code printed, and its digest."""

    exercise: Exercise
    before: str
    after: str
    printed: str
    digest: str


def exercises_of(notebook: nbformat.NotebookNode) -> list[Exercise]:
    """All exercises of a notebook, in order."""
    return [each for cell in notebook.cells if cell.cell_type == "markdown" for each in exercises_in(cell.source)]


def run_answers(path: Path, check: bool = True) -> list[Answered]:
    """Run a notebook and its answers in one kernel, as a student would who ends with the answers of the lesson.

    A cell in which lines are a student's to write runs twice: without them, which must not stop the notebook, and whole.

    Args:
        path: of the notebook.
        check: whether the checks run as well; they need the answers on record.

    Raises:
        CellExecutionError: a cell, or an answer, failed.
    """
    notebook = nbformat.read(path, as_version=4)
    lesson = [cell.source for cell in notebook.cells if cell.cell_type == "code"]
    copy = [cell.source for cell in student_copy(notebook).cells if cell.cell_type == "code"][: len(lesson)]
    sources = [source for whole, asked in zip(lesson, copy, strict=True) for source in dict.fromkeys((asked, whole))]
    exercises, places = exercises_of(notebook), []
    for each in exercises:
        ask = f"zf.check_answer({each.number}, answer)" if check else "None"
        places.append(len(sources))
        sources += ["answer = ...", ask, each.code, ask, SAY_DIGEST.format(path.stem, each.number)]
    notebook.cells = [new_code_cell(source) for source in sources]
    where = {"metadata": {"path": str(path.parent.resolve())}}
    NotebookClient(notebook, timeout=CELL_SECONDS, kernel_name="python3", resources=where).execute()
    texts = ["".join(_text(output) for output in cell.outputs) for cell in notebook.cells]
    return [
        Answered(each, texts[at + 1], texts[at + 3], texts[at + 2], texts[at + 4].strip())
        for each, at in zip(exercises, places, strict=True)
    ]


def _text(output: nbformat.NotebookNode) -> str:
    return output.get("text") or output.get("data", {}).get("text/plain", "")


def main(arguments: Sequence[str] | None = None) -> int:
    """The command line; returns its exit status, 1 if a notebook or an answer failed."""
    parser = argparse.ArgumentParser(prog="python -m zfhelpers.lessons.answers", description="Put the answers on record.")
    parser.add_argument("notebooks", nargs="*", type=Path, help="all of them if none is named")
    os.environ["ZF_PROGRESS"] = "0"
    failed = 0
    for path in parser.parse_args(arguments).notebooks or sorted((project_dir() / "notebooks").glob("*.ipynb")):
        try:
            found = {str(each.exercise.number): each.digest for each in run_answers(path, check=False)}
        except (CellExecutionError, OSError) as error:
            print(f"{path}: {error}", file=sys.stderr)
            failed += 1
            continue
        file = answers_file()
        known = json.loads(file.read_text(encoding="utf-8")) if file.exists() else {}
        write_whole(file, (json.dumps(dict(sorted((known | {path.stem: found}).items())), indent=1) + "\n").encode())
        print(f"{path}: {len(found)} answers")
    return 1 if failed else 0


if __name__ == "__main__":
    sys.exit(main())
