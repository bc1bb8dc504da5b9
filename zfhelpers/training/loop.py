"""The paper's training recipe (sec. 3.1), as a plain loop.

    python -m zfhelpers.training --world toy --epochs 64 --out runs/toy
    python -m zfhelpers.training --world toy --epochs 64 --out runs/toy --resume
    accelerate launch -m zfhelpers.training --world imagenet --epochs 70 --out runs/imagenet

Stochastic gradient descent on random crops and mirror images, with dropout; after each step every convolution filter's RMS is
capped at 0.1, and the rate falls when the validation error stops falling. The numbers are a `Recipe`, each with its source.

Every random number is drawn from (seed, step), so a run that was killed and resumed ends in the same weights as one that was
not, bit for bit on a CPU.
"""

from __future__ import annotations

import os
from dataclasses import asdict, replace
from pathlib import Path

import numpy as np
import torch
import torch.nn.functional as F
from accelerate import Accelerator

from zfhelpers.model import ZFNet, renormalise_filters, scaled
from zfhelpers.training.batches import augment, batches, epoch_batches, steps_per_epoch
from zfhelpers.training.card import finish
from zfhelpers.training.errors import wrong
from zfhelpers.training.log import Log
from zfhelpers.training.recipe import Recipe
from zfhelpers.training.state import Keeper, Progress, restore
from zfhelpers.training.weights import epoch_file, save_weights
from zfhelpers.worlds.frames import centre_crop
from zfhelpers.worlds.world import ImageSet, World

SAVE_SECONDS = 120  # between two states inside an epoch
JUDGED = 256  # validation images at once, over all processes


def train(
    world: World,
    recipe: Recipe,
    out: Path,
    *,
    name: str | None = None,
    resume: bool = False,
    precision: str | None = None,
    save_seconds: float = SAVE_SECONDS,
) -> dict:
    """Train one network and leave its weights, epoch checkpoints, card and metrics in `out`.

    Args:
        world: where the images come from.
        recipe: everything that decides about the weights.
        out: folder for `NAME.safetensors`, `NAME.json`, `NAME-epoch-NN.safetensors`, `NAME.metrics.jsonl`.
        name: of the files; by default the recipe's row of Table 3.
        resume: go on from what a killed run left in `out`.
        precision: "bf16" or "no"; by default whichever is faster here.
        save_seconds: how often the state is saved inside an epoch.

    Returns:
        the card.

    Raises:
        ValueError: nonsensical arguments, a world of one class, or a state that belongs to another run.
        FileExistsError: `out` holds another run and `resume` was not asked for.
        FloatingPointError: the loss became infinite, or no number.
    """
    if len(world.classes) < 2:
        raise ValueError(f"{world.name} has one class, {world.classes[0]!r}, and nothing to tell it from; give it a second.")
    architecture = scaled(recipe.variant, len(world.classes), world.image_size, recipe.width, recipe.fc)
    several = int(os.environ.get("WORLD_SIZE", 1)) > 1
    accelerator = Accelerator(  # without a GPU it has to be told, or each of several processes takes itself for the only one
        cpu=several and not torch.cuda.is_available(), mixed_precision=precision or fastest_precision()
    )
    device, rank, ranks = accelerator.device, accelerator.process_index, accelerator.num_processes
    if (batch := min(recipe.batch, len(world.train))) % ranks:  # uneven shares would not count alike in the mean of the gradients
        raise ValueError(f"A batch of {batch} cannot be shared evenly by {ranks} processes.")
    name = name or recipe.variant
    state_file = out / f"{name}.state.safetensors"
    if not resume and (state_file.exists() or (out / f"{name}.json").exists()):
        raise FileExistsError(
            f"{str(out)!r} already holds a run of {name}; add --resume to go on with it, or choose another folder."
        )

    torch.manual_seed(recipe.seed)
    net = ZFNet(architecture).to(memory_format=torch.channels_last)
    optimizer = torch.optim.SGD(net.parameters(), lr=recipe.rate, momentum=recipe.momentum, weight_decay=recipe.weight_decay)
    run = {"world": world.name, "train_images": len(world.train), **asdict(replace(recipe, kept=()))}
    if not recipe.turn:
        del run["turn"]  # so that states from before there was such a thing can be gone on with
    progress = Progress(rate=recipe.rate)
    if resume and state_file.exists():
        progress = restore(state_file, run, net, optimizer)
    parallel, optimizer = accelerator.prepare(net, optimizer)

    speaks = accelerator.is_main_process
    keeper = Keeper(state_file if speaks else None, run, net, optimizer, progress, save_seconds)
    per_epoch = steps_per_epoch(len(world.train), recipe.batch)
    log = Log(out / f"{name}.metrics.jsonl", name, recipe.epochs, recipe.epochs * per_epoch, recipe.batch, progress.step)
    add_up_mean(world, accelerator)
    mean = world.mean.to(device)
    parallel.train()
    for epoch in range(len(progress.history) + 1, recipe.epochs + 1):
        for frames, labels, draws in epoch_batches(world.train, recipe, epoch, progress.step, rank, ranks):
            torch.manual_seed((recipe.seed * 1_000_003 + progress.step) * 1_009 + rank)  # dropout
            images = augment(frames.to(device), world.image_size, draws).float() - mean
            labels = labels.to(device)
            for group in optimizer.param_groups:
                group["lr"] = progress.rate
            with accelerator.autocast():
                logits = parallel(images.contiguous(memory_format=torch.channels_last))
            loss = F.cross_entropy(logits.float(), labels)
            optimizer.zero_grad()
            accelerator.backward(loss)
            optimizer.step()
            clipped = renormalise_filters(net) if recipe.renormalise else 0
            if not torch.isfinite(loss):
                raise FloatingPointError(
                    f"The loss became {loss.item()} at step {progress.step}; the learning rate {progress.rate} is too high here."
                )
            sums = torch.stack([loss.detach() * len(labels), wrong(logits, labels).sum()])
            sums = accelerator.reduce(sums, reduction="sum").tolist()
            progress.add_step(sums[0], int(sums[1]), clipped)
            keeper.save_if_due()
            if speaks:
                log.step(progress.step)
        seen = per_epoch * min(recipe.batch, len(world.train))
        val_loss, val_error = evaluate(parallel, world, accelerator, world.val)
        progress.end_epoch(seen, per_epoch, val_loss, val_error, keeper.seconds())
        anneal(progress, recipe, epoch, val_error, guessing=1 - 1 / len(world.classes))
        if speaks:
            log.epoch(progress.history)
            if epoch in recipe.kept and epoch < recipe.epochs:  # the last is the network itself
                save_weights(out / epoch_file(name, epoch), {n: p for n, p in net.state_dict().items() if n[5] in "12345"})
        keeper.save()
    card = finish(out, name, world, recipe, net, progress, accelerator) if speaks else {}
    accelerator.wait_for_everyone()
    accelerator.end_training()
    return card


