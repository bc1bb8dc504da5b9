"""All networks of a list trained, one after the other or several at once, going on where an earlier attempt was stopped."""

from __future__ import annotations

import multiprocessing
import time
from collections.abc import Iterator, Mapping
from concurrent.futures import ProcessPoolExecutor, as_completed
from concurrent.futures.process import BrokenProcessPool
from pathlib import Path

import torch

from zfhelpers.networks.catalogue import Entry
from zfhelpers.networks.estimate import epoch_images, minutes
from zfhelpers.training.loop import train
from zfhelpers.worlds.few import few_images
from zfhelpers.worlds.missing import missing_parts
from zfhelpers.worlds.opening import open_world
from zfhelpers.worlds.selections import selected
from zfhelpers.worlds.targets import open_target
from zfhelpers.worlds.world import World


def train_all(world: World, out: Path, networks: Mapping[str, Entry], jobs: int = 1, precision: str | None = None) -> None:
    """Train every network in `networks` that `out` does not hold yet, and say what is left whenever one is done.

    Args:
        world: where the images come from.
        out: one folder for all; each network's files bear its name.
        networks: what `catalogue.listed` lists, or some of it.
        jobs: networks trained at once, each in a process of its own with its share of the cores. On a CPU two at once take a
            fifth less time than one after the other on both cores.
        precision: as `train` takes it.
    """
    todo = {name: entry for name, entry in networks.items() if not (out / f"{name}.json").exists()}
    print(f"{len(networks) - len(todo)} of {len(networks)} networks are there; {', '.join(todo) or 'none'} to train.", flush=True)
    if todo:
        left = {name: _epochs_left(out, {name: entry}) for name, entry in todo.items()}
        guess = minutes([(entry, left[name]) for name, entry in todo.items()], world, jobs)
        print(f"{sum(left.values())} epochs, about {guess:.0f} min on this machine as it is now.", flush=True)
    began, at_first = time.monotonic(), _images_left(world, out, todo)
    for name in _in_turn(world, out, todo, precision) if jobs == 1 else _at_once(world.name, out, todo, precision, jobs):
        del todo[name]
        if left := _epochs_left(out, todo):
            images = _images_left(world, out, todo)
            more = images * (time.monotonic() - began) / max(1, at_first - images) / 60
            print(f"{name} is done; {len(todo)} networks and {left} epochs left, about {more:.0f} min", flush=True)


def possible(networks: Mapping[str, Entry], world: World) -> dict[str, Entry]:
    """The networks without those whose images are not there, and a sentence that says so: of a target, or of another world."""
    networks = dict(networks)
    for target in {entry.few.target for entry in networks.values() if entry.few}:
        try:
            open_target(target, world)
        except FileNotFoundError as missing:
            print(f"The networks from scratch of Table 4 are left out: {missing}", flush=True)
            networks = {name: entry for name, entry in networks.items() if not (entry.few and entry.few.target == target)}
    for other in {entry.some.world for entry in networks.values() if entry.some} - {world.name}:
        try:
            len(open_world(other).val)
        except FileNotFoundError as missing:
            print(f"The networks of {other} are left out: {missing}", flush=True)
            networks = {name: entry for name, entry in networks.items() if not (entry.some and entry.some.world == other)}
    return networks


def _epochs_left(out: Path, todo: Mapping[str, Entry]) -> int:
    """Epochs to train, without those that the logs of stopped and of running trainings tell of."""
    logs = {name: out / f"{name}.metrics.jsonl" for name in todo}
    done = {name: len(log.read_text(encoding="utf-8").splitlines()) if log.exists() else 0 for name, log in logs.items()}
    return sum(max(0, entry.recipe.epochs - done[name]) for name, entry in todo.items())


def _images_left(world: World, out: Path, todo: Mapping[str, Entry]) -> int:
    """The images of those epochs: an epoch from scratch may have ten times as many as one of a folder's own."""
    return sum(epoch_images(entry, world) * _epochs_left(out, {name: entry}) for name, entry in todo.items())


def _in_turn(world: World, out: Path, todo: Mapping[str, Entry], precision: str | None) -> Iterator[str]:
    """Names of networks, each as soon as it is trained."""
    for name, entry in list(todo.items()):
        _train(world, out, name, entry, precision)
        yield name


def _at_once(world: str, out: Path, todo: Mapping[str, Entry], precision: str | None, jobs: int) -> Iterator[str]:
    """The same of several processes, in the order in which they come to an end."""
    threads = max(1, torch.get_num_threads() // jobs)
    context = multiprocessing.get_context("spawn")  # a forked child inherits the locks of torch's threads, not the threads
    with ProcessPoolExecutor(jobs, context, torch.set_num_threads, (threads,)) as pool:
        running = {pool.submit(_train_named, world, out, name, entry, precision): name for name, entry in todo.items()}
        try:
            for done in as_completed(running):
                done.result()
                yield running[done]
        except BrokenProcessPool:
            raise ChildProcessError(
                "A training was ended from outside, perhaps for want of memory; the same command goes on with it."
            ) from None
        except BaseException:
            pool.shutdown(cancel_futures=True)
            raise


def _train_named(world: str, out: Path, name: str, entry: Entry, precision: str | None) -> None:
    _train(open_world(world), out, name, entry, precision)


def _train(world: World, out: Path, name: str, entry: Entry, precision: str | None) -> None:
    images, few = world, entry.few
    if few:
        images = few_images(open_target(few.target, world), world, few.per_class, few.fold)
    elif entry.lack:
        images = missing_parts(world)
    elif some := entry.some:
        images = selected(world if some.world == world.name else open_world(some.world), some)
    train(images, entry.recipe, out, name=name, resume=True, precision=precision)
