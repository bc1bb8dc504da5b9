"""The invariance View: driven from Python, its picture, curves and text against what it was given."""

import io

import numpy as np
import pytest
import torch
from PIL import Image

from zfhelpers.experiments.invariance import InvarianceCurves
from zfhelpers.views.invariance import invariance_view

RNG = np.random.default_rng(0)
AMOUNTS = {"translation": [-8.0, 0.0, 4.0, 8.0], "rotation": [0.0, 90.0, 180.0]}
NAMES = ["mug", "car", "mug"]
IMAGES = {kind: RNG.integers(0, 256, (3, len(amounts), 3, 64, 64), dtype=np.uint8) for kind, amounts in AMOUNTS.items()}


def curves(kind):
    shape = 3, len(AMOUNTS[kind])
    distances = {layer: torch.from_numpy(RNG.random(shape)) for layer in ("layer1", "layer7")}
    return InvarianceCurves(kind, torch.tensor(AMOUNTS[kind]), distances, torch.from_numpy(RNG.random(shape)))


CURVES = {kind: curves(kind) for kind in AMOUNTS}


@pytest.fixture
def view():
    return invariance_view({kind: (CURVES[kind], IMAGES[kind]) for kind in AMOUNTS}, NAMES)


def pixels(view):
    return np.asarray(Image.open(io.BytesIO(view.png)).convert("RGB"))


def test_it_starts_with_the_image_as_it_is(view):
    assert view.state == {"image": "mug 1", "kind": "translation", "amount": 1}
    assert "translation: <strong>+0 px" in view.readout


@pytest.mark.parametrize("kind", AMOUNTS)
@pytest.mark.parametrize(("label", "row"), [("mug 1", 0), ("car", 1), ("mug 3", 2)])
def test_picture_and_text_are_those_of_the_state(view, kind, label, row):
    view.set(image=label, kind=kind)
    found = CURVES[kind]
    for place, amount in enumerate(AMOUNTS[kind]):
        view.set(amount=place)
        shown = pixels(view)[24 : 24 + 256, :256]  # 64 px shown at about 264, below a heading
        assert (shown[::4, ::4] == IMAGES[kind][row, place].transpose(1, 2, 0)).all()
        for layer, values in found.distances.items():
            share = values[row, place] / values[row].max()
            assert f"{layer}: <strong>{values[row, place]:.3g} ({share:.0%} of its maximum)</strong>" in view.readout
        assert f"P({NAMES[row]}): <strong>{found.probability[row, place]:.2f}</strong>" in view.readout
        assert f"An image of {NAMES[row]} after {kind} by {amount:+g}".replace("+", "") in view.alt.replace("+", "")
        assert all(word in view.alt for word in ("distance in layer1", "distance in layer7", f"P({NAMES[row]})"))


def test_the_marker_lies_on_the_curve(view):
    """Every panel is 264 px wide, 16 px from the next; the marker's vertical line is the only one of its colour."""
    view.set(kind="rotation", image="car")
    for place in range(3):
        view.set(amount=place)
        page = pixels(view)[24:].astype(int)
        for panel in range(3):
            left = 256 + 16 + panel * (264 + 16)
            part = page[:, left : left + 264]
            marked = np.abs(part - (0xD5, 0x5E, 0)).sum(-1) < 30
            columns = np.flatnonzero(marked.sum(0) > 150)
            assert columns.tolist() == [round(34 + place / 2 * (264 - 34 - 16))]
            values = [*CURVES["rotation"].distances.values(), CURVES["rotation"].probability][panel]
            high = values.max() * 1.05 if panel < 2 else 1.0  # a probability
            dot = np.flatnonzero(marked.sum(1) > 5)
            assert dot.mean() == pytest.approx(264 - 24 - values[1, place].item() / high * (264 - 8 - 24), abs=1.5)


def test_another_kind_starts_from_no_change(view):
    view.set(amount=3, kind="rotation")
    assert view.state["amount"] == 0
    assert view.controls["amount"].max == 2
    view.set(amount=2, kind="translation")
    assert view.state["amount"] == 1
    assert view.controls["amount"].max == 3
    assert view.error is None


def test_every_state_can_be_shown(view):
    for kind in AMOUNTS:
        view.set(kind=kind)
        for place in range(len(AMOUNTS[kind])):
            view.set(amount=place)
            assert view.error is None
            assert 'alt="An image of mug' in view._picture.value


def test_amounts_need_not_be_in_order():
    order = [2, 0, 1]
    found = CURVES["rotation"]
    shuffled = InvarianceCurves(
        "rotation", found.amounts[order], {name: values[:, order] for name, values in found.distances.items()},
        found.probability[:, order],
    )  # fmt: skip
    straight = invariance_view({"rotation": (found, IMAGES["rotation"])}, NAMES).set(amount=2)
    mixed = invariance_view({"rotation": (shuffled, IMAGES["rotation"][:, order])}, NAMES).set(amount=0)
    assert (pixels(straight) == pixels(mixed)).all()


def test_the_probability_may_be_that_of_another_output():
    answers = ["cup", "car", "jug"]
    view = invariance_view({"rotation": (CURVES["rotation"], IMAGES["rotation"])}, NAMES, answers).set(image="mug 3", amount=1)
    assert f"P(jug): <strong>{CURVES['rotation'].probability[2, 1]:.2f}</strong>" in view.readout
    assert view.alt.startswith("An image of mug after rotation")
    assert "P(jug)" in view.alt
    assert view.error is None


def test_a_single_amount_and_a_distance_of_zero_can_be_shown():
    found = InvarianceCurves("scale", torch.ones(1), {"layer1": torch.zeros(1, 1)}, torch.ones(1, 1))
    view = invariance_view({"scale": (found, np.zeros((1, 1, 3, 32, 32), np.uint8))}, ["mug"])
    assert "1.00 times" in view.alt
    assert view.error is None


@pytest.mark.parametrize(("images", "names"), [(IMAGES["rotation"][:, :2], NAMES), (IMAGES["rotation"], NAMES[:2])])
def test_what_does_not_agree_is_refused(images, names):
    with pytest.raises(ValueError, match="give one image for each amount, and one name for each image"):
        invariance_view({"rotation": (CURVES["rotation"], images)}, names)
