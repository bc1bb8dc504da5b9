"""Which images a layer takes for alike: the nearest neighbours of an image in the feature space of each layer.

>>> images, labels = np.zeros((5, 3, 8, 8), np.uint8), np.array([0, 0, 1, 1, 1])
>>> features = np.array([[0.0], [1.0], [5.0], [6.0], [7.0]])
>>> neighbours_view(images, labels, ["cat", "dog"], {"layer1": features @ features.T}, count=2).set(image=2).alt
'A dog, and the 2 images nearest to it in layer1: dog, dog.'
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence

import ipywidgets as widgets
import numpy as np

from zfhelpers.figures.tiles import array
from zfhelpers.views.panels import beside, frame, readout, resized, slider
from zfhelpers.views.view import View

THUMB = 96  # pixels


def squared_distances(gram: np.ndarray, index: int) -> np.ndarray:
    """Squared Euclidean distances of all images to one, (N,), from their inner products (N, N): |a|^2 - 2 a b + |b|^2.

    >>> squared_distances(np.array([[1.0, 2.0], [2.0, 4.0]]), 0)
    array([0., 1.])
    """
    return gram.diagonal() - 2 * gram[index] + gram[index, index]


def neighbours_view(images, labels, classes: Sequence[str], grams: Mapping[str, np.ndarray], count: int = 6) -> View:
    """Pick an image and walk through the layers: its nearest neighbours by Euclidean distance, those of another class framed.

    Args:
        images: (N, C, S, S) uint8.
        labels: (N,) indices into `classes`.
        classes: names.
        grams: {layer: (N, N)}, the inner products of the images' features, see `probes.gram_matrix`.
        count: how many neighbours are shown.

    Raises:
        ValueError: no layer, too few images, or matrices that do not belong to them.
    """
    images, labels = array(images), array(labels)
    shapes = {np.shape(gram) for gram in grams.values()}
    if shapes != {(len(images), len(images))} or len(labels) != len(images):
        raise ValueError(f"{len(images)} images with {len(labels)} labels do not fit inner products of the shapes {shapes}.")
    if not 1 <= count < len(images):
        raise ValueError(f"Of {len(images)} images one can have 1 to {len(images) - 1} neighbours, not {count}.")
    which = slider("image", len(images))
    layer = widgets.SelectionSlider(options=list(grams), description="layer")

    def render(state: dict):
        index, name = state["image"], state["layer"]
        distances = squared_distances(grams[name], index)
        distances[index] = np.inf
        near = np.argsort(distances, kind="stable")[:count]
        named = [classes[labels[other]] for other in near]
        true, places = classes[labels[index]], (index, *near)
        panels = [(said, resized(images[place], THUMB)) for said, place in zip((true, *named), places, strict=True)]
        for said, small in panels:
            if said != true:
                frame(small, (0, 0, THUMB, THUMB), width=4)
        kin = sum(said == true for said in named)
        alt = f"A {true}, and the {count} images nearest to it in {name}: {', '.join(named)}."
        return beside(panels, 10), alt, readout(image=index, layer=name, same_class=f"{kin} of {count}")

    return View(render, {"image": which, "layer": layer}, "Nearest neighbours, layer by layer: another class is framed")
