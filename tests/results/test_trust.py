"""The numbers of lesson 14: what is left out, compared and said."""

import numpy as np
import pytest
import torch

import zfhelpers as zf
from zfhelpers.experiments import switches
from zfhelpers.experiments.attribution import importance
from zfhelpers.model import Architecture, ZFNet
from zfhelpers.results import trust

NET = ZFNet(Architecture(classes=5, image_size=64, width=0.125, fc=(16, 16))).eval()
IMAGES = torch.randn(3, 3, 64, 64, generator=torch.Generator().manual_seed(0)) * 60


def test_a_mean_leaves_out_what_is_not_known():
    value, (low, high) = trust.mean_of([1.0, np.nan, 3.0])
    assert value == 2
    assert 1 <= low <= 2 <= high <= 3


def test_a_gain_is_judged_by_its_whole_interval():
    assert trust.verdict((0.1, 0.2)) == "knows more than size"
    assert trust.verdict((-0.2, -0.1)) == "knows less than size"
    assert trust.verdict((-0.1, 0.1)) == "cannot be told from size"


def test_gains_are_of_the_same_images():
    level = np.array([0.0, 1.0, 0.5, 0.2])
    scores = {"method": {"rank correlation": level + 0.1}, "size alone": {"rank correlation": level}}
    value, (low, high) = trust.against_size(scores)["method"]
    assert (value, low, high) == pytest.approx((0.1, 0.1, 0.1))  # far closer than the two means are known


def test_the_table_has_a_row_for_each_method_and_a_dash_for_what_was_not_asked():
    names = [*trust.COLUMNS.values(), "rank accuracy"]
    found = {row: {name: (0.5, (0.4, 0.6)) for name in names} for row in ("guided", "size alone")}
    table = trust.trust_table(found, {"guided": (0.2, (0.1, 0.3))}, {"target sensitivity": {"guided": 0.75}})
    assert [line[0] for line in table.lines[1:]] == ["guided", "size alone"]
    assert table.lines[1][1] == "0.50 (0.40 to 0.60)"
    assert table.lines[1][-2:] == ["0.75", "knows more than size"]
    assert table.lines[2][-2:] == ["-", "-"]


def test_the_true_map_holds_what_the_answer_loses_without_the_part_that_a_pixel_shows():
    net, world = zf.load("toy")
    found = trust.true_map(net, world, 169)
    from zfhelpers.experiments.trial import Trial

    trial = Trial.of(net, world, [169], 1)
    for name, fall in zip(trial.images[0].parts, trial.truths[0], strict=True):
        np.testing.assert_allclose(found[trial.images[0].masks[name]], fall)
    assert (found[~trial.images[0].object] == 0).all()
    assert trust.true_map(net, zf.open_world("imagenette"), 0) is None


def test_randomised_pictures_begin_as_they_were():
    found, names = trust.randomisation(NET, IMAGES, [0, 1, 2], ["gradient"])
    assert names == ["none", *(f"layer{number}" for number in range(8, 0, -1))]
    assert found["gradient"].shape == (9, 3)
    assert (found["gradient"][0] == 1).all()
    assert (found["gradient"][-1] < 1).all()
    apart = trust.other_images(NET, IMAGES, [0, 1, 2], ["gradient"])["gradient"]
    assert apart.shape == (3,)


def test_exchanged_switches_are_held_against_the_whole_picture():
    alike, pictures = trust.exchanged_switches(NET, IMAGES, torch.Generator().manual_seed(0))
    signal = switches.strongest(NET, IMAGES)
    torch.testing.assert_close(pictures["both"], switches.down(NET, IMAGES, signal, [0, 1, 2]))
    torch.testing.assert_close(pictures["signal"], switches.down(NET, IMAGES, signal, [1, 2, 0]))
    one, other = pictures["both"][0].flatten().double(), pictures["switches"][0].flatten().double()
    assert alike["switches"][0] == pytest.approx(float(one @ other / (one.norm() * other.norm())), abs=1e-5)
    assert set(alike) == {"signal", "switches"}


def test_curves_go_down_and_up():
    maps = {"gradient": importance(NET, IMAGES, "gradient", [0, 1, 2])}
    found = trust.curves(NET, IMAGES, [0, 1, 2], maps, steps=4)
    assert {key: value.shape for key, value in found.items()} == {
        ("gradient", "deletion"): (3, 5), ("gradient", "insertion"): (3, 5)}  # fmt: skip
    np.testing.assert_allclose(found["gradient", "deletion"][:, 0], found["gradient", "insertion"][:, -1], atol=1e-6)
