"""What a batch run was asked for, every setting read as it was typed.

`make report` hands its settings over in the environment, as `ZF_WORLD`, `ZF_NETWORK` and so on: after `--config` snakemake reads
YAML, in which ` #` begins a comment and `1e3` is a number. Of a setting typed there the word itself counts.

>>> asked = read_settings({"world": "folder:/photos"}, ["--config", "world=folder:/photos #2"], {"ZF_PARAMS": "-p seed 3"})
>>> asked.world, asked.reports, asked.parameters
('folder:/photos #2', 'reports/folder--photos--2--877ef615', [('seed', '3')])
"""

from __future__ import annotations

import glob
import os
import re
import shlex
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path

from zfhelpers.files import plain_name, seen_folder
from zfhelpers.networks import names
from zfhelpers.report.machine import cores

LONGEST = (  # notebooks of toy by the seconds of a processor that they take, those under half a minute left out
    "10_ablation",
    "11_transfer",
    "03_training",
    "14_after_2013",
    "04_what_features_see",
    "12_layer_by_layer",
    "08_occlusion",
    "07_architecture_selection",
    "01_the_network",
    "05_feature_evolution",
    "06_invariance",
)
DEFAULTS = {"world": "toy", "network": "zfnet", "notebooks": "notebooks/*.ipynb", "reports": "reports", "params": ""}


@dataclass(frozen=True)
class Settings:
    """What a run was asked for.

    Attributes:
        world: as `open_world` takes it.
        network: as `load` takes it.
        notebooks: their files, by name.
        reports: the folder of the report: the world's, or that of the world as another network sees it.
        parameters: (name, value), each for the notebooks that have it.
    """

    world: str
    network: str
    notebooks: dict[str, str]
    reports: str
    parameters: list[tuple[str, str]]


def read_settings(config: Mapping[str, object], words: Sequence[str], environment: Mapping[str, str]) -> Settings:
    """The settings of a run; an empty one means the default.

    Args:
        config: what snakemake made of `--config` and of its files.
        words: of the command line.
        environment: has `ZF_WORLD` and so on where nothing else was said.

    Raises:
        ValueError: a setting that there is not, or one that cannot be read; in one sentence.
    """
    if unknown := config.keys() - DEFAULTS.keys():
        raise ValueError(f"There is no setting {min(unknown)!r}; there are {', '.join(DEFAULTS)}. Nothing was run.")
    given = {name: environment.get(f"ZF_{name.upper()}") for name in DEFAULTS if name != "reports"} | dict(config)
    for word in words:
        name, equals, value = word.removeprefix("--config=").partition("=")
        if equals and name in config:
            given[name] = value
    chosen = {name: _as_text(name, given.get(name)) or default for name, default in DEFAULTS.items()}
    if os.path.isabs(os.path.expanduser(chosen["notebooks"])):
        near = os.path.relpath(os.path.expanduser(chosen["notebooks"]))
        raise ValueError(f"Notebooks are named from this folder, as {near!r}, not {chosen['notebooks']!r}. Nothing was run.")
    notebooks: dict[str, str] = {}
    for path in matching(chosen["notebooks"]):
        if notebooks.setdefault(path.stem, str(path)) != str(path):
            raise ValueError(f"{notebooks[path.stem]} and {path} have one name, and their pages would be one; run them apart.")
    for name in (chosen["reports"], *notebooks):  # which snakemake makes patterns of
        if braces := re.search(r"[{}]", name):
            raise ValueError(f"{name!r} cannot have {braces[0]!r} in its name; rename it. Nothing was run.")
    reports = f"{chosen['reports']}/{report_folder(chosen['world'], chosen['network'])}"
    return Settings(chosen["world"], chosen["network"], notebooks, reports, read_parameters(chosen["params"]))


def _as_text(name: str, value: object) -> str:
    if isinstance(value, Mapping | list):
        raise ValueError(f"The setting {name} is text, not {value!r}; write it in quotes. Nothing was run.")
    text = "" if value is None else str(value)
    try:
        text.encode()
    except UnicodeEncodeError:
        raise ValueError(f"The setting {name} holds bytes that are no UTF-8: {text!r}. Nothing was run.") from None
    return text


def matching(pattern: str) -> list[Path]:
    """The notebooks that a pattern means, which may be a plain name, absolute, or begin with `~`.

    Raises:
        ValueError: there are none.
    """
    pattern = os.path.expanduser(pattern)
    found = [pattern] if os.path.isfile(pattern) else sorted(glob.glob(pattern, recursive=True))
    if not found:
        raise ValueError(
            f"There are no notebooks to run: nothing matches {pattern!r}; give a pattern that matches some, "
            "for instance 'notebooks/*.ipynb'."
        )
    return [Path(path) for path in found]


