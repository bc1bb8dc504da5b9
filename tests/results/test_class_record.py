"""The record of the curve, with networks of a few steps: what is measured, what is kept, and what is said to be missing."""

import json
from dataclasses import replace

import numpy as np
import pytest
import torch
from sklearn.metrics import balanced_accuracy_score
from sklearn.svm import SVC

import zfhelpers.networks.checkpoints
import zfhelpers.networks.trained
from zfhelpers.experiments.features import tap
from zfhelpers.model import Architecture, ZFNet
from zfhelpers.networks import schedule
from zfhelpers.networks.catalogue import Entry
from zfhelpers.networks.checkpoints import load
from zfhelpers.results import __main__ as command
from zfhelpers.results import class_record, measure, records
from zfhelpers.training.recipe import Recipe
from zfhelpers.worlds.divisions import split
from zfhelpers.worlds.selections import Selection
from zfhelpers.worlds.targets import Target
from zfhelpers.worlds.world import ImageSet, World

RECIPE = Recipe(width=0.125, fc=8, epochs=2, batch=8, kept=(), patience=1.0)
ENTRIES = {
    "zfnet": Entry(RECIPE),
    **{
        f"classes/{n}-{d}": Entry(replace(RECIPE, seed=d), some=Selection("tinyimagenet", n, d, 5, epoch=24))
        for n in (2, 3)
        for d in (0, 1)
    },
    "controls/without-caltech101-0": Entry(RECIPE, some=Selection("tinyimagenet", without=("c",), per_class=5, epoch=24)),
}
TRAINED = ["classes/2-0", "classes/3-0", "controls/without-caltech101-0"]
SCRATCH = {"15": {"each": [20.0, 21.0, 22.0]}, "30": {"each": [30.0, 31.0, 32.0]}}


def noise(seed, classes, each, size=64, frame=73):
    """Frames of noise, each class brighter in a place of its own."""
    labels = np.arange(classes * each) % classes
    frames = np.random.default_rng(seed).integers(0, 200, (len(labels), 3, frame, frame), dtype=np.uint8)
    for label in range(classes):
        frames[labels == label, :, 15 * label : 15 * label + 20] += 40
    return ImageSet(frames, labels, size)


@pytest.fixture(scope="module")
def trained(tmp_path_factory):
    """A folder of runs with three networks of the curve, three steps each."""
    runs = tmp_path_factory.mktemp("runs")
    sets = {"train": noise(0, 3, 6), "val": noise(1, 3, 2)}
    world = World("tinyimagenet", "abc", 64, lambda _, which: sets[which])
    schedule.train_all(world, runs, {name: ENTRIES[name] for name in TRAINED}, precision="no")
    return runs


@pytest.fixture
def place(trained, tmp_path, monkeypatch):
    """Those networks where the record looks for them, a target of three classes, and no network from elsewhere."""
    runs = tmp_path / "runs" / "tinyimagenet"
    for file in trained.rglob("*.*"):
        copy = runs / file.relative_to(trained)
        copy.parent.mkdir(parents=True, exist_ok=True)
        copy.write_bytes(file.read_bytes())
    monkeypatch.setenv("ZF_CACHE", str(tmp_path / "cache"))
    folders = [tmp_path / "data" / "tinyimagenet", runs]
    for module in (class_record, records, zfhelpers.networks.trained, zfhelpers.networks.checkpoints):
        monkeypatch.setattr(module, "network_dirs", lambda world: folders if world == "tinyimagenet" else [tmp_path / world] * 2)
    for module in (records, measure, command):
        monkeypatch.setattr(module, "project_dir", lambda: tmp_path)
    for name, value in {
        "listed": lambda world: ENTRIES,
        "open_target": lambda name, world: Target(name, tuple("uvw"), noise(2, 3, 33)),
        "read_record": lambda world, table: (
            records.read_record(world, table)
            if table == "classes"
            else {"rows": {"from scratch": SCRATCH}, "scratch_folds": {"15": [0, 1, 4], "30": [0, 1, 4]}}
        ),
        "load": lambda world, network="zfnet": loaded(world, network),
    }.items():
        monkeypatch.setattr(class_record, name, value)
    return tmp_path


