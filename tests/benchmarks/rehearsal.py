"""World `imagenet` at scale, rehearsed with a thousand classes of generated files: does it open, feed, fit and add up?

    python tests/benchmarks/rehearsal.py     # about four minutes on two quiet cores

Seconds are of processor time unless they are called wall: on a machine that others use too, only these can be compared.
"""

from __future__ import annotations

import json
import os
import resource
import subprocess
import sys
import tempfile
import time
from collections.abc import Iterator
from concurrent.futures import ThreadPoolExecutor
from contextlib import contextmanager
from pathlib import Path
from unittest import mock

import numpy as np
import psutil
import torch
from PIL import Image
from torch.utils.flop_counter import FlopCounterMode

from zfhelpers.model import ZFNet
from zfhelpers.networks.estimate import step_seconds
from zfhelpers.training import loop
from zfhelpers.training.batches import augment, epoch_batches, steps_per_epoch
from zfhelpers.training.recipe import Recipe
from zfhelpers.worlds import opening
from zfhelpers.worlds.frames import DecodedOnDemand
from zfhelpers.worlds.opening import open_world
from zfhelpers.worlds.world import ImageSet, World

CLASSES, A_CLASS, VALIDATION = 1000, 22, 1  # 22,000 frames are more than are kept decoded: they are read as 1.28 million are
SMALL, AS_PUBLISHED = (256, 341), (375, 500)  # (height, width): with a shorter side of 256 px, and as most of ILSVRC-2012 are
QUALITY = 90  # of JPEG; with it a pixel takes 0.6 bytes, as in ILSVRC-2012
PAPER = 1_281_167  # training images of ILSVRC-2012
REHEARSED = Recipe(width=1 / 16, fc=64, epochs=1, kept=())  # so small a network that the loader has the most to do

# What the projection takes for granted: nobody here has measured it.
PEAK = 989e12  # FLOP/s of an H100 SXM in bfloat16, dense; NVIDIA's data sheet
UTILISATION = 0.1  # of it; ours, a cautious guess: a network as small as this fills a large GPU badly
FIXED = 4e-3  # s a step, whatever its size; ours, a guess: kernels to start, a host that waits, and 250 MB of gradients on NVLink
CORES = 16  # for each GPU


def processor_seconds() -> float:
    """That this process has used, on all cores."""
    used = resource.getrusage(resource.RUSAGE_SELF)
    return used.ru_utime + used.ru_stime


def memory_mb() -> float:
    """That this process holds now."""
    return psutil.Process().memory_info().rss / 2**20


@contextmanager
def clock() -> Iterator[dict[str, float]]:
    """Fills a dictionary with the processor's seconds and those on the wall."""
    taken, began, wall = {}, processor_seconds(), time.perf_counter()
    yield taken
    taken |= {"seconds": round(processor_seconds() - began, 2), "wall": round(time.perf_counter() - wall, 2)}


