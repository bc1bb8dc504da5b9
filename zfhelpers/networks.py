"""Every network that this repository ships, and how to train it again.

    python -m zfhelpers.networks --world toy                 # all of them, one after the other, into runs/toy
    python -m zfhelpers.networks --world toy --only zfnet    # one

What lies in `runs/` is found by `zf.load` where nothing is shipped; to ship a network, move its files to `data/checkpoints/`.
Killed at any moment and started again with the same words, it goes on where it was. `fig6-...` are the networks of Fig. 6: two
architectures, with and without the cap on the filters' RMS, from the same seed, by the paper's rate and AlexNet's weight decay in
every world. In the toy world `zfnet` is one of them already. Where the card of one says that its training never rescaled a
filter, the network without the cap would be the same, bit for bit.
"""

from __future__ import annotations

import argparse
import time
from collections.abc import Mapping, Sequence
from pathlib import Path

from zfhelpers.checkpoints import EPOCHS, network_dirs
from zfhelpers.model import TABLE3
from zfhelpers.training import FEW_PHOTOGRAPHS, FIRST_RATE, WEIGHT_DECAY, WORLDS, train
from zfhelpers.worlds import open_world

_PAPER = {"rate": FIRST_RATE, "weight_decay": WEIGHT_DECAY}
_UNCAPPED = {"renormalise": False}
SEEDS = range(3)  # of every row of Table 3
ENSEMBLE = range(5)  # of our network: the "5 convnets" of Table 2


def shipped(world: str) -> dict[str, dict]:
    """The networks of a world: {name: what `train` is told}. Fig. 6 has 30 epochs where an epoch takes minutes.

    >>> list(shipped("toy"))[:5]
    ['zfnet', 'fig6-zfnet-uncapped', 'fig6-alexnet', 'fig6-alexnet-uncapped', 'table3/alexnet-0']
    """
    fig6 = {**_PAPER, "epochs": 64 if world == "toy" else 30, "kept": ()}
    capped = {} if world == "toy" else {"fig6-zfnet": {"variant": "zfnet", **fig6}}
    return {
        "zfnet": {"variant": "zfnet", "epochs": 64, "kept": EPOCHS},
        **capped,
        "fig6-zfnet-uncapped": {"variant": "zfnet", **fig6, **_UNCAPPED},
        "fig6-alexnet": {"variant": "alexnet", **fig6},
        "fig6-alexnet-uncapped": {"variant": "alexnet", **fig6, **_UNCAPPED},
        **_tables(**_PAPER, epochs=30, kept=()),
    }


def _tables(**budget) -> dict[str, dict]:
    """The networks of Tables 2 and 3: every row three times, and two more of ours, so that five can be averaged."""
    wanted = [(row, seed) for seed in SEEDS for row in TABLE3] + [("zfnet", seed) for seed in ENSEMBLE if seed not in SEEDS]
    return {f"table3/{row}-{seed}": {"variant": row, "seed": seed, **budget} for row, seed in wanted}


def train_all(world, out: Path, networks: Mapping[str, dict], **settings) -> None:
    """Train every network in `networks` that `out` does not hold yet, and say before each what is left.

    Args:
        world: where the images come from.
        out: one folder for all; each network's files bear its name.
        networks: {name: arguments of `train`}.
        settings: further arguments of `train`, for all that do not say otherwise.
    """
    todo = {name: given for name, given in networks.items() if not (out / f"{name}.json").exists()}
    print(f"{len(networks) - len(todo)} of {len(networks)} networks are there; {', '.join(todo) or 'none'} to train.", flush=True)
    seconds, epochs = 0.0, 0
    while todo:
        left = sum(given["epochs"] for given in todo.values())
        guess = f", about {left * seconds / epochs / 60:.0f} min" if epochs else ""
        name, given = next(iter(todo.items()))
        print(f"{name}: {len(todo)} networks and {left} epochs left{guess}", flush=True)
        began = time.monotonic()
        train(world, out=out, name=name, resume=True, **(settings | given))
        seconds, epochs = seconds + time.monotonic() - began, epochs + given["epochs"]
        del todo[name]


def main(arguments: Sequence[str] | None = None) -> None:
    """The command line."""
    parser = argparse.ArgumentParser(prog="python -m zfhelpers.networks", description="Train the networks that are shipped.")
    parser.add_argument("--world", default="toy", help="toy, imagenette, imagenet or folder:PATH")
    parser.add_argument("--out", type=Path, help="one folder for all of them; default: runs/WORLD")
    parser.add_argument("--only", nargs="+", metavar="NAME", help=f"some of {', '.join(shipped('imagenette'))}")
    parser.add_argument("--epochs", type=int, help="another budget than the shipped networks had")
    parser.add_argument("--precision", choices=("bf16", "no"), help="default: whichever is faster on this machine")
    a = parser.parse_args(arguments)
    budget = {"epochs": a.epochs} if a.epochs else {}
    networks = {name: given | budget for name, given in shipped(a.world).items()}
    if unknown := set(a.only or ()) - set(networks):
        parser.error(f"{a.world} has no network {', '.join(sorted(unknown))}; it has {', '.join(networks)}.")
    networks = {name: given for name, given in networks.items() if not a.only or name in a.only}
    try:
        world = open_world(a.world)
        out = a.out or network_dirs(world.name)[1]
        train_all(world, out, networks, precision=a.precision, **WORLDS.get(a.world, FEW_PHOTOGRAPHS))
    except (ValueError, OSError, FloatingPointError) as error:
        parser.exit(2, f"{parser.prog}: {error}\n")


if __name__ == "__main__":
    main()
