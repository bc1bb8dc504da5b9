"""What a notebook measures: shown as it is, recorded, read back; enforced only where the tests ask for it."""

import ast
import json
import subprocess
import sys

import numpy as np
import pytest
import torch

from zfhelpers.files import project_dir
from zfhelpers.paper import measurements
from zfhelpers.paper.expectations import Expectation
from zfhelpers.paper.measurements import begin, claim, measure, record, recorded, section
from zfhelpers.paper.runs import Run


@pytest.fixture(autouse=True)
def fresh_record(monkeypatch):
    monkeypatch.delenv("ZF_EXPECTED", raising=False)
    monkeypatch.setattr(measurements, "_shell", lambda: None)
    begin("99_test", "toy")


@pytest.mark.parametrize("measured", [0.185, np.float64(0.185), torch.tensor(0.185, dtype=torch.float64)])
def test_a_number_is_shown_as_it_was_measured(measured, capsys):
    measure("top-1 error", measured)
    assert capsys.readouterr().out == "top-1 error: 0.185\n"


def test_units_intervals_and_the_paper_are_shown(capsys):
    measure("top-5 error", 2.43219, "%", paper=16.5, interval=np.array([1.5, 3.25]))
    measure("parameters", 62357608, paper=62357608)
    measure("pointing", float("nan"), paper="not given", interval=(float("nan"), 1))
    assert capsys.readouterr().out.splitlines() == [
        "top-5 error: 2.432 %, interval 1.5 to 3.25, the paper: 16.5 %",
        "parameters: 62,357,608, the paper: 62,357,608",
        "pointing: -, the paper: not given",
    ]


def test_a_number_that_another_table_shows_is_recorded_and_not_shown_again(capsys):
    measure("error", 17.5, "%", shown=False)
    assert capsys.readouterr().out == ""
    assert "17.5 %" in record()._repr_html_()


def test_a_table_keeps_measured_numbers_out_of_its_text():
    measure("error", 17.512, "%", paper=38.4, note="one <seed>")
    measure("share", 0.6875, interval=(0.5, 0.75))
    shown = record()
    assert str(shown) == "99_test\nmeasured  the paper\nerror, %  38.4\nshare     -"
    for part in ("17.51 %", "38.4 %", "0.6875", "0.5 to 0.75", "one &lt;seed&gt;"):
        assert part in shown._repr_html_()


def test_a_run_is_read_back_as_it_was_written(tmp_path):
    begin("03_training", "toy", tmp_path / "deep" / "03_training")
    measure("error", np.float64(17.5), "%", paper=38.4, interval=np.array([16.0, 19.5]), note="one seed", repeats=False)
    claim(8, True, "It  fell by\n a half.")
    section("2  More", "", "it needs faces.")
    record()
    path = tmp_path / "deep" / "03_training" / "metrics.json"
    assert [each.name for each in path.parent.iterdir()] == ["metrics.json"]
    run = Run.read(path)
    (found,), (verdict,), (need,) = run.measurements, run.verdicts, run.needs
    assert (found.name, found.value, found.unit, found.paper, list(found.interval)) == ("error", 17.5, "%", 38.4, [16.0, 19.5])
    assert (found.note, found.repeats) == ("one seed", False)
    assert (verdict.claim, verdict.verdict, verdict.why) == ("8", "holds", "It fell by a half.")
    assert (need.section, need.sentence) == ("2  More", "it needs faces.")
    assert (run.notebook, run.world, run.parameters) == ("03_training", "toy", {})
    assert run.seconds >= 0
    assert 10 < run.peak_mb < 100_000
    assert run.versions["python"] == sys.version.split()[0]
    run.write(path)
    assert Run.read(path) == run


@pytest.mark.parametrize("text", ["{", "[]", '{"world": "toy"}', '{"notebook": "a", "world": "toy", "colour": 3}'])
def test_a_foreign_file_is_one_sentence(tmp_path, text):
    (tmp_path / "metrics.json").write_text(text)
    with pytest.raises(ValueError, match=r"metrics\.json' is not the record of a notebook's run: "):
        Run.read(tmp_path / "metrics.json")


def test_measuring_again_replaces_the_first_measurement():
    measure("error", 1)
    measure("error", 2)
    assert [found.value for found in recorded().measurements] == [2]


def test_recorded_by_name():
    measure("a", 1)
    measure("b", 2)
    assert [found.name for found in recorded("b").measurements] == ["b"]
    with pytest.raises(ValueError, match="Nothing was recorded as c; there are a, b"):
        recorded("c")


def test_nothing_is_written_without_a_folder(tmp_path, monkeypatch):
    monkeypatch.chdir(tmp_path)
    begin("99_test", "toy", "")
    measure("error", 1)
    record()
    assert not list(tmp_path.iterdir())


def test_a_folder_that_cannot_be_written_is_one_sentence_and_leaves_nothing(tmp_path):
    (tmp_path / "file").write_text("in the way")
    begin("99_test", "toy", tmp_path / "file")
    with pytest.raises(OSError, match=r"metrics\.json"):
        record()


def test_the_commit_is_that_of_git():
    head = subprocess.run(["git", "rev-parse", "HEAD"], cwd=project_dir(), capture_output=True, text=True)
    if head.returncode:
        pytest.skip("not a git checkout")
    assert measurements._commit().removesuffix("-dirty") == head.stdout.strip()


# ---------------------------------------------------------------------------------------------------------------- claims


