"""The curve over classes as tables, and as what `figures.class_curve_figure` draws."""

from __future__ import annotations

from collections.abc import Iterable

import numpy as np

from zfhelpers.networks.catalogue import CLASSES, EQUAL_IMAGES, TINY, TINY_SIDE
from zfhelpers.paper import published
from zfhelpers.paper.tables import Measured
from zfhelpers.results.class_curve import LAYERS, TOP, ClassCurve

DRAWN = (2, 5, 7)  # layers: a low one, the last of maps, the last of all
THOUSAND = "torchvision:squeezenet1_1"
BESIDE = {  # {a network beside the curve: (what it is called, how many classes it knows)}
    "untrained": ("untrained", 0),
    "imagenette/zfnet": ("Imagenette's, twice as wide", 10),
    f"{TINY}/zfnet": (f"{TINY}'s, twice as wide, longer", 200),
    THOUSAND: ("SqueezeNet, ImageNet", 1000),
}
CONTROLS = {  # {what is asked: (network, the one that it is held against, or the number of classes of those)}
    "without the classes that Caltech-101 has by name, minus all 200": ("controls/without-caltech101-0", 200),
    f"Imagenette through {TINY_SIDE} px, minus as it is": (f"controls/imagenette-{TINY_SIDE}px-0", "controls/imagenette-0"),
    f"Imagenette's ten through {TINY_SIDE} px, minus ten drawn ones": (f"controls/imagenette-{TINY_SIDE}px-0", 10),
}


def accuracies(curve: ClassCurve, per_class: int) -> Measured:
    """The SVM on every layer, ± over draws, of every count on record and of the networks beside it; and those from scratch."""
    rows = []
    for count in curve.counts:
        each = [curve.each(count, layer, per_class).mean(1) for layer in LAYERS]
        rows.append([f"{count} classes", *(_spread(values) for values in each)])
    for name, (called, _) in BESIDE.items():
        cells = [curve.of(name, layer, per_class) for layer in LAYERS]
        if any(cell is not None for cell in cells):
            rows.append([called, *(None if cell is None else f"{cell.mean():.1f}" for cell in cells)])
    rows.append(["from scratch, layer 8", *[None] * (len(LAYERS) - 1), _spread(curve.scratch[str(per_class)])])
    heading = ["trained on", *(f"layer {layer}" for layer in LAYERS)]
    return Measured(heading, rows, f"Caltech-101, {per_class} images a class: accuracy of an SVM in %, ± over draws")


def answers(curve: ClassCurve, per_class: int) -> Measured:
    """Count by count: the best layer, what the last lacks of it, the order of layers beside the paper's, leads over scratch.

    So for the networks beside the curve; theirs are intervals over divisions alone.
    """
    rows = []
    for count in curve.counts:
        best, orders = curve.best(count, per_class), curve.orders(count, per_class)
        leads = [str(curve.lead(count, layer, per_class)) for layer in (best, TOP)]
        rows.append([f"{count} classes", best, str(curve.specialised(count, per_class)), _spread(orders, ".2f"), *leads])
    for name, (called, _) in BESIDE.items():
        if found := curve.beside(name, per_class):
            less, *leads = (str(each) for each in (found.specialised, found.best_lead, found.last_lead))
            rows.append([called, found.best, less, f"{found.order:.2f}", *leads])
    heading = ["trained on", "best layer", "best minus last", "rank correlation", "best minus scratch", "last minus scratch"]
    return Measured(heading, rows, f"{per_class} images a class: points (95 % over draws; over divisions)")


def turns(curve: ClassCurve, counts: Iterable[int]) -> Measured:
    """For every layer: from how many classes on it leads networks from scratch for certain, and what a doubling brings."""
    counts = list(counts)
    rows = [
        [
            f"layer {layer}",
            *(curve.overtakes(layer, count) or "not in this curve" for count in counts),
            *(str(curve.doubling(layer, count)) for count in counts),
        ]
        for layer in LAYERS
    ]
    heading = ["", *(f"leads from, {n} a class" for n in counts), *(f"points a doubling, {n} a class" for n in counts)]
    return Measured(heading, rows, "Classes from which borrowed features lead; points (95 % over draws; over divisions)")


def controls(curve: ClassCurve, per_class: int, layers: Iterable[int] = DRAWN) -> Measured:
    """As many images of more classes, and what the classes' names and the photographs' size cost, in points."""
    many, few = EQUAL_IMAGES
    layers = list(layers)
    rows = [[f"as many images of {many} classes, minus of {few}", *(curve.spread_out(layer, per_class) for layer in layers)]]
    rows += [[asked, *(curve.control(*pair, layer, per_class) for layer in layers)] for asked, pair in CONTROLS.items()]
    rows = [[asked, *("not trained yet" if cell is None else str(cell) for cell in cells)] for asked, *cells in rows]
    heading = ["", *(f"layer {layer}" for layer in layers)]
    return Measured(heading, rows, f"{per_class} images a class: points (95 % over trainings; over divisions)")


def panel(curve: ClassCurve, per_class: int) -> dict:
    """What `figures.class_curve_figure` draws of one number of images.

    Returns:
        {"curves": {layer: {count: (accuracy, low, high)}}, "band": (low, high) of the networks from scratch,
         "marks": {what it is: (classes, {layer: accuracy})}, "missing": counts without a network}
    """
    named = {layer: f"layer {layer}" for layer in DRAWN}
    curves = {
        name: {count: (found.mean, *found.span) for count in curve.counts for found in [curve.accuracy(count, layer, per_class)]}
        for layer, name in named.items()
    }
    marks = {}
    for network, (called, classes) in BESIDE.items():
        known = {name: curve.of(network, layer, per_class) for layer, name in named.items()}
        if known := {name: each.mean() for name, each in known.items() if each is not None}:
            marks[called] = (classes, known)
    paper = published.table(4)["Pretrained on ImageNet", f"{per_class} per class"]
    marks["the paper, softmax on layer 7"] = (1000, {named[TOP]: paper})
    low, high = curve.scratch_span(per_class)
    return {
        "curves": curves,
        "band": (low, high),
        "marks": marks,
        "missing": [count for count in CLASSES if count not in curve.counts],
    }


def _spread(values, form: str = ".1f") -> str:
    """Mean and deviation, as in `comparison.with_deviation`."""
    values = np.asarray(values, dtype=float)
    return f"{values.mean():{form}}" + (f" ± {values.std(ddof=1):{form}}" if len(values) > 1 else "")
