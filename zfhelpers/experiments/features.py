"""What a frozen network makes of a whole set of images: the input of the linear classifiers of Tables 4, 5 and 7 and Fig. 9.

Every image goes through the network once. Its features stay in the cache in half precision, one memory-mapped file for each
layer, under a hash of all they depend on: structure, weights and buffers of the network, which of its modules the layer is, the
preprocessing, the pixels. What no hash can see, such as a plain attribute or the code of `forward`, shows in what the network
makes of the first and the last image, which therefore counts too; unless it shows in neither by more than half precision keeps.

    >>> from zfhelpers.networks.checkpoints import load
    >>> net, world = load("toy")
    >>> {name: tap(net, name) for name in ("layer2", "layer3", "layer5", "layer7")}
    {'layer2': 'norm2', 'layer3': 'layer3', 'layer5': 'pool5', 'layer7': 'layer7'}

The paper does not say where in a layer the features of Table 7 are taken. Here they are what the next layer is given: after
pooling and contrast normalisation where a layer has them (1, 2 and 5), after the ReLU otherwise (3, 4, 6, 7).
"""

from __future__ import annotations

import hashlib
from collections.abc import Iterable, Iterator
from contextlib import ExitStack, contextmanager, suppress
from pathlib import Path

import numpy as np
import torch
from torch import Tensor, nn
from tqdm.auto import tqdm

from zfhelpers.answers import check_alone
from zfhelpers.files import cache_dir, fingerprint, forget, new_array, show_progress
from zfhelpers.hooks import checked_images, find_layer, layer_names, recording
from zfhelpers.model import ZFNet
from zfhelpers.networks.digests import add, digests
from zfhelpers.networks.named import Named
from zfhelpers.worlds.frames import Rows
from zfhelpers.worlds.world import ImageSet, World

VERSION = 2  # to be raised with every change here, or in the networks' modules, that changes a feature
IMAGES_AT_ONCE = 64  # images
HALF_MAX = float(torch.finfo(torch.float16).max)


def tap(module: nn.Module, layer: str) -> str:
    """The dotted name of the module whose output are the features of a layer.

    Args:
        module: a `ZFNet` or `Named` network, where `layer5` ends after its pooling; in any other a layer is what it is called.
        layer: "layer1" ... "layer7", or a dotted module name.

    Raises:
        ValueError: no such layer; the sentence lists the ones there are.
    """
    find_layer(module, layer)
    if isinstance(module, Named):
        return module.taps.get(layer, layer)
    if not isinstance(module, ZFNet):
        return layer
    number = layer.removeprefix("layer")
    return next((end for end in (f"norm{number}", f"pool{number}") if hasattr(module, end)), layer)


def features(module: nn.Module, world: World, images: ImageSet, layers: str | Iterable[str]) -> dict[str, np.ndarray]:
    """The features of all images of a set at named layers, each flattened: the centre crop, one forward pass for all layers.

    What was computed once is read from the cache (`ZF_CACHE`) afterwards; two images still run, which tell whether the network
    is the same. Half precision keeps three digits, which is enough to tell classes by, and halves the space: layer 1 of 9,000
    photographs takes 850 MB at half the paper's width.

    Args:
        module: any network that takes the world's images; it is left exactly as it was.
        world: whose mean image is subtracted.
        images: for instance `world.val`.
        layers: "layer1" ... "layer7", or dotted module names; one name may stand alone. See `tap` for what is taken.

    Returns:
        {layer: (N, D) float16, read-only and memory-mapped}, row n belonging to image n.

    Raises:
        ValueError: an unknown layer, no image, images of another size than the world's, values that half precision cannot hold.
        OSError: the cache cannot be written; no part of these features is left in it.
    """
    names = layer_names(layers)
    taps = {name: tap(module, name) for name in names}
    if not len(images):
        raise ValueError("There is no image to compute features of; give a set of one image or more.")
    if images.image_size != world.image_size:
        raise ValueError(f"The images are {images.image_size} px, those of {world!r} {world.image_size}; open both at one size.")
    keys = _keys(module, world, images, taps)
    paths = {name: cache_dir() / f"features-{name}-{keys[name]}.npy" for name in names}
    missing = [name for name in names if not paths[name].exists()]
    if missing:
        with ExitStack() as files:
            arrays: dict[str, np.ndarray] = {}
            for rows, values in _passes(module, world, images, [taps[name] for name in missing]):
                for name in missing:
                    value = values[taps[name]]
                    if name not in arrays:
                        arrays[name] = files.enter_context(new_array(paths[name], (len(images), value.shape[1]), np.float16))
                    arrays[name][rows] = _half(value, name)
                    forget(arrays[name])
                forget(_behind(images))
    return {name: np.load(path, mmap_mode="r") for name, path in paths.items()}


