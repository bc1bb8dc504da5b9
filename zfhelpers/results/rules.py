"""The paper's claims decided again, each from numbers and intervals on record alone.

A notebook decides a claim from all that it has measured, a rule here only from what is on record: that they agree is a test of
both. What a claim must show is said in the rule's docstring, which the scorecard prints.

    >>> from zfhelpers.paper.expectations import Expectation
    >>> spread = Expectation(0.9, 0.1, {}, "points", (0.7, 1.0))
    >>> decide("20", {"gradient minus deconvnet, spread": spread})
    (True, ['gradient minus deconvnet, spread'])

A claim without a rule is one that no number here decides: the published error of a network on ImageNet (12), and PASCAL, whose
test labels lie on a server (18).
"""

from __future__ import annotations

import inspect
import re
from collections.abc import Callable, Mapping

from zfhelpers.experiments.intervals import above, below, together
from zfhelpers.paper.expectations import Expectation
from zfhelpers.results.changes import SIZES, WIDE, WORDS
from zfhelpers.results.comparison import FAR, TABLE4
from zfhelpers.results.first_layers import DOMINATES
from zfhelpers.results.movement import DRAMATIC, STABLE

Ends = tuple[float, float] | None


class NotOnRecord(LookupError):
    """A number that a rule needs is on no record."""


class Numbers:
    """The numbers of one record; those that a rule asks for are remembered.

    Attributes:
        asked: their names, in the order in which they were asked for.
    """

    def __init__(self, numbers: Mapping[str, Expectation]):
        self.numbers, self.asked = numbers, []

    def _ask(self, name: str) -> Expectation:
        found = self.numbers.get(name)
        if found is None:
            raise NotOnRecord(name)
        if name not in self.asked:
            self.asked.append(name)
        return found

    def value(self, name: str) -> float:
        """The number called `name`; NaN where it was not finite."""
        found = self._ask(name).value
        return float("nan") if found is None else found

    def ends(self, name: str) -> Ends:
        """Its interval; None where it has none."""
        return self._ask(name).interval

    def like(self, pattern: str) -> list[str]:
        """The names that a pattern fits, for instance one with the size of a shift in it.

        Raises:
            NotOnRecord: there is none.
        """
        names = [name for name in self.numbers if re.fullmatch(pattern, name)]
        if not names:
            raise NotOnRecord(pattern)
        return names


Rule = Callable[[Numbers], bool | None]
RULES: dict[str, Rule] = {}


def decide(claim: str, numbers: Mapping[str, Expectation]) -> tuple[bool | None, list[str]]:
    """What a claim comes to, None where it is open, and the names of the numbers that were asked.

    Raises:
        NotOnRecord: a number that the rule needs is not there, or the claim has no rule.
    """
    if claim not in RULES:
        raise NotOnRecord(f"claim {claim} has no rule")
    record = Numbers(numbers)
    return RULES[claim](record), record.asked


def in_words(claim: str) -> str:
    """What a claim must show, in a sentence; empty for a claim without a rule.

    >>> in_words("S3")
    'More than half of P(true) is lost in more than half of the images, with the whole interval.'
    """
    return " ".join((inspect.getdoc(RULES[claim]) or "").split()) if claim in RULES else ""


def _decides(claim: str) -> Callable[[Rule], Rule]:
    def keep(rule: Rule) -> Rule:
        RULES[claim] = rule
        return rule

    return keep


# ------------------------------------------------------------------------------------------------------------ Figures 2 and 4


@_decides("1")
def _purer(n: Numbers) -> bool | None:
    """The nine images of a map share a class more often in layer 5 than in layer 1, and the two intervals lie apart."""
    high, low = n.ends("layer5: class purity"), n.ends("layer1: class purity")
    if low is None or high is None:
        return None
    return True if high[0] > low[1] else False if high[1] < low[0] else None


@_decides("2")
def _more_alike(n: Numbers) -> bool | None:
    """By their edges projections of a map are more alike than its patches, in every layer with the whole interval above 0."""
    return above(0, *map(n.ends, n.like(r"layer\d: projections more alike than patches, by edges")))


@_decides("3")
def _lower_layers_first(n: Numbers) -> bool | None:
    """Counted from random weights, layers 1 and 2 settle in the first sixth of the epochs, and layers 3 to 5 after it."""
    settled = [n.value(f"layer{layer}: strongest, above random, settled from epoch") for layer in range(1, 6)]
    return max(settled[:2]) <= n.value("epochs trained") / 6 < min(settled[2:])


@_decides("S1")
def _in_order(n: Numbers) -> bool | None:
    """By strongest activations no layer settles before the one below it, and layer 1 before layer 5."""
    settled = [n.value(f"layer{layer}: strongest, settled from epoch") for layer in range(1, 6)]
    return settled == sorted(settled) and settled[0] < settled[-1]


