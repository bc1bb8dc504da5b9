"""Tables 4 and 7 by the paper's protocol: linear classifiers on the frozen layers of a network (sec. 5.2 and 5.3).

The notebooks 11 and 12 do the same with fewer images and divisions where the paper's would take a reader's quarter of an hour.
A row is what `zf.paper.table` calls it; an accuracy is the mean over classes, and its deviation that over the divisions.
"""

from __future__ import annotations

from collections.abc import Mapping

import torch
from scipy.stats import spearmanr
from tqdm.auto import tqdm

from zfhelpers.experiments.features import features
from zfhelpers.experiments.probes import Probe, gram_matrix, learning_curve, linear_probe
from zfhelpers.model import ZFNet
from zfhelpers.networks.checkpoints import load
from zfhelpers.networks.schedule import ELSEWHERE, FEW
from zfhelpers.paper.published import table
from zfhelpers.results.transfer import TEST, pool, scratch_probe, trained_folds
from zfhelpers.worlds.frames import show_progress
from zfhelpers.worlds.targets import default_target, open_target

LAYERS = {number: f"layer{number}" for number in range(1, 8)}
CALTECH101 = "Caltech-101 (30 per class)"


def table4(world: str, folds: int = 5) -> dict:
    """A softmax on frozen layer 7 against the same network from scratch, with 15 and 30 images of each class, on toy also with 5.

    Args:
        world: its name; the target is the one that goes with it.
        folds: random divisions; from scratch those of them whose networks are there.

    Returns:
        {"target", "classes", "test_per_class", "folds", "rows": {"pretrained" or "from scratch": {count: see `_entry`}},
         "scratch_folds": {count: the divisions whose networks from scratch were there}}.

    Raises:
        FileNotFoundError: the target's images are not there.
        ValueError: no fold.
    """
    net, data = load(world)
    target = open_target(default_target(data), data)
    images, (_, counts, *_) = pool(target), FEW.get(world, ELSEWHERE)
    gram = gram_matrix(features(net, data, images, "layer7")["layer7"])
    frozen = learning_curve(gram, images.labels, "softmax", counts, TEST, folds, _progress("pretrained"))
    there = {count: trained_folds(world, target.name, count, range(folds)) for count in counts}
    scratch = {count: scratch_probe(world, target, count, some) for count, some in there.items() if some}
    rows = {"pretrained": frozen, "from scratch": scratch}
    return _setting(target, folds) | {
        "rows": {name: {str(count): _entry(probe) for count, probe in probes.items()} for name, probes in rows.items()},
        "scratch_folds": {str(count): there[count] for count in scratch},
    }


def table7(world: str, folds: int = 5, per_class: int = 30) -> dict:
    """A linear SVM on each of the seven layers and a softmax on two of them, as in Table 7, and layer 6 besides.

    Args:
        world: its name; the target is the one that goes with it.
        folds: random divisions.
        per_class: training images of each class.

    Returns:
        {"target", "classes", "per_class", "test_per_class", "folds", "rows": {"SVM (1)", ... "Softmax (7)": see `_entry`},
         "untrained": {"SVM (1)", ... "SVM (7)": the same of a network with random weights},
         "spearman": rank correlation of the SVM's rows with the paper's on Caltech-101}.

    Raises:
        FileNotFoundError: the target's images are not there.
        ValueError: no fold, or a class with too few images.
    """
    net, data = load(world)
    target = open_target(default_target(data), data)
    images = pool(target)
    torch.manual_seed(0)
    nets = {"trained": net, "untrained": ZFNet(net.architecture).eval()}
    found: dict[str, dict[str, Probe]] = {kind: {} for kind in nets}
    for kind, one in nets.items():
        values = features(one, data, images, LAYERS.values())
        for number, layer in _progress(f"layers, {kind}")(LAYERS.items()):
            gram = gram_matrix(values[layer])
            both = kind == "trained" and number in (5, 7)
            for classifier, name in (("svm", "SVM"), ("softmax", "Softmax"))[: 1 + both]:
                found[kind][f"{name} ({number})"] = linear_probe(gram, images.labels, classifier, per_class, TEST, folds)
    rows = found["trained"]
    return _setting(target, folds) | {
        "per_class": per_class,
        "rows": {name: _entry(probe) for name, probe in rows.items()},
        "untrained": {name: _entry(probe) for name, probe in found["untrained"].items()},
        "spearman": _order({name: probe.mean for name, probe in rows.items() if name.startswith("SVM")}),
    }


def _order(ours: Mapping[str, float]) -> float:
    """How far rows are ranked as in the paper; those that it left out are left out."""
    published = table(7).column(CALTECH101)
    both = [name for name in ours if published.get(name) is not None]
    return float(spearmanr([ours[name] for name in both], [published[name] for name in both]).statistic)


def _setting(target, folds: int) -> dict:
    return {"target": target.name, "classes": len(target.classes), "test_per_class": TEST, "folds": folds}


def _entry(probe: Probe) -> dict:
    """Accuracies in %: their mean, their deviation if there are several, each division's, and the C that each chose."""
    each = [100 * one for one in probe.accuracies]
    spread = {"std": 100 * probe.std} if len(each) > 1 else {}
    return {"accuracy": 100 * probe.mean, **spread, "each": each, "costs": list(probe.costs)}


def _progress(what: str):
    return lambda some: tqdm(list(some), desc=what, disable=not show_progress())