def read_parameters(text: str) -> list[tuple[str, str]]:
    """The parameters in a line that is read as a shell would: `-p NAME VALUE`, once or more.

    >>> read_parameters("-p seed 3 -p title 'a b' -p shift -1")
    [('seed', '3'), ('title', 'a b'), ('shift', '-1')]

    Raises:
        ValueError: it is no such line, or names a parameter twice.
    """
    how = "parameters are '-p NAME VALUE', once or more, and a value with spaces or quotes stands in quotes"
    try:
        parameters, rest = split_parameters(shlex.split(text))
    except ValueError as error:
        raise ValueError(f"The parameters {text!r} cannot be read ({str(error).lower()}); {how}. Nothing was run.") from None
    if rest:
        raise ValueError(f"The parameters {text!r} cannot be read at {rest[0]!r}; {how}. Nothing was run.")
    names = [name for name, _ in parameters]
    if twice := {name for name in names if names.count(name) > 1}:
        raise ValueError(f"The parameter {min(twice)!r} is given more than once. Nothing was run.")
    return parameters


def split_parameters(words: Sequence[str]) -> tuple[list[tuple[str, str]], list[str]]:
    """Every `-p NAME VALUE` among some words, whatever the value begins with, and the other words.

    >>> split_parameters(["run", "-p", "shift", "-1", "--world=toy"])
    ([('shift', '-1')], ['run', '--world=toy'])
    """
    parameters, rest, words = [], [], list(words)
    while words:
        if words[0] == "-p" and len(words) > 2:
            parameters.append((words[1], words[2]))
            del words[:3]
        else:
            rest.append(words.pop(0))
    return parameters, rest


def check_writable(*folders: str) -> None:
    """See that files can be put into some folders, which need not be there yet.

    Raises:
        ValueError: they cannot; in one sentence which, and what to do.
    """
    for folder in folders:
        place = Path(folder).absolute()
        while not os.path.lexists(place):
            place = place.parent
        if not place.is_dir():
            raise ValueError(f"{folder!r} cannot be a folder: {str(place)!r} is a file. Nothing was run.")
        if not os.access(place, os.W_OK | os.X_OK):
            raise ValueError(
                f"{str(place)!r} cannot be written, and {folder!r} goes there; run a copy that can. Nothing was run."
            )


def absolute(world: str) -> str:
    """A world's name as it holds in every folder: "folder:photos" becomes "folder:/Users/me/photos", as `open_world` has it."""
    kind, _, path = world.partition(":")
    return f"{kind}:{Path(path).expanduser().absolute()}" if kind == "folder" and path else world


def world_folder(world: str) -> str:
    """The name of a folder for a world: never that of another world's, and one that needs no quotes.

    A name that would not tell worlds apart ends in a hash of the whole: "folder:/a/b" and "folder:/a-b" would be one.

    >>> world_folder("toy"), world_folder("folder:/a/b"), world_folder("folder:/a-b")
    ('toy', 'folder--a-b', 'folder--a-b--6b19c6e2')
    """
    return plain_name(absolute(world))


def report_folder(world: str, network: str = "zfnet") -> str:
    """The name of a folder for a world as a network sees it; `world_folder` where it is the world's own.

    >>> report_folder("toy"), report_folder("imagenette", "torchvision:alexnet")
    ('toy', 'imagenette--torchvision-alexnet')
    """
    return seen_folder(absolute(world), network if network == "zfnet" else names.absolute(network))


def priority(notebook: str) -> int:
    """The longest notebook first, so that none is left to run alone when all others are done: the larger, the sooner it runs.

    >>> priority("10_ablation") > priority("03_training") > priority("00_start_here")
    True
    """
    return len(LONGEST) - LONGEST.index(notebook) if notebook in LONGEST else 0


def threads_each(at_once: int, environment: Mapping[str, str]) -> int:
    """Threads for each of the notebooks that run at once: `OMP_NUM_THREADS`, or a fair share of the cores.

    Raises:
        ValueError: no notebook is to run, or `OMP_NUM_THREADS` is no number.
    """
    if at_once < 1:
        raise ValueError(f"At least one notebook runs at once, not {at_once}. Nothing was run.")
    said = environment.get("OMP_NUM_THREADS", "").strip()
    if not said:
        return max(1, cores() // at_once)
    first = said.split(",")[0].strip()  # OpenMP takes a number for each level of nesting
    if not (first.isascii() and first.isdigit() and int(first)):
        raise ValueError(f"OMP_NUM_THREADS is {said!r}; it must be a whole number from 1 on, or unset. Nothing was run.")
    return int(first)
