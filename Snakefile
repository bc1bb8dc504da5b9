"""Every notebook through papermill, a page of each, and the index: what `make report` runs.

    snakemake --cores 2                                              # as many notebooks at once as cores are given
    snakemake --cores 2 --config world=imagenette
    snakemake --cores 2 --config world=imagenette network=torchvision:squeezenet1_1
    snakemake --cores 1 --config "notebooks=notebooks/08*.ipynb" "params=-p seed 3"
    ZF_WORLD="folder:/photos #2" snakemake --cores 2                 # settings may stand in the environment, too

A notebook runs anew when it was saved after its last run, when its parameters change, and when the package, a network's card or the
locked versions change in content; a page when the notebook ran or the templates change. On a cluster the same file runs with
Snakemake's executor plugins.
"""

import fcntl
import hashlib
import logging
import os
import shlex
import subprocess
import sys
from pathlib import Path

from snakemake.logging import logger
from snakemake.settings.enums import Quietness

from zfhelpers.report.run import parameters_of
from zfhelpers.report.settings import check_writable, priority, read_settings, threads_each

HERE = Path(workflow.basedir)


class Aloud(logging.Handler):
    """Says what goes wrong: `--quiet all` keeps snakemake from printing its errors, too. A step that fails has said why itself."""

    failed = False

    def emit(self, record):
        step = getattr(record, "rule_name", None)
        if step:
            self.failed = True
            print(f"The step {step!r} failed.", file=sys.stderr)
        elif not self.failed and "CalledProcessError" not in record.getMessage():
            print(record.getMessage(), file=sys.stderr)


if Quietness.ALL in (workflow.output_settings.quiet or ()):
    logger.addHandler(Aloud(logging.ERROR))
try:
    ASKED = read_settings(config, sys.argv[1:], os.environ)
    check_writable(".snakemake", ASKED.reports)
    THREADS = threads_each(min(workflow.cores or 1, len(ASKED.notebooks)), os.environ)
except ValueError as refusal:
    sys.exit(str(refusal))
WORLD, NETWORK, REPORTS, NOTEBOOKS = ASKED.world, ASKED.network, ASKED.reports, ASKED.notebooks
PYTHON = [sys.executable, "-P", "-m"]
RUN, PAGE = (shlex.join([*PYTHON, f"zfhelpers.report.{name}"]) for name in ("run", "pages"))
GIVEN = [word for name, value in ASKED.parameters for word in ("-p", name, value)]
CHECK = [*PYTHON, "zfhelpers.report.run", "check", *NOTEBOOKS.values(), f"--world={WORLD}", f"--network={NETWORK}", *GIVEN]
INDEX = [*PYTHON, "zfhelpers.report.index", REPORTS, *NOTEBOOKS.values(), f"--world={WORLD}", f"--network={NETWORK}"]


def content(*patterns, without=()):
    """A hash of what some files hold: unlike their times, the same in every clone."""
    left_out = {path for pattern in without for path in HERE.glob(pattern)}
    files = sorted({path for pattern in patterns for path in HERE.glob(pattern)} - left_out)
    return hashlib.sha256(b"".join(hashlib.sha256(path.read_bytes()).digest() for path in files)).hexdigest()


LOOK = ("zfhelpers/report/pages.py", "zfhelpers/report/index.py", "zfhelpers/report/templates/*")  # what makes pages of notebooks that ran


def own(notebook):
    """Those of the parameters that a notebook has, so that another's do not run it again; `check` refuses what none has."""
    has = parameters_of(Path(notebook))
    return shlex.join(word for name, value in ASKED.parameters if name in has for word in ("-p", name, value))


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
        sys.exit(f"Another run is making {REPORTS}; wait for it.")
    except OSError as error:  # some file systems have no locks
        print(f"{REPORTS} cannot be locked here ({error.strerror}); start no second run of it meanwhile.", file=sys.stderr)
    status = subprocess.run(CHECK).returncode
    if status < 0:
        print(f"The check of the settings was ended by signal {-status}. Nothing was run.", file=sys.stderr)
    if status:
        sys.exit(1)


onerror:
    subprocess.run(INDEX)


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
        network=lambda wildcards: NETWORK,
        world=lambda wildcards: WORLD,  # what a function gives is left as it is: elsewhere a brace would begin a wildcard
        more=lambda wildcards: own(NOTEBOOKS[wildcards.name]),
        package=PACKAGE,
        source=lambda wildcards: hashlib.sha256(Path(NOTEBOOKS[wildcards.name]).read_bytes()).hexdigest(),
    resources:
        kernel_threads=THREADS,
    priority: lambda wildcards: priority(wildcards.name)
    shell:
        "{RUN} run {input:q} {REPORTS:q} --world={params.world:q} --network={params.network:q} --threads {resources.kernel_threads} {params.more}"


rule page:
    input:
        rules.notebook.output.notebook,
    output:
        f"{REPORTS}/{{name}}.html",
    params:
        names=lambda wildcards: list(NOTEBOOKS),
        looks=LOOKS,
    shell:
        "{PAGE} {input:q} {params.names:q}"


rule index:
    input:
        lambda wildcards: [f"{REPORTS}/{name}{part}" for name in NOTEBOOKS for part in (".html", "/metrics.json")],
    output:
        f"{REPORTS}/index.html",
    params:
        looks=LOOKS,
    shell:
        "{INDEX:q}"
