"""Write down what the numbers of the notebooks should be, from runs with several seeds.

    python -m zfhelpers.report.expect --world toy --seeds 0 1 2 3        -> notebooks/expected/toy/NAME.json
    python -m zfhelpers.report.expect --world imagenette --network torchvision:squeezenet1_1 --seeds 0 1

The first seed must be the notebooks' default. With `--keep` the numbers on record stay, with what other seeds gave, where
the first seed still gives them; the rest is renewed: units, intervals, verdicts, and numbers that moved or are new.

    python -m zfhelpers.report.expect --world toy --seeds 0 --keep

Every run is kept in `runs/expected/WORLD/SEED`, so that a command that was stopped
goes on where it was; a run is made anew when its notebook or the package has changed since. A notebook without the parameter
`seed` runs once: nothing in it is drawn.
"""

from __future__ import annotations

import argparse
import hashlib
import sys
from collections.abc import Mapping, Sequence
from concurrent.futures import ThreadPoolExecutor
from dataclasses import replace
from pathlib import Path

from zfhelpers.files import project_dir
from zfhelpers.paper.expectations import Decided, Record, expected_file, read_file, summarise, write_expected
from zfhelpers.paper.runs import Run, measurements_of
from zfhelpers.report.run import parameters_of, run
from zfhelpers.report.settings import matching, report_folder

USED = ("zfhelpers/**/*.py", "data/checkpoints/**/*.json", "data/results/**/*.json", "data/annotations/*", "data/paper/*")
LOOKS = ("report", "figures", "views")  # rooms that change no number


def expect(
    notebook: Path, world: str, seeds: Sequence[int], threads: int | None = None, network: str = "zfnet", keep: bool = False
) -> Path:
    """Run one notebook with each seed, and put on record what its numbers should be, and what it said of claims.

    Args:
        notebook, world, network: see `run`.
        seeds: the default's first.
        threads: for the notebook's kernel.
        keep: let numbers that the first seed still gives stay as they are on record.

    Raises:
        RuntimeError: the notebook failed; nothing was recorded.
        ValueError: the first seed is not the notebook's default.
    """
    default = parameters_of(notebook).get("seed")
    if default is not None and seeds[0] != default:
        raise ValueError(f"The first seed must be the default of {notebook.name}, {default}, not {seeds[0]}.")
    chosen = list(seeds) if default is not None else [seeds[0]]
    runs = [_run(notebook, world, seed, threads, network) for seed in chosen]
    seen = world if network == "zfnet" else f"{world} --network {network}"
    command = f"python -m zfhelpers.report.expect --world {seen} --seeds {' '.join(map(str, seeds))} --notebooks {notebook.name}"
    record = recorded(dict(zip(map(str, chosen), runs, strict=True)), notebook.stem, world, network, command)
    before = expected_file(notebook.stem, world, network)
    return write_expected(kept(read_file(before), record) if keep and before.exists() else record)


def recorded(runs: Mapping[str, Run], notebook: str, world: str, network: str = "zfnet", command: str = "") -> Record:
    """What is put on record of several runs of a notebook.

    Args:
        runs: {seed: run}, the default's first.
        notebook, world, network, command: see `expectations.Record`.
    """
    default, first = next(iter(runs.items()))
    common, numbers = measurements_of(list(runs.values())), {}
    for found in first.measurements:  # a name that only some seeds have is that of an image drawn at random, for instance
        values = [each.value for each in common[found.name]] if found.name in common else [found.value]
        expected = summarise(
            dict(zip(runs if found.name in common else [default], values, strict=True)), found.unit, found.repeats
        )
        numbers[found.name] = replace(expected, unit=found.unit, interval=found.interval, paper=found.paper)
    said = {seed: {each.claim: each.verdict for each in run.verdicts} for seed, run in runs.items()}
    verdicts = {
        each.claim: Decided(each.verdict, each.why, {seed: of[each.claim] for seed, of in said.items() if each.claim in of})
        for each in first.verdicts
    }
    return Record(notebook, world, network, numbers, verdicts, {each.section: each.sentence for each in first.needs}, command)


