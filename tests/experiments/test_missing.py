"""What parts are worth: redrawn images, slow re-implementations of every check, noise at chance and the truth at 1."""

import numpy as np
import pytest
import torch
from scipy import stats
from torch import nn

import zfhelpers as zf
from zfhelpers import toyworld
from zfhelpers.experiments import missing
from zfhelpers.experiments.missing import Parted, Redrawer, important, rank_correlation, target_sensitivity
from zfhelpers.experiments.trial import Trial, pairs, target_sensitivities

RNG = np.random.default_rng(0)


@pytest.fixture(scope="module")
def trial():
    return Trial.of(*zf.load("toy"), range(40), count=8)


def ranks(values):
    """Mean ranks, by counting."""
    return [sum(b < a for b in values) + (sum(b == a for b in values) + 1) / 2 for a in values]


def by_hand(said, truth):
    """Spearman's: Pearson's correlation of ranks."""
    a, b = (np.array(ranks(each)) - np.mean(ranks(each)) for each in (said, truth))
    return (a * b).sum() / np.sqrt((a**2).sum() * (b**2).sum())


def drops_by_hand(trial, place):
    """Each part taken away by itself, one image and one forward pass at a time."""
    world, image, output = trial.ask.world, trial.images[place], trial.outputs[place]
    scene, logits = toyworld.scene("val", image.index), []
    for without in ((), *((part,) for part in image.parts)):
        frame = torch.from_numpy(toyworld.draw(scene, without=without).image).permute(2, 0, 1)
        with torch.no_grad():
            logits.append(float(trial.ask.module(world.preprocess(frame[None, :, 9:137, 9:137]))[0, output]))
    return [logits[0] - each for each in logits[1:]]


def test_the_trial_has_images_that_are_answered_rightly_and_their_true_drops(trial):
    world = trial.ask.world
    assert len(trial.images) == 8
    for place, (image, output) in enumerate(zip(trial.images, trial.outputs, strict=True)):
        assert world.val.labels[image.index] == output == trial.ask.logits(image.index, [()])[0].argmax()
        assert len(image.parts) >= 4
        assert all(image.masks[name].sum() >= missing.LEAST for name in image.parts + image.surroundings)
        np.testing.assert_array_equal(image.object, world.parts("val", image.index).mask)
        if place < 3:
            np.testing.assert_allclose(trial.truths[place], drops_by_hand(trial, place), atol=1e-3)
    torch.testing.assert_close(missing.redrawn(world, 5), world.val[5][0])  # without nothing it is the image


def test_rank_correlation_is_that_of_the_hand():
    for _ in range(20):
        said, truth = RNG.integers(0, 5, 7), RNG.normal(size=7)
        if len(set(said.tolist())) > 1:
            assert rank_correlation(said, truth) == pytest.approx(by_hand(said, truth))
    assert rank_correlation([1, 1, 1], [1, 2, 3]) == 0
    assert rank_correlation([1, 2, 3], [2, 2, 2]) == 0


def test_the_truth_scores_one_and_noise_at_chance():
    """On made-up images of parts of one size: where sizes differ, large parts get more of a noise and are worth more."""
    masks = {f"part {k}": np.zeros((8, 8), bool) for k in range(8)}
    for k, mask in enumerate(masks.values()):
        mask[k] = True
    image = Parted(0, tuple(masks), (), masks, np.ones((8, 8), bool))
    found = {"noise": [], "truth": []}
    for _ in range(400):
        truth = RNG.normal(size=8)
        found["noise"].append(rank_correlation(image.sums(RNG.random((8, 8))), truth))
        found["truth"].append(rank_correlation(image.sums(missing.drops_as_map(image, truth)), truth))
    assert min(found["truth"]) == pytest.approx(1)
    assert abs(np.mean(found["noise"])) < 0.06


def test_the_truth_scores_one_on_images_too_and_means_take_size_out(trial):
    maps = trial.controls(seed=0)
    scores = {name: trial.score(each) for name, each in maps.items()}
    np.testing.assert_allclose(scores["truth"]["rank correlation"], 1)
    assert abs(scores["size alone"]["rank correlation of means"]).max() < 1e-9
    sizes = [rank_correlation([image.masks[p].sum() for p in image.parts], truth)
             for image, truth in zip(trial.images, trial.truths, strict=True)]  # fmt: skip
    np.testing.assert_allclose(scores["size alone"]["rank correlation"], sizes)


def test_what_is_important_is_what_is_at_least_the_mean():
    assert important([4, 2, 0, -9]).tolist() == [True, True, False, False]  # the mean of 4, 2, 0, 0 is 1.5
    assert important([1, 1, 1]).all()
    assert not important([-1, -2, 0]).any()


