"""The catalogue is data: it costs no machinery, and its entries fit the rows of Table 3."""

import subprocess
import sys

import pytest

from zfhelpers.model import TABLE3
from zfhelpers.networks.catalogue import BASES, listed, scratch_of


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


def test_the_recipes_themselves_need_no_torch():
    code = "import sys; from zfhelpers.training.recipe import recipe_for; print('torch' in sys.modules, 'numpy' in sys.modules)"
    done = subprocess.run([sys.executable, "-c", code], capture_output=True, text=True, check=True)
    assert done.stdout == "False False\n"


@pytest.mark.parametrize("world", ["toy", "imagenette", "imagenet", "folder:/somewhere"])
def test_every_entry_names_a_row_and_only_those_from_scratch_have_images_of_their_own(world):
    for name, entry in listed(world).items():
        assert entry.recipe.variant in TABLE3
        assert (entry.few is not None) == name.startswith("scratch/")
        assert entry.few is None or entry.few.target == scratch_of(world).target


def test_a_base_is_its_own_base_and_shares_the_first_layers_of_its_rows():
    for row, base in BASES.items():
        assert BASES[base] == base
        assert TABLE3[row].conv1 == TABLE3[base].conv1
