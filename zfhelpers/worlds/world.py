"""Worlds: a data set together with how its images become the numbers a network sees.

Every world has the same face, whatever `opening.open_world` found behind its name.

    >>> images = ImageSet(np.zeros((9, 3, 146, 146), np.uint8), np.arange(9) % 3, 128)
    >>> world = World("drawn", ("bus", "cat", "cup"), 128, lambda world, split: images)
    >>> world.pixels(50), world.preprocess(world.val.images([0, 1])).shape
    (29, torch.Size([2, 3, 128, 128]))

The paper (sec. 3.1) resizes each image until its shorter side is 256, keeps the centre 256 x 256 (the *frame* here), takes
crops of 224 from it and subtracts the mean image. A world of 128 px keeps the proportion: frames of 146, crops of 128.
"""

from __future__ import annotations

from collections.abc import Callable, Sequence
from copy import copy
from functools import cached_property

import numpy as np
import torch
from PIL import Image
from torch import Tensor
from torch.utils.data import Dataset

from zfhelpers.toyworld import Drawing
from zfhelpers.worlds.frames import centre_crop, to_frame, to_rgb
from zfhelpers.worlds.preprocessing import Preprocessing

PAPER_CROP, PAPER_FRAME = 224, 256


class ImageSet(Dataset):
    """One half of a world: item `i` is (image (3, S, S) uint8, label), the centre crop of frame `i`.

    Attributes:
        frames: (N, 3, F, F) uint8, an array or anything that is indexed like one.
        labels: (N,) int64.
        files: the paths of the image files, in the same order; empty where images are drawn, not read.
    """

    def __init__(self, frames, labels: np.ndarray, image_size: int, files: Sequence[str] = ()):
        self.frames, self.labels, self.image_size = frames, np.asarray(labels, dtype=np.int64), image_size
        self.files = tuple(files)
        self.frame_size = frames.shape[-1]

    def __len__(self) -> int:
        return len(self.labels)

    def __getitem__(self, index: int) -> tuple[Tensor, int]:
        if not -len(self) <= index < len(self):
            raise IndexError(f"There is no image {index}; this set has {len(self)}.")
        return centre_crop(torch.from_numpy(np.array(self.frames[index])), self.image_size), int(self.labels[index])

    def images(self, indices: Sequence[int]) -> Tensor:
        """Several items at once, (n, 3, S, S) uint8."""
        return centre_crop(torch.from_numpy(np.array(self.frames[np.asarray(indices, dtype=np.int64)])), self.image_size)


