"""Frozen features against networks from scratch, on the same few images: the numbers of Table 4 and Fig. 9 in a notebook.

    >>> both = Comparison({3: np.array([50.0, 52.0])}, {3: np.array([40.0]), 30: np.array([70.0])}, {3: [1], 30: [0]})
    >>> both.lead(3, 3), both.lead(3, 30), both.first_ahead(3), both.first_ahead(30)
    (array([12.]), array([-20.]), 3, 0)

Divisions that are on record count; where there is no record, those that the notebook measures. Accuracies are in %.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass

import numpy as np

from zfhelpers.experiments.intervals import over_divisions
from zfhelpers.experiments.probes import Probe
from zfhelpers.networks.catalogue import network_name
from zfhelpers.networks.checkpoints import read_card
from zfhelpers.networks.names import kind_of
from zfhelpers.networks.trained import trained_folds
from zfhelpers.paper import published
from zfhelpers.paper.measurements import measure
from zfhelpers.paper.tables import Measured, deviations_over
from zfhelpers.results.counted import measure_probe
from zfhelpers.results.records import read_record
from zfhelpers.results.transfer import scratch_probe
from zfhelpers.worlds.few import TEST
from zfhelpers.worlds.targets import Target, default_target, open_target
from zfhelpers.worlds.world import World

PAPER = {"pretrained": "Pretrained on ImageNet", "from scratch": "Not pretrained"}
TABLE4 = (15, 30)  # images of each class
FAR = 10  # points: a lead that is called "by far"


@dataclass(frozen=True)
class Comparison:
    """What both reach, for each number of training images of a class.

    Attributes:
        pretrained: {count: accuracies of a softmax on frozen features, one for each division from 0 on}.
        scratch: {count: those of networks from scratch}.
        divisions: {count: the division of each of the latter}.
        measured: {count: `Probe` of the networks from scratch that lie here}.
    """

    pretrained: Mapping[int, np.ndarray]
    scratch: Mapping[int, np.ndarray]
    divisions: Mapping[int, Sequence[int]]
    measured: Mapping[int, Probe] | None = None

    def of(self, name: str) -> Mapping[int, np.ndarray]:
        """The accuracies of "pretrained" or "from scratch"."""
        return {"pretrained": self.pretrained, "from scratch": self.scratch}[name]

    def lead(self, few: int, many: int) -> np.ndarray:
        """Frozen features of `few` images of each class minus networks from scratch that had `many`: points, by division."""
        frozen, learnt = self.pretrained[few], zip(self.divisions[many], self.scratch[many], strict=True)
        return np.array([frozen[fold] - accuracy for fold, accuracy in learnt if fold < len(frozen)])

    def first_ahead(self, many: int) -> int:
        """From how many images on frozen features pass the networks that had `many`; 0: they never do."""
        ahead = [few for few, each in self.pretrained.items() if each.mean() > self.scratch[many].mean()]
        return ahead[0] if ahead else 0

    def table(self, target: str) -> Measured:
        """Table 4, the paper's numbers beside ours."""
        rows = []
        for name in PAPER:
            for count in [count for count in self.of(name) if count in self.scratch or count in TABLE4]:
                rows.append([f"{name}, {count} per class", printed(target, name, count), with_deviation(self.of(name)[count])])
        title = f"Table 4, {target}: accuracy in %{deviations_over('divisions', rows)}"
        return Measured(["", "the paper", "here"], rows, title, known=2)


