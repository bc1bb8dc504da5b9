"""How many classes does borrowing need? What the networks of the curve reach on Caltech-101, put on record.

    python -m zfhelpers.networks --world tinyimagenet --only classes images controls --jobs 2
    python -m zfhelpers.results --world tinyimagenet --table classes      # -> runs/tinyimagenet/results/classes.json

Every network that lies here is measured once, and so are those beside the curve: what is known of one is kept beside the record,
and read again as long as its weights are the same. So the command can be stopped at any moment, and typed again when more
networks are there. Of a network that does not lie here, what is on record already stays there, as long as the catalogue would
train it in as many steps; so several machines can share the hours. Those of which nothing is known are named. `class_curve` reads
the record.
"""

from __future__ import annotations

import json
from collections.abc import Callable, Mapping
from typing import NamedTuple

from torch import nn
from tqdm.auto import tqdm

from zfhelpers.experiments.features import features_for_now
from zfhelpers.experiments.probes import gram_matrix, linear_probe
from zfhelpers.files import plain_name, show_progress, write_whole
from zfhelpers.model import ZFNet, scaled
from zfhelpers.networks.catalogue import BORROWING, SAME_SCRATCH, TINY, Entry, listed
from zfhelpers.networks.checkpoints import load, network_dirs, read_card
from zfhelpers.networks.elsewhere import untrained
from zfhelpers.networks.named import paper_layers
from zfhelpers.networks.trained import lies_here
from zfhelpers.results.layer_by_layer import rank_correlation
from zfhelpers.results.records import read_record
from zfhelpers.results.transfer import probe_entry, setting
from zfhelpers.training.batches import steps_per_epoch
from zfhelpers.worlds.few import TEST, pool
from zfhelpers.worlds.targets import open_target
from zfhelpers.worlds.world import World

COUNTS = (15, 30)  # training images of each class of the target
TARGET = "caltech101"
IMAGENETTE = "imagenette"  # whose network is measured beside the curve, and whose view of the target serves all
THOUSAND = "torchvision:squeezenet1_1"
MEASURES = 1  # of this file: a higher number forgets what was kept


class Judged(NamedTuple):
    """A network to be measured.

    Attributes:
        about: what the record says of it besides.
        weights: what tells it from another of the same name.
        load: opens it, and a world as it sees it.
    """

    about: dict
    weights: list
    load: Callable[[], tuple[nn.Module, World]]


def classes(world: str, folds: int = 5) -> dict:
    """A linear SVM on layers 1 to 7 of every network of the curve that lies here, and of those beside it.

    Args:
        world: "tinyimagenet".
        folds: random divisions.

    Returns:
        {"target", "classes", "test_per_class", "folds",
         "networks": [{"network", "kind": of `catalogue.BORROWING` or "beside", "classes": how many it was trained on, and of
            those of the curve "draw", "images_a_class", "steps", "val_error" and "train_error": in %, of its own classes as the
            training ended, "minutes", "precision"; "rows": {images of each class: {"SVM (1)", ...: see `transfer.probe_entry`}},
            "spearman": {images of each class: see `layer_by_layer.rank_correlation`}}],
         "scratch": {images of each class: accuracies in %, one for each division},
         "missing": names of the networks that do not lie here and were not on record}

    Raises:
        FileNotFoundError: another world, none of the networks, or the images of the target are not there.
        ValueError: no fold.
    """
    if world != TINY:
        raise FileNotFoundError(f"the curve is over the classes of {TINY} (--world {TINY}).")
    curve = {name: entry for name, entry in listed(world).items() if name.startswith(BORROWING)}
    there = {name: _of_curve(world, name, entry) for name, entry in curve.items() if lies_here(world, name)}
    if not there:
        how = f"'python -m zfhelpers.networks --world {world} --only {' '.join(BORROWING)}' trains them"
        raise FileNotFoundError(f"no network of the curve lies here; {how}.")
    wanted, found, before = there | _beside(world), {}, _before(world, folds)
    target = open_target(TARGET, load(IMAGENETTE)[1])
    for name, judged in tqdm(wanted.items(), desc="Classes", unit="network", disable=not show_progress()):
        try:
            found[name] = _kept(world, name, judged, folds)
        except FileNotFoundError as error:  # weights from elsewhere
            if name != THOUSAND:
                raise
            if name not in before:
                print(f"{name} is left out: {error}", flush=True)
    found = before | found
    known = [*curve, f"{IMAGENETTE}/zfnet", f"{TINY}/zfnet", THOUSAND, "untrained"]
    return setting(target, folds) | {
        "networks": [found[name] for name in known if name in found],
        "scratch": _scratch(world, folds),
        "missing": [name for name in known if name not in found],
    }


