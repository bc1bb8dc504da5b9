'''The exercises of a notebook, and whether an answer is right, without telling what is.

An exercise is a numbered paragraph with its folded answer, whose code ends by setting `answer`:

    >>> text = """## Exercises
    ...
    ... 1. **Double.** What is twice three?
    ...
    ... <details><summary>Answer</summary>
    ...
    ... ```python
    ... answer = 2 * 3
    ... ```
    ...
    ... Six.
    ... </details>"""
    >>> [(each.number, each.title, each.code) for each in exercises_in(text)]
    [(1, 'Double', 'answer = 2 * 3')]

What the answers come to lies in `notebooks/answers.json` as digests, written by `python -m zfhelpers.lessons.answers`, and tells
nobody. A fraction is right within 1.5 to 3 per cent, a whole number and a word exactly, a word in any case of its letters.

    >>> known = digest("a_lesson", 1, 6.0)
    >>> is_right("a_lesson", 1, 6.05, known), is_right("a_lesson", 1, 6.3, known), is_right("a_lesson", 2, 6.0, known)
    (True, False, False)
'''

from __future__ import annotations

import hashlib
import json
import math
import re
from dataclasses import dataclass
from pathlib import Path

from zfhelpers.files import project_dir
from zfhelpers.paper import measurements

NEAR = 0.015  # relative width of a bucket; an answer in the next one is right as well
EXERCISE = re.compile(
    r"^(?P<number>\d+)\. \*\*(?P<title>.+?)\*\*(?P<text>.*?)"
    r"^<details><summary>Answer</summary>\s*^```python\n(?P<code>.*?)\n```\n(?P<words>.*?)^</details>",
    re.MULTILINE | re.DOTALL,
)


@dataclass(frozen=True)
class Exercise:
    """One exercise: what is asked, the code that answers it and sets `answer`, and what is to be said about it."""

    number: int
    title: str
    asked: str
    code: str
    words: str


@dataclass(frozen=True)
class Said:
    """What is said of an answer, in one line; `right` is None where nothing was answered or nothing is known."""

    line: str
    right: bool | None

    def __repr__(self) -> str:
        return self.line


def exercises_in(text: str) -> list[Exercise]:
    """The exercises of a markdown text, in order."""
    return [
        Exercise(
            int(found["number"]),
            found["title"].rstrip(".?!"),
            text[found.start() : found.start("code")].partition("<details>")[0].strip(),
            found["code"],
            found["words"].strip(),
        )
        for found in EXERCISE.finditer(text)
    ]


def answers_file() -> Path:
    """Where the digests of all answers lie."""
    return project_dir() / "notebooks" / "answers.json"


def check_answer(number: int, answer: object = ...) -> Said:
    """Whether an answer to an exercise of the running notebook is right; not what would be.

    Args:
        number: of the exercise.
        answer: a number, a word, True or False; `...` or None as long as there is none.

    Raises:
        ValueError: the running notebook has no such exercise.

    >>> _ = measurements.begin("00_start_here", "toy")
    >>> check_answer(1)
    Exercise 1: no answer yet. Set `answer`, and run this cell again.
    """
    run = measurements.running()
    digests = json.loads(answers_file().read_text(encoding="utf-8")).get(run.notebook, {})
    if str(number) not in digests:
        there = ", ".join(digests) or "none that can be checked"
        raise ValueError(f"There is no exercise {number} in {run.notebook or 'this notebook'}; there are {there}.")
    if answer is ... or answer is None:
        return Said(f"Exercise {number}: no answer yet. Set `answer`, and run this cell again.", None)
    if (run.world, run.network) != ("toy", "zfnet"):
        return Said(f"Exercise {number}: answers can be checked in the world toy with its own network alone.", None)
    if is_right(run.notebook, number, answer, digests[str(number)]):
        return Said(f"Exercise {number}: right.", True)
    return Said(f"Exercise {number}: not yet. Look again at what is asked, and at your code.", False)


def digest(notebook: str, number: int, answer: object) -> str:
    """What is kept of a right answer: enough to recognise it, not enough to read it.

    Raises:
        ValueError: an answer that is no number, word or truth value, or a fraction that is almost 0.
    """
    value = _plain(answer)
    if isinstance(value, float) and not (math.isfinite(value) and abs(value) > 1e-6):
        raise ValueError(f"{value} cannot be checked, because no other number is nearly the same.")
    return _hash(notebook, number, _bucket(value) if isinstance(value, float) else _word(value))


def is_right(notebook: str, number: int, answer: object, known: str) -> bool:
    """Whether an answer has a digest, or would if a fraction were a little smaller or larger; 6 and 6.0 are the same."""
    try:
        value = _plain(answer)
    except ValueError:
        return False
    words = [_word(value)]
    if isinstance(value, int | float) and not isinstance(value, bool) and math.isfinite(value):
        words = [_word(int(value))] if value == int(value) else []
        words += [_bucket(value, aside) for aside in (-1, 0, 1) if value]
    return any(_hash(notebook, number, each) == known for each in words)


def _plain(answer: object) -> bool | int | float | str:
    if hasattr(answer, "item"):
        try:
            answer = answer.item()
        except (ValueError, RuntimeError):  # more than one number: numpy, torch
            raise ValueError("An answer is one number, not several.") from None
    if not isinstance(answer, bool | int | float | str):
        raise ValueError(f"An answer is a number, a word, True or False, not {answer!r}.")
    return answer


def _word(value: bool | int | float | str) -> str:
    return " ".join(str(value).casefold().split())


def _bucket(value: float, aside: int = 0) -> str:
    """The range of numbers that are the same to the check, or the next one."""
    return f"about {'-' * (value < 0)}e^{NEAR * (round(math.log(abs(value)) / NEAR) + aside):.3f}"


def _hash(notebook: str, number: int, word: str) -> str:
    return hashlib.sha256(f"{notebook} {number} {word}".encode()).hexdigest()[:16]
