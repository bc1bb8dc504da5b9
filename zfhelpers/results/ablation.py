"""Twelve networks, and what each change to them costs: Table 3 of the paper (sec. 5.1).

Every row is trained from scratch with several seeds, see `networks`. A difference between two rows is taken image by image and
seed by seed: both judge the same images, and networks of the same seed saw the same crops in the same order.
"""

from __future__ import annotations

from collections.abc import Mapping

import numpy as np
from tqdm.auto import tqdm

from zfhelpers.experiments.classification import probabilities
from zfhelpers.experiments.intervals import over_images
from zfhelpers.files import show_progress
from zfhelpers.model import TABLE3
from zfhelpers.networks.catalogue import BASES, SEEDS
from zfhelpers.networks.checkpoints import load
from zfhelpers.networks.trained import MISSING, Network, trained
from zfhelpers.training.errors import wrong
from zfhelpers.worlds.world import World


def top_k(classes: int) -> int:
    """The k whose top-k error is shown beside top-1: the paper's 5 for a thousand classes, 2 for a few dozen.

    Of 24 classes hardly any is missed by five guesses, and errors near zero order nothing. With two, top-k errors are about 0.4
    times the top-1 errors, as they are in the paper (16.5 / 38.4 = 0.43).

    >>> top_k(1000), top_k(24), top_k(2)
    (5, 2, 1)
    """
    return 5 if classes >= 100 else max(1, min(2, classes - 1))


def table3(world: str, networks: Mapping[Network, str] | None = None, most: int = 4000, seed: int = 0) -> dict:
    """Train and validation errors of networks of Table 3, of centre crops.

    Args:
        world: its name.
        networks: see `trained`; all that are there, of as many seeds as every row is trained with, if None.
        most: how many images of either set are judged at most; of the training images as many as of the validation images.
        seed: of the images drawn, and of the bootstrap.

    Returns:
        {"classes", "k", "train_images", "val_images",
         "networks": [{"row", "seed", "parameters", "train_top1", "val_top1", "val_topk" in %, "of_class": top-1 error in %}],
         "differences": {row: {"top1": difference to its base in points, mean over the seeds both have, "topk": the same,
                               "images": [low, high] of "top1", by a bootstrap over images, "pairs": one difference per seed}},
         "bases": the same of alexnet against zfnet}

    Raises:
        ValueError: no network.
    """
    if networks is None:
        networks = {network: name for network, name in trained(world).items() if network.seed in SEEDS}
    if not networks:
        raise ValueError(MISSING.format(table=3, world=world))
    entries, missed = [], {}
    for network, name in tqdm(networks.items(), desc="Table 3", unit="network", disable=not show_progress()):
        net, data = load(world, name)
        val, train = judged(data, most, seed)
        k, labels = top_k(len(data.classes)), data.val.labels[val]
        found = probabilities(net, data, data.val, val)
        seen = wrong(probabilities(net, data, data.train, train), data.train.labels[train])
        first, within = wrong(found, labels), wrong(found, labels, k)
        missed[network] = first, within
        entries.append(
            {
                "row": network.row,
                "seed": network.seed,
                "parameters": sum(p.numel() for p in net.parameters()),
                "train_top1": _percent(seen),
                "val_top1": _percent(first),
                "val_topk": _percent(within),
                "of_class": [_percent(first[labels == c]) if c in labels else None for c in range(len(data.classes))],
            }
        )
    return {
        "classes": list(data.classes),
        "k": k,
        "train_images": len(train),
        "val_images": len(val),
        "networks": entries,
        "differences": {row: _difference(row, BASES[row], missed, seed) for row in TABLE3 if row != BASES[row]},
        "bases": _difference("alexnet", "zfnet", missed, seed),
    }


def judged(data: World, most: int, seed: int = 0) -> tuple[np.ndarray, np.ndarray]:
    """Which validation and which training images are judged: drawn at random, the same for all networks."""
    count = min(most, len(data.val))
    val, train = (np.random.default_rng(seed).permutation(len(images))[:count] for images in (data.val, data.train))
    return np.sort(val), np.sort(train)


def _percent(missed: np.ndarray) -> float:
    return 100 * float(missed.mean())


def _difference(row: str, base: str, missed: Mapping[Network, tuple], seed: int) -> dict | None:
    """A row against another, over the seeds that both have; None if there is none."""
    pairs = [(network, Network(base, network.seed)) for network in missed if network.row == row]
    pairs = [(network, other) for network, other in pairs if other in missed]
    if not pairs:
        return None
    top1, topk = ([100 * (missed[network][k].astype(float) - missed[other][k]) for network, other in pairs] for k in range(2))
    return {
        "top1": float(np.mean(top1)),
        "topk": float(np.mean(topk)),
        "images": list(over_images(np.mean(top1, axis=0), seed)),
        "pairs": [float(pair.mean()) for pair in top1],
    }
