"""The errors of Tables 2 and 3 on record, for worlds whose networks are not shipped.

    python -m zfhelpers.results --world imagenette --table 3      # -> data/results/imagenette/table3.json

A record is a card: the command, the seed, the time and the versions that made it, and one entry for every network. It holds what
`committees.table2` and `ablation.table3` return, so that a notebook reads the same with the networks and without.
"""

from __future__ import annotations

import argparse
import json
import platform
import time
from collections.abc import Callable, Iterable, Sequence
from datetime import UTC, datetime
from pathlib import Path

import numpy as np
import torch

from zfhelpers.ablation import table3, trained
from zfhelpers.checkpoints import network_dirs, read_card, write_whole
from zfhelpers.committees import table2, table2_views
from zfhelpers.frames import project_dir

TABLES: dict[int, Callable[[str, int, int], dict]] = {
    2: lambda world, most, seed: table2(*table2_views(world, most=most, seed=seed), seed),
    3: lambda world, most, seed: table3(world, most=most, seed=seed),
}


def record_file(world: str, table: int) -> Path:
    """Where the record of a world's table lies."""
    return project_dir() / "data" / "results" / network_dirs(world)[0].name / f"table{table}.json"


def write_record(world: str, table: int, seed: int = 0, most: int = 4000) -> Path:
    """Measure a table with all networks that lie here, and keep it, whole or not at all.

    Raises:
        ValueError: no networks, or a table that has no record of this kind.
        OSError: the file could not be written; what was there is unchanged.
    """
    began = time.monotonic()
    measured = TABLES[table](world, most, seed)
    card = {
        "table": table,
        "world": world,
        "command": f"python -m zfhelpers.results --world {world} --table {table} --seed {seed} --images {most}",
        "seed": seed,
        "measured": datetime.now(UTC).strftime("%Y-%m-%d"),
        "seconds": round(time.monotonic() - began, 1),
        "versions": {"python": platform.python_version(), "torch": torch.__version__, "numpy": np.__version__},
        "training": _budget(world, trained(world).values()),
        **measured,
    }
    path = record_file(world, table)
    write_whole(path, (json.dumps(card, indent=1) + "\n").encode())
    return path


def _budget(world: str, names: Iterable[str]) -> dict:
    """What all cards of the networks agree on about their training."""
    cards = [read_card(world, name) for name in names]
    keys = ("epochs", "batch", "rate", "weight_decay", "precision")
    return {key: cards[0].get(key) for key in keys if all(card.get(key) == cards[0].get(key) for card in cards)}


def read_record(world: str, table: int) -> dict:
    """The record of a table.

    Raises:
        FileNotFoundError: there is none; the sentence says which command makes it.
        ValueError: the file is no such record.
    """
    path = record_file(world, table)
    try:
        card = json.loads(path.read_text())
        if card["table"] != table or "versions" not in card:
            raise KeyError("table")
    except FileNotFoundError:
        raise FileNotFoundError(f"There is no record {str(path.relative_to(project_dir()))!r}; "
                                f"'python -m zfhelpers.results --world {world} --table {table}' makes it.") from None  # fmt: skip
    except (json.JSONDecodeError, UnicodeDecodeError, KeyError, TypeError) as error:
        raise ValueError(f"{str(path)!r} is not the record of a table: {type(error).__name__} {error}.") from None
    return card


def main(arguments: Sequence[str] | None = None) -> None:
    """The command line."""
    parser = argparse.ArgumentParser(prog="python -m zfhelpers.results", description="Record the errors of Table 2 or 3.")
    parser.add_argument("--world", default="imagenette", help="toy, imagenette, imagenet or folder:PATH")
    parser.add_argument("--table", type=int, required=True, choices=sorted(TABLES))
    parser.add_argument("--seed", type=int, default=0, help="of the judged training images and of the bootstrap")
    parser.add_argument("--images", type=int, default=4000, help="judged at most, of either set")
    a = parser.parse_args(arguments)
    try:
        print(write_record(a.world, a.table, a.seed, a.images).relative_to(project_dir()))
    except (ValueError, OSError) as error:
        parser.exit(2, f"{parser.prog}: {error}\n")


if __name__ == "__main__":
    main()
