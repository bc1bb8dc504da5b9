"""Every command that a shipped card or record names can still be typed: its words are parsed, and what they ask for exists."""

import importlib
import json
import os
import shlex
import subprocess
import sys
from types import SimpleNamespace

import pytest

from zfhelpers.files import project_dir
from zfhelpers.networks.catalogue import listed
from zfhelpers.training.recipe import recipe_for

BENCHMARKS = project_dir() / "data" / "results" / "benchmarks.json"  # a command for each of its jobs, not one for the file
FILES = [path for folder in ("checkpoints", "results") for path in sorted((project_dir() / "data" / folder).rglob("*.json"))]
FILES.remove(BENCHMARKS)
NAMES = [str(path.relative_to(project_dir() / "data").with_suffix("")) for path in FILES]


def room_and_words(command):
    python, flag, module, *words = shlex.split(command)
    assert (python, flag) == ("python", "-m")
    return importlib.import_module(f"{module}.__main__"), words


@pytest.fixture
def started(monkeypatch):
    """What would be trained or measured, had it not been stopped there."""
    found = []
    rooms = {room: importlib.import_module(f"zfhelpers.{room}.__main__") for room in ("training", "networks", "results")}
    for room in ("training", "networks"):  # whether the world's photographs lie here or not
        monkeypatch.setattr(rooms[room], "open_world", lambda name: SimpleNamespace(name=name))
    monkeypatch.setattr(rooms["training"], "train", lambda world, recipe, out, **given: found.append((world.name, recipe, given)))
    monkeypatch.setattr(rooms["networks"], "train_all", lambda world, out, networks, *_: found.append((world.name, networks)))
    monkeypatch.setattr(rooms["networks"], "possible", lambda networks, world: networks)
    monkeypatch.setattr(
        rooms["results"],
        "write_record",
        lambda world, table, network, **settings: found.append((world, table, network, settings)) or project_dir() / "x",
    )
    return found


def test_there_are_commands():
    assert len(FILES) > 50


@pytest.mark.parametrize("path", FILES, ids=NAMES)
def test_the_command_of_a_shipped_file_still_makes_it(path, started):
    card = json.loads(path.read_text())
    room, words = room_and_words(card["command"])
    room.main(words)
    (world, *asked), name = started[0], str(path.relative_to(project_dir() / "data").with_suffix("")).split("/", 2)[2]
    assert world == card["world"] or "scratch/" in name  # those are of a world of few images
    if room.__name__.startswith("zfhelpers.training"):
        assert all(getattr(asked[0], key) == card[key] for key in ("variant", "epochs", "seed", "renormalise"))
        assert asked[1] == {"name": None, "resume": True, "precision": None}
    elif room.__name__.startswith("zfhelpers.networks"):
        recipe = asked[0][name].recipe
        assert all(getattr(recipe, key) == card[key] for key in ("variant", "epochs", "seed", "renormalise"))
    else:
        assert asked == [
            card["table"],
            card.get("network", "zfnet"),
            {key: card[key] for key in ("seed", "images", "folds") if key in card},
        ]


@pytest.mark.parametrize("words", [[], ["--jobs", "2"], ["--only", "zfnet", "--epochs", "2", "--precision", "no"]])
def test_what_the_readme_types(words, started):
    room, _ = room_and_words("python -m zfhelpers.networks")
    room.main(["--world", "toy", *words])
    world, networks = started[0]
    assert world == "toy"
    assert list(networks) == (["zfnet"] if "--only" in words else list(listed("toy")))
    assert networks["zfnet"].recipe.epochs == (2 if "--epochs" in words else recipe_for("toy").epochs)


@pytest.mark.parametrize("room", ["training", "networks", "results"])
def test_help_is_said(room):
    done = subprocess.run([sys.executable, "-m", f"zfhelpers.{room}", "--help"], capture_output=True, text=True)
    assert done.returncode == 0, done.stderr[-2000:]
    assert done.stdout.startswith(f"usage: python -m zfhelpers.{room} [-h] [--world WORLD]")


@pytest.mark.parametrize("job", list(json.loads(BENCHMARKS.read_text())))
def test_the_command_of_a_benchmark_still_measures_it(job):
    command = json.loads(BENCHMARKS.read_text())[job]["command"]
    plain = {name: value for name, value in os.environ.items() if not name.startswith(("MAKE", "MFLAGS"))}
    words = [*shlex.split(command), "--dry-run"]
    planned = subprocess.run(words, cwd=project_dir(), env=plain, capture_output=True, text=True)
    assert any(line.endswith(f" tests/benchmarks/run.py --only {job}") for line in planned.stdout.splitlines()), planned
    script = project_dir() / "tests" / "benchmarks" / "run.py"
    known = subprocess.run([sys.executable, script, "--only", job, "--help"], capture_output=True, text=True)
    assert known.returncode == 0, known.stderr