@pytest.mark.parametrize(("holds", "word"), [(True, "holds"), (np.False_, "does not hold"), (None, "open here")])
def test_a_claim_is_shown_in_a_line_and_with_its_sentence(holds, word):
    found = claim(8, holds, "P fell <by> half.")
    assert repr(found) == f"Claim 8: {word}"
    for part in (f"Claim 8 (Fig. 7): {word}.", "P fell &lt;by&gt; half.", "the model is localizing the objects"):
        assert part in found._repr_html_()


def test_a_claim_is_decided_once_and_must_be_there():
    claim(8, True, "first")
    claim("8", False, "second")
    assert [(each.claim, each.verdict) for each in measurements._now.run.verdicts] == [("8", "does not hold")]
    with pytest.raises(ValueError, match=r"no claim 21; there are 1, 2, .*, S6"):
        claim(21, True, "")


# ----------------------------------------------------------------------------------------------- what a section lacks


def left_out(code: str) -> bool:
    """Whether a notebook's cell would be left out now."""
    return ast.unparse(measurements._LeaveOut().visit(ast.parse(code))).startswith(("print('Left out", 'print("Left out'))


def test_a_section_that_lacks_something_is_left_out_up_to_the_next(capsys):
    assert section("1  First", None, "")
    assert not left_out("x = 1")
    assert not section("2  Second", "", "it needs faces.", "it needs more.")
    assert capsys.readouterr().out == "Left out, '2  Second': it needs faces.\n"
    assert left_out("y = faces[0]")
    assert not left_out("zf.section('2  Second', needs.faces(data))")
    assert not left_out("_ = zf.record()")
    assert not left_out("x = 1")  # it ran before: a reader who goes back to it runs it again
    assert section("3  Third")
    assert not left_out("y = faces[0]")
    assert [need.section for need in measurements._now.run.needs] == ["2  Second"]
    assert section("2  Second")  # now it is there
    assert measurements._now.run.needs == []


@pytest.mark.parametrize(("missing", "shown"), [("", ["before", "inside", 3]), ("it needs faces.", ["before", None])])
def test_what_follows_in_the_cell_of_a_section_runs_only_if_the_section_does(missing, shown):
    seen = []
    code = (
        f"seen.append('before')\nsection('1  First', {missing!r})\n"
        "def inside():\n    return 'inside'\nseen.append(inside())\nlen('abc')"
    )
    *lines, last = measurements._LeaveOut().visit(ast.parse(code)).body
    names = {"seen": seen, "section": section}
    exec(compile(ast.Module(lines, []), "cell", "exec"), names)
    seen.append(eval(compile(ast.Expression(last.value), "cell", "eval"), names))  # what a notebook shows of the cell
    assert seen == shown


def test_a_cell_that_is_a_section_alone_shows_nothing():
    (line,) = measurements._LeaveOut().visit(ast.parse("zf.section('1  First')")).body
    assert not isinstance(line, ast.Expr)


# ------------------------------------------------------------------------------------------------- enforced in the tests


@pytest.fixture
def strict(monkeypatch):
    expected = {"error": Expectation(18.0, 0.5, {"0": 18.0}), "none": Expectation(None, 0.0, {"0": None})}
    monkeypatch.setenv("ZF_EXPECTED", "strict")
    monkeypatch.setattr(measurements, "read_expected", lambda notebook, world, network: expected if world == "toy" else None)
    begin("99_test", "toy")


def test_nothing_is_expected_of_a_record_that_is_forgotten(strict):
    with pytest.raises(AssertionError, match="none of the expected"):
        measure("another", 1.0)
    measurements.forget()
    measure("another", 1.0)
    assert measurements.running().notebook == ""


def test_a_number_as_expected_passes(strict):
    measure("error", 18.5, "%")
    measure("none", float("inf"))
    record()


@pytest.mark.parametrize(
    ("name", "value", "sentence"),
    [
        ("error", 18.51, r"^error is 18\.51 %; expected is 18 ± 0\.5 %\.$"),
        ("error", 18.5000001, r"^error is 18\.5000001 %; "),
        ("error", float("nan"), r"^error is nan %; expected is 18"),
        ("none", 3, r"^none is 3 %; expected is "),
        ("new", 3, r"^'new' is none of the expected numbers of 99_test; 'make expected' renews them\."),
    ],
)
def test_a_number_that_moved_is_an_error_with_the_number(strict, name, value, sentence):
    with pytest.raises(AssertionError, match=sentence):
        measure(name, value, "%")


def test_a_number_that_was_not_measured_is_an_error(strict):
    measure("error", 18)
    with pytest.raises(AssertionError, match=r"^none: expected and not measured"):
        record()


def test_nothing_is_enforced_for_a_reader_or_without_a_record(strict, monkeypatch):
    begin("99_test", "folder:/Users/me/pictures")
    measure("error", 99)
    monkeypatch.delenv("ZF_EXPECTED")
    begin("99_test", "toy")
    measure("error", 99)
    record()


def test_metrics_are_plain_json(tmp_path):
    begin("99_test", "toy", tmp_path)
    measure("whole", np.int64(3))
    measure("broken", float("nan"), interval=(0, float("inf")))
    record()
    whole, broken = json.loads((tmp_path / "metrics.json").read_text())["measurements"]
    assert (whole["value"], broken["value"], broken["interval"]) == (3, None, None)
    assert isinstance(whole["value"], int)
