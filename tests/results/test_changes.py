"""Table 3 beside the paper's: differences by hand, and claims that must follow from numbers made for them."""

import itertools

import numpy as np
import pytest

from zfhelpers.networks.catalogue import BASES
from zfhelpers.results import changes
from zfhelpers.results.changes import BOTH, NO_34, NO_67, NONE, RESIZED, SIZES, WIDE, WORDS, Changes

PAPER = {row: Changes({}).paper(row) for row in WORDS}


def made(errors, spread=0.1, train=None):
    """Table 3 of three trainings each, whose errors scatter by `spread`; intervals over images are as wide."""
    train = {row: errors[row] - 5 for row in WORDS} | (train or {})
    networks = [
        {
            "row": row,
            "seed": seed,
            "parameters": 7,
            "val_top1": errors[row] + step,
            "val_topk": 1.0,
            "train_top1": train[row] + step,
        }
        for row, (seed, step) in itertools.product(WORDS, enumerate((-spread, 0.0, spread)))
    ]
    costs = {row: errors[row] - errors[base] for row, base in BASES.items() if row != base}
    differences = {
        row: {"top1": cost, "images": [cost - spread, cost + spread], "pairs": [cost] * 3} for row, cost in costs.items()
    }
    return Changes({"k": 2, "networks": networks, "differences": differences, "bases": None})


def test_a_table_with_the_papers_own_numbers_agrees_with_the_paper():
    found = made(PAPER, train={row: Changes({}).paper(row, "train top-1") for row in WORDS})
    assert found.rows == list(WORDS)
    assert [found.cost(row) for row in found.changed] == pytest.approx([found.paper_cost(row) for row in found.changed])
    assert {name: value for name, value, _ in found.agreements()} == pytest.approx(
        {"all rows": 1.0, "rows of the replication": 1.0, "rows of ours": 1.0}
    )
    assert found.depth()[0] is True
    for numbers in (found.depth_numbers(), found.size_numbers()):
        for name, value, _, paper, *_ in numbers:
            assert value == pytest.approx(paper, abs=0.06), name


@pytest.mark.parametrize(
    ("changed", "holds"),
    [({}, True), ({NO_67: 50.0}, False), ({NO_34: 40.5 + 30.8 / 4}, None), ({NONE: 55.0}, False), ({NONE: 60.75}, None)],
)
def test_depth_matters_only_if_all_its_parts_say_so(changed, holds):
    assert made(PAPER | changed).depth()[0] is holds


FITTING = {WIDE: 20.0, BOTH: 15.0}  # the training errors of networks of which the larger one overfits


@pytest.mark.parametrize(
    ("changed", "train", "holds"),
    [
        ({row: PAPER[BASES[row]] for row in SIZES}, FITTING, True),
        ({row: PAPER[BASES[row]] for row in SIZES} | {WIDE: 40.0}, FITTING, False),  # wider is worse
        ({row: PAPER[BASES[row]] for row in SIZES} | {SIZES[1]: 44.0}, FITTING, False),  # one size matters
        ({row: PAPER[BASES[row]] for row in SIZES}, {WIDE: 20.0, BOTH: 20.0}, None),  # as many training errors
    ],
)
def test_size_is_judged_in_its_four_parts(changed, train, holds):
    holding, why = made(PAPER | changed, train=train).size()
    assert holding is holds
    assert f"{(PAPER | changed)[SIZES[1]] - PAPER['alexnet']:+.1f}" in why


def test_a_row_that_scatters_has_an_interval_of_its_own_spread():
    found = made(PAPER)
    calm = found.over_trainings(NO_34, "alexnet")
    for entry in found.table["networks"]:
        if entry["row"] == NO_34:
            entry["val_top1"] += 30 * (entry["seed"] - 1)
    wild = found.over_trainings(NO_34, "alexnet")
    assert wild[1] - wild[0] > 20 * (calm[1] - calm[0])
    again = found.over_trainings(NO_67, "alexnet")
    assert again[1] - again[0] == pytest.approx(calm[1] - calm[0], rel=0.1), "the others do not borrow its spread"


def test_tables_name_every_row_and_every_change():
    found = made(PAPER)
    assert [line[0] for line in found.errors().lines[1:]] == list(WORDS.values())
    assert [line[0] for line in found.costs().lines[1:]] == [WORDS[row] for row in WORDS if row != BASES[row]]
    assert found.costs().lines[1][1:5] == ["+4.9", "+4.9", "+4.8 to +5.0", found.costs().lines[1][4]]
    assert len(found.numbers()) == 24
    assert set(RESIZED) < set(found.changed)


def test_the_order_of_one_seed_is_that_of_its_networks():
    found = made(PAPER)
    for entry in found.table["networks"]:
        if entry["seed"] == 2:
            entry["val_top1"] = 100 - entry["val_top1"]
    assert found.agreement(list(WORDS), 0) == pytest.approx(1)
    assert found.agreement(list(WORDS), 2) == pytest.approx(-1)


def test_where_rows_are_missing_the_record_is_read(monkeypatch):
    monkeypatch.setattr(changes, "trained", lambda world: {})
    monkeypatch.setattr(changes, "say_record", lambda world, table: {"networks": [], "read": (world, table)})
    assert changes.judged_changes("toy", 10).table["read"] == ("toy", 3)
    assert np.size(changes.judged_changes("toy", 10).rows) == 0
