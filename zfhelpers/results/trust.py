"""Which picture can be trusted for what: the numbers of lesson 14, as its figures and its last table take them.

>>> verdict((0.1, 0.4)), verdict((-0.1, 0.1))
('knows more than size', 'cannot be told from size')
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence

import numpy as np
import torch
from torch import Tensor, nn

from zfhelpers.experiments import localisation, switches
from zfhelpers.experiments.attribution import importance
from zfhelpers.experiments.classification import probabilities
from zfhelpers.experiments.intervals import over_images
from zfhelpers.experiments.randomised import cascade, similarity
from zfhelpers.experiments.trial import Trial
from zfhelpers.paper.measurements import measure
from zfhelpers.paper.tables import Measured
from zfhelpers.training.errors import wrong
from zfhelpers.worlds.missing import missing_parts
from zfhelpers.worlds.world import World

Found = tuple[float, tuple[float, float]]
COLUMNS = {  # of the last table: heading, name of the score, unit of one
    "truth by parts, rank correlation": "rank correlation",
    "size taken out": "rank correlation of means",
    "deletion": "deletion",
    "preservation": "preservation",
    "distractibility": "distractibility",
    "on the object": "mass accuracy",
    "pointing": "pointing game",
}


def true_map(module: nn.Module, world: World, index: int) -> np.ndarray | None:
    """How far the answer falls without the part that each pixel of a toy image shows, (S, S); None where nobody can know."""
    if world.name != "toy" or (world.answers < 0).any():
        return None
    trial = Trial.of(module, world, [index], 1, parts=1)
    if not trial.images:
        return None
    image, found = trial.images[0], np.zeros(trial.images[0].object.shape)
    for name, fall in zip(image.parts, trial.truths[0], strict=True):
        found[image.masks[name]] = fall
    return found


def mean_of(values: Sequence[float], seed: int = 0) -> Found:
    """A mean over images and its interval; images of which nothing can be said (NaN) are left out."""
    values = np.asarray(values, dtype=np.float64)
    values = values[~np.isnan(values)]
    return float(values.mean()), over_images(values, seed)


def record(prefix: str, found: Mapping[str, Found], shown: bool = False) -> None:
    """Measures {name: (mean, interval)}; unless `shown`, a table or a figure of the lesson has them, and its last table."""
    for name, (value, ends) in found.items():
        measure(f"{prefix}: {name}", value, interval=ends, shown=shown)


def randomisation(
    module: nn.Module, inputs: Tensor, outputs: Sequence[int], methods: Sequence[str], seed: int = 0
) -> tuple[dict[str, np.ndarray], list[str]]:
    """How alike pictures stay while the network is made random from the top.

    Args:
        module: a network that gives logits.
        inputs: (N, C, S, S), as it takes them.
        outputs: N outputs that are asked about.
        methods: of `attribution.METHODS`.
        seed: of the random weights.

    Returns:
        {method: (1 + layers, N)}: Spearman's correlation with the picture of the trained network, 1 at the beginning; and the
        names of the layers, from the top, after "none".
    """
    before = {method: importance(module, inputs, method, outputs) for method in methods}
    found, names = {method: [np.ones(len(inputs))] for method in methods}, ["none"]
    for name, other in cascade(module, seed):
        names.append(name.partition(".")[0] if name.startswith("layer") else name)
        for method in methods:
            found[method].append(similarity(before[method], importance(other, inputs, method, outputs)))
    return {method: np.stack(rows) for method, rows in found.items()}, names


def other_images(module: nn.Module, inputs: Tensor, outputs: Sequence[int], methods: Sequence[str]) -> dict[str, np.ndarray]:
    """How alike the pictures of different images are, for scale: each with the next one's, {method: (N,)}."""
    maps = {method: importance(module, inputs, method, outputs) for method in methods}
    return {method: similarity(each, each.roll(-1, 0)) for method, each in maps.items()}


