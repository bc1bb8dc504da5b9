"""Where a training run stands, on disk: what `--resume` needs to go on as if nothing had happened.

The state is one safetensors file: weights, momentum, and in its metadata the run it belongs to and a `Progress`.
"""

from __future__ import annotations

import json
from dataclasses import asdict, dataclass, field
from pathlib import Path

import safetensors.torch
import torch

from zfhelpers.model import ZFNet
from zfhelpers.training.weights import read_tensors


@dataclass
class Progress:
    """Everything about a run that is not a tensor.

    Attributes:
        step: steps taken.
        rate: the learning rate now.
        best_error, best_epoch: least validation error yet, in [0, 1], and when patience last began.
        annealed: how often the rate was lowered.
        seconds: spent so far, over all sessions.
        epoch_loss, epoch_wrong, clipped: sums over the epoch under way: loss, wrong answers, filters renormalised.
        history: a row of metrics for every finished epoch.
    """

    step: int = 0
    rate: float = 0.0
    best_error: float = 1.0
    best_epoch: int = 0
    annealed: int = 0
    seconds: float = 0.0
    epoch_loss: float = 0.0
    epoch_wrong: int = 0
    clipped: int = 0
    history: list[dict] = field(default_factory=list)


def state_bytes(run: dict, net: ZFNet, optimizer: torch.optim.Optimizer, progress: Progress) -> bytes:
    """The whole state of a run: `run` says which one, and is compared by `restore`."""
    momentum = {f"momentum.{n}": optimizer.state[p]["momentum_buffer"] for n, p in net.named_parameters() if p in optimizer.state}
    tensors = {name: t.detach().cpu().contiguous() for name, t in {**net.state_dict(), **momentum}.items()}
    return safetensors.torch.save(tensors, {"run": json.dumps(run), "progress": json.dumps(asdict(progress))})


def restore(path: Path, run: dict, net: ZFNet, optimizer: torch.optim.Optimizer) -> Progress:
    """Put weights and momentum back where they were, bit for bit.

    Raises:
        ValueError: the state belongs to another run, or is damaged.
    """
    tensors, metadata = read_tensors(path)
    was = json.loads(metadata.get("run", "{}"))
    differs = [key for key in run if was.get(key) != run[key]]
    if differs:
        raise ValueError(
            f"{str(path)!r} belongs to another run: it differs in "
            + ", ".join(f"{key} ({was.get(key)} there, {run[key]} here)" for key in differs)
            + "."
        )
    for name, parameter in net.named_parameters():
        if f"momentum.{name}" in tensors:
            buffer = torch.empty_like(parameter)  # keeps the memory format, hence the order of additions
            optimizer.state[parameter]["momentum_buffer"] = buffer.copy_(tensors.pop(f"momentum.{name}"))
    net.load_state_dict(tensors)
    return Progress(**json.loads(metadata["progress"]))
