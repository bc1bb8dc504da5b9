"""One network, five averaged, a wide one, all six: Table 2 of the paper.

    >>> table2_members([Network("alexnet", 0), Network("zfnet", 0), Network("zfnet", 1), Network("zfnet-wide", 0)])["all"]
    [Network(row='zfnet', seed=0), Network(row='zfnet', seed=1), Network(row='zfnet-wide', seed=0)]

The paper does not say whether its validation errors are of one crop or of ten; both are measured. How the gain of an average is
counted matters: here it is against the mean of the members, which is what one network, picked without looking, is expected to do.
"""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from itertools import chain

import numpy as np
from tqdm.auto import tqdm

from zfhelpers.experiments.classification import average, one_crop, ten_crops, view_probabilities
from zfhelpers.experiments.intervals import over_images
from zfhelpers.files import show_progress
from zfhelpers.networks.catalogue import ENSEMBLE
from zfhelpers.networks.checkpoints import load
from zfhelpers.networks.trained import MISSING, Network, trained
from zfhelpers.results.ablation import judged, top_k
from zfhelpers.training.errors import wrong


def table2_views(
    world: str, networks: Mapping[Network, str] | None = None, most: int = 4000, seed: int = 0
) -> tuple[dict[Network, np.ndarray], np.ndarray]:
    """What every network that Table 2 needs makes of the ten views of validation images.

    Args:
        world: its name.
        networks: see `trained`, which is what is taken if None.
        most: how many validation images are judged at most.
        seed: of their draw.

    Returns:
        ({network: (N, 10, classes) float32}, (N,) labels).

    Raises:
        ValueError: none of these networks is there.
    """
    networks = trained(world) if networks is None else networks
    groups = table2_members(networks)
    if not groups:
        raise ValueError(MISSING.format(table=2, world=world))
    found = {}
    for network in tqdm(dict.fromkeys(chain(*groups.values())), desc="Table 2", unit="network", disable=not show_progress()):
        net, data = load(world, networks[network])
        val, _ = judged(data, most, seed)
        found[network] = view_probabilities(net, data, data.val, val)
    return found, data.val.labels[val]


def table2(views: Mapping[Network, np.ndarray], labels: np.ndarray, seed: int = 0) -> dict:
    """Errors of single networks and of averages of several, with one crop and with ten.

    Args:
        views, labels: see `table2_views`.
        seed: of the bootstrap.

    Returns:
        {"k", "val_images", "rows": {name: {"members", "one crop": {...}, "ten crops": {...}}}}, each with "top1", "topk" in %,
        "top1_images", "topk_images": intervals [low, high] over images, "each": the members' top-1 errors; and for averages
        "gain": points of top-1 below the mean of their members, "gain_images": its interval.
    """
    k = top_k(next(iter(views.values())).shape[-1])
    rows = {
        name: {"members": [f"{network.row}-{network.seed}" for network in group]}
        | {
            crops: _ensemble([take(views[network]) for network in group], labels, k, name, seed)
            for crops, take in (("one crop", one_crop), ("ten crops", ten_crops))
        }
        for name, group in table2_members(views).items()
    }
    return {"k": k, "val_images": len(labels), "rows": rows}


def table2_members(networks: Iterable[Network]) -> dict[str, list[Network]]:
    """Which networks make up each row of Table 2: {name: networks}; rows without a network are left out."""
    ours = [network for network in networks if network.row == "zfnet" and network.seed in ENSEMBLE]
    first = {row: [network for network in networks if network.row == row][:1] for row in ("alexnet", "zfnet-wide")}
    several = len(ours) > 1
    groups = {
        "replication": first["alexnet"],
        "one": ours,
        "average": ours if several else [],
        "wide": first["zfnet-wide"],
        "all": ours + first["zfnet-wide"] if ours and first["zfnet-wide"] else [],
    }
    return {name: group for name, group in groups.items() if group}


def _ensemble(members: list[np.ndarray], labels: np.ndarray, k: int, name: str, seed: int) -> dict:
    """Errors of one row: of "one" the mean over its networks, of all others those of the average."""

    def judge(values: np.ndarray, k: int) -> np.ndarray:
        return 100 * wrong(values, labels, k).astype(float)

    single = {k: np.mean([judge(member, k) for member in members], axis=0) for k in (1, k)}
    shown = single if name == "one" else {k: judge(average(members), k) for k in (1, k)}
    row = {
        "top1": float(shown[1].mean()),
        "topk": float(shown[k].mean()),
        "top1_images": list(over_images(shown[1], seed)),
        "topk_images": list(over_images(shown[k], seed)),
        "each": [float(judge(member, 1).mean()) for member in members],
    }
    if shown is not single and len(members) > 1:
        gain = single[1] - shown[1]
        row |= {"gain": float(gain.mean()), "gain_images": list(over_images(gain, seed))}
    return row
