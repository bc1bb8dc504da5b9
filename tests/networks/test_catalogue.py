"""The catalogue is data: it costs no machinery, and its entries fit the rows of Table 3."""

import subprocess
import sys
from dataclasses import replace

import numpy as np
import pytest

from zfhelpers.files import project_dir
from zfhelpers.model import OPEN, TABLE3
from zfhelpers.networks.catalogue import BASES, BORROWING, listed, scratch_of, shipped
from zfhelpers.training.batches import steps_per_epoch
from zfhelpers.training.loop import anneal
from zfhelpers.training.state import Progress


@pytest.mark.parametrize(
    "statement",
    [
        "from zfhelpers.networks.catalogue import BASES, listed; listed('toy')",
        "from zfhelpers.training.recipe import recipe_for",
        "from zfhelpers.views.ablation import ablation_view",
        "from zfhelpers.networks.trained import trained",
    ],
)
def test_a_name_from_the_catalogue_brings_no_training_along(statement):
    code = f"import sys; {statement}; print(*sorted({{name.partition('.')[0] for name in sys.modules}}))"
    done = subprocess.run([sys.executable, "-c", code], capture_output=True, text=True)
    assert done.returncode == 0, done.stderr[-2000:]
    assert not {"accelerate", "sklearn"} & set(done.stdout.split())


def test_what_is_shipped_stays_small():
    """80 MB in all: whoever clones the project fetches every network."""
    assert sum(path.stat().st_size for path in (project_dir() / "data" / "checkpoints").rglob("*") if path.is_file()) < 80e6


def test_the_recipes_themselves_need_no_torch():
    code = "import sys; from zfhelpers.training.recipe import recipe_for; print('torch' in sys.modules, 'numpy' in sys.modules)"
    done = subprocess.run([sys.executable, "-c", code], capture_output=True, text=True, check=True)
    assert done.stdout == "False False\n"


@pytest.mark.parametrize("world", ["toy", "imagenette", "tinyimagenet", "imagenet", "folder:/somewhere"])
def test_every_entry_names_a_row_and_only_those_from_scratch_have_images_of_their_own(world):
    for name, entry in listed(world).items():
        assert entry.recipe.variant in TABLE3 | (OPEN if name.startswith("open/") else {})
        assert (entry.few is not None) == name.startswith("scratch/")
        assert entry.few is None or entry.few.target == scratch_of(world).target


def test_a_base_is_its_own_base_and_shares_the_first_layers_of_its_rows():
    for row, base in BASES.items():
        assert BASES[base] == base
        assert TABLE3[row].conv1 == TABLE3[base].conv1


def borrowing():
    return {name: entry for name, entry in listed("tinyimagenet").items() if entry.some}


def test_the_curve_has_three_draws_of_every_count_and_its_controls():
    found = {name: entry.some for name, entry in borrowing().items()}
    assert set(found) == {
        *(f"classes/{count}-{draw}" for count in (5, 10, 20, 50, 100, 200) for draw in range(3)),
        *(f"images/50-{draw}" for draw in range(3)),
        "controls/without-caltech101-0",
        "controls/imagenette-0",
        "controls/imagenette-64px-0",
    }
    assert [found[f"classes/{count}-2"].classes for count in (5, 200)] == [5, 200]
    for draw in range(3):
        fifty, twenty = found[f"images/50-{draw}"], found[f"classes/20-{draw}"]
        assert fifty.classes * fifty.per_class == twenty.classes * twenty.per_class == 4500
        assert fifty.draw == twenty.draw == draw


def test_all_networks_of_the_curve_take_the_same_steps_at_the_same_rates():
    def rates(entry):
        """The rate at every step, of a network whose validation error never falls after the first epoch, or always does."""
        recipe, found = entry.recipe, []
        for errors in ([0.5] * recipe.epochs, np.linspace(0.5, 0.1, recipe.epochs)):
            progress = Progress(rate=recipe.rate)
            for epoch, error in enumerate(errors, start=1):
                found += [progress.rate] * steps_per_epoch(entry.some.epoch, recipe.batch)
                anneal(progress, recipe, epoch, error, guessing=0.9)
        return found

    every = [rates(entry) for entry in borrowing().values()]
    half = len(every[0]) // 2
    assert half == 14 * 351
    assert every[0][:half] == every[0][half:]  # whatever the validation error does
    assert every[0][half - 1] == pytest.approx(1e-4)
    assert all(each == every[0] for each in every)
    alike = [replace(entry.recipe, seed=0) for entry in borrowing().values()]
    assert all(each == alike[0] for each in alike)
    assert (alike[0].width, alike[0].fc, alike[0].rate) == (0.25, 256, 0.01)


def test_tinyimagenet_has_neither_fig_6_nor_tables_2_and_3_and_ships_one_network():
    assert {name.partition("/")[0] for name in listed("tinyimagenet")} == {"zfnet", "scratch", *BORROWING}
    assert shipped("tinyimagenet") == ["zfnet"]


def test_networks_from_scratch_are_imagenettes_own():
    ours, theirs = listed("tinyimagenet"), listed("imagenette")
    for name in ("scratch/caltech101-15-0", "scratch/caltech101-30-0"):
        assert ours[name] == theirs[name]
