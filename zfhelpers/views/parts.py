"""Take a part away, see the network's answer fall, and what each method had said of that part.

The image is drawn anew without the part and the network asked again, in a few milliseconds, so that it can follow a slider.
"""

from __future__ import annotations

from collections.abc import Mapping

import ipywidgets as widgets
import numpy as np

from zfhelpers import toyworld
from zfhelpers.experiments.missing import redrawn
from zfhelpers.experiments.trial import Trial
from zfhelpers.views.panels import bars, beside, enlarged, readout, slider_below
from zfhelpers.views.view import View


def shares(said) -> np.ndarray:
    """What is said of each part, in % of all that is said of parts, signs aside.

    >>> shares([3.0, -1.0])
    array([ 75., -25.])
    """
    said = np.asarray(said, dtype=np.float64)
    return 100 * said / max(np.abs(said).sum(), 1e-12)


def parts_view(trial: Trial, maps: Mapping[str, np.ndarray], start: str | None = None) -> View:
    """Choose a class, an image and a part to take away: the image with and without it, and bars of what the part is worth.

    Args:
        trial: images with their parts.
        maps: {method: (N, S, S)}, what each says of those images.
        start: the class that is shown first.

    Raises:
        ValueError: no image, or maps that do not belong to the images.
    """
    world, classes = trial.ask.world, trial.ask.world.classes
    if not trial.images or any(len(found) != len(trial.images) for found in maps.values()):
        raise ValueError(f"Each method needs a map for each of {len(trial.images)} images, and there must be one.")
    of_class: dict[str, list[int]] = {}
    for place, image in enumerate(trial.images):
        of_class.setdefault(classes[world.val.labels[image.index]], []).append(place)
    name = widgets.Dropdown(options=sorted(of_class), value=start or sorted(of_class)[0], description="class")
    which = slider_below(name, {each: len(places) for each, places in of_class.items()}, "image")
    part = slider_below(name, {each: 1 + len(toyworld.parts(each)) for each in of_class}, "part to take away", value=1)

    def render(state: dict):
        place = of_class[state["name"]][state["image"]]
        image, output, truth = trial.images[place], trial.outputs[place], trial.truths[place]
        gone = (toyworld.parts(state["name"])[state["part"] - 1],) if state["part"] else ()
        before, after = trial.ask.logits(image.index, [(), gone])
        chance = [float(np.exp(each - each.max())[output] / np.exp(each - each.max()).sum()) for each in (before, after)]
        panels = [("drawn whole", enlarged(redrawn(world, image.index)))]
        what = gone[0] if gone else "nothing"
        panels.append((f"without {what}", enlarged(redrawn(world, image.index, gone))))
        if gone and gone[0] in image.parts:
            at = image.parts.index(gone[0])
            said = {"truth": shares(truth)[at]} | {method: shares(image.sums(found[place]))[at] for method, found in maps.items()}
            panels.append((f"the {what}, % of all parts", bars(list(said), list(said.values()), -50, 100)))
        elif gone:
            panels.append((f"the {what} is hardly to be seen here", bars(["truth"], [0.0], -50, 100)))
        alt = f"A {state['name']} drawn whole, and without {what}; bars of what the part is worth, and what methods say it is."
        fell = f"{before[output]:.1f} → {after[output]:.1f}"
        said = classes[int(after.argmax())] if len(world.outputs) == len(classes) else world.outputs[int(after.argmax())]
        shown = readout(missing=what, logit=fell, P=f"{chance[0]:.3f} → {chance[1]:.3f}", answer=said)
        return beside(panels), alt, shown

    return View(render, {"name": name, "image": which, "part": part}, "Take a part away")
