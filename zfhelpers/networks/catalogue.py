"""Every network of this course, as data."""

from __future__ import annotations

from collections.abc import Sequence

from zfhelpers.model import TABLE3
from zfhelpers.training.recipe import FIRST_RATE, WEIGHT_DECAY, WORLDS
from zfhelpers.training.weights import EPOCHS

_PAPER = {"rate": FIRST_RATE, "weight_decay": WEIGHT_DECAY}
_UNCAPPED = {"renormalise": False}
SEEDS = range(3)  # of every row of Table 3
ENSEMBLE = range(5)  # of our network: the "5 convnets" of Table 2
QUICK = {"width": 0.25, "fc": 256, "epochs": 30}  # Tables 2 and 3 on a few thousand photographs: an hour on two cores
QUICK |= {"rate": 5e-3}  # at the paper's 1e-2 the replication without layers 3, 4, 6 and 7 falls back to guessing on photographs
FOLDS = range(5)  # sec. 5.2
# The baseline of Table 4: target, images of a class, divisions, epochs. With a hundred classes the first plateau alone takes ten.
FEW = {"toy": ("toy-novel", (5, 15, 30), FOLDS, 30), "imagenette": ("caltech101", (15, 30), FOLDS, 60)}
ELSEWHERE = ("caltech101", (15, 30), range(1), 60)


def listed(world: str) -> dict[str, dict]:
    """The networks of a world: {name: what `train` is told}. Fig. 6 has 30 epochs where an epoch takes minutes.

    >>> list(listed("toy"))[:5]
    ['zfnet', 'fig6-zfnet-uncapped', 'fig6-alexnet', 'fig6-alexnet-uncapped', 'table3/alexnet-0']
    """
    fig6 = {**_PAPER, "epochs": 64 if world == "toy" else 30, "kept": ()}
    capped = {} if world == "toy" else {"fig6-zfnet": {"variant": "zfnet", **fig6}}
    return {
        "zfnet": {"variant": "zfnet", "epochs": 64, "kept": EPOCHS},
        **capped,
        "fig6-zfnet-uncapped": {"variant": "zfnet", **fig6, **_UNCAPPED},
        "fig6-alexnet": {"variant": "alexnet", **fig6},
        "fig6-alexnet-uncapped": {"variant": "alexnet", **fig6, **_UNCAPPED},
        **(_tables(SEEDS, **_PAPER, epochs=30, kept=()) if world in WORLDS else _tables([0], **(_PAPER | QUICK), kept=())),
        **_scratch(*FEW.get(world, ELSEWHERE), **_PAPER, kept=()),
    }


def shipped(world: str) -> list[str]:
    """Those of them that the repository has room for (80 MB in all).

    Of Tables 2 to 4 on photographs there are records alone, and of the toy networks from scratch only three divisions of the
    paper's numbers of images, 15 and 30, lie here.

    >>> set(listed("imagenette")) - set(shipped("imagenette")) >= {"table3/zfnet-0", "scratch/caltech101-30-0"}
    True
    """
    few = [network_name("toy-novel", per_class, fold) for per_class in (15, 30) for fold in FOLDS[:3]]
    tables = ("table3/", "scratch/")
    return [name for name in listed(world) if not name.startswith(tables if world != "toy" else "scratch/") or name in few]


def _tables(seeds: Sequence[int], **budget) -> dict[str, dict]:
    """The networks of Tables 2 and 3: every row with each seed, and more of ours, so that five can be averaged."""
    wanted = [(row, seed) for seed in seeds for row in TABLE3] + [("zfnet", seed) for seed in ENSEMBLE if seed not in seeds]
    return {f"table3/{row}-{seed}": {"variant": row, "seed": seed, **budget} for row, seed in wanted}


def _scratch(target: str, counts: Sequence[int], folds: Sequence[int], epochs: int, **budget) -> dict[str, dict]:
    """The networks from scratch of Table 4; `few` says on which images. Small batches: an epoch is 3,000 images."""
    return {
        network_name(target, per_class, fold): {
            "variant": "zfnet",
            "few": (target, per_class, fold),
            "batch": 32,
            "epochs": epochs,
            **budget,
        }
        for fold in folds
        for per_class in counts
    }


def network_name(target: str, per_class: int, fold: int) -> str:
    """How a network from scratch is called; also where its files lie.

    >>> network_name("toy-novel", 30, 0)
    'scratch/toy-novel-30-0'
    """
    return f"scratch/{target}-{per_class}-{fold}"
