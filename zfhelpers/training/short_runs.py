"""Short training runs that show what each part of the recipe does (sec. 3.1): seconds on a processor instead of days.

The network is that of Fig. 3 at an eighth of its width, the images have 64 pixels, the classes are few. Everything else, the
start, the crops and mirror images, the cap on the filters, is what `loop.train` uses. A run keeps to one thread: of batches as
small as these a second makes little faster, and on busy cores two wait for each other many times longer than they compute.

When a run leaves the plateau at its start is the same to a few steps on any machine. What comes after is not: some hundred
steps amplify the last digit of the weights, in which processors differ, a million times.

    >>> from zfhelpers.worlds.opening import open_world
    >>> world = small_world(open_world("toy"), classes=4, per_class=32)
    >>> world, len(world.train)
    (World('toy, reduced': 4 classes, 64 px), 128)
    >>> run = short_run(world, steps=3)
    >>> run.loss.shape, run.rescaled
    ((3,), 0)
"""

from __future__ import annotations

import math
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass

import numpy as np
import torch
import torch.nn.functional as F
from torch import Tensor, nn

from zfhelpers.model import FILTER_RMS, ZFNet, renormalise_filters, scaled
from zfhelpers.training.batches import augment, crop_draws, epoch_order
from zfhelpers.training.errors import wrong
from zfhelpers.training.recipe import Recipe
from zfhelpers.worlds.world import PAPER_CROP, PAPER_FRAME, ImageSet, World

SIDE = 64  # pixels: the least that five layers can look at
WIDTH, UNITS = 0.125, 128  # of the maps, and units of layers 6 and 7
SHORT_BATCH = 64  # images a step
MEASURED = 150  # images of either set at most, for each error


@dataclass(frozen=True)
class Run:
    """What a short run left.

    Attributes:
        loss: (steps,) cross-entropy of each batch before its step, dropout on.
        steps: (M,) the steps after which errors were measured; 0 is before the first.
        train_error, val_error: (M,) top-1 errors of the centre crops, dropout off, in %.
        largest: (M,) the largest root-mean-square weight of any convolution filter.
        rescaled: how often the cap rescaled a filter.
        guessing: the loss of equal probabilities, the logarithm of the number of classes.
    """

    loss: np.ndarray
    steps: np.ndarray
    train_error: np.ndarray
    val_error: np.ndarray
    largest: np.ndarray
    rescaled: int
    guessing: float

    def end(self) -> float:
        """The mean loss of the last fifty steps."""
        return float(self.loss[-50:].mean())

    def leaves_plateau(self) -> int:
        """The step at which the smoothed loss is first 5 % below that of guessing; the number of steps if it never is."""
        at, loss = smoothed(self.loss)
        below = at[loss < 0.95 * self.guessing]
        return int(below[0]) if len(below) else len(self.loss)


def smoothed(loss: np.ndarray | Tensor, window: int = 20) -> tuple[np.ndarray, np.ndarray]:
    """A loss as the mean of the last steps: (steps after which, mean), each (steps - window + 1,).

    Raises:
        ValueError: fewer steps than the window.

    >>> smoothed(np.array([1.0, 2.0, 6.0]), window=2)
    (array([2, 3]), array([1.5, 4. ]))
    """
    loss = np.asarray(loss, dtype=np.float64)
    if len(loss) < window:
        raise ValueError(f"A mean of {window} steps needs as many; there are {len(loss)}.")
    sums = np.cumsum(np.insert(loss, 0, 0))
    return np.arange(window, len(loss) + 1), (sums[window:] - sums[:-window]) / window


