"""How many classes does borrowing need? The answers, from the record of `class_record`.

    >>> rows = {"30": {f"SVM ({n})": {"each": [30.0 + n, 32.0 + n]} for n in range(1, 8)}}
    >>> network = {"kind": "classes", "classes": 20, "draw": 0, "rows": rows, "spearman": {"30": 1.0}}
    >>> curve = ClassCurve([network], {"30": [20.0, 21.0]}, test=50, missing=[])
    >>> curve.counts, curve.lead(20, 7, 30).mean, curve.best(20, 30)
    ([20], 17.5, 7)

An accuracy has two intervals: over draws of classes (each with a seed of its own), at the divisions' mean, and over divisions of
Caltech-101 into training and test images, at the draws' mean. Something is said to be so only where both say it. With all two
hundred classes there is one set, and its draws are seeds alone; draws of a hundred share a third of their classes. So up there
draws differ less than other classes would.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import NamedTuple

import numpy as np

from zfhelpers.experiments.intervals import above, ends, over_divisions, over_trainings, pooled
from zfhelpers.networks.catalogue import EQUAL_IMAGES, TINY
from zfhelpers.results.records import read_record

LAYERS = range(1, 8)
TOP = 7


class Estimate(NamedTuple):
    """A mean over draws and divisions, with an interval over each of them; None where there is only one."""

    mean: float
    draws: tuple[float, float] | None
    divisions: tuple[float, float] | None

    @property
    def span(self) -> tuple[float, float]:
        """From the lowest of both intervals' ends to the highest; the mean where there is none."""
        known = [interval for interval in (self.draws, self.divisions) if interval]
        return min((low for low, _ in known), default=self.mean), max((high for _, high in known), default=self.mean)

    @property
    def ahead(self) -> bool | None:
        """Whether it lies above zero by every interval; None where they hold it, or there is none."""
        return above(0, self.draws, self.divisions)

    def __str__(self) -> str:
        return f"{self.mean:+z.1f} ({ends(self.draws) if self.draws else 'trained once'}; {ends(self.divisions)})"


class Beside(NamedTuple):
    """What the curve's answers are for a network beside it, which was trained once.

    Attributes:
        best, last: layers, the one with the highest accuracy and the deepest that there is.
        order: the rank correlation of its layers with the paper's Table 7.
        specialised: what the last layer has less than the best, in points.
        best_lead, last_lead: these layers minus networks from scratch, in points.
    """

    best: int
    last: int
    order: float
    specialised: Estimate
    best_lead: Estimate
    last_lead: Estimate


