"""Every notebook through papermill, a page of each, and the index: what `make report` runs.

    snakemake --cores 2                                              # as many notebooks at once as cores are given
    snakemake --cores 2 --config world=imagenette
    snakemake --cores 1 --config "notebooks=notebooks/08*.ipynb" "params=-p seed 3"

A notebook runs anew when it was saved after its last run, when its parameters change, and when the package, a network's card or the
locked versions change in content; a page when the notebook ran or the templates change. On a cluster the same file runs with
Snakemake's executor plugins.
"""

import fcntl
import hashlib
import os
import shlex
import subprocess
import sys
from pathlib import Path

from snakemake.exceptions import WorkflowError

from zfhelpers.report.run import parameters_of

HERE = Path(workflow.basedir)
RUN, PAGE, LIST = (f"{shlex.quote(sys.executable)} -P -m zfhelpers.report.{name}" for name in ("run", "pages", "index"))
DEFAULTS = {"world": "toy", "notebooks": "notebooks/*.ipynb", "reports": "reports", "params": ""}

if unknown := config.keys() - DEFAULTS.keys():
    raise WorkflowError(f"There is no setting {min(unknown)!r}; there are {', '.join(DEFAULTS)}.")
SETTINGS = {name: str(config.get(name) or default) for name, default in DEFAULTS.items()}
WORLD = SETTINGS["world"]
PARAMS = shlex.join(shlex.split(SETTINGS["params"]))
WORDS = shlex.split(PARAMS)
GIVEN = list(zip(WORDS[1::3], WORDS[2::3]))  # -p NAME VALUE -p NAME VALUE ...
REPORTS = f"{SETTINGS['reports']}/{WORLD.replace(':', '-').replace('/', '-')}"
NOTEBOOKS = {path.stem: str(path) for path in sorted(Path().glob(SETTINGS["notebooks"]))}
CHECK = f"{RUN} check {shlex.join(NOTEBOOKS.values())} --world {shlex.quote(WORLD)} {PARAMS}"
INDEX = f"{LIST} {shlex.quote(REPORTS)} {shlex.join(NOTEBOOKS.values())} --world {shlex.quote(WORLD)}"
THREADS = int(os.environ.get("OMP_NUM_THREADS") or max(1, (os.cpu_count() or 1) // (workflow.cores or 1)))


def content(*patterns, without=()):
    """A hash of what some files hold: unlike their times, the same in every clone."""
    left_out = {path for pattern in without for path in HERE.glob(pattern)}
    files = sorted({path for pattern in patterns for path in HERE.glob(pattern)} - left_out)
    return hashlib.sha256(b"".join(hashlib.sha256(path.read_bytes()).digest() for path in files)).hexdigest()


LOOK = ("zfhelpers/report/pages.py", "zfhelpers/report/index.py", "zfhelpers/report/templates/*")  # what makes pages of notebooks that ran


def own(notebook):
    """Those of the parameters that a notebook has, so that another's do not run it again; `check` refuses what none has."""
    has = parameters_of(Path(notebook))
    return shlex.join(word for name, value in GIVEN if name in has for word in ("-p", name, value))


NETWORKS = ("data/checkpoints/**/*.json", "runs/**/*.json")  # their cards, and records made here
USED = ("zfhelpers/**/*.py", *NETWORKS, "data/results/**/*.json", "data/annotations/*", "data/paper/*", "requirements.lock")
PACKAGE = content(*USED, without=LOOK)
LOOKS = content(*LOOK)


wildcard_constraints:
    name="|".join(map(re.escape, NOTEBOOKS)) or "none",


onstart:
    lock = os.open(Path(".snakemake") / f"{Path(REPORTS).name}.lock", os.O_CREAT | os.O_RDWR)  # the system frees it, however this run ends
    try:
        fcntl.flock(lock, fcntl.LOCK_EX | fcntl.LOCK_NB)
    except BlockingIOError:
        print(f"Another run is making {REPORTS}; wait for it.", file=sys.stderr)
        sys.exit(1)
    if subprocess.run(shlex.split(CHECK)).returncode:
        sys.exit(1)


onerror:
    subprocess.run(shlex.split(INDEX))


rule all:
    input:
        f"{REPORTS}/index.html",


rule notebook:
    input:
        lambda wildcards: NOTEBOOKS[wildcards.name],
    output:
        notebook=f"{REPORTS}/{{name}}.ipynb",
        metrics=f"{REPORTS}/{{name}}/metrics.json",
    params:
        world=WORLD,
        more=lambda wildcards: own(NOTEBOOKS[wildcards.name]),
        package=PACKAGE,
        source=lambda wildcards: hashlib.sha256(Path(NOTEBOOKS[wildcards.name]).read_bytes()).hexdigest(),
    resources:
        kernel_threads=THREADS,
    shell:
        "{RUN} run {input:q} {REPORTS:q} --world {params.world:q} --threads {resources.kernel_threads} {params.more}"


rule page:
    input:
        rules.notebook.output.notebook,
    output:
        f"{REPORTS}/{{name}}.html",
    params:
        names=list(NOTEBOOKS),
        looks=LOOKS,
    shell:
        "{PAGE} {input:q} {params.names:q}"


rule index:
    input:
        expand(rules.page.output, name=NOTEBOOKS),
        expand(rules.notebook.output.metrics, name=NOTEBOOKS),
    output:
        f"{REPORTS}/index.html",
    params:
        looks=LOOKS,
    shell:
        "{INDEX}"
