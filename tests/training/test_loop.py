"""The recipe step by step against a plain loop, killed and resumed."""

import json
import shutil
import signal
import subprocess
import sys
import time
from dataclasses import replace

import numpy as np
import pytest
import torch
import torch.nn.functional as F

from zfhelpers.model import ZFNet, renormalise_filters, scaled
from zfhelpers.networks.checkpoints import load
from zfhelpers.training import __main__ as command
from zfhelpers.training import loop, state
from zfhelpers.training.batches import epoch_order
from zfhelpers.training.loop import anneal, train
from zfhelpers.training.recipe import FEW_PHOTOGRAPHS, Recipe
from zfhelpers.training.state import Progress
from zfhelpers.training.weights import read_tensors
from zfhelpers.worlds.opening import WORLDS, open_world


@pytest.fixture
def world(folder, tmp_path, monkeypatch):
    monkeypatch.setenv("ZF_CACHE", str(tmp_path / "cache"))
    return open_world(f"folder:{folder}", image_size=64)


SMALL = Recipe(width=0.05, fc=8, batch=8, epochs=2)


@pytest.mark.parametrize(("rate", "weight_decay"), [(0.01, 5e-4), (0.02, 5e-3)])
def test_equals_a_plain_loop(world, tmp_path, rate, weight_decay):
    """The paper's recipe written out again without accelerate, channels-last or loaders."""
    named = {} if rate == 0.01 else {"rate": rate, "weight_decay": weight_decay}  # the first pair is what goes without saying
    train(world, replace(SMALL, seed=3, **named), tmp_path / "run", precision="no")
    torch.manual_seed(3)
    net = ZFNet(scaled("zfnet", 2, 64, 0.05, 8))
    momentum = {p: torch.zeros_like(p) for p in net.parameters()}
    step = 0
    for epoch in (1, 2):
        order = epoch_order(3, epoch, 40)
        assert sorted(order) == list(range(40))
        for start in range(0, 40, 8):
            indices = order[start : start + 8]
            draws = np.random.default_rng([3, 2, step]).random((8, 3))
            images = []
            for i, (r, c, m) in zip(indices, draws, strict=True):
                frame = torch.from_numpy(np.array(world.train.frames[i])).float()
                top, left = int(r * 10), int(c * 10)
                crop = frame[:, top : top + 64, left : left + 64]
                images.append((torch.flip(crop, [2]) if m < 0.5 else crop) - world.mean)
            torch.manual_seed((3 * 1_000_003 + step) * 1_009)
            loss = F.cross_entropy(net(torch.stack(images)), torch.tensor([int(i >= 20) for i in indices]))
            gradients = torch.autograd.grad(loss, list(net.parameters()))
            with torch.no_grad():
                for p, g in zip(net.parameters(), gradients, strict=True):
                    momentum[p] = 0.9 * momentum[p] + g + weight_decay * p
                    p -= rate * momentum[p]
            renormalise_filters(net)
            step += 1
    state, metadata = read_tensors(tmp_path / "run" / "zfnet.state.safetensors")
    assert json.loads(metadata["progress"])["step"] == 10
    for name, parameter in net.named_parameters():
        torch.testing.assert_close(state[name], parameter.detach(), rtol=1e-4, atol=1e-6)


def test_what_a_run_leaves_behind(world, tmp_path):
    card = train(world, SMALL, tmp_path, precision="no")
    assert sorted(p.name for p in tmp_path.iterdir() if p.name.startswith("zfnet")) == [
        "zfnet-epoch-01.safetensors",
        "zfnet.json",
        "zfnet.metrics.jsonl",
        "zfnet.safetensors",
        "zfnet.state.safetensors",
    ]
    rows = [json.loads(line) for line in (tmp_path / "zfnet.metrics.jsonl").read_text().splitlines()]
    assert [row["epoch"] for row in rows] == [1, 2]
    assert {"train_loss", "train_error", "val_loss", "val_error", "rate", "seconds", "clipped"} <= rows[0].keys()
    assert card == json.loads((tmp_path / "zfnet.json").read_text())
    net, opened = load(world.name, folder=tmp_path)
    torch.testing.assert_close(opened.mean, world.mean, rtol=1e-3, atol=0)
    with torch.no_grad():
        wrong = (net(opened.preprocess(world.val.images(range(12)))).argmax(1).numpy() != world.val.labels).mean()
    assert wrong == pytest.approx(card["metrics"]["val_error"])