# ------------------------------------------------------------------------------------------------------------ Figures 5 and 6


@_decides("6")
def _small_moves(n: Numbers) -> bool | None:
    """Shifted and enlarged: a near amount takes layer 1 more than half of the far way, a deep layer a smaller part of the way to
    a stranger, and less than twice as far as a straight line would.
    """
    parts, spans = [], {}
    for kind in ("translation", "scale"):
        name = f"{kind}: distance at the near amount, layer"
        deep, less = n.like(f"{name}[2-7]")[0], n.like(f"{kind}, near amount: layer 1 minus layer [2-7]")[0]
        parts += [above(DRAMATIC, n.ends(f"{name}1")), above(0, n.ends(less))]
        spans[deep] = n.ends(deep), n.value(f"{kind}: near amount, of the far one")
    parts += [below(2 * line, span) for span, line in spans.values()]
    return together(*parts)


@_decides("S2")
def _the_deeper_the_stiller(n: Numbers) -> bool | None:
    """Each layer surely moves less than the one below it, and turning moves all layers more than shifting and enlarging."""
    more = [above(0, n.ends(name)) for name in n.like(r"turned by .* minus .*: mean of .* layers")]
    rise, fall = (f"steps to the next layer that surely {what}" for what in ("rise", "fall"))
    every = n.value(fall) == int(n.numbers[fall].unit.removeprefix("of "))
    return together(False if n.value(rise) else True if every else None, *more)


@_decides("7")
def _stable_answer(n: Numbers) -> bool | None:
    """Of the answer's probability more than two thirds are left when shifted and when enlarged, less when turned; that of a
    symmetric class comes back at quarter turns.
    """
    back = n.ends("quarter turns minus between")
    shifted, enlarged, turned = (
        n.ends(n.like(f"{done} .*: what is left of P.*")[0]) for done in ("shifted by", "enlarged", "turned by")
    )
    limit = 100 * STABLE
    return together(above(limit, shifted), above(limit, enlarged), below(limit, turned), above(0, back))


@_decides("4")
def _dominance(n: Numbers) -> bool | None:
    """The largest first-layer filter that no cap has touched is more than three times the median one."""
    name = "largest filter over the median one, where no cap has acted"
    if name not in n.numbers:
        n.value(n.like(".*: largest filter over the median one")[0])  # measured, and all of them capped
        return None
    return n.value(name) > DOMINATES


@_decides("5")
def _smaller_is_better(n: Numbers) -> bool | None:
    """7×7 makes fewer errors than 11×11, has fewer dead maps in layer 1 and more power in the middle band; a shift by half a step
    of layer 2 changes it less than a whole step, and 11×11 more.
    """
    fewer = above(0, n.ends("11×11 minus 7×7: top-1 error"))
    dead = n.value("7×7: dead maps in layer 1") < n.value("11×11: dead maps in layer 1")
    wider = above(0, n.ends("7×7 minus 11×11: power in the middle band"))
    hump, flat = (n.ends(f"{name}: change half-way over change after a whole step") for name in ("11×11", "7×7"))
    return together(fewer, dead, wider, above(1, hump), below(1, flat))


# ------------------------------------------------------------------------------------------------------------ Figure 7, Table 1

FALL = "images that lose more than half of P(true)"


@_decides("S3")
def _hiding_loses_it(n: Numbers) -> bool | None:
    """More than half of P(true) is lost in more than half of the images, with the whole interval."""
    return above(50, n.ends(FALL))


@_decides("8")
def _finds_the_object(n: Numbers) -> bool | None:
    """More than half of the images lose half of P(true), and the worst place lies on the object more often than a blind one."""
    pointed, blind = n.ends("pointing accuracy"), n.value("pointing blindly")
    return together(above(blind, pointed), above(50, n.ends(FALL)))


@_decides("9")
def _silences_the_map(n: Numbers) -> bool | None:
    """Most images lose more activity where the projection lies than elsewhere, and lose a larger part of it there than the square
    hides of the image.
    """
    lost = n.ends("activity lost where most of the projection is hidden, median")
    more = n.ends("images that lose more where the projection is")
    return together(above(n.value("the square, of the image"), lost), above(50, more))


@_decides("10")
def _strongest_is_not_all(n: Numbers) -> bool | None:
    """There are images that fall and in which the place that hurts the class most is not the one that hurts the strongest map."""
    share = n.value("images whose two worst places lie apart, of those that lose more than half of P(true)")
    return True if share > 0 else None


@_decides("S4")
def _hiding_helps(n: Numbers) -> bool | None:
    """There are images in which hiding the companion raises P(true) by more than 0.1."""
    return True if n.value("P(true) rises by more than 0.1 when the companion is hidden") > 0 else None


