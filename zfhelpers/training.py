"""The paper's training recipe (sec. 3.1), as a plain loop.

    python -m zfhelpers.training --world toy --epochs 64 --out runs/toy
    python -m zfhelpers.training --world toy --epochs 64 --out runs/toy --resume
    accelerate launch -m zfhelpers.training --world imagenet --epochs 70 --out runs/imagenet

From the paper: batches of 128, SGD with momentum 0.9, learning rate 1e-2 annealed when the validation error stops falling,
dropout 0.5, random crops and mirror images, every convolution filter's RMS capped at 0.1 after each step. Ours, because the
paper is silent: weight decay 5e-4 (AlexNet's), a division by 10 at each annealing, a patience of an eighth of the epochs, and
annealing at 60 % and 85 % of them at the latest, so that a short run ends annealed too.

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
from dataclasses import asdict, dataclass, field
from datetime import UTC, datetime
from pathlib import Path

import numpy as np
import safetensors.torch
import torch
import torch.nn.functional as F
from accelerate import Accelerator

from zfhelpers.batches import augment, batches, epoch_order, steps_per_epoch
from zfhelpers.checkpoints import EPOCHS, epoch_file, read_tensors, save_weights, write_whole
from zfhelpers.frames import centre_crop, show_progress
from zfhelpers.model import TABLE3, ZFNet, renormalise_filters, scaled
from zfhelpers.worlds import ImageSet, World, open_world

BATCH, MOMENTUM, WEIGHT_DECAY = 128, 0.9, 5e-4
FIRST_RATE, ANNEAL = 1e-2, 0.1
LATEST_ANNEALING = (0.60, 0.85)  # fractions of the epochs
SIZES = {"toy": (0.25, 256), "imagenet": (1.0, 4096)}  # width and units of layers 6, 7; other worlds: 0.5 and 512
SAVE_SECONDS = 120


@dataclass
class Progress:
    """Everything about a run that is not a tensor: what `--resume` needs besides weights and momentum."""

    step: int = 0
    rate: float = FIRST_RATE
    best_error: float = 1.0
    best_epoch: int = 0
    annealed: int = 0
    seconds: float = 0.0
    epoch_loss: float = 0.0
    epoch_wrong: int = 0
    clipped: int = 0
    history: list[dict] = field(default_factory=list)


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


def anneal(progress: Progress, epoch: int, epochs: int, error: float) -> None:
    """Divide the learning rate by ten when the validation error stopped falling; at the latest at fixed fractions of the run."""
    if error < progress.best_error:
        progress.best_error, progress.best_epoch = error, epoch
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
    renormalise: bool = True,
    resume: bool = False,
    precision: str | None = None,
    save_seconds: float = SAVE_SECONDS,
) -> dict:
    """Train one network and leave its weights, epoch checkpoints, card and metrics in `out`.

    Args:
        world: where the images come from.
        variant: a row of `model.TABLE3`.
        out: folder for `VARIANT.safetensors`, `VARIANT.json`, `VARIANT-epoch-NN.safetensors`, `VARIANT.metrics.jsonl`.
        epochs: passes over the training set.
        width, fc: factor on the maps, and units that stand for the paper's 4096.
        seed: of the start, the order, the crops and dropout.
        batch: images a step, over all processes.
        renormalise: cap the filters' RMS; off only for Fig. 6(a).
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
    accelerator = Accelerator(mixed_precision=precision or fastest_precision())
    if epochs < 1:
        raise ValueError(f"A training run takes at least 1 epoch, not {epochs}.")
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
        "renormalise": renormalise,
        "train_images": len(world.train),
    }
    state_file = out / f"{variant}.state.safetensors"
    if not resume and (state_file.exists() or (out / f"{variant}.json").exists()):
        raise FileExistsError(
            f"{str(out)!r} already holds a run of {variant}; add --resume to go on with it, or choose another folder."
        )

    torch.manual_seed(seed)
    net = ZFNet(architecture).to(memory_format=torch.channels_last)
    optimizer = torch.optim.SGD(net.parameters(), lr=FIRST_RATE, momentum=MOMENTUM, weight_decay=WEIGHT_DECAY)
    progress = Progress()
    if resume and state_file.exists():
        progress = _restore(state_file, run, net, optimizer)
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
            write_whole(state_file, _state_bytes(run, net, optimizer, progress))

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
                rate = (progress.step - first_step) / (time.monotonic() - began)
                _show(progress.step, epochs * per_epoch, rate, batch)
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
        anneal(progress, epoch, epochs, error)
        if accelerator.is_main_process:
            last = progress.history[-1]
            print(
                f"epoch {epoch:3d}/{epochs}  loss {last['train_loss']:.3f}  train error {last['train_error']:.3f}  "
                f"val error {error:.3f}  rate {last['rate']:g}  {last['seconds']:.0f} s",
                flush=True,
            )
            if epoch in EPOCHS:
                save_weights(out / epoch_file(variant, epoch), {n: p for n, p in net.state_dict().items() if n[5] in "12345"})
            write_whole(out / f"{variant}.metrics.jsonl", "".join(json.dumps(row) + "\n" for row in progress.history).encode())
        save_state()
        saved = time.monotonic()
    card = _finish(out, run, net, world, progress, accelerator) if accelerator.is_main_process else {}
    accelerator.wait_for_everyone()
    accelerator.end_training()
    return card


