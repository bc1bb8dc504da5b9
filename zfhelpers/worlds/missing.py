"""The toy world with some of its images drawn anew, without parts of what they show: for a network that must not be surprised.

>>> from zfhelpers.worlds.opening import open_world
>>> missing_parts(open_world("toy"))
World('toy': 24 classes, 128 px)
"""

from __future__ import annotations

import numpy as np

from zfhelpers import toyworld
from zfhelpers.files import cached_array
from zfhelpers.worlds.world import ImageSet, World


def missing_parts(world: World) -> World:
    """The toy world's images in their order and with their labels, as `toyworld.lacking` says without some of their parts.

    Training and validation images both lack parts, so that the recipe anneals by what it trains for. The name is the toy world's:
    the classes are, and so are the images that such a network is later asked about.

    Args:
        world: the toy world.

    Raises:
        ValueError: another world, whose objects have no known parts.
    """
    if world.name != "toy":
        raise ValueError(f"The world {world.name!r} does not know the parts of its objects; 'toy' does.")

    def open_split(world: World, split: str) -> ImageSet:
        labels = np.arange(toyworld.SIZES[split] * len(toyworld.CLASSES)) % len(toyworld.CLASSES)
        shape = (len(labels), 3, world.frame_size, world.frame_size)

        def fill(array: np.ndarray) -> None:
            array[:] = toyworld.render_lacking(split, frame_size=world.frame_size, image_size=world.image_size)

        key = f"{toyworld.VERSION} {toyworld.DIFFICULTY} {toyworld.missing.VERSION} {shape}"
        return ImageSet(cached_array(f"toy-missing-{split}", key, shape, fill), labels, world.image_size)

    return World("toy", toyworld.CLASSES, world.image_size, open_split)
