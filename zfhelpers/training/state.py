"""Where a training run stands, on disk: what `--resume` needs to go on as if nothing had happened.

The state is one safetensors file: weights, momentum, and in its metadata the run it belongs to and a `Progress`.
"""

from __future__ import annotations

import json
import time
from dataclasses import asdict, dataclass, field
from pathlib import Path

import safetensors.torch
import torch

from zfhelpers.files import write_whole
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
        seconds: spent until the state was saved, over all sessions.
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

    def add_step(self, loss: float, missed: int, clipped: int) -> None:
        """Count a step: the sums of its images' losses and wrong answers, and how many filters the cap rescaled."""
        self.step += 1
        self.epoch_loss += loss
        self.epoch_wrong += missed
        self.clipped += clipped

    def end_epoch(self, images: int, steps: int, val_loss: float, val_error: float, seconds: float) -> None:
        """Make a row of metrics of the epoch under way, of so many images in so many steps, and begin the next."""
        self.history.append(
            {
                "epoch": len(self.history) + 1,
                "rate": self.rate,
                "train_loss": self.epoch_loss / images,
                "train_error": self.epoch_wrong / images,
                "val_loss": val_loss,
                "val_error": val_error,
                "clipped": self.clipped / steps,
                "seconds": round(seconds, 1),
            }
        )
        self.epoch_loss, self.epoch_wrong, self.clipped = 0.0, 0, 0


class Keeper:
    """Keeps the state of a run on disk, after every epoch and in long ones now and then, and knows how long it has taken.

    Args:
        path: of the file; None where another process writes it.
        run: which run this is, compared by `restore`.
        net, optimizer, progress: what is kept.
        every: seconds between two states inside an epoch.
    """

    def __init__(
        self,
        path: Path | None,
        run: dict,
        net: ZFNet,
        optimizer: torch.optim.Optimizer,
        progress: Progress,
        every: float,
    ):
        self.path, self.run, self.net, self.optimizer, self.progress, self.every = path, run, net, optimizer, progress, every
        self._saved = time.monotonic()
        self._began = self._saved - progress.seconds

    def seconds(self) -> float:
        """Spent on this run, over all sessions."""
        return time.monotonic() - self._began

    def save(self) -> None:
        """Write the state, whole or not at all."""
        self.progress.seconds = self.seconds()
        if self.path:
            write_whole(self.path, state_bytes(self.run, self.net, self.optimizer, self.progress))
        self._saved = time.monotonic()

    def save_if_due(self) -> None:
        """Write it if the last time is long enough ago."""
        if time.monotonic() - self._saved > self.every:
            self.save()


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
    was, run = json.loads(metadata.get("run", "{}")), json.loads(json.dumps(run))
    differs = [key for key in run if was.get(key) != run[key]]
    if differs:
        raise ValueError(
            f"{str(path)!r} belongs to another run: it differs in "
            + ", ".join(f"{key} ({was.get(key)} there, {run[key]} here)" for key in differs)
            + "; go on with what it was, or remove it to begin anew."
        )
    for name, parameter in net.named_parameters():
        if f"momentum.{name}" in tensors:
            buffer = torch.empty_like(parameter)  # keeps the memory format, hence the order of additions
            optimizer.state[parameter]["momentum_buffer"] = buffer.copy_(tensors.pop(f"momentum.{name}"))
    net.load_state_dict(tensors)
    return Progress(**json.loads(metadata["progress"]))
