"""The baseline sees its own fold's training images and nothing else; its networks are tested on that fold's test images."""

from types import SimpleNamespace

import numpy as np
import pytest
import torch

from zfhelpers.networks import catalogue, schedule
from zfhelpers.networks.catalogue import listed, network_name
from zfhelpers.networks.trained import trained_folds
from zfhelpers.results import transfer
from zfhelpers.results.transfer import scratch_probe
from zfhelpers.worlds.divisions import split
from zfhelpers.worlds.few import PER_EPOCH, TEST, few_images, pool
from zfhelpers.worlds.targets import Target
from zfhelpers.worlds.world import ImageSet, World


@pytest.fixture(scope="module")
def target():
    """Every frame has its own number as its grey value; 90 images of each of 2 classes, of which 80 count."""
    frames = np.broadcast_to(np.arange(180, dtype=np.uint8)[:, None, None, None], (180, 3, 9, 9))
    return Target("numbers", ("odd", "even"), ImageSet(frames, np.arange(180) % 2, 8))


WORLD = World("small", ("a", "b"), 8, None)


def numbers(images):
    return images.frames[:, 0, 0, 0]


@pytest.mark.parametrize(("per_class", "fold"), [(15, 0), (30, 2)])
def test_trains_on_the_training_images_of_the_fold_and_never_on_a_test_image(target, per_class, fold):
    few, drawn = few_images(target, WORLD, per_class, fold), pool(target)
    train, test = split(drawn.labels, per_class, TEST, fold)
    assert len(drawn) == 160
    assert sorted(numbers(few.val)) == sorted(numbers(drawn)[train])
    assert set(numbers(few.train)) == set(numbers(few.val))
    assert not {*numbers(few.train)} & {*numbers(drawn)[test]}
    assert np.array_equal(few.train.labels, numbers(few.train) % 2)
    assert few.classes == target.classes


def test_an_epoch_is_long_enough_and_every_image_comes_equally_often(target):
    few = few_images(target, WORLD, 15, 0)
    assert PER_EPOCH <= len(few.train) < PER_EPOCH + len(few.val)
    assert set(np.unique(numbers(few.train), return_counts=True)[1]) == {len(few.train) // len(few.val)}


def test_the_mean_image_is_that_of_the_few(target):
    few = few_images(target, WORLD, 15, 0)
    assert few.mean.numpy() == pytest.approx(np.full((3, 8, 8), numbers(few.val).mean()))


def test_networks_are_tested_on_their_own_fold(target, monkeypatch):
    """The network of a fold is right about the even numbers only below a limit that tells the folds apart."""
    loaded = []

    def load(world, name):
        loaded.append(name)
        limit = 90 if name.endswith("0") else 0
        own = few_images(target, WORLD, 30, int(name[-1]))

        class Half(torch.nn.Module):
            def forward(self, images):
                value = (images + own.mean)[:, 0, 0, 0].round()
                said = torch.where(value >= limit, value % 2, 0).long()
                return 9.0 * torch.nn.functional.one_hot(said, 2)

        return Half().eval(), own

    monkeypatch.setattr(transfer, "load", load)
    monkeypatch.setattr(transfer, "trained_folds", lambda *_: [0, 1])
    probe = scratch_probe("small", target, 30, [0, 1])
    assert loaded == [network_name("numbers", 30, fold) for fold in (0, 1)]
    drawn = pool(target)
    truth, number = (values[split(drawn.labels, 30, TEST, 0)[1]] for values in (drawn.labels, numbers(drawn)))
    right = (number >= 90) | (truth == 0)
    assert probe.accuracies == pytest.approx([(right[truth == 0].mean() + right[truth == 1].mean()) / 2, 1])
    assert probe.confusion.sum() == 200
    assert probe.confusion[1, 0] == (~right).sum()


def test_says_which_command_trains_a_network_that_is_not_there(target):
    assert trained_folds("small", "numbers", 30, [0, 1]) == []
    with pytest.raises(FileNotFoundError, match=r"--world small --only scratch/numbers-30-0 scratch/numbers-30-1'"):
        scratch_probe("small", target, 30, [0, 1])
    with pytest.raises(ValueError, match="one random draw or more"):
        scratch_probe("small", target, 30, [])


def test_too_few_images_are_named(target):
    with pytest.raises(ValueError, match="Class 0 has 80 images; 80 to train on and 1 to test on are asked for"):
        few_images(target, WORLD, 80, 0)


def test_networks_from_scratch_that_are_the_same_elsewhere_are_taken_over_from_that_record(target, monkeypatch):
    for world, other in catalogue.SAME_SCRATCH.items():
        mine, theirs = (
            {name: entry for name, entry in listed(each).items() if name.startswith("scratch/")} for each in (world, other)
        )
        assert mine.items() <= theirs.items()  # the same few images, the same recipe
    net = torch.nn.Identity()
    monkeypatch.setattr(transfer, "load", lambda *_: (net, WORLD))
    monkeypatch.setattr(transfer, "default_target", lambda _: "numbers")
    monkeypatch.setattr(transfer, "open_target", lambda *_: target)
    monkeypatch.setattr(transfer, "paper_layers", lambda _: ["layer7"])
    monkeypatch.setattr(transfer, "features", lambda *_: {"layer7": np.random.default_rng(0).normal(size=(160, 4))})
    card = transfer.table4("tinyimagenet", folds=2)
    known = transfer.read_record("imagenette", 4)
    assert card["scratch_world"] == "imagenette"
    assert card["rows"]["from scratch"] == known["rows"]["from scratch"]
    assert card["scratch_folds"] == known["scratch_folds"]
    assert len(card["rows"]["pretrained"]["30"]["each"]) == 2
    assert "scratch_world" not in transfer.table4("small", folds=1)


@pytest.mark.parametrize(
    ("world", "target", "counts"), [("toy", "toy-novel", [5, 15, 30]), ("imagenette", "caltech101", [15, 30])]
)
def test_networks_from_scratch_are_on_the_list_and_are_trained_on_their_few_images(world, target, counts, tmp_path, monkeypatch):
    given = {name: entry for name, entry in listed(world).items() if name.startswith("scratch/")}
    assert list(given) == [network_name(target, count, fold) for fold in range(5) for count in counts]
    assert all(name == network_name(*entry.few) for name, entry in given.items())
    told = []

    def train(world, recipe, out, *, name, **more):
        told.append((world, name, recipe.batch))
        (out / f"{name}.json").parent.mkdir(exist_ok=True)
        (out / f"{name}.json").touch()

    monkeypatch.setattr(schedule, "train", train)
    monkeypatch.setattr(schedule, "minutes", lambda *_: 5)
    monkeypatch.setattr(schedule, "open_target", lambda name, world: f"{name} of {world.name}")
    monkeypatch.setattr(schedule, "few_images", lambda *asked: asked)
    few = network_name(target, 15, 0)
    own = SimpleNamespace(name="a world", train=range(100))
    schedule.train_all(own, tmp_path, {"zfnet": listed(world)["zfnet"], few: given[few]})
    assert told == [(own, "zfnet", 128), ((f"{target} of a world", own, 15, 0), few, 32)]
