"""`zf.explore`: a page on which a network, of the course or of the reader's own, can be asked about any image."""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence

from PIL import Image
from torch import Tensor, nn

from zfhelpers.explorer.exploration import Exploration
from zfhelpers.explorer.eye import Eye
from zfhelpers.explorer.search import MOST, Search
from zfhelpers.explorer.source import Source
from zfhelpers.explorer.widget import Explorer
from zfhelpers.files import cache_dir
from zfhelpers.networks.checkpoints import load, network_dirs
from zfhelpers.networks.elsewhere import untrained
from zfhelpers.networks.names import kind_of
from zfhelpers.worlds.world import World

RANDOM = "random weights"


def explore(
    module: nn.Module,
    images: World | Sequence,
    classes: Sequence[str] | None = None,
    *,
    preprocess: Callable[[Tensor], Tensor] | None = None,
    photograph: Callable[[Image.Image], Tensor] | None = None,
    labels: Sequence[int] | None = None,
    layers: Sequence[str] | None = None,
    beside: Mapping[str, nn.Module | tuple[nn.Module, World] | Callable] | None = None,
    output: str = "logits",
    image: int = 0,
    size: int | None = None,
    searched: int = MOST,
    name: str | None = None,
) -> Explorer:
    """Explore a network: its maps as a wall, what excites each, what a unit sees in an image, and what a square over it changes.

    Shown as the last line of a cell it is a page to play with; where nothing runs, a still picture. A photograph of the reader's
    own is dropped on it, chosen, or named by its path.

    Args:
        module: any network from images to (N, classes); it is left exactly as it was.
        images: a world as the network sees it, from `zf.load`, or the images to choose from and to search: map-style, items
            `(image, label)` or images, (C, H, W), all of one size; or a tensor (N, C, H, W). uint8 needs `preprocess`.
        classes: names of what the network can answer, and of the labels. A world knows them.
        preprocess: makes of a batch of images what the network takes, as for `zf.top_patches`; it must keep their size.
        photograph: makes of an RGB PIL image one like `images`; not needed for uint8 images, nor for floats from 0 to 1.
        labels: class number of each image; taken from `images.labels` or `images.targets` if they are there.
        layers: names of the layers to choose from; if not given, the paper's five, or all rectified layers of maps (at most 12).
        beside: networks that may stand beside this one: {name: module}, which sees the same images, {name: (module, world)}, or a
            function that returns either and is called when the network is chosen. Of a world: its other networks, and the same
            network with random weights.
        output: what the network puts out, see `zf.occlusion_maps`.
        image: number of the first image.
        size: side of the square in pixels of the image; 50 of 224 if not given, as in the paper.
        searched: how many images are searched for what excites maps most, evenly spaced if there are more.
        name: of the network on the page.

    Returns:
        an `Explorer`, a widget; its `exploration` can be driven without a page.

    Raises:
        ValueError: no layer of maps, names that are not as many as outputs, no such image; images that the network cannot take.
        TypeError: no data set, no module, uint8 images without `preprocess`.
    """
    if isinstance(images, World):
        source, outputs, names = Source.of_world(images), images.outputs, images.classes
        name = name or images.network
        beside = _others(module, images) if beside is None else beside
    else:
        source = Source(images, preprocess, labels=labels, photograph=photograph)
        outputs, names, name = classes, classes or (), name or type(module).__name__
    eye = Eye(name, module, source, outputs, layers, output)
    if not 0 <= image < max(len(source), 1):
        raise ValueError(f"There is no image {image}; there are {len(source)}, from 0.")
    side = 50 / 224 if size is None else size / min(source.shape[1:])
    makers = {other: _maker(other, given, eye) for other, given in (beside or {}).items()}
    return Explorer(Exploration(eye, makers, names, image, side, lambda one: Search(one, searched, _cache())))


def _maker(name: str, given: object, first: Eye) -> Callable[[], Eye]:
    """A function that makes the `Eye` of a network beside another, of the same images and answers or those of its own world."""

    def make() -> Eye:
        module = given() if callable(given) and not isinstance(given, nn.Module) else given
        if isinstance(module, tuple):
            module, world = module
            return Eye(name, module, Source.of_world(world), world.outputs)
        try:
            return Eye(name, module, first.source, first.outputs, first.layers, first.output)
        except ValueError:  # it has other layers, or other answers
            return Eye(name, module, first.source, output=first.output)

    return make


def _others(module: nn.Module, world: World) -> dict[str, Callable]:
    """The other networks of a world, and this one with random weights."""
    found: dict[str, Callable] = {}
    if kind_of(world.network) != "ours":
        found["zfnet"] = lambda: load(world.name, "zfnet")
    cards = sorted({card.stem for folder in network_dirs(world.name) for card in folder.glob("*.json")} - {world.network})
    for card in cards:
        if any((folder / f"{card}.safetensors").exists() for folder in network_dirs(world.name)):
            found[card] = lambda card=card: load(world.name, card)
    return found | {RANDOM: lambda: untrained(module)}


def _cache():
    """The folder of the cache; None where there is no place for one."""
    try:
        return cache_dir()
    except FileNotFoundError:
        return None
