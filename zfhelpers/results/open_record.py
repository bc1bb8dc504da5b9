"""What the networks of the open questions do, put on record: rotation, layer 7, filter size against stride.

    python -m zfhelpers.results --world toy --table open      # -> runs/toy/results/open_questions.json

All networks of Table 3 and of `open/...` that lie here are measured, each once: what is known of one is kept beside the record,
and read again as long as its weights are the same. So the command can be stopped at any moment, and typed again when more
networks are there. `open_questions` reads the record.
"""

from __future__ import annotations

import json
from collections.abc import Callable
from functools import cache

import numpy as np
import torch
from torch import Tensor
from tqdm.auto import tqdm

from zfhelpers import toyworld
from zfhelpers.experiments import aliasing, first_layer, turning
from zfhelpers.experiments.blurring import kept_answers, through_blur
from zfhelpers.experiments.invariance import drawn, invariance_curves, typical_distance
from zfhelpers.experiments.margins import margins, noisy_errors, percent
from zfhelpers.files import cached_array, show_progress, write_whole
from zfhelpers.model import ZFNet
from zfhelpers.networks.catalogue import SEEDS
from zfhelpers.networks.checkpoints import load, network_dirs, read_card
from zfhelpers.networks.trained import lies_here
from zfhelpers.results.open_questions import NETWORKS, ROTATION, STRIDES
from zfhelpers.training.errors import wrong
from zfhelpers.worlds.world import World

ANGLES = tuple(range(0, 360, 15))  # degrees
TURNED = 120  # validation images that are turned by every angle: five of each class
STRANGERS = 50  # images behind a typical distance
MAPS = tuple(f"layer{number}" for number in range(1, 6))
AFTER = "layer6"  # where `TurnedInputs` takes its maximum: after the first fully connected layer, as Laptev et al. do
TRAIN_IMAGES, SHIFTED = 2400, 200
MEASURES = 1  # of this file: a higher number forgets what was kept


def open_questions(world: str) -> dict:
    """The measurements of all networks of the open questions that lie here.

    Args:
        world: "toy", which can be drawn turned.

    Returns:
        {"angles", "networks": [{"kind": of `NETWORKS`, "seed", "network", "precision", "parameters", "multiply_adds", what
        `of_errors` says, "train_error_logged": % in the last epoch of the training, crops and dropout at random; and for some
        "rotation" or "strides", see `of_rotation` and `of_strides`}]}

    Raises:
        FileNotFoundError: another world, or none of the networks.
    """
    if world != "toy":
        raise FileNotFoundError("the questions are asked of scenes that can be drawn turned, and the toy world alone has them.")
    wanted = [(kind, seed, f"{name}-{seed}") for kind, name in NETWORKS.items() for seed in SEEDS]
    there = [entry for entry in wanted if lies_here(world, entry[2])]
    bar = tqdm(there, desc="Open questions", unit="network", disable=not show_progress())
    return {"angles": list(ANGLES), "networks": [_kept(world, *entry) for entry in bar]}


def _kept(world: str, kind: str, seed: int, name: str) -> dict:
    """What was measured of a network before, if it was the same; measured now otherwise."""
    weights = list(read_card(world, name)["files"].values())
    path = network_dirs(world)[1] / "results" / "open" / f"{kind.replace(', ', '-').replace(' ', '-')}-{seed}.json"
    if path.exists():
        known = json.loads(path.read_text(encoding="utf-8"))
        if known["weights"] == weights and known["measures"] == MEASURES:
            return known["found"]
    found = {"kind": kind, "seed": seed, "network": name, **_measured(world, kind, name)}
    write_whole(path, json.dumps({"weights": weights, "measures": MEASURES, "found": found}).encode())
    return found


def _measured(world: str, kind: str, name: str) -> dict:
    net, data = load(world, name)
    card = read_card(world, name)
    seen = turning.TurnedInputs(net, AFTER).eval() if kind == "turned inputs" else net
    found = {
        "precision": card["precision"],
        "parameters": sum(part.numel() for part in net.parameters()),
        "multiply_adds": turning.multiply_adds(seen, torch.zeros(1, 3, data.image_size, data.image_size)),
        **({"val_error": _error(seen, data, data.val.images(range(len(data.val))))} if seen is not net else of_errors(net, data)),
        "train_error_logged": 100 * card["metrics"]["train_error"],
    }
    if kind in ROTATION:
        found["rotation"] = of_rotation(seen, data)
    if kind in STRIDES:
        found["strides"] = of_strides(net, data)
    return _rounded(found)


def of_errors(net: ZFNet, world: World) -> dict[str, float]:
    """Errors in % of centre crops of both sets, with and without dropout's noise, and median margins."""
    found = {}
    for split, count in (("train", TRAIN_IMAGES), ("val", len(world.val))):
        images = getattr(world, split)
        judged = noisy_errors(net, world, images, range(count))
        margin = margins(judged["logits"], torch.from_numpy(images.labels[:count]))
        found |= {f"{split}_error": judged["error"], f"{split}_error_noisy": judged["noisy"]}
        found[f"{split}_margin"] = float(margin.median())
    return found


