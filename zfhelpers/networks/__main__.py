"""Every network of this course, and how to train it again.

    python -m zfhelpers.networks --world toy                 # all of them, one after the other, into runs/toy
    python -m zfhelpers.networks --world toy --only zfnet    # one; "--only open" all that are called open/...
    python -m zfhelpers.networks --world toy --jobs 2        # two at a time: faster on two cores

What lies in `runs/` is found by `zf.load` where nothing is shipped; `--ship` copies to `data/checkpoints/` what there is room for
(`catalogue.shipped`), and of the others the repository has what `results` recorded of them.
Killed at any moment and started again with the same words, it goes on where it was. Where the card of a network says that its
training never rescaled a filter, the network without the cap would be the same, bit for bit.
"""

from __future__ import annotations

import argparse
from collections.abc import Sequence
from dataclasses import replace
from pathlib import Path

from zfhelpers.networks.catalogue import Entry, listed, shipped
from zfhelpers.networks.checkpoints import network_dirs, ship
from zfhelpers.networks.schedule import possible, train_all
from zfhelpers.worlds.opening import WORLDS, open_world


def command_line() -> argparse.ArgumentParser:
    """What may be typed."""
    parser = argparse.ArgumentParser(prog="python -m zfhelpers.networks", description="Train the networks of this course.")
    parser.add_argument("--world", default="toy", help=WORLDS)
    parser.add_argument("--out", type=Path, help="one folder for all of them; default: runs/WORLD")
    some = f"some of {', '.join(listed('imagenette'))}; or a kind, the part before the slash"
    parser.add_argument("--only", nargs="+", metavar="NAME", help=some)
    parser.add_argument("--epochs", type=int, help="another budget for all of them")
    parser.add_argument("--ship", action="store_true", help="train nothing: copy from runs/WORLD to data/checkpoints")
    parser.add_argument("--jobs", type=int, default=1, help="networks trained at once, each on its share of the cores")
    parser.add_argument("--precision", choices=("bf16", "no"), help="default: whichever is faster on this machine")
    return parser


def asked_for(a: argparse.Namespace) -> dict[str, Entry]:
    """The networks that were named, all if none was, with the budget that was typed.

    Raises:
        ValueError: the world has no network of that name, or nothing can be trained like that.
    """
    networks = listed(a.world)
    if unknown := set(a.only or ()) - {word for name in networks for word in _words(name)}:
        raise ValueError(f"{a.world} has no network {', '.join(sorted(unknown))}; it has {', '.join(networks)}.")
    if a.jobs < 1:
        raise ValueError(f"At least one network is trained at once, not {a.jobs}.")
    named = {name: entry for name, entry in networks.items() if not a.only or _words(name) & set(a.only)}
    if a.epochs is None:
        return named
    return {name: replace(entry, recipe=replace(entry.recipe, epochs=a.epochs)) for name, entry in named.items()}


def _words(name: str) -> set[str]:
    """What a network answers to: its name, and the part before the slash."""
    return {name, *name.split("/")[:-1]}


def main(arguments: Sequence[str] | None = None) -> None:
    """Train or ship what was asked for; a mistake is one sentence."""
    parser = command_line()
    a = parser.parse_args(arguments)
    try:
        networks = asked_for(a)
        if a.ship:
            return _ship(a.world, networks)
        world = open_world(a.world)
        train_all(
            world,
            a.out or network_dirs(world.name)[1],
            networks if a.only else possible(networks, world),
            a.jobs,
            a.precision,
        )
    except (ValueError, OSError, FloatingPointError) as error:
        parser.exit(2, f"{parser.prog}: {error}\n")


def _ship(world: str, networks: Sequence[str]) -> None:
    """Copy those that there is room for and that lie in `runs/`."""
    for name in networks:
        if name in shipped(world) and (network_dirs(world)[1] / f"{name}.json").exists():
            ship(world, name)
            print(f"{name} is shipped")


if __name__ == "__main__":
    main()