@contextmanager
def features_for_now(
    module: nn.Module, world: World, images: ImageSet, layers: str | Iterable[str]
) -> Iterator[dict[str, np.ndarray]]:
    """The same for a block: what was not in the cache before is gone from it afterwards.

    The features of many networks would fill a disk: those of 6,000 photographs are half a gigabyte at a quarter of the paper's
    width, and several at that of a network from elsewhere.
    """
    before = set(cache_dir().glob("features-*.npy"))
    try:
        yield (found := features(module, world, images, layers))
    finally:
        for array in found.values():
            if (path := Path(array.filename)) not in before:
                with suppress(OSError):  # Windows keeps a file that is still mapped
                    path.unlink()


def _passes(module: nn.Module, world: World, images: ImageSet, taps: list[str]):
    """Batch by batch: which images, and {tap: (n, D) values}."""
    starts = tqdm(range(0, len(images), IMAGES_AT_ONCE), desc="features", unit="batch", disable=not show_progress())
    with recording(module, taps, finite=False, beyond=False) as forward:
        check_alone(forward, checked_images(module, world.preprocess(images.images(range(1)))), layout=torch.channels_last)
    # A copy, in the order (maps, rows, columns) whatever the memory format.
    with recording(module, taps, read=lambda values: values.flatten(1).clone(), beyond=False) as forward:
        for start in starts:
            rows = slice(start, min(start + IMAGES_AT_ONCE, len(images)))
            batch = checked_images(module, world.preprocess(images.images(range(rows.start, rows.stop))), start)
            yield rows, forward(batch.contiguous(memory_format=torch.channels_last))[1]  # up to half faster on a CPU


def _half(values: Tensor, layer: str) -> np.ndarray:
    if not values.abs().max() <= HALF_MAX:  # so that NaN is refused too
        raise ValueError(f"{layer} has features beyond {HALF_MAX:.0f}, or NaN, which half precision cannot hold.")
    return values.half().cpu().numpy()


def _keys(module: nn.Module, world: World, images: ImageSet, taps: dict[str, str]) -> dict[str, str]:
    """{layer: a hash of all that its features depend on}."""
    two = world.preprocess(images.images([0, len(images) - 1]))  # always two: with the number of images the rounding changes
    digest = hashlib.sha256(repr((VERSION, images.image_size, len(images))).encode())
    for tensor in (world.mean, world.scale, two):  # the two images tell what else was done to pixels
        if tensor is not None:
            add(digest, tensor)
    frames = _behind(images)
    if isinstance(frames, np.ndarray):
        for start in range(0, len(images), IMAGES_AT_ONCE):
            digest.update(np.ascontiguousarray(images.frames[start : start + IMAGES_AT_ONCE]))
    else:  # too many to be kept decoded, see `frames.decode`; the files then stand for their pixels, as in its cache
        digest.update(fingerprint(images.files).encode())
    batch = checked_images(module, two).contiguous(memory_format=torch.channels_last)
    layers = digests(module, batch, taps.values())
    return {name: hashlib.sha256(f"{digest.hexdigest()} {layers[end]}".encode()).hexdigest()[:16] for name, end in taps.items()}


def _behind(images: ImageSet):
    """The frames that some images are rows of."""
    return images.frames.frames if isinstance(images.frames, Rows) else images.frames
