"""Every rule on numbers made up so that its claim holds; and each of these numbers, changed alone, takes that away."""

import math

import pytest

from zfhelpers.paper.expectations import Expectation
from zfhelpers.paper.published import claims
from zfhelpers.results.changes import SIZES, WORDS
from zfhelpers.results.rules import RULES, NotOnRecord, decide, in_words

LAYERS = range(1, 6)


def number(value, low=None, high=None, unit="", paper=None):
    return Expectation(value, 0.0, {}, unit, None if low is None else (low, high), paper)


def change(row, cost, reach, paper=1.0):
    name = f"{WORDS[row]}: change of the error, over"
    return {f"{name} {over}": number(cost, cost - reach, cost + reach, paper=paper) for over in ("images", "trainings")}


def moves(kind):
    return {
        f"{kind}: near amount, of the far one": number(15.0),
        f"{kind}: distance at the near amount, layer1": number(70.0, 65, 75),
        f"{kind}: distance at the near amount, layer7": number(20.0, 15, 25),
        f"{kind}, near amount: layer 1 minus layer 7": number(0.4, 0.3, 0.5),
    }


LEFT = "what is left of P(true)"
PARTS = ("right eye", "left eye", "nose")
TURNED = "turned by 90 degrees minus"
FALLS = {"images that lose more than half of P(true)": number(80.0, 70, 90)}
HOLDING = {
    "1": {"layer1: class purity": number(40.0, 35, 45), "layer5: class purity": number(70.0, 65, 75)},
    "2": {f"layer{k}: projections more alike than patches, by edges": number(0.3, 0.2, 0.4) for k in LAYERS},
    "3": {f"layer{k}: strongest, above random, settled from epoch": number(10 if k < 3 else 40) for k in LAYERS}
    | {"epochs trained": number(64)},
    "4": {
        "7×7: largest filter over the median one": number(4.0),
        "largest filter over the median one, where no cap has acted": number(4.0),
    },
    "5": {
        "11×11 minus 7×7: top-1 error": number(3.0, 1, 5),
        "7×7: dead maps in layer 1": number(1),
        "11×11: dead maps in layer 1": number(4),
        "7×7 minus 11×11: power in the middle band": number(9.0, 5, 13),
        "11×11: change half-way over change after a whole step": number(1.4, 1.2, 1.6),
        "7×7: change half-way over change after a whole step": number(0.8, 0.7, 0.9),
    },
    "6": moves("translation") | moves("scale"),
    "7": {
        f"shifted by 34 px: {LEFT}": number(80.0, 75, 85),
        f"enlarged 1.9 times: {LEFT}": number(80.0, 75, 85),
        f"turned by 90 degrees: {LEFT}": number(30.0, 25, 35),
        "quarter turns minus between": number(70.0, 60, 80),
    },
    "8": FALLS | {"pointing accuracy": number(95.0, 90, 98), "pointing blindly": number(50.0, 45, 55)},
    "9": {
        "images that lose more where the projection is": number(90.0, 85, 95),
        "activity lost where most of the projection is hidden, median": number(70.0, 65, 75),
        "the square, of the image": number(5.0),
    },
    "10": {"images whose two worst places lie apart, of those that lose more than half of P(true)": number(7.0, 3, 12)},
    "11": {f"random minus {part}, layer5, zeros counted": number(0.03, 0.02, 0.04) for part in PARTS}
    | {f"random minus {part}, layer7, zeros counted": number(0.0, -0.01, 0.01) for part in PARTS},
    "13": {
        "replication minus ours, ten crops: top-1 error": number(3.0, 1, 5),
        "replication minus ours, ten crops, over trainings": number(3.0, 2, 4),
    },
    "14": {"the replication: validation error": number(25.0)}
    | change("alexnet-no-3-4-6-7", 30.0, 4)
    | change("alexnet-no-3-4", 3.0, 1)
    | change("alexnet-no-6-7", 3.0, 1),
    "15": {name: each for row in SIZES for name, each in change(row, 0.5, 0.4, paper=1.8).items()}
    | change("zfnet-wide", -2.0, 1, paper=-0.9)
    | {
        "both: training error minus the wide network's": number(-4.0, -6, -2),
        "both: validation error above that of the wide network": number(2.0, 1, 3),
    },
    "16": {f"from scratch minus pretrained, {count} per class": number(-40.0, -45, -35) for count in (15, 30)},
    "17": {"frozen features of 3 images minus networks from scratch of 30": number(8.0, 5, 11)},
    "19": {f"from layer{k} to layer{k + 1}": number(5.0, 3, 7) for k in range(1, 7)},
    "20": {"gradient minus deconvnet, spread": number(0.9, 0.7, 1.1)},
    "S1": {f"layer{k}: strongest, settled from epoch": number(10 * k) for k in LAYERS},
    "S2": {
        f"{TURNED} shifted by 34 px: mean of seven layers": number(0.2, 0.1, 0.3),
        f"{TURNED} enlarged 1.9 times: mean of seven layers": number(0.2, 0.1, 0.3),
        "steps to the next layer that surely rise": number(0, unit="of 18"),
        "steps to the next layer that surely fall": number(18, unit="of 18"),
    },
    "S3": FALLS,
    "S4": {"P(true) rises by more than 0.1 when the companion is hidden": number(2.0)},
    "S5": {"necklace: P without it, minus P of it alone, mean": number(0.8, 0.7, 0.9)},
    "S6": {"random minus nose, layer5, zeros left out, all at once": number(0.03, 0.01, 0.05)},
}
UNREFUTED = ("2", "10", "13", "S4", "S6")  # by one number alone
IDLE = {("4", "7×7: largest filter over the median one")}  # asked only where all networks were capped