def _show(step: int, steps: int, rate: float, batch: int) -> None:
    """One line that overwrites itself, on a terminal only."""
    if sys.stderr.isatty():
        print(
            f"\r  step {step}/{steps}  {rate * batch:.0f} img/s  {(steps - step) / rate / 60:.0f} min left ",
            end="",
            file=sys.stderr,
        )


def _state_bytes(run: dict, net: ZFNet, optimizer, progress: Progress) -> bytes:
    momentum = {f"momentum.{n}": optimizer.state[p]["momentum_buffer"] for n, p in net.named_parameters() if p in optimizer.state}
    tensors = {name: t.detach().cpu().contiguous() for name, t in {**net.state_dict(), **momentum}.items()}
    return safetensors.torch.save(tensors, {"run": json.dumps(run), "progress": json.dumps(asdict(progress))})


def _restore(path: Path, run: dict, net: ZFNet, optimizer) -> Progress:
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


def _finish(out: Path, run: dict, net: ZFNet, world: World, progress: Progress, accelerator: Accelerator) -> dict:
    variant = run["variant"]
    path = out / f"{variant}.safetensors"
    files = {path.name: save_weights(path, {**net.state_dict(), "mean": world.mean})}
    for epoch in EPOCHS:
        name = epoch_file(variant, epoch)
        if (out / name).exists() and epoch <= run["epochs"]:
            files[name] = _sha256(out / name)
    card = {
        "world": world.name,
        "variant": variant,
        "classes": list(world.classes),
        "architecture": net.architecture.as_dict(),
        "parameters": sum(p.numel() for p in net.parameters()),
        "epochs": run["epochs"],
        "seed": run["seed"],
        "renormalise": run["renormalise"],
        "metrics": progress.history[-1],
        "command": "python -m zfhelpers.training " + " ".join(sys.argv[1:]),
        "trained": datetime.now(UTC).strftime("%Y-%m-%d"),
        "minutes": round(progress.seconds / 60, 1),
        "machine": f"{accelerator.device.type}, {torch.get_num_threads()} threads, {platform.machine()}",
        "precision": accelerator.mixed_precision,
        "versions": {"python": platform.python_version(), "torch": torch.__version__},
        "files": files,
    }
    write_whole(out / f"{variant}.json", (json.dumps(card, indent=1) + "\n").encode())
    return card


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
    parser.add_argument("--seed", type=int, default=0)
    parser.add_argument("--batch", type=int, default=BATCH)
    parser.add_argument("--precision", choices=("bf16", "no"), help="default: whichever is faster on this machine")
    parser.add_argument("--no-renormalise", action="store_true", help="leave the filters' RMS alone, as in Fig. 6(a)")
    parser.add_argument("--resume", action="store_true", help="go on where a killed run stopped")
    a = parser.parse_args()
    width, fc = SIZES.get(a.world, (0.5, 512))
    try:
        train(
            open_world(a.world),
            a.variant,
            a.out,
            epochs=a.epochs,
            width=a.width or width,
            fc=a.fc or fc,
            seed=a.seed,
            batch=a.batch,
            renormalise=not a.no_renormalise,
            resume=a.resume,
            precision=a.precision,
        )
    except (ValueError, OSError, FloatingPointError) as error:
        parser.exit(2, f"{parser.prog}: {error}\n")


if __name__ == "__main__":
    main()
