"""Copies of the notebooks for students: answers and marked lines are gone, and what is to be done stands in their place.

    python -m zfhelpers.lessons.student [--out student] [NOTEBOOK...]        -> student/NAME.ipynb

In a code cell, lines that end in `# solution` are the student's to write; such a cell runs without them, because what it is to
compute exists before. Each exercise becomes its question, a cell to answer in, and a cell that checks the answer without telling
it. Outputs are gone too. What was written by a student is never overwritten.
"""

from __future__ import annotations

import argparse
import re
import shutil
import sys
from collections.abc import Sequence
from pathlib import Path

import nbformat
from nbformat.v4 import new_code_cell, new_markdown_cell

from zfhelpers.files import project_dir, write_whole
from zfhelpers.lessons.exercises import EXERCISE, exercises_in

MARK = re.compile(r"\s*# solution\s*$")
ASIDE = "GLOSSARY.md"  # goes with the copies, because they link to it
TODO = "# Exercise {}. Your code; at the end, set answer.\nanswer = ..."
CHECK = "zf.check_answer({}, answer)"


def student_copy(notebook: nbformat.NotebookNode) -> nbformat.NotebookNode:
    """A copy of a notebook without answers, without marked lines and without outputs."""
    cells = []
    for cell in notebook.cells:
        if cell.cell_type == "code":
            cells.append(new_code_cell(without_solution(cell.source), metadata=cell.metadata))
        else:
            cells += _asked(cell.source)
    for number, cell in enumerate(cells):
        cell.id = f"cell-{number:02d}"
    copy = nbformat.from_dict(dict(notebook))
    copy.cells = cells
    return copy


def without_solution(source: str) -> str:
    """The source of a cell in which marked lines are a task.

    >>> print(without_solution("total = 0\\nfor x in values:\\n    total += x  # solution\\nprint(total)"))
    total = 0
    for x in values:
        ...  # TODO: 1 line
    print(total)
    """
    lines, marked = [], []
    for line in [*source.split("\n"), None]:
        if line is not None and MARK.search(line):
            marked.append(line)
            continue
        if marked:
            indent = re.match(r"\s*", marked[0])[0]
            lines.append(f"{indent}...  # TODO: {len(marked)} line{'s' * (len(marked) > 1)}")
            marked = []
        lines.append(line)
    return "\n".join(lines[:-1])


def _asked(text: str) -> list[nbformat.NotebookNode]:
    """The cells that stand for a markdown cell: itself, or its questions, each with two cells, and what stands around them."""
    exercises, rest = exercises_in(text), EXERCISE.split(text)
    if not exercises:
        return [new_markdown_cell(text)]
    cells = [rest[0], *(each.asked for each in exercises), rest[-1]]
    made = [new_markdown_cell(cells[0].strip())] if cells[0].strip() else []
    for each in exercises:
        made += [new_markdown_cell(each.asked), new_code_cell(TODO.format(each.number)), new_code_cell(CHECK.format(each.number))]
    return [*made, new_markdown_cell(cells[-1].strip())] if cells[-1].strip() else made


def main(arguments: Sequence[str] | None = None) -> int:
    """The command line; returns its exit status, 1 if a copy could not be made."""
    parser = argparse.ArgumentParser(prog="python -m zfhelpers.lessons.student", description="Make copies for students.")
    parser.add_argument("notebooks", nargs="*", type=Path, help="all of them if none is named")
    parser.add_argument("--out", type=Path, default=project_dir() / "student", help="the folder of the copies")
    options = parser.parse_args(arguments)
    notebooks = options.notebooks or sorted((project_dir() / "notebooks").glob("*.ipynb"))
    if kept := [path.name for path in notebooks if (options.out / path.name).exists()]:
        print(f"{options.out} has {kept[0]} already, perhaps with a student's work; name another folder: --out.", file=sys.stderr)
        return 1
    options.out.mkdir(parents=True, exist_ok=True)
    try:
        for path in notebooks:
            copy = student_copy(nbformat.read(path, as_version=4))
            write_whole(options.out / path.name, nbformat.writes(copy).encode())
        shutil.copy(project_dir() / "notebooks" / ASIDE, options.out)
    except OSError as error:
        print(error, file=sys.stderr)
        return 1
    print(f"{len(notebooks)} notebooks for students in {options.out}")
    return 0


if __name__ == "__main__":
    sys.exit(main())
