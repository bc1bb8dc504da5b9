"""Our own numbers: measured in a notebook, shown there beside the paper's, recorded, and read again by the report.

    >>> _ = begin("a_lesson", "toy")
    >>> measure("top-1 error", 17.6, "%", paper=38.4, interval=(15.5, 19.8))
    top-1 error: 17.6 %, interval 15.5 to 19.8, the paper: 38.4 %

In a notebook the numbers of a cell appear below it as one table. As plain text the table has the names and the paper's numbers
alone: those are the same on every machine, so that a notebook's committed outputs can be compared strictly. What was measured
stands in its HTML, and in `metrics.json`, which is a `Run`.

Nothing here ever stops a reader. What a number should be lies outside the lesson, in `expectations`; only where the environment
says `ZF_EXPECTED=strict`, as the tests do, a number that has moved is an error in its cell.
"""

from __future__ import annotations

import ast
import math
import os
import platform
import subprocess
import sys
import time
from contextlib import suppress
from importlib.metadata import PackageNotFoundError, version
from pathlib import Path

from zfhelpers.files import project_dir
from zfhelpers.paper.expectations import Expectation, read_expected
from zfhelpers.paper.published import claims
from zfhelpers.paper.runs import VERDICTS, Measurement, Need, Run, Verdict
from zfhelpers.paper.tables import NumberTable, quantity

PACKAGES = ("zfhelpers", "torch", "torchvision", "numpy", "scikit-learn", "matplotlib")
WORDS = dict(zip((True, False, None), VERDICTS, strict=True))


class _Now:
    """What the running notebook has measured so far; one for each process."""

    def __init__(self):
        self.run, self.out_dir, self.started = Run("", None), None, time.monotonic()
        self.expected: dict[str, Expectation] | None = None  # None: nothing is enforced
        self.fresh: list[str] = []  # measured since the last table was shown
        self.section, self.sentence = "", ""  # the section that runs, and what it lacks
        self.done: set[str] = set()  # cells that ran: they run again, wherever the notebook stands


_now = _Now()


def begin(notebook: str, world: str, out_dir: str | Path | None = None, network: str = "zfnet") -> Run:
    """Starts the record of a notebook: the first call in it. What was recorded before is forgotten.

    Args:
        notebook: file name without ending, for instance `"08_occlusion"`.
        world: name of the world it runs in.
        out_dir: where `record` writes; nothing is written if it is None or empty, as when a reader runs the notebook by hand.
        network: name of the network that looks at the world.
    """
    forget()
    _now.run = Run(notebook, world, network)
    _now.out_dir = Path(out_dir) if out_dir else None
    if os.environ.get("ZF_EXPECTED") == "strict":
        _now.expected = read_expected(notebook, world, network)
    if shell := _shell():
        _listen(shell)
    return _now.run


def forget() -> None:
    """Ends the record of a notebook: what is measured from now on belongs to none, and nothing is expected of it."""
    _now.__init__()


def running() -> Run:
    """The record of the notebook that runs; without a name if none has begun."""
    return _now.run


def measure(
    name: str,
    value: float,
    unit: str = "",
    paper: float | str | None = None,
    interval: tuple[float, float] | None = None,
    note: str | None = None,
    *,
    repeats: bool = True,
    shown: bool = True,
) -> None:
    """Records a number, and shows it: in a notebook in the table below the cell, elsewhere in a line.

    Args:
        name: what was measured. A name that is measured again, as in a cell that is run again, replaces the earlier number.
        value: the measurement; anything that `float` takes.
        unit: shown after the numbers.
        paper: the published number, or a few words in its place.
        interval: (low, high) of the measurement, for instance a bootstrap interval.
        note: anything a reader of the record should know.
        repeats: False where rounding decides, as in a short training run.
        shown: False where a table of the notebook's own has the number; then it stands in the last table alone.

    Raises:
        AssertionError: under `ZF_EXPECTED=strict` alone: the number is not what is expected; the sentence has both.
    """
    value = _plain(value)
    ends = None if interval is None else tuple(_plain(end) for end in interval)
    if ends and not all(math.isfinite(end) for end in ends):
        ends = None
    found = Measurement(name, value if math.isfinite(value) else None, unit, _plain(paper), ends, note, repeats)
    _now.run.measurements[:] = [*(earlier for earlier in _now.run.measurements if earlier.name != name), found]
    if shown and _shell():
        _now.fresh = [*(earlier for earlier in _now.fresh if earlier != name), name]
    elif shown:
        print(found)
    if _now.expected:
        expectation = _now.expected.get(name)
        if expectation is None:
            raise AssertionError(f"{name!r} is none of the expected numbers of {_now.run.notebook}; 'make expected' renews them.")
        if not expectation.holds(found.value):
            measured = quantity(f"{value:.10g}", unit)  # all digits: it may have missed by little
            raise AssertionError(f"{name} is {measured}; expected is {expectation.words(unit)}.")


def claim(number: int | str, holds: bool | None, why: str) -> Verdict:
    """Records what this notebook says of one claim of the paper, and shows it in one line.

    Args:
        number: of `paper.claims()`: 1 to 20 for the paper's own, "S1" to "S6" for those of the summary.
        holds: None where these data cannot decide it.
        why: one sentence, with the numbers that decide.

    Raises:
        ValueError: there is no such claim.
    """
    if str(number) not in claims():
        raise ValueError(f"There is no claim {number!r}; there are {', '.join(claims())}.")
    found = Verdict(str(number), WORDS[None if holds is None else bool(holds)], " ".join(why.split()))
    _now.run.verdicts[:] = [*(earlier for earlier in _now.run.verdicts if earlier.claim != found.claim), found]
    return found


