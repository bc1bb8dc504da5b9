"""What several runs put on record, and what a run of the first seed alone renews."""

import nbformat
import pytest
from nbformat.v4 import new_code_cell, new_notebook

from zfhelpers.paper import expectations
from zfhelpers.paper.expectations import Decided, expected_file, read_file
from zfhelpers.paper.runs import Measurement, Need, Run, Verdict
from zfhelpers.report import expect

ERROR = Measurement("error", 17.5, "%", 38.4, (15.0, 20.0))
DRAWN = Measurement("image 7", 3)


def ran(*measurements, verdict="holds", needs=()):
    verdicts = [Verdict("8", verdict, "It is so.")] if verdict else []
    return Run("03_training", "toy", measurements=list(measurements), verdicts=verdicts, needs=list(needs))


def record(**runs):
    return expect.recorded({seed[1:]: run for seed, run in runs.items()}, "03_training", "toy", command="the command")


BEFORE = record(s0=ran(ERROR, DRAWN), s1=ran(Measurement("error", 18.5, "%", 38.4), verdict="open here"))


def test_numbers_keep_what_the_default_run_said_and_what_every_seed_gave():
    found = BEFORE.numbers["error"]
    assert (found.value, found.seeds, found.unit) == (17.5, {"0": 17.5, "1": 18.5}, "%")
    assert (found.interval, found.paper) == ((15.0, 20.0), 38.4)
    assert BEFORE.numbers["image 7"].seeds == {"0": 3}, "a name that only one seed has"
    assert BEFORE.verdicts == {"8": Decided("holds", "It is so.", {"0": "holds", "1": "open here"})}


def test_a_number_that_still_holds_stays_and_one_that_moved_does_not():
    again = record(s0=ran(Measurement("error", 17.6, "%", 38.4, (15.1, 20.1)), DRAWN))
    found = expect.kept(BEFORE, again).numbers["error"]
    assert (found.value, found.tolerance, found.seeds) == (17.5, BEFORE.numbers["error"].tolerance, {"0": 17.5, "1": 18.5})
    assert found.interval == (15.1, 20.1)
    moved = record(s0=ran(Measurement("error", 19.0, "%")))
    assert expect.kept(BEFORE, moved).numbers["error"].seeds == {"0": 19.0}
    assert "image 7" not in expect.kept(BEFORE, moved).numbers, "what is measured no more goes"


def test_what_a_section_that_was_left_out_measured_before_stays():
    without = record(s0=ran(DRAWN, needs=[Need("2  Errors", "it needs images.")], verdict=None))
    found = expect.kept(BEFORE, without)
    assert list(found.numbers) == ["error", "image 7"]
    assert (found.verdicts, found.needs, found.command) == ({}, {"2  Errors": "it needs images."}, "the command")


def test_verdicts_are_renewed_and_those_of_other_seeds_stay():
    found = expect.kept(BEFORE, record(s0=ran(ERROR, verdict="does not hold"))).verdicts["8"]
    assert found == Decided("does not hold", "It is so.", {"0": "does not hold", "1": "open here"})
    assert found.otherwise == {"1": "open here"}


NOTEBOOK = """import zfhelpers as zf
_ = zf.begin('03_small', world, out_dir)
zf.measure('twice the seed', 2 * seed, 'px', interval=(seed - 1, seed + 1))
zf.claim(8, seed < 1, 'It is so.')
_ = zf.record()"""


@pytest.fixture
def notebook(tmp_path, monkeypatch):
    for module in (expect, expectations):
        monkeypatch.setattr(module, "project_dir", lambda: tmp_path)
    path = tmp_path / "notebooks" / "03_small.ipynb"
    path.parent.mkdir()
    parameters = new_code_cell('world = "toy"\nout_dir = ""\nseed = 0', metadata={"tags": ["parameters"]})
    kernel = {"kernelspec": {"name": "python3", "display_name": "Python 3", "language": "python"}}
    nbformat.write(new_notebook(cells=[parameters, new_code_cell(NOTEBOOK)], metadata=kernel), path)
    return path


def test_from_runs_to_a_record_and_from_one_seed_to_its_renewal(notebook):
    expect.expect(notebook, "toy", [0, 1])
    both = read_file(expected_file("03_small", "toy"))
    assert both.numbers["twice the seed"].seeds == {"0": 0, "1": 2}
    assert both.numbers["twice the seed"].interval == (-1.0, 1.0)
    assert both.verdicts["8"].otherwise == {"1": "does not hold"}
    expect.expect(notebook, "toy", [0], keep=True)
    assert read_file(expected_file("03_small", "toy")) == both
    expect.expect(notebook, "toy", [0])
    assert read_file(expected_file("03_small", "toy")).numbers["twice the seed"].seeds == {"0": 0}
    with pytest.raises(ValueError, match=r"The first seed must be the default of 03_small\.ipynb, 0, not 1"):
        expect.expect(notebook, "toy", [1])
