"""Table 7 by the paper's protocol: linear classifiers on the frozen layers of a network (sec. 5.3).

Notebook 12 does the same with fewer images and divisions where the paper's protocol would take a reader's quarter of an hour.
A row is what `zf.paper.table` calls it; an accuracy is the mean over classes, and its deviation that over the divisions.
"""

from __future__ import annotations

from collections.abc import Mapping

from scipy.stats import spearmanr

from zfhelpers.experiments.features import features
from zfhelpers.experiments.probes import Probe, gram_matrix, linear_probe
from zfhelpers.networks.checkpoints import load
from zfhelpers.networks.elsewhere import untrained
from zfhelpers.networks.named import paper_layers
from zfhelpers.paper.published import table
from zfhelpers.results.transfer import bar, probe_entry, setting
from zfhelpers.worlds.few import TEST, pool
from zfhelpers.worlds.targets import default_target, open_target

CALTECH101 = "Caltech-101 (30 per class)"


def table7(world: str, folds: int = 5, per_class: int = 30, network: str = "zfnet") -> dict:
    """A linear SVM on each of the seven layers and a softmax on two of them, as in Table 7, and layer 6 besides.

    A network without fully connected layers has five.

    Args:
        world: its name; the target is the one that goes with it.
        folds: random divisions.
        per_class: training images of each class.
        network: whose layers, as `load` takes it.

    Returns:
        {"target", "classes", "per_class", "test_per_class", "folds", "rows": {"SVM (1)", ... "Softmax (7)": see `probe_entry`},
         "untrained": {"SVM (1)", ... "SVM (7)": the same of a network with random weights},
         "spearman": rank correlation of the SVM's rows with the paper's on Caltech-101}.

    Raises:
        FileNotFoundError: the target's images are not there.
        ValueError: no fold, or a class with too few images.
    """
    net, data = load(world, network)
    target = open_target(default_target(data), data)
    images, layers = pool(target), {int(layer[-1]): layer for layer in paper_layers(net)}
    nets = {"trained": net, "untrained": untrained(net)}
    found: dict[str, dict[str, Probe]] = {kind: {} for kind in nets}
    for kind, module in nets.items():
        values = features(module, data, images, layers.values())
        for number, layer in bar(f"layers, {kind}")(layers.items()):
            gram = gram_matrix(values[layer])
            both = kind == "trained" and number in (5, 7)
            for classifier, name in (("svm", "SVM"), ("softmax", "Softmax"))[: 1 + both]:
                found[kind][f"{name} ({number})"] = linear_probe(gram, images.labels, classifier, per_class, TEST, folds)
    rows = found["trained"]
    return setting(target, folds) | {
        "per_class": per_class,
        "rows": {name: probe_entry(probe) for name, probe in rows.items()},
        "untrained": {name: probe_entry(probe) for name, probe in found["untrained"].items()},
        "spearman": _order({name: probe.mean for name, probe in rows.items() if name.startswith("SVM")}),
    }


def _order(ours: Mapping[str, float]) -> float:
    """How far rows are ranked as in the paper; those that it left out are left out."""
    published = table(7).column(CALTECH101)
    both = [name for name in ours if published.get(name) is not None]
    return float(spearmanr([ours[name] for name in both], [published[name] for name in both]).statistic)