def test_the_card_counts_what_the_cap_did(world, tmp_path, monkeypatch):
    done = []
    monkeypatch.setattr(loop, "renormalise_filters", lambda _net: done.append(len(done) % 3) or done[-1])
    card = train(world, SMALL, tmp_path / "some", precision="no")
    assert (card["rescaled"], len(done)) == (sum(done), 10)
    monkeypatch.undo()
    monkeypatch.setenv("ZF_CACHE", str(tmp_path / "cache"))
    card = train(world, SMALL, tmp_path / "capped", precision="no")
    free = train(world, replace(SMALL, renormalise=False), tmp_path / "free", precision="no")
    assert card["rescaled"] == 0  # small weights, ten steps: then the cap may as well not be there
    assert card["files"] == free["files"]  # their hashes: the same weights, bit for bit


def test_a_run_with_a_name_keeps_to_its_own_files(world, tmp_path):
    train(world, replace(SMALL, epochs=1), tmp_path, precision="no")
    first = {p.name: p.read_bytes() for p in tmp_path.glob("zfnet*")}
    card = train(world, replace(SMALL, renormalise=False, kept=(1, 2)), tmp_path, name="uncapped", precision="no")
    assert {p.name: p.read_bytes() for p in tmp_path.glob("zfnet*")} == first
    assert set(card["files"]) == {"uncapped.safetensors", "uncapped-epoch-01.safetensors"}
    assert (card["variant"], card["renormalise"], card["rate"], card["weight_decay"]) == ("zfnet", False, 0.01, 5e-4)
    load(world.name, "uncapped", epoch=2, folder=tmp_path)
    with pytest.raises(ValueError, match="not kept at epoch 3; it was at 1, 2"):
        load(world.name, "uncapped", epoch=3, folder=tmp_path)


def test_it_learns_light_from_dark(world, tmp_path):
    card = train(world, replace(SMALL, epochs=12, width=0.1, fc=32), tmp_path, precision="no")
    assert card["metrics"]["val_error"] == 0


def test_annealing_when_the_error_stalls_and_at_the_latest():
    progress = Progress(rate=0.01)
    rates = []
    for epoch in range(1, 41):
        anneal(progress, Recipe(epochs=40), epoch, error=1 / min(epoch, 10), guessing=1)
        rates.append(progress.rate)
    assert rates[:14] == [0.01] * 14
    assert rates[14:19] == pytest.approx([0.001] * 5)  # no progress since epoch 10, patience 5
    assert rates[-1] == pytest.approx(1e-4)
    progress, rates = Progress(rate=0.01), []
    for epoch in range(1, 41):
        anneal(progress, Recipe(epochs=40), epoch, error=1 / epoch, guessing=1)  # never stalls
        rates.append(progress.rate)
    assert [rates.count(pytest.approx(r)) for r in (1e-2, 1e-3, 1e-4)] == [23, 10, 7]


def test_a_plateau_at_the_start_does_not_lower_the_rate():
    progress, rates = Progress(rate=0.01), []
    for epoch in range(1, 21):
        anneal(progress, Recipe(epochs=40), epoch, error=0.9 if epoch <= 12 else 0.8, guessing=0.98)
        rates.append(progress.rate)
    assert rates[:17] == [0.01] * 17  # twelve epochs near guessing, then a new best and five more without
    assert rates[17] == pytest.approx(0.001)


def test_killed_and_resumed_ends_in_the_same_bits(tmp_path, environment, typed):
    python, env = [sys.executable, "-m", "zfhelpers.training"], environment
    subprocess.run([*python, *typed(tmp_path / "whole")], env=env, check=True, capture_output=True)
    out, kills = tmp_path / "killed", 0
    for _ in range(20):
        run = subprocess.Popen([*python, *typed(out, "--resume")], env=env, stdout=subprocess.DEVNULL, stderr=subprocess.DEVNULL)
        seen = len(list(out.glob("*"))) if out.exists() else 0
        deadline = time.monotonic() + 120
        while (
            run.poll() is None
            and time.monotonic() < deadline
            and kills < 2
            and not (out.exists() and len(list(out.glob("*"))) > seen)
        ):
            time.sleep(0.005)
        if kills >= 2:
            run.wait()
        if run.poll() is None:
            run.send_signal(signal.SIGKILL)
            run.wait()
            kills += 1
        elif run.returncode == 0:
            break
    assert kills == 2
    for name in ("zfnet.safetensors", "zfnet-epoch-01.safetensors", "zfnet-epoch-02.safetensors"):
        assert (out / name).read_bytes() == (tmp_path / "whole" / name).read_bytes(), name
    whole, _ = read_tensors(tmp_path / "whole" / "zfnet.state.safetensors")
    resumed, _ = read_tensors(out / "zfnet.state.safetensors")
    assert all(torch.equal(whole[name], resumed[name]) for name in whole)


