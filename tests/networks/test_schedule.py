"""The list of shipped networks: what it holds, and that training them all goes on where it stopped."""

import json
import os
from dataclasses import replace
from functools import partial
from types import SimpleNamespace

import numpy as np
import pytest
import torch
from PIL import Image

from zfhelpers.model import TABLE3, Architecture, scaled
from zfhelpers.networks import __main__ as command
from zfhelpers.networks import schedule
from zfhelpers.networks.catalogue import Entry, listed, shipped
from zfhelpers.networks.checkpoints import checkpoint_dir, read_card
from zfhelpers.training.recipe import Recipe, recipe_for
from zfhelpers.training.weights import epoch_file
from zfhelpers.worlds.opening import open_world

WORLD = SimpleNamespace(train=range(1000), name="small")


@pytest.mark.parametrize(("world", "epochs"), [("toy", 64), ("imagenette", 30)])
def test_fig6_networks_differ_in_architecture_and_cap_alone(world, epochs):
    four = {name: entry.recipe for name, entry in listed(world).items() if name.startswith("fig6-")}
    if world == "toy":  # whose first network is trained by the paper's recipe already
        four["zfnet"] = replace(listed(world)["zfnet"].recipe, kept=())
    assert {(recipe.variant, recipe.renormalise) for recipe in four.values()} == {
        (variant, capped) for variant in ("zfnet", "alexnet") for capped in (True, False)
    }
    alike = replace(recipe_for(world), epochs=epochs, rate=0.01, weight_decay=5e-4, kept=())
    assert all(replace(recipe, variant="zfnet", renormalise=True) == alike for recipe in four.values())


def test_the_toy_network_is_trained_as_the_others_of_fig6():
    zfnet, other = (read_card("toy", name) for name in ("zfnet", "fig6-zfnet-uncapped"))
    assert all(zfnet[key] == other[key] for key in ("epochs", "seed", "parameters", "architecture"))
    assert (other["rate"], other["weight_decay"]) == (0.01, 5e-4)  # the recipe's own; the older card does not name them


CARDS = sorted(str(card.relative_to(checkpoint_dir()).with_suffix("")) for card in checkpoint_dir().glob("*/**/*.json"))


@pytest.mark.parametrize("card", CARDS)
def test_every_shipped_network_is_on_the_list(card):
    world, name = card.split("/", maxsplit=1)
    recipe, card_says = listed(world)[name].recipe, read_card(world, name)
    assert name in shipped(world)
    assert all(card_says[key] == getattr(recipe, key) for key in ("variant", "epochs", "renormalise", "seed"))
    assert all(card_says.get(key, getattr(recipe, key)) == getattr(recipe, key) for key in ("batch", "rate", "weight_decay"))
    of_world = scaled(recipe.variant, len(card_says["classes"]), 128, recipe.width, recipe.fc)
    assert Architecture(**card_says["architecture"]) == of_world
    assert {name for name in card_says["files"] if "-epoch-" in name} == {
        epoch_file(name, epoch) for epoch in recipe.kept if epoch < recipe.epochs}  # fmt: skip


def recipes(world, kind):
    return {name: entry.recipe for name, entry in listed(world).items() if name.startswith(f"{kind}/")}


def test_tables_2_and_3_have_every_row_three_times_and_five_of_ours():
    given = recipes("toy", "table3")
    assert all(name == f"table3/{recipe.variant}-{recipe.seed}" for name, recipe in given.items())
    rows = [recipe.variant for recipe in given.values()]
    assert {row: rows.count(row) for row in TABLE3} == {row: 5 if row == "zfnet" else 3 for row in TABLE3}
    assert {(recipe.epochs, recipe.rate, recipe.weight_decay) for recipe in given.values()} == {(30, 0.01, 5e-4)}


def test_photographs_have_every_row_once_and_five_of_ours_all_narrow_and_short():
    given = recipes("imagenette", "table3").values()
    rows = [recipe.variant for recipe in given]
    assert {row: rows.count(row) for row in TABLE3} == {row: 5 if row == "zfnet" else 1 for row in TABLE3}
    assert {(recipe.epochs, recipe.width, recipe.fc, recipe.rate) for recipe in given} == {(30, 0.25, 256, 0.005)}


def test_what_is_only_recorded_is_not_shipped(tmp_path, monkeypatch, capsys):
    copied = []
    monkeypatch.setattr(command, "network_dirs", lambda world: [tmp_path / "shipped", tmp_path])
    monkeypatch.setattr(command, "ship", lambda world, name: copied.append(name))
    for name in (few := ["scratch/toy-novel-5-0", "scratch/toy-novel-15-0", "scratch/toy-novel-30-1", "table3/alexnet-0"]):
        (tmp_path / name).parent.mkdir(exist_ok=True)
        (tmp_path / f"{name}.json").touch()
    command.main(["--world", "toy", "--ship", "--only", *few])
    assert copied == ["table3/alexnet-0", "scratch/toy-novel-15-0"]
    copied.clear()
    command.main(["--world", "imagenette", "--ship"])
    assert copied == []  # those of its tables are too large