def _before(world: str, folds: int) -> dict[str, dict]:
    """What is on record of networks that the catalogue still trains in as many steps, and of those beside them."""
    try:
        record = read_record(world, "classes")
    except (FileNotFoundError, ValueError):  # none, or none that can be read, which is then made anew
        return {}
    steps = {name: _steps(entry) for name, entry in listed(world).items() if entry.some}
    return {
        net["network"]: net
        for net in record["networks"]
        if record["folds"] == folds and (net["kind"] == "beside" or net["steps"] == steps.get(net["network"]))
    }


def _steps(entry: Entry) -> int:
    """Gradient steps of a network of the curve."""
    return entry.recipe.epochs * steps_per_epoch(entry.some.epoch, entry.recipe.batch)


def _of_curve(world: str, name: str, entry: Entry) -> Judged:
    """A network that was trained for the curve."""
    card = read_card(world, name)
    about = {
        "kind": name.partition("/")[0],
        "classes": len(card["classes"]),
        "draw": entry.some.draw,
        "images_a_class": entry.some.per_class,
        "steps": card["epochs"] * steps_per_epoch(entry.some.epoch, card["batch"]),
        **_ended(card),
    }
    return Judged(about, list(card["files"].values()), lambda: load(world, name))


def _ended(card: Mapping) -> dict:
    """How a training ended."""
    return {
        **{key: 100 * card["metrics"][key] for key in ("val_error", "train_error")},
        **{key: card[key] for key in ("minutes", "precision")},
    }


def _beside(world: str) -> dict[str, Judged]:
    """The networks that the curve is held against, those of them that lie here, or may."""
    found = {}
    for of in (IMAGENETTE, world):
        if lies_here(of, "zfnet"):
            card = read_card(of, "zfnet")
            about = {"kind": "beside", "classes": len(card["classes"]), **_ended(card)}
            found[f"{of}/zfnet"] = Judged(about, list(card["files"].values()), lambda of=of: load(of))
    found[THOUSAND] = Judged({"kind": "beside", "classes": 1000}, [THOUSAND], lambda: load(IMAGENETTE, THOUSAND))
    recipe = next(entry.recipe for entry in listed(world).values() if entry.some)
    blank = {"kind": "beside", "classes": 0}
    found["untrained"] = Judged(blank, [recipe.variant, recipe.width, recipe.fc], lambda: _untrained(recipe))
    return found


def _untrained(recipe) -> tuple[nn.Module, World]:
    """A network of the curve with the weights as they are drawn; it is given the mean image of another."""
    data = load(IMAGENETTE)[1]
    return untrained(ZFNet(scaled(recipe.variant, 200, data.image_size, recipe.width, recipe.fc))), data


def _kept(world: str, name: str, judged: Judged, folds: int) -> dict:
    """What was measured of a network before, if it was the same; measured now otherwise."""
    same = {"weights": judged.weights, "folds": folds, "measures": MEASURES}
    path = network_dirs(world)[1] / "results" / "classes" / f"{plain_name(name)}.json"
    if path.exists():
        known = json.loads(path.read_text(encoding="utf-8"))
        if all(known[key] == value for key, value in same.items()):
            return {"network": name, **judged.about, **known["found"]}
    found = _measured(*judged.load(), folds)
    write_whole(path, json.dumps(same | {"found": found}).encode())
    return {"network": name, **judged.about, **found}


def _measured(net: nn.Module, data: World, folds: int) -> dict:
    """The SVM on every layer, with every number of training images; each image goes through the network once."""
    images, layers = pool(open_target(TARGET, data)), paper_layers(net)
    rows: dict[str, dict] = {str(count): {} for count in COUNTS}
    with features_for_now(net, data, images, layers) as values:
        for layer in layers:
            gram = gram_matrix(values[layer])
            for count in COUNTS:
                probe = linear_probe(gram, images.labels, "svm", count, TEST, folds)
                rows[str(count)][f"SVM ({layer[-1]})"] = probe_entry(probe)
    orders = {count: rank_correlation({name: row["accuracy"] for name, row in each.items()}) for count, each in rows.items()}
    return {"rows": rows, "spearman": orders}


def _scratch(world: str, folds: int) -> dict[str, list[float]]:
    """The accuracies of the networks from scratch of Table 4, the first divisions alone where fewer were asked for."""
    record = read_record(SAME_SCRATCH.get(world, world), 4)
    found = {}
    for count in map(str, COUNTS):
        each = zip(record["rows"]["from scratch"][count]["each"], record["scratch_folds"][count], strict=True)
        found[count] = [accuracy for accuracy, fold in each if fold < folds]
    return found