class Watch:
    """Takes down memory and time at every step."""

    def __init__(self):
        self.rows: list[tuple[float, float, float]] = []

    def look(self) -> None:
        """At a step."""
        self.rows.append((memory_mb(), processor_seconds(), time.perf_counter()))

    def summary(self, images: int) -> dict:
        """Rates and memory, where a step took so many images; the first fifth of the steps, when buffers grow, is not fitted."""
        memory, seconds, wall = np.array(self.rows).T
        steps = len(memory) - 1
        fitted = np.arange(len(memory) // 5, len(memory))
        slope = float(np.polyfit(fitted * images / 1000, memory[fitted], 1)[0])
        return {
            "steps": steps,
            "images/s of a core": round(steps * images / (seconds[-1] - seconds[0])),
            "images/s on the wall": round(steps * images / (wall[-1] - wall[0])),
            "memory, MB": {"first": round(memory[0]), "most": round(memory.max()), "last": round(memory[-1])},
            "slope, MB in 1,000 images": round(slope, 3),
            "slope, MB in an epoch of ILSVRC-2012": round(slope * PAPER / 1000),
        }


def picture(shape: tuple[int, int], seed: int) -> np.ndarray:
    """Noise (*shape, 3) uint8 whose spectrum falls as that of photographs does: a JPEG file of it is as large as theirs."""
    rng, (height, width) = np.random.default_rng(seed), shape
    frequency = np.hypot(np.fft.fftfreq(height)[:, None], np.fft.rfftfreq(width))
    frequency[0, 0] = 1
    noise = np.fft.irfft2(np.fft.rfft2(rng.standard_normal((3, height, width))) / frequency, s=shape)
    noise = 0.85 * noise[:1] + 0.15 * noise
    return np.clip(128 + 60 * noise / noise.std(), 0, 255).astype(np.uint8).transpose(1, 2, 0)


def write_class(root: Path, label: int, canvas: np.ndarray) -> int:
    """The files of a class: windows of a canvas in the class's own tint. Returns their bytes."""
    rng, size = np.random.default_rng([1, label]), 0
    tinted = np.clip(canvas + rng.integers(-50, 50, 3), 0, 255).astype(np.uint8)
    for split, count in (("train", A_CLASS), ("val", VALIDATION)):
        folder = root / split / f"n{label:08d}"
        folder.mkdir(parents=True)
        for number in range(count):
            top, left = rng.integers(0, np.array(canvas.shape[:2]) - SMALL)
            file = folder / f"{folder.name}_{number}.JPEG"
            Image.fromarray(tinted[top : top + SMALL[0], left : left + SMALL[1]]).save(file, quality=QUALITY)
            size += file.stat().st_size
    return size


def write_files(root: Path) -> dict:
    """A folder that looks like ILSVRC-2012 unpacked by torchvision."""
    canvas = picture((512, 682), 0)
    with clock() as taken, ThreadPoolExecutor() as pool:
        sizes = list(pool.map(lambda label: write_class(root, label, canvas), range(CLASSES)))
    names = {f"n{label:08d}": (f"class {label}",) for label in range(CLASSES)}
    torch.save((names, list(names)), root / "meta.bin")
    each = round(sum(sizes) / CLASSES / (A_CLASS + VALIDATION) / 1000, 1)
    return {"classes": CLASSES, "images a class": A_CLASS, "pixels": SMALL, "kB each": each, **taken}


def names_of_all() -> dict:
    """What the world costs before the first step with as many names as ILSVRC-2012 has, none of them a file."""

    class Listing:
        def __init__(self, split: str):
            self.classes = [(f"class {label}",) for label in range(CLASSES)]
            folder, each = f"/data/downloads/imagenet/{split}", -(-PAPER // CLASSES) if split == "train" else 50
            names = ((f"n{label:08d}", label, number) for label in range(CLASSES) for number in range(each))
            self.samples = [(f"{folder}/{wnid}/{wnid}_{number}.JPEG", label) for wnid, label, number in names]

    with clock() as invented:
        Listing("train")
    opening._ilsvrc = Listing
    world, before = open_world("imagenet"), memory_mb()
    with clock() as taken:
        images = world.train
    most = resource.getrusage(resource.RUSAGE_SELF).ru_maxrss / (2**20 if sys.platform == "darwin" else 2**10)
    return {
        "names": len(images),
        "seconds": round(taken["seconds"] - invented["seconds"], 2),
        "MB kept": round(memory_mb() - before),
        "MB at most meanwhile": round(most - before),
    }


def load_epoch(world: World) -> dict:
    """An epoch as training reads it: decoded, cropped and mirrored, and the mean image taken away; no network looks."""
    watch, recipe = Watch(), Recipe()
    for frames, _, draws in epoch_batches(world.train, recipe, 1, 0):
        augment(frames, world.image_size, draws).float().sub_(world.mean).contiguous(memory_format=torch.channels_last)
        watch.look()
    return watch.summary(recipe.batch)


def crop_seconds(folder: Path, shape: tuple[int, int], side: int, repeats: int) -> float:
    """Seconds of a core, from a file of such a shape to a random crop of 7/8 of a frame of such a side: a GPU does the rest."""
    folder.mkdir()
    canvas, files = picture((shape[0] + 64, shape[1] + 64), 2), [str(folder / f"{number}.JPEG") for number in range(64)]
    for number, file in enumerate(files):
        Image.fromarray(canvas[number:, number:][: shape[0], : shape[1]]).save(file, quality=QUALITY)
    count = len(files) * repeats
    images = ImageSet(DecodedOnDemand(files * repeats, side), np.zeros(count), side * 7 // 8)
    with clock() as taken:
        for frames, _, draws in epoch_batches(images, Recipe(), 1, 0):
            augment(frames, images.image_size, draws)
    return taken["seconds"] / count


def train_here(out: Path) -> None:
    """The package's own training of the rehearsed network, watched, in this process or in one of several."""
    rank, ranks = (int(os.environ.get(name, default)) for name, default in (("RANK", 0), ("WORLD_SIZE", 1)))
    watch, add_up_mean, mean = Watch(), loop.add_up_mean, {}

    def watched(*args) -> Iterator:
        for batch in epoch_batches(*args):
            watch.look()
            yield batch

    def timed(world: World, accelerator) -> None:
        images = len(world.train) / ranks
        with clock() as taken:
            add_up_mean(world, accelerator)
        mean.update(taken, **{"images/s of a core": round(images / taken["seconds"])})

    loop.epoch_batches, loop.add_up_mean = watched, timed
    loop.train(open_world("imagenet"), REHEARSED, out)
    found = {"mean image": mean, **watch.summary(REHEARSED.batch // ranks)}
    out.joinpath(f"watched-{rank}.json").write_text(json.dumps(found))


def train(out: Path, processes: int) -> dict:
    """The same as it is begun: by itself, or by `accelerate launch`. On processors that needs --multi_gpu to start two."""
    launch = ["-m", "accelerate.commands.launch", "--multi_gpu", "--num_processes", str(processes), "--num_machines", "1",
              "--mixed_precision", "no", "--dynamo_backend", "no", "--main_process_port", "0"]  # fmt: skip
    command = [sys.executable, *(launch if processes > 1 else ()), __file__, "training", str(out)]
    with clock() as taken:
        subprocess.run(command, check=True, stdout=subprocess.DEVNULL)
    card = json.loads((out / "zfnet.json").read_text())
    return {
        "wall, with its start": taken["wall"],
        "loss": round(card["metrics"]["train_loss"], 4),
        "validation loss": round(card["metrics"]["val_loss"], 4),
        "each process": [json.loads(file.read_text()) for file in sorted(out.glob("watched-*.json"))],
    }


def step_flop() -> float:
    """Operations of a training step, for each image: forward and backward through the paper's network, a multiply-add as two."""
    with FlopCounterMode(display=False) as counted:
        ZFNet()(torch.zeros(1, 3, 224, 224)).sum().backward()
    return counted.get_total_flops()


def project(seconds: dict[str, float], one_process: float) -> dict:
    """Hours of the paper's 70 epochs on H100s, with the slowest of three: GPUs, cores that decode, and Python's lock.

    Args:
        seconds: of a core for each image, from file to crop, by the size of the files.
        one_process: images/s that no number of cores exceeds in one process.
    """
    recipe, flop = Recipe(), step_flop()
    steps = recipe.epochs * steps_per_epoch(PAPER, recipe.batch)
    found = {
        "GFLOP of a step, an image": round(flop / 1e9, 2),
        "taken for granted": f"{UTILISATION} of {PEAK / 1e12:.0f} TFLOP/s, and {FIXED * 1000:.0f} ms a step besides; a process "
        f"and {CORES} such cores for each GPU; files on a disk as fast; batches of {recipe.batch} over all GPUs, as the paper's",
    }
    for gpus in (1, 8):
        rates = {"GPU": recipe.batch / (recipe.batch / gpus * flop / PEAK / UTILISATION + FIXED), "lock": gpus * one_process}
        for size, each in seconds.items():
            limits = rates | {"cores": gpus * CORES / each}
            by = min(limits, key=limits.get)
            found[f"{gpus} GPU, files of {size}"] = {
                "hours": round(steps * recipe.batch / limits[by] / 3600, 1),
                "held up by": by,
                "images/s": {name: round(rate) for name, rate in limits.items()},
                "cores to feed the GPU": round(limits["GPU"] * each, 1),
                "minutes for the mean image before": round(PAPER * each / (gpus * CORES) / 60, 1),
            }
    return found


def jobs() -> dict:
    """Everything, with a line for each thing as soon as it is known."""
    found, wall = {}, time.perf_counter()

    def note(what: str, value: object) -> None:
        found[what] = value
        print(f"{what}: {json.dumps(value)}", flush=True)

    with tempfile.TemporaryDirectory(prefix="rehearsal-") as name, mock.patch.dict(os.environ):
        here = Path(name)
        os.environ |= {"ZF_DATA": name, "ZF_CACHE": str(here / "cache"), "ZF_PROGRESS": "0"}
        note("files", write_files(here / "imagenet"))
        command = [sys.executable, __file__, "names"]
        note("1.28 million names", json.loads(subprocess.run(command, check=True, capture_output=True, text=True).stdout))
        world = open_world("imagenet", mean=torch.full((3, 224, 224), 128.0))
        with clock() as taken:
            count = len(world.train)
        note("opening", {"files": count, **taken, "seconds for ILSVRC-2012": round(taken["seconds"] * PAPER / count, 1)})
        note("loader", load_epoch(world))
        shapes = {"256 x 341": SMALL, "375 x 500": AS_PUBLISHED}
        cropping = {size: crop_seconds(here / size, shape, 256, 8) for size, shape in shapes.items()}
        note("ms of a core, from file to crop", {size: round(each * 1000, 2) for size, each in cropping.items()})
        # Of so small images Python alone is left, which one thread at a time runs; that threads meet at its lock counts as well.
        lock = crop_seconds(here / "tiny", (8, 8), 8, 128)
        note("images/s of one process at most", round(1 / lock))
        note("training, one process", train(here / "one", 1))
        note("training, two processes", train(here / "two", 2))
    found["projection"] = project(cropping, 1 / lock)
    if torch.cuda.is_available():
        each = step_seconds(Recipe(), CLASSES, 224) / Recipe().batch
        found["projection"]["measured"] = {torch.cuda.get_device_name(): f"{1 / each:.0f} images/s, the network alone"}
    print(json.dumps(found["projection"], indent=1))
    note("wall seconds of it all", round(time.perf_counter() - wall))
    return found


def main() -> None:
    """All of it, or a part that has a process of its own."""
    match sys.argv[1:]:
        case ["names"]:
            print(json.dumps(names_of_all()))
        case ["training", out]:
            train_here(Path(out))
        case []:
            jobs()


if __name__ == "__main__":
    main()
