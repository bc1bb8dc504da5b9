"""The batch run: one notebook through papermill, so that what looks finished is finished.

The Snakefile calls this module as a program; `pages` and `index` make pages of what it leaves.

    python -m zfhelpers.report.run check NOTEBOOK... --world WORLD [-p NAME VALUE]...      before anything runs
    python -m zfhelpers.report.run run NOTEBOOK REPORTS --world WORLD [-p NAME VALUE]...   -> REPORTS/NAME.ipynb, .../metrics.json

papermill alone goes on with a misspelt parameter, waits for ever for a cell, and leaves a notebook that failed where a finished
one would lie. Torch is imported by `check` alone, so that `run` starts at once.
"""

from __future__ import annotations

import argparse
import ast
import os
import re
import shutil
import signal
import sys
import tempfile
import time
from collections.abc import Sequence
from contextlib import suppress
from pathlib import Path

import nbformat
import psutil

from zfhelpers.networks import names
from zfhelpers.paper.runs import Run
from zfhelpers.report.settings import absolute, split_parameters

CELL_TIMEOUT = 600  # seconds
START_TIMEOUT = 120  # seconds for a kernel to start, on a busy machine
SAMPLING = 0.5  # seconds between two looks at the memory, at least
LOOKING = 0.01  # of the time goes into looks at most: of a gigabyte one takes some 20 ms
THREAD_LIMITS = ("OMP_NUM_THREADS", "MKL_NUM_THREADS", "OPENBLAS_NUM_THREADS", "NUMEXPR_NUM_THREADS", "VECLIB_MAXIMUM_THREADS")
# The C library of Linux takes large blocks from the system and gives them back at once. The maps of a batch, 30 MB and more, are
# then cleared page by page in every forward pass, which takes half as long again; kept, they are there for the next one.
KEPT = {"MALLOC_MMAP_THRESHOLD_": str(2**30), "MALLOC_TRIM_THRESHOLD_": str(2**31)}  # bytes
SET_HERE = {"world", "network", "out_dir"}  # parameters that the batch run sets
FOLDERS = ("ZF_DATA", "ZF_CACHE", "TORCH_HOME")  # settings that are folders
PARAMETERS = "parameters"  # the tag of the cell that holds them
ERROR_TAG, PARAMETERS_TAG = "papermill-error-cell-tag", "injected-parameters"  # cells that papermill adds
ERROR = re.compile(r"^(?:\w+\.)*((?:\w+(?:Error|Exception)|NoSuchKernel): .+)", re.MULTILINE)  # what papermill ends with
KINDS = {int: "a whole number", float: "a number", bool: "True or False", str: "text", type(None): "nothing"}
TRUTH = {"true": True, "yes": True, "1": True, "false": False, "no": False, "0": False}

Parameters = Sequence[tuple[str, str]]


