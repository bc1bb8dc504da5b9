"""The answers to the open questions, from their record: numbers seed by seed, differences with intervals over trainings.

    >>> trained = [("plain", 0, 21.0), ("plain", 1, 23.0), ("turned maps", 0, 25.0)]
    >>> found = asked({"networks": [{"kind": kind, "seed": seed, "val_error": error} for kind, seed, error in trained]})
    >>> found.seeds("val_error", "plain"), found.difference("turned maps", "plain", "val_error").says
    (array([21., 23.]), 'cannot be told from 1 seed')

Seeds are paired where two networks have the same layers, and so begin with the same weights, and see the same crops in the same
order. Other networks of one seed share the crops alone, and are compared by the means of their trainings; so is one that was
trained once, as if it scattered as the other does.
"""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from dataclasses import dataclass
from functools import reduce
from typing import NamedTuple

import numpy as np
import scipy

from zfhelpers.experiments.intervals import over_trainings
from zfhelpers.paper.measurements import measure
from zfhelpers.paper.tables import Measured
from zfhelpers.results.records import read_record
from zfhelpers.worlds.world import World

NETWORKS = {  # {what the record calls it: what `load` does, without its seed}
    "plain": "table3/zfnet",
    "turned images": "open/turned",
    "turned maps": "open/pooled",
    "turned inputs": "table3/zfnet",  # the plain one, see `TurnedInputs`
    "as it is": "table3/alexnet",
    "without layer 7": "table3/alexnet-no-7",
    "half the units": "table3/alexnet-fc-2048",
    "twice the units": "table3/alexnet-fc-8192",
    "no dropout": "open/alexnet-dry",
    "without layer 7, no dropout": "open/alexnet-no-7-dry",
    "11, stride 4": "table3/alexnet",
    "7, stride 4": "open/7-4",
    "11, stride 2": "open/11-2",
    "7, stride 2": "table3/zfnet",
    "11, stride 4, blurred": "open/11-4-blur",
}
TO_TURN = {"plain": "table3/zfnet-0", "turned images": "open/turned-0", "turned maps": "open/pooled-0"}  # shipped
ROTATION = ("plain", "turned images", "turned maps", "turned inputs")
LAYER7 = ("as it is", "without layer 7", "half the units", "twice the units", "no dropout", "without layer 7, no dropout")
STRIDES = ("11, stride 4", "7, stride 4", "11, stride 2", "7, stride 2", "11, stride 4, blurred")

OF_ROTATION = {  # columns: {heading: (path, format)}
    "error, upright, %": ("val_error", ".1f"),
    "error, any angle, %": ("rotation.any_error", ".1f"),
    "error, training images, %": ("train_error", ".1f"),
    "multiply-adds": ("multiply_adds", ",.0f"),
}
OF_LAYER7 = {
    "train, %": ("train_error", ".1f"),
    "val, %": ("val_error", ".1f"),
    "gap": ("gap", ".1f"),
    "train, dropout on": ("train_error_noisy", ".1f"),
    "logged in training": ("train_error_logged", ".1f"),
    "margin, train": ("train_margin", ".2f"),
    "margin, val": ("val_margin", ".2f"),
}
OF_STRIDES = {
    "error, %": ("val_error", ".1f"),
    "folded, layer 1, %": ("strides.folded.layer1", ".1f"),
    "layer 2, %": ("strides.folded.layer2", ".1f"),
    "dead, layer 1": ("strides.dead.layer1", ".1f"),
    "layer 2": ("strides.dead.layer2", ".1f"),
    "dull, layer 1": ("strides.dull.layer1", ".1f"),
    "layer 2 ": ("strides.dull.layer2", ".1f"),
    "answers kept, %": ("strides.kept", ".1f"),
    "multiply-adds": ("multiply_adds", ",.0f"),
}


class Difference(NamedTuple):
    """One network against another: the mean over trainings, its 95 % interval, and how many seeds stand behind it."""

    mean: float
    interval: tuple[float, float] | None
    seeds: int

    @property
    def says(self) -> str:
        """What the interval can tell.

        >>> Difference(2.0, (1.0, 3.0), 3).says, Difference(2.0, (-1.0, 5.0), 3).says, Difference(2.0, None, 1).says
        ('more', 'cannot be told from 3 seeds', 'cannot be told from 1 seed')
        """
        if self.interval is None or self.interval[0] <= 0 <= self.interval[1]:
            return f"cannot be told from {self.seeds} seed{'s' * (self.seeds != 1)}"
        return "more" if self.mean > 0 else "less"


NOTHING = Difference(float("nan"), None, 0)


