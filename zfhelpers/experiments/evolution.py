"""How features grow while a network is trained (Fig. 4), and when a layer has settled.

The paper looks: at the strongest activation of a map over the training images, after 1, 2, 5 ... 64 epochs. Here the same search
(`evolve`) also gives two numbers for every layer and epoch: how similar its features are to the final ones (`linear_cka`,
Kornblith et al. 2019, arXiv 1905.00414), and the share of its maps whose winning image changes no more (`unchanged`).
`settled_at` reads from such a curve the epoch from which it stays above a level.

    >>> settled_at([1, 2, 5, 10, 64], [0.2, 0.93, 0.7, 0.9, 1.0])
    10
"""

from __future__ import annotations

import hashlib
import json
from collections.abc import Callable, Iterable, Mapping, Sequence
from dataclasses import dataclass, fields
from itertools import pairwise

import numpy as np
import safetensors.torch
import torch
from torch import Tensor, nn

from zfhelpers.answers import check_alone
from zfhelpers.files import cache_dir, write_whole
from zfhelpers.hooks import checked_images, layer_names, recording
from zfhelpers.networks.checkpoints import load, read_card
from zfhelpers.networks.names import kind_of
from zfhelpers.patches import patches_of
from zfhelpers.strongest import TopActivations, strongest
from zfhelpers.training.recipe import EPOCHS
from zfhelpers.training.weights import epoch_file, read_tensors
from zfhelpers.worlds.world import World

LAYERS = ("layer1", "layer2", "layer3", "layer4", "layer5")
IMAGES_AT_ONCE = 64  # images


@dataclass(frozen=True, eq=False)
class Responses:
    """What every map of one layer makes of every one of N images.

    Attributes:
        peaks: (N, maps) float32, the strongest activation of a map in an image.
        rows, columns: (N, maps) int16, where.
        means: (N, maps) float32, the mean over the map: what `linear_cka` compares.
    """

    peaks: Tensor
    rows: Tensor
    columns: Tensor
    means: Tensor

    def top(self, k: int = 1) -> TopActivations:
        """The k strongest activations of every map: a search as `top_activations` makes it, over the N images alone."""
        peaks, rows, columns = (part.T for part in (self.peaks, self.rows.long(), self.columns.long()))
        return TopActivations(peaks, torch.arange(len(self.peaks)).expand_as(peaks), rows, columns).first(k)

    def __repr__(self) -> str:
        """Short: the tensors would fill pages."""
        return f"Responses({len(self.peaks)} images, {self.peaks.shape[1]} maps)"


def responses(
    module: nn.Module, world: World, indices: Sequence[int], layers: Iterable[str] = LAYERS, split: str = "train"
) -> dict[str, Responses]:
    """Runs some images of a world through a network, once, for all layers.

    Args:
        module: any network that takes the world's images; it is left exactly as it was.
        world: where the images come from.
        indices: which images; row n of the result is image `indices[n]`.
        layers: names of convolutional layers.
        split: "train" or "val".

    Raises:
        ValueError: no image, an unknown layer, NaN that arises in the network, a network whose answers depend on the batch.
        IndexError: an index that the world has no such image for.
    """
    if not len(indices):
        raise ValueError("There is no image to look at; give the indices of one image or more.")
    images_of = getattr(world, split).images

    def summary(values: Tensor) -> tuple[Tensor, ...]:
        if values.ndim != 4:
            raise ValueError(f"Maps have rows and columns; a layer that gives {tuple(values.shape)} is not convolutional.")
        peaks, rows, columns = strongest(values)
        return peaks, rows.short(), columns.short(), values.mean((2, 3))

    found, layers = [], layer_names(layers)
    with recording(module, layers, finite=False, beyond=False) as forward:
        check_alone(forward, checked_images(module, world.preprocess(images_of(indices[:1]))), layout=torch.channels_last)
    with recording(module, layers, read=summary, beyond=False) as forward:
        for start in range(0, len(indices), IMAGES_AT_ONCE):
            images = world.preprocess(images_of(indices[start : start + IMAGES_AT_ONCE]))
            images = checked_images(module, images, start)
            found.append(forward(images.contiguous(memory_format=torch.channels_last))[1])  # up to half faster on a CPU
    return {layer: Responses(*map(torch.cat, zip(*(part[layer] for part in found), strict=True))) for layer in found[0]}


