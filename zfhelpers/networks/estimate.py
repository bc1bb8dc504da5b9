"""How long a list of networks takes to train here: a few steps of each kind are timed, and multiplied.

The estimate is made before anything is trained, so that a reader can decide for fewer networks or epochs. It is rough: a machine
that has other work to do takes longer, and a training also looks at its validation images.
"""

from __future__ import annotations

import time
from collections.abc import Iterable

import torch
import torch.nn.functional as F

from zfhelpers.model import ZFNet, scaled
from zfhelpers.networks.catalogue import Entry
from zfhelpers.training.batches import steps_per_epoch
from zfhelpers.training.loop import fastest_precision
from zfhelpers.training.recipe import Recipe
from zfhelpers.worlds.few import PER_EPOCH
from zfhelpers.worlds.world import World

TIMED = 2  # steps, after one that warms up
LOOKING = 1.1  # a tenth more for validation images and the files
BOTH = 0.8  # of the time that networks one after the other take: two at once on the same cores


def minutes(entries: Iterable[tuple[Entry, int]], world: World, jobs: int = 1) -> float:
    """About how many minutes it takes to train networks for so many more epochs.

    Args:
        entries: (what to train, epochs that are left) for each network.
        world: whose images, see `epoch_images`.
        jobs: how many are trained at once.
    """
    total, known = 0.0, {}
    for entry, epochs in entries:
        recipe = entry.recipe
        images = epoch_images(entry, world)
        kind = recipe.variant, recipe.width, recipe.fc, recipe.batch
        if kind not in known:
            known[kind] = step_seconds(recipe, len(world.classes), world.image_size)
        total += known[kind] * steps_per_epoch(images, recipe.batch) * epochs
    return total * LOOKING * (BOTH if jobs > 1 else 1) / 60


def epoch_images(entry: Entry, world: World) -> int:
    """About how many images an epoch of a network has: all of the world's, unless it is trained on others."""
    if entry.few:
        return PER_EPOCH
    return entry.some.epoch if entry.some else len(world.train)


def step_seconds(recipe: Recipe, classes: int, image_size: int) -> float:
    """Seconds of one training step of one network on noise, on the device that would train it."""
    device = torch.device("cuda" if torch.cuda.is_available() else "cpu")
    with torch.random.fork_rng():
        net = ZFNet(scaled(recipe.variant, classes, image_size, recipe.width, recipe.fc))
        net = net.to(device, memory_format=torch.channels_last)
        images = torch.randn(recipe.batch, 3, image_size, image_size).to(device, memory_format=torch.channels_last)
        labels = torch.arange(recipe.batch, device=device) % classes
        for step in range(1 + TIMED):
            if step == 1:
                began = time.perf_counter()
            with torch.autocast(device.type, torch.bfloat16, enabled=fastest_precision() == "bf16"):
                logits = net(images)
            F.cross_entropy(logits.float(), labels).backward()
            if device.type == "cuda":
                torch.cuda.synchronize()
    return (time.perf_counter() - began) / TIMED
