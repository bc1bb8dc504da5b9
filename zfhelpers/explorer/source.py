"""Images to explore: as one network takes them, as they are shown, and how a reader's own photograph becomes one of them.

>>> source = Source(torch.randint(0, 256, (5, 1, 28, 28), dtype=torch.uint8), lambda x: x / 255, labels=[0, 1, 0, 1, 1])
>>> source.groups(["cat", "dog"]), source.shown(source.raw(3)).shape, source.inputs(source.raw(3)[None]).dtype
({'cat': [0, 2], 'dog': [1, 3, 4]}, (3, 28, 28), torch.float32)
>>> source.taken(Image.new("RGB", (300, 200), "white")).unique()
tensor([255], dtype=torch.uint8)
"""

from __future__ import annotations

import hashlib
from collections.abc import Callable, Sequence

import numpy as np
import torch
from PIL import Image, ImageOps
from torch import Tensor

from zfhelpers import toyworld
from zfhelpers.figures.tiles import array, three
from zfhelpers.files import fingerprint
from zfhelpers.strongest import check_dataset, image_of, prepared, read_images
from zfhelpers.worlds.frames import to_rgb
from zfhelpers.worlds.world import World

GREY = 124  # of 255: the square of Fig. 7
SAMPLED = 64  # images of a data set whose bytes stand for all, where reading all would take as long as the search


class Source:
    """The images that one network looks at.

    Args:
        images: map-style, items `(image, label)` or images, (C, H, W), all of one size; or a tensor (N, C, H, W). May be empty
            if `blank` is given.
        preprocess: makes of a batch of them what the network takes, as for `zf.top_patches`.
        labels: class number of each image, for choosing by class; taken from `images.labels` or `.targets` if they are there.
        photograph: makes of an RGB PIL image one like those of the data set; if not given it is cropped to their size and scaled
            to their range, which can be told for uint8, and for floats from 0 to 1.
        blank: what is looked at where there are no images.
        key: what tells these images from others, for the cache.
    """

    def __init__(
        self,
        images: Sequence,
        preprocess: Callable[[Tensor], Tensor] | None = None,
        *,
        labels: Sequence[int] | None = None,
        photograph: Callable[[Image.Image], Tensor] | None = None,
        blank: Tensor | None = None,
        key: str | None = None,
    ):
        if blank is None or len(images):
            check_dataset(images)
        self.images, self.preprocess, self._photograph, self.blank, self._key = images, preprocess, photograph, blank, key
        found = labels if labels is not None else getattr(images, "labels", getattr(images, "targets", None))
        self.labels = None if found is None or len(found) != len(images) else [int(label) for label in found]
        first = self.raw(0)
        if first.ndim != 3:
            raise ValueError(f"Images to explore are (C, H, W), not {tuple(first.shape)}.")
        self.shape = tuple(first.shape)
        self.low, self.high = (0.0, 255.0) if first.dtype == torch.uint8 else self._range()

    @classmethod
    def of_world(cls, world: World) -> Source:
        """The validation images of a world; a world whose images are not here shows its mean image until it is given one."""
        key = f"{world.name} {toyworld.VERSION} {toyworld.DIFFICULTY} {world.image_size} {world.frame_size} {world.resampling}"
        try:
            images = world.val
            key = f"{key} {len(images)} {fingerprint(images.files)}"
        except FileNotFoundError:
            images = ()
        blank = world.mean.round().clamp(0, 255).byte()
        return cls(images, world.preprocess, photograph=world.crop, blank=blank, key=key)

    def __len__(self) -> int:
        return len(self.images)

    def raw(self, index: int) -> Tensor:
        """One image as it comes from the data set, (C, H, W)."""
        return image_of(self.images[index], index) if len(self.images) else self.blank

    def inputs(self, raws: Tensor) -> Tensor:
        """What the network takes, (N, C, H, W) float, of images as they come from the data set."""
        return prepared(raws, self.preprocess)

    def batch(self, indices: Sequence[int]) -> Tensor:
        """Several images as the network takes them, (n, C, H, W) float."""
        return self.inputs(read_images(self.images, indices))

    def shown(self, raw: Tensor) -> np.ndarray:
        """An image as it is shown: (3, H, W) uint8; floats go from the smallest of the data set, black, to the largest, white."""
        if raw.dtype == torch.uint8:
            return three(raw)
        scaled = (array(raw).astype(np.float32) - self.low) * (255 / max(self.high - self.low, 1e-9))
        return three(np.rint(scaled.clip(0, 255)).astype(np.uint8))

    @property
    def grey(self) -> float:
        """What the occluder shows: the paper's mid-grey, in the range of the images."""
        return self.low + (self.high - self.low) * GREY / 255

    def groups(self, classes: Sequence[str]) -> dict[str, list[int]]:
        """Numbers of the images by class, or under one name where nobody said which is which."""
        if self.labels is None:
            return {"all images": list(range(len(self)))} if len(self) else {}
        found: dict[str, list[int]] = {}
        for index, label in enumerate(self.labels):
            found.setdefault(label, []).append(index)
        return {classes[label] if label < len(classes) else f"class {label}": found[label] for label in sorted(found)}

    def taken(self, image: Image.Image) -> Tensor:
        """A photograph as an image of this data set, (C, H, W).

        Raises:
            ValueError: images whose scale is not known, or which have neither one channel nor three.
        """
        image = to_rgb(image)
        if self._photograph is not None:
            return self._photograph(image)
        channels, height, width = self.shape
        if channels not in (1, 3):
            raise ValueError(f"These images have {channels} channels; pass photograph=, which makes one of a PIL image.")
        fitted = ImageOps.fit(image if channels == 3 else image.convert("L"), (width, height), Image.Resampling.BICUBIC)
        pixels = torch.from_numpy(np.array(fitted)).reshape(height, width, channels).permute(2, 0, 1)
        if self.raw(0).dtype == torch.uint8:
            return pixels
        if (self.low, self.high) != (0.0, 1.0):
            raise ValueError(
                f"These images are floats from {self.low:.3g} to {self.high:.3g}; how a photograph becomes such numbers is not "
                "known. Pass photograph=, which makes one of a PIL image, or give uint8 images and preprocess=."
            )
        return pixels.to(self.raw(0).dtype) / 255

    def digest(self) -> str:
        """What tells these images, and what is made of them, from others."""
        found = hashlib.blake2b(f"{len(self)} {self.shape} {self._key}".encode(errors="surrogatepass"), digest_size=16)
        found.update(array(self.inputs(self.raw(0)[None])).tobytes())
        if self._key is None:
            for index in np.unique(np.linspace(0, len(self) - 1, SAMPLED).round().astype(int)).tolist():
                found.update(array(self.raw(index)).tobytes())
        return found.hexdigest()

    def _range(self) -> tuple[float, float]:
        """The smallest and the largest of some images' values; of those within 0 and 1 it is these."""
        some = read_images(self.images, range(min(len(self), 16)))
        low, high = (float(each) for each in some.aminmax())
        return (0.0, 1.0) if low >= 0 and high <= 1 else (low, high)