class World:
    """A data set and its preprocessing.

    Attributes:
        name: as `opening.open_world` takes it.
        network: what looks at it, as `networks.load` takes it; "zfnet" unless another network was loaded.
        classes: names of the classes, in the order of the labels.
        outputs: names of what the network can answer; the classes, unless it was trained elsewhere.
        image_size, frame_size: sides S of what the network sees and F of what crops are taken from, in pixels.
        scale: what is divided by after the mean image was subtracted, (3, 1, 1) float32; None: nothing.
        images_a_class: training and validation images of each class; None where that differs, or needs no saying.
    """

    def __init__(
        self,
        name: str,
        classes: Sequence[str],
        image_size: int,
        open_split: Callable[[World, str], ImageSet],
        *,
        mean: Tensor | None = None,
        images_a_class: tuple[int, int] | None = None,
        drawing: Callable[[World, str, int], Drawing] | None = None,
    ):
        self.name, self.classes, self.image_size = name, tuple(classes), image_size
        self.network, self.outputs = "zfnet", self.classes
        self.frame_size = round(image_size * PAPER_FRAME / PAPER_CROP)
        self.resampling, self.scale = "bicubic", None
        self.images_a_class = images_a_class
        self._open_split, self._drawing = open_split, drawing
        if mean is not None:
            self.mean = mean.float()

    def __repr__(self) -> str:
        held = "{} + {} images each, ".format(*self.images_a_class) if self.images_a_class else ""
        return f"World({self.name!r}: {len(self.classes)} classes, {held}{self.image_size} px)"

    def seen_by(self, network: str, preprocessing: Preprocessing | None = None, outputs: Sequence[str] | None = None) -> World:
        """The same images as another network sees them.

        Args:
            network: its name.
            preprocessing: what it takes; None: what this world's own networks take.
            outputs: names of what it can answer; None: the classes.
        """
        world = copy(self)
        for opened in ("train", "val", "answers"):
            vars(world).pop(opened, None)
        world.network = network
        if outputs is not None:
            world.outputs = tuple(outputs)
        if preprocessing:
            world.image_size, world.frame_size = preprocessing.image_size, preprocessing.frame_size
            world.resampling = preprocessing.resampling
            mean, std = (255 * torch.tensor(three)[:, None, None] for three in (preprocessing.mean, preprocessing.std))
            world.mean, world.scale = mean.expand(3, world.image_size, world.image_size).contiguous(), std
        return world

    @cached_property
    def answers(self) -> np.ndarray:
        """Which output stands for each class, (classes,) int64; -1 where the network has no output of that name.

        Names are compared without regard to case and underscores; one that two outputs share stands for neither.

        >>> World("drawn", ("tench", "House_cat"), 64, None).seen_by("another", outputs=("dog", "house cat")).answers
        array([-1,  1])
        """
        if self.outputs == self.classes:
            return np.arange(len(self.classes))

        def found(name: str) -> int:
            plain = [output.lower().replace("_", " ").strip() for output in self.outputs]
            same = [self.outputs.index(name)] if self.outputs.count(name) == 1 else []
            same = same or [place for place, each in enumerate(plain) if each == name.lower().replace("_", " ").strip()]
            return same[0] if len(same) == 1 else -1

        return np.array([found(name) for name in self.classes])

    def follow(self, labels, answers):
        """The output to follow of each image: that of its class, or the network's own answer where it has none for that class.

        Args:
            labels: of the images, (N,); or one number.
            answers: what the network says of them, (N, outputs), logits or probabilities; or (outputs,).

        Returns:
            (N,) int64, or one int.
        """
        known = self.answers[np.asarray(labels, dtype=np.int64)]
        said = torch.as_tensor(answers).argmax(-1).numpy()
        found = np.where(known < 0, said, known)
        return int(found) if found.ndim == 0 else found

    @cached_property
    def train(self) -> ImageSet:
        """The training images."""
        return self._open_split(self, "train")

    @cached_property
    def val(self) -> ImageSet:
        """The validation images."""
        return self._open_split(self, "val")

    @cached_property
    def mean(self) -> Tensor:
        """The mean training image, (3, S, S) float32 in [0, 255]; computed only where no weights brought it along."""
        total = torch.zeros(3, self.image_size, self.image_size, dtype=torch.float64)
        for start in range(0, len(self.train), 256):
            total += self.train.images(range(start, min(start + 256, len(self.train)))).sum(dim=0, dtype=torch.float64)
        return (total / len(self.train)).float()

    def pixels(self, paper_px: float) -> int:
        """A length of the paper, in pixels of 224, as whole pixels of this world, at least 1."""
        return max(1, round(paper_px * self.image_size / PAPER_CROP))

    def crop(self, image) -> Tensor:
        """What the network would see of an image, still uint8: shorter side to F, centre crop of S.

        Args:
            image: a PIL image of any mode, or a uint8 tensor (3, H, W) or (N, 3, H, W).

        Returns:
            (3, S, S) or (N, 3, S, S) uint8.
        """
        if isinstance(image, Image.Image):
            frame = to_frame(to_rgb(image), self.frame_size, self.resampling)
            return centre_crop(torch.from_numpy(np.array(frame)).permute(2, 0, 1), self.image_size)
        if not isinstance(image, Tensor) or image.dtype != torch.uint8 or image.ndim not in (3, 4) or image.shape[-3] != 3:
            what = f"{tuple(image.shape)} {image.dtype}" if isinstance(image, Tensor) else type(image).__name__
            raise TypeError(f"An image here is a PIL image or a uint8 tensor (3, H, W) or (N, 3, H, W), not {what}.")
        if image.shape[-2:] == (self.image_size, self.image_size):
            return image
        if image.shape[-2:] == (self.frame_size, self.frame_size):
            return centre_crop(image, self.image_size)
        if image.ndim == 4:
            return torch.stack([self.crop(one) for one in image])
        return self.crop(Image.fromarray(image.permute(1, 2, 0).cpu().numpy()))

    def preprocess(self, image) -> Tensor:
        """An image as the network takes it: `crop`, as float32, minus the mean image, and over `scale` if there is one.

        Args:
            image: a PIL image of any mode, or a uint8 tensor (3, H, W) or (N, 3, H, W).

        Returns:
            (3, S, S) or (N, 3, S, S) float32, about [-128, 128]; about [-2, 2] where a scale is divided by.
        """
        return self._centred(self.crop(image))

    def _centred(self, pixels: Tensor) -> Tensor:
        centred = pixels.float() - self.mean.to(pixels.device)
        return centred if self.scale is None else centred / self.scale.to(pixels.device)

    def restore(self, images: Tensor) -> Tensor:
        """What `preprocess` made, as pixels again: (..., 3, S, S) uint8."""
        scaled = images if self.scale is None else images * self.scale.to(images.device)
        return (scaled + self.mean.to(images.device)).round().clamp(0, 255).byte()

    def ten_crop(self, frames: Tensor) -> Tensor:
        """The paper's ten views of each frame: four corners and the centre, and their mirror images.

        Args:
            frames: (N, 3, F, F) uint8.

        Returns:
            (N, 10, 3, S, S) float32, preprocessed.
        """
        if frames.ndim != 4 or frames.shape[1:] != (3, self.frame_size, self.frame_size):
            raise ValueError(
                f"Ten crops are taken from frames (N, 3, {self.frame_size}, {self.frame_size}), not {tuple(frames.shape)}."
            )
        size, end = self.image_size, self.frame_size - self.image_size
        corners = [frames[..., r : r + size, c : c + size] for r in (0, end) for c in (0, end)]
        five = torch.stack([*corners, centre_crop(frames, size)], dim=1)  # (N, 5, 3, S, S)
        return self._centred(torch.cat([five, five.flip(-1)], dim=1))

    def parts(self, split: str, index: int) -> Drawing:
        """Where the object and its parts are, in pixels of the centre crop: only a world that is drawn knows.

        Raises:
            ValueError: a world of photographs.
        """
        if self._drawing is None:
            raise ValueError(f"The world {self.name!r} does not know where the parts of its objects are; 'toy' does.")
        return self._drawing(self, split, index)
