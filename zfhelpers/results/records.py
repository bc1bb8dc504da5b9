"""Tables on record: what needs networks that are not shipped, or more minutes than a notebook has.

    python -m zfhelpers.results --world imagenette                # Tables 2, 3, 4 and 7, those that are not in runs/imagenette
    python -m zfhelpers.results --world imagenette --table 3      # that one, anew -> runs/imagenette/results/table3.json
    python -m zfhelpers.results --world imagenette --ship         # copy them to data/results/imagenette
    python -m zfhelpers.results --world imagenette --network torchvision:squeezenet1_1 --table 7     # of another network

`make train` ends with the first of these. A record is a card: the command, the time and the versions that made it, and one entry
for every row. It holds what `ensembles.table2`, `ablation.table3`, `transfer.table4` and `layer_by_layer.table7` return, so that
a notebook reads the same with the networks and without. "open" and "classes" are no tables of the paper: see `open_record` and
`class_record`.
"""

from __future__ import annotations

import json
from pathlib import Path

from zfhelpers.files import plain_name, project_dir
from zfhelpers.networks.checkpoints import network_dirs
from zfhelpers.networks.names import absolute

KEYS = {
    2: {"k", "rows"},
    3: {"k", "networks", "differences", "bases"},
    4: {"rows", "scratch_folds"},
    7: {"rows", "untrained"},
    "open": {"angles", "networks"},
    "classes": {"networks", "scratch", "missing"},
}
FILES = {"open": "open_questions.json", "classes": "classes.json"}
Table = int | str


def record_files(world: str, table: Table, network: str = "zfnet") -> list[Path]:
    """Where the record of a world's table may lie: the one that is shipped, then the one that was made here.

    Args:
        world, table: their name and number.
        network: whose features Tables 4 and 7 are about.
    """
    name, file = network_dirs(world)[0].name, FILES.get(table, f"table{table}.json")
    if network != "zfnet":
        name += f"--{plain_name(absolute(network))}"
    return [project_dir() / "data" / "results" / name / file, project_dir() / "runs" / name / "results" / file]


def _command(world: str, table: Table, network: str) -> str:
    seen = "" if network == "zfnet" else f" --network {network}"
    return f"python -m zfhelpers.results --world {world}{seen} --table {table}"


def read_record(world: str, table: Table, network: str = "zfnet") -> dict:
    """The record of a table: the shipped one, or else one made here.

    Raises:
        FileNotFoundError: there is none; the sentence says which command makes it.
        ValueError: the file is no such record.
    """
    paths = record_files(world, table, network)
    path = next((place for place in paths if place.exists()), None)
    if path is None:
        shown = str(paths[0].relative_to(project_dir()))
        raise FileNotFoundError(f"There is no record {shown!r}; '{_command(world, table, network)}' makes one.")
    try:
        card = json.loads(path.read_text(encoding="utf-8"))
        if card["table"] != table or not KEYS[table] <= card.keys():
            raise KeyError(f"{table}")
    except (json.JSONDecodeError, UnicodeDecodeError, KeyError, TypeError) as error:
        raise ValueError(
            f"{str(path)!r} is not the record of table {table}, or an old one: {type(error).__name__} {error}; "
            f"'{_command(world, table, network)}' makes it anew."
        ) from None
    return card


def say_record(world: str, table: int, network: str = "zfnet") -> dict | None:
    """The record of a table, after a line that says which command made it; None, and which command would, if there is none."""
    try:
        card = read_record(world, table, network)
    except FileNotFoundError as missing:
        print(missing)
        return None
    print(f"Table {table} is on record, made by: {card['command']}")
    return card
