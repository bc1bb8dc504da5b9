"""The paper's training recipe (sec. 3.1), as a plain loop.

    python -m zfhelpers.training --world toy --epochs 64 --out runs/toy
    python -m zfhelpers.training --world toy --epochs 64 --out runs/toy --resume
    accelerate launch -m zfhelpers.training --world imagenet --epochs 70 --out runs/imagenet

From the paper: batches of 128, SGD with momentum 0.9, learning rate 1e-2 annealed when the validation error stops falling,
dropout 0.5, random crops and mirror images, every convolution filter's RMS capped at 0.1 after each step. Ours, because the
paper is silent: weight decay 5e-4 (AlexNet's), a division by 10 at each annealing, a patience of an eighth of the epochs, which
begins when the network has begun to learn, and annealing at 60 % and 85 % of them at the latest: short runs end annealed too.

A world of a few thousand photographs gets twice the rate and ten times the decay. The paper took 700,000 steps; 64 epochs of
Imagenette are 4,700, in which the paper's rate and AlexNet's decay leave much of the start, and fine gratings that only fit the
training images, in the first layer.

Every random number is drawn from (seed, step), so a run that was killed and resumed ends in the same weights as one that was
not, bit for bit on a CPU.
"""

from __future__ import annotations

import argparse
import hashlib
import json
import platform
import sys
import time
from collections.abc import Sequence
from datetime import UTC, datetime
from pathlib import Path

import numpy as np
import torch
import torch.nn.functional as F
from accelerate import Accelerator

from zfhelpers.files import show_progress, write_whole
from zfhelpers.model import TABLE3, ZFNet, renormalise_filters, scaled
from zfhelpers.training.batches import augment, batches, epoch_order, steps_per_epoch
from zfhelpers.training.recipe import (
    ANNEAL,
    BATCH,
    FEW_PHOTOGRAPHS,
    FIRST_RATE,
    LATEST_ANNEALING,
    MOMENTUM,
    SAVE_SECONDS,
    STARTED,
    WEIGHT_DECAY,
    WORLDS,
)
from zfhelpers.training.state import Progress, restore, state_bytes
from zfhelpers.training.weights import EPOCHS, epoch_file, save_weights
from zfhelpers.worlds.frames import centre_crop
from zfhelpers.worlds.opening import open_world
from zfhelpers.worlds.world import ImageSet, World


def fastest_precision() -> str:
    """bfloat16 where the processor multiplies it in hardware, float32 elsewhere."""
    if torch.cuda.is_available():
        return "bf16" if torch.cuda.is_bf16_supported(including_emulation=False) else "no"
    return "bf16" if torch.backends.mkldnn.is_available() and torch.ops.mkldnn._is_mkldnn_bf16_supported() else "no"


@torch.no_grad()
def evaluate(net: torch.nn.Module, world: World, accelerator: Accelerator, images: ImageSet) -> tuple[float, float]:
    """Mean cross-entropy and top-1 error of the centre crops of a set, shared out over all processes."""
    net.eval()
    rank, ranks = accelerator.process_index, accelerator.num_processes
    groups = [g[rank::ranks] for g in np.split(np.arange(len(images)), range(256, len(images), 256))]
    mean, totals = world.mean.to(accelerator.device), torch.zeros(3, dtype=torch.float64, device=accelerator.device)
    for frames, labels in batches(images, [g for g in groups if len(g)]):
        crops = centre_crop(frames, world.image_size).to(accelerator.device).float() - mean
        with accelerator.autocast():
            logits = net(crops.contiguous(memory_format=torch.channels_last)).float()
        labels = labels.to(accelerator.device)
        totals += torch.stack(
            [
                F.cross_entropy(logits, labels, reduction="sum"),
                (logits.argmax(1) != labels).sum(),
                torch.tensor(float(len(labels)), device=labels.device),
            ]
        )
    net.train()
    loss, wrong, count = accelerator.reduce(totals.float(), reduction="sum").double().tolist()
    return loss / count, wrong / count


