"""Table 7 by the paper's protocol: linear classifiers on the frozen layers of a network (sec. 5.3).

Notebook 12 does the same with fewer images and divisions where the paper's protocol would take a reader's quarter of an hour.
A row is what `zf.paper.table` calls it; an accuracy is the mean over classes, and its deviation that over the divisions.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from itertools import pairwise

import numpy as np
import scipy
from sklearn.metrics import balanced_accuracy_score
from sklearn.svm import SVC

from zfhelpers.experiments.features import features
from zfhelpers.experiments.intervals import over_divisions
from zfhelpers.experiments.probes import Probe, gram_matrix, linear_probe
from zfhelpers.networks.checkpoints import load
from zfhelpers.networks.elsewhere import untrained
from zfhelpers.networks.named import paper_layers
from zfhelpers.paper.published import table
from zfhelpers.paper.tables import Measured, deviations_over
from zfhelpers.results.comparison import curve, with_deviation
from zfhelpers.results.counted import measure_probe
from zfhelpers.results.transfer import bar, probe_entry, setting
from zfhelpers.worlds.divisions import split
from zfhelpers.worlds.few import TEST, pool
from zfhelpers.worlds.targets import default_target, open_target

CALTECH101 = "Caltech-101 (30 per class)"
KINDS = ("rows", "untrained")  # of a record


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
        "spearman": rank_correlation({name: probe.mean for name, probe in rows.items() if name.startswith("SVM")}),
    }


def beside_the_paper(
    svm: Mapping[str, Probe], softmax: Mapping[str, Probe], untrained: Mapping[str, Probe], test: int
) -> Measured:
    """Table 7 as a notebook measured it, the paper's numbers beside ours and those of random weights.

    Args:
        svm, softmax, untrained: {layer: probe}.
        test: test images of each class, at most.
    """
    paper, rows = table(7), []
    for kind, probes in (("SVM", svm), ("softmax", softmax)):
        for layer, probe in probes.items():
            row = f"{kind[0].upper()}{kind[1:]} ({layer[-1]})"
            known = paper.column(CALTECH101).get(row)
            measure_probe(f"{kind} on {layer}", probe, test, paper=known, shown=False)
            blank = untrained.get(layer) if kind == "SVM" else None
            rows.append([row, known, str(probe), str(blank or "-")])
            if blank:
                measure_probe(f"untrained, SVM on {layer}", blank, test, shown=False)
    title = f"Table 7: accuracy{deviations_over('divisions', rows)}"
    return Measured(["", "the paper", "here", "untrained"], rows, title, known=2)


def by_layer(probes: Mapping[str, Probe]) -> tuple[list[int], list[float], list[float]]:
    """Numbers of the layers, accuracies in %, and their deviations over divisions, as `curves_figure` draws them."""
    return curve({int(layer[-1]): 100 * np.array(probe.accuracies) for layer, probe in probes.items()})


def leaked(gram: np.ndarray, labels: np.ndarray, per_class: int, test: int, fold: int) -> float:
    """What a leak would look like: the accuracy, in %, of an SVM that was shown the test images of a division, too.

    Args:
        gram: (N, N), inner products of features that are scaled as in `probes.side_by_side`.
        labels: (N,), shuffled for the control.
        per_class, test, fold: of the division.
    """
    train, tested = split(labels, per_class, test, fold)
    both = np.concatenate([train, tested])
    machine = SVC(C=1000, kernel="precomputed").fit(gram[np.ix_(both, both)], labels[both])
    return 100 * float(balanced_accuracy_score(labels[tested], machine.predict(gram[np.ix_(tested, both)])))


def recorded(record: Mapping) -> Measured:
    """A record of Table 7, by the paper's protocol, as `beside_the_paper` shows one."""
    paper = table(7).column(CALTECH101)
    rows = []
    for name in record["rows"]:
        cells = [with_deviation(np.array(record[kind][name]["each"])) if name in record[kind] else "-" for kind in KINDS]
        rows.append([name, paper.get(name), *cells])
    title = f"{record['target']}, {record['per_class']} per class, {record['folds']} divisions: accuracy in %"
    return Measured(["", "the paper", "here", "untrained"], rows, title, known=2)


def steps(each: Mapping[str, Sequence[float]]) -> dict[str, np.ndarray]:
    """What a layer adds to the one below it, in points, by division; and what the last adds to layers 5 and 3.

    >>> {name: more.round(1).tolist() for name, more in steps({"layer3": [0.1], "layer4": [0.3], "layer5": [0.2]}).items()}
    {'from layer3 to layer4': [20.0], 'from layer4 to layer5': [-10.0], 'from layer3 to layer5': [10.0]}
    """
    top = list(each)[-1]
    pairs = dict.fromkeys([*pairwise(each), ("layer5", top), ("layer3", top)])
    return {f"from {low} to {high}": 100 * np.subtract(each[high], each[low]) for low, high in pairs if low != high}


def steadily(each: Mapping[str, Sequence[float]], test: float, train: float) -> tuple[bool | None, str]:
    """Whether every layer knows more than the one below: by the intervals of all `steps`, and a sentence with the numbers.

    It does not if some step lies below zero with its whole interval; it does if all lie above; else it is open.
    """
    mean = {layer: 100 * np.mean(accuracies) for layer, accuracies in each.items()}
    best, top = max(mean, key=mean.get), list(mean)[-1]
    why = f"The SVM has {mean[best]:.1f} % on {best}, its best layer, and {mean[top]:.1f} % on {top}"
    if len(each[top]) < 2:
        return None, f"{why}; one division cannot tell a step from chance."
    ends = {name: over_divisions(more, test, train) for name, more in steps(each).items()}
    falls = [f"{name} by {-high:.1f} to {-low:.1f} points" for name, (low, high) in ends.items() if high < 0]
    if falls:
        return False, f"{why}; it falls {' and '.join(falls)}."
    if all(low > 0 for low, _ in ends.values()):
        return True, f"{why}; every step rises for certain."
    return None, f"{why}; no step falls for certain."


def rank_correlation(ours: Mapping[str, float]) -> float:
    """How far rows are ranked as in the paper's Table 7 (Spearman); those that it left out are left out.

    >>> rank_correlation({"SVM (1)": 44.0, "SVM (2)": 55.5, "SVM (3)": 54.3, "SVM (6)": 32.7})
    0.5
    """
    published = table(7).column(CALTECH101)
    both = [name for name in ours if published.get(name) is not None]
    return float(scipy.stats.spearmanr([ours[name] for name in both], [published[name] for name in both]).statistic)
