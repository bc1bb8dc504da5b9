"""The neighbours' view, driven without a browser; its order of images against distances taken one pair at a time."""

import io

import numpy as np
import pytest
from PIL import Image, ImageColor

from zfhelpers.views.neighbours import THUMB, neighbours_view, squared_distances
from zfhelpers.views.panels import MARK

RNG = np.random.default_rng(0)
FEATURES = {"layer1": RNG.normal(size=(12, 5)), "layer2": 3 + RNG.normal(size=(12, 2))}
GRAMS = {layer: values @ values.T for layer, values in FEATURES.items()}
IMAGES, LABELS, CLASSES = RNG.integers(0, 256, (12, 3, 16, 16), dtype=np.uint8), np.arange(12) % 3, ["cat", "dog", "owl"]


@pytest.mark.parametrize("layer", FEATURES)
def test_distances_agree_with_those_of_single_pairs(layer):
    for index, values in enumerate(FEATURES[layer]):
        pairs = [np.sum((values - other) ** 2) for other in FEATURES[layer]]
        np.testing.assert_allclose(squared_distances(GRAMS[layer], index), pairs, atol=1e-12)


def test_names_the_nearest_first_and_never_the_image_itself():
    view = neighbours_view(IMAGES, LABELS, CLASSES, GRAMS, count=11)
    for layer, values in FEATURES.items():
        order = sorted((np.linalg.norm(values[4] - values[other]), other) for other in range(12) if other != 4)
        named = ", ".join(CLASSES[LABELS[other]] for _, other in order)
        assert view.set(image=4, layer=layer).alt == f"A dog, and the 11 images nearest to it in {layer}: {named}."
        assert "same class: <strong>3 of 11" in view.readout


def test_frames_what_is_of_another_class():
    view = neighbours_view(IMAGES, LABELS, CLASSES, GRAMS, count=11).set(image=4)
    drawn = np.asarray(Image.open(io.BytesIO(view.png)).convert("RGB"), int)
    corners = drawn[drawn.shape[0] - THUMB + 1, 1 :: THUMB + 10]  # just inside the upper left corner of every thumbnail
    framed = np.abs(corners - ImageColor.getrgb(MARK)).max(axis=1) < 8
    named = ["dog", *view.alt.partition("layer1: ")[2].rstrip(".").split(", ")]
    assert framed.tolist() == [name != "dog" for name in named]


@pytest.mark.parametrize(
    ("images", "labels", "grams", "count"),
    [(IMAGES[:5], LABELS, GRAMS, 3), (IMAGES, LABELS[:5], GRAMS, 3), (IMAGES, LABELS, {}, 3), (IMAGES, LABELS, GRAMS, 12)],
)
def test_what_does_not_belong_together(images, labels, grams, count):
    with pytest.raises(ValueError, match=r"do not fit inner products|can have 1 to 11 neighbours, not 12"):
        neighbours_view(images, labels, CLASSES, grams, count)