def anneal(progress: Progress, epoch: int, epochs: int, error: float, guessing: float) -> None:
    """Divide the learning rate by ten when the validation error stopped falling; at the latest at fixed fractions of the run.

    Before it has fallen below nine tenths of the error of guessing it cannot stop: on the plateau at the start of a training,
    which is longer the more classes there are, a smaller rate would only keep the network there.
    """
    if error < progress.best_error:
        progress.best_error, progress.best_epoch = error, epoch
    if progress.best_error > STARTED * guessing:
        progress.best_epoch = epoch
    stalled = epoch - progress.best_epoch >= max(2, epochs // 8)
    overdue = progress.annealed < len(LATEST_ANNEALING) and epoch >= LATEST_ANNEALING[progress.annealed] * epochs
    if progress.annealed < len(LATEST_ANNEALING) and (stalled or overdue) and epoch < epochs:
        progress.rate *= ANNEAL
        progress.annealed += 1
        progress.best_epoch = epoch  # patience starts anew at the new rate


def train(
    world: World,
    variant: str,
    out: Path,
    *,
    epochs: int,
    width: float,
    fc: int,
    seed: int = 0,
    batch: int = BATCH,
    rate: float = FIRST_RATE,
    weight_decay: float = WEIGHT_DECAY,
    renormalise: bool = True,
    name: str | None = None,
    kept: Sequence[int] = EPOCHS,
    resume: bool = False,
    precision: str | None = None,
    save_seconds: float = SAVE_SECONDS,
) -> dict:
    """Train one network and leave its weights, epoch checkpoints, card and metrics in `out`.

    Args:
        world: where the images come from.
        variant: a row of `model.TABLE3`.
        out: folder for `NAME.safetensors`, `NAME.json`, `NAME-epoch-NN.safetensors`, `NAME.metrics.jsonl`.
        epochs: passes over the training set.
        width, fc: factor on the maps, and units that stand for the paper's 4096.
        seed: of the start, the order, the crops and dropout.
        batch: images a step, over all processes.
        rate: learning rate until the first annealing.
        weight_decay: of all weights and biases.
        renormalise: cap the filters' RMS; off only for Fig. 6(a).
        name: of the files; by default the variant's.
        kept: epochs after which the convolutional layers are kept, besides the last.
        resume: go on from what a killed run left in `out`.
        precision: "bf16" or "no"; by default whichever is faster here.
        save_seconds: how often the state is saved inside an epoch.

    Returns:
        the card.

    Raises:
        ValueError: nonsensical arguments, or a state that belongs to another run.
        FileExistsError: `out` holds another run and `resume` was not asked for.
    """
    architecture = scaled(variant, len(world.classes), world.image_size, width, fc)
    if epochs < 1:
        raise ValueError(f"A training run takes at least 1 epoch, not {epochs}.")
    if not (rate > 0 and weight_decay >= 0):
        raise ValueError(f"A learning rate is above 0 and a weight decay at least 0, not {rate} and {weight_decay}.")
    accelerator = Accelerator(mixed_precision=precision or fastest_precision())
    if batch < 1 or batch % accelerator.num_processes:
        raise ValueError(f"A batch of {batch} cannot be shared evenly by {accelerator.num_processes} processes.")
    run = {
        "world": world.name,
        "variant": variant,
        "epochs": epochs,
        "width": width,
        "fc": fc,
        "seed": seed,
        "batch": batch,
        "rate": rate,
        "weight_decay": weight_decay,
        "renormalise": renormalise,
        "train_images": len(world.train),
    }
    name = name or variant
    state_file = out / f"{name}.state.safetensors"
    if not resume and (state_file.exists() or (out / f"{name}.json").exists()):
        raise FileExistsError(
            f"{str(out)!r} already holds a run of {name}; add --resume to go on with it, or choose another folder."
        )

    torch.manual_seed(seed)
    net = ZFNet(architecture).to(memory_format=torch.channels_last)
    optimizer = torch.optim.SGD(net.parameters(), lr=rate, momentum=MOMENTUM, weight_decay=weight_decay)
    progress = Progress(rate=rate)
    if resume and state_file.exists():
        progress = restore(state_file, run, net, optimizer)
    parallel, optimizer = accelerator.prepare(net, optimizer)
    per_epoch, rank, ranks = steps_per_epoch(world, batch), accelerator.process_index, accelerator.num_processes
    mean = world.mean.to(accelerator.device)
    began, first_step, saved = time.monotonic(), progress.step, time.monotonic()
    before = progress.seconds

    def elapsed() -> float:
        return before + time.monotonic() - began

    def save_state() -> None:
        progress.seconds = elapsed()
        if accelerator.is_main_process:
            write_whole(state_file, state_bytes(run, net, optimizer, progress))

    parallel.train()
    while len(progress.history) < epochs:
        epoch = len(progress.history) + 1
        order = epoch_order(seed, epoch, len(world.train))
        todo = [order[s * batch : (s + 1) * batch] for s in range(progress.step - (epoch - 1) * per_epoch, per_epoch)]
        for frames, labels in batches(world.train, [indices[rank::ranks] for indices in todo]):
            step = progress.step
            draws = np.random.default_rng([seed, 2, step]).random((len(todo[0]), 3))[rank::ranks]
            torch.manual_seed((seed * 1_000_003 + step) * 1_009 + rank)  # dropout
            images = augment(frames.to(accelerator.device), world.image_size, draws).float() - mean
            labels = labels.to(accelerator.device)
            for group in optimizer.param_groups:
                group["lr"] = progress.rate
            with accelerator.autocast():
                logits = parallel(images.contiguous(memory_format=torch.channels_last))
            loss = F.cross_entropy(logits.float(), labels)
            optimizer.zero_grad()
            accelerator.backward(loss)
            optimizer.step()
            progress.clipped += renormalise_filters(net) if renormalise else 0
            if not torch.isfinite(loss):
                raise FloatingPointError(
                    f"The loss became {loss.item()} at step {step}; the learning rate {progress.rate} is too high here."
                )
            sums = accelerator.reduce(
                torch.stack([loss.detach() * len(labels), (logits.argmax(1) != labels).sum()]), reduction="sum"
            )
            progress.epoch_loss += float(sums[0])
            progress.epoch_wrong += int(sums[1])
            progress.step += 1
            if time.monotonic() - saved > save_seconds:
                save_state()
                saved = time.monotonic()
            if accelerator.is_main_process and show_progress():
                speed = (progress.step - first_step) / (time.monotonic() - began)
                _show(progress.step, epochs * per_epoch, speed, batch)
        seen = per_epoch * min(batch, len(world.train))
        loss, error = evaluate(parallel, world, accelerator, world.val)
        progress.history.append(
            {
                "epoch": epoch,
                "rate": progress.rate,
                "train_loss": progress.epoch_loss / seen,
                "train_error": progress.epoch_wrong / seen,
                "val_loss": loss,
                "val_error": error,
                "clipped": progress.clipped / per_epoch,
                "seconds": round(elapsed(), 1),
            }
        )
        progress.epoch_loss, progress.epoch_wrong, progress.clipped = 0.0, 0, 0
        anneal(progress, epoch, epochs, error, guessing=1 - 1 / len(world.classes))
        if accelerator.is_main_process:
            last = progress.history[-1]
            print(
                f"{name}  epoch {epoch:3d}/{epochs}  loss {last['train_loss']:.3f}  train error {last['train_error']:.3f}  "
                f"val error {error:.3f}  rate {last['rate']:g}  {last['seconds']:.0f} s",
                flush=True,
            )
            if epoch in kept and epoch < epochs:  # the last is the network itself
                save_weights(out / epoch_file(name, epoch), {n: p for n, p in net.state_dict().items() if n[5] in "12345"})
            write_whole(out / f"{name}.metrics.jsonl", "".join(json.dumps(row) + "\n" for row in progress.history).encode())
        save_state()
        saved = time.monotonic()
    card = _finish(out, name, run, net, world, progress, accelerator) if accelerator.is_main_process else {}
    accelerator.wait_for_everyone()
    accelerator.end_training()
    return card


def _show(step: int, steps: int, speed: float, batch: int) -> None:
    """One line that overwrites itself, on a terminal only."""
    if sys.stderr.isatty():
        left = f"{(steps - step) / speed / 60:.0f} min left "
        print(f"\r  step {step}/{steps}  {speed * batch:.0f} img/s  {left}", end="", file=sys.stderr)


def _finish(out: Path, name: str, run: dict, net: ZFNet, world: World, progress: Progress, accelerator: Accelerator) -> dict:
    path = out / f"{name}.safetensors"
    files = {path.name: save_weights(path, {**net.state_dict(), "mean": world.mean})}
    for epoch in range(1, run["epochs"] + 1):
        kept = out / epoch_file(name, epoch)
        if kept.exists():
            files[kept.name] = _sha256(kept)
    card = {
        "world": world.name,
        "variant": run["variant"],
        "classes": list(world.classes),
        "architecture": net.architecture.as_dict(),
        "parameters": sum(p.numel() for p in net.parameters()),
        "epochs": run["epochs"],
        **{key: run[key] for key in ("seed", "batch", "rate", "weight_decay", "renormalise")},
        "rescaled": round(sum(row["clipped"] for row in progress.history) * progress.step / run["epochs"]),  # filters, by the cap
        "metrics": progress.history[-1],
        "command": _command(),
        "trained": datetime.now(UTC).strftime("%Y-%m-%d"),
        "minutes": round(progress.seconds / 60, 1),
        "machine": f"{accelerator.device.type}, {torch.get_num_threads()} threads, {platform.machine()}",
        "precision": accelerator.mixed_precision,
        "versions": {"python": platform.python_version(), "torch": torch.__version__},
        "files": files,
    }
    write_whole(out / f"{name}.json", (json.dumps(card, indent=1) + "\n").encode())
    return card


def _command() -> str:
    """What was typed, with the module that ran rather than its file."""
    spec = sys.modules["__main__"].__spec__
    return " ".join(["python", *(["-m", spec.name.removesuffix(".__main__")] if spec else sys.argv[:1]), *sys.argv[1:]])


def _sha256(path: Path) -> str:
    return hashlib.sha256(path.read_bytes()).hexdigest()


def main() -> None:
    """The command line."""
    parser = argparse.ArgumentParser(prog="python -m zfhelpers.training", description="Train a network by the paper's recipe.")
    parser.add_argument("--world", default="toy", help="toy, imagenette, imagenet or folder:PATH")
    parser.add_argument("--variant", default="zfnet", choices=sorted(TABLE3), help="a row of Table 3")
    parser.add_argument("--epochs", type=int, default=64)
    parser.add_argument("--out", type=Path, required=True, help="folder for weights, card and metrics")
    parser.add_argument("--width", type=float, help="factor on the number of maps")
    parser.add_argument("--fc", type=int, help="units that stand for the paper's 4096")
    parser.add_argument("--rate", type=float, help="learning rate until the first annealing")
    parser.add_argument("--weight-decay", type=float)
    parser.add_argument("--seed", type=int, default=0)
    parser.add_argument("--batch", type=int, default=BATCH)
    parser.add_argument("--precision", choices=("bf16", "no"), help="default: whichever is faster on this machine")
    parser.add_argument("--name", help="of the files; default: the variant")
    parser.add_argument("--no-renormalise", action="store_true", help="leave the filters' RMS alone, as in Fig. 6(a)")
    parser.add_argument("--resume", action="store_true", help="go on where a killed run stopped")
    a = parser.parse_args()
    given = {key: getattr(a, key) for key in ("width", "fc", "rate", "weight_decay") if getattr(a, key) is not None}
    try:
        train(
            open_world(a.world),
            a.variant,
            a.out,
            epochs=a.epochs,
            seed=a.seed,
            batch=a.batch,
            renormalise=not a.no_renormalise,
            name=a.name,
            resume=a.resume,
            precision=a.precision,
            **(WORLDS.get(a.world, FEW_PHOTOGRAPHS) | given),
        )
    except (ValueError, OSError, FloatingPointError) as error:
        parser.exit(2, f"{parser.prog}: {error}\n")