def test_goes_on_where_it_stopped(tmp_path, monkeypatch, capsys):
    trained = []

    def train(world, recipe, out, *, name, resume, precision):
        assert (world, recipe, resume, precision) == (WORLD, some[name].recipe, True, "no")
        if name == stop:
            raise KeyboardInterrupt
        trained.append(name)
        (out / f"{name}.json").touch()

    monkeypatch.setattr(schedule, "train", train)
    monkeypatch.setattr(schedule, "minutes", lambda *_: 5)
    some = {name: listed("imagenette")[name] for name in ("zfnet", "fig6-zfnet", "fig6-alexnet")}
    stop = "fig6-zfnet"
    with pytest.raises(KeyboardInterrupt):
        schedule.train_all(WORLD, tmp_path, some, precision="no")
    stop = None
    (tmp_path / "fig6-alexnet.metrics.jsonl").write_text("an epoch\n" * 12)  # of a training that was stopped
    schedule.train_all(WORLD, tmp_path, some, precision="no")
    assert trained == ["zfnet", "fig6-zfnet", "fig6-alexnet"]
    said = capsys.readouterr().out.splitlines()
    assert said[0] == "0 of 3 networks are there; zfnet, fig6-zfnet, fig6-alexnet to train."
    assert said[1] == "124 epochs, about 5 min on this machine as it is now."
    assert said[2].startswith("zfnet is done; 2 networks and 60 epochs left, about 0 min")
    assert said[3] == "1 of 3 networks are there; fig6-zfnet, fig6-alexnet to train."
    assert said[4].startswith("48 epochs, about 5 min")
    assert said[5].startswith("fig6-zfnet is done; 1 networks and 18 epochs left")
    schedule.train_all(WORLD, tmp_path, some)
    assert capsys.readouterr().out == "3 of 3 networks are there; none to train.\n"


def test_what_is_left_is_told_by_images_not_epochs(tmp_path, monkeypatch, capsys):
    """Four epochs of 300 images took a minute; two from scratch have 3,000 each."""
    monkeypatch.setattr(schedule, "_train", lambda _, out, name, *__: (out / f"{name}.json").touch())
    monkeypatch.setattr(schedule, "minutes", lambda *_: 6)
    monkeypatch.setattr(schedule, "time", SimpleNamespace(monotonic=iter((0.0, 60.0)).__next__))
    (tmp_path / "scratch").mkdir()
    few = replace(listed("toy")["scratch/toy-novel-30-0"], recipe=Recipe(epochs=2))
    networks = {"zfnet": Entry(Recipe(epochs=4)), "scratch/toy-novel-30-0": few}
    schedule.train_all(SimpleNamespace(train=range(300), name="small"), tmp_path, networks)
    assert capsys.readouterr().out.endswith("zfnet is done; 1 networks and 2 epochs left, about 5 min\n")