def check(notebooks: Sequence[Path], world: str, parameters: Parameters = (), network: str = "zfnet") -> None:
    """Refuses what could only fail later: a parameter that no notebook has or of another type, a world that cannot be opened.

    Args:
        notebooks: all that will run; each must have the parameters `world` and `out_dir`, which the batch run sets.
        world: as `open_world` takes it.
        parameters: further ones, (name, value), each for the notebooks that have it.
        network: as `load` takes it; weights that torchvision can fetch are fetched here, once.

    Raises:
        ValueError: no notebook, one that cannot be read, an unknown parameter, world or network, a value of the wrong type.
        FileNotFoundError: a notebook is missing, or the world's images, or the network.
    """
    from zfhelpers import load, open_world
    from zfhelpers.networks.checkpoints import read_card

    if not notebooks:
        raise ValueError("There are no notebooks to run; give a pattern that matches some, for instance 'notebooks/*.ipynb'.")
    if fixed := SET_HERE & {name for name, _ in parameters}:
        raise ValueError(f"The parameter {min(fixed)!r} follows from WORLD or NETWORK; set those instead. Nothing was run.")
    known = {notebook: parameters_of(notebook) for notebook in notebooks}
    for notebook, defaults in known.items():
        for name in ("world", "out_dir", *(["network"] if network != "zfnet" else [])):
            if name not in defaults:
                there = ", ".join(defaults) or "none"
                raise ValueError(f"{notebook} has no parameter {name!r}; it has {there}. Nothing was run.")
    there = sorted({name for defaults in known.values() for name in defaults} - SET_HERE)
    for name, value in parameters:
        if name not in there:
            raise ValueError(f"No notebook has a parameter {name!r}; there are {', '.join(there) or 'none'}. Nothing was run.")
        for notebook, defaults in known.items():
            if name in defaults:
                try:
                    typed(value, defaults[name])
                except ValueError:
                    kind = KINDS[type(defaults[name])]
                    raise ValueError(f"{name} of {notebook.name} is {kind}, not {value!r}. Nothing was run.") from None
    if network != "zfnet":
        len(load(absolute(world), network)[1].val)
        return
    len(open_world(absolute(world)).val)
    read_card(absolute(world))


def parameters_of(notebook: Path) -> dict[str, object]:
    """The parameters of a notebook and their defaults: what its cell tagged "parameters" assigns.

    Raises:
        FileNotFoundError: there is no such notebook.
        ValueError: it cannot be read, or a default is no plain value.
    """
    if not notebook.is_file():
        raise FileNotFoundError(f"There is no notebook {str(notebook)!r}. Nothing was run.")
    try:
        cells = nbformat.read(notebook, as_version=4).cells
        marked = next((cell.source for cell in cells if PARAMETERS in cell.metadata.get("tags", [])), "")
        assigned = [node for node in ast.parse(marked).body if isinstance(node, ast.Assign)]
        return {target.id: ast.literal_eval(node.value) for node in assigned for target in node.targets}
    except (ValueError, SyntaxError, AttributeError, nbformat.reader.NotJSONError) as error:
        first = str(error).partition("\n")[0]
        raise ValueError(f"{notebook} cannot be run: {first} Nothing was run.") from None


def typed(value: str, default: object) -> object:
    """What was typed for a parameter, in the type of its default.

    >>> typed("3", 0), typed("3", 0.5), typed("007", ""), typed("no", True)
    (3, 3.0, '007', False)

    Raises:
        ValueError: it is of no such type.
    """
    if isinstance(default, bool):
        if value.lower() not in TRUTH:
            raise ValueError(value)
        return TRUTH[value.lower()]
    return type(default)(value) if isinstance(default, int | float) else value


def of_notebook(notebook: Path, parameters: Parameters) -> dict[str, object]:
    """Those of the given parameters that a notebook has, in its types, without those that only repeat its default."""
    defaults = parameters_of(notebook)
    given = {name: typed(value, defaults[name]) for name, value in parameters if name in defaults}
    return {name: value for name, value in given.items() if value != defaults[name]}


