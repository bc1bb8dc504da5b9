"""The search for what excites every map most, a few images at a time, so that a page can be used meanwhile; kept in the cache.

The answer is that of `zf.top_activations`, for all layers at once.

>>> from zfhelpers.explorer.source import Source
>>> net = torch.nn.Sequential(torch.nn.Conv2d(1, 4, 3), torch.nn.ReLU(), torch.nn.Flatten(), torch.nn.Linear(4 * 36, 2)).eval()
>>> eye = Eye("mine", net, Source(torch.rand(20, 1, 8, 8)))
>>> search = Search(eye, cache=None)
>>> while not search.done:
...     search.step(8)
>>> search.seen, search.top["1"]
(20, TopActivations(4 maps, top 9))
"""

from __future__ import annotations

import io
import zipfile
from functools import partial
from pathlib import Path

import numpy as np
import torch

from zfhelpers.explorer.eye import Eye
from zfhelpers.files import plain_name, write_whole
from zfhelpers.hooks import checked_images, find_layer, maps_first, recording
from zfhelpers.strongest import TopActivations, strongest

K = 9
MOST = 4000  # images that are searched, evenly spaced over a larger data set: of ILSVRC-2012 all would take hours
PARTS = ("values", "images", "rows", "columns")


class Search:
    """One pass over a network's images.

    Args:
        eye: the network.
        most: images to search at most.
        cache: folder in which the answer is kept; None keeps none.

    Attributes:
        indices: numbers of the images that are searched.
        seen: how many of them have been.
        top: layer -> `TopActivations` over those, with numbers of images of the data set.
        note: why the answer could not be kept; empty if it was.
    """

    def __init__(self, eye: Eye, most: int = MOST, cache: Path | None = None):
        count = len(eye.source)
        self.eye, self.cache, self.seen, self.top, self.note = eye, cache, 0, {}, ""
        self.indices = np.unique(np.linspace(0, count - 1, min(count, most)).round().astype(int)) if count else np.arange(0)
        self._opened = cache is None

    @property
    def done(self) -> bool:
        """Whether all images have been searched."""
        return self.seen >= len(self.indices)

    @property
    def path(self) -> Path:
        """Where the answer is kept."""
        key = f"{self.eye.digest}-{self.eye.source.digest()}-{len(self.indices)}"
        return self.cache / f"strongest-{plain_name(self.eye.name)}-{key}.npz"

    def step(self, count: int) -> None:
        """Search the next `count` images; the first step takes the answer from the cache if it is there.

        Raises:
            ValueError: NaN in the network, and whatever else `zf.activations` refuses.
        """
        if self.done:
            return
        if not self._opened:
            self._opened = True
            if self._from_cache():
                return
        indices = self.indices[self.seen : self.seen + count].tolist()
        module, layers = self.eye.module, self.eye.layers
        each = zip(self.eye.source.batch(indices).split(1), indices, strict=True)
        images = torch.cat([checked_images(module, image, index) for image, index in each])
        read = {layer: partial(_peaks, where=(layer, find_layer(module, layer), images.shape)) for layer in layers}
        with recording(module, layers, read=read, beyond=False) as forward:
            found = forward(images, lambda row: f"Image {indices[row]}")[1]
        for layer, parts in found.items():
            values, rows, columns = (part.T.cpu() for part in parts)  # (maps, images)
            new = TopActivations(values, torch.tensor(indices).expand_as(rows), rows, columns)
            self.top[layer] = self.top[layer].joined(new, K) if layer in self.top else new.first(K)
        self.seen += len(indices)
        if self.done and self.cache is not None:
            self._keep()

    def _keep(self) -> None:
        file = io.BytesIO()
        arrays = {
            f"{number} {name}": getattr(found, name).numpy()
            for number, found in enumerate(self.top[layer] for layer in self.eye.layers)
            for name in PARTS
        }
        np.savez(file, **arrays)
        try:
            write_whole(self.path, file.getvalue())
        except OSError as error:
            self.note = f"The answer could not be kept: {error.strerror}"

    def _from_cache(self) -> bool:
        """Whether the cache had the whole answer; what is damaged there is searched anew."""
        try:
            with np.load(self.path) as file:
                found = {
                    layer: TopActivations(*(torch.from_numpy(file[f"{number} {name}"]) for name in PARTS))
                    for number, layer in enumerate(self.eye.layers)
                }
        except (OSError, KeyError, ValueError, EOFError, zipfile.BadZipFile):
            return False
        self.top, self.seen = found, len(self.indices)
        return True


def _peaks(values: torch.Tensor, where: tuple) -> tuple[torch.Tensor, torch.Tensor, torch.Tensor]:
    """`strongest` of maps wherever they lie; `where`: see `maps_first`."""
    return strongest(maps_first(values, *where))
