"""The README's numbers are those on record."""

import json
import re

import numpy as np
import pytest
from scipy.stats import spearmanr

from zfhelpers import paper
from zfhelpers.experiments.intervals import over_divisions
from zfhelpers.files import project_dir
from zfhelpers.networks.catalogue import BASES, TINY
from zfhelpers.results import class_curve, class_tables
from zfhelpers.results.records import read_record
from zfhelpers.worlds.few import TEST

SQUEEZENET = "torchvision:squeezenet1_1"
README = (project_dir() / "README.md").read_text(encoding="utf-8")


def cells(row):
    """The cells of a table's row that begins with `row`."""
    (line,) = re.findall(rf"^\| {re.escape(row)} \|(.*)\|$", README, re.MULTILINE)
    return [cell.strip() for cell in line.split("|")]


def shown(row):
    return f"{row['accuracy']:.1f}" + (f" ± {row['std']:.1f}" if "std" in row else "")


@pytest.mark.parametrize("change", paper.table(3))
def test_table_3_is_the_recorded_one(change):
    published, record = paper.table(3), read_record("imagenette", 3)
    ours = [one for one in record["networks"] if one["row"] == published[change, "variant"]]
    errors = [sum(one[which] for one in ours) / len(ours) for which in ("train_top1", "val_top1")]
    theirs = f"{published[change, 'train top-1']:.1f}, {published[change, 'val top-1']:.1f}"
    assert cells(change) == [theirs, ", ".join(f"{error:.1f}" for error in errors)]


def test_the_order_of_table_3_is_the_recorded_one():
    published, record = paper.table(3), read_record("imagenette", 3)
    ours = {row: [one["val_top1"] for one in record["networks"] if one["row"] == row] for row in BASES}
    means = [sum(ours[published[change, "variant"]]) / len(ours[published[change, "variant"]]) for change in published]
    rank = spearmanr(means, list(published.column("val top-1").values())).statistic
    pattern = r"rank correlation ([\d.]+) over all twelve.*?by ([\d.]+) points.*?and by ([\d.]+) with the same seed"
    in_the_mean = sum(ours["alexnet"]) / len(ours["alexnet"]) - sum(ours["zfnet"]) / len(ours["zfnet"])
    found = f"{rank:.2f}", f"{in_the_mean:.1f}", f"{record['bases']['top1']:.1f}"
    assert found == re.findall(pattern, " ".join(README.split()))[0]


@pytest.mark.parametrize(
    ("row", "name", "published"),
    [
        ("replication of Krizhevsky's", "replication", "Our replication of Krizhevsky, 1 convnet"),
        ("one of ours, mean of five", "one", "1 convnet as Fig. 3"),
        ("ours, five averaged", "average", "5 convnets as Fig. 3 (a)"),
        ("the wide one", "wide", "1 convnet, layers 3,4,5: 512,1024,512 (b)"),
        ("all six averaged", "all", "6 convnets (a)+(b)"),
    ],
)
def test_table_2_is_the_recorded_one(row, name, published):
    record = read_record("imagenette", 2)["rows"][name]
    errors = [record[crops]["top1"] for crops in ("one crop", "ten crops")]
    assert cells(row) == [f"{error:.1f}" for error in (paper.table(2)[published, "val top-1"], *errors)]


def test_the_gains_of_averaging_are_the_recorded_ones():
    average = read_record("imagenette", 2)["rows"]["average"]
    one, ten = re.findall(r"Averaging five gains ([\d.]+) points with one crop and ([\d.]+) with ten", README)[0]
    assert [f"{average[crops]['gain']:.1f}" for crops in ("one crop", "ten crops")] == [one, ten]


@pytest.mark.parametrize("name", read_record("imagenette", 7)["rows"])
def test_table_7_is_the_recorded_one(name):
    published, record = paper.table(7).column("Caltech-101 (30 per class)"), read_record("imagenette", 7)
    theirs = f"{published[name]}" if name in published else "–"
    untrained = shown(record["untrained"][name]) if name in record["untrained"] else "–"
    thousand = read_record("imagenette", 7, SQUEEZENET)["rows"]
    known = shown(thousand[name]) if name in thousand else "–"
    hundreds = shown(read_record(TINY, 7)["rows"][name])
    assert cells(name) == [theirs, known, hundreds, shown(record["rows"][name]), untrained]


@pytest.mark.parametrize("count", ["15", "30"])
def test_table_4_is_the_recorded_one(count):
    published, rows = paper.table(4), read_record("imagenette", 4)["rows"]
    theirs = [f"{published[name, f'{count} per class']}" for name in ("Pretrained on ImageNet", "Not pretrained")]
    thousand = read_record("imagenette", 4, SQUEEZENET)["rows"]["pretrained"][count]
    hundreds = read_record(TINY, 4)["rows"]["pretrained"][count]
    ours = [shown(each) for each in (thousand, hundreds, *(rows[name][count] for name in rows))]
    assert cells(f"{count} images a class") == [", ".join(theirs), *ours]