def of_rotation(module: ZFNet | turning.TurnedInputs, world: World) -> dict:
    """What turning does to a network.

    Returns:
        {"any_error": % of the validation images wrong, each drawn turned by an angle of its own,
         "probability": mean P(true class) at each of `ANGLES`,
         "distances": {layer: median distance in typical distances at each of `ANGLES`},
         "apart": what `turned_apart` finds after an exact quarter turn; not of turned inputs, which have maps of four turns}
    """
    inside = isinstance(module, turning.TurnedInputs)
    layers = ["net.layer7"] if inside else [*MAPS, "layer6", "layer7"]
    strangers = world.val.images(range(STRANGERS))
    typical = typical_distance(module, strangers, layers, world.preprocess)
    images, labels = _turned_by_all(), world.val.labels[:TURNED]
    curves = invariance_curves(
        module, lambda _, angle: images[ANGLES.index(angle)], labels, "rotation", ANGLES, layers, world.preprocess
    )
    found = {
        "any_error": _error(module, world, _turned_by_any()),
        "probability": curves.probability.mean(0).tolist(),
        "distances": {
            layer.removeprefix("net."): (values.median(0).values / typical[layer]).tolist()
            for layer, values in curves.distances.items()
        },
    }
    if not inside:
        pair = world.preprocess(strangers), world.preprocess(turning.quarter(strangers))
        found["apart"] = turning.turned_apart(module, *pair, [*MAPS, "pool5"])
    return found


def of_strides(net: ZFNet, world: World) -> dict:
    """What the filters of a first layer are worth, and what its stride folds.

    Returns:
        {"dead": {layer: maps that no validation image excites},
         "dull": {layer: the other maps whose strongest activation is below a tenth of the median map's},
         "blank": filters of layer 1 with an RMS below a tenth of the median,
         "folded": {layer: %, see `folded_by_strides`; in a blurred layer 1 with its blur},
         "hump": change of layer 2's activity after a shift by 4 pixels over that after its whole step of 8,
         "kept": % of answers that a shift by 1 to 8 pixels leaves}
    """
    peaks, _ = first_layer.peaks_and_scores(net, world, range(len(world.val)))
    some = world.preprocess(world.val.images(range(20)))
    folded = first_layer.folded_by_strides(net, some)
    folded["layer1"] = float(100 * aliasing.folded_share(through_blur(net.layer1), some).nanmean())
    frames = torch.from_numpy(np.array(world.val.frames[:SHIFTED]))
    change = aliasing.shift_change(net, world, frames, "layer2", (4, 8)).mean(0)
    sizes = first_layer.rms(net.layer1.conv.weight.detach())
    return {
        "dead": {layer: int((peak <= 0).sum()) for layer, peak in peaks.items()},
        "dull": {layer: int(((peak > 0) & (peak < peak.median() / 10)).sum()) for layer, peak in peaks.items()},
        "blank": int((sizes < sizes.median() / 10).sum()),
        "folded": folded,
        "hump": float(change[0] / change[1]),
        "kept": percent(kept_answers(net, world, frames, range(1, 9))),
    }


@torch.inference_mode()
def _error(module: Callable[[Tensor], Tensor], world: World, images: Tensor) -> float:
    """Of the validation images, as they are or turned, in %."""
    logits = torch.cat([module(world.preprocess(part)) for part in images.split(50)])
    return percent(wrong(logits, torch.from_numpy(world.val.labels[: len(images)])))


@cache
def _turned_by_all() -> Tensor:
    """The first validation images drawn at every angle, (angles, N, 3, 128, 128) uint8."""

    def fill(array: np.ndarray) -> None:
        source = drawn([toyworld.scene("val", index) for index in range(TURNED)])
        for place, angle in enumerate(ANGLES):
            array[place] = source("rotation", angle).numpy()

    return _drawn_once("toy-turned-by-all", (len(ANGLES), TURNED, 3, 128, 128), fill)


@cache
def _turned_by_any() -> Tensor:
    """All validation images, each drawn at an angle of its own, (N, 3, 128, 128) uint8."""
    count = toyworld.SIZES["val"] * len(toyworld.CLASSES)
    angles = np.random.default_rng(0).uniform(0, 360, count)

    def fill(array: np.ndarray) -> None:
        for index, angle in enumerate(angles):
            array[index] = drawn([toyworld.scene("val", index)])("rotation", angle)[0].numpy()

    return _drawn_once("toy-turned-by-any", (count, 3, 128, 128), fill)


def _drawn_once(name: str, shape: tuple[int, ...], fill: Callable[[np.ndarray], None]) -> Tensor:
    return torch.from_numpy(np.array(cached_array(name, f"{toyworld.VERSION} {shape}", shape, fill)))


def _rounded(value):
    """Numbers to five digits, however deep they lie in dictionaries and lists."""
    if isinstance(value, dict):
        return {key: _rounded(each) for key, each in value.items()}
    if isinstance(value, list):
        return [_rounded(each) for each in value]
    return float(f"{value:.5g}") if isinstance(value, float) else value
