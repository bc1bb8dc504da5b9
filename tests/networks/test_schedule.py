"""The list of shipped networks: what it holds, and that training them all goes on where it stopped."""

import json

import numpy as np
import pytest
import torch
from PIL import Image

from zfhelpers.model import TABLE3
from zfhelpers.networks import schedule
from zfhelpers.networks.checkpoints import checkpoint_dir, read_card
from zfhelpers.training.weights import epoch_file
from zfhelpers.worlds.opening import open_world


@pytest.mark.parametrize(("world", "epochs"), [("toy", 64), ("imagenette", 30)])
def test_fig6_networks_differ_in_architecture_and_cap_alone(world, epochs):
    four = {name: dict(given) for name, given in schedule.listed(world).items() if name.startswith("fig6-")}
    if world == "toy":  # whose first network is trained by the paper's recipe already
        four["zfnet"] = {**schedule.listed(world)["zfnet"], **four["fig6-alexnet"], "variant": "zfnet"}
    assert {(given.pop("variant"), given.pop("renormalise", True)) for given in four.values()} == {
        (variant, capped) for variant in ("zfnet", "alexnet") for capped in (True, False)
    }
    budget = {"epochs": epochs, "kept": (), "rate": 0.01, "weight_decay": 5e-4}
    assert all(given == budget for given in four.values())


def test_the_toy_network_is_trained_as_the_others_of_fig6():
    zfnet, other = (read_card("toy", name) for name in ("zfnet", "fig6-zfnet-uncapped"))
    assert all(zfnet[key] == other[key] for key in ("epochs", "seed", "parameters", "architecture"))
    assert (other["rate"], other["weight_decay"]) == (0.01, 5e-4)  # the recipe's own; the older card does not name them


CARDS = sorted(str(card.relative_to(checkpoint_dir()).with_suffix("")) for card in checkpoint_dir().glob("*/**/*.json"))


@pytest.mark.parametrize("card", CARDS)
def test_every_shipped_network_is_on_the_list(card):
    world, name = card.split("/", maxsplit=1)
    given, card_says = schedule.listed(world)[name], read_card(world, name)
    assert name in schedule.shipped(world)
    assert (card_says["variant"], card_says["epochs"], card_says["renormalise"], card_says["seed"]) == (
        given["variant"], given["epochs"], given.get("renormalise", True), given.get("seed", 0))  # fmt: skip
    assert {name for name in card_says["files"] if "-epoch-" in name} == {
        epoch_file(name, epoch) for epoch in given["kept"] if epoch < given["epochs"]}  # fmt: skip


def test_tables_2_and_3_have_every_row_three_times_and_five_of_ours():
    given = {name: given for name, given in schedule.listed("toy").items() if name.startswith("table3/")}
    assert all(name == f"table3/{each['variant']}-{each['seed']}" for name, each in given.items())
    rows = [each["variant"] for each in given.values()]
    assert {row: rows.count(row) for row in TABLE3} == {row: 5 if row == "zfnet" else 3 for row in TABLE3}
    assert {(each["epochs"], each["rate"], each["weight_decay"]) for each in given.values()} == {(30, 0.01, 5e-4)}


def test_photographs_have_every_row_once_and_five_of_ours_all_narrow_and_short():
    given = {name: given for name, given in schedule.listed("imagenette").items() if name.startswith("table3/")}
    rows = [each["variant"] for each in given.values()]
    assert {row: rows.count(row) for row in TABLE3} == {row: 5 if row == "zfnet" else 1 for row in TABLE3}
    assert all((each["epochs"], each["width"], each["fc"], each["rate"]) == (30, 0.25, 256, 0.005) for each in given.values())


def test_what_is_only_recorded_is_not_shipped(tmp_path, monkeypatch, capsys):
    copied = []
    monkeypatch.setattr(schedule, "network_dirs", lambda world: [tmp_path / "shipped", tmp_path])
    monkeypatch.setattr(schedule, "ship", lambda world, name: copied.append(name))
    for name in (few := ["scratch/toy-novel-5-0", "scratch/toy-novel-15-2", "scratch/toy-novel-30-3", "table3/alexnet-0"]):
        (tmp_path / name).parent.mkdir(exist_ok=True)
        (tmp_path / f"{name}.json").touch()
    schedule.main(["--world", "toy", "--ship", "--only", *few])
    assert copied == ["table3/alexnet-0", "scratch/toy-novel-15-2"]
    copied.clear()
    schedule.main(["--world", "imagenette", "--ship"])
    assert copied == []  # those of its tables are too large