def test_checks_equal_to_slow_loops(trial):
    world, net = trial.ask.world, trial.ask.module
    maps = RNG.random(trial.objects.shape) * RNG.random((len(trial.images), 1, 128))
    found = trial.score(maps)

    def logits(index, without):
        frame = torch.from_numpy(toyworld.draw(toyworld.scene("val", index), without=without).image).permute(2, 0, 1)
        with torch.no_grad():
            return net(world.preprocess(frame[None, :, 9:137, 9:137]))[0]

    for place, (image, output, values) in enumerate(zip(trial.images, trial.outputs, maps, strict=True)):
        said = {name: sum(values[p] for p in zip(*np.nonzero(image.masks[name]), strict=True)) for name in image.masks}
        parts = {name: said[name] for name in image.parts}
        chosen = [name for name in parts if parts[name] >= sum(parts.values()) / len(parts)]
        rest = [name for name in parts if name not in chosen]
        assert found["deletion"][place] == (int(logits(image.index, chosen).argmax()) != output)
        assert found["preservation"][place] == (int(logits(image.index, rest).argmax()) == output)
        whole = float(logits(image.index, ())[output])
        idle = [name for name in said if whole - float(logits(image.index, (name,))[output]) < 0.05 * abs(whole)]
        mean = sum(said.values()) / len(said)
        share = np.mean([said[name] < mean for name in idle]) if idle else np.nan
        np.testing.assert_allclose(found["distractibility"][place], share)
        np.testing.assert_allclose(found["rank correlation"][place], by_hand([*parts.values()], drops_by_hand(trial, place)))


def test_background_independence_counts_the_things_whose_loss_is_not_minded(trial):
    things = sum(len(image.surroundings) for image in trial.images)
    found = trial.background_independence()
    assert len(found) == things > 4
    assert found.mean() > 0.5

    class Background(nn.Module):
        """An answer that hangs on the surroundings alone: the mean over all that is not the object."""

        def forward(self, images):
            return images.mean((1, 2, 3))[:, None] + torch.arange(24) / 1e6

    image = next(each for each in trial.images if "companion" in each.surroundings)
    ask = Redrawer(Background(), trial.ask.world)
    assert np.abs(ask.falls(image.index, 0, image.surroundings)).max() > 0


def test_each_set_of_parts_is_asked_about_once():
    net, world = zf.load("toy")
    asked = []
    net.register_forward_pre_hook(lambda module, given: asked.append(len(given[0])))
    ask = Redrawer(net, world)
    first = ask.logits(2, [(), ("body", "head"), ("head", "body"), ()])
    np.testing.assert_array_equal(first[1], first[2])
    np.testing.assert_array_equal(ask.logits(2, [("head", "body")])[0], first[1])
    assert asked == [2]


def test_target_sensitivity():
    masks = np.zeros((2, 6, 6), bool)
    masks[0, :3], masks[1, 4:] = True, True
    assert target_sensitivity(masks * 2.0, masks) == 1
    assert target_sensitivity(masks[::-1] * 2.0, masks) == 0
    same = RNG.random((6, 6))
    assert target_sensitivity(np.stack([same, 3 * same]), masks) == 0.5  # it does not listen; scale does not count
    assert target_sensitivity(np.zeros((2, 6, 6)), masks) == 0.5
    noise = [target_sensitivity(RNG.random((2, 6, 6)), masks) for _ in range(400)]
    assert np.mean(noise) == pytest.approx(0.5, abs=0.06)


def test_images_of_two_objects_show_both():
    net, world = zf.load("toy")
    found = pairs(world, 4)
    assert found.images.shape == (4, 3, 128, 128)
    assert (found.outputs[:, 0] != found.outputs[:, 1]).all()
    assert found.masks.mean((2, 3)).min() >= 0.03
    assert not found.masks.all(1).any()  # they do not overlap
    sensitive = target_sensitivities(net, world, "gradient", found)
    assert set(sensitive) <= {0, 0.5, 1}


def test_other_worlds_are_refused():
    world = zf.open_world("imagenette")
    with pytest.raises(ValueError, match="'imagenette' cannot be drawn without a part; 'toy' can"):
        missing.parted(world, 0)
    with pytest.raises(ValueError, match="drawn of the classes of 'toy', not of 'imagenette'"):
        pairs(world, 1)


def test_ranks_by_counting_are_scipys():
    values = [3, 1, 1, 5]
    np.testing.assert_array_equal(ranks(values), stats.rankdata(values))