@pytest.mark.parametrize("count", [15, 30])
def test_the_lead_of_two_hundred_classes_is_the_recorded_one(count):
    rows = read_record(TINY, 4)["rows"]
    each = np.subtract(*(rows[name][str(count)]["each"] for name in ("pretrained", "from scratch")))
    assert (each > 0).all()  # "in every division"
    low, high = over_divisions(each, TEST, count)
    named = {15: "fifteen images (95 % interval ", 30: "thirty ("}[count]
    assert f"by {each.mean():.0f}{' points' * (count == 15)} with {named}{low:.0f} to {high:.0f})" in " ".join(README.split())


def test_the_rank_correlation_of_table_7_is_the_recorded_one():
    said = re.findall(r"\(rank correlations? ([-\d.]+)(?: and ([-\d.]+))?; (?:five|six)", README)
    found = [read_record(*which)["spearman"] for which in (("imagenette", 7, SQUEEZENET), (TINY, 7), ("imagenette", 7))]
    assert [float(each) for pair in said for each in pair if each] == pytest.approx(found, abs=0.05)


@pytest.mark.parametrize("line", class_tables.controls(class_curve.recorded(), 30).lines[1:], ids=lambda line: line[0])
def test_the_controls_of_the_curve_are_the_recorded_ones(line):
    assert cells(line[0]) == [cell.split()[0] for cell in line[1:]]


def test_the_differences_that_another_training_would_not_bring_are_those_on_record():
    curve = class_curve.recorded()
    found = [curve.spread_out(layer, 30) for layer in class_tables.DRAWN]
    found += [curve.control(*pair, layer, 30) for pair in class_tables.CONTROLS.values() for layer in class_tables.DRAWN]
    clear = sorted(f"{each.mean:+.1f}" for each in found if not each.draws[0] < 0 < each.draws[1])
    (said,) = re.findall(r"Only ([-+\d., and]+) (?:is|are) more than another training", README)
    assert sorted(re.findall(r"[-+][\d.]+", said)) == clear
    (certain,) = [each for each in found if each.ahead]
    assert certain == curve.spread_out(7, 30)
    assert len(found) == 12
    low, high = curve.spread_out(7, 15).divisions
    assert f"leave it open ({low:.1f} to {high:.1f})" in " ".join(README.split())


@pytest.mark.parametrize("count", [15, 30])
def test_the_lead_of_layer_2_at_two_hundred_classes_is_the_recorded_one(count):
    found = class_curve.recorded().lead(200, 2, count)
    draws, divisions = (f"{low:.0f} to {high:.0f}" for low, high in (found.draws, found.divisions))
    with_15 = f"over three trainings {draws}, over divisions {divisions})"
    with_30 = f"by {found.mean:.0f} with 30 ({draws}, {divisions})"
    assert {15: with_15, 30: with_30}[count] in " ".join(README.split())


def test_what_is_said_of_the_curve_over_classes_is_on_record():
    curve, said = class_curve.recorded(), " ".join(README.split())
    from_15, from_30 = ({curve.overtakes(layer, count) for layer in (2, 3)} for count in (15, 30))
    assert (from_15, from_30) == ({5}, {10})  # "with 15 layers 2 and 3 lead from five classes on, with 30 from ten"
    assert [round(curve.doubling(7, count).mean) for count in (15, 30)] == [3, 3]
    assert not any(curve.lead(200, 7, count).mean > 0 for count in (15, 30))  # "and still does not arrive"
    orders = [f"{np.mean(curve.orders(count, 30)):.1f}" for count in curve.counts]
    assert f"it is {', '.join(orders[:-1])} and {orders[-1]} (means of three draws" in said
    assert {len(curve.each(count, 2, 30)) for count in curve.counts} == {3}
    leads = [curve.beside(f"{TINY}/zfnet", count).last_lead for count in (15, 30)]
    found = [f"by {each.mean:.1f} ({each.divisions[0]:.1f} to {each.divisions[1]:.1f}) with" for each in leads]
    assert all(lead in said for lead in found)
    minutes = [net["minutes"] for net in curve.networks if net["kind"] in ("classes", "images", "controls")]
    assert f"in {min(minutes):.0f} to {max(minutes):.0f} minutes of one core" in said
    assert round(sum(minutes) / 60) == 12  # "twelve hours in all"


def test_the_times_are_those_on_record(monkeypatch):
    monkeypatch.syspath_prepend(project_dir() / "tests" / "benchmarks")
    import draw

    assert "\n".join(draw.table(json.loads(draw.RECORD.read_text()))) in README