class Killed(BaseException):
    """Stands for a power cut."""


@pytest.mark.parametrize("step", [1, 4, 5, 7])
def test_resumes_at_any_step(world, tmp_path, monkeypatch, step):
    """The state is saved after every step here, and the run dies right after one of them, inside an epoch or at its end."""
    train(world, SMALL, tmp_path / "whole", precision="no")
    write, writes = state.write_whole, []

    def dying(path, data):
        write(path, data)
        writes.append(path)
        if len(writes) == step:
            raise Killed

    monkeypatch.setattr(state, "write_whole", dying)
    with pytest.raises(Killed):
        train(world, SMALL, tmp_path / "cut", save_seconds=-1, precision="no")
    monkeypatch.setattr(state, "write_whole", write)
    train(world, SMALL, tmp_path / "cut", resume=True, precision="no")
    assert (tmp_path / "cut" / "zfnet.safetensors").read_bytes() == (tmp_path / "whole" / "zfnet.safetensors").read_bytes()
    rows = [
        [json.loads(line) for line in (tmp_path / run / "zfnet.metrics.jsonl").read_text().splitlines()]
        for run in ("cut", "whole")
    ]
    assert [{**row, "seconds": 0} for row in rows[0]] == [{**row, "seconds": 0} for row in rows[1]]


def test_a_run_is_not_overwritten_nor_mixed_with_another(world, tmp_path):
    once = replace(SMALL, epochs=1)
    train(world, once, tmp_path, precision="no")
    with pytest.raises(FileExistsError, match="already holds a run of zfnet; add --resume"):
        train(world, once, tmp_path, precision="no")
    train(world, replace(once, kept=(1,)), tmp_path, resume=True, precision="no")  # what is kept decides about no weight
    with pytest.raises(
        ValueError,
        match=r"belongs to another run: it differs in epochs \(1 there, 2 here\), seed \(0 there, 5 here\); .* or remove it",
    ):
        train(world, replace(SMALL, seed=5), tmp_path, resume=True, precision="no")


def test_bad_arguments(world, tmp_path):
    with pytest.raises(ValueError, match="at least 1 epoch, not 0"):
        Recipe(epochs=0)
    with pytest.raises(ValueError, match="at least 1 image, not 0"):
        Recipe(batch=0)
    for given in ({"rate": 0.0}, {"rate": float("nan")}, {"rate": float("inf")}, {"weight_decay": -1e-4}):
        with pytest.raises(ValueError, match="A learning rate is above 0 and a weight decay at least 0, not "):
            Recipe(**given)
    with pytest.raises(ValueError, match="No architecture is called"):
        train(world, replace(SMALL, variant="vgg"), tmp_path)
    (tmp_path / "one" / "train" / "dark").mkdir(parents=True)
    shutil.copy(world.train.files[0], tmp_path / "one" / "train" / "dark")
    with pytest.raises(ValueError, match="has one class, 'dark', and nothing to tell it from; give it a second"):
        train(open_world(f"folder:{tmp_path / 'one'}"), SMALL, tmp_path / "of one")
    with pytest.raises(FloatingPointError, match=r"The loss became .* the learning rate 1e\+30 is too high here"):
        train(world, replace(SMALL, rate=1e30), tmp_path / "far", precision="no")
    done = subprocess.run(
        [sys.executable, "-m", "zfhelpers.training", "--world", "mars", "--out", str(tmp_path)], capture_output=True, text=True
    )
    assert done.returncode == 2
    assert done.stderr == f"python -m zfhelpers.training: There is no world 'mars'; there are {WORLDS}.\n"


def test_what_is_typed_changes_the_recipe_of_the_world(folder):
    def recipe(*words):
        return command.asked_for(command.command_line().parse_args([*words, "--out", "x"]))

    assert recipe("--world", "toy") == Recipe(width=0.25, fc=256, epochs=64)
    assert recipe("--world", "imagenet") == Recipe()
    assert recipe("--world", f"folder:{folder}") == FEW_PHOTOGRAPHS
    every = ["--variant", "alexnet", "--epochs", "3", "--width", "0.5", "--fc", "9", "--batch", "7", "--rate", "0.1",
             "--weight-decay", "0", "--seed", "0", "--no-renormalise"]  # fmt: skip
    assert recipe("--world", "toy", *every) == Recipe(
        variant="alexnet", epochs=3, width=0.5, fc=9, batch=7, rate=0.1, weight_decay=0.0, seed=0, renormalise=False)  # fmt: skip
