"""An ensemble to put together by hand: whom to average, and over how many crops."""

from __future__ import annotations

from collections.abc import Mapping

import ipywidgets as widgets
import numpy as np

from zfhelpers.experiments.classification import average, one_crop, ten_crops
from zfhelpers.training.errors import wrong
from zfhelpers.views.panels import bars, beside, readout
from zfhelpers.views.view import View

CROPS = {"one": one_crop, "ten": ten_crops}


def ensemble_view(members: Mapping[str, np.ndarray], labels: np.ndarray) -> View:
    """Tick the networks that are averaged; read the error of each, of their average, and which images averaging changes.

    Args:
        members: {name: (N, 10, classes) probabilities of ten views}, see `classification.view_probabilities`.
        labels: (N,) the true classes.

    Raises:
        ValueError: no network.
    """
    if not members:
        raise ValueError("An ensemble needs one network or more; give {name: (N, 10, classes) probabilities}.")
    found = {crops: {name: take(views) for name, views in members.items()} for crops, take in CROPS.items()}
    missed = {crops: {name: wrong(answers, labels) for name, answers in each.items()} for crops, each in found.items()}
    names, high = list(members), max(100 * misses.mean() for each in missed.values() for misses in each.values())
    controls = {name: widgets.Checkbox(value=True, description=name, indent=True) for name in names}
    controls["crops"] = widgets.Dropdown(options=list(CROPS), description="crops")

    def render(state: dict):
        chosen, crops = [name for name in names if state[name]], state["crops"]
        if not chosen:
            raise ValueError("An average needs at least one network; tick one.")
        together = wrong(average(found[crops][name] for name in chosen), labels)
        alone = {name: 100 * missed[crops][name].mean() for name in chosen}
        mean = np.mean(list(alone.values()))
        panel = bars([*alone, "their average"], [*alone.values(), 100 * together.mean()], 0, 1.05 * high)
        first = missed[crops][chosen[0]]
        return (
            beside([(f"top-1 error (%), {crops} crop{'s' if crops == 'ten' else ''}", panel)]),
            f"Bars of the top-1 error of {', '.join(chosen)} and, below them, of their average.",
            readout(
                average=f"{100 * together.mean():.1f} %",
                mean_of_its_members=f"{mean:.1f} %",
                **{f"missed by {chosen[0]}, right together": f"{(first & ~together).sum()} of {first.sum()}"},
                **{f"right by {chosen[0]}, missed together": (~first & together).sum()},
            ),
        )

    return View(render, controls, "Put an ensemble together: tick its members")
