# make report            every figure and table in reports/toy/index.html
# make help              the rest
#
# Every target first makes .venv and installs into it what requirements.lock says, unless that is done.

PYTHON ?= python3
WORLD ?= toy
NETWORK ?= zfnet
JOBS ?=
PARAMS ?=
STRICT ?=
SEEDS ?= 0 1 2 3
NOTEBOOKS ?= notebooks/*.ipynb
NETWORKS ?=
EPOCHS ?=
WORKERS ?= 2

VENV := .venv
RUN := $(VENV)/bin/python
STAMP := $(VENV)/.installed

# These go to the programs as they were typed, whatever is in them: make would expand a $, the shell would take quotes away.
export ZF_WORLD := $(value WORLD)
export ZF_NETWORK := $(value NETWORK)
export ZF_NOTEBOOKS := $(value NOTEBOOKS)
export ZF_PARAMS := $(value PARAMS)
export ZF_FETCHED := $(if $(filter file,$(origin WORLD)),imagenette,$(value WORLD))
unexport WORLD NETWORK NOTEBOOKS PARAMS

# Kernels are those of .venv, whatever else is installed; the packages too.
export JUPYTER_PREFER_ENV_PATH := 1
export PYTHONNOUSERSITE := 1
unexport JUPYTER_PATH PYTHONPATH PYTHONHOME

# Linux keeps the memory of a batch's maps for the next one: forward passes take a fifth to a third less time, see report/run.py.
export MALLOC_MMAP_THRESHOLD_ ?= 1073741824
export MALLOC_TRIM_THRESHOLD_ ?= 2147483648

.DEFAULT_GOAL := help
.DELETE_ON_ERROR:
.PHONY: help install oracles bench report expected test lint lab explore student answers train data clean

help:
	@echo "make report   run all notebooks, and see reports/WORLD/index.html"
	@echo "              WORLD=toy  PARAMS='-p NAME VALUE'  NOTEBOOKS='notebooks/*.ipynb'"
	@echo "              JOBS=N notebooks at once; unless you say so, as many as cores and memory allow"
	@echo "              NETWORK=torchvision:NAME, or PATH/file.py:function: a network trained elsewhere looks at the world's images"
	@echo "              STRICT=1 numbers that differ from the record are an error"
	@echo "make expected write down anew what the numbers should be, from several seeds  (WORLD=toy  SEEDS='0 1 2 3')"
	@echo "make test     unit tests, doctests, every notebook against its stored outputs  (WORKERS=2 at once)"
	@echo "make oracles  install what some tests compare with, and are skipped without; no reader needs it"
	@echo "make bench    our times beside Captum's, zennit's and zennit-crp's: half an hour; JOB='search moves' some of them"
	@echo "make lint     the style of the code, and that imports point down"
	@echo "make lab      open the notebooks in JupyterLab"
	@echo "make explore  a page to put your own photograph in, and to ask the network about it  (WORLD=toy  NETWORK=zfnet)"
	@echo "make train    train a world's networks into runs/WORLD, going on where it was stopped, and record its tables"
	@echo "              WORLD=toy  NETWORKS=zfnet that one alone  EPOCHS=70 another budget  JOBS=2 two at once"
	@echo "make data     fetch the photographs of a world  (WORLD=imagenette, or tinyimagenet; with NETWORK=, the larger edition)"
	@echo "make student  copies of the notebooks without answers, with checks, in student/; make answers puts anew on record what is right"
	@echo "make clean    remove reports and caches; .venv, downloads and training runs stay"
	@echo
	@echo "Worlds: toy, imagenette, tinyimagenet, imagenet, folder:PATH.  Another Python: make report PYTHON=python3.12"

# snakemake keeps a copy of the Snakefile and would run that one for ever, also when it has changed: hence a place for each version.
report: $(STAMP)
	@test -w . || { echo "$$PWD cannot be written, and the report goes there; make it in a copy that can." >&2; exit 1; }
	@$(RUN) -m snakemake --cores $(or $(JOBS),$$($(RUN) -P -m zfhelpers.report.machine)) --keep-going --rerun-incomplete --quiet all --nolock --scheduler greedy \
		--max-checksum-file-size 0 --runtime-source-cache-path ".snakemake/source-cache/$$(cksum <Snakefile | tr ' ' -)"
	@$(RUN) -P -m zfhelpers.report.last_words $(if $(filter-out 0 no false,$(STRICT)),--strict)

expected: $(STAMP)
	$(RUN) -m zfhelpers.report.expect --world="$$ZF_WORLD" --network="$$ZF_NETWORK" --jobs $(or $(JOBS),1) --seeds $(SEEDS) --notebooks="$$ZF_NOTEBOOKS"

test: $(STAMP)
	$(RUN) -m pytest -n $(WORKERS) --dist loadscope

lint: $(STAMP)
	$(VENV)/bin/ruff check .
	$(VENV)/bin/ruff format --check .
	$(VENV)/bin/lint-imports

lab: $(STAMP)
	$(RUN) -m jupyterlab notebooks

explore: $(STAMP)
	@$(RUN) -m zfhelpers.explorer

train: $(STAMP)
	$(RUN) -m zfhelpers.networks --world="$$ZF_WORLD" $(if $(NETWORKS),--only $(NETWORKS)) $(if $(EPOCHS),--epochs $(EPOCHS)) \
		--jobs $(or $(JOBS),1)
	$(if $(NETWORKS)$(EPOCHS),,$(RUN) -m zfhelpers.results --world="$$ZF_WORLD")

student: $(STAMP)
	@$(RUN) -m zfhelpers.lessons.student

answers: $(STAMP)
	$(RUN) -m zfhelpers.lessons.answers

data: $(STAMP)
	$(RUN) -m zfhelpers.worlds.download $(if $(filter zfnet,$(ZF_NETWORK)),,--large) -- "$$ZF_FETCHED"

install: $(STAMP)

bench: oracles
	@$(RUN) tests/benchmarks/run.py $(if $(JOB),--only $(JOB))

oracles: $(STAMP)
	$(RUN) -m pip install --disable-pip-version-check --no-deps --requirement requirements-oracles.lock

$(STAMP): requirements.lock pyproject.toml
	@command -v "$(PYTHON)" >/dev/null || { echo "There is no '$(PYTHON)' here; install Python 3.11 or newer, or name yours: make PYTHON=/path/to/python3" >&2; exit 1; }
	@"$(PYTHON)" -c 'import sys; sys.exit(sys.version_info < (3, 11))' || \
		{ echo "zfhelpers needs Python 3.11 or newer, and '$(PYTHON)' is $$("$(PYTHON)" --version); name a newer one: make PYTHON=python3.12" >&2; exit 1; }
	@rm -f $@
	"$(PYTHON)" -m venv $(VENV)
	$(RUN) -m pip install --disable-pip-version-check --requirement requirements.lock
	$(RUN) -m pip install --disable-pip-version-check --no-deps --no-build-isolation --editable .
	@touch $@

clean:
	rm -rf reports .snakemake data/cache .pytest_cache .ruff_cache .hypothesis
	find . -name __pycache__ -not -path './.venv/*' -prune -exec rm -rf {} +