def section(title: str, *missing: str | None) -> bool:
    """Begins a section of a notebook and says what it lacks; then its cells, up to the next section, are left out.

    Args:
        title: of the section.
        missing: what it needs, each as a sentence where it is not there, and None or "" where it is; see `results.needs`.

    Returns:
        whether the section can run.
    """
    _now.section, _now.sentence = title, next((sentence for sentence in missing if sentence), "")
    _now.run.needs[:] = [need for need in _now.run.needs if need.section != title]
    if _now.sentence:
        _now.run.needs.append(Need(title, _now.sentence))
        print(f"Left out, {title!r}: {_now.sentence}")
    return not _now.sentence


def record() -> NumberTable:
    """Writes `out_dir/metrics.json`, whole or not at all, if `begin` was given a folder; the last call in a notebook.

    Returns:
        everything that was measured, beside the paper.

    Raises:
        OSError: the file could not be written; nothing is left behind.
        AssertionError: under `ZF_EXPECTED=strict` alone: a number was expected and not measured.
    """
    run = _now.run
    run.commit, run.versions, run.peak_mb = _commit(), _versions(), _peak_mb()
    run.seconds = round(time.monotonic() - _now.started, 1)
    if _now.out_dir is not None:
        run.write(_now.out_dir / "metrics.json")
    if _now.expected and not run.needs and (left := _now.expected.keys() - {each.name for each in run.measurements}):
        raise AssertionError(f"{', '.join(sorted(left))}: expected and not measured; 'make expected' renews the record.")
    return recorded()


def recorded(*names: str) -> NumberTable:
    """What has been measured so far in this notebook beside the paper: all of it, or the measurements called `names`.

    Raises:
        ValueError: nothing was measured under a name.
    """
    run = _now.run
    known = {found.name: found for found in run.measurements}
    if missing := set(names) - known.keys():
        raise ValueError(f"Nothing was recorded as {', '.join(sorted(missing))}; there are {', '.join(known)}.")
    return NumberTable([known[name] for name in names or known], run.notebook)


# ------------------------------------------------------------------------------------------------------ in a notebook


def _shell():
    """The IPython that runs this, if any does; it is not imported for the question."""
    return sys.modules["IPython"].get_ipython() if "IPython" in sys.modules else None


def _listen(shell) -> None:
    """After each cell its table; and the cells of a section that lacks something are left out. Registered once."""
    if _show_fresh not in shell.events.callbacks["post_execute"]:
        shell.events.register("post_execute", _show_fresh)
        shell.ast_transformers.append(_LeaveOut())


def _show_fresh() -> None:
    if _now.fresh:
        from IPython.display import display

        names, _now.fresh = _now.fresh, []
        table = recorded(*names)
        table.title = ""
        display(table)


class _LeaveOut(ast.NodeTransformer):
    """Empties the cells of a section that cannot run. A section's own first line, and the last record, always run."""

    def visit_Module(self, node: ast.Module) -> ast.Module:
        called = {_called(call) for call in ast.walk(node)}
        text = ast.unparse(node)
        if _now.sentence and not called & {"begin", "section", "record"} and text not in _now.done:
            words = f"Left out, as all of {_now.section!r}: see above what it needs."
            node.body = ast.parse(f"print({words!r})").body
        else:
            _now.done.add(text)
            node.body = _from_section(node.body)
        return node


def _called(node: ast.AST) -> str:
    """The name of the function that a call calls, without its module; empty for all else."""
    return ast.unparse(node.func).rpartition(".")[2] if isinstance(node, ast.Call) else ""


def _from_section(body: list[ast.stmt]) -> list[ast.stmt]:
    """A cell in which what follows `section(...)` runs only if the section does; its last line is shown as ever."""
    place = next((at for at, line in enumerate(body) if isinstance(line, ast.Expr) and _called(line.value) == "section"), None)
    if place is None:
        return body
    here, rest, runs, shown = body[place], body[place + 1 :], ast.Name("_section_runs", ast.Load()), []
    if rest and isinstance(rest[-1], ast.Expr):  # inside an "if" the notebook would not show it
        *rest, last = rest
        shown = [ast.Expr(ast.IfExp(runs, last.value, ast.Constant(None)))]
    begins = ast.Assign([ast.Name("_section_runs", ast.Store())], here.value)
    lines = [begins, *([ast.If(runs, rest, [])] if rest else []), *shown]
    return [*body[:place], *(ast.fix_missing_locations(ast.copy_location(line, here)) for line in lines)]


# ------------------------------------------------------------------------------------------------------ what is recorded


def _plain(value) -> float | str | None:
    """A number out of whatever holds one, whole numbers staying whole; text and None as they are."""
    value = value.item() if hasattr(value, "item") else value
    return value if isinstance(value, int | str | None) else float(value)


def _commit() -> str | None:
    """The commit of this checkout, marked where the files differ from it; None outside a checkout."""
    with suppress(OSError, subprocess.SubprocessError):
        command = ["git", "-C", str(project_dir()), "describe", "--always", "--dirty", "--abbrev=40", "--exclude=*"]
        return subprocess.run(command, capture_output=True, text=True, check=True, timeout=30).stdout.strip()
    return None


def _peak_mb() -> float | None:
    """The most memory this process ever held, in MB; None on Windows, which does not tell."""
    try:
        import resource
    except ImportError:
        return None
    unit = 1 if sys.platform == "darwin" else 1024  # bytes there, kilobytes here
    return round(resource.getrusage(resource.RUSAGE_SELF).ru_maxrss * unit / 2**20, 1)


def _versions() -> dict[str, str]:
    found = {"python": platform.python_version()}
    for package in PACKAGES:
        with suppress(PackageNotFoundError):
            found[package] = version(package)
    return found
