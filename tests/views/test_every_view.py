"""What holds of every View: each control does something, has a label and arrow keys, and there is a still picture beside it.

Each is driven from Python on made-up data, without a kernel or a browser.
"""

import re

import ipywidgets as widgets
import numpy as np
import pytest
import torch

import zfhelpers as zf
from zfhelpers import views
from zfhelpers.experiments.correspondence import Correspondence
from zfhelpers.experiments.invariance import InvarianceCurves
from zfhelpers.experiments.trial import Trial
from zfhelpers.geometry import ReceptiveField
from zfhelpers.occlusion import OcclusionMaps
from zfhelpers.paper.expectations import Decided, Expectation, Record
from zfhelpers.results.scorecard import Scorecard, Seen
from zfhelpers.worlds.world import ImageSet, World

RNG = np.random.default_rng(0)
CLASSES = ["cat", "dog", "owl"]
PHOTO = RNG.integers(0, 256, (3, 64, 64), dtype=np.uint8)


def photos(*shape):
    return RNG.integers(0, 256, (*shape, 3, 32, 32), dtype=np.uint8)


def signal(*shape):
    return RNG.normal(size=(*shape, 3, 9, 9)).astype(np.float32)


def shares(*shape):
    return RNG.dirichlet(np.ones(3), shape)


def grey():
    def render(state):
        return np.full((3, 4, 4), state["level"], np.uint8), f"Grey {state['level']}.", f"level {state['level']}"

    return views.View(render, {"level": widgets.IntSlider(description="level", min=0, max=255)})


def ablation():
    rows = ("alexnet", "alexnet-no-7", "zfnet")
    of_class = {(row, seed): [*RNG.uniform(0, 30, 3)] for row in rows for seed in (0, 1)}
    networks = [{"row": row, "seed": seed, "val_top1": 9.0 + seed, "of_class": of_class[row, seed]} for row, seed in of_class]
    return views.ablation_view({"classes": CLASSES, "networks": networks})


def confusion():
    tables = {name: {count: RNG.integers(1, 9, (3, 3)) for count in (1, 5)} for name in ("pretrained", "from scratch")}
    return views.confusion_view(tables, CLASSES)


def signs():
    return Correspondence(torch.from_numpy(RNG.integers(-1, 2, (4, 8)).astype(np.int8)), torch.zeros(4))


def correspondence():
    changes = {part: {"layer5": signs(), "layer7": signs()} for part in ("nose", "eye")}
    return views.correspondence_view({part: photos(4) for part in changes}, changes)


def deconv():
    torch.manual_seed(0)
    net = torch.nn.Sequential(torch.nn.Conv2d(3, 5, 7), torch.nn.ReLU(), torch.nn.Conv2d(5, 4, 3), torch.nn.ReLU()).eval()
    image = torch.from_numpy(PHOTO).float() - 128
    return views.deconv_view(net, image, PHOTO, ("0", "2"), {"0": ReceptiveField(7, 1, 0), "2": ReceptiveField(9, 1, 0)})


def ensemble():
    return views.ensemble_view({name: shares(40, 10) for name in ("zfnet 0", "zfnet 1", "alexnet")}, RNG.integers(0, 3, 40))


def evolution():
    layers = {name: (range(3), signal(3, 4), photos(3, 4), RNG.integers(0, 9, (3, 4))) for name in ("layer1", "layer2")}
    return views.evolution_view(layers, (1, 2, 5, 10))


def features():
    layers = {name: (range(3), signal(3, 9), photos(3, 9)) for name in ("layer1", "layer2")}
    return views.features_view(layers, {"layer2": ["edges", "two <3", "green"]})


def filters():
    return views.filters_view({name: signal(12) for name in ("7×7", "11×11")})


def invariance():
    amounts = {"scale": [1.0, 1.5, 2.0], "rotation": [0.0, 90.0, 180.0]}
    curves = {
        kind: InvarianceCurves(
            kind, torch.tensor(steps), {"layer1": torch.from_numpy(RNG.random((2, 3)))}, torch.from_numpy(RNG.random((2, 3)))
        )
        for kind, steps in amounts.items()
    }
    return views.invariance_view({kind: (found, photos(2, 3)) for kind, found in curves.items()}, ["cat", "dog"])


def neighbours():
    points = {layer: RNG.normal(size=(12, 4)) for layer in ("layer1", "layer2")}
    grams = {layer: values @ values.T for layer, values in points.items()}
    return views.neighbours_view(photos(12), np.arange(12) % 3, CLASSES, grams)


def parts():
    trial = Trial.of(*zf.load("toy"), range(0, 120, 12), count=8)  # dalmatians and goldfish
    return views.parts_view(trial, trial.controls(seed=0))


