"""Tables 4 and 7 against scikit-learn on the features themselves, and their records."""

import numpy as np
import pytest
import torch
from scipy.stats import rankdata
from sklearn.svm import SVC
from torch import nn

from zfhelpers import paper
from zfhelpers.experiments.probes import Probe
from zfhelpers.model import Architecture, ZFNet
from zfhelpers.networks.catalogue import Scratch
from zfhelpers.networks.named import Named
from zfhelpers.paper import measurements
from zfhelpers.results import __main__ as command
from zfhelpers.results import layer_by_layer, measure, records, transfer
from zfhelpers.worlds.divisions import split
from zfhelpers.worlds.targets import Target
from zfhelpers.worlds.world import ImageSet, World

CLASSES, EACH = 3, 35


@pytest.fixture
def small(tmp_path, monkeypatch):
    """An untrained network and three classes of noise, each brighter in a place of its own."""
    monkeypatch.setenv("ZF_CACHE", str(tmp_path / "cache"))
    for module in (records, measure, command):
        monkeypatch.setattr(module, "project_dir", lambda: tmp_path)
    labels = np.arange(CLASSES * EACH) % CLASSES
    frames = np.random.default_rng(0).integers(0, 200, (len(labels), 3, 73, 73), dtype=np.uint8)
    for label in range(CLASSES):
        frames[labels == label, :, 20 * label : 20 * label + 30] += 25
    images = ImageSet(frames, labels, 64)
    world = World("tiny", "xy", 64, lambda _, split: images, mean=torch.full((3, 64, 64), 100.0))
    torch.manual_seed(1)
    net = ZFNet(Architecture(classes=2, image_size=64, width=0.25, fc=(16, 16))).eval()
    for module in (layer_by_layer, transfer):
        monkeypatch.setattr(module, "load", lambda name, network="zfnet": (net, world))
        monkeypatch.setattr(module, "open_target", lambda name, world: Target(f"few-{name}", ("a", "b", "c"), images))
    return net, world, images


def test_table7_has_the_papers_rows_and_layer_6(small):
    found = layer_by_layer.table7("tiny", folds=2, per_class=10)
    assert set(found["rows"]) == {"SVM (6)", *paper.table(7).column("Caltech-101 (30 per class)")}
    assert (found["target"], found["classes"], found["per_class"], found["folds"]) == ("few-caltech101", 3, 10, 2)
    assert list(found["untrained"]) == [f"SVM ({n})" for n in range(1, 8)]
    assert any(found["untrained"][name] != found["rows"][name] for name in found["untrained"])  # other weights
    svm = [found["rows"][f"SVM ({n})"]["accuracy"] for n in (1, 2, 3, 4, 5, 7)]
    theirs = [44.8, 66.2, 72.3, 76.6, 86.2, 85.5]
    assert found["spearman"] == pytest.approx(np.corrcoef(rankdata(svm), rankdata(theirs))[0, 1])


def test_an_accuracy_of_table7_is_that_of_an_svm_on_the_features(small):
    net, world, images = small
    row = layer_by_layer.table7("tiny", folds=2, per_class=10)["rows"]["SVM (5)"]
    with torch.no_grad():
        seen = world.preprocess(images.images(range(len(images))))
        for name, module in net.named_children():
            if name == "flatten":
                break
            seen = module(seen)
    seen = seen.flatten(1).half().double().numpy()
    for fold in range(2):
        train, test = split(images.labels, 10, 50, fold)
        spread = ((seen[train] - seen[train].mean(0)) ** 2).sum(1).mean()
        machine = SVC(kernel="linear", C=row["costs"][fold] / spread).fit(seen[train], images.labels[train])
        right = machine.predict(seen[test]) == images.labels[test]
        mean = np.mean([right[images.labels[test] == label].mean() for label in range(CLASSES)])
        assert row["each"][fold] == pytest.approx(100 * mean, abs=1.5)  # one image of 75
    assert row["accuracy"] == pytest.approx(np.mean(row["each"]))
    assert row["std"] == pytest.approx(np.std(row["each"], ddof=1))


def test_table4_has_the_networks_from_scratch_that_are_there(small, monkeypatch):
    asked = []

    def scratch(world, target, count, folds):
        asked.append((world, target.name, count, list(folds)))
        return Probe("from scratch", count, (0.5,), ())

    monkeypatch.setattr(transfer, "trained_folds", lambda world, target, count, folds: [1] if count == 15 else [])
    monkeypatch.setattr(transfer, "scratch_probe", scratch)
    found = transfer.table4("tiny", folds=2)
    rows = found["rows"]
    assert found["scratch_folds"] == {"15": [1]}
    assert asked == [("tiny", "few-caltech101", 15, [1])]
    assert rows["from scratch"] == {"15": {"accuracy": 50.0, "each": [50.0], "costs": []}}  # one division has no deviation
    assert {count: len(row["each"]) for count, row in rows["pretrained"].items()} == {"15": 2, "30": 2}


def test_without_a_table_only_what_is_missing_is_recorded(small, tmp_path, monkeypatch, capsys):
    calls = []
    for table in measure.TABLES:
        monkeypatch.setitem(measure.TABLES, table, lambda world, table=table, **given: calls.append((table, given)) or {})
    monkeypatch.setattr(measure, "trained", lambda world: {})
    monkeypatch.setattr(measure, "_budget", lambda world, names: {})
    monkeypatch.setattr(records, "KEYS", {table: set() for table in measure.TABLES})
    measure.write_record("tiny", 3, images=7)
    command.main(["--world", "tiny"])
    assert calls == [(3, {"seed": 0, "images": 7}), (2, {"seed": 0, "images": 4000}), (4, {"folds": 5}), (7, {"folds": 5})]
    assert records.read_record("tiny", 7)["command"] == "python -m zfhelpers.results --world tiny --table 7 --folds 5"
    command.main(["--world", "tiny", "--table", "4", "--folds", "1"])
    assert calls[-1] == (4, {"folds": 1})


