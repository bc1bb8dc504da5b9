"""Every network of this course, and how to train it again.

    python -m zfhelpers.networks --world toy                 # all of them, one after the other, into runs/toy
    python -m zfhelpers.networks --world toy --only zfnet    # one
    python -m zfhelpers.networks --world toy --jobs 2        # two at a time: faster on two cores

What lies in `runs/` is found by `zf.load` where nothing is shipped; `--ship` copies to `data/checkpoints/` what there is room for
(`shipped`), and of the others the repository has what `results` recorded of them.
Killed at any moment and started again with the same words, it goes on where it was. `fig6-...` are the networks of Fig. 6: two
architectures, with and without the cap on the filters' RMS, from the same seed, by the paper's rate and AlexNet's weight decay in
every world. In the toy world `zfnet` is one of them already. Where the card of one says that its training never rescaled a
filter, the network without the cap would be the same, bit for bit. `scratch/...` are trained on a few images of a target
instead of the world's own, see `scratch`.
"""

from __future__ import annotations

import argparse
import multiprocessing
import time
from collections.abc import Iterator, Mapping, Sequence
from concurrent.futures import ProcessPoolExecutor, as_completed
from pathlib import Path

import torch

from zfhelpers.networks.catalogue import listed, shipped
from zfhelpers.networks.checkpoints import network_dirs, ship
from zfhelpers.training.loop import train
from zfhelpers.training.recipe import FEW_PHOTOGRAPHS, WORLDS
from zfhelpers.worlds.few import few_images
from zfhelpers.worlds.targets import open_target
from zfhelpers.worlds.opening import open_world


def train_all(world, out: Path, networks: Mapping[str, dict], jobs: int = 1, **settings) -> None:
    """Train every network in `networks` that `out` does not hold yet, and say what is left whenever one is done.

    Args:
        world: where the images come from.
        out: one folder for all; each network's files bear its name.
        networks: {name: arguments of `train`, and perhaps `few`: the (target, per_class, fold) of `few_images` to train on}.
        jobs: networks trained at once, each in a process of its own with its share of the cores. On a CPU two at once take a
            fifth less time than one after the other on both cores.
        settings: further arguments of `train`, for all that do not say otherwise.
    """
    todo = {name: given for name, given in networks.items() if not (out / f"{name}.json").exists()}
    print(f"{len(networks) - len(todo)} of {len(networks)} networks are there; {', '.join(todo) or 'none'} to train.", flush=True)
    began, at_first = time.monotonic(), _epochs_left(out, todo)
    for name in _in_turn(world, out, todo, settings) if jobs == 1 else _at_once(world.name, out, todo, settings, jobs):
        del todo[name]
        if left := _epochs_left(out, todo):
            minutes = left * (time.monotonic() - began) / max(1, at_first - left) / 60
            print(f"{name} is done; {len(todo)} networks and {left} epochs left, about {minutes:.0f} min", flush=True)


def _epochs_left(out: Path, todo: Mapping[str, dict]) -> int:
    """Epochs to train, without those that the logs of stopped and of running trainings tell of."""
    logs = {name: out / f"{name}.metrics.jsonl" for name in todo}
    done = {name: len(log.read_text().splitlines()) if log.exists() else 0 for name, log in logs.items()}
    return sum(max(0, given["epochs"] - done[name]) for name, given in todo.items())


def _possible(networks: Mapping[str, dict], world) -> dict[str, dict]:
    """The networks without those from scratch, and a sentence that says so, where the images of their target are not there."""
    for target in {given["few"][0] for given in networks.values() if "few" in given}:
        try:
            open_target(target, world)
        except FileNotFoundError as missing:
            print(f"The networks from scratch of Table 4 are left out: {missing}", flush=True)
            networks = {name: given for name, given in networks.items() if given.get("few", (None,))[0] != target}
    return dict(networks)


def _in_turn(world, out: Path, todo: Mapping[str, dict], settings: Mapping) -> Iterator[str]:
    """Names of networks, each as soon as it is trained."""
    for name, given in list(todo.items()):
        _train(world, out, name, settings | given)
        yield name


def _at_once(world: str, out: Path, todo: Mapping[str, dict], settings: Mapping, jobs: int) -> Iterator[str]:
    """The same of several processes, in the order in which they come to an end."""
    threads = max(1, torch.get_num_threads() // jobs)
    context = multiprocessing.get_context("spawn")  # a forked child inherits the locks of torch's threads, not the threads
    with ProcessPoolExecutor(jobs, context, torch.set_num_threads, (threads,)) as pool:
        running = {pool.submit(_train_named, world, out, name, settings | given): name for name, given in todo.items()}
        try:
            for done in as_completed(running):
                done.result()
                yield running[done]
        except BaseException:
            pool.shutdown(cancel_futures=True)
            raise


def _train_named(world: str, out: Path, name: str, given: Mapping) -> None:
    _train(open_world(world), out, name, given)


def _train(world, out: Path, name: str, given: Mapping) -> None:
    target, *few = given.get("few", (None,))
    images = few_images(open_target(target, world), world, *few) if target else world
    train(images, out=out, name=name, resume=True, **{key: value for key, value in given.items() if key != "few"})


def main(arguments: Sequence[str] | None = None) -> None:
    """The command line."""
    parser = argparse.ArgumentParser(prog="python -m zfhelpers.networks", description="Train the networks of this course.")
    parser.add_argument("--world", default="toy", help="toy, imagenette, imagenet or folder:PATH")
    parser.add_argument("--out", type=Path, help="one folder for all of them; default: runs/WORLD")
    parser.add_argument("--only", nargs="+", metavar="NAME", help=f"some of {', '.join(listed('imagenette'))}")
    parser.add_argument("--epochs", type=int, help="another budget for all of them")
    parser.add_argument("--ship", action="store_true", help="train nothing: copy from runs/WORLD to data/checkpoints")
    parser.add_argument("--jobs", type=int, default=1, help="networks trained at once, each on its share of the cores")
    parser.add_argument("--precision", choices=("bf16", "no"), help="default: whichever is faster on this machine")
    a = parser.parse_args(arguments)
    if a.jobs < 1:
        parser.error(f"At least one network is trained at once, not {a.jobs}.")
    budget = {"epochs": a.epochs} if a.epochs is not None else {}
    networks = {name: given | budget for name, given in listed(a.world).items()}
    if unknown := set(a.only or ()) - set(networks):
        parser.error(f"{a.world} has no network {', '.join(sorted(unknown))}; it has {', '.join(networks)}.")
    networks = {name: given for name, given in networks.items() if not a.only or name in a.only}
    try:
        if a.ship:
            for name in networks:
                if name in shipped(a.world) and (network_dirs(a.world)[1] / f"{name}.json").exists():
                    ship(a.world, name)
                    print(f"{name} is shipped")
            return
        world = open_world(a.world)
        networks = networks if a.only else _possible(networks, world)
        out = a.out or network_dirs(world.name)[1]
        train_all(world, out, networks, a.jobs, precision=a.precision, **WORLDS.get(a.world, FEW_PHOTOGRAPHS))
    except (ValueError, OSError, FloatingPointError) as error:
        parser.exit(2, f"{parser.prog}: {error}\n")
