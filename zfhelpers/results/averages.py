"""Table 2 beside the paper's: judged here or read from its record, and who is better than whom.

    found = judged_averages("toy", most=400)
    found.rows["average"]["ten crops"]["top1"], found.apart("replication", "one", "ten crops").points

`ensembles` measures the table; here its rows get the paper's numbers and, for the difference of two rows, the two intervals that
decide it: over images, and over trainings.
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from typing import NamedTuple

import numpy as np

from zfhelpers.experiments.classification import one_crop, ten_crops, view_probabilities
from zfhelpers.experiments.intervals import ends, over_images, pooled
from zfhelpers.networks.trained import Network, stand_ins, trained
from zfhelpers.paper.measurements import measure
from zfhelpers.paper.published import table
from zfhelpers.paper.tables import Measured
from zfhelpers.results.ablation import top_k
from zfhelpers.results.ensembles import table2, table2_members, table2_views
from zfhelpers.results.records import say_record
from zfhelpers.training.errors import wrong
from zfhelpers.worlds.world import World

CROPS = {"one crop": one_crop, "ten crops": ten_crops}
WORDS = {
    "replication": "replication of Krizhevsky's",
    "one": "one of ours, mean",
    "average": "ours, averaged",
    "wide": "the wide one",
    "all": "all of these averaged",
}
PUBLISHED = {  # the same rows in the paper's Table 2
    "replication": "Our replication of Krizhevsky, 1 convnet",
    "one": "1 convnet as Fig. 3",
    "average": "5 convnets as Fig. 3 (a)",
    "wide": "1 convnet, layers 3,4,5: 512,1024,512 (b)",
    "all": "6 convnets (a)+(b)",
}


class Difference(NamedTuple):
    """Of two rows: points of top-1 error, and their 95 % intervals, None where one cannot be told."""

    points: float
    images: tuple[float, float] | None
    trainings: tuple[float, float] | None


@dataclass(frozen=True, eq=False)
class Averages:
    """Table 2 of a world.

    Attributes:
        table: as `ensembles.table2` gives it, or its record.
        views, labels: of the networks that were judged here, see `ensembles.table2_views`.
        recorded: whether the table is a record, of other networks than those of `views`.
        seed: of the bootstrap.
    """

    table: dict
    views: Mapping[Network, np.ndarray]
    labels: np.ndarray
    recorded: bool
    seed: int = 0

    @property
    def rows(self) -> dict:
        """The rows that have a network, by the names of `WORDS`."""
        return self.table["rows"]

    def paper(self, row: str, which: str = "val top-1") -> float:
        """The paper's error of a row, in %."""
        return table(2)[PUBLISHED[row], which]

    def apart(self, worse: str, better: str, crops: str) -> Difference:
        """By how much one row misses more than another, each the mean over its networks.

        The interval over images is known where they were judged here; that over trainings takes both rows to scatter alike.
        """
        first, second = self.rows[worse][crops], self.rows[better][crops]
        images = None if self.recorded else over_images(self._missed(worse, crops) - self._missed(better, crops), self.seed)
        trainings = pooled(first["each"], second["each"], [first["each"], second["each"]])
        return Difference(first["top1"] - second["top1"], images, trainings)

    def _missed(self, row: str, crops: str) -> np.ndarray:
        """How often each image is missed by the networks of a row, (N,) in %."""
        found = [wrong(CROPS[crops](self.views[each]), self.labels) for each in table2_members(self.views)[row]]
        return 100 * np.mean(found, axis=0)

    def standings(self) -> Measured:
        """Who is better than whom, beside the paper; ours against the replication over trainings is measured."""
        rows, lines = self.rows, []
        if {"replication", "one"} <= rows.keys():
            for crops in CROPS:
                better = self.apart("replication", "one", crops)
                name = f"replication minus ours, {crops}, over trainings"
                measure(name, better.points, "points", 2.1, better.trainings, shown=False)
                lines.append((f"ours better than the replication, {crops}", 2.1, better))
        if "average" in rows:
            gain = rows["average"]["ten crops"]
            averaged = Difference(gain["gain"], gain["gain_images"], None)
            lines.append(("several of ours averaged better than one, ten crops", 1.7, averaged))
        if {"one", "wide"} <= rows.keys():
            lines.append(("the wide one better than ours, ten crops", 0.9, self.apart("one", "wide", "ten crops")))
        return Measured(
            ["", "the paper", "here", "over images", "over trainings"],
            [(what, paper, f"{found.points:+z.1f}", ends(found.images), ends(found.trainings)) for what, paper, found in lines],
            "Who is better than whom: points of top-1 error, with 95 % intervals",
            known=2,
        )


def judged_averages(world: str, most: int, seed: int = 0) -> Averages:
    """Table 2 of the networks that lie here; where some are missing, the table's record if there is one.

    Args:
        world: its name.
        most: how many validation images are judged at most.
        seed: of their draw, and of the bootstrap.

    Raises:
        ValueError: no network of Table 2 lies here.
    """
    networks, recorded = trained(world), None
    if len(table2_members(networks)) < len(WORDS):
        networks = networks if table2_members(networks) else stand_ins(world)
        print(f"Not all networks of Table 2 lie here. Judged now: {', '.join(networks.values())}.")
        recorded = say_record(world, 2)
    views, labels = table2_views(world, networks, most=most, seed=seed)
    return Averages(recorded or table2(views, labels, seed), views, labels, recorded is not None, seed)


def errors_beside_replication(net, data: World, most: int, seed: int = 0) -> list[tuple]:
    """Errors of one network from elsewhere, over images of classes that it knows, beside the paper's replication of Krizhevsky's.

    Args:
        net, data: the network and its world.
        most: how many validation images are judged at most.
        seed: of their draw, and of the bootstrap.

    Returns:
        (name, error, "%", the paper's, interval over images, note) of one crop and of ten: what `measure` takes.
    """
    known = np.flatnonzero(data.answers[data.val.labels] >= 0)
    judged = np.sort(np.random.default_rng(seed).permutation(known)[:most])
    views, right = view_probabilities(net, data, data.val, judged), data.answers[data.val.labels[judged]]
    note = f"{len(judged)} images, {len(data.outputs):,} possible answers; the paper's of its replication"
    found = []
    for crops, take in CROPS.items():
        for k in sorted({1, top_k(len(data.outputs))}):
            missed = 100 * wrong(take(views), right, k)
            paper = table(2)[PUBLISHED["replication"], f"val top-{k}"] if k in (1, 5) else None
            found.append((f"{crops}: top-{k} error", missed.mean(), "%", paper, over_images(missed, seed), note))
    return found
