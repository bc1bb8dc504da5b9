"""The tables' numbers against one image at a time and plain sums, and records that are whole or not there."""

import json

import numpy as np
import pytest
import torch

import zfhelpers.networks.trained
from zfhelpers.model import Architecture, ZFNet
from zfhelpers.networks.trained import trained
from zfhelpers.results import __main__ as command
from zfhelpers.results import ablation, ensembles, measure, records
from zfhelpers.results.ablation import table3
from zfhelpers.results.ensembles import table2, table2_views
from zfhelpers.worlds.world import ImageSet, World

CLASSES, COUNT = 3, 30


def toy_set(seed, count):
    frames = np.random.default_rng(seed).integers(0, 256, (count, 3, 8, 8), dtype=np.uint8).repeat(10, 2).repeat(10, 3)
    return ImageSet(frames[..., :73, :73], np.arange(count) % CLASSES, 64)


SETS = {"train": toy_set(0, COUNT + 7), "val": toy_set(1, COUNT)}
DATA = World("tiny", "abc", 64, lambda _, split: SETS[split], mean=torch.full((3, 64, 64), 127.0))


def net_of(name):
    torch.manual_seed(sum(map(ord, name)))
    net = ZFNet(Architecture(classes=CLASSES, image_size=64, width=0.125, fc=(8,)))
    for part in (net.layer6.fc, net.layer8):
        part.weight.data *= 20
    return net.eval()


@pytest.fixture
def networks(tmp_path, monkeypatch):
    """Six untrained networks that are found and loaded as trained ones are."""
    folders = [tmp_path / "data", tmp_path / "runs"]
    for module in (ablation, ensembles, records, zfhelpers.networks.trained):
        for name, stand_in in (("network_dirs", lambda world: folders), ("load", lambda world, name: (net_of(name), DATA))):
            monkeypatch.setattr(module, name, stand_in, raising=False)
    for module in (records, measure, command):
        monkeypatch.setattr(module, "project_dir", lambda: tmp_path)
    monkeypatch.setattr(measure, "read_card", lambda world, name: {"epochs": 3, "seed": name[-1], "minutes": 2.4})
    names = ["zfnet-0", "zfnet-1", "zfnet-4", "zfnet-wide-0", "zfnet-wide-1", "alexnet-1"]
    for number, name in enumerate(names):
        card = folders[number % 2] / "table3" / f"{name}.json"
        card.parent.mkdir(parents=True, exist_ok=True)
        card.write_text("{}")
    (folders[1] / "table3" / "zfnet-2.state.safetensors").write_text("")  # still being trained
    (folders[1] / "table3" / "zfnet-other.json").write_text("{}")
    return tmp_path


def guesses(name, split, top, left):
    """The probabilities of one crop of every image, one image at a time."""
    found = []
    for frame in SETS[split].frames:
        crop = torch.from_numpy(frame.copy())[:, top : top + 64, left : left + 64].float()
        with torch.no_grad():
            found.append(net_of(name)((crop - 127.0)[None])[0].softmax(0).numpy())
    return np.array(found)


def error(probabilities, split, k=1, rows=slice(None)):
    lists = [sorted(range(CLASSES), key=lambda one, row=row: -row[one])[:k] for row in probabilities[rows].tolist()]
    return 100 * np.mean([label not in best for label, best in zip(SETS[split].labels[rows], lists, strict=True)])


def test_finds_networks_by_their_cards_in_both_places(networks):
    found = trained("tiny")
    assert list(found) == [("alexnet", 1), ("zfnet", 0), ("zfnet", 1), ("zfnet", 4), ("zfnet-wide", 0), ("zfnet-wide", 1)]
    assert found["zfnet", 4] == "table3/zfnet-4"


