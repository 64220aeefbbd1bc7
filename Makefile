# "make help" lists what there is. PYTHON=... chooses another Python (3.11 or later).

VENV := .venv
BIN := $(VENV)/bin
PYTHON ?= $(shell for python in python3 python3.14 python3.13 python3.12 python3.11; do \
	$$python -c 'import sys; sys.exit(sys.version_info < (3, 11))' 2>/dev/null \
	&& echo $$python && break; done)

.PHONY: help demo test lint bench clean
.DEFAULT_GOAL := help

help: ## This list
	@sed -n 's/^\([a-z]*\):.*## /  make \1	/p' $(MAKEFILE_LIST) | expand -t 16

demo: $(VENV)/.installed ## A real sync from a small hub on this machine; no account needed
	@$(BIN)/s2fetch demo config/demo.toml

test: $(VENV)/.installed-dev ## The tests, in parallel and in random order
	$(BIN)/python -m pytest -n auto --dist worksteal

lint: $(VENV)/.installed-dev ## Format, lints, types, import contracts
	$(BIN)/ruff format --check .
	$(BIN)/ruff check .
	$(BIN)/mypy
	$(BIN)/lint-imports

bench: $(VENV)/.installed-dev ## The measured claims, each against a baseline in the same run
	$(BIN)/python -m tests.benchmarks

clean: ## Remove everything make has made, the demo's archive included
	rm -rf $(VENV) build dist demo-hub demo-archive .mypy_cache .ruff_cache .pytest_cache \
		.hypothesis .import_linter_cache
	rm -f s2fetch/digest/md5_blocks.so s2fetch/digest/md5_blocks.dylib
	find s2fetch tests -name __pycache__ -type d -prune -exec rm -rf {} +

$(BIN)/python:
	@test -n "$(PYTHON)" || { echo "s2fetch needs Python 3.11 or later: make PYTHON=/path/to/it" >&2; exit 1; }
	$(PYTHON) -m venv $(VENV)

$(VENV)/.installed: pyproject.toml s2fetch/digest/md5_blocks.c | $(BIN)/python
	$(BIN)/python -m pip install --quiet --disable-pip-version-check --editable .
	@touch $@

$(VENV)/.installed-dev: pyproject.toml s2fetch/digest/md5_blocks.c | $(BIN)/python
	$(BIN)/python -m pip install --quiet --disable-pip-version-check --editable '.[dev]'
	@touch $@ $(VENV)/.installed