def add_up_mean(world: World, accelerator: Accelerator) -> None:
    """Give a world its mean image, unless it has it: the bits that `World.mean` finds by itself, in a fraction of the time.

    Images that lie in files are decoded by threads, and each process decodes its share; 1.28 million one after the other take an
    hour and a half.
    """
    if "mean" in vars(world):
        return
    rank, ranks = accelerator.process_index, accelerator.num_processes
    rows = np.arange(len(world.train))[rank::ranks]
    total = torch.zeros(3, world.image_size, world.image_size, dtype=torch.float64)  # of whole numbers: the order is all the same
    for frames, _ in batches(world.train, np.split(rows, range(JUDGED, len(rows), JUDGED))):
        total += centre_crop(frames, world.image_size).sum(dim=0, dtype=torch.float64)
    if ranks > 1:
        total = accelerator.reduce(total.to(accelerator.device), reduction="sum").cpu()
    world.mean = (total / len(world.train)).float()


@torch.no_grad()
def evaluate(net: torch.nn.Module, world: World, accelerator: Accelerator, images: ImageSet) -> tuple[float, float]:
    """Mean cross-entropy and top-1 error of the centre crops of a set, shared out over all processes."""
    net.eval()
    rank, ranks = accelerator.process_index, accelerator.num_processes
    groups = [rows[rank::ranks] for rows in np.split(np.arange(len(images)), range(JUDGED, len(images), JUDGED))]
    mean, totals = world.mean.to(accelerator.device), torch.zeros(3, dtype=torch.float64, device=accelerator.device)
    for frames, labels in batches(images, [rows for rows in groups if len(rows)]):
        crops = centre_crop(frames, world.image_size).to(accelerator.device).float() - mean
        labels = labels.to(accelerator.device)
        with accelerator.autocast():
            logits = net(crops.contiguous(memory_format=torch.channels_last)).float()
        loss, missed = F.cross_entropy(logits, labels, reduction="sum"), wrong(logits, labels).sum()
        totals += torch.stack([loss, missed, loss.new_tensor(len(labels))])
    net.train()
    loss, missed, count = accelerator.reduce(totals.float(), reduction="sum").double().tolist()
    return loss / count, missed / count


def anneal(progress: Progress, recipe: Recipe, epoch: int, error: float, guessing: float) -> None:
    """Lower the learning rate when the validation error stopped falling; at the latest at fixed shares of the run.

    Before it has fallen below nine tenths of the error of guessing it cannot stop: on the plateau at the start of a training,
    which is longer the more classes there are, a smaller rate would only keep the network there.

    Args:
        progress: whose rate it is.
        recipe: says how patient we are, and how much lower.
        epoch: that has just ended.
        error, guessing: its validation error and that of guessing, in [0, 1].
    """
    if error < progress.best_error:
        progress.best_error, progress.best_epoch = error, epoch
    if progress.best_error > recipe.started * guessing:
        progress.best_epoch = epoch
    if progress.annealed == len(recipe.latest) or epoch == recipe.epochs:
        return
    stalled = epoch - progress.best_epoch >= max(2, int(recipe.patience * recipe.epochs))
    if stalled or epoch >= recipe.latest[progress.annealed] * recipe.epochs:
        progress.rate *= recipe.annealing
        progress.annealed += 1
        progress.best_epoch = epoch  # patience starts anew at the new rate


def fastest_precision() -> str:
    """bfloat16 where the processor multiplies it in hardware, float32 elsewhere."""
    if torch.cuda.is_available():
        return "bf16" if torch.cuda.is_bf16_supported(including_emulation=False) else "no"
    return "bf16" if torch.backends.mkldnn.is_available() and torch.ops.mkldnn._is_mkldnn_bf16_supported() else "no"
