"""What the nine strongest images of feature maps have in common: their class, and whether it is the object that is projected.

>>> from zfhelpers.worlds.opening import open_world
>>> seen = AsSeen(open_world("toy"), evenly_spaced(1200, 10))
>>> len(seen), seen[3][0].dtype, seen[3][1] == int(seen.labels[3])
(10, torch.float32, True)
"""

from __future__ import annotations

from collections import Counter
from collections.abc import Mapping, Sequence

import numpy as np
import torch
from torch import Tensor
from torch.utils.data import Dataset

from zfhelpers.boxes import crop
from zfhelpers.patches import TopPatches
from zfhelpers.strongest import TopActivations
from zfhelpers.worlds.world import World

DRAWS = 5000  # of nine images by lot


def evenly_spaced(count: int, most: int) -> np.ndarray:
    """At most `most` of the numbers 0 to count - 1, from the first to the last; all of them if there are no more.

    >>> evenly_spaced(10, 4), evenly_spaced(3, 4)
    (array([0, 3, 6, 9]), array([0, 1, 2]))
    """
    return np.linspace(0, count - 1, min(count, most)).astype(int)


def drawn_maps(top: Mapping[str, TopActivations], rng: np.random.Generator, most: int) -> dict[str, np.ndarray]:
    """The numbers of at most `most` maps of each layer in random order, of those that are excited in each of their images."""
    return {layer: rng.permutation(best.lively().numpy())[:most] for layer, best in top.items()}


class AsSeen(Dataset):
    """Some validation images of a world as its network sees them: items (image float minus the mean image, label).

    Args:
        world: whose images and mean.
        chosen: which of them.

    Attributes:
        labels: (N,) of the chosen images.
    """

    def __init__(self, world: World, chosen: Sequence[int]):
        self.world, self.chosen = world, chosen
        self.labels = world.val.labels[np.asarray(chosen)]

    def __len__(self) -> int:
        return len(self.chosen)

    def __getitem__(self, index: int) -> tuple[Tensor, int]:
        image, label = self.world.val[self.chosen[index]]
        return self.world.preprocess(image), label


def purity(labels: np.ndarray) -> np.ndarray:
    """The share of the most common class among the images of each map.

    Args:
        labels: (maps, k) whole numbers, the classes of its k strongest images.

    Returns:
        (maps,) float, in %.

    >>> purity(np.array([[4, 4, 4, 7], [1, 2, 3, 0]]))
    array([75., 25.])
    """
    labels = np.asarray(labels)
    return np.array([100 * np.bincount(row).max() / len(row) for row in labels])


def purity_of_maps(
    top: Mapping[str, TopActivations], maps: Mapping[str, Sequence[int]], labels: np.ndarray
) -> dict[str, np.ndarray]:
    """The `purity` of some maps of each layer, {layer: (maps,) in %}; `labels` are those of the images that were searched."""
    return {layer: purity(labels[top[layer].images[numbers].numpy()]) for layer, numbers in maps.items()}


def purity_by_lot(labels: np.ndarray, rng: np.random.Generator) -> float:
    """The mean purity of nine images drawn at random from all, in %."""
    return float(np.mean(purity(np.stack([rng.choice(labels, 9) for _ in range(DRAWS)]))))


def on_object(found: TopPatches, world: World, chosen: Sequence[int]) -> tuple[np.ndarray, np.ndarray]:
    """How much of a projection lies on the object, and how much of the unit's receptive field does, in a world that is drawn.

    A projection is counted by its power, the sum of its squared values. A field counts as far as it lies in the image.

    Args:
        found: the strongest activations of some maps, uncut: `patches_of(..., largest=math.inf)`.
        world: knows the pixels of its objects, see `World.parts`.
        chosen: which validation image each image of the search is.

    Returns:
        two arrays (maps,) in %: means over the k images of each map.

    Raises:
        ValueError: a world of photographs.
    """
    side, inside, on = world.image_size, [], []
    for image, boxes in zip(found.images.flatten().tolist(), found.boxes.flatten(0, 1).tolist(), strict=True):
        mask = torch.from_numpy(world.parts("val", int(chosen[image])).mask)[None].float()
        on.append(crop(mask, boxes))
        inside.append(crop(torch.ones(1, side, side), boxes))
    on, inside = torch.cat(on), torch.cat(inside)  # (maps * k, h, h)
    power = found.projections.square().sum(2).flatten(0, 1)
    shares = (power * on).sum((1, 2)) / power.sum((1, 2)), on.sum((1, 2)).double() / inside.sum((1, 2))
    return tuple(100 * share.unflatten(0, found.images.shape).mean(1).numpy() for share in shares)


def class_counts(labels: Sequence[int], names: Sequence[str]) -> str:
    """Which classes some images have, the most common first.

    >>> class_counts([1, 0, 1], ["bus", "cat"])
    '2 cat, 1 bus'
    """
    return ", ".join(f"{count} {names[label]}" for label, count in Counter(np.asarray(labels).tolist()).most_common())
