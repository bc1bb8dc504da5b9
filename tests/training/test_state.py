"""What a run keeps on disk, and what its clock and its sums say."""

import pytest
import torch

from zfhelpers.model import Architecture, ZFNet
from zfhelpers.training import state
from zfhelpers.training.state import Keeper, Progress, restore

SMALL = Architecture(classes=2, image_size=64, width=0.05, fc=(4,))


@pytest.fixture
def net():
    torch.manual_seed(0)
    return ZFNet(SMALL).to(memory_format=torch.channels_last)


def stepped(net):
    """An optimizer that has momentum, after two steps."""
    optimizer = torch.optim.SGD(net.parameters(), lr=0.1, momentum=0.9)
    for _ in range(2):
        optimizer.zero_grad()
        net(torch.randn(3, 3, 64, 64)).square().sum().backward()
        optimizer.step()
    return optimizer


@pytest.fixture
def clock(monkeypatch):
    """Seconds that pass only when they are told to."""
    now = [1000.0]
    monkeypatch.setattr(state.time, "monotonic", lambda: now[0])
    return now


def test_what_was_kept_comes_back_bit_for_bit_and_in_its_memory_format(net, tmp_path):
    optimizer, progress = stepped(net), Progress(step=2, rate=0.1, history=[{"epoch": 1}])
    Keeper(tmp_path / "state", {"seed": 1}, net, optimizer, progress, every=10).save()
    torch.manual_seed(9)
    other = ZFNet(SMALL).to(memory_format=torch.channels_last)
    fresh = torch.optim.SGD(other.parameters(), lr=0.1, momentum=0.9)
    assert restore(tmp_path / "state", {"seed": 1}, other, fresh) == progress
    for mine, theirs in zip(other.parameters(), net.parameters(), strict=True):
        assert torch.equal(mine, theirs)
        momentum = fresh.state[mine]["momentum_buffer"]
        assert torch.equal(momentum, optimizer.state[theirs]["momentum_buffer"])
        assert momentum.stride() == mine.stride()


def test_another_run_and_a_damaged_file_are_refused(net, tmp_path):
    path, optimizer = tmp_path / "state", stepped(net)
    Keeper(path, {"seed": 1, "latest": (0.5, 0.75)}, net, optimizer, Progress(), every=10).save()
    restore(path, {"seed": 1, "latest": (0.5, 0.75)}, net, optimizer)
    with pytest.raises(
        ValueError, match=r"belongs to another run: it differs in seed \(1 there, 2 here\), rate \(None there, 3 here\); "
    ):
        restore(path, {"seed": 2, "latest": (0.5, 0.75), "rate": 3}, net, optimizer)
    path.write_bytes(path.read_bytes()[:-9])
    with pytest.raises(ValueError, match="is damaged, or no safetensors file"):
        restore(path, {}, net, optimizer)


def test_the_clock_goes_on_over_sessions_and_states_are_saved_when_due(net, tmp_path, clock):
    progress = Progress(seconds=50.0)
    keeper = Keeper(tmp_path / "state", {}, net, stepped(net), progress, every=10)
    clock[0] += 10
    keeper.save_if_due()
    assert not (tmp_path / "state").exists()
    clock[0] += 1
    keeper.save_if_due()
    assert (tmp_path / "state").exists()
    assert progress.seconds == keeper.seconds() == 61
    (tmp_path / "state").unlink()
    clock[0] += 10
    keeper.save_if_due()
    assert not (tmp_path / "state").exists()


def test_a_process_that_does_not_write_keeps_the_time(net, tmp_path, clock):
    progress = Progress()
    keeper = Keeper(None, {}, net, stepped(net), progress, every=10)
    clock[0] += 7
    keeper.save()
    assert progress.seconds == 7
    assert not list(tmp_path.iterdir())


def test_a_row_of_metrics_is_the_mean_over_the_epoch_and_the_next_begins_at_zero():
    progress = Progress(rate=0.5)
    for loss, missed, clipped in ((6.0, 2, 0), (3.0, 1, 4)):
        progress.add_step(loss, missed, clipped)
    progress.end_epoch(images=6, steps=2, val_loss=0.25, val_error=0.125, seconds=1.26)
    assert progress.history == [
        {"epoch": 1, "rate": 0.5, "train_loss": 1.5, "train_error": 0.5, "val_loss": 0.25, "val_error": 0.125,
         "clipped": 2.0, "seconds": 1.3}]  # fmt: skip
    progress.add_step(4.0, 0, 0)
    progress.end_epoch(images=2, steps=1, val_loss=0.0, val_error=0.0, seconds=2.0)
    assert progress.step == 3
    assert [(row["epoch"], row["train_loss"], row["train_error"]) for row in progress.history] == [(1, 1.5, 0.5), (2, 2.0, 0.0)]
