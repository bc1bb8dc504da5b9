"""`python -m zfhelpers.training`: the command line."""

from __future__ import annotations

import argparse
from collections.abc import Sequence
from dataclasses import replace
from pathlib import Path

from zfhelpers.model import TABLE3
from zfhelpers.training.loop import train
from zfhelpers.training.recipe import Recipe, recipe_for
from zfhelpers.worlds.opening import WORLDS, open_world

CHANGES = ("variant", "epochs", "width", "fc", "batch", "rate", "weight_decay", "seed")  # to the recipe of the world


def command_line() -> argparse.ArgumentParser:
    """What may be typed."""
    parser = argparse.ArgumentParser(prog="python -m zfhelpers.training", description="Train a network by the paper's recipe.")
    parser.add_argument("--world", default="toy", help=WORLDS)
    parser.add_argument("--variant", choices=sorted(TABLE3), help="a row of Table 3; default: zfnet")
    parser.add_argument("--epochs", type=int, help="passes over the training set; default: those of the world's recipe")
    parser.add_argument("--out", type=Path, required=True, help="folder for weights, card and metrics")
    parser.add_argument("--width", type=float, help="factor on the number of maps")
    parser.add_argument("--fc", type=int, help="units that stand for the paper's 4096")
    parser.add_argument("--rate", type=float, help="learning rate until the first annealing")
    parser.add_argument("--weight-decay", type=float)
    parser.add_argument("--seed", type=int)
    parser.add_argument("--batch", type=int)
    parser.add_argument("--precision", choices=("bf16", "no"), help="default: whichever is faster on this machine")
    parser.add_argument("--name", help="of the files; default: the variant")
    parser.add_argument("--no-renormalise", action="store_true", help="leave the filters' RMS alone, as in Fig. 6(a)")
    parser.add_argument("--resume", action="store_true", help="go on where a killed run stopped")
    return parser


def asked_for(a: argparse.Namespace) -> Recipe:
    """The recipe of the world with the changes that were typed."""
    changes = {name: getattr(a, name) for name in CHANGES if getattr(a, name) is not None}
    return replace(recipe_for(a.world), renormalise=not a.no_renormalise, **changes)


def main(arguments: Sequence[str] | None = None) -> None:
    """Train what was asked for; a mistake is one sentence."""
    parser = command_line()
    a = parser.parse_args(arguments)
    try:
        train(open_world(a.world), asked_for(a), a.out, name=a.name, resume=a.resume, precision=a.precision)
    except (ValueError, OSError, FloatingPointError) as error:
        parser.exit(2, f"{parser.prog}: {error}\n")


if __name__ == "__main__":
    main()
