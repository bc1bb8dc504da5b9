"""Every folded answer runs after its lesson and passes its own check; the untouched exercise does not, and stops nothing."""

import json
from pathlib import Path

import nbformat
import pytest

from zfhelpers.files import project_dir
from zfhelpers.lessons.answers import exercises_of, run_answers
from zfhelpers.lessons.exercises import answers_file

NOTEBOOKS = sorted(Path(project_dir(), "notebooks").glob("*.ipynb"))


@pytest.mark.parametrize("path", NOTEBOOKS, ids=lambda path: path.stem)
def test_answers_pass_and_untouched_exercises_do_not(path):
    known = json.loads(answers_file().read_text())[path.stem]
    answered = run_answers(path)
    assert answered
    for each in answered:
        assert "no answer yet" in each.before
        assert each.after == f"Exercise {each.exercise.number}: right."
        assert each.digest
    assert list(known) == [str(each.exercise.number) for each in answered]


@pytest.mark.parametrize("path", NOTEBOOKS, ids=lambda path: path.stem)
def test_every_exercise_can_be_checked(path):
    notebook = nbformat.read(path, as_version=4)
    text = "\n".join(cell.source for cell in notebook.cells if cell.cell_type == "markdown")
    found = exercises_of(notebook)
    assert 2 <= len(found) <= 4
    assert len(found) == text.count("<details>")  # none is written in a way that is not found
    assert [each.number for each in found] == list(range(1, len(found) + 1))
    assert all("`answer`" in each.asked and "answer = " in each.code for each in found)
    assert sum("# solution" in cell.source for cell in notebook.cells if cell.cell_type == "code") >= 1