def test_two_at_once_give_the_networks_of_one_after_the_other(tmp_path, monkeypatch):
    monkeypatch.setenv("ZF_CACHE", str(tmp_path / "cache"))
    for path in (tmp_path / "photographs" / split / name for split in ("train", "val") for name in ("one", "two")):
        path.mkdir(parents=True)
        for number, pixels in enumerate(np.random.default_rng(len(str(path))).integers(0, 256, (4, 80, 80, 3), dtype=np.uint8)):
            Image.fromarray(pixels).save(path / f"{number}.png")
    world = open_world(f"folder:{tmp_path / 'photographs'}")
    recipe, threads = Recipe("alexnet-no-3-4-6-7", width=0.05, fc=16, epochs=1, batch=4, kept=()), torch.get_num_threads()
    some = {f"few/{seed}": Entry(replace(recipe, seed=seed)) for seed in range(3)}
    torch.set_num_threads(max(1, threads // 2))  # sums depend on it in the last bit
    schedule.train_all(world, tmp_path / "turn", some, precision="no")
    torch.set_num_threads(threads)
    schedule.train_all(world, tmp_path / "once", some, jobs=2, precision="no")
    for name in some:
        turn, once = (json.loads((tmp_path / way / f"{name}.json").read_text()) for way in ("turn", "once"))
        assert turn["files"] == once["files"]


def test_without_the_images_of_the_target_the_other_networks_are_trained(tmp_path, monkeypatch, capsys):
    trained = []
    monkeypatch.setenv("ZF_DATA", str(tmp_path))
    monkeypatch.setattr(command, "open_world", lambda name: open_world("toy"))
    monkeypatch.setattr(command, "train_all", lambda world, out, some, *_, **__: trained.extend(some))
    command.main(["--world", "folder:mine", "--out", str(tmp_path)])
    assert trained == [name for name in listed("folder:mine") if not name.startswith("scratch/")]
    assert "table3/zfnet-0" in trained
    assert capsys.readouterr().out.startswith("The networks from scratch of Table 4 are left out: caltech101 is not in ")


def test_bad_arguments(tmp_path, capsys):
    with pytest.raises(SystemExit):
        command.main(["--world", "mars", "--out", str(tmp_path)])
    assert capsys.readouterr().err.startswith("python -m zfhelpers.networks: There is no world 'mars'; there are toy,")
    with pytest.raises(SystemExit):
        command.main(["--out", str(tmp_path), "--only", "vgg"])
    assert "toy has no network vgg; it has zfnet, fig6-zfnet-uncapped" in capsys.readouterr().err
    with pytest.raises(SystemExit):
        command.main(["--out", str(tmp_path), "--jobs", "0"])
    assert "At least one network is trained at once, not 0." in capsys.readouterr().err
    with pytest.raises(SystemExit):
        command.main(["--out", str(tmp_path), "--only", "zfnet", "--epochs", "0"])
    assert "A training run takes at least 1 epoch, not 0." in capsys.readouterr().err


def test_a_training_that_is_killed_ends_the_command_in_a_sentence(monkeypatch):
    monkeypatch.setattr(schedule, "_train_named", partial(os.execlp, "false", "false"))  # the process becomes another and ends
    with pytest.raises(
        OSError, match=r"^A training was ended from outside, perhaps for want of memory; the same command goes on"
    ):
        list(schedule._at_once("toy", "out", {"zfnet": "entry"}, "no", 1))


def test_the_network_that_has_seen_missing_parts_is_the_first_zfnet_of_table_3_on_other_images(tmp_path, monkeypatch):
    given = []
    monkeypatch.setattr(schedule, "train", lambda world, *_, **__: given.append(world))
    monkeypatch.setattr(schedule, "missing_parts", lambda world: ("lacking parts", world))
    entry, other = (listed("toy")[name] for name in ("missing-parts", "table3/zfnet-0"))
    assert entry.recipe == other.recipe
    for each in (entry, other):
        schedule._train(WORLD, tmp_path, "name", each, None)
    assert given == [("lacking parts", WORLD), WORLD]
    assert "missing-parts" in shipped("toy")
    assert "missing-parts" not in listed("imagenette")


def curve(*names):
    return {name: listed("tinyimagenet")[name] for name in names}


def test_a_network_of_the_curve_is_trained_on_what_its_entry_selects(tmp_path, monkeypatch):
    given, asked = [], []
    monkeypatch.setattr(schedule, "train", lambda world, *_, **__: given.append(world))
    monkeypatch.setattr(schedule, "selected", lambda world, some: asked.append((world, some)) or f"{some.classes} of {world}")
    monkeypatch.setattr(schedule, "open_world", lambda name: f"the world {name}")
    own = SimpleNamespace(name="tinyimagenet")
    for name, entry in curve("classes/5-0", "controls/imagenette-64px-0").items():
        schedule._train(own, tmp_path, name, entry, None)
    assert given == [f"5 of {own}", "None of the world imagenette"]
    assert [some.side for _, some in asked] == [None, 64]


def test_an_epoch_of_the_curve_is_as_long_whatever_was_selected(monkeypatch, tmp_path):
    some = curve("classes/5-0", "classes/200-0", "images/50-1")
    assert {schedule.epoch_images(entry, WORLD) for entry in some.values()} == {45_000}
    assert schedule._images_left(WORLD, tmp_path, some) == 3 * 14 * 45_000


def test_networks_are_asked_for_by_their_kind(tmp_path, monkeypatch, capsys):
    trained = []
    monkeypatch.setattr(command, "open_world", lambda name: SimpleNamespace(name=name))
    monkeypatch.setattr(command, "train_all", lambda world, out, some, *_, **__: trained.extend(some))
    command.main(["--world", "tinyimagenet", "--out", str(tmp_path), "--only", "images", "controls", "zfnet"])
    assert trained == [name for name in listed("tinyimagenet") if name.startswith(("zfnet", "images/", "controls/"))]
    assert len(trained) == 7
    with pytest.raises(SystemExit):
        command.main(["--world", "imagenette", "--out", str(tmp_path), "--only", "classes"])
    assert "imagenette has no network classes; it has zfnet, fig6-zfnet, " in capsys.readouterr().err


def test_without_imagenette_its_controls_are_left_out(tmp_path, monkeypatch, capsys):
    monkeypatch.setenv("ZF_DATA", str(tmp_path))
    some = {name: entry for name, entry in listed("tinyimagenet").items() if not entry.few}
    left = schedule.possible(some, SimpleNamespace(name="tinyimagenet"))
    assert set(some) - set(left) == {"controls/imagenette-0", "controls/imagenette-64px-0"}
    assert capsys.readouterr().out.startswith("The networks of imagenette are left out: Imagenette is not in ")
