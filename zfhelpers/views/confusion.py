"""What is taken for what, as a classifier is given more and more images of each class to learn from.

>>> tables = {"pretrained": {1: np.array([[3, 1], [2, 2]]), 5: np.array([[4, 0], [1, 3]])}}
>>> confusion_view(tables, ["cat", "dog"]).set(count=5, label="dog").alt
'Pretrained, 5 images of each class to learn from: the confusion matrix, and what images of dog are called.'

The shares themselves stand in the readout, as text.
"""

from __future__ import annotations

import math
from collections.abc import Mapping, Sequence

import ipywidgets as widgets
import numpy as np
from PIL import Image, ImageDraw

from zfhelpers.figures.colours import heat
from zfhelpers.figures.tiles import to_pillow
from zfhelpers.views.panels import BELOW, INK, MARK, PANEL, beside, font, frame, readout
from zfhelpers.views.view import View

ANSWERS, NAME, BAR = 6, 110, 190  # how many answers are shown; least width of their names, and that of a full bar, in pixels
READABLE = 10  # pixels: lower rows of the matrix have no names


def shares(confusion: np.ndarray) -> np.ndarray:
    """Each row of counts (C, C) divided by its sum: how the images of a class are called; rows without an image stay 0."""
    return confusion / np.maximum(confusion.sum(axis=1, keepdims=True), 1)


def confusion_view(tables: Mapping[str, Mapping[int, np.ndarray]], classes: Sequence[str], start: int | None = None) -> View:
    """Slide the number of training images, pick a class, and see what its test images are called.

    Args:
        tables: {name: {training images of each class: (C, C) counts}}, rows the truth, columns the answer; for instance
            `Probe.confusion` of a `probes.learning_curve`. Where a name has no entry for a number, the View says so.
        classes: names, in the order of the rows.
        start: the number shown first; the largest if not given.

    Raises:
        ValueError: no table, or one that does not fit the classes.
    """
    counts = sorted({count for column in tables.values() for count in column})
    if not counts:
        raise ValueError("There is no confusion matrix to show; give {name: {images of each class: (C, C) counts}}.")
    found = {name: {count: shares(np.asarray(table)) for count, table in column.items()} for name, column in tables.items()}
    size = (len(classes), len(classes))
    for table in (table for column in found.values() for table in column.values()):
        if table.shape != size:
            raise ValueError(f"A confusion matrix of {len(classes)} classes is {size}, not {table.shape}.")
    name = widgets.Dropdown(options=list(tables), description="network")
    count = widgets.SelectionSlider(options=counts, value=start or counts[-1], description="images per class")
    label = widgets.SelectionSlider(options=list(classes), description="class")
    column = max(NAME, 8 + math.ceil(max(font(13).getlength(name) for name in classes)))

    def render(state: dict):
        table, row = found[state["name"]].get(state["count"]), list(classes).index(state["label"])
        said = f"{state['name'].capitalize()}, {state['count']} image{'s' * (state['count'] > 1)} of each class to learn from"
        if table is None:
            there = ", ".join(map(str, sorted(found[state["name"]])))
            return blank(column), f"{said}: not measured.", f"This network was measured with {there} images of each class."
        frequent = np.argsort(-table[row], kind="stable")[:ANSWERS]
        answers = [(classes[answer], table[row, answer]) for answer in frequent]
        panels = [
            ("truth (rows), answer (columns, in the same order)", matrix(table, row, classes)),
            (f"{state['label']} is called", answer_bars(answers, state["label"], column)),
        ]
        named = ", ".join(f"{name} {percent(share)}" for name, share in answers if share)
        accuracy = table.diagonal()[table.any(axis=1)].mean()
        return (
            beside(panels),
            f"{said}: the confusion matrix, and what images of {state['label']} are called.",
            readout(images=state["count"], accuracy=percent(accuracy, 1), **{f"{state['label']} is called": named}),
        )

    return View(
        render, {"name": name, "count": count, "label": label}, "What is taken for what? The sliders listen to the arrow keys"
    )


def matrix(table: np.ndarray, row: int, classes: Sequence[str]) -> Image.Image:
    """The matrix in colours, one class framed; its rows have names where they are not too many to be read."""
    cell = max(1, round(PANEL / len(table)))
    coloured = to_pillow(heat(table, cell * len(table), 0, 1))
    face = font(min(cell, 12))
    left = 6 + max(round(face.getlength(name)) for name in classes) if cell >= READABLE else 0
    drawn = Image.new("RGB", (left + coloured.width, coloured.height), "white")
    drawn.paste(coloured, (left, 0))
    for place, name in enumerate(classes if left else ()):
        ImageDraw.Draw(drawn).text((left - 5, (place + 0.5) * cell), name, MARK if place == row else INK, face, anchor="rm")
    frame(drawn, (row * cell - 1, left, (row + 1) * cell + 1, drawn.width), width=2)
    return drawn


def answer_bars(answers: Sequence[tuple[str, float]], truth: str, column: int = NAME) -> Image.Image:
    """The most frequent answers in a column of some pixels, and their shares as bars; the right one in another colour."""
    drawn = blank(column)
    draw = ImageDraw.Draw(drawn)
    step = PANEL // ANSWERS
    for place, (name, share) in enumerate(answers):
        top, length = place * step + 8, BAR * share
        draw.text((column - 6, top + 4), name, INK, font(13), anchor="ra")
        draw.rectangle((column, top, column + max(1, round(length)), top + step - 20), BELOW if name == truth else MARK)
        draw.text((column + length + 6, top + 4), percent(share), INK, font(13))
    return drawn


def blank(column: int = NAME) -> Image.Image:
    """An empty panel of the size of `answer_bars`."""
    return Image.new("RGB", (column + BAR + 50, PANEL), "white")


def percent(share: float, digits: int = 0) -> str:
    """A share in percent, whole ones if not told otherwise, as one writes it in a sentence."""
    return f"{100 * share:.{digits}f} %"
