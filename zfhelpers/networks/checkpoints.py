"""Trained networks on disk: weights as safetensors, and beside them a JSON card that says where they come from.

data/checkpoints/toy/zfnet.safetensors          weights in half precision, with the mean image
data/checkpoints/toy/zfnet-epoch-05.safetensors  convolutional layers only, one byte a weight, for Fig. 4; the last are the above
data/checkpoints/toy/zfnet.json                  architecture, world, metrics, seed, command, versions, hash of each file
data/checkpoints/toy/table3/zfnet-wide-0.*       the network called "table3/zfnet-wide-0": a row of Table 3, trained with seed 0

>>> net, world = load("toy")
>>> net.architecture.width
0.25
"""

from __future__ import annotations

import json
import shlex
from pathlib import Path

import torch
from torch import Tensor, nn

from zfhelpers.files import project_dir, write_whole
from zfhelpers.model import Architecture, ZFNet
from zfhelpers.networks.elsewhere import load_elsewhere
from zfhelpers.networks.named import Named
from zfhelpers.networks.names import TORCHVISION, absolute, kind_of
from zfhelpers.training.weights import epoch_file, from_steps, read_tensors, save_weights, sha256
from zfhelpers.worlds.opening import open_world
from zfhelpers.worlds.world import World


def checkpoint_dir() -> Path:
    """Where the shipped networks lie."""
    return project_dir() / "data" / "checkpoints"


def network_dirs(world: str) -> list[Path]:
    """Where networks of a world may lie: those that are shipped, then those that `make train` left."""
    name = _whole(world).replace(":", "-").replace("/", "-")
    return [checkpoint_dir() / name, project_dir() / "runs" / name]


def _whole(world: str) -> str:
    """The name of a world as it holds in every folder."""
    kind, _, path = str(world).partition(":")
    return f"{kind}:{Path(path).expanduser().absolute()}" if path else kind


def read_card(world: str, variant: str = "zfnet", folder: Path | None = None) -> dict:
    """The card of a network.

    Raises:
        FileNotFoundError: there is no such network; the sentence lists the ones there are.
        ValueError: the card cannot be read, or is of another world whose name makes the same folder.
    """
    path = _card_path(world, variant, folder)
    try:
        card = json.loads(path.read_text(encoding="utf-8"))
        card["architecture"], card["files"], card["world"], card["classes"]  # a foreign JSON lacks these
    except FileNotFoundError:
        own = sorted({str(card.relative_to(at).with_suffix("")) for at in network_dirs(world) for card in at.glob("**/*.json")})
        tables = [name for name in own if "/" in name]  # dozens
        own = [name for name in own if "/" not in name] + ([f"{tables[0]} and {len(tables) - 1} more"] if tables else [])
        others = sorted({card.parent.name for at in network_dirs("*") for card in at.parent.glob("*/zfnet.json")})
        there = ", ".join(own) or (f"networks of {', '.join(others)}" if others else "none")
        raise FileNotFoundError(
            f"There is no network {world}/{variant}; there are {there}. Train one: make train WORLD={shlex.quote(world)}. "
            f"Networks from elsewhere are {TORCHVISION}NAME and PATH/file.py:function."
        ) from None
    except (json.JSONDecodeError, UnicodeDecodeError, KeyError, TypeError) as error:
        raise ValueError(f"{str(path)!r} is not the card of a network: {type(error).__name__} {error}.") from None
    other = _whole(card["world"])
    if folder is None and other != _whole(world) and network_dirs(other) == network_dirs(world):
        raise ValueError(
            f"{str(path)!r} is of the world {other}, whose name makes the same folder as {world}; rename the folder of images, "
            "or train with '--out FOLDER' and load with folder=FOLDER."
        )
    return card


def _card_path(world: str, variant: str, folder: Path | None) -> Path:
    """The first place that has the card; the first of all if none has."""
    places = [at / f"{variant}.json" for at in ([Path(folder)] if folder else network_dirs(world))]
    return next((place for place in places if place.exists()), places[0])