def run(
    notebook: Path,
    reports: Path,
    world: str,
    parameters: Parameters = (),
    threads: int | None = None,
    network: str = "zfnet",
) -> None:
    """Executes one notebook with the papermill command; `reports/NAME.ipynb` appears only if it succeeds.

    Args:
        notebook: it is left as it is, and runs in its own folder.
        reports: gets NAME.ipynb, and NAME/ as the notebook's `out_dir`, with seconds and peak memory added to its metrics. If the
            notebook fails, it gets failed/NAME.ipynb instead.
        world: passed on as a parameter.
        parameters: more of them, (name, value); those that the notebook does not have are not for it.
        threads: for the kernel; as many as it likes if None.
        network: passed on as a parameter, unless it is the world's own.

    Raises:
        RuntimeError: the notebook failed; in one sentence which cell, which line and why.
    """
    out_dir, finished, failed = reports / notebook.stem, reports / notebook.name, reports / "failed" / notebook.name
    shutil.rmtree(out_dir, ignore_errors=True)
    for stale in (finished, finished.with_suffix(".html"), failed, failed.with_suffix(".html")):
        stale.unlink(missing_ok=True)
    out_dir.mkdir(parents=True)
    draft = out_dir / "running.ipynb"
    seconds, peak_mb, complaint = _papermill(notebook, draft, world, parameters, threads, network)
    if complaint is not None:
        executed = nbformat.read(draft if draft.exists() else notebook, as_version=4)
        executed.metadata["failure"] = f"failed {_failure(executed, complaint)}."
        failed.parent.mkdir(exist_ok=True)
        nbformat.write(executed, failed)
        draft.unlink(missing_ok=True)
        raise RuntimeError(f"{notebook} {executed.metadata['failure']} The executed copy is {failed}.")
    notes = out_dir / "metrics.json"
    done = Run.read(notes) if notes.exists() else Run(notebook.stem, world, network)
    done.parameters = of_notebook(notebook, parameters)
    done.seconds = round(seconds, 1)  # of the whole run, papermill and start-up included
    done.peak_mb = max(round(peak_mb), done.peak_mb or 0)  # the notebook may have seen a peak between two of our looks
    done.write(notes)
    os.replace(draft, finished)


def _memory(process: psutil.Process) -> int:
    """Bytes of memory. What several processes share is shared out among them where the system tells, as Linux does: the children
    that draw the toy world are forks, and their parent's images would count once more for each of them."""
    try:
        whole = process.memory_full_info()
    except psutil.AccessDenied:
        whole = process.memory_info()
    return getattr(whole, "pss", whole.rss)


def _papermill(
    notebook: Path, draft: Path, world: str, parameters: Parameters, threads: int | None, network: str
) -> tuple[float, float, str | None]:
    """Seconds, peak memory of papermill and all below it in MB, and papermill's last word if it failed."""
    folder = notebook.parent
    more = {
        name: absolute(value) if isinstance(value, str) else value for name, value in of_notebook(notebook, parameters).items()
    }
    given = {"world": absolute(world), "out_dir": os.path.relpath(draft.parent, folder)} | more
    given |= {} if network == "zfnet" else {"network": names.absolute(network)}
    command = [
        sys.executable,
        "-P",
        "-m",
        "zfhelpers.report.execute",
        *(str(path).replace("{", "{{").replace("}", "}}") for path in (notebook, draft)),  # papermill fills in what is in braces
        "--cwd",
        str(folder),
        "--kernel",
        "python3",
        "--execution-timeout",
        str(CELL_TIMEOUT),
        "--start-timeout",
        str(START_TIMEOUT),
        "--no-progress-bar",
    ]
    for name, value in given.items():  # papermill would read text such as "007", "true" or "1e3" as something else
        command += ["-r" if isinstance(value, str) else "-p", name, str(value)]
    started, peak = time.monotonic(), 0
    with tempfile.TemporaryFile() as log, tempfile.TemporaryDirectory() as profile:
        process = psutil.Popen(command, stdout=log, stderr=log, env=_environment(threads) | {"IPYTHONDIR": profile})
        try:
            while process.poll() is None:
                begun = time.monotonic()
                with suppress(psutil.Error):  # a process that ended while we looked
                    peak = max(peak, sum(map(_memory, [process, *process.children(recursive=True)])))
                with suppress(psutil.TimeoutExpired):
                    process.wait(max(SAMPLING, (time.monotonic() - begun) / LOOKING))
        finally:
            if process.poll() is None:  # we are being stopped; papermill stops its kernel when asked to end
                process.terminate()
                process.wait()
        log.seek(0)
        said = log.read().decode(errors="replace")
    errors = [f"papermill ended with status {process.returncode}", *ERROR.findall(said)]
    complaint = errors[-1].rstrip(".") if process.returncode else None
    return time.monotonic() - started, peak / 2**20, complaint