def small_world(world: World, classes: int = 6, per_class: int = 100) -> World:
    """Some classes of a world, evenly spaced in its list, with images reduced to 64 pixels.

    Args:
        world: any.
        classes: how many; all if there are fewer.
        per_class: training images of each class, at most; of the validation images all are kept.

    Raises:
        ValueError: fewer than two classes, or less than one image.
    """
    if classes < 2 or per_class < 1:
        raise ValueError(f"A small world has at least 2 classes and 1 image of each, not {classes} and {per_class}.")
    chosen = np.unique(np.linspace(0, len(world.classes) - 1, classes).round().astype(int))
    frame = round(SIDE * PAPER_FRAME / PAPER_CROP)

    def reduced(_: World, split: str) -> ImageSet:
        images = getattr(world, split)
        most = per_class if split == "train" else len(images)
        rows = np.concatenate([np.flatnonzero(images.labels == label)[:most] for label in chosen])
        parts = [
            F.interpolate(torch.from_numpy(np.array(images.frames[part])).float(), (frame, frame), mode="area")
            for part in np.array_split(rows, -(-len(rows) // 256))
        ]
        frames = torch.cat(parts).round().to(torch.uint8).numpy()
        return ImageSet(frames, np.searchsorted(chosen, images.labels[rows]), SIDE)

    return World(f"{world.name}, reduced", [world.classes[label] for label in chosen], SIDE, reduced)


def small_network(world: World, dropout: float = 0.5, seed: int = 0) -> ZFNet:
    """The network of a short run before its first step, in training mode: Fig. 3 with an eighth of its maps."""
    torch.manual_seed(seed)
    net = ZFNet(scaled("zfnet", len(world.classes), world.image_size, WIDTH, UNITS)).to(memory_format=torch.channels_last)
    net.dropout6.p = net.dropout7.p = dropout
    return net


def small_batch(world: World, step: int, seed: int = 0, batch: int = SHORT_BATCH) -> tuple[Tensor, Tensor]:
    """What one step of a short run sees.

    Returns:
        random crops, half of them mirrored, minus the mean image (batch, 3, 64, 64) float32, and their labels (batch,) int64.
    """
    epoch, place = divmod(step, len(world.train) // batch)
    rows = epoch_order(seed, epoch, len(world.train))[place * batch : (place + 1) * batch]
    frames = torch.from_numpy(world.train.frames[rows])
    crops = augment(frames, world.image_size, crop_draws(seed, step, batch)).float() - world.mean
    return crops.contiguous(memory_format=torch.channels_last), torch.from_numpy(world.train.labels[rows])


@contextmanager
def _one_thread() -> Iterator[None]:
    """PyTorch on one thread, until it is done."""
    before = torch.get_num_threads()
    torch.set_num_threads(1)
    try:
        yield
    finally:
        torch.set_num_threads(before)


@_one_thread()
def short_run(
    world: World,
    steps: int,
    *,
    rate: float = Recipe.rate,
    momentum: float = Recipe.momentum,
    dropout: float = 0.5,
    drop_after: int | None = None,
    cap: float = FILTER_RMS,
    weight_decay: float = Recipe.weight_decay,
    batch: int = SHORT_BATCH,
    measure_every: int = 50,
    seed: int = 0,
) -> Run:
    """Train the network of Fig. 3, very small, for a few hundred steps.

    Two runs with the same seed start from the same weights and see the same crops of the same images in the same order.

    Args:
        world: with images of 64 pixels, see `small_world`.
        steps: how many.
        rate: learning rate.
        momentum: of stochastic gradient descent.
        dropout: probability in layers 6 and 7.
        drop_after: step after which the rate is divided by ten; never if None.
        cap: on the root-mean-square weight of a convolution filter; `math.inf` for none.
        weight_decay: of all weights and biases.
        batch: images a step.
        measure_every: steps between two measurements of the errors; they are measured after the last step in any case.
        seed: of the start, the order, the crops and dropout.

    Raises:
        ValueError: less than one step, or a training set smaller than a batch.
    """
    if steps < 1 or len(world.train) < batch:
        raise ValueError(f"A run takes at least 1 step and {batch} training images, not {steps} and {len(world.train)}.")
    net = small_network(world, dropout, seed)
    optimizer = torch.optim.SGD(net.parameters(), lr=rate, momentum=momentum, weight_decay=weight_decay)
    losses, measured, rescaled = [], [_measure(net, world, 0)], 0
    for step in range(steps):
        images, labels = small_batch(world, step, seed, batch)
        torch.manual_seed(seed * 1_000_003 + step)  # dropout
        loss = F.cross_entropy(net(images), labels)
        optimizer.zero_grad()
        loss.backward()
        optimizer.param_groups[0]["lr"] = rate * (Recipe.annealing if drop_after is not None and step >= drop_after else 1)
        optimizer.step()
        rescaled += renormalise_filters(net, cap)
        losses.append(loss.item())
        if (step + 1) % measure_every == 0 or step + 1 == steps:
            measured.append(_measure(net, world, step + 1))
    at, train_error, val_error, largest = map(np.array, zip(*measured, strict=True))
    return Run(np.array(losses), at, train_error, val_error, largest, rescaled, math.log(len(world.classes)))


@torch.inference_mode()
def _measure(net: nn.Module, world: World, step: int) -> tuple[int, float, float, float]:
    """The step, both errors in %, and the largest root-mean-square weight of a filter."""
    net.eval()
    errors = []
    for images in (world.train, world.val):
        rows = np.unique(np.linspace(0, len(images) - 1, min(len(images), MEASURED)).astype(int))
        seen = world.preprocess(images.images(rows)).contiguous(memory_format=torch.channels_last)
        errors.append(100 * wrong(net(seen), torch.from_numpy(images.labels[rows])).double().mean().item())
    net.train()
    convolutions = (m.weight for m in net.modules() if isinstance(m, nn.Conv2d))
    return step, *errors, max(w.square().mean(dim=(1, 2, 3)).sqrt().max().item() for w in convolutions)