def compare(world: World, network: str, target: Target, pretrained: Mapping[int, Probe], live: Sequence[int]) -> Comparison:
    """Frozen features beside the networks from scratch that lie here or are on record; all of it measured.

    Args:
        world: the notebook's, as the networks of this course see it.
        network: whose features they are.
        target: what is learnt.
        pretrained: {images of each class: a softmax on the features}.
        live: divisions whose networks from scratch are judged here, on their own test images.
    """
    record, probes = _record(world, network, target), {}
    counts = [count for count in TABLE4 if count in pretrained] or list(pretrained)[-2:]
    for count in counts:
        paper = printed(target.name, "pretrained", count)
        measure_probe(f"pretrained, {count} per class", pretrained[count], TEST, paper=paper, shown=False)
    small = open_target(target.name, world) if target.images.image_size != world.image_size else target
    for count in TABLE4:
        if there := trained_folds(world.name, target.name, count, live):
            probes[count] = scratch_probe(world.name, small, count, there)
            errors = [_training_error(world.name, network_name(target.name, count, fold)) for fold in there]
            name = f"from scratch, {count} per class"
            measure(f"{name}: error on its own training images", np.mean(errors), "%", shown=False)
            paper = printed(target.name, "from scratch", count)
            measure_probe(name, probes[count], TEST, paper=paper, shown=False)
    accuracies = {}
    for name, found in (("pretrained", pretrained), ("from scratch", probes)):
        here = {count: 100 * np.array(probe.accuracies) for count, probe in found.items()}
        kept = {int(count): np.array(row["each"]) for count, row in record["rows"].get(name, {}).items()}
        for count in sorted(here.keys() & kept.keys() & {*TABLE4}):
            off = (here[count] - kept[count][: len(here[count])]).mean()
            measure(f"{name}, {count} per class: measured here minus on record", off, "points", shown=False)
        asked = here.keys() if name == "pretrained" else here.keys() | kept.keys()
        accuracies[name] = {count: kept.get(count, here.get(count)) for count in sorted(asked)}
    divisions = {count: trained_folds(world.name, target.name, count, live) for count in probes}
    divisions |= {int(count): folds for count, folds in record["scratch_folds"].items()}
    return Comparison(accuracies["pretrained"], accuracies["from scratch"], divisions, probes)


def by_far(lead: np.ndarray, count: int) -> bool | None:
    """Whether the whole interval of a lead lies above `FAR`, or below it; None if it holds it. One division: the lead itself."""
    low, high = over_divisions(lead, TEST, count) or (lead.mean(), lead.mean())
    return True if low > FAR else False if high < FAR else None


def curve(each: Mapping[int, np.ndarray]) -> tuple[list[int], list[float], list[float]]:
    """Images of each class, means and deviations over divisions, as `curves_figure` draws them.

    >>> curve({1: np.array([20.0]), 5: np.array([30.0, 32.0])})
    ([1, 5], [20.0, 31.0], [0.0, 1.4142135623730951])
    """
    deviations = [float(values.std(ddof=min(1, len(values) - 1))) for values in each.values()]
    return list(each), [float(values.mean()) for values in each.values()], deviations


def measure_named(world: World, classes: Sequence[str], probe: Probe) -> None:
    """How many classes of a target the network has a name for, and how well a probe tells the others, each measured.

    Args:
        world: as the network sees it, with the names of its outputs.
        classes: of the target, in the order of the probe's confusion matrix.
    """
    names = {name.lower() for name in world.outputs}
    new = np.array([name.lower().replace("_", " ") not in names for name in classes])
    right = probe.confusion.diagonal() / probe.confusion.sum(1)
    measure("classes of the target that the network has a name for", int((~new).sum()), f"of {len(new)}")
    measure(f"pretrained, {probe.per_class} per class: the other classes alone", 100 * right[new].mean(), "%")


def printed(target: str, name: str, count: int) -> float | None:
    """The paper's number, where it has one for so many images."""
    table, column = published.table(5 if target == "caltech256" else 4), f"{count} per class"
    return table[PAPER[name], column] if column in table.columns else None


def with_deviation(each: np.ndarray) -> str:
    """Mean and deviation over divisions.

    >>> with_deviation(np.array([30.0, 32.0])), with_deviation(np.array([30.0]))
    ('31.0 ± 1.4', '30.0')
    """
    return f"{each.mean():.1f}" + (f" ± {each.std(ddof=1):.1f}" if len(each) > 1 else "")


def _record(world: World, network: str, target: Target) -> dict:
    """The record of Table 4; of a network from elsewhere with this course's networks from scratch."""
    nothing = {"rows": {}, "scratch_folds": {}}
    if target.name != default_target(world):
        return nothing
    try:
        record = read_record(world.name, 4, network)
        if kind_of(network) != "ours":
            ours = read_record(world.name, 4)
            record["rows"]["from scratch"], record["scratch_folds"] = ours["rows"]["from scratch"], ours["scratch_folds"]
    except FileNotFoundError:
        return nothing
    return record


def _training_error(world: str, network: str) -> float:
    return 100 * read_card(world, network)["metrics"]["val_error"]
