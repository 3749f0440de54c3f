# Two commands do all the set-up on a fresh machine: `make demo` and `make test`.

PYTHON ?= python3
# `nproc` heeds OMP_NUM_THREADS, which is set below (and newer makes pass it on to $(shell)).
CORES ?= $(shell env -u OMP_NUM_THREADS -u OMP_THREAD_LIMIT nproc)
BIN := .venv/bin
OUTSIDE := $(PATH)
export PATH := $(CURDIR)/$(BIN):$(PATH)
# One thread a process: jobs run side by side, and results do not depend on the number of cores.
export OMP_NUM_THREADS := 1
export PYTHONUNBUFFERED := 1

BENCH := .venv-bench
SITE := .venv-site

.PHONY: help setup demo study report test faults bench site lint format claims schema lock clean

help: ## Show this list
	@grep -E '^[a-z]+:.*##' $(MAKEFILE_LIST) | sed -E 's/:.*## /\t/' | expand -t 10

setup: ## Make the virtual environment .venv with the pinned packages, or mend it
	@PATH='$(OUTSIDE)' $(PYTHON) -c 'import sys; sys.exit(sys.version_info < (3, 11))' || { echo "Python 3.11 or newer is needed; name one with: make PYTHON=python3.12 ..."; exit 1; }
	@PATH='$(OUTSIDE)' $(PYTHON) envs/environment.py

# The jobs are short and many: they share one warm interpreter.
# Snakemake looks at all waiting jobs again once a timespan of its job limit for every job that has ended: the longer, the
# less it does (and the later it exits: its timers have to end).
# If another run is alive, this one waits for it: the kernel's lock lasts as long as any process of the run.
define BUILD
	@mkdir -p results
	@flock -n results/.run.lock true || echo "Another run is active in this folder; waiting for it to end."
	@flock results/.run.lock python workflow/warm/server.py -- snakemake $(1) --cores $(CORES) --max-jobs-per-timespan 1000/5s
endef

demo: setup ## Build the whole study at reduced scale: generated videos, all trainings, every table and figure
	$(call BUILD,)
	@echo "Open results/report.html in a browser. What to do next: .venv/bin/videossl"

study: setup ## Run the core of the study where pretraining has time to learn (hours on two cores; goes on where it was stopped)
	$(call BUILD,--configfile config/small.yaml)
	@echo "Open results/small/report.html in a browser"

report: setup ## Run what is missing, then write the study as one HTML page
	$(call BUILD,report)
	@echo "Open results/report.html in a browser"

# Hundreds of processes import the library: compiled once, also where the environment asks for no compiled files.
test: export PYTHONDONTWRITEBYTECODE :=
test: setup ## Run all tests
	$(BIN)/pytest -n $(CORES) --dist loadgroup tests

faults: setup ## Kill a small study at every place and start it again (hours; goes on where it was stopped)
	python tests/faults/run.py --jobs $(CORES)

# An environment of its own on top of .venv: what it adds is for comparison only, and does not fit in with the rest.
bench: $(BENCH)/.installed ## Measure speed (10 minutes) and write docs/performance.md and docs/scale.md anew
	PYTHONPATH=$(CURDIR)/src LD_LIBRARY_PATH=$(CURDIR)/$(BENCH)/ffmpeg $(BENCH)/bin/python -m benchmarks.run
	python -m benchmarks.scale

$(BENCH)/.installed: envs/requirements.txt envs/requirements-bench.txt | setup
	$(PYTHON) -m venv $(BENCH)
	$(BIN)/python -c 'import sysconfig; print(sysconfig.get_path("purelib"))' > $$(echo $(BENCH)/lib/python3*/site-packages)/overlay.pth
	$(BENCH)/bin/pip install --quiet --disable-pip-version-check --no-deps -r envs/requirements-bench.txt
	$(BENCH)/bin/python -m benchmarks.ffmpeg_libraries $(BENCH)/ffmpeg
	@touch $@

site: $(SITE)/.installed ## Write the documentation and the library's reference as web pages to build/site/
	NO_MKDOCS_2_WARNING=1 $(SITE)/bin/mkdocs build --quiet
	@echo "Open build/site/index.html in a browser"

$(SITE)/.installed: envs/requirements-site.txt
	$(PYTHON) -m venv $(SITE)
	$(SITE)/bin/pip install --quiet --disable-pip-version-check -r $<
	@touch $@

lint: setup ## Check formatting, style, types, imports, the documents and the workflow
	ruff format --check .
	ruff check .
	lint-imports --no-cache
	mypy
	rumdl check --no-cache .
	snakefmt --check Snakefile rules
	snakemake --lint

format: setup ## Format all files
	ruff check --fix --quiet .
	ruff format --quiet .
	snakefmt Snakefile rules

claims: setup ## Judge the paper's claims on its own numbers and write the table in docs/results.md
	python -m videossl.report.paper_claims

schema: setup ## Write the JSON schemas of the configuration files
	python -m videossl.study.config.schema

# torch and torchvision keep their pins: a newer one is a change of results to decide on, made by hand. To be run on
# Linux x86-64, where every dependency is: pip forgets markers of platforms, so the pins that have one keep it.
lock: ## Write the pins anew from a fresh resolution of pyproject.toml
	rm -rf .venv-lock && $(PYTHON) -m venv .venv-lock
	grep '^torch' envs/requirements.txt > .venv-lock/kept.txt
	sed -n 's/^\([^= ]*\)==[^ ]*\( ;.*\)$$/s|^\1==.*|\&\2|/p' envs/requirements.txt > .venv-lock/markers.sed
	.venv-lock/bin/pip install --quiet -c .venv-lock/kept.txt '.'
	{ sed -n '/^#/p' envs/requirements.txt; .venv-lock/bin/pip freeze --exclude videossl | sed 's/+cpu//' | sed -f .venv-lock/markers.sed; } > envs/requirements.new && mv envs/requirements.new envs/requirements.txt
	.venv-lock/bin/pip install --quiet -c .venv-lock/kept.txt '.[dev]'
	{ sed -n '/^[#-]/p' envs/requirements-dev.txt; .venv-lock/bin/pip freeze --exclude videossl | sed 's/+cpu//' | sed -f .venv-lock/markers.sed | grep -vxFf envs/requirements.txt; } > envs/requirements.new && mv envs/requirements.new envs/requirements-dev.txt
	rm -rf .venv-lock
	{ sed '/- pip:/q' envs/environment.yaml; sed -n '/^[^#]/s/^/      - /p' envs/requirements.txt; } > envs/environment.new && mv envs/environment.new envs/environment.yaml

clean: ## Remove results and the virtual environment
	rm -rf results .venv .venv-bench .venv-site build .snakemake