def test_goes_on_where_it_stopped(tmp_path, monkeypatch, capsys):
    trained = []

    def train(world, *, out, name, resume, **given):
        assert (world, resume, given["width"]) == ("a world", True, 0.25)
        assert given["rate"] == (0.5 if name == "zfnet" else 0.01)  # a network's own rate comes first
        if name == stop:
            raise KeyboardInterrupt
        trained.append(name)
        (out / f"{name}.json").write_text(json.dumps(given))

    monkeypatch.setattr(schedule, "train", train)
    some = {name: schedule.listed("imagenette")[name] for name in ("zfnet", "fig6-zfnet", "fig6-alexnet")}
    stop = "fig6-zfnet"
    with pytest.raises(KeyboardInterrupt):
        schedule.train_all("a world", tmp_path, some, width=0.25, rate=0.5)
    stop = None
    (tmp_path / "fig6-alexnet.metrics.jsonl").write_text("an epoch\n" * 12)  # of a training that was stopped
    schedule.train_all("a world", tmp_path, some, width=0.25, rate=0.5)
    assert trained == ["zfnet", "fig6-zfnet", "fig6-alexnet"]
    said = capsys.readouterr().out.splitlines()
    assert said[0] == "0 of 3 networks are there; zfnet, fig6-zfnet, fig6-alexnet to train."
    assert said[1].startswith("zfnet is done; 2 networks and 60 epochs left, about 0 min")
    assert said[2] == "1 of 3 networks are there; fig6-zfnet, fig6-alexnet to train."
    assert said[3].startswith("fig6-zfnet is done; 1 networks and 18 epochs left")
    schedule.train_all("a world", tmp_path, some)
    assert capsys.readouterr().out == "3 of 3 networks are there; none to train.\n"


def test_two_at_once_give_the_networks_of_one_after_the_other(tmp_path, monkeypatch):
    monkeypatch.setenv("ZF_CACHE", str(tmp_path / "cache"))
    for path in (tmp_path / "photographs" / split / name for split in ("train", "val") for name in ("one", "two")):
        path.mkdir(parents=True)
        for number, pixels in enumerate(np.random.default_rng(len(str(path))).integers(0, 256, (4, 80, 80, 3), dtype=np.uint8)):
            Image.fromarray(pixels).save(path / f"{number}.png")
    world = open_world(f"folder:{tmp_path / 'photographs'}")
    some = {f"few/{seed}": {"variant": "alexnet-no-3-4-6-7", "seed": seed, "epochs": 1, "kept": ()} for seed in range(3)}
    settings, threads = {"width": 0.05, "fc": 16, "batch": 4, "precision": "no"}, torch.get_num_threads()
    torch.set_num_threads(max(1, threads // 2))  # sums depend on it in the last bit
    schedule.train_all(world, tmp_path / "turn", some, **settings)
    torch.set_num_threads(threads)
    schedule.train_all(world, tmp_path / "once", some, jobs=2, **settings)
    for name in some:
        turn, once = (json.loads((tmp_path / way / f"{name}.json").read_text()) for way in ("turn", "once"))
        assert turn["files"] == once["files"]


def test_without_the_images_of_the_target_the_other_networks_are_trained(tmp_path, monkeypatch, capsys):
    trained = []
    monkeypatch.setenv("ZF_DATA", str(tmp_path))
    monkeypatch.setattr(schedule, "open_world", lambda name: open_world("toy"))
    monkeypatch.setattr(schedule, "train_all", lambda world, out, some, *_, **__: trained.extend(some))
    schedule.main(["--world", "folder:mine", "--out", str(tmp_path)])
    assert trained == [name for name in schedule.listed("folder:mine") if not name.startswith("scratch/")]
    assert "table3/zfnet-0" in trained
    assert capsys.readouterr().out.startswith("The networks from scratch of Table 4 are left out: caltech101 is not in ")


def test_bad_arguments(tmp_path, capsys):
    with pytest.raises(SystemExit):
        schedule.main(["--world", "mars", "--out", str(tmp_path)])
    assert capsys.readouterr().err.startswith("python -m zfhelpers.networks: There is no world 'mars'; there are toy,")
    with pytest.raises(SystemExit):
        schedule.main(["--out", str(tmp_path), "--only", "vgg"])
    assert "toy has no network vgg; it has zfnet, fig6-zfnet-uncapped" in capsys.readouterr().err
    with pytest.raises(SystemExit):
        schedule.main(["--out", str(tmp_path), "--jobs", "0"])
    assert "At least one network is trained at once, not 0." in capsys.readouterr().err
    with pytest.raises(SystemExit):
        schedule.main(["--out", str(tmp_path), "--only", "zfnet", "--epochs", "0"])
    assert "A training run takes at least 1 epoch, not 0." in capsys.readouterr().err