def loaded(world, network):
    if world == "tinyimagenet":
        return load(world, network)
    if network != "zfnet":
        raise FileNotFoundError("no weights here.")
    torch.manual_seed(9)
    net = ZFNet(Architecture(classes=2, image_size=64, width=0.125, fc=(8, 8))).eval()
    return net, World(world, "xy", 64, None, mean=torch.full((3, 64, 64), 100.0))


def test_the_record_has_every_network_that_is_there_and_names_the_others(place, capsys):
    found = class_record.classes("tinyimagenet", folds=2)
    assert [net["network"] for net in found["networks"]] == [*TRAINED, "untrained"]
    missing = ["classes/2-1", "classes/3-1", "imagenette/zfnet", "tinyimagenet/zfnet", "torchvision:squeezenet1_1"]
    assert found["missing"] == missing
    assert capsys.readouterr().out.splitlines()[-1] == "torchvision:squeezenet1_1 is left out: no weights here."
    first, _, control, blank = found["networks"]
    assert (first["kind"], first["classes"], first["draw"], first["images_a_class"], first["steps"]) == ("classes", 2, 0, 5, 6)
    assert (control["kind"], control["classes"]) == ("controls", 2)
    assert (blank["kind"], blank["classes"]) == ("beside", 0)
    assert found["scratch"] == {"15": [20.0, 21.0], "30": [30.0, 31.0]}  # the divisions that were asked for
    assert (found["target"], found["folds"]) == ("caltech101", 2)
    for net in found["networks"]:
        assert set(net["rows"]) == {"15", "30"}
        assert all(list(rows) == [f"SVM ({n})" for n in range(1, 8)] for rows in net["rows"].values())


def test_an_accuracy_is_that_of_an_svm_on_the_features(place):
    net, world = load("tinyimagenet", "classes/3-0")
    row = class_record._measured(net, world, 2)["rows"]["15"]["SVM (5)"]
    images = noise(2, 3, 33)
    with torch.no_grad():
        seen = world.preprocess(images.images(range(len(images))))
        for name, module in net.named_children():
            seen = module(seen)
            if name == tap(net, "layer5"):
                break
    seen = seen.flatten(1).half().double().numpy()
    for fold in range(2):
        train, test = split(images.labels, 15, 50, fold)
        spread = ((seen[train] - seen[train].mean(0)) ** 2).sum(1).mean()
        machine = SVC(kernel="linear", C=row["costs"][fold] / spread).fit(seen[train], images.labels[train])
        right = balanced_accuracy_score(images.labels[test], machine.predict(seen[test]))
        assert row["each"][fold] == pytest.approx(100 * right, abs=2)  # one image of 54


def test_a_network_is_measured_once_as_long_as_its_weights_are_the_same(place, monkeypatch):
    asked = []
    real = class_record._measured
    monkeypatch.setattr(class_record, "_measured", lambda net, data, folds: asked.append(data.name) or real(net, data, folds))
    first = class_record.classes("tinyimagenet", folds=1)
    assert len(asked) == 4
    assert class_record.classes("tinyimagenet", folds=1) == first
    assert len(asked) == 4
    card = place / "runs" / "tinyimagenet" / "classes" / "2-0.json"
    said = json.loads(card.read_text())
    card.write_text(json.dumps(said | {"files": {name: "other" for name in said["files"]}}))
    with pytest.raises(ValueError, match="is not the file its card describes"):  # so it was opened anew
        class_record.classes("tinyimagenet", folds=1)
    card.write_text(json.dumps(said))
    class_record.classes("tinyimagenet", folds=2)
    assert len(asked) == 8
    assert not list((place / "cache").glob("features-*"))


def test_a_measurement_that_was_stopped_goes_on_with_the_next_network(place, monkeypatch):
    asked = []

    def stopped(net, data, folds):
        asked.append(data.name)
        if len(asked) == 3:
            raise KeyboardInterrupt
        return {"rows": {}, "spearman": {}}

    monkeypatch.setattr(class_record, "_measured", stopped)
    with pytest.raises(KeyboardInterrupt):
        class_record.classes("tinyimagenet")
    class_record.classes("tinyimagenet")
    assert asked == [asked[0], asked[1], asked[2], asked[2], "imagenette"]


