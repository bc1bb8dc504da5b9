"""Exercises are found as they are written, and an answer is told right from wrong without being told."""

import json
import math

import nbformat
import numpy as np
import pytest
import torch
from hypothesis import given
from hypothesis import strategies as st
from nbformat.v4 import new_code_cell, new_markdown_cell, new_notebook

from zfhelpers.lessons import exercises, student
from zfhelpers.lessons.answers import exercises_of
from zfhelpers.paper import measurements

TEXT = """Before them.

## Exercises

1. **First.** What is
   two and two?

   *Check:* set `answer` to the sum.

<details><summary>Answer</summary>

```python
print("by hand")
answer = 2 + 2
```

Four, `as` one `sees`.
</details>

2. **Second?** A word.

<details><summary>Answer</summary>

```python
answer = "Two  Words"
```

Because.
</details>

## What is known since

More."""


@pytest.fixture
def notebook():
    code = "mine = 0\nfor x in range(3):\n    mine += x  # solution\n\nprint(mine)  # solution: no mark"
    return new_notebook(cells=[new_markdown_cell("# Title"), new_code_cell(code), new_markdown_cell(TEXT)])


def test_exercises_are_found(notebook):
    first, second = exercises_of(notebook)
    assert (first.number, first.title, first.code) == (1, "First", 'print("by hand")\nanswer = 2 + 2')
    assert first.asked.endswith("set `answer` to the sum.")
    assert first.words == "Four, `as` one `sees`."
    assert (second.title, second.words) == ("Second", "Because.")


@given(st.floats(1e-5, 1e9), st.sampled_from([1, -1]), st.floats(-0.0149, 0.0149))
def test_a_fraction_is_right_within_a_per_cent_and_a_half(value, sign, off):
    known = exercises.digest("n", 1, sign * value)
    assert exercises.is_right("n", 1, sign * value * math.exp(off), known)
    assert not exercises.is_right("n", 1, -sign * value, known)


@given(st.floats(1e-5, 1e9), st.one_of(st.floats(0.031, 5), st.floats(-5, -0.031)))
def test_a_fraction_is_wrong_beyond_three(value, off):
    assert not exercises.is_right("n", 1, value * math.exp(off), exercises.digest("n", 1, value))


@pytest.mark.parametrize(
    ("right", "same", "others"),
    [
        (6, [6, 6.0, np.int64(6), np.float32(6), torch.tensor(6)], [5, 7, 6.1, "6.5", True, None, [6], np.arange(2)]),
        (6.0, [6, 6.05, torch.tensor([6.0]), np.array([5.95])], [6.3, -6.0, math.nan, math.inf, "six", {}]),
        (0, [0, 0.0, -0.0], [1, False, 1e-9]),
        (True, [True, np.bool_(True), torch.tensor(True)], [False, 1, 1.0]),
        ("Two words", ["two  Words ", "TWO WORDS"], ["twowords", "two", 2, ""]),
    ],
    ids=["whole", "fraction", "nothing", "truth", "words"],
)
def test_what_is_right_and_what_is_not(right, same, others):
    known = exercises.digest("n", 1, right)
    assert all(exercises.is_right("n", 1, each, known) for each in same)
    assert not any(exercises.is_right("n", 1, each, known) for each in others)
    assert not exercises.is_right("n", 2, right, known)  # another exercise's digest says nothing


@pytest.mark.parametrize("answer", [0.0, math.nan, 1e-9, [1], None, np.arange(2), torch.ones(2)], ids=repr)
def test_what_cannot_be_checked_is_not_put_on_record(answer):
    with pytest.raises(ValueError, match=r"answer|checked"):
        exercises.digest("n", 1, answer)


def test_a_check_says_right_or_wrong_and_no_more(monkeypatch, tmp_path):
    file = tmp_path / "answers.json"
    file.write_text(json.dumps({"a_lesson": {"1": exercises.digest("a_lesson", 1, 4)}}))
    monkeypatch.setattr(exercises, "answers_file", lambda: file)
    measurements.begin("a_lesson", "toy")
    said = [exercises.check_answer(1, answer) for answer in (..., None, 5, 4)]
    assert [each.right for each in said] == [None, None, False, True]
    assert not any("4" in each.line for each in said)
    with pytest.raises(ValueError, match=r"^There is no exercise 2 in a_lesson; there are 1\.$"):
        exercises.check_answer(2, 4)
    measurements.begin("a_lesson", "imagenette")
    assert exercises.check_answer(1, 4).right is None


# ---------------------------------------------------------------------------------------------------------------- copies


def test_a_copy_asks_and_does_not_tell(notebook):
    notebook.cells[1].outputs = [nbformat.v4.new_output("stream", name="stdout", text="3")]
    copy = student.student_copy(notebook)
    kinds = [cell.cell_type for cell in copy.cells]
    sources = [cell.source for cell in copy.cells]
    assert kinds == ["markdown", "code", "markdown", "markdown", "code", "code", "markdown", "code", "code", "markdown"]
    assert sources[1] == "mine = 0\nfor x in range(3):\n    ...  # TODO: 1 line\n\nprint(mine)  # solution: no mark"
    assert sources[2] == "Before them.\n\n## Exercises"
    assert [sources[5], sources[8]] == ["zf.check_answer(1, answer)", "zf.check_answer(2, answer)"]
    assert sources[9] == "## What is known since\n\nMore."
    assert not any(word in "\n".join(sources) for word in ("details", "Four", "2 + 2", "by hand", "Because"))
    assert not any(cell.get("outputs") for cell in copy.cells)
    assert "# solution\n" in notebook.cells[1].source  # the lesson is left as it was


def test_copies_are_made_and_never_overwrite(tmp_path, notebook, capsys):
    path, out = tmp_path / "x.ipynb", tmp_path / "out"
    nbformat.write(notebook, path)
    assert student.main([str(path), "--out", str(out)]) == 0
    assert sorted(each.name for each in out.iterdir()) == ["GLOSSARY.md", "x.ipynb"]
    (out / "x.ipynb").write_text("a student's work")
    assert student.main([str(path), "--out", str(out)]) == 1
    assert "already" in capsys.readouterr().err
    assert (out / "x.ipynb").read_text() == "a student's work"