def test_table3_counts_every_image_of_every_network(networks):
    table = table3("tiny")
    assert [(one["row"], one["seed"]) for one in table["networks"]] == [
        ("alexnet", 1), ("zfnet", 0), ("zfnet", 1), ("zfnet-wide", 0), ("zfnet-wide", 1)]  # fmt: skip
    assert (table["k"], table["val_images"], table["train_images"]) == (2, COUNT, COUNT)
    drawn = np.random.default_rng(0).permutation(COUNT + 7)[:COUNT]  # as many training images as validation images
    for one in table["networks"]:
        name = f"table3/{one['row']}-{one['seed']}"
        found = guesses(name, "val", 4, 4)
        assert one["val_top1"] == pytest.approx(error(found, "val"))
        assert one["val_topk"] == pytest.approx(error(found, "val", 2))
        assert one["train_top1"] == pytest.approx(error(guesses(name, "train", 4, 4), "train", rows=drawn))
        assert np.mean(one["of_class"]) == pytest.approx(one["val_top1"])  # classes are of one size
        assert one["parameters"] == sum(p.numel() for p in net_of(name).parameters())


def test_a_difference_is_paired_by_seed(networks):
    table = table3("tiny")
    by = {(one["row"], one["seed"]): one["val_top1"] for one in table["networks"]}
    wide = table["differences"]["zfnet-wide"]
    assert wide["pairs"] == pytest.approx([by["zfnet-wide", s] - by["zfnet", s] for s in (0, 1)])
    assert wide["top1"] == pytest.approx(np.mean(wide["pairs"]))
    assert wide["images"][0] <= wide["top1"] <= wide["images"][1]
    assert wide["images"][1] - wide["images"][0] > 1
    assert table["differences"]["alexnet-no-7"] is None
    assert table["bases"]["pairs"] == pytest.approx([by["alexnet", 1] - by["zfnet", 1]])
    assert set(table["differences"]) == set(ablation.TABLE3) - {"alexnet", "zfnet"}


def test_fewer_images_are_the_same_for_all_networks_and_named(networks):
    table = table3("tiny", most=10)
    assert (table["val_images"], table["train_images"]) == (10, 10)
    again = table3("tiny", most=10)
    assert again["networks"] == table["networks"]
    assert table3("tiny", most=10, seed=1)["networks"] != table["networks"]  # other images
    first, other = (table2_views("tiny", most=10, seed=seed)[1] for seed in (0, 1))
    assert first.tolist() != other.tolist()


def test_table2_averages_probabilities_over_networks_and_views(networks):
    table = table2(*table2_views("tiny"))
    rows = table["rows"]
    assert rows["average"]["members"] == [f"zfnet-{s}" for s in (0, 1, 4)]
    assert rows["all"]["members"] == [*rows["average"]["members"], "zfnet-wide-0"]
    alone = [guesses(f"table3/{name}", "val", 4, 4) for name in rows["all"]["members"]]
    assert rows["one"]["one crop"]["top1"] == pytest.approx(np.mean([error(one, "val") for one in alone[:3]]))
    assert rows["all"]["one crop"]["top1"] == pytest.approx(error(sum(alone) / 4, "val"))
    assert rows["all"]["one crop"]["topk"] == pytest.approx(error(sum(alone) / 4, "val", 2))
    gain = np.mean([error(one, "val") for one in alone]) - error(sum(alone) / 4, "val")
    assert rows["all"]["one crop"]["gain"] == pytest.approx(gain)
    assert "gain" not in rows["wide"]["ten crops"]
    corners = [guesses("table3/alexnet-1", "val", top, left) for top, left in ((0, 0), (0, 9), (9, 0), (9, 9), (4, 4))]
    mirrored = World("m", "abc", 64, None, mean=DATA.mean).ten_crop(torch.from_numpy(SETS["val"].frames.copy()))[:, 5:]
    with torch.no_grad():
        corners += [net_of("table3/alexnet-1")(mirrored[:, view]).softmax(1).numpy() for view in range(5)]
    assert rows["replication"]["ten crops"]["top1"] == pytest.approx(error(np.mean(corners, axis=0), "val"))