@_decides("S5")
def _company(n: Numbers) -> bool | None:
    """P(necklace) is higher with the necklace hidden than with all else hidden, with the whole interval."""
    return above(0, n.ends("necklace: P without it, minus P of it alone, mean"))


def _parts(n: Numbers, layer: str, more: str) -> list[Ends]:
    return [n.ends(f"random minus {part}, {layer}, zeros {more}") for part in ("right eye", "left eye", "nose")]


@_decides("11")
def _alike_in_layer_5(n: Numbers) -> bool | None:
    """In layer 5 eyes and nose change dogs more alike than random places, with the whole interval; in layer 7 the interval of the
    difference holds 0.
    """
    lower = [above(0, ends) for ends in _parts(n, "layer5", "counted")]
    try:
        alike = [above(0, ends) is None for ends in _parts(n, "layer7", "counted")]
    except NotOnRecord:  # a network without fully connected layers
        alike = [None]
    return together(*lower, *alike)


@_decides("S6")
def _some_part_alike(n: Numbers) -> bool | None:
    """Some part, in some layer, changes dogs more alike than random places: with an interval that holds for all parts at once."""
    names = n.like(r"random minus .*, layer\d, zeros left out, all at once")
    return True if any([above(0, n.ends(name)) for name in names]) else None


# ------------------------------------------------------------------------------------------------------------ the other tables


@_decides("13")
def _beats_the_replication(n: Numbers) -> bool | None:
    """With ten crops ours makes fewer errors than the replication, over images and over trainings."""
    name = "replication minus ours, ten crops"
    return above(0, n.ends(f"{name}: top-1 error"), n.ends(f"{name}, over trainings"))


def _costs(n: Numbers, row: str) -> tuple[float, list[Ends]]:
    """What a change of Table 3 costs in points, and its intervals over images and over trainings."""
    names = [f"{WORDS[row]}: change of the error, over {over}" for over in ("images", "trainings")]
    return n.value(names[0]), [n.ends(name) for name in names]


@_decides("14")
def _depth(n: Numbers) -> bool | None:
    """Without layers 6 and 7, and without 3 and 4, the error rises by less than a quarter of what all four cost, which is more
    than half of the error; over images and over trainings.
    """
    whole, spans = _costs(n, "alexnet-no-3-4-6-7")
    slight = [below(whole / 4, *_costs(n, row)[1]) for row in ("alexnet-no-6-7", "alexnet-no-3-4")]
    return together(above(n.value(f"{WORDS['alexnet']}: validation error") / 2, *spans), *slight)


@_decides("15")
def _size(n: Numbers) -> bool | None:
    """Other sizes of layers 6 and 7 cost no more than the largest of the paper's differences, wider layers 3 to 5 gain, and both
    together fit better and do worse than these.
    """
    costs = [_costs(n, row) for row in SIZES]
    little = max(abs(n.numbers[f"{WORDS[row]}: change of the error, over images"].paper) for row in SIZES)
    parts = [_within(little, *cost) for cost in costs]
    gains = below(0, *_costs(n, WIDE)[1])
    fits = below(0, n.ends("both: training error minus the wide network's"))
    return together(*parts, gains, fits, above(0, n.ends("both: validation error above that of the wide network")))


def _within(little: float, cost: float, spans: list[Ends]) -> bool | None:
    """Whether a cost is surely no more than `little`, either way; surely more is more than that in size, and not zero."""
    known = [span for span in spans if span]
    if all(-little <= low and high <= little for low, high in known):
        return True
    return False if abs(cost) > little and above(0, *known) is not None else None


@_decides("16")
def _by_far(n: Numbers) -> bool | None:
    """Frozen features lead networks from scratch by more than ten points, with 15 and with 30 images of each class."""
    decided = []
    for count in TABLE4:
        name = f"from scratch minus pretrained, {count} per class"
        decided.append(below(-FAR, n.ends(name) or (n.value(name),) * 2))
    return together(*decided)


@_decides("17")
def _few_beat_many(n: Numbers) -> bool | None:
    """Frozen features of 3 images of each class reach more than networks from scratch of 30, with the whole interval."""
    name = "frozen features of 3 images minus networks from scratch of 30"
    return above(0, n.ends(name) or (n.value(name),) * 2)


@_decides("19")
def _steadily(n: Numbers) -> bool | None:
    """Every step up brings more accuracy, with the whole interval; one that surely falls refutes it."""
    try:
        names = n.like(r"on record, from layer\d to layer\d")
    except NotOnRecord:
        names = n.like(r"from layer\d to layer\d")
    steps = [above(0, n.ends(name)) for name in names]
    return together(*steps)


@_decides("20")
def _clearer(n: Numbers) -> bool | None:
    """With the forward mask half of a picture's energy fills more pixels than by the paper's rule, with the whole interval."""
    return above(0, n.ends("gradient minus deconvnet, spread"))
