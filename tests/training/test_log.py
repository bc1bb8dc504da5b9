"""What a run says on a terminal, elsewhere, and in its file."""

import json
import sys

import pytest

from zfhelpers.training import log
from zfhelpers.training.log import Log

ROW = {"epoch": 2, "rate": 0.01, "train_loss": 1.23456, "train_error": 0.5, "val_error": 0.25, "seconds": 61.4}


@pytest.fixture
def started(monkeypatch, tmp_path):
    """A run of 100 steps of 8 images, resumed after 20; half a second has passed since."""
    now = [0.0]
    monkeypatch.setattr(log.time, "monotonic", lambda: now[0])
    found = Log(tmp_path / "net.metrics.jsonl", "net", epochs=5, steps=100, batch=8, done=20)
    now[0] = 0.5
    return found


@pytest.mark.parametrize(("terminal", "wanted", "said"), [(True, "1", True), (True, "0", False), (False, "1", False)])
def test_steps_are_told_on_a_terminal_alone_and_only_where_wanted(started, monkeypatch, capsys, terminal, wanted, said):
    monkeypatch.setenv("ZF_PROGRESS", wanted)
    monkeypatch.setattr(sys.stderr, "isatty", lambda: terminal)
    started.step(30)
    assert capsys.readouterr().err == ("\r  step 30/100  160 img/s  0 min left " if said else "")


def test_an_epoch_is_a_line_and_all_of_them_lie_in_the_file(started, capsys):
    started.epoch([{"epoch": 1}, ROW])
    assert capsys.readouterr().out == ("net  epoch   2/5  loss 1.235  train error 0.500  val error 0.250  rate 0.01  61 s\n")
    assert [json.loads(line) for line in started.path.read_text().splitlines()] == [{"epoch": 1}, ROW]
