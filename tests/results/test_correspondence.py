"""Table 1 and the leads of its parts, counted once more pair by pair."""

from itertools import combinations

import numpy as np
import pytest
import torch

from zfhelpers.experiments.correspondence import Correspondence
from zfhelpers.paper import measurements
from zfhelpers.results.correspondence import lead, leads, measure_fives, moved_and_delta, shares, surely_alike, table1
from zfhelpers.worlds.faces import PARTS


def made_up(n=20, units=60):
    """Signs of random places without a rule; the nose moves the same units alike in all dogs."""
    rng = np.random.default_rng(0)

    def signs(alike):
        each = rng.integers(-1, 2, (n, units))
        each[:, :alike] = 1
        return Correspondence(torch.from_numpy(each.astype(np.int8)), torch.ones(n))

    alike = {"right_eye": 0, "left_eye": 0, "nose": 40, "random 1": 0, "random 2": 0}
    return {name: {layer: signs(count) for layer in ("layer5", "layer7")} for name, count in alike.items()}


CHANGES = made_up()


def by_hand(name, layer):
    signs = CHANGES[name][layer].signs.numpy()
    return np.mean([(signs[i] != signs[j]).mean() for i, j in combinations(range(len(signs)), 2)])


def test_table_has_each_cell_beside_the_papers():
    run = measurements.begin("a_lesson", "toy")
    table = table1(CHANGES, "counted")
    found = {each.name: each for each in run.measurements}
    assert found["nose, layer5, zeros counted"].value == pytest.approx(by_hand("nose", "layer5"), abs=1e-6)
    both = (by_hand("random 1", "layer7") + by_hand("random 2", "layer7")) / 2
    assert found["random, layer7, zeros counted"].value == pytest.approx(both, abs=1e-6)
    assert found["random, layer7, zeros counted"].paper == 0.073
    assert str(table).splitlines()[2].split() == ["right", "eye", "0.067", "0.069"]
    assert f"{by_hand('nose', 'layer5'):.3f} (" in table._repr_html_()
    assert "paper" not in str(table1(CHANGES, "left_out"))


def test_leads_are_random_minus_part_and_only_the_nose_has_one():
    run = measurements.begin("a_lesson", "toy")
    found = leads(CHANGES, "counted")
    values = shares(CHANGES, "random", "layer5", "counted") - shares(CHANGES, "nose", "layer5", "counted")
    assert found["layer5"]["nose"][0] == pytest.approx(float(values.sum()) / (20 * 19))
    assert len(run.measurements) == len(PARTS) * 2
    assert surely_alike(CHANGES, "left_out") == [("nose", "layer5"), ("nose", "layer7")]
    narrow, wide = (lead(CHANGES, "nose", "layer5", "counted", share=share)[1] for share in (0.5, 0.99))
    assert wide[0] < narrow[0] < narrow[1] < wide[1]


def test_masks_that_move_more_have_a_larger_delta_and_five_dogs_see_it():
    run = measurements.begin("a_lesson", "toy")
    few = {name: {"layer5": Correspondence(each["layer5"].signs * 0, torch.ones(20))} for name, each in CHANGES.items()}
    few["right_eye"]["layer5"].signs[:, :6] = torch.randint(-1, 2, (20, 6), dtype=torch.int8)
    few["random 1"]["layer5"].signs[:, :60] = torch.randint(-1, 2, (20, 60), dtype=torch.int8)
    found = moved_and_delta(few, "layer5")
    assert found["units that change"]["nose"] == found["Delta, counted"]["nose"] == 0
    changed = (few["random 1"]["layer5"].signs != 0).float().mean() / 2  # the second draw of random moves nothing
    assert found["units that change"]["random"] == pytest.approx(float(changed))
    measure_fives(few, "layer5", draws=20)
    assert [each.value for each in run.measurements] == [1, 100]
