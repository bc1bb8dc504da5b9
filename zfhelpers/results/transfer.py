"""The baseline of Tables 4 and 5: the same network trained from scratch on the few images of a target (sec. 5.2).

    python -m zfhelpers.networks --world toy --only scratch/toy-novel-30-0

trains on 30 images of each class of the target "toy-novel", those of `transfer.split(..., fold=0)`, with the structure and the
recipe of the world's own network (`training.train`): 300 to 600 images instead of thousands, and nothing else.

    >>> from zfhelpers.worlds.targets import open_target
    >>> from zfhelpers.worlds.world import open_world
    >>> world = open_world("toy")
    >>> few_images(open_target("toy-novel", world), world, per_class=15, fold=0)
    World('toy-novel-15-0': 20 classes, 128 px)
"""

from __future__ import annotations

from collections.abc import Sequence

import numpy as np
import torch
from sklearn.metrics import balanced_accuracy_score, confusion_matrix

from zfhelpers.experiments.probes import Probe, split, thin_out
from zfhelpers.networks.checkpoints import load, network_dirs
from zfhelpers.training.loop import BATCH
from zfhelpers.worlds.targets import Target
from zfhelpers.worlds.world import ImageSet, World

PER_EPOCH = 3000  # images: a pass over 300 would be ten steps, and nothing could be said after each
POOL = 80  # images of a class that training and test images are drawn from: 30 to train on and 50 to test on
TEST = 50  # of a class, at most (sec. 5.2)


def network_name(target: str, per_class: int, fold: int) -> str:
    """How a network from scratch is called; also where its files lie.

    >>> network_name("toy-novel", 30, 0)
    'scratch/toy-novel-30-0'
    """
    return f"scratch/{target}-{per_class}-{fold}"


def pool(target: Target) -> ImageSet:
    """The images that all folds are drawn from, for pretrained features and from scratch alike: `POOL` of each class at most."""
    return thin_out(target.images, POOL)


def few_images(target: Target, world: World, per_class: int, fold: int) -> World:
    """A world that consists of one fold's training images of a target.

    Its training set repeats them, until an epoch has `PER_EPOCH` images or more; each time they are cropped and mirrored anew.
    Its validation set is the same images once: the recipe lowers the rate when the validation error stops falling, and test
    images must have no part in that. Its mean image is theirs as well.

    Args:
        target: what is to be learnt.
        world: whose image size counts.
        per_class: training images of each class.
        fold: which of the random draws, see `transfer.split`.

    Raises:
        ValueError: what `split` raises, for instance a class with too few images.
    """
    images = pool(target)
    rows, _ = split(images.labels, per_class, TEST, fold)
    frames, labels = np.ascontiguousarray(images.frames[rows]), images.labels[rows]
    again = np.tile(np.arange(len(rows)), -(-PER_EPOCH // len(rows)))
    sets = {"train": (frames[again], labels[again]), "val": (frames, labels)}
    name = network_name(target.name, per_class, fold).partition("/")[2]
    return World(name, target.classes, world.image_size, lambda _, which: ImageSet(*sets[which], world.image_size))


def trained_folds(world: str, target: str, per_class: int, folds: Sequence[int]) -> list[int]:
    """Those of the folds whose network from scratch is there, shipped or trained by the reader."""
    names = {fold: network_name(target, per_class, fold) for fold in folds}
    return [fold for fold, name in names.items() if any((at / f"{name}.json").exists() for at in network_dirs(world))]


def scratch_probe(world: str, target: Target, per_class: int, folds: Sequence[int]) -> Probe:
    """How well networks trained from scratch tell the target's classes, each on the test images of its own fold.

    Args:
        world: name of the world whose networks these are.
        target: what they were trained on.
        per_class: training images of each class that they had.
        folds: one or more; a network for each.

    Returns:
        a `Probe` without costs: a network has none.

    Raises:
        FileNotFoundError: a network is not there; the sentence has the command that trains it.
        ValueError: no fold.
    """
    if not len(folds):
        raise ValueError("folds must name one random draw or more.")
    missing = [network_name(target.name, per_class, fold) for fold in folds]
    missing = [
        name for name, fold in zip(missing, folds, strict=True) if not trained_folds(world, target.name, per_class, [fold])
    ]
    if missing:
        raise FileNotFoundError(
            f"There is no network {', '.join(missing)}; train it with "
            f"'python -m zfhelpers.networks --world {world} --only {' '.join(missing)}'."
        )
    images, accuracies, confusions = pool(target), [], []
    for fold in folds:
        net, own = load(world, network_name(target.name, per_class, fold))
        _, test = split(images.labels, per_class, TEST, fold)
        parts = np.array_split(test, -(-len(test) // BATCH))
        with torch.inference_mode():
            said = torch.cat([net(own.preprocess(images.images(part))).argmax(1) for part in parts])
        accuracies.append(float(balanced_accuracy_score(images.labels[test], said)))
        confusions.append(confusion_matrix(images.labels[test], said, labels=range(len(target.classes))))
    return Probe("from scratch", per_class, tuple(accuracies), (), sum(confusions))
