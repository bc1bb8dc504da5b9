"""The View of confusions, driven without a browser."""

import time

import numpy as np
import pytest
from PIL import Image, ImageDraw

from zfhelpers.views import confusion
from zfhelpers.views.confusion import confusion_view, matrix, shares
from zfhelpers.views.panels import PANEL, font

TABLES = {
    "pretrained": {1: np.array([[3, 1, 0], [2, 2, 0], [1, 0, 3]]), 30: np.array([[4, 0, 0], [1, 3, 0], [0, 0, 4]])},
    "from scratch": {30: np.array([[2, 2, 0], [0, 4, 0], [4, 0, 0]])},
}
CLASSES = ["cat", "dog", "bird"]


def test_rows_are_shares_and_an_empty_row_stays_empty():
    assert shares(np.array([[3, 1], [0, 0]])).tolist() == [[0.75, 0.25], [0, 0]]


def test_slides_through_the_numbers_of_images_and_reads_accuracies():
    view = confusion_view(TABLES, CLASSES)
    assert view.state == {"name": "pretrained", "count": 30, "label": "cat"}
    assert "accuracy: <strong>91.7 %" in view.readout
    before = view.png
    view.set(count=1, label="dog")
    assert view.alt == "Pretrained, 1 image of each class to learn from: the confusion matrix, and what images of dog are called."
    assert "dog is called: <strong>cat 50 %, dog 50 %</strong>" in view.readout
    assert "accuracy: <strong>66.7 %" in view.readout
    assert view.png != before


@pytest.mark.parametrize("name", ["cat", "a name that has many letters"])
def test_the_column_of_names_is_as_wide_as_the_longest(name, monkeypatch):
    drawn, texts = [], []
    real = ImageDraw.ImageDraw.text
    monkeypatch.setattr(
        ImageDraw.ImageDraw, "text", lambda self, at, text, *a, **k: texts.append((at, text, a)) or real(self, at, text, *a, **k)
    )
    monkeypatch.setattr(confusion, "blank", lambda column: drawn.append(column) or Image.new("RGB", (column + 240, PANEL)))
    confusion_view(TABLES, [name, *CLASSES[1:]])
    ends = {text: at[0] for at, text, given in texts if given[1].size == 13 and text in (name, *CLASSES)}
    assert ends[name] - font(13).getlength(name) >= 0
    assert (drawn[0] == confusion.NAME) == (name == "cat")


def test_says_where_a_network_was_not_measured_and_goes_on():
    view = confusion_view(TABLES, CLASSES, start=1).set(name="from scratch")
    assert view.alt == "From scratch, 1 image of each class to learn from: not measured."
    assert "measured with 30 images" in view.readout
    assert "bird is called: <strong>cat 100 %</strong>" in view.set(count=30, label="bird").readout
    assert view.error is None


def test_rows_are_named_where_there_is_room_and_the_class_in_question_stands_out():
    table = shares(np.arange(9).reshape(3, 3))
    few = matrix(table, 1, CLASSES)
    other = matrix(table, 1, ["cat", "dog", "ostrich"])
    assert other.width > few.width  # room for the longest name
    names = np.asarray(few.crop((0, 0, few.width - PANEL, few.height)))
    assert [(band < 200).any() for band in np.array_split(names, 3)] == [True] * 3
    assert matrix(np.eye(102), 7, ["x" * 30] * 102).width < PANEL + 50


def test_a_hundred_classes_are_drawn_while_the_slider_moves():
    table = np.random.default_rng(0).integers(0, 9, (102, 102))
    names = [f"class {number}" for number in range(102)]
    view = confusion_view({"pretrained": {1: table, 2: table.T}}, names)
    began = time.process_time()
    for name in names[1:11]:
        view.set(label=name)
    assert (time.process_time() - began) / 10 < 0.15


def test_bad_tables_are_refused():
    with pytest.raises(ValueError, match="no confusion matrix to show"):
        confusion_view({"pretrained": {}}, CLASSES)
    with pytest.raises(ValueError, match=r"of 2 classes is \(2, 2\), not \(3, 3\)"):
        confusion_view(TABLES, ["cat", "dog"])
