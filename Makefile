PYTHON ?= python3
VENV := .venv
BIN := $(VENV)/bin
READY := $(VENV)/.ready
OUT ?= out/demo
# Half of the time a test waits for another process. A file stays in one process, in the order of the files: the slow
# ones are in the middle.
PARALLEL ?= --numprocesses 2 --dist loadfile --no-loadscope-reorder

.PHONY: help setup demo test check format soak bench clean
help: ## Show what can be made
	@grep -E '^[a-z]+:.*##' $(MAKEFILE_LIST) | sed 's/:.*##/\t/' | expand -t 10

setup: $(READY) ## Make the environment in .venv, with every version pinned

# 25.1 is the first pip that installs dependency groups.
$(READY): pyproject.toml constraints.txt
	@$(PYTHON) -c 'import sys; sys.exit(not (3, 11) <= sys.version_info[:2] < (3, 13))' || \
	  { echo "TaskCraft needs Python 3.11 or 3.12; name one: make PYTHON=python3.12 $(MAKECMDGOALS)" >&2; exit 2; }
	$(PYTHON) -m venv $(VENV)
	$(BIN)/python -m pip install --quiet --upgrade 'pip>=25.1'
	$(BIN)/python -m pip install --quiet --constraint constraints.txt --editable '.[dask]' --group dev
	@touch $(READY)

demo: $(READY) ## Build a dataset from the sample documents into out/demo
	$(BIN)/taskcraft build data/samples --out $(OUT)

test: $(READY) ## Run the tests
	$(BIN)/python -m pytest -m 'not soak' $(PARALLEL)

check: $(READY) ## Format, lint, types, import contracts
	$(BIN)/ruff format --check .
	$(BIN)/ruff check .
	$(BIN)/mypy
	$(BIN)/lint-imports

format: $(READY) ## Format and fix what can be fixed
	$(BIN)/ruff format .
	$(BIN)/ruff check --fix .

soak: $(READY) ## Run the long proofs
	$(BIN)/python -m pytest -m soak

bench: $(READY) ## Print what a model call costs on this side of the wire
	$(BIN)/python tests/benchmarks/calls.py

clean: ## Remove the environment, caches and outputs
	rm -rf $(VENV) out dist .mypy_cache .ruff_cache .pytest_cache .hypothesis .import_linter_cache
	find . -name __pycache__ -type d -prune -exec rm -rf {} +
