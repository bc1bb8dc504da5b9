"""What a training run says while it runs: a line for every epoch, on a terminal one for the steps, and metrics in a file."""

from __future__ import annotations

import json
import sys
import time
from pathlib import Path

from zfhelpers.files import show_progress, write_whole


class Log:
    """The log of one run, kept by the process that speaks for all.

    Args:
        path: of the metrics, a JSON line for each epoch.
        name: of the network.
        epochs, steps: of the whole run.
        batch: images a step.
        done: steps that an earlier session took.
    """

    def __init__(self, path: Path, name: str, epochs: int, steps: int, batch: int, done: int):
        self.path, self.name, self.epochs, self.steps, self.batch, self.done = path, name, epochs, steps, batch, done
        self._began = time.monotonic()

    def step(self, step: int) -> None:
        """One line that overwrites itself, on a terminal only."""
        if show_progress() and sys.stderr.isatty():
            speed = (step - self.done) / (time.monotonic() - self._began)
            left = f"{(self.steps - step) / speed / 60:.0f} min left "
            print(f"\r  step {step}/{self.steps}  {speed * self.batch:.0f} img/s  {left}", end="", file=sys.stderr)

    def epoch(self, history: list[dict]) -> None:
        """A line for the last row of the metrics, and all of them in the file."""
        last = history[-1]
        print(
            f"{self.name}  epoch {last['epoch']:3d}/{self.epochs}  loss {last['train_loss']:.3f}  "
            f"train error {last['train_error']:.3f}  val error {last['val_error']:.3f}  rate {last['rate']:g}  "
            f"{last['seconds']:.0f} s",
            flush=True,
        )
        write_whole(self.path, "".join(json.dumps(row) + "\n" for row in history).encode())
