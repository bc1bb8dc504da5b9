"""What is taken for what, as a classifier is given more and more images of each class to learn from.

>>> tables = {"pretrained": {1: np.array([[3, 1], [2, 2]]), 5: np.array([[4, 0], [1, 3]])}}
>>> confusion_view(tables, ["cat", "dog"]).set(count=5, label="dog").alt
'Pretrained, 5 images of each class to learn from: images of dog are called dog 75 %, cat 25 %.'
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence

import ipywidgets as widgets
import numpy as np
from PIL import Image, ImageDraw

from zfhelpers.views.panels import INK, MARK, PANEL, beside, font, heat, readout
from zfhelpers.views.view import View

BARS, NAME, BAR = 6, 110, 190  # how many answers are shown; widths of their names and of a full bar, in pixels


def shares(confusion: np.ndarray) -> np.ndarray:
    """Each row of counts (C, C) divided by its sum: how the images of a class are called; rows without an image stay 0."""
    return confusion / np.maximum(confusion.sum(axis=1, keepdims=True), 1)


def confusion_view(tables: Mapping[str, Mapping[int, np.ndarray]], classes: Sequence[str], start: int | None = None) -> View:
    """Slide the number of training images, pick a class, and see what its test images are called.

    Args:
        tables: {name: {training images of each class: (C, C) counts}}, rows the truth, columns the answer; for instance
            `Probe.confusion` of a `transfer.learning_curve`. Where a name has no entry for a number, the View says so.
        classes: names, in the order of the rows.
        start: the number shown first; the largest if not given.

    Raises:
        ValueError: no table, or one that does not fit the classes.
    """
    counts = sorted({count for column in tables.values() for count in column})
    if not counts:
        raise ValueError("There is no confusion matrix to show; give {name: {images of each class: (C, C) counts}}.")
    found = {name: {count: shares(np.asarray(table)) for count, table in column.items()} for name, column in tables.items()}
    for table in (table for column in found.values() for table in column.values()):
        if table.shape != (len(classes), len(classes)):
            raise ValueError(f"A confusion matrix of {len(classes)} classes is {len(classes), len(classes)}, not {table.shape}.")
    name = widgets.Dropdown(options=list(tables), description="network")
    count = widgets.SelectionSlider(options=counts, value=start or counts[-1], description="images per class")
    label = widgets.SelectionSlider(options=list(classes), description="class")

    def render(state: dict):
        table, row = found[state["name"]].get(state["count"]), list(classes).index(state["label"])
        said = f"{state['name'].capitalize()}, {state['count']} image{'s' * (state['count'] > 1)} of each class to learn from"
        if table is None:
            there = ", ".join(map(str, sorted(found[state["name"]])))
            return _empty(), f"{said}: not measured.", f"This network was measured with {there} images of each class."
        order = np.argsort(-table[row], kind="stable")[:BARS]
        answers = ", ".join(f"{classes[one]} {table[row, one]:.0%}".replace("%", " %") for one in order if table[row, one])
        panels = [
            ("truth (rows) against answer (columns)", _matrix(table, row)),
            (f"{state['label']} is called", _bars(table[row], order, row, classes)),
        ]
        accuracy = table.diagonal()[table.any(axis=1)].mean()
        return (
            beside(panels),
            f"{said}: images of {state['label']} are called {answers}.",
            readout(images=state["count"], accuracy=f"{accuracy:.1%}", this_class=f"{table[row, row]:.0%}"),
        )

    return View(
        render, {"name": name, "count": count, "label": label}, "What is taken for what? The sliders listen to the arrow keys"
    )


def _matrix(table: np.ndarray, row: int) -> Image.Image:
    """The matrix in colours, one class framed."""
    cell = max(1, round(PANEL / len(table)))
    drawn = heat(table, cell * len(table), 0, 1)
    ImageDraw.Draw(drawn).rectangle((0, row * cell - 1, drawn.width - 1, (row + 1) * cell), outline=MARK, width=2)
    return drawn


def _bars(values: np.ndarray, order: np.ndarray, truth: int, classes: Sequence[str]) -> Image.Image:
    """The most frequent answers as bars; the right one in another colour."""
    drawn = _empty()
    draw = ImageDraw.Draw(drawn)
    step = PANEL // BARS
    for place, one in enumerate(order):
        top = place * step + 8
        draw.text((NAME - 6, top + 4), classes[one], INK, font(13), anchor="ra")
        draw.rectangle(
            (NAME, top, NAME + max(1, round(BAR * values[one])), top + step - 20), fill="#0072B2" if one == truth else MARK
        )
        draw.text((NAME + BAR * values[one] + 6, top + 4), f"{values[one]:.0%}".replace("%", " %"), INK, font(13))
    return drawn


def _empty() -> Image.Image:
    return Image.new("RGB", (NAME + BAR + 50, PANEL), "white")