def test_a_record_reads_back_as_it_was_measured(networks, capsys):
    command.main(["--world", "tiny", "--table", "3", "--images", "12"])
    assert capsys.readouterr().out == "runs/data/results/table3.json\n"
    card = records.read_record("tiny", 3)
    assert card["networks"] == table3("tiny", most=12)["networks"]
    assert card["command"] == "python -m zfhelpers.results --world tiny --table 3 --seed 0 --images 12"
    agreed = {"epochs": 3, "batch": None, "rate": None, "weight_decay": None, "precision": None}
    assert card["training"] == agreed | {"networks": 6, "minutes": 14}
    assert {"seconds", "measured", "versions", "seed"} <= set(card)


def test_a_record_is_shipped_as_it_is_and_comes_before_a_later_one(networks, capsys):
    made = measure.write_record("tiny", 3, images=12).read_bytes()
    command.main(["--world", "tiny", "--ship"])
    assert capsys.readouterr().out == "data/results/data/table3.json\n"
    assert records.record_files("tiny", 3)[0].read_bytes() == made
    measure.write_record("tiny", 3, images=10)
    assert records.read_record("tiny", 3)["val_images"] == 12


def test_a_record_that_cannot_be_written_leaves_the_old_one(networks, monkeypatch):
    path = measure.write_record("tiny", 2)
    before = path.read_text()

    def full(source, target):
        raise OSError(28, "No space left on device")

    monkeypatch.setattr("zfhelpers.files.os.replace", full)
    with pytest.raises(OSError, match="could not be written"):
        measure.write_record("tiny", 2, seed=5)
    assert path.read_text() == before
    assert [one.name for one in path.parent.iterdir()] == ["table2.json"]


def test_tables_without_their_images_are_left_out_and_the_others_recorded(networks, monkeypatch, capsys):
    def missing(world, folds):
        raise FileNotFoundError("caltech101 is not here.")

    for table in (4, 7):
        monkeypatch.setitem(measure.TABLES, table, missing)
    command.main(["--world", "tiny"])
    assert capsys.readouterr().out.splitlines() == [
        *(f"runs/data/results/table{table}.json" for table in (2, 3)),
        *(f"Table {table} is left out: caltech101 is not here." for table in (4, 7)),
    ]
    with pytest.raises(SystemExit):
        command.main(["--world", "tiny", "--table", "4"])


def test_a_missing_or_foreign_record_is_one_sentence(networks):
    with pytest.raises(FileNotFoundError, match=r"'python -m zfhelpers\.results --world tiny --table 3' makes one\.$"):
        records.read_record("tiny", 3)
    path = records.record_files("tiny", 3)[0]
    path.parent.mkdir(parents=True)
    for text in ("{", "[]", json.dumps({"table": 2}), json.dumps({"table": 3, "k": 2, "networks": []})):
        path.write_text(text)
        with pytest.raises(ValueError, match=r"is not the record of table 3, or an old one: .*--table 3' makes it anew"):
            records.read_record("tiny", 3)


def test_a_notebook_says_where_a_record_comes_from_or_that_there_is_none(networks, capsys):
    assert records.say_record("tiny", 3) is None
    measure.write_record("tiny", 3, images=12)
    assert records.say_record("tiny", 3)["val_images"] == 12
    none, made = capsys.readouterr().out.splitlines()
    assert none.endswith("'python -m zfhelpers.results --world tiny --table 3' makes one.")
    assert made == "Table 3 is on record, made by: python -m zfhelpers.results --world tiny --table 3 --seed 0 --images 12"


def test_no_networks_are_one_sentence(tmp_path, monkeypatch, capsys):
    monkeypatch.setattr(zfhelpers.networks.trained, "network_dirs", lambda world: [tmp_path])
    with pytest.raises(SystemExit) as stopped:
        command.main(["--world", "tiny", "--table", "2"])
    assert stopped.value.code == 2
    assert capsys.readouterr().err.endswith("No network of Table 2 for the world 'tiny' lies here; "
                                            "'make train WORLD=tiny' trains them.\n")  # fmt: skip
