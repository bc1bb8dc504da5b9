"""Two processes under `accelerate launch` take the same steps as one."""

import json
import subprocess
import sys
from types import SimpleNamespace

import numpy as np
import pytest
import torch

from zfhelpers.training import loop
from zfhelpers.training.loop import add_up_mean, train
from zfhelpers.training.recipe import Recipe
from zfhelpers.training.weights import read_tensors
from zfhelpers.worlds import frames
from zfhelpers.worlds.opening import open_world

# `accelerate launch --cpu --num_processes 2` starts one process, unless MPI is there; with --multi_gpu it starts two anywhere.
LAUNCH = [sys.executable, "-m", "accelerate.commands.launch", "--multi_gpu", "--num_processes", "2", "--num_machines", "1",
          "--mixed_precision", "no", "--dynamo_backend", "no", "--main_process_port", "0"]  # fmt: skip

# A network without dropout, whose masks would differ, on images that are decoded each time. The second process has a folder of
# its own, to see what it writes.
WITHOUT_DROPOUT = """
import os, sys
from pathlib import Path
from zfhelpers.training.loop import train
from zfhelpers.training.recipe import Recipe
from zfhelpers.worlds import frames
from zfhelpers.worlds.opening import open_world

read, seen = frames.read_image, []
frames.read_image = lambda path: seen.append(path) or read(path)
frames.IN_MEMORY_LIMIT = 0
rank, (folder, out) = os.environ.get("RANK", "0"), sys.argv[1:]
recipe = Recipe(variant="alexnet-dry", width=0.05, fc=8, batch=8, epochs=2, rate=0.05)
train(open_world(f"folder:{folder}", image_size=64), recipe, Path(out) / rank, precision="no")
Path(f"{out}-read-{rank}").write_text(str(len(seen)))
"""


def run(command, environment) -> str:
    """What a training in processes of its own says."""
    done = subprocess.run(command, env=environment, capture_output=True, text=True)
    assert done.returncode == 0, done.stderr[-2000:]
    return done.stdout


def test_same_weights_and_half_of_the_images_each(folder, tmp_path, environment):
    script = tmp_path / "script.py"
    script.write_text(WITHOUT_DROPOUT)
    run([sys.executable, script, folder, tmp_path / "one"], environment)
    untold = {**environment, "ACCELERATE_USE_CPU": "0", "CUDA_VISIBLE_DEVICES": ""}
    run([*LAUNCH, script, folder, tmp_path / "two"], untold)
    images = 40 + 2 * (40 + 12)  # once for the mean image, then two epochs of training and validation
    read = {path.name: int(path.read_text()) for path in tmp_path.glob("*-read-*")}
    assert read == {"one-read-0": images, "two-read-0": images // 2, "two-read-1": images // 2}
    assert [path.name for path in (tmp_path / "two").iterdir()] == ["0"], "only the first process writes"
    here, there = (tmp_path / each / "0" for each in ("one", "two"))
    states = [read_tensors(out / "alexnet-dry.state.safetensors")[0] for out in (here, there)]
    assert states[0].keys() == states[1].keys()
    assert any(name.startswith("momentum.") for name in states[0])
    for name, tensor in states[0].items():
        torch.testing.assert_close(states[1][name], tensor, rtol=1e-4, atol=1e-6, msg=lambda text, name=name: f"{name}: {text}")
    means = [read_tensors(out / "alexnet-dry.safetensors")[0]["mean"] for out in (here, there)]
    assert torch.equal(*means)
    ours, theirs = (json.loads((out / "alexnet-dry.json").read_text())["metrics"] for out in (here, there))
    assert {**theirs, "seconds": 0} == pytest.approx({**ours, "seconds": 0}, rel=1e-5)


def test_the_command_line_of_the_readme(tmp_path, environment, typed):
    said = run([*LAUNCH, "-m", "zfhelpers.training", *typed(tmp_path / "two", "--precision", "no")], environment)
    assert said.count("epoch   1/4") == 1, "only the first process speaks"
    run([sys.executable, "-m", "zfhelpers.training", *typed(tmp_path / "one", "--precision", "no")], environment)
    cards = [json.loads((tmp_path / n / "zfnet.json").read_text()) for n in ("one", "two")]
    assert cards[1]["metrics"]["train_loss"] == pytest.approx(cards[0]["metrics"]["train_loss"], rel=0.1)  # dropout masks differ
    assert cards[0]["files"].keys() == cards[1]["files"].keys()


@pytest.fixture
def decoded_world(folder, monkeypatch):
    """The folder's photographs, decoded when they are looked at."""
    monkeypatch.setattr(frames, "IN_MEMORY_LIMIT", 0)
    return open_world(f"folder:{folder}", image_size=64)


@pytest.mark.parametrize("ranks", [1, 3])
def test_the_mean_image_is_added_up_from_the_shares_of_all(decoded_world, folder, ranks):
    shares = []
    for rank in range(ranks):
        there = SimpleNamespace(
            process_index=rank, num_processes=ranks, device="cpu", reduce=lambda total, reduction: shares.append(total) or total
        )
        world = open_world(f"folder:{folder}", image_size=64)
        add_up_mean(world, there)
    images = decoded_world.train
    slow = np.stack([images[i][0].numpy() for i in range(len(images))]).mean(axis=0, dtype=np.float64).astype(np.float32)
    added = world.mean if ranks == 1 else (torch.stack(shares).sum(dim=0) / len(images)).float()
    assert np.array_equal(added.numpy(), slow)
    assert torch.equal(added, decoded_world.mean)


def test_a_mean_image_that_is_known_is_not_added_up_again(decoded_world):
    decoded_world.mean = known = torch.zeros(3, 64, 64)
    add_up_mean(decoded_world, None)
    assert decoded_world.mean is known


@pytest.mark.parametrize(("batch", "shared"), [(9, 9), (128, 40)])
def test_a_batch_that_cannot_be_shared_evenly_is_refused(decoded_world, tmp_path, monkeypatch, batch, shared):
    """Of a world smaller than a batch there is only what it has."""
    monkeypatch.setattr(loop, "Accelerator", lambda **_: SimpleNamespace(device="cpu", process_index=0, num_processes=7))
    with pytest.raises(ValueError, match=f"A batch of {shared} cannot be shared evenly by 7 processes"):
        train(decoded_world, Recipe(width=0.05, fc=8, batch=batch), tmp_path)