def test_the_record_is_written_and_read_back(place):
    path = measure.write_record("tinyimagenet", "classes", folds=1)
    assert path == place / "runs" / "tinyimagenet" / "results" / "classes.json"
    card = records.read_record("tinyimagenet", "classes")
    assert card["command"] == "python -m zfhelpers.results --world tinyimagenet --table classes --folds 1"
    assert len(card["networks"]) == 4
    measure.ship_records("tinyimagenet")
    assert (place / "data" / "results" / "tinyimagenet" / "classes.json").read_bytes() == path.read_bytes()


@pytest.fixture
def shared(place):
    """The record of another machine, and a machine on which one of its networks does not lie."""
    measure.write_record("tinyimagenet", "classes", folds=1)
    measure.ship_records("tinyimagenet")
    runs = place / "runs" / "tinyimagenet"
    for file in [*runs.glob("classes/2-0*"), *(runs / "results").rglob("*.json")]:
        file.unlink()
    return records.read_record("tinyimagenet", "classes")


def test_what_another_machine_measured_stays_on_record(shared):
    found = class_record.classes("tinyimagenet", folds=1)
    assert found["networks"] == shared["networks"]
    assert found["networks"][0]["network"] == "classes/2-0"
    assert found["missing"] == shared["missing"]


@pytest.mark.parametrize(("epochs", "folds"), [(3, 1), (2, 2)])
def test_not_where_it_would_be_trained_or_measured_otherwise(shared, monkeypatch, epochs, folds):
    entries = {name: replace(entry, recipe=replace(entry.recipe, epochs=epochs)) for name, entry in ENTRIES.items()}
    monkeypatch.setattr(class_record, "listed", lambda world: entries)
    found = class_record.classes("tinyimagenet", folds=folds)
    assert [net["network"] for net in found["networks"]] == [*TRAINED[1:], "untrained"]
    assert "classes/2-0" in found["missing"]


def test_a_record_that_cannot_be_read_is_made_anew(shared, place):
    (place / "data" / "results" / "tinyimagenet" / "classes.json").write_text("{")
    assert "classes/2-0" in class_record.classes("tinyimagenet", folds=1)["missing"]


def test_no_network_and_another_world_are_one_sentence(place, monkeypatch):
    with pytest.raises(FileNotFoundError, match=r"the curve is over the classes of tinyimagenet \(--world tinyimagenet\)\.$"):
        class_record.classes("imagenette")
    monkeypatch.setattr(class_record, "lies_here", lambda world, name: False)
    with pytest.raises(FileNotFoundError, match=r"^no network of the curve lies here; 'python -m zfhelpers\.networks --w"):
        class_record.classes("tinyimagenet")


def test_what_is_recorded_where_no_table_is_named():
    assert measure.tables_of("toy") == [2, 3, 4, 7, "open"]
    assert measure.tables_of("imagenette") == [2, 3, 4, 7]
    assert measure.tables_of("tinyimagenet") == [4, 7, "classes"]
    assert measure.tables_of("toy", "torchvision:alexnet") == [4, 7]


def test_a_network_beside_is_known_by_its_world(place, monkeypatch):
    monkeypatch.setattr(class_record, "lies_here", lambda world, name: True)
    card = {
        "files": {"x": "hash"},
        "classes": "ab",
        "metrics": {"val_error": 0.5, "train_error": 0.25},
        "minutes": 1,
        "precision": "no",
    }
    monkeypatch.setattr(class_record, "read_card", lambda world, name: card)
    beside = class_record._beside("tinyimagenet")
    assert list(beside) == ["imagenette/zfnet", "tinyimagenet/zfnet", "torchvision:squeezenet1_1", "untrained"]
    assert beside["tinyimagenet/zfnet"].about["val_error"] == 50.0
    monkeypatch.setattr(class_record, "load", lambda world, network="zfnet": (world, network))
    loads = [judged.load() for name, judged in beside.items() if name != "untrained"]
    assert loads == [("imagenette", "zfnet"), ("tinyimagenet", "zfnet"), ("imagenette", "torchvision:squeezenet1_1")]
