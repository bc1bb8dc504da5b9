"""A training step of ZFNet at 128 px: the package's loop against one as a tutorial writes it."""

from __future__ import annotations

import tempfile
from pathlib import Path

import numpy as np
import torch
import torch.nn.functional as F
from PIL import Image
from timing import Row, alternate
from torchvision import transforms

from zfhelpers.model import ZFNet, scaled
from zfhelpers.training.loop import train
from zfhelpers.training.recipe import Recipe
from zfhelpers.worlds.world import ImageSet, World

IMAGES, BATCH = 1024, 128


def world() -> World:
    """Noise in the place of photographs."""
    frames = np.random.default_rng(0).integers(0, 255, (IMAGES, 3, 146, 146), np.uint8)
    labels = np.arange(IMAGES) % 10
    return World("noise", [str(k) for k in range(10)], 128, lambda _world, split: ImageSet(
        frames if split == "train" else frames[:BATCH], labels if split == "train" else labels[:BATCH], 128
    ))  # fmt: skip


def tutorial(data: World) -> None:
    """One epoch as most would write it: a transform for each image, float32, maps before pixels."""
    augment = transforms.Compose([transforms.RandomCrop(128), transforms.RandomHorizontalFlip(), transforms.ToTensor()])
    net = ZFNet(scaled("zfnet", 10, 128, 0.5, 512))
    optimizer = torch.optim.SGD(net.parameters(), lr=0.01, momentum=0.9, weight_decay=5e-4)
    pictures = [Image.fromarray(frame.transpose(1, 2, 0)) for frame in data.train.frames]
    for rows in torch.randperm(IMAGES).split(BATCH):
        images = torch.stack([augment(pictures[row]) for row in rows.tolist()]) * 255 - 128
        loss = F.cross_entropy(net(images), torch.from_numpy(data.train.labels[rows.numpy()]))
        optimizer.zero_grad()
        loss.backward()
        optimizer.step()


def jobs(repeats: int):
    """The row of the table."""
    data = world()
    data.mean  # noqa: B018 - computed once, before the clock runs
    recipe = Recipe(width=0.5, fc=512, epochs=1, batch=BATCH, kept=())
    ways = {"ours": lambda: train(data, recipe, Path(tempfile.mkdtemp())), "a plain loop": lambda: tutorial(data)}
    note = f"an epoch of {IMAGES} images, width 0.5, batches of {BATCH}; ours with an evaluation of {BATCH} and its files"
    yield Row("training, zfnet, 128 px", alternate(ways, repeats), 2.5, None, note)