@dataclass(frozen=True, eq=False)
class ClassCurve:
    """What is on record.

    Attributes:
        networks: as `class_record.classes` returns them.
        scratch: {images of each class: accuracies in % of networks from scratch, one for each division}.
        test: test images of each class, at most.
        missing: networks that were not there.
    """

    networks: Sequence[Mapping]
    scratch: Mapping[str, Sequence[float]]
    test: int
    missing: Sequence[str]

    @property
    def counts(self) -> list[int]:
        """Numbers of classes of the curve of which there is at least one network."""
        return sorted({each["classes"] for each in self.networks if each["kind"] == "classes"})

    def each(self, classes: int, layer: int, per_class: int, kind: str = "classes") -> np.ndarray:
        """Accuracies in %, (draws, divisions)."""
        chosen = [net for net in self.networks if net["kind"] == kind and net["classes"] == classes]
        rows = [net["rows"][str(per_class)] for net in sorted(chosen, key=lambda net: net["draw"])]
        return np.array([row[f"SVM ({layer})"]["each"] for row in rows], dtype=float)

    def accuracy(self, classes: int, layer: int, per_class: int) -> Estimate:
        """Of the SVM, in %."""
        return self._estimate(self.each(classes, layer, per_class), per_class)

    def lead(self, classes: int, layer: int, per_class: int) -> Estimate:
        """Borrowed features minus networks from scratch, in points, division by division."""
        return self._estimate(self.each(classes, layer, per_class) - np.array(self.scratch[str(per_class)]), per_class)

    def overtakes(self, layer: int, per_class: int) -> int | None:
        """The least count from which on borrowed features lead for certain, at every count on record; None: nowhere."""
        found = None
        for count in reversed(self.counts):
            if not self.lead(count, layer, per_class).ahead:
                break
            found = count
        return found

    def best(self, classes: int, per_class: int) -> int:
        """The layer with the highest accuracy."""
        return max(LAYERS, key=lambda layer: self.each(classes, layer, per_class).mean())

    def specialised(self, classes: int, per_class: int) -> Estimate:
        """What layer 7 has less than the best layer, in points: features that have made up their mind about other classes."""
        best = self.each(classes, self.best(classes, per_class), per_class)
        return self._estimate(best - self.each(classes, TOP, per_class), per_class)

    def orders(self, classes: int, per_class: int) -> list[float]:
        """The rank correlation of layers with the paper's Table 7, draw by draw."""
        nets = [net for net in self.networks if net["kind"] == "classes" and net["classes"] == classes]
        return [net["spearman"][str(per_class)] for net in sorted(nets, key=lambda net: net["draw"])]

    def scratch_span(self, per_class: int) -> tuple[float, float]:
        """The interval of the networks from scratch over divisions, in %."""
        each = self.scratch[str(per_class)]
        return over_divisions(each, self.test, per_class) or (min(each), max(each))

    def doubling(self, layer: int, per_class: int) -> Estimate:
        """Points that twice as many classes bring: the slope of a straight line over log2 of the counts, in every draw.

        Not all counts may have as many draws: so many of them are taken that most networks count.
        """
        there = {count: self.each(count, layer, per_class) for count in self.counts}  # (draws, divisions)
        enough = {draws: [count for count in there if len(there[count]) >= draws] for draws in map(len, there.values())}
        draws = max(enough, key=lambda draws: (draws * len(enough[draws]), len(enough[draws])), default=0)
        if not draws or len(enough[draws]) < 2:
            return Estimate(float("nan"), None, None)
        x = np.log2(enough[draws])
        x = x - x.mean()
        rows = np.array([there[count][:draws] for count in enough[draws]])  # (counts, draws, divisions)
        return self._estimate(np.tensordot(x, rows, 1) / (x @ x), per_class)

    def spread_out(self, layer: int, per_class: int) -> Estimate | None:
        """As many images of 50 classes minus those of 20, in points; None where one of them is not on record."""
        many, few = EQUAL_IMAGES
        return self._difference(self.each(many, layer, per_class, "images"), self.each(few, layer, per_class), layer, per_class)

    def of(self, name: str, layer: int, per_class: int) -> np.ndarray | None:
        """The accuracies in % of one network in every division; None where it, or the layer, is not on record."""
        for net in self.networks:
            if net["network"] == name and (row := net["rows"][str(per_class)].get(f"SVM ({layer})")):
                return np.array(row["each"], dtype=float)
        return None

    def beside(self, name: str, per_class: int) -> Beside | None:
        """The answers about one network beside the curve; None where it is not on record."""
        layers = {layer: each for layer in LAYERS if (each := self.of(name, layer, per_class)) is not None}
        if not layers:
            return None
        best, last = max(layers, key=lambda layer: layers[layer].mean()), max(layers)
        order = next(net["spearman"][str(per_class)] for net in self.networks if net["network"] == name)
        scratch = np.array(self.scratch[str(per_class)])
        less, *leads = layers[best] - layers[last], layers[best] - scratch, layers[last] - scratch
        return Beside(best, last, order, *(self._estimate(each[None], per_class) for each in (less, *leads)))

    def control(self, name: str, base: str | int, layer: int, per_class: int) -> Estimate | None:
        """A control minus the network it is held against, in points; None where one of them is not on record.

        A number as `base` means all draws of that many classes.
        """
        first, second = self.of(name, layer, per_class), self.each(base, layer, per_class) if isinstance(base, int) else ()
        if isinstance(base, str) and (network := self.of(base, layer, per_class)) is not None:
            second = network[None]
        return self._difference(() if first is None else first[None], second, layer, per_class)

    def _difference(self, first: Sequence, second: Sequence, layer: int, per_class: int) -> Estimate | None:
        """Of networks that are no pairs, in (draws, divisions).

        Some were trained once, so how trainings scatter is told by the draws of all counts together, see `intervals.pooled`.
        """
        if not len(first) or not len(second):
            return None
        first, second = np.asarray(first), np.asarray(second)
        groups = [self.each(count, layer, per_class).mean(1) for count in self.counts]
        draws = pooled(first.mean(1), second.mean(1), groups)
        each = first.mean(0) - second.mean(0)
        return Estimate(float(each.mean()), draws, over_divisions(each, self.test, per_class))

    def _estimate(self, values: np.ndarray, per_class: int) -> Estimate:
        """Of values in (draws, divisions)."""
        divisions = over_divisions(values.mean(0), self.test, per_class)
        return Estimate(float(values.mean()), over_trainings(values.mean(1)), divisions)


def recorded(world: str = TINY) -> ClassCurve:
    """What is on record.

    Raises:
        FileNotFoundError: there is no record; the sentence says which command makes one.
    """
    card = read_record(world, "classes")
    return ClassCurve(card["networks"], card["scratch"], card["test_per_class"], card["missing"])


def lacking(world: str = TINY) -> str:
    """What a section about the curve needs, in one sentence; nothing where it is there."""
    try:
        recorded(world)
    except FileNotFoundError as missing:
        return f"it needs networks that took hours to train, and what was measured of them. {missing}"
    return ""
