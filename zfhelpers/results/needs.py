"""What a section of a notebook needs beyond images and a network: each function says in one sentence what is missing, or nothing.

    zf.section("2  The figure", needs.faces(data), needs.images(data, 9))

A notebook runs in any world: in a reader's own there are no annotated faces, and Table 3 was perhaps never trained. Such a
section says so, with the command that would bring what it lacks, and the notebook goes on with the next one; see
`measurements.section`.

    >>> from zfhelpers.worlds.opening import open_world
    >>> masks(open_world("toy"))
    ''
    >>> images(open_world("toy"), 2000)
    "it needs 2,000 validation images, and the world 'toy' has 1,200."
"""

from __future__ import annotations

from collections.abc import Iterable, Sequence

import numpy as np
import torch
from torch import nn

from zfhelpers.deconv import Deconvnet
from zfhelpers.geometry import LostField, receptive_field
from zfhelpers.model import ZFNet
from zfhelpers.networks.catalogue import FOLDS, listed
from zfhelpers.networks.checkpoints import network_dirs, read_card
from zfhelpers.networks.named import paper_layers
from zfhelpers.networks.names import kind_of
from zfhelpers.networks.trained import trained, trained_folds
from zfhelpers.results.ensembles import table2_members
from zfhelpers.results.records import read_record
from zfhelpers.training.weights import epoch_file
from zfhelpers.worlds.faces import dog_faces
from zfhelpers.worlds.targets import default_target, open_target
from zfhelpers.worlds.world import World


def images(world: World, count: int, split: str = "val") -> str:
    """So many validation, or training, images."""
    have, what = len(getattr(world, split)), {"val": "validation", "train": "training"}[split]
    return "" if have >= count else f"it needs {count:,} {what} images, and the world {world.name!r} has {have:,}."


def classes(world: World, count: int) -> str:
    """So many classes."""
    have = len(world.classes)
    return "" if have >= count else f"it needs {count} classes, and the world {world.name!r} has {have}."


def among(world: World, names: Iterable[str], what: str) -> str:
    """One of the classes called `names`, in words `what`: for instance a class that looks the same when it is turned."""
    return "" if set(names) & set(world.classes) else f"it needs {what}, and the world {world.name!r} has no such class."


def enough(found: Sequence, count: int, what: str) -> str:
    """So many things that the notebook found itself, in words `what`: for instance images that the network answers rightly."""
    return "" if len(found) >= count else f"it needs {count} {what}, and there are {len(found)}."


def masks(world: World) -> str:
    """Where the objects and their parts truly are."""
    lacking = "it needs to know where the objects are, pixel by pixel; the toy world alone does (WORLD=toy)."
    return "" if world.name == "toy" else lacking


def redrawn(world: World) -> str:
    """Scenes that can be drawn anew, moved or turned."""
    lacking = "it needs scenes that can be drawn anew, moved and turned; the toy world alone has them (WORLD=toy)."
    return "" if world.name == "toy" else lacking


def faces(world: World, count: int = 3) -> str:
    """Dogs whose eyes and nose are known."""
    try:
        found = dog_faces(world, count)
    except (ValueError, FileNotFoundError) as error:
        return f"it needs dogs whose eyes and noses are known. {error}"
    return enough(found, count, "dogs whose eyes and noses are known")


def trained_here(network: str) -> str:
    """A network of this course, whose training is known, and beside which others were trained alike."""
    lacking = f"it needs networks that were trained here, and {network} was trained elsewhere; leave NETWORK out to see them."
    return "" if kind_of(network) == "ours" else lacking


def layers(module: nn.Module, *names: str) -> str:
    """Layers by the paper's names; a network without fully connected ones has no layer 6 and 7."""
    have = paper_layers(module)
    missing = [name for name in names if name not in have]
    return f"it needs {' and '.join(missing)}, and this network has {', '.join(have)}." if missing else ""


def maps(module: nn.Module, layer: str) -> str:
    """A layer of maps, by the paper's name."""
    have = ", ".join(module.conv_sizes)
    return "" if layer in module.conv_sizes else f"it needs maps in {layer}, and this network has them in {have}."


def fig3(module: nn.Module) -> str:
    """A network built as Fig. 3 is, or as a row of Table 3, whose parts are called as they are there."""
    lacking = "it needs the network of Fig. 3 or one of its variants, and this network is built otherwise."
    return "" if isinstance(module, ZFNet) else lacking


