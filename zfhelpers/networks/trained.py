"""Which networks lie here: shipped, or trained by the reader.

>>> list(stand_ins("imagenette").values())
['fig6-alexnet', 'fig6-zfnet', 'zfnet']
"""

from __future__ import annotations

from collections.abc import Sequence
from typing import NamedTuple

from zfhelpers.model import TABLE3
from zfhelpers.networks.catalogue import network_name
from zfhelpers.networks.checkpoints import network_dirs

MISSING = "No network of Table {table} for the world {world!r} lies here; 'make train WORLD={world}' trains them."


class Network(NamedTuple):
    """A row of Table 3, trained with a seed."""

    row: str
    seed: int


def trained(world: str) -> dict[Network, str]:
    """The networks of Tables 2 and 3 that lie here, row by row and seed by seed: {Network: what `load` calls it}.

    They are found by their cards, so that one that is still being trained is not among them.
    """
    seeds: dict[str, set[int]] = {row: set() for row in TABLE3}
    for folder in network_dirs(world):
        for card in folder.glob("table3/*.json"):
            row, _, seed = card.stem.rpartition("-")
            if row in seeds and seed.isdigit():
                seeds[row].add(int(seed))
    return {Network(row, seed): f"table3/{row}-{seed}" for row, found in seeds.items() for seed in sorted(found)}


def stand_ins(world: str) -> dict[Network, str]:
    """Where no networks of Table 3 lie: those of Fig. 6, and as seed 1 the network of all notebooks, as far as they are there.

    The latter was trained for longer, on photographs at another rate: it can be averaged with the others, not compared.
    """
    candidates = {Network("alexnet", 0): "fig6-alexnet", Network("zfnet", 0): "fig6-zfnet", Network("zfnet", 1): "zfnet"}
    return {network: name for network, name in candidates.items() if lies_here(world, name)}


def trained_folds(world: str, target: str, per_class: int, folds: Sequence[int]) -> list[int]:
    """Those of the folds whose network from scratch is there, shipped or trained by the reader."""
    return [fold for fold in folds if lies_here(world, network_name(target, per_class, fold))]


def lies_here(world: str, name: str) -> bool:
    """Whether a network is there to be loaded."""
    return any((folder / f"{name}.json").exists() for folder in network_dirs(world))