@pytest.mark.parametrize(
    ("words", "sentence"),
    [
        (["--folds", "2"], "--folds belongs to a table; name it with --table."),
        (["--table", "3", "--folds", "2"], "Table 3 has seed and images to set, not folds."),
    ],
)
def test_a_setting_that_does_not_fit_is_one_sentence(words, sentence, capsys):
    with pytest.raises(SystemExit) as stopped:
        command.main(words)
    assert stopped.value.code == 2
    assert capsys.readouterr().err.endswith(f"{sentence}\n")


def test_the_features_of_another_network_have_records_of_their_own(small, monkeypatch):
    """A network without layers 6 and 7 has five rows, and none from scratch; its deepest layer stands in for the seventh."""
    _, world, _ = small
    torch.manual_seed(2)
    convs = [nn.Conv2d(3 if number == 0 else 6, 6, 3, padding=1, stride=2 if number < 3 else 1) for number in range(5)]
    plain = nn.Sequential(
        *(part for conv in convs for part in (conv, nn.ReLU())), nn.AdaptiveAvgPool2d(1), nn.Flatten(), nn.Linear(6, 2)
    )
    net = Named(plain, 64).eval()
    for module in (layer_by_layer, transfer):
        monkeypatch.setattr(module, "load", lambda name, network: {"mine": (net, world)}[network])
    monkeypatch.setattr(transfer, "scratch_of", lambda name: Scratch("few-tiny", (5, 10), (0, 1), 3))
    monkeypatch.setitem(measure.DEFAULTS, 4, {"folds": 2})
    monkeypatch.setitem(measure.DEFAULTS, 7, {"folds": 2})
    command.main(["--world", "tiny", "--network", "mine"])
    fourth, seventh = (records.read_record("tiny", table, "mine") for table in (4, 7))
    assert fourth["command"] == "python -m zfhelpers.results --world tiny --network mine --table 4 --folds 2"
    assert (fourth["network"], fourth["layer"], fourth["rows"]["from scratch"]) == ("mine", "layer5", {})
    assert list(seventh["rows"]) == ["SVM (1)", "SVM (2)", "SVM (3)", "SVM (4)", "SVM (5)", "Softmax (5)"]
    assert list(seventh["untrained"]) == [f"SVM ({n})" for n in range(1, 6)]
    assert "tiny--mine" in str(records.record_files("tiny", 7, "mine")[0])
    with pytest.raises(FileNotFoundError, match=r"'python -m zfhelpers\.results --world tiny --table 7' makes one\.$"):
        records.read_record("tiny", 7)
    with pytest.raises(FileNotFoundError, match=r"--world tiny --network other --table 4' makes one\.$"):
        records.read_record("tiny", 4, "other")


def test_tables_of_training_have_no_place_for_another_network(capsys):
    with pytest.raises(SystemExit):
        command.main(["--world", "toy", "--table", "3", "--network", "torchvision:alexnet"])
    assert "Table 3 is about networks that are trained here; torchvision:alexnet has a place in Tables 4 and 7 alone." in (
        capsys.readouterr().err
    )


def test_a_table_has_the_papers_numbers_and_those_of_random_weights(small):
    run = measurements.begin("a_lesson", "toy")
    probe, blank = Probe("svm", 30, (0.4, 0.42), (1.0, 1.0)), Probe("svm", 30, (0.2, 0.22), (1.0, 1.0))
    shown = layer_by_layer.beside_the_paper({"layer5": probe}, {"layer5": probe}, {"layer5": blank}, 50)
    assert str(shown).splitlines()[2:] == ["SVM (5)      86.2", "Softmax (5)  82.9"]
    assert "21.0" in shown._repr_html_()
    assert [each.name for each in run.measurements] == ["SVM on layer5", "untrained, SVM on layer5", "softmax on layer5"]
    assert run.measurements[0].paper == 86.2
    record = layer_by_layer.table7("tiny", folds=2, per_class=10)
    assert len(str(layer_by_layer.recorded(record)).splitlines()) == 2 + len(record["rows"])


@pytest.mark.parametrize(
    ("accuracies", "holds", "words"),
    [
        ([[0.1, 0.1], [0.2, 0.201], [0.3, 0.301]], True, "every step rises"),
        ([[0.1, 0.1], [0.2, 0.201], [0.15, 0.151]], False, "falls from layer4 to layer5 by 5"),
        ([[0.1, 0.2], [0.2, 0.1], [0.3, 0.3]], None, "no step falls"),
        ([[0.1], [0.2], [0.3]], None, "one division"),
    ],
)
def test_whether_every_layer_knows_more_is_decided_by_intervals(accuracies, holds, words):
    each = dict(zip(("layer3", "layer4", "layer5"), accuracies, strict=True))
    found, why = layer_by_layer.steadily(each, test=5, train=50)
    assert found is holds
    assert words in why


def test_a_machine_that_saw_the_test_images_knows_shuffled_labels():
    rng = np.random.default_rng(0)
    points = rng.normal(size=(60, 200))
    assert layer_by_layer.leaked(points @ points.T / 200, rng.integers(3, size=60), 5, 5, fold=0) == 100
