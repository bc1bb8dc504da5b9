"""Every network of this course, as data.

    >>> list(listed("toy"))[:5]
    ['zfnet', 'fig6-zfnet-uncapped', 'fig6-alexnet', 'fig6-alexnet-uncapped', 'table3/alexnet-0']

`fig6-...` are the networks of Fig. 6: two architectures, with and without the cap on the filters' RMS, from the same seed, by the
paper's rate and AlexNet's weight decay in every world. In the toy world `zfnet` is one of them already. `table3/...` are those of
Tables 2 and 3, `scratch/...` those of Table 4, trained on a few images of a target instead of the world's own.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass, replace
from typing import NamedTuple

from zfhelpers.model import TABLE3
from zfhelpers.training.recipe import RECIPES, Recipe, recipe_for

BASES = {row: "alexnet" if row.startswith("alexnet") else "zfnet" for row in TABLE3}  # what each row of Table 3 is held against
SEEDS = range(3)  # of every row of Table 3
ENSEMBLE = range(5)  # of our network: the "5 convnets" of Table 2
FOLDS = range(5)  # sec. 5.2


class Few(NamedTuple):
    """The images of a network from scratch: one division of a target, see `worlds.few.few_images`."""

    target: str
    per_class: int
    fold: int


@dataclass(frozen=True)
class Entry:
    """How a network of the course is made: by which recipe, and on which images, the world's own if `few` is None."""

    recipe: Recipe
    few: Few | None = None


class Scratch(NamedTuple):
    """The networks from scratch of Table 4."""

    target: str
    counts: Sequence[int]  # training images of a class
    folds: Sequence[int]  # random divisions
    epochs: int


# With a hundred classes the first plateau alone takes ten epochs.
SCRATCH = {"toy": Scratch("toy-novel", (5, 15, 30), FOLDS, 30), "imagenette": Scratch("caltech101", (15, 30), FOLDS, 60)}
SCRATCH_ELSEWHERE = Scratch("caltech101", (15, 30), FOLDS[:1], 60)


def scratch_of(world: str) -> Scratch:
    """Which networks from scratch a world has."""
    return SCRATCH.get(world, SCRATCH_ELSEWHERE)


def listed(world: str) -> dict[str, Entry]:
    """The networks of a world, by name; `zfnet` is its own.

    >>> listed("imagenette")["fig6-alexnet"].recipe.epochs, listed("toy")["scratch/toy-novel-5-2"].few
    (30, Few(target='toy-novel', per_class=5, fold=2))
    """
    own = recipe_for(world)
    paper = replace(own, rate=Recipe.rate, weight_decay=Recipe.weight_decay, kept=())
    fig6 = replace(paper, epochs=64 if world == "toy" else 30)  # elsewhere an epoch takes minutes
    networks = {
        "zfnet": own,
        "fig6-zfnet": fig6,
        "fig6-zfnet-uncapped": replace(fig6, renormalise=False),
        "fig6-alexnet": replace(fig6, variant="alexnet"),
        "fig6-alexnet-uncapped": replace(fig6, variant="alexnet", renormalise=False),
        **_tables(world, paper),
    }
    if world == "toy":
        del networks["fig6-zfnet"]  # it is `zfnet`
    return {name: Entry(recipe) for name, recipe in networks.items()} | _scratch(scratch_of(world), paper)


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


def network_name(target: str, per_class: int, fold: int) -> str:
    """How a network from scratch is called; also where its files lie.

    >>> network_name("toy-novel", 30, 0)
    'scratch/toy-novel-30-0'
    """
    return f"scratch/{target}-{per_class}-{fold}"


def _tables(world: str, paper: Recipe) -> dict[str, Recipe]:
    """The networks of Tables 2 and 3: every row with each seed, and more of ours, so that five can be averaged.

    On a few thousand photographs they are narrow, so that all take an hour on two cores, and at half the paper's rate: at the
    whole one the replication without layers 3, 4, 6 and 7 falls back to guessing.
    """
    seeds, recipe = SEEDS, replace(paper, epochs=30)
    if world not in RECIPES:
        seeds, recipe = SEEDS[:1], replace(recipe, width=0.25, fc=256, rate=5e-3)
    wanted = [(row, seed) for seed in seeds for row in TABLE3] + [("zfnet", seed) for seed in ENSEMBLE if seed not in seeds]
    return {f"table3/{row}-{seed}": replace(recipe, variant=row, seed=seed) for row, seed in wanted}


def _scratch(scratch: Scratch, paper: Recipe) -> dict[str, Entry]:
    """The networks from scratch of Table 4, in small batches: an epoch is 3,000 images."""
    recipe = replace(paper, batch=32, epochs=scratch.epochs)
    divisions = [Few(scratch.target, per_class, fold) for fold in scratch.folds for per_class in scratch.counts]
    return {network_name(*few): Entry(recipe, few) for few in divisions}
