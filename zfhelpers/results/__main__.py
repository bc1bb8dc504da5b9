"""`python -m zfhelpers.results`: the command line, see `zfhelpers.results.records`."""

from __future__ import annotations

import argparse
from collections.abc import Sequence

from zfhelpers.files import project_dir
from zfhelpers.results.measure import TABLES, ship_records, tables_of, write_record
from zfhelpers.results.records import Table, record_files
from zfhelpers.worlds.opening import WORLDS

SETTINGS = ("seed", "images", "folds")  # of one table or another


def command_line() -> argparse.ArgumentParser:
    """What may be typed."""
    parser = argparse.ArgumentParser(prog="python -m zfhelpers.results", description="Record tables of a world.")
    parser.add_argument("--world", default="imagenette", help=WORLDS)
    parser.add_argument("--network", default="zfnet", help="Tables 4, 7: torchvision:NAME, or PATH/file.py:function")
    parser.add_argument(
        "--table",
        type=lambda word: int(word) if word.isdigit() else word,
        choices=list(TABLES),
        help="measured even if it is there; default: all that are not",
    )
    parser.add_argument("--seed", type=int, help="Tables 2, 3: of the images drawn, and of the bootstrap")
    parser.add_argument("--images", type=int, help="Tables 2, 3: judged at most, of either set")
    parser.add_argument("--folds", type=int, help="Tables 4, 7, classes: random divisions into training and test images")
    parser.add_argument("--ship", action="store_true", help="measure nothing: copy what runs/WORLD has to data/results")
    return parser


def main(arguments: Sequence[str] | None = None) -> None:
    """Measure or ship what was asked for; a mistake is one sentence."""
    parser = command_line()
    a = parser.parse_args(arguments)
    settings = {name: getattr(a, name) for name in SETTINGS if getattr(a, name) is not None}
    if settings and not a.table:
        parser.error(f"--{next(iter(settings))} belongs to a table; name it with --table.")
    try:
        if a.ship:
            return ship_records(a.world, a.network)
        if a.table:
            return _say(a.world, a.table, a.network, **settings)
        for table in tables_of(a.world, a.network):
            if not record_files(a.world, table, a.network)[1].exists():
                try:
                    _say(a.world, table, a.network)
                except FileNotFoundError as missing:  # the images of a target; the other tables can do without
                    print(f"Table {table} is left out: {missing}", flush=True)
    except (ValueError, OSError) as error:
        parser.exit(2, f"{parser.prog}: {error}\n")


def _say(world: str, table: Table, network: str, **settings: int) -> None:
    print(write_record(world, table, network, **settings).relative_to(project_dir()), flush=True)


if __name__ == "__main__":
    main()