@dataclass(frozen=True, eq=False)
class OpenQuestions:
    """What is on record about the networks of the open questions.

    Attributes:
        angles: (T,) degrees, by which images were turned.
        networks: as `open_record.open_questions` returns them.
    """

    angles: Sequence[float]
    networks: Sequence[dict]

    def there(self, kinds: Iterable[str]) -> list[str]:
        """Those of some kinds of network that are on record."""
        known = {each["kind"] for each in self.networks}
        return [kind for kind in kinds if kind in known]

    def by_seed(self, path: str, kind: str) -> dict[int, float]:
        """A measurement of every seed of a kind of network; `path` names it, as "rotation.any_error". Empty if there is none."""
        values = {each["seed"]: _at(each, path) for each in self.networks if each["kind"] == kind}
        return {seed: value for seed, value in values.items() if value is not None}

    def seeds(self, path: str, kind: str) -> np.ndarray:
        """The same without the seeds' numbers, (seeds, ...); empty where the kind is not on record."""
        return np.array(list(self.by_seed(path, kind).values()), dtype=float)

    def difference(self, kind: str, base: str, path: str, paired: bool = True) -> Difference:
        """How much more one kind of network has of something than another; NaN where one of them is not on record.

        Args:
            kind, base: of networks.
            path: of the measurement.
            paired: seed by seed, where both have two seeds or more; otherwise mean against mean, as in `main_effect`.
        """
        first, second = self.by_seed(path, kind), self.by_seed(path, base)
        pairs = [first[seed] - second[seed] for seed in first.keys() & second.keys()]
        if paired and len(pairs) > 1:
            return Difference(float(np.mean(pairs)), over_trainings(pairs), len(pairs))
        return self.main_effect([kind], [base], path)

    def main_effect(self, kinds: Sequence[str], bases: Sequence[str], path: str) -> Difference:
        """How much more several kinds of network have of something than several others; NaN where a kind is not on record.

        Each kind counts as much as another, however many seeds it has. How single trainings scatter around their kind is told by
        all of them together, as in `pooled`; so a kind of one seed has an interval where another has more:

            half the interval = t s sqrt(sum over all kinds of 1 / (k^2 seeds)),    k kinds on its side
        """
        sides = [[self.seeds(path, kind) for kind in side] for side in (kinds, bases)]
        every = [values for side in sides for values in side]
        fewest = min(len(values) for values in every)
        if not fewest:
            return NOTHING
        first, second = ([values.mean() for values in side] for side in sides)
        effect, known = np.mean(first) - np.mean(second), sum(len(values) - 1 for values in every)
        if not known:
            return Difference(float(effect), None, fewest)
        spread = (sum(((values - values.mean()) ** 2).sum() for values in every) / known) ** 0.5
        share = sum(1 / (len(side) ** 2 * len(values)) for side in sides for values in side) ** 0.5
        reach = scipy.stats.t.ppf(0.975, known) * spread * share
        return Difference(float(effect), (float(effect - reach), float(effect + reach)), fewest)

    def measure(self, name: str, kind: str, base: str, path: str, unit: str = "points", paired: bool = True) -> None:
        """Records a `difference`, with its interval and what it can tell; nothing where there is none."""
        self._record(name, self.difference(kind, base, path, paired), unit)

    def measure_effect(self, name: str, kinds: Sequence[str], bases: Sequence[str], path: str, unit: str = "points") -> None:
        """Records a `main_effect` in the same way."""
        self._record(name, self.main_effect(kinds, bases, path), unit)

    def _record(self, name: str, found: Difference, unit: str) -> None:
        if found.seeds:
            many = f"{found.seeds} training{'s' * (found.seeds != 1)}"
            measure(name, found.mean, unit, interval=found.interval, note=f"{found.says} ({many} of each, or more)")

    def layers(self, kind: str, angle: float) -> tuple[np.ndarray, ...]:
        """For `curves_figure`: how far each layer moves after a turn: mean over seeds, half of what lies between the extremes."""
        place, known = list(self.angles).index(angle), [e["rotation"]["distances"] for e in self.networks if e["kind"] == kind]
        values = np.array([[distances[layer][place] for layer in known[0]] for distances in known])
        return np.array([int(layer[-1]) for layer in known[0]]), values.mean(0), np.ptp(values, axis=0) / 2

    def curve(self, path: str, kind: str) -> tuple[np.ndarray, ...]:
        """For `curves_figure`: mean over seeds at every angle, once round, and half of what lies between the extreme seeds."""
        values = self.seeds(path, kind)
        values = np.concatenate([values, values[:, :1]], axis=1)  # after a full turn it begins anew
        return np.array([*self.angles, 360]), values.mean(0), np.ptp(values, axis=0) / 2

    def table(self, kinds: Iterable[str], columns: dict[str, tuple[str, str]], title: str) -> Measured:
        """Means over seeds, and the extremes where there are several.

        Args:
            kinds: rows.
            columns: {heading: (path, format)}.
            title: of the table.
        """
        rows = []
        for kind in kinds:
            count = len(self.seeds("val_error", kind))
            rows.append([kind, count, *(_cell(self.seeds(path, kind), form) for path, form in columns.values())])
        return Measured(["network", "seeds", *columns], rows, title, known=2)


def asked(record: dict | str) -> OpenQuestions:
    """The record of a world, or one that was read already.

    Raises:
        FileNotFoundError: there is none.
    """
    card = read_record(record, "open") if isinstance(record, str) else record
    networks = [e | {"gap": e["val_error"] - e["train_error"]} if "train_error" in e else e for e in card["networks"]]
    return OpenQuestions(card.get("angles", ()), networks)


def lacking(world: World) -> str:
    """What a section about these networks needs, in one sentence; nothing where it is there."""
    if world.name != "toy":
        return "it needs networks that were trained for this question, and they belong to the toy world (WORLD=toy)."
    try:
        read_record(world.name, "open")
    except FileNotFoundError as missing:
        return f"it needs a record. {missing}"
    return ""


def _at(network: dict, path: str) -> float | list[float] | None:
    return reduce(lambda part, key: part and part.get(key), path.split("."), network)


def _cell(values: np.ndarray, form: str) -> str:
    if not len(values):
        return "-"
    middle, low, high = (format(value, form) for value in (values.mean(), values.min(), values.max()))
    return middle if low == high else f"{middle} ({low} to {high})"
