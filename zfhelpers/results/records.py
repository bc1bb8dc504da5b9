"""Tables on record: what needs networks that are not shipped, or more minutes than a notebook has.

    python -m zfhelpers.results --world imagenette                # Tables 2, 3, 4 and 7, those that are not in runs/imagenette
    python -m zfhelpers.results --world imagenette --table 3      # that one, anew -> runs/imagenette/results/table3.json
    python -m zfhelpers.results --world imagenette --ship         # copy them to data/results/imagenette

`make train` ends with the first of these. A record is a card: the command, the time and the versions that made it, and one entry
for every row. It holds what `ensembles.table2`, `ablation.table3`, `transfer.table4` and `layer_by_layer.table7` return, so that
a notebook reads the same with the networks and without.
"""

from __future__ import annotations

import json
from pathlib import Path

from zfhelpers.files import project_dir
from zfhelpers.networks.checkpoints import network_dirs

KEYS = {2: {"k", "rows"}, 3: {"k", "networks", "differences", "bases"}, 4: {"rows", "scratch_folds"}, 7: {"rows", "untrained"}}


def record_files(world: str, table: int) -> list[Path]:
    """Where the record of a world's table may lie: the one that is shipped, then the one that `make train` left."""
    name, file = network_dirs(world)[0].name, f"table{table}.json"
    return [project_dir() / "data" / "results" / name / file, project_dir() / "runs" / name / "results" / file]


def read_record(world: str, table: int) -> dict:
    """The record of a table: the shipped one, or else one made here.

    Raises:
        FileNotFoundError: there is none; the sentence says which command makes it.
        ValueError: the file is no such record.
    """
    paths = record_files(world, table)
    path = next((place for place in paths if place.exists()), None)
    if path is None:
        raise FileNotFoundError(f"There is no record {str(paths[0].relative_to(project_dir()))!r}; "
                                f"'python -m zfhelpers.results --world {world} --table {table}' makes one.")  # fmt: skip
    try:
        card = json.loads(path.read_text(encoding="utf-8"))
        if card["table"] != table or not KEYS[table] <= card.keys():
            raise KeyError(f"{table}")
    except (json.JSONDecodeError, UnicodeDecodeError, KeyError, TypeError) as error:
        raise ValueError(
            f"{str(path)!r} is not the record of table {table}, or an old one: {type(error).__name__} {error}; "
            f"'python -m zfhelpers.results --world {world} --table {table}' makes it anew."
        ) from None
    return card


def say_record(world: str, table: int) -> dict | None:
    """The record of a table, after a line that says which command made it; None, and which command would, if there is none."""
    try:
        card = read_record(world, table)
    except FileNotFoundError as missing:
        print(missing)
        return None
    print(f"Table {table} is on record, made by: {card['command']}")
    return card
