"""The README's numbers are those on record."""

import re

import pytest

from zfhelpers import paper
from zfhelpers.frames import project_dir
from zfhelpers.results import read_record

README = (project_dir() / "README.md").read_text()


def cells(row):
    """The cells of a table's row that begins with `row`."""
    (line,) = re.findall(rf"^\| {re.escape(row)} \|(.*)\|$", README, re.MULTILINE)
    return [cell.strip() for cell in line.split("|")]


def shown(row):
    return f"{row['accuracy']:.1f} ± {row['std']:.1f}"


@pytest.mark.parametrize("name", read_record("imagenette", 7)["rows"])
def test_table_7_is_the_recorded_one(name):
    published = paper.table(7).column("Caltech-101 (30 per class)")
    theirs = f"{published[name]}" if name in published else "–"
    assert cells(name) == [theirs, shown(read_record("imagenette", 7)["rows"][name])]


@pytest.mark.parametrize("count", ["15", "30"])
def test_table_4_is_the_recorded_one(count):
    theirs = paper.table(4)["Pretrained on ImageNet", f"{count} per class"]
    assert cells(f"{count} images a class") == [f"{theirs}", shown(read_record("imagenette", 4)["rows"]["pretrained"][count])]


def test_the_rank_correlation_is_the_recorded_one():
    (said,) = re.findall(r"\(rank correlation ([-\d.]+)\)", README)
    assert float(said) == pytest.approx(read_record("imagenette", 7)["spearman"], abs=0.05)