def kept_epochs(world: str, variant: str = "zfnet") -> list[int]:
    """The epochs at which a network of this course was kept, and its last; none for a network from elsewhere.

    >>> kept_epochs("toy"), kept_epochs("toy", "torchvision:alexnet")
    ([1, 2, 5, 10, 20, 30, 40, 64], [])
    """
    if kind_of(variant) != "ours":
        return []
    card = read_card(world, variant)
    return sorted({card["epochs"], *(epoch for epoch in EPOCHS if epoch_file(variant, epoch) in card["files"])})


def evolve(
    world: str,
    indices: Sequence[int],
    epochs: Sequence[int],
    variant: str = "zfnet",
    progress: Callable[[Sequence[int]], Iterable[int]] = iter,
) -> dict[int, dict[str, Responses]]:
    """The `responses` of a network as it was after each of some epochs, layers 1 to 5.

    What was computed is kept in the cache, under the hash of weights, indices and images, so that a second run takes a second.

    Args:
        world: name of the world, and of the network's folder.
        indices: which training images are searched.
        epochs: at which the network was kept, see `kept_epochs`.
        variant: name of the network.
        progress: wrapped around the epochs, for instance `tqdm.tqdm`.

    Returns:
        {epoch: {layer: Responses}}.

    Raises:
        ValueError: no such epoch, or no image.
        FileNotFoundError: no such network, or its images are not here.
    """
    return {epoch: _kept(world, variant, epoch, np.asarray(indices, dtype=np.int64)) for epoch in progress(epochs)}


def _kept(world: str, variant: str, epoch: int, indices: np.ndarray) -> dict[str, Responses]:
    """From the cache, or computed and put there."""
    net, data = load(world, variant, epoch=epoch)  # also where the cache knows the answer: it refuses what is not there
    files = read_card(world, variant)["files"]
    weights = files.get(epoch_file(variant, epoch)) or files[f"{variant}.safetensors"]  # the last epoch is the network itself
    pixels = hashlib.sha256(data.train.images(indices).contiguous().numpy()).hexdigest()
    key = json.dumps([weights, len(data.train), hashlib.sha256(indices.tobytes()).hexdigest(), pixels, IMAGES_AT_ONCE])
    path = cache_dir() / f"evolution-{hashlib.sha256(key.encode()).hexdigest()[:16]}.safetensors"
    if path.exists():
        tensors, _ = read_tensors(path)
        return {layer: Responses(*(tensors[f"{layer}.{field.name}"] for field in fields(Responses))) for layer in LAYERS}
    found = responses(net, data, indices)
    tensors = {
        f"{layer}.{field.name}": getattr(answer, field.name) for layer, answer in found.items() for field in fields(Responses)
    }
    write_whole(path, safetensors.torch.save({name: tensor.contiguous() for name, tensor in tensors.items()}))
    return found


def living(last: Mapping[str, Responses], count: int, rng: np.random.Generator) -> dict[str, np.ndarray]:
    """Some maps of each layer, drawn at random among those that any image excites: {layer: numbers, increasing}."""
    alive = {layer: torch.nonzero(winners(found.peaks) >= 0)[:, 0].numpy() for layer, found in last.items()}
    return {layer: np.sort(rng.permutation(maps)[:count]) for layer, maps in alive.items()}


def projected(
    world: str,
    indices: Sequence[int],
    grown: Mapping[int, Mapping[str, Responses]],
    maps: Mapping[str, Sequence[int]],
    variant: str = "zfnet",
) -> dict[str, tuple]:
    """The cells of Fig. 4: for each map and epoch the projection of its strongest activation.

    Args:
        world, indices, variant: those of the search.
        grown: what `evolve` found.
        maps: {layer: M numbers of maps}.

    Returns:
        {layer: (maps, projections (M, E, 3, h, h) float, patches (M, E, 3, h, h) uint8 of the images they come from,
        winners (M, E): which image that is, -1 where none excites the map)}.
    """
    found: dict[str, list] = {layer: [] for layer in maps}
    for epoch in grown:
        net, data = load(world, variant, epoch=epoch)
        images, best = torch.utils.data.Subset(data.train, np.asarray(indices).tolist()), {}
        for layer in maps:
            best[layer] = grown[epoch][layer].top(1)
        for layer, shown in patches_of(net, images, best, maps, preprocess=data.preprocess).items():
            won = winners(grown[epoch][layer].peaks)[torch.as_tensor(maps[layer])]
            found[layer].append((shown.projections[:, 0], shown.patches[:, 0], won))
    return {
        layer: (list(map(int, maps[layer])), *(torch.stack(part, 1).numpy() for part in zip(*cells, strict=True)))
        for layer, cells in found.items()
    }


