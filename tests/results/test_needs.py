"""What a section of a notebook lacks, said in one sentence."""

import pytest

from zfhelpers import open_world
from zfhelpers.networks.trained import Network
from zfhelpers.results import needs


@pytest.fixture(scope="module")
def toy():
    return open_world("toy")


def test_scenes_are_drawn_anew_in_the_toy_world_alone(toy):
    assert needs.redrawn(toy) == ""
    assert needs.redrawn(open_world("imagenette")) == (
        "it needs scenes that can be drawn anew, moved and turned; the toy world alone has them (WORLD=toy)."
    )


def test_a_target_that_is_there_and_one_that_is_not(toy, tmp_path, monkeypatch):
    monkeypatch.setenv("ZF_DATA", str(tmp_path))
    assert needs.target(toy, "toy-novel") == ""
    assert needs.target(toy, "caltech101").startswith("it needs the images of caltech101. caltech101 is not in ")


def test_a_target_of_too_many_classes(toy):
    assert needs.target(toy, "toy-novel", 20) == ""
    assert needs.target(toy, "toy-novel", 19) == (
        "it needs a target of no more than 19 classes, or it would take many minutes; toy-novel has 20."
    )


def test_networks_from_scratch_are_shipped_or_their_record_is(toy, monkeypatch):
    def no_record(world, table):
        raise FileNotFoundError("There is no record.")

    assert needs.scratch(toy, "toy-novel", (5, 15, 30)) == ""  # on record
    monkeypatch.setattr(needs, "read_record", no_record)
    assert needs.scratch(toy, "toy-novel", (15, 30), range(3)) == ""  # shipped
    assert needs.scratch(toy, "toy-novel", (5, 15, 30), range(3)) == (
        "it needs networks trained from scratch on 5 images of each class of toy-novel; 'make train WORLD=toy' trains them."
    )
    assert needs.scratch(toy, "toy-novel", (15,), [7]).startswith("it needs networks trained from scratch on 15 images")


def test_nobody_trains_from_scratch_on_a_target_that_is_not_the_default(toy):
    assert needs.scratch(toy, "caltech256", (15, 30)) == (
        "it needs networks trained from scratch on 15 and on 30 images of each class of caltech256, and there are none."
    )


def test_table_2_needs_a_network_that_it_shows_or_a_record(toy, monkeypatch):
    """Without layer 7 a network belongs to Table 3 alone."""
    monkeypatch.setattr(needs, "trained", lambda world: {Network("alexnet-no-7", 0): "table3/alexnet-no-7-0"})
    assert needs.table(toy, 3) == ""
    assert needs.table(toy, 2) == "it needs the networks of Table 2; 'make train WORLD=toy' trains them."
    monkeypatch.setattr(needs, "trained", lambda world: {Network("zfnet", 4): "table3/zfnet-4"})
    assert needs.table(toy, 2) == ""
    monkeypatch.setattr(needs, "trained", lambda world: {})
    assert needs.table(open_world("imagenette"), 2) == ""  # on record