def kept(before: Record, now: Record) -> Record:
    """A record renewed: numbers that still hold are as they were, and so are verdicts of seeds that were not asked again.

    What a section that was left out would have measured stays, too.
    """
    numbers = {}
    for name, found in now.numbers.items():
        old = before.numbers.get(name)
        still = old is not None and old.holds(found.value)
        numbers[name] = replace(found, value=old.value, tolerance=old.tolerance, seeds=old.seeds) if still else found
    if now.needs:
        numbers = {name: numbers.get(name, old) for name, old in before.numbers.items()} | numbers
    verdicts = {
        claim: replace(found, seeds=(before.verdicts[claim].seeds if claim in before.verdicts else {}) | found.seeds)
        for claim, found in now.verdicts.items()
    }
    return replace(now, numbers=numbers, verdicts=verdicts, command=before.command)


def _run(notebook: Path, world: str, seed: int, threads: int | None, network: str) -> Run:
    folder = project_dir() / "runs" / "expected" / report_folder(world, network) / str(seed)
    metrics, stamp = folder / notebook.stem / "metrics.json", folder / notebook.stem / "made-from"
    made_from = _content(notebook)
    if not (metrics.exists() and stamp.exists() and stamp.read_text(encoding="utf-8") == made_from):
        folder.mkdir(parents=True, exist_ok=True)
        run(notebook, folder, world, [("seed", str(seed))] if "seed" in parameters_of(notebook) else [], threads, network)
        stamp.write_text(made_from, encoding="utf-8")
    return Run.read(metrics)


def _content(notebook: Path) -> str:
    """A hash of what decides a notebook's numbers: the code of its cells, and the package without its looks."""
    import nbformat

    cells = [cell.source for cell in nbformat.read(notebook, as_version=4).cells if cell.cell_type == "code"]
    files = sorted(path for pattern in USED for path in project_dir().glob(pattern) if path.parent.name not in LOOKS)
    parts = [*map(str.encode, cells), *(path.read_bytes() for path in files)]
    return hashlib.sha256(b"".join(hashlib.sha256(part).digest() for part in parts)).hexdigest()


def main(arguments: Sequence[str] | None = None) -> int:
    """The command line; returns its exit status, 1 if a notebook failed."""
    parser = argparse.ArgumentParser(prog="python -m zfhelpers.report.expect", description=__doc__.partition("\n")[0])
    parser.add_argument("--world", default="toy")
    parser.add_argument("--network", default="zfnet")
    parser.add_argument("--seeds", type=int, nargs="+", default=[0, 1, 2, 3])
    parser.add_argument("--keep", action="store_true", help="numbers on record stay where the first seed still gives them")
    parser.add_argument("--jobs", type=int, default=1, help="notebooks at once")
    parser.add_argument("--notebooks", default="notebooks/*.ipynb", help="a pattern, or the name of one")
    options = parser.parse_args(arguments)
    pattern = options.notebooks if "/" in options.notebooks else f"notebooks/{options.notebooks}"
    try:
        notebooks, failed = matching(str(project_dir() / Path(pattern).expanduser())), 0
    except ValueError as error:
        parser.exit(2, f"{parser.prog}: {error}\n")

    def one(notebook: Path) -> str:
        try:
            threads = 1 if options.jobs > 1 else None
            path = expect(notebook, options.world, options.seeds, threads, options.network, options.keep)
        except (RuntimeError, ValueError, OSError) as error:
            return f"FAILED {error}"
        return str(path.relative_to(project_dir()))

    with ThreadPoolExecutor(options.jobs) as pool:
        for said in pool.map(one, notebooks):
            print(said, flush=True)
            failed += said.startswith("FAILED")
    return int(failed > 0)


if __name__ == "__main__":
    sys.exit(main())
