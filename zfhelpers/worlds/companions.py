"""Objects and what stands beside them: which images show both, and which pixels are which.

Fig. 7 of the paper has three images, each chosen to make a point: a dog with a ball, a car with lettering, a dog among people.
The toy world was drawn with them in mind, and knows of every image what is in it and where.

    >>> from zfhelpers.worlds.opening import open_world
    >>> world = open_world("toy")
    >>> fig7_images(world, range(200))
    {'dog with ball': 169, 'car with sign': 37, 'dog with person': 5}
    >>> objects(world, [169, 37]).shape, len(companions(world, range(200)))
    ((2, 128, 128), 135)
"""

from __future__ import annotations

from collections.abc import Iterable, Sequence

import numpy as np
import torch

from zfhelpers import toyworld
from zfhelpers.worlds.world import World

FIG7 = ("dog with ball", "car with sign", "dog with person")
GREY = 124  # of 255: the square of Fig. 7
INSIDE = 0.75  # half image sides: a companion whose centre lies further to a side is half out of the picture


def fig7_images(world: World, indices: Iterable[int]) -> dict[str, int]:
    """The images of Fig. 7 among some validation images: of each kind the largest object, with nothing before it.

    Args:
        world: any; where nobody knows what stands beside an object, a kind is a class, and the first image of it is taken.
        indices: validation images to choose from, for instance those that the network answers correctly.

    Returns:
        {kind: image}: in the toy world those of `FIG7` that are there; elsewhere up to three classes.
    """
    best: dict[str, tuple[float, int]] = {}
    for index in indices:
        kind, size = _kind(world, index)
        if kind not in best or size > best[kind][0]:
            best[kind] = size, int(index)
    return {kind: best[kind][1] for kind in [kind for kind in FIG7 if kind in best] or list(best)[:3]}


def _kind(world: World, index: int) -> tuple[str, float]:
    """What an image shows, and how large the object is; 0 where it is half hidden, or nobody knows."""
    name = world.classes[world.val.labels[index]]
    if world.name != "toy":
        return name, 0.0
    scene = toyworld.scene("val", int(index))
    if scene.companion is None:
        return f"{name} alone", 0.0
    clear = scene.occluder is None and abs(scene.companion.centre.real) < INSIDE
    return f"{'dog' if name in toyworld.DOGS else name} with {scene.companion.kind}", scene.scale * clear


def objects(world: World, indices: Sequence[int]) -> np.ndarray:
    """The visible pixels of the objects of validation images, (n, S, S) bool.

    Raises:
        ValueError: a world of photographs, which does not know them.
    """
    return np.stack([world.parts("val", index).mask for index in indices])


def companions(world: World, indices: Iterable[int] | None = None, least: float = 0.01) -> dict[int, np.ndarray]:
    """The visible pixels of what stands beside the objects of toy images: {validation image: (S, S) bool}.

    Args:
        world: the toy world.
        indices: validation images to look at; all if None.
        least: the smallest share of the image that counts: less is a rim of a thing that lies outside.

    Raises:
        ValueError: a world of photographs, which does not know them.
    """
    if world.name != "toy":
        raise ValueError(f"The world {world.name!r} does not know what stands beside its objects; 'toy' does.")
    scenes = {int(index): toyworld.scene("val", int(index)) for index in (range(len(world.val)) if indices is None else indices)}
    sizes = (world.frame_size, world.image_size)
    masks = {index: toyworld.companion_mask(scene, *sizes) for index, scene in scenes.items() if scene.companion}
    return {index: mask for index, mask in masks.items() if mask.mean() >= least}


def boxed(masks: np.ndarray) -> np.ndarray:
    """For each of some masks (n, S, S) bool the smallest upright box around it, as a mask; what is empty stays empty.

    >>> boxed(np.eye(3, dtype=bool)[None, :, 1:]).astype(int).tolist()
    [[[0, 0], [1, 1], [1, 1]]]
    """
    found = np.zeros_like(masks)
    for box, mask in zip(found, masks, strict=True):
        if mask.any():
            rows, columns = np.flatnonzero(mask.any(1)), np.flatnonzero(mask.any(0))
            box[rows[0] : rows[-1] + 1, columns[0] : columns[-1] + 1] = True
    return found


def greyed(images: torch.Tensor, masks: np.ndarray) -> torch.Tensor:
    """Images to look at, (n, C, S, S) uint8, with the pixels in masks (n, S, S) bool shown grey.

    >>> greyed(torch.zeros(1, 1, 1, 2, dtype=torch.uint8), np.array([[[True, False]]])).flatten()
    tensor([124,   0], dtype=torch.uint8)
    """
    return torch.where(torch.from_numpy(np.asarray(masks))[:, None], GREY, images)
