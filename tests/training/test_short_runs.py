"""Short runs against a plain loop written anew, and what each setting must and must not change."""

import math
from dataclasses import replace

import numpy as np
import pytest
import torch
import torch.nn.functional as F

from zfhelpers.model import ZFNet, renormalise_filters, scaled
from zfhelpers.training.short_runs import UNITS, WIDTH, short_run, small_world, smoothed
from zfhelpers.worlds.world import ImageSet, World


def set_of(seed, count=40, side=146):
    frames = np.random.default_rng(seed).integers(0, 256, (count, 3, side // 2, side // 2), dtype=np.uint8)
    return ImageSet(frames.repeat(2, 2).repeat(2, 3), np.arange(count) % 5, 128)


@pytest.fixture(scope="module")
def world():
    large = {"train": set_of(0), "val": set_of(1)}
    return small_world(World("large", "abcde", 128, lambda _, split: large[split]), classes=3, per_class=6)


def test_keeps_evenly_spaced_classes_and_halves_the_pixels(world):
    assert (world.classes, world.image_size, world.frame_size) == (("a", "c", "e"), 64, 73)
    assert (len(world.train), len(world.val)) == (18, 24)
    original = set_of(0)
    kept = [row for label in (0, 2, 4) for row in range(40) if row % 5 == label and row < 30]
    np.testing.assert_array_equal(world.train.frames, original.frames[kept][..., ::2, ::2])
    assert world.train.labels.tolist() == [0] * 6 + [1] * 6 + [2] * 6


def slowly(world, steps, batch, rate, momentum, dropout, drop_after, cap, decay, seed=0):
    """The same run with momentum, weight decay, crops and the cap written out."""
    torch.manual_seed(seed)
    net = ZFNet(scaled("zfnet", 3, 64, WIDTH, UNITS))
    net.dropout6.p = net.dropout7.p = dropout
    speeds = [torch.zeros_like(p) for p in net.parameters()]
    losses = []
    for step in range(steps):
        epoch, place = divmod(step, len(world.train) // batch)
        order = np.random.default_rng([seed, 1, epoch]).permutation(len(world.train))[place * batch :][:batch]
        crops = []
        for row, (top, left, mirror) in zip(order, np.random.default_rng([seed, 2, step]).random((batch, 3)), strict=True):
            top, left = int(top * 10), int(left * 10)
            crop = world.train.frames[row][:, top : top + 64, left : left + 64].astype(np.float32)
            crops.append(crop[:, :, ::-1] if mirror < 0.5 else crop)
        images = torch.from_numpy(np.stack(crops)) - world.mean
        torch.manual_seed(seed * 1_000_003 + step)
        loss = F.cross_entropy(net(images), torch.from_numpy(world.train.labels[order]))
        losses.append(loss.item())
        gradients = torch.autograd.grad(loss, list(net.parameters()))
        here = rate / 10 if drop_after is not None and step >= drop_after else rate
        with torch.no_grad():
            for p, speed, gradient in zip(net.parameters(), speeds, gradients, strict=True):
                speed.mul_(momentum).add_(gradient + decay * p)
                p -= here * speed
            for p in net.parameters():
                if p.ndim == 4:
                    for one in p:
                        one *= min(1.0, cap / float(one.square().mean().sqrt()))
    return losses, max(p.detach().square().mean((1, 2, 3)).sqrt().max().item() for p in net.parameters() if p.ndim == 4)


@pytest.mark.parametrize(
    "given",
    [
        {"rate": 0.1, "momentum": 0.9, "dropout": 0.0, "drop_after": None, "cap": 0.012, "weight_decay": 0.0},
        {"rate": 0.1, "momentum": 0.5, "dropout": 0.0, "drop_after": 3, "cap": math.inf, "weight_decay": 0.5},
    ],
)
def test_is_the_run_written_out(world, given):
    run = short_run(world, 6, batch=6, **given)
    changed = {key: value for key, value in given.items() if key != "weight_decay"}
    slow, largest = slowly(world, 6, 6, **changed, decay=given["weight_decay"])
    np.testing.assert_allclose(run.loss, slow, rtol=1e-4)
    assert run.largest[-1] == pytest.approx(largest, rel=1e-5)
    assert np.ptp(slow) > 1e-3
    assert (run.rescaled > 0) == (given["cap"] < 1)


def test_the_seed_decides_everything(world):
    run, again, other = (short_run(world, 4, batch=8, seed=seed) for seed in (3, 3, 4))
    np.testing.assert_array_equal(run.loss, again.loss)
    assert (run.loss != other.loss).any()


def test_measures_before_the_first_step_and_after_the_last(world):
    run = short_run(world, 5, batch=6, measure_every=2)
    assert run.steps.tolist() == [0, 2, 4, 5]
    torch.manual_seed(0)
    net = ZFNet(scaled("zfnet", 3, 64, WIDTH, UNITS)).eval()
    with torch.no_grad():
        wrong = [net(world.preprocess(image)[None]).argmax().item() != label for image, label in world.val]
    assert run.val_error[0] == pytest.approx(100 * np.mean(wrong))
    filters = [p for p in net.parameters() if p.ndim == 4]
    assert run.largest[0] == pytest.approx(max(p.detach().square().mean((1, 2, 3)).sqrt().max().item() for p in filters))
    assert renormalise_filters(net, float(run.largest[0]) * 0.999) == 1


def test_units_are_dropped_in_steps_and_never_in_measurements(world, monkeypatch):
    seen = set()

    def forward(self, values):
        seen.add((len(values), self.training, self.p))
        return values

    monkeypatch.setattr(torch.nn.Dropout, "forward", forward)
    short_run(world, 2, batch=6, dropout=0.25)
    assert seen == {(6, True, 0.25), (18, False, 0.25), (24, False, 0.25)}


def test_a_cap_that_is_never_reached_changes_nothing(world):
    with_it, without = short_run(world, 4, batch=6), short_run(world, 4, batch=6, cap=math.inf)
    assert with_it.rescaled == 0
    np.testing.assert_array_equal(with_it.loss, without.loss)


def test_nonsense_is_refused_in_a_sentence(world):
    with pytest.raises(ValueError, match="at least 1 step and 64 training images, not 5 and 18"):
        short_run(world, 5)
    with pytest.raises(ValueError, match="at least 2 classes"):
        small_world(world, classes=1)


def test_a_run_leaves_the_number_of_threads_as_it_was(world):
    before = torch.get_num_threads()
    try:
        torch.set_num_threads(2)
        short_run(world, 1, batch=8)
        with pytest.raises(ValueError, match="at least 1 step"):
            short_run(world, 0)
        assert torch.get_num_threads() == 2
    finally:
        torch.set_num_threads(before)


def test_a_smoothed_loss_is_a_mean_of_the_last_steps():
    loss = np.random.default_rng(0).random(30)
    at, mean = smoothed(torch.from_numpy(loss), 7)
    assert at.tolist() == list(range(7, 31))
    np.testing.assert_allclose(mean, [loss[step - 7 : step].mean() for step in at])
    with pytest.raises(ValueError, match="A mean of 20 steps needs as many; there are 5"):
        smoothed(loss[:5])


def test_the_plateau_is_left_where_the_smoothed_loss_is_below_guessing(world):
    run = short_run(world, 2, batch=8)
    assert run.guessing == pytest.approx(math.log(3))
    falls = replace(run, loss=run.guessing * np.repeat([1.0, 0.3], [40, 30]))
    assert falls.leaves_plateau() == 42  # two of twenty steps at 30 % make a mean of 93 %
    assert falls.end() == pytest.approx(run.guessing * (20 + 0.3 * 30) / 50)
    assert replace(run, loss=np.full(33, run.guessing)).leaves_plateau() == 33