def fields(module: nn.Module, image_size: int) -> str:
    """Receptive fields: units of layers 1 to 5 that lie on a regular grid over the image."""
    try:
        for layer in module.conv_sizes:
            receptive_field(module, layer, image_size)
    except LostField as lost:
        return f"it needs to know where units look. {str(lost).partition(';')[0]}."
    return ""


def way_back(module: nn.Module, image_size: int) -> str:
    """A way back to the pixels from the last layer of maps: one unit is tried."""
    try:
        Deconvnet(module).project(torch.zeros(1, 3, image_size, image_size), list(module.conv_sizes)[-1], [0])
    except (NotImplementedError, ValueError) as refused:
        return f"it needs a way back to the pixels. {str(refused).partition(';')[0]}."
    return ""


def known(world: World, labels: Iterable[int] | None = None) -> str:
    """Classes that the network has an output for: of the world, or of some images by their labels."""
    asked = range(len(world.classes)) if labels is None else np.unique(np.asarray(labels))
    if any(world.answers[label] >= 0 for label in asked):
        return ""
    return f"it needs classes that the network knows, and {world.network} has none of those of the world {world.name!r}."


def every_class(world: World) -> str:
    """An output for every class of the world."""
    unknown = [name for name, answer in zip(world.classes, world.answers, strict=True) if answer < 0]
    if not unknown:
        return ""
    return (
        f"it needs a network that knows every class of the world, and {world.network} has no output for {', '.join(unknown[:3])}."
    )


def networks(world: World, *names: str) -> str:
    """Networks of the world by name, shipped or trained by the reader."""
    missing = [name for name in names if not any((at / f"{name}.json").exists() for at in network_dirs(world.name))]
    if not missing:
        return ""
    return f"it needs the network{'s' * (len(missing) > 1)} {', '.join(missing)}; {_train(world, *missing)}."


def table(world: World, number: int, rows: Iterable[str] = ()) -> str:
    """The networks of Table 2 or 3, or a record of that table. With `rows`, at least one network of each row."""
    found = [network for network in trained(world.name) if number != 2 or table2_members([network])]
    there = {row for row, _ in found}
    if there and set(rows) <= there:
        return ""
    if not rows:
        try:
            read_record(world.name, number)
        except FileNotFoundError:
            pass
        else:
            return ""
    return f"it needs the networks of Table {number}; {_train(world, 'table3/zfnet-0')}."


def record(world: World, number: int) -> str:
    """What was recorded of a table."""
    try:
        read_record(world.name, number)
    except FileNotFoundError as missing:
        return f"it needs a record. {missing}"
    return ""


def epochs(world: World, kept: Iterable[int], network: str = "zfnet") -> str:
    """The network as it was after each of these epochs."""
    try:
        card = read_card(world.name, network)
    except FileNotFoundError as missing:
        return f"it needs a network. {missing}"
    missing = [epoch for epoch in kept if epoch != card.get("epochs") and epoch_file(network, epoch) not in card["files"]]
    if not missing:
        return ""
    listed = ", ".join(map(str, missing))
    return f"it needs {network} as it was after epoch {listed}, which its training did not keep; {_train(world)} with 64 epochs."


def target(world: World, name: str, classes: int | None = None) -> str:
    """The images of a target that the network's features are carried over to; with `classes`, of no more classes than that."""
    try:
        found = open_target(name, world)
    except FileNotFoundError as missing:
        return f"it needs the images of {name}. {missing}"
    if classes is None or len(found.classes) <= classes:
        return ""
    return f"it needs a target of no more than {classes} classes, or it would take many minutes; {name} has {len(found.classes)}."


def scratch(world: World, name: str, counts: Iterable[int], folds: Sequence[int] = FOLDS) -> str:
    """Networks trained from scratch on so many images of each class of a target, or the record of what they reached."""
    try:
        held = read_record(world.name, 4)["scratch_folds"] if name == default_target(world) else {}
    except FileNotFoundError:
        held = {}
    missing = [count for count in counts if str(count) not in held and not trained_folds(world.name, name, count, folds)]
    if not missing:
        return ""
    how = f"; {_train(world)}" if name == default_target(world) else ", and there are none"
    return f"it needs networks trained from scratch on {' and on '.join(map(str, missing))} images of each class of {name}{how}."


def _train(world: World, *names: str) -> str:
    """What brings networks, or that the world has none of that name."""
    if world.name == "imagenet":
        return "train them as the README says"
    if not set(names) <= set(listed(world.name)):
        return f"the world {world.name!r} has none"
    return f"'make train WORLD={world.name}' trains them"
