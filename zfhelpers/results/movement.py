"""What many moved images say of the claims about Fig. 5: medians over images, their intervals, and three verdicts.

Distances at a near and at a far amount are what `experiments.moving.curves_of` finds for two amounts of each kind.
"""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence

import numpy as np
from torch import Tensor

from zfhelpers.experiments.intervals import above, below, over_images, resampled, together
from zfhelpers.experiments.invariance import InvarianceCurves
from zfhelpers.paper.measurements import measure

Ends = tuple[float, float]
WORDS = {"translation": "shifted by {:g} px", "scale": "enlarged {:g} times", "rotation": "turned by {:g} degrees"}
DRAMATIC = 50.0  # % of the far distance that a near amount brings
STABLE = 2 / 3  # of the probability is left
UNIT = "typical distances"


def in_words(kind: str, amount: float) -> str:
    """What was done to an image.

    >>> in_words("scale", 1.9)
    'enlarged 1.9 times'
    """
    return WORDS[kind].format(amount)


def measure_over_images(
    name: str, values: Sequence[float], unit: str = "", paper: str | None = None, of: Callable = np.median, seed: int = 0
) -> Ends | None:
    """Records the median over images, or what `of` makes of them, with its interval, and returns that; None of one image.

    Args:
        name, unit, paper: as for `measure`.
        values: (N,) one number for each image.
        of: from an array to a number.
        seed: of the bootstrap.
    """
    values = np.asarray(values, dtype=float)
    ends = resampled(lambda rows: of(values[rows]), len(values), seed) if len(values) > 1 else None
    measure(name, of(values), unit, paper, ends)
    return ends


# ------------------------------------------------------------------------------------------------------------ verdicts


def small_moves(
    found: Mapping[str, InvarianceCurves], typical: Mapping[str, float], deep: str, seed: int = 0
) -> tuple[bool | None, str]:
    """Claim 6: small changes are dramatic in layer 1, and lesser and quasi-linear in a deep layer.

    Dramatic: the near amount brings more than half of the far distance. Lesser: in typical distances the deep layer moves less
    at the near amount. Quasi-linear: the near amount brings less than twice what a straight line would.

    Args:
        found: translation and scale, each at a near and a far amount.
        typical: {layer: typical distance}.
        deep: the deep layer.
        seed: of the bootstraps over images.

    Returns:
        the verdict, and a sentence with the numbers that decide.
    """
    parts, said = [], []
    for kind, done in (("translation", "shifted"), ("scale", "enlarged")):
        near, far = found[kind].change.tolist()
        line, spans, first = 100 * near / far, [], {}
        for layer in ("layer1", deep):
            distances = found[kind].distances[layer].double().numpy()
            share = 100 * distances[:, 0] / distances[:, 1]
            spans.append(resampled(lambda rows, share=share: np.median(share[rows]), len(share), seed))
            first[layer] = distances[:, 0] / typical[layer]
        less = first["layer1"] - first[deep]
        ends = over_images(less, seed)
        measure(f"{kind}, near amount: layer 1 minus layer {deep[-1]}", less.mean(), UNIT, interval=ends, shown=False)
        parts += [above(DRAMATIC, spans[0]), above(0, ends), below(2 * line, spans[1])]
        words = ["{:.0f} to {:.0f} %".format(*span) for span in spans]
        said.append(f"when {done} {words[0]} in layer 1 and {words[1]} in layer {deep[-1]}, where a line would give {line:.0f} %")
    return together(*parts), f"Of the far distance the near amount brings {'; '.join(said)}."


def layer_by_layer(
    far: Mapping[str, Tensor], names: Mapping[str, str], numbers: Sequence[int], seed: int = 0
) -> tuple[bool | None, str]:
    """Claim S2: each layer moves less than the one below it, and turning moves them most.

    Args:
        far: {kind: (images, layers)} distances in units in which layers can be compared; rotation is one of them.
        names: {kind: what was done}.
        numbers: of the layers.
        seed: of the bootstraps over images.

    Returns:
        the verdict, and a sentence with the numbers that decide.
    """
    steps = {
        (kind, at): above(0, over_images(values[:, at] - values[:, at - 1], seed))
        for kind, values in far.items()
        for at in range(1, values.shape[1])
    }
    rising = [step for step, rises in steps.items() if rises]
    for what, sign in (("rise", True), ("fall", False)):
        count = sum(rises is sign for rises in steps.values())
        measure(f"steps to the next layer that surely {what}", count, f"of {len(steps)}", shown=False)
    falls = False if rising else True if all(rises is False for rises in steps.values()) else None
    more = [(far["rotation"] - values).mean(1).double().numpy() for kind, values in far.items() if kind != "rotation"]
    most = [above(0, resampled(lambda rows, each=each: each[rows].mean(), len(each), seed)) for each in more]
    means = {kind: values.mean(0) for kind, values in far.items()}
    ends = ", ".join(f"{mean[0]:.2f} and {mean[-1]:.2f} when {names[kind]}" for kind, mean in means.items())
    up = [f"layer {numbers[at]} moves further than layer {numbers[at - 1]} when {names[kind]}" for kind, at in rising]
    said = "; ".join(up) or "no layer moves clearly further than the one below it"
    return together(falls, *most), f"In typical distances layers {numbers[0]} and {numbers[-1]} move {ends}; {said}."


def stable_answer(left: Mapping[str, tuple[float, Ends]], names: Mapping[str, str], returns: Ends) -> tuple[bool | None, str]:
    """Claim 7: the answer is stable under translation and scale, not under rotation, but for symmetric objects.

    Args:
        left: {kind: the part of the mean probability that is left at the far amount, and its interval}.
        names: {kind: what was done}.
        returns: by how much a symmetric object's probability is higher at quarter turns than between them, an interval.

    Returns:
        the verdict, and the numbers that decide.
    """
    stable = [above(STABLE, left[kind][1]) for kind in ("translation", "scale")]
    words = ", ".join(
        f"{100 * value:.0f} % ({100 * low:.0f} to {100 * high:.0f}) when {names[kind]}"
        for kind, (value, (low, high)) in left.items()
    )
    return together(*stable, below(STABLE, left["rotation"][1]), above(0, returns)), words
