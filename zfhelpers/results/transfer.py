"""Table 4: borrowed features against the same network trained from scratch on the few images of a target (sec. 5.2).

    python -m zfhelpers.networks --world toy --only scratch/toy-novel-30-0

trains on 30 images of each class of the target "toy-novel", those of `divisions.split(..., fold=0)`, with the structure of the
world's own network: 300 to 600 images instead of thousands, and nothing else. Notebook 11 does the same with fewer images and
divisions where the paper's protocol would take a reader's quarter of an hour.
"""

from __future__ import annotations

from collections.abc import Sequence

from sklearn.metrics import balanced_accuracy_score, confusion_matrix
from tqdm.auto import tqdm

from zfhelpers.experiments.classification import probabilities
from zfhelpers.experiments.features import features
from zfhelpers.experiments.probes import Probe, gram_matrix, learning_curve
from zfhelpers.files import show_progress
from zfhelpers.networks.catalogue import SAME_SCRATCH, network_name, scratch_of
from zfhelpers.networks.checkpoints import load
from zfhelpers.networks.named import paper_layers
from zfhelpers.networks.trained import trained_folds
from zfhelpers.results.records import read_record
from zfhelpers.worlds.divisions import split
from zfhelpers.worlds.few import TEST, pool
from zfhelpers.worlds.targets import Target, default_target, open_target


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
    there = trained_folds(world, target.name, per_class, folds)
    if missing := [network_name(target.name, per_class, fold) for fold in folds if fold not in there]:
        raise FileNotFoundError(
            f"There is no network {', '.join(missing)}; train it with "
            f"'python -m zfhelpers.networks --world {world} --only {' '.join(missing)}'."
        )
    images, accuracies, confusions = pool(target), [], []
    for fold in folds:
        net, own = load(world, network_name(target.name, per_class, fold))
        _, test = split(images.labels, per_class, TEST, fold)
        said = probabilities(net, own, images, test).argmax(axis=1)
        accuracies.append(float(balanced_accuracy_score(images.labels[test], said)))
        confusions.append(confusion_matrix(images.labels[test], said, labels=range(len(target.classes))))
    return Probe("from scratch", per_class, tuple(accuracies), (), sum(confusions))


def table4(world: str, folds: int = 5, network: str = "zfnet") -> dict:
    """A softmax on frozen layer 7 against the same network from scratch, with 15 and 30 images of each class, on toy also with 5.

    A network without layer 7 gives the deepest layer that it has. Of one that was trained elsewhere there is none from scratch.
    Where none lies here, but another world's are the same, what is on record of those is taken over.

    Args:
        world: its name; the target is the one that goes with it.
        folds: random divisions; from scratch those of them whose networks are there.
        network: whose features, as `load` takes it.

    Returns:
        {"target", "layer", "classes", "test_per_class", "folds",
         "rows": {"pretrained" or "from scratch": {count: see `probe_entry`}},
         "scratch_folds": {count: the divisions whose networks from scratch were there},
         "scratch_world": the world whose record has them, where it is another}.

    Raises:
        FileNotFoundError: the target's images are not there.
        ValueError: no fold.
    """
    net, data = load(world, network)
    target = open_target(default_target(data), data)
    images, counts, layer = pool(target), scratch_of(world).counts, paper_layers(net)[-1]
    gram = gram_matrix(features(net, data, images, layer)[layer])
    frozen = learning_curve(gram, images.labels, "softmax", counts, TEST, folds, bar("pretrained"))
    there = {count: trained_folds(world, target.name, count, range(folds) if network == "zfnet" else ()) for count in counts}
    scratch = {count: scratch_probe(world, target, count, found) for count, found in there.items() if found}
    rows = {"pretrained": frozen, "from scratch": scratch}
    card = setting(target, folds) | {
        "layer": layer,
        "rows": {name: {str(count): probe_entry(probe) for count, probe in probes.items()} for name, probes in rows.items()},
        "scratch_folds": {str(count): there[count] for count in scratch},
    }
    if scratch or network != "zfnet" or world not in SAME_SCRATCH:
        return card
    known = read_record(SAME_SCRATCH[world], 4)
    card["rows"]["from scratch"] = known["rows"]["from scratch"]
    return card | {"scratch_folds": known["scratch_folds"], "scratch_world": SAME_SCRATCH[world]}


def setting(target: Target, folds: int) -> dict:
    """What the records of Tables 4 and 7 say of how they were measured."""
    return {"target": target.name, "classes": len(target.classes), "test_per_class": TEST, "folds": folds}


def probe_entry(probe: Probe) -> dict:
    """Accuracies in %: their mean, their deviation if there are several, each division's, and the C that each chose."""
    each = [100 * accuracy for accuracy in probe.accuracies]
    spread = {"std": 100 * probe.std} if len(each) > 1 else {}
    return {"accuracy": 100 * probe.mean, **spread, "each": each, "costs": list(probe.costs)}


def bar(what: str):
    """A progress bar around a sequence."""
    return lambda some: tqdm(list(some), desc=what, disable=not show_progress())
