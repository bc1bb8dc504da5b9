"""Which networks lie here: shipped, or trained by the reader.

>>> list(stand_ins("imagenette").values())
['fig6-alexnet', 'fig6-zfnet', 'zfnet']
"""

from __future__ import annotations

from collections.abc import Sequence

from zfhelpers.model import TABLE3
from zfhelpers.networks.catalogue import network_name
from zfhelpers.networks.checkpoints import network_dirs

BASES = {row: "alexnet" if row.startswith("alexnet") else "zfnet" for row in TABLE3}
MISSING = "No network of Table {table} for the world {world!r} lies here; 'make train WORLD={world}' trains them."
Network = tuple[str, int]  # a row of Table 3 and a seed


def trained(world: str) -> dict[Network, str]:
    """The networks of Tables 2 and 3 that lie here, row by row and seed by seed: {(row, seed): what `load` calls it}.

    They are found by their cards, so that one that is still being trained is not among them.
    """
    seeds: dict[str, set[int]] = {row: set() for row in TABLE3}
    for folder in network_dirs(world):
        for card in folder.glob("table3/*.json"):
            row, _, seed = card.stem.rpartition("-")
            if row in seeds and seed.isdigit():
                seeds[row].add(int(seed))
    return {(row, seed): f"table3/{row}-{seed}" for row, found in seeds.items() for seed in sorted(found)}


def stand_ins(world: str) -> dict[Network, str]:
    """Where no networks of Table 3 lie: those of Fig. 6, and as seed 1 the network of all notebooks, as far as they are there.

    The latter was trained for longer, on photographs at another rate: it can be averaged with the others, not compared.
    """
    candidates = {("alexnet", 0): "fig6-alexnet", ("zfnet", 0): "fig6-zfnet", ("zfnet", 1): "zfnet"}
    return {
        network: name
        for network, name in candidates.items()
        if any((folder / f"{name}.json").exists() for folder in network_dirs(world))
    }


def trained_folds(world: str, target: str, per_class: int, folds: Sequence[int]) -> list[int]:
    """Those of the folds whose network from scratch is there, shipped or trained by the reader."""
    names = {fold: network_name(target, per_class, fold) for fold in folds}
    return [fold for fold, name in names.items() if any((at / f"{name}.json").exists() for at in network_dirs(world))]