def occlusion():
    probabilities, sums = torch.from_numpy(shares(6, 5)), {"layer5": torch.from_numpy(RNG.random((6, 5, 4)))}
    maps = OcclusionMaps(probabilities, sums, probabilities[0, 0], {"layer5": torch.ones(4)}, 2, size=14, stride=10)
    return views.occlusion_view(PHOTO, maps, CLASSES, 0)


def any_occlusion():
    world = World("drawn", CLASSES, 64, lambda *_: ImageSet(photos_of(64, 7), np.array([0, 0, 1, 2, 2, 2, 2]), 64))
    sweeps = {}

    def sweep(index):
        rng = np.random.default_rng(index)
        probabilities, sums = (
            torch.from_numpy(rng.dirichlet(np.ones(3), (6, 5))),
            {"layer5": torch.from_numpy(rng.random((6, 5, 4)))},
        )
        sweeps[index] = sweeps.get(index, 0) + 1
        return OcclusionMaps(probabilities, sums, probabilities[0, 0], {"layer5": torch.ones(4)}, 2, size=14, stride=10)

    view = views.any_occlusion_view(world, sweep, start=4)
    view.sweeps = sweeps
    return view


def photos_of(side, count):
    return RNG.integers(0, 256, (count, 3, side, side), dtype=np.uint8)


def receptive_field():
    fields = {"layer1": ReceptiveField(7, 4, 0), "layer2": ReceptiveField(75, 16, -10)}
    return views.receptive_field_view(PHOTO, fields, {"layer1": 15, "layer2": 4})


def scorecard():
    claim = Decided("open here", "It is said.", {"0": "open here"})
    number = {"gradient minus deconvnet, spread": Expectation(0.9, 0.1, {}, "points", (0.7, 1.0), 0.5)}
    records = [
        Record("02_the_deconvnet", "toy", numbers=number, verdicts={"20": claim}),
        Record("03_training", "toy", verdicts={"12": claim}),
    ]
    return views.scorecard_view(Scorecard({Seen("toy"): {each.notebook: each for each in records}, Seen("other"): {}}))


MAKERS = {
    "ablation": ablation,
    "any_occlusion": any_occlusion,
    "confusion": confusion,
    "correspondence": correspondence,
    "deconv": deconv,
    "ensemble": ensemble,
    "evolution": evolution,
    "features": features,
    "filters": filters,
    "grey": grey,
    "invariance": invariance,
    "neighbours": neighbours,
    "occlusion": occlusion,
    "parts": parts,
    "receptive_field": receptive_field,
    "scorecard": scorecard,
    "unpool": views.unpool_view,
}


@pytest.fixture(params=MAKERS)
def view(request):
    return MAKERS[request.param]()


def choices(control):
    """All that a menu or a box offers, and the two ends of a slider."""
    if isinstance(control, widgets.Checkbox):
        return [True, False]
    if isinstance(control, widgets.IntSlider):
        return [control.min, control.max]
    return [choice[1] if isinstance(choice, tuple) else choice for choice in control.options]


def test_every_view_is_among_them():
    assert {f"{name}_view" for name in MAKERS} - {"grey_view"} == set(views.__all__) - {"View"}


def test_every_control_changes_picture_or_text(view):
    for name, control in view.controls.items():
        start, before = control.value, (view.png, view.alt, view.readout, view._picture.value)
        view.set(**{name: next(choice for choice in choices(control) if choice != start)})
        assert view.error is None
        assert (view.png, view.alt, view.readout, view._picture.value) != before, name
        view.set(**{name: start})


def test_every_state_at_the_ends_of_its_controls_can_be_shown(view):
    for name, control in view.controls.items():
        start = control.value
        for choice in (*choices(control), start):
            view.set(**{name: choice})
            assert view.error is None, (name, choice)
            assert view.alt
            assert "src=" in view._picture.value


def test_every_control_has_a_label_and_listens_to_keys(view):
    for control in view.controls.values():
        assert control.description
        assert isinstance(control, widgets.IntSlider | widgets.SelectionSlider | widgets.Dropdown | widgets.Checkbox)


def test_the_fallback_has_widget_picture_alt_and_text(view):
    bundle = view._repr_mimebundle_()
    assert set(bundle) == {"text/plain", "text/html", "application/vnd.jupyter.widget-view+json"}
    assert bundle["text/plain"] == f"<View: {view.alt}>"
    assert re.search(r'<img alt="[^"]+" src="data:image/(png|webp);base64,', bundle["text/html"])
    assert bundle["application/vnd.jupyter.widget-view+json"]["model_id"] == view.model_id


def test_no_widget_that_captures_output(view):
    inside = [view]
    while inside:
        widget = inside.pop()
        assert not isinstance(widget, widgets.Output)
        inside += getattr(widget, "children", ())


def test_the_same_state_gives_the_same_text_anew(view):
    assert repr(view) == f"<View: {view.alt}>"
    first = (view.png, view.alt, view.readout)
    fresh = views.View(view.render, view.controls)
    assert (fresh.png, fresh.alt, fresh.readout) == first