# ------------------------------------------------------------------------------------------------------ when it has settled


def linear_cka(x: Tensor, y: Tensor) -> float:
    """Linear centred kernel alignment of two sets of features of the same images: 1 where they agree up to rotation and scale.

        CKA(X, Y) = |Y^T X|^2 / (|X^T X| |Y^T Y|),    Frobenius norms, every column of X and Y minus its mean

    (Kornblith et al. 2019, sec. 3). Independent features are near 0 only if there are many more images than features; with as
    many features as images, or more, everything resembles everything.

    Args:
        x, y: (n, p) and (n, q) float, the features of the same n images, row by row.

    Returns:
        between 0 and 1; NaN where one of them is the same for all images, which is no direction to compare.

    Raises:
        ValueError: other shapes, fewer than two images, different numbers of images, NaN or infinite values.

    >>> x = torch.tensor([[1.0, 0.0], [0.0, 2.0], [3.0, 1.0]])
    >>> round(linear_cka(x, 5 * x.flip(1) + 7), 6)
    1.0
    """
    x, y = (torch.as_tensor(features).double() for features in (x, y))
    if x.ndim != 2 or y.ndim != 2 or len(x) != len(y) or len(x) < 2:
        raise ValueError(
            f"Features to compare are (n, p) and (n, q) of the same n images, 2 or more, not {tuple(x.shape)}, {tuple(y.shape)}."
        )
    if not (torch.isfinite(x).all() and torch.isfinite(y).all()):
        raise ValueError("Features to compare must be finite; these hold NaN or infinite values.")
    x, y = x - x.mean(0), y - y.mean(0)
    scale = (_shared(x, x) * _shared(y, y)) ** 0.5
    return _shared(x, y) / scale if scale > 0 else float("nan")


def _shared(x: Tensor, y: Tensor) -> float:
    """|Y^T X|^2, by way of whichever matrices are smaller: p x q, or two of n x n."""
    if max(x.shape[1], y.shape[1]) <= len(x):
        return float((y.T @ x).square().sum())
    return float(((x @ x.T) * (y @ y.T)).sum())


def winners(peaks: Tensor) -> Tensor:
    """The row of the image that excites each map most, (maps,) int64; -1 for a dead map, which no image excites.

    >>> winners(torch.tensor([[1.0, 0.0], [3.0, 0.0]]))
    tensor([ 1, -1])
    """
    best, where = peaks.max(0)
    return where.masked_fill(best <= 0, -1)


def unchanged(won: Tensor) -> Tensor:
    """The share of maps whose winner changes no more, at each epoch.

    Maps that are dead at the end have no winner to settle on, and are left out; one that was dead earlier has changed since.

    Args:
        won: (epochs, maps) int64, `winners` at each epoch.

    Returns:
        (epochs,) float64: it never falls, and is 1 at the end; NaN if all maps are dead at the end.

    >>> unchanged(torch.tensor([[4, 7, -1], [5, 7, -1], [4, 7, -1]])).tolist()
    [0.5, 0.5, 1.0]
    """
    if won.ndim != 2:
        raise ValueError(f"Winners are (epochs, maps), not {tuple(won.shape)}.")
    same = (won == won[-1])[:, won[-1] >= 0]
    return same.flip(0).cumprod(0).flip(0).double().mean(1)


def settled_at(epochs: Sequence[int], values: Sequence[float], share: float = 0.9) -> int | None:
    """The first epoch from which a curve stays at or above a level; None if it ends below it.

    A curve that compares with the end is 1 at the last epoch whatever happens: the last epoch as answer means not before the end.

    Args:
        epochs: increasing.
        values: one for each.
        share: the level.

    Raises:
        ValueError: no epoch, not as many values as epochs, epochs that do not increase, or NaN.

    >>> settled_at([1, 5, 64], [0.95, 0.8, 1.0])
    64
    """
    epochs, values = list(epochs), [float(value) for value in values]
    if not epochs or len(epochs) != len(values):
        raise ValueError(f"A curve has one value for each epoch; there are {len(epochs)} epochs and {len(values)} values.")
    if any(later <= earlier for earlier, later in pairwise(epochs)):
        raise ValueError(f"Epochs must increase; these do not: {epochs}.")
    if any(value != value for value in values):
        raise ValueError("A curve with NaN in it settles nowhere; leave out what could not be measured.")
    below = [place for place, value in enumerate(values) if value < share]
    first = below[-1] + 1 if below else 0
    return epochs[first] if first < len(epochs) else None
