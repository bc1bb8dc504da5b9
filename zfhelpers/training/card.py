"""What a finished run leaves: the weights, and a card that says where they come from."""

from __future__ import annotations

import json
import platform
import sys
from datetime import UTC, datetime
from pathlib import Path

import torch
from accelerate import Accelerator

from zfhelpers.files import write_whole
from zfhelpers.model import ZFNet
from zfhelpers.training.recipe import Recipe
from zfhelpers.training.state import Progress
from zfhelpers.training.weights import epoch_file, save_weights, sha256
from zfhelpers.worlds.world import World


def finish(out: Path, name: str, world: World, recipe: Recipe, net: ZFNet, progress: Progress, accelerator: Accelerator) -> dict:
    """Write `NAME.safetensors`, with the mean image, and then `NAME.json`.

    Args:
        out: folder of the run; what was kept of single epochs lies there already.
        name: of the files.
        world, recipe, net, progress, accelerator: what was trained on what, and how it went.

    Returns:
        the card.
    """
    path = out / f"{name}.safetensors"
    kept = [out / epoch_file(name, epoch) for epoch in range(1, recipe.epochs + 1)]
    card = {
        "world": world.name,
        "variant": recipe.variant,
        "classes": list(world.classes),
        **({"images_a_class": list(world.images_a_class)} if world.images_a_class else {}),
        "architecture": net.architecture.as_dict(),
        "parameters": sum(p.numel() for p in net.parameters()),
        **{key: getattr(recipe, key) for key in ("epochs", "seed", "batch", "rate", "weight_decay", "renormalise")},
        **({"turn": recipe.turn} if recipe.turn else {}),
        "rescaled": round(sum(row["clipped"] for row in progress.history) * progress.step / recipe.epochs),  # filters, by the cap
        "metrics": progress.history[-1],
        "command": typed_command(),
        "trained": datetime.now(UTC).strftime("%Y-%m-%d"),
        "minutes": round(progress.seconds / 60, 1),
        "machine": f"{accelerator.device.type}, {torch.get_num_threads()} threads, {platform.machine()}",
        "precision": accelerator.mixed_precision,
        "versions": {"python": platform.python_version(), "torch": torch.__version__},
        "files": {path.name: save_weights(path, {**net.state_dict(), "mean": world.mean})}
        | {file.name: sha256(file) for file in kept if file.exists()},
    }
    write_whole(out / f"{name}.json", (json.dumps(card, indent=1) + "\n").encode())
    return card


def typed_command() -> str:
    """What was typed, with the module that ran rather than its file."""
    spec = sys.modules["__main__"].__spec__
    return " ".join(["python", *(["-m", spec.name.removesuffix(".__main__")] if spec else sys.argv[:1]), *sys.argv[1:]])