def exchanged_switches(
    module: nn.Module, inputs: Tensor, generator: torch.Generator, rule: str = "deconvnet"
) -> tuple[dict[str, np.ndarray], dict[str, Tensor]]:
    """The paper's picture of each image, and the same with its switches, or its signal, exchanged.

    Args:
        module: a network that `Deconvnet` can go back through, with a layer 5.
        inputs: (N, C, S, S); each image borrows from the next.
        generator: of the maps whose signal is sent down instead, in the same place and of the same size.
        rule: as in `Deconvnet.project`.

    Returns:
        {what is the image's own: (N,)}, the cosine of the picture with the whole one; and {what: (N, C, S, S)} pictures.
    """
    count, signal = len(inputs), switches.strongest(module, inputs)
    others, own, borrowed = switches.other_signal(signal, generator), range(count), [(k + 1) % count for k in range(count)]
    pictures = {
        "both": switches.down(module, inputs, signal, own, rule=rule),
        "signal": switches.down(module, inputs, signal, borrowed, rule=rule),
        "switches": switches.down(module, inputs, others, own, rule=rule),
        "neither": switches.down(module, inputs, others, borrowed, rule=rule),
    }
    whole = pictures["both"].flatten(1)
    alike = {name: torch.cosine_similarity(whole, each.flatten(1)).cpu().numpy() for name, each in pictures.items()}
    return {name: alike[name] for name in ("signal", "switches")}, pictures


def errors_without_parts(networks: Mapping[str, nn.Module], world: World) -> dict[tuple[str, str], np.ndarray]:
    """Which validation images networks miss, {(network, "whole" or "without parts"): (N,) bool}.

    They are the images that `worlds.missing.missing_parts` shows without some parts, and the same ones whole.
    """
    lacking = missing_parts(world).val
    shown = [row for row in range(len(lacking)) if (lacking.frames[row] != world.val.frames[row]).any()]
    found = {}
    for name, module in networks.items():
        for what, images in (("whole", world.val), ("without parts", lacking)):
            found[name, what] = wrong(probabilities(module, world, images, shown), world.val.labels[shown])
    return found


def curves(
    module: nn.Module, inputs: Tensor, outputs: Sequence[int], maps: Mapping[str, np.ndarray], steps: int = 10
) -> dict[tuple[str, str], np.ndarray]:
    """Deletion and insertion curves of several methods, {(method, "deletion" or "insertion"): (N, steps + 1)}."""
    found: dict[tuple[str, str], list[np.ndarray]] = {}
    for image, output, place in zip(inputs, outputs, range(len(inputs)), strict=True):
        ends = {"deletion": (image, torch.zeros_like(image)), "insertion": (localisation.blurred(image), image)}
        for method, each in maps.items():
            for what, (start, end) in ends.items():
                curve = localisation.exchange(module, start, end, each[place], output, steps)
                found.setdefault((method, what), []).append(curve)
    return {key: np.stack(rows) for key, rows in found.items()}


def measured_scores(scores: Mapping[str, Mapping[str, np.ndarray]], seed: int = 0) -> dict[str, dict[str, Found]]:
    """Means with their intervals of {method: {score: (N,)}}, which go on record, too."""
    found = {method: {name: mean_of(values, seed) for name, values in each.items()} for method, each in scores.items()}
    for method, each in found.items():
        record(method, each)
    return found


def against_size(scores: Mapping[str, Mapping[str, np.ndarray]], seed: int = 0) -> dict[str, Found]:
    """By how much each method's rank correlation exceeds that of size alone, image by image: means with intervals."""
    level = scores["size alone"]["rank correlation"]
    return {name: mean_of(each["rank correlation"] - level, seed) for name, each in scores.items() if name != "size alone"}


def trust_table(
    found: Mapping[str, Mapping[str, Found]], gains: Mapping[str, Found], extra: Mapping[str, Mapping[str, float]]
) -> Measured:
    """The last table: one row for each method, and in words whether it knows more of the parts than their size tells.

    Args:
        found: what `measured_scores` gives.
        gains: what `against_size` gives.
        extra: {heading: {method: number}}, further columns.
    """
    rows = []
    for method, each in found.items():
        cells = [f"{each[name][0]:.2f}" for name in COLUMNS.values()]
        cells[0] += " ({:.2f} to {:.2f})".format(*each["rank correlation"][1])
        if method == "size alone":
            cells[-1] = "-"  # all pixels are the most important one
        more = [f"{column[method]:.2f}" if method in column else "-" for column in extra.values()]
        rows.append([method, *cells, *more, verdict(gains[method][1]) if method in gains else "-"])
    heading = ["", *COLUMNS, *extra, "which part counts"]
    return Measured(heading, rows, "Which picture can be trusted for what", known=1)


def verdict(gain: tuple[float, float]) -> str:
    """What the interval of a gain over size alone says: all of it above 0, below, or neither."""
    low, high = gain
    return "knows more than size" if low > 0 else "knows less than size" if high < 0 else "cannot be told from size"
