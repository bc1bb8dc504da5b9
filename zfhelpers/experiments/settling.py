"""When the layers of a network have settled: three measures over the epochs, and what random weights would give.

    found = settling(grown, untrained)        # of evolution.evolve, and of evolution.responses of a network with random weights
    found.curves["strongest"]["layer1"]       # one value for each epoch, the last of them 1
    found.settled("strongest", "layer1")      # the first epoch from which the curve stays at 90 % or above

The measures compare an epoch with the end: linear CKA of the maps' strongest activations, linear CKA of their means, and the
share of maps whose strongest image changes no more. A network with random weights also resembles the trained one, because both
look at the same images; so "above random" counts the first measure from there: (value - random) / (1 - random).
"""

from __future__ import annotations

from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass

import numpy as np
import torch
from torch import nn

from zfhelpers.experiments.evolution import LAYERS, Responses, linear_cka, responses, settled_at, unchanged, winners
from zfhelpers.networks.elsewhere import untrained
from zfhelpers.paper.tables import Measured
from zfhelpers.worlds.world import World

MEASURES = {
    "strongest": "similarity of strongest activations",
    "above random": "the same, counted from random weights",
    "means": "similarity of means",
    "winners": "maps that keep their strongest image",
}
EARLY = (5, 20, 40)  # epochs at which the first measure is recorded


@dataclass(frozen=True)
class Settling:
    """How similar each layer is to its end.

    Attributes:
        epochs: increasing; the last is the end.
        curves: {measure: {layer: (E,) one value for each epoch}}, 1 at the end.
        random: {"strongest", "means" or "winners": {layer: the same of random weights}}.
    """

    epochs: Sequence[int]
    curves: Mapping[str, Mapping[str, Sequence[float]]]
    random: Mapping[str, Mapping[str, float]]

    @property
    def places(self) -> dict[float, str]:
        """Where a logarithmic axis is marked, and with what: random weights stand at half the first epoch."""
        return {self.epochs[0] / 2: "random", **{epoch: str(epoch) for epoch in self.epochs}}

    def from_random(self, measure: str) -> dict[str, tuple[list[float], list[float]]]:
        """The curves of a measure with random weights before the first epoch: {layer: (places, values)}."""
        places = list(self.places)
        return {layer: (places, [self.random[measure][layer], *curve]) for layer, curve in self.curves[measure].items()}

    def settled(self, measure: str, layer: str) -> int | None:
        """The first epoch from which a layer stays at 90 % or above; the last epoch means not before the end."""
        return settled_at(self.epochs, self.curves[measure][layer])

    def table(self) -> Measured:
        """The epoch from which each layer has settled, by each measure."""
        lines = [[words, *(self.settled(measure, layer) for layer in LAYERS)] for measure, words in MEASURES.items()]
        return Measured(["measure", *LAYERS], lines, f"Settled at 90 % from epoch ({self.epochs[-1]}: not before the end)")

    def numbers(self) -> Iterator[tuple[str, float, str]]:
        """(name, value, unit) of all that is recorded."""
        yield "epochs trained", self.epochs[-1], ""
        for layer in LAYERS:
            for epoch in [epoch for epoch in EARLY if epoch in self.epochs[:-1]]:
                yield f"{layer}: strongest, epoch {epoch}", self.curves["strongest"][layer][self.epochs.index(epoch)], ""
            yield f"{layer}: strongest, random weights", self.random["strongest"][layer], ""
            yield f"{layer}: random weights, maps with the final winner", 100 * self.random["winners"][layer], "%"
            for measure, name in zip(MEASURES, ("strongest", "strongest, above random", "means", "winners kept"), strict=True):
                yield f"{layer}: {name}, settled from epoch", self.settled(measure, layer), ""


def settling(grown: Mapping[int, Mapping[str, Responses]], start: Mapping[str, Responses]) -> Settling:
    """Compares every epoch with the last one.

    Args:
        grown: see `evolution.evolve`.
        start: the `evolution.responses` of a network with random weights to the same images.
    """
    last = grown[max(grown)]
    curves: dict = {measure: {} for measure in MEASURES}
    random: dict = {"strongest": {}, "means": {}, "winners": {}}
    for layer in LAYERS:
        for measure, what in (("strongest", "peaks"), ("means", "means")):
            end = getattr(last[layer], what)
            curves[measure][layer] = [linear_cka(getattr(grown[epoch][layer], what), end) for epoch in sorted(grown)]
            random[measure][layer] = linear_cka(getattr(start[layer], what), end)
        floor = random["strongest"][layer]
        curves["above random"][layer] = [(value - floor) / (1 - floor) for value in curves["strongest"][layer]]
        won = torch.stack([winners(grown[epoch][layer].peaks) for epoch in sorted(grown)])
        curves["winners"][layer] = unchanged(won).tolist()
        random["winners"][layer] = float((winners(start[layer].peaks) == won[-1]).double().mean())
    return Settling(sorted(grown), curves, random)


def before_and_after(
    module: nn.Module, world: World, indices: Sequence[int], split: str = "val", seed: int = 0
) -> dict[str, list[float]]:
    """How similar a network is to itself with random weights, layer by layer, and what features that do not belong together give.

    Args:
        module, world, indices, split: as for `evolution.responses`.
        seed: of the random weights, and of the order in which images are shuffled.

    Returns:
        {"strongest activations", "means", and each with ", shuffled": (5,) linear CKA of layers 1 to 5}.
    """
    before, after = (responses(each, world, indices, split=split) for each in (untrained(module, seed), module))
    mixed = np.random.default_rng(seed).permutation(len(indices))
    found = {}
    for name, what in (("strongest activations", "peaks"), ("means", "means")):
        pairs = [(getattr(before[layer], what), getattr(after[layer], what)) for layer in LAYERS]
        found[name] = [linear_cka(*pair) for pair in pairs]
        found[f"{name}, shuffled"] = [linear_cka(one[mixed], two) for one, two in pairs]
    return found