def _environment(threads: int | None) -> dict[str, str]:
    """Ours, without what would change a notebook's kernel or figures, and with paths that hold in its folder too."""
    ours = {key: value for key, value in os.environ.items() if key not in ("MPLBACKEND", "JUPYTER_PATH", *THREAD_LIMITS)}
    environment = KEPT | ours
    environment |= {
        key: os.path.abspath(environment[key]) for key in ("ZF_DATA", "ZF_CACHE", "TORCH_HOME") if environment.get(key)
    }
    if threads:
        environment |= dict.fromkeys(THREAD_LIMITS, str(threads))
    return environment | {"JUPYTER_PREFER_ENV_PATH": "1", "ZF_PROGRESS": "0", "ZF_PLAYS": "1"}


def _failure(executed: nbformat.NotebookNode, complaint: str) -> str:
    """Where and why a notebook failed, its code cells numbered as in the source; if no cell says why, papermill's complaint."""
    number = reached = 0
    for cell in executed.cells:
        tags, status = cell.metadata.get("tags", []), cell.metadata.get("papermill", {}).get("status")
        if cell.cell_type != "code" or ERROR_TAG in tags:
            continue
        number += PARAMETERS_TAG not in tags
        reached = reached if status in (None, "pending") else number
        for output in cell.outputs:
            if output.output_type == "error":
                trace = re.sub(r"\x1b\[[0-9;]*m", "", "\n".join(output.traceback))
                found = re.search(r"Cell In\[\d+\], line (\d+)", trace)
                line = int(found[1]) if found else 1
                source = "".join(cell.source.splitlines()[line - 1 : line]).strip()
                error = f"{output.ename}: {output.evalue.strip()}".partition("\n")[0].rstrip(".: ")
                error = complaint if output.ename == "KeyboardInterrupt" else error  # that is how papermill ends a cell
                return f"in code cell {number}, line {line}, `{source}`: {error}"
    return f"in code cell {reached}, which did not finish: {complaint}" if reached else f"before its first cell: {complaint}"


def main(arguments: Sequence[str] | None = None) -> int:
    """The command line; returns its exit status, 0 or 1."""
    parser = argparse.ArgumentParser(description="Run the notebooks in one batch; see also the Snakefile and 'make report'.")
    commands = parser.add_subparsers(dest="command", required=True)
    for name, summary in (("check", "refuse what could only fail later"), ("run", "execute one notebook")):
        command = commands.add_parser(name, help=summary)
        command.add_argument(
            "paths",
            nargs="*" if name == "check" else 2,
            type=Path,
            metavar="NOTEBOOK" if name == "check" else ("NOTEBOOK", "REPORTS"),
        )
        command.add_argument("--world", required=True)
        command.add_argument("--network", default="zfnet")
        command.add_argument("-p", dest="parameters", nargs=2, action="append", default=[], metavar=("NAME", "VALUE"))
    command.add_argument("--threads", type=int)
    parameters, rest = split_parameters(sys.argv[1:] if arguments is None else arguments)  # a value may begin with "-"
    options = parser.parse_args(rest)
    parameters += options.parameters
    signal.signal(signal.SIGTERM, lambda *_: sys.exit(143))  # so that stopping us stops the kernel
    try:
        if options.command == "check":
            check(options.paths, options.world, parameters, options.network)
        else:
            notebook, reports = options.paths
            run(notebook, reports, options.world, parameters, options.threads, options.network)
            done = Run.read(reports / notebook.stem / "metrics.json")
            print(f"{notebook}: {done.seconds:.0f} s, {done.peak_mb} MB", flush=True)
    except (ValueError, RuntimeError, OSError) as error:
        print(error, file=sys.stderr)
        return 1
    return 0


if __name__ == "__main__":
    sys.exit(main())