def load(
    world: str = "toy", network: str = "zfnet", epoch: int | None = None, folder: Path | None = None
) -> tuple[nn.Module, World]:
    """A trained network in evaluation mode, and a world as it sees it.

    Args:
        world: name of the world, in which a network of this course was trained.
        network: "zfnet" for Fig. 3, or another of the world's, `networks.catalogue.listed` has them all; "torchvision:NAME", or
            "PATH/file.py:function", see `elsewhere`. Those come as `Named` networks, and the world with their preprocessing.
        epoch: if given, the network as it was after that epoch: its convolutional part alone, layers 1-5.
        folder: where the files lie, if not in `data/checkpoints/WORLD` or `runs/WORLD`.

    Raises:
        FileNotFoundError: no such network, or no weights of it.
        ValueError: no such epoch, or files that are damaged or do not belong together; what `elsewhere.load_elsewhere` refuses.
    """
    if kind_of(network) != "ours":
        return _elsewhere(world, network, epoch, folder)
    card = read_card(world, network, folder)
    path = _card_path(world, network, folder).with_suffix(".safetensors")
    tensors = _verified(path, card)
    mean = (tensors.pop("mean") if "mean" in tensors else _mean_image(world)).float()
    net = ZFNet(Architecture(**card["architecture"]))
    if epoch is not None:
        last, file = card.get("epochs", 0), epoch_file(path.stem, epoch)
        if file in card["files"]:
            tensors = _verified(path.with_name(file), card)
        elif epoch != last:
            kept = [str(e) for e in range(1, last + 1) if epoch_file(path.stem, e) in card["files"] or e == last]
            raise ValueError(f"The network {world}/{network} was not kept at epoch {epoch!r}; it was at {', '.join(kept)}.")
        for name in [name for name, _ in net.named_children() if name[-1] in "678" or name == "flatten"]:
            delattr(net, name)
        tensors = {name: tensor for name, tensor in tensors.items() if name in net.state_dict()}
    try:
        net.load_state_dict({name: tensor.float() for name, tensor in tensors.items()})
    except RuntimeError:
        raise ValueError(f"{str(path)!r} holds the weights of another network than its card describes.") from None
    return net.eval(), _world_of(card, mean).seen_by(network)


def _elsewhere(world: str, network: str, epoch: int | None, folder: Path | None) -> tuple[Named, World]:
    """A network that was trained elsewhere, and the world as it sees it."""
    if epoch is not None or folder is not None:
        raise ValueError(f"{network} was trained elsewhere: it has no epochs and no folder of checkpoints.")
    net, preprocessing = load_elsewhere(network)
    seen = open_world(world)
    if net.classes is None:  # nobody said what its outputs mean
        own = len(seen.classes) == net.outputs
        net.classes = seen.classes if own else tuple(f"output {number}" for number in range(net.outputs))
    return net, seen.seen_by(absolute(network), preprocessing, net.classes)


def _mean_image(world: str) -> Tensor:
    """That of the world's first network, for the many that were trained on the same images and do without their own copy."""
    for folder in network_dirs(world):
        if (folder / "zfnet.safetensors").exists():
            return read_tensors(folder / "zfnet.safetensors")[0]["mean"]
    raise ValueError(f"The networks of {world} without a mean image need that of {world}/zfnet, which is not there.")


def ship(world: str, name: str) -> None:
    """Copy a network from `runs/` to the shipped ones; its mean image is left out where `zfnet` has the same.

    What it was after single epochs takes half the space there, see `weights.in_steps`.

    Args:
        world: its name.
        name: of the network, for instance "table3/zfnet-0".

    Raises:
        FileNotFoundError, ValueError: what `read_card` raises, or files that do not belong to the card.
    """
    to, origin = network_dirs(world)
    card = read_card(world, name, origin)
    for file in card["files"]:
        tensors = _verified((origin / name).with_name(file), card)
        if name != "zfnet" and "mean" in tensors and torch.equal(tensors["mean"], _mean_image(world)):
            del tensors["mean"]
        coarse = file != f"{Path(name).name}.safetensors"
        card["files"][file] = save_weights((to / name).with_name(file), tensors, coarse)
    write_whole(to / f"{name}.json", (json.dumps(card, indent=1) + "\n").encode())


def _world_of(card: dict, mean: Tensor) -> World:
    """The world of a network. One whose images are not here can still preprocess the reader's own, and says what is missing."""
    name, size = card["world"], card["architecture"]["image_size"]
    try:
        world = open_world(name, size, mean)
    except (FileNotFoundError, ValueError) as error:
        missing = str(error)
    else:
        now, then = list(world.classes), card["classes"]
        if now == then or not name.startswith("folder:"):  # the classes of your own folders may change, and the outputs do not
            return world
        added, gone = (", ".join(sorted(set(one) - set(other))) or "none" for one, other in ((now, then), (then, now)))
        missing = (
            f"The classes of {name!r} are no longer those that this network was trained on: {added} came, {gone} went; "
            "restore the folders, or train the network again."
        )

    def closed(world: World, split: str):
        raise FileNotFoundError(missing)

    return World(name, card["classes"], size, closed, mean=mean)


def _verified(path: Path, card: dict) -> dict[str, Tensor]:
    tensors, _ = read_tensors(path)
    if sha256(path) != card["files"].get(path.name):
        raise ValueError(f"{str(path)!r} is not the file its card describes: it is damaged, or from another training run.")
    return from_steps(tensors)