def moved(each: Expectation) -> list[Expectation]:
    """A number far above and far below where it is, with an interval as wide, and one that holds everything."""
    half = (each.interval[1] - each.interval[0]) / 2 if each.interval else None
    found = []
    for to in (each.value - 1000, each.value + 1000, 0):
        ends = {} if half is None else {"low": to - half, "high": to + half}
        found.append(number(to, **ends, unit=each.unit, paper=each.paper))
    if half is not None:
        found.append(number(each.value, -1e6, 1e6, each.unit, each.paper))
    return found


def test_every_claim_has_a_rule_but_those_that_no_number_decides():
    assert {*claims()} - {*RULES} == {"12", "18"}
    assert {*HOLDING} == {*RULES}
    assert all(in_words(claim).endswith(".") for claim in RULES)
    assert in_words("12") == ""


@pytest.mark.parametrize("claim", HOLDING)
def test_a_claim_holds_by_numbers_that_say_so(claim):
    holds, asked = decide(claim, HOLDING[claim])
    assert holds is True
    assert {*HOLDING[claim]} - {*asked} == {name for who, name in IDLE if who == claim}


@pytest.mark.parametrize(
    ("claim", "name"), [(claim, name) for claim in HOLDING for name in HOLDING[claim] if (claim, name) not in IDLE]
)
def test_each_number_alone_can_take_it_away(claim, name):
    planted = [decide(claim, HOLDING[claim] | {name: other})[0] for other in moved(HOLDING[claim][name])]
    assert False in planted or None in planted
    assert not all(holds is True for holds in planted)


@pytest.mark.parametrize("claim", HOLDING)
def test_some_number_refutes_it_or_leaves_it_open(claim):
    planted = {
        decide(claim, HOLDING[claim] | {name: other})[0] for name in HOLDING[claim] for other in moved(HOLDING[claim][name])
    }
    assert planted >= {True, None if claim in UNREFUTED else False}


@pytest.mark.parametrize("claim", HOLDING)
def test_without_its_numbers_it_is_not_decided(claim):
    with pytest.raises(NotOnRecord):
        decide(claim, {})


def test_a_claim_without_a_rule_is_not_decided():
    with pytest.raises(NotOnRecord, match="claim 12 has no rule"):
        decide("12", HOLDING["1"])


def test_only_capped_networks_leave_dominance_open():
    assert decide("4", {"7×7: largest filter over the median one": number(9.0)})[0] is None


def test_a_network_without_layer_7_leaves_correspondence_open():
    assert decide("11", {name: each for name, each in HOLDING["11"].items() if "layer5" in name})[0] is None


def test_table_7_on_record_counts_before_the_notebooks_own():
    falls = {f"on record, {name}": number(-5.0, -7, -3) for name in HOLDING["19"]}
    assert decide("19", HOLDING["19"] | falls)[0] is False


def test_one_division_decides_by_itself():
    assert decide("16", {name: number(each.value) for name, each in HOLDING["16"].items()})[0] is True
    assert decide("17", {name: number(math.nan) for name in HOLDING["17"]})[0] is None
