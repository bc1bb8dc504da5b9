"""Tables measured and put on record."""

from __future__ import annotations

import json
import platform
import time
from collections.abc import Callable, Iterable
from datetime import UTC, datetime
from importlib.metadata import version
from pathlib import Path

from zfhelpers.files import project_dir, write_whole
from zfhelpers.networks.catalogue import TINY, listed
from zfhelpers.networks.checkpoints import read_card
from zfhelpers.networks.trained import trained
from zfhelpers.results.ablation import table3
from zfhelpers.results.class_record import classes
from zfhelpers.results.ensembles import table2, table2_views
from zfhelpers.results.layer_by_layer import table7
from zfhelpers.results.open_record import open_questions
from zfhelpers.results.records import Table, record_files
from zfhelpers.results.transfer import table4

TABLES: dict[Table, Callable[..., dict]] = {
    2: lambda world, seed, images: table2(*table2_views(world, most=images, seed=seed), seed),
    3: lambda world, seed, images: table3(world, most=images, seed=seed),
    4: table4,
    7: table7,
    "open": open_questions,
    "classes": classes,
}
ELSEWHERE = (4, 7)  # tables about features, which may be those of any network
OF_WORLDS: dict[Table, str] = {"open": "toy", "classes": TINY}  # what one world alone is asked
DEFAULTS: dict[Table, dict[str, int]] = {2: {"seed": 0, "images": 4000}, 4: {"folds": 5}, "open": {}}
DEFAULTS |= {3: DEFAULTS[2], 7: DEFAULTS[4], "classes": DEFAULTS[4]}


def write_record(world: str, table: Table, network: str = "zfnet", **settings: int) -> Path:
    """Measure a table with all networks that lie here, and keep it in `runs/`, whole or not at all.

    Args:
        world: its name.
        table: 2, 3, 4, 7, "open" or "classes".
        network: whose features are measured, Tables 4 and 7 alone.
        settings: those of `DEFAULTS[table]` that are to be others: "seed" (of the images drawn and of the bootstrap) and "images"
            (judged at most, of either set), or "folds"; "open" has none.

    Raises:
        ValueError: no networks, a setting that the table has not, or a network that is no part of it.
        OSError: the record could not be written, and what was there is unchanged; or images are missing.
    """
    if unknown := set(settings) - set(DEFAULTS[table]):
        raise ValueError(f"Table {table} has {' and '.join(DEFAULTS[table])} to set, not {', '.join(sorted(unknown))}.")
    if network != "zfnet" and table not in ELSEWHERE:
        raise ValueError(f"Table {table} is about networks that are trained here; {network} has a place in Tables 4 and 7 alone.")
    settings = DEFAULTS[table] | settings
    other = {} if network == "zfnet" else {"network": network}
    began = time.monotonic()
    measured = TABLES[table](world, **other, **settings)
    said = " ".join(f"--{name} {value}" for name, value in (other | {"table": table} | settings).items())
    card = {
        "table": table,
        "world": world,
        **other,
        "command": f"python -m zfhelpers.results --world {world} {said}",
        **settings,
        "measured": datetime.now(UTC).strftime("%Y-%m-%d"),
        "seconds": round(time.monotonic() - began, 1),
        "versions": {name: version(name) for name in ("torch", "numpy", "scikit-learn")} | {"python": platform.python_version()},
        **({"training": _budget(world, trained(world).values())} if table in (2, 3) else {}),
        **measured,
    }
    path = record_files(world, table, network)[1]
    write_whole(path, (json.dumps(card, indent=1) + "\n").encode())
    return path


def tables_of(world: str, network: str = "zfnet") -> list[Table]:
    """What is recorded of a world where no table is named: not Tables 2 and 3 where their networks are not on its list."""
    if network != "zfnet":
        return list(ELSEWHERE)
    trains = any(name.startswith("table3/") for name in listed(world))
    return [table for table in TABLES if OF_WORLDS.get(table, world) == world and (trains or table not in (2, 3))]


def _budget(world: str, names: Iterable[str]) -> dict:
    """What all cards of the networks agree on about their training, and the minutes that they took one after the other."""
    cards = [read_card(world, name) for name in names]
    keys = ("epochs", "batch", "rate", "weight_decay", "precision")
    agreed = {key: cards[0].get(key) for key in keys if all(card.get(key) == cards[0].get(key) for card in cards)}
    return agreed | {"networks": len(cards), "minutes": round(sum(card["minutes"] for card in cards))}


def ship_records(world: str, network: str = "zfnet") -> None:
    """Copy the records of a world from `runs/` to the shipped ones."""
    for table in TABLES:
        to, origin = record_files(world, table, network)
        if origin.exists():
            write_whole(to, origin.read_bytes())
            print(to.relative_to(project_dir()))
