# The verbs of this repository. `make` alone lists them.
#
# Needs Python 3.11 or later with its venv module, and a package index; everything else is installed into .venv.

SHELL := /bin/bash
.DEFAULT_GOAL := help

PYTHON ?= python3
BIN := .venv/bin
# Written last by a setup that went through; newer than the lock file means: nothing to do.
STAMP := .venv/.set-up
# A company's network often ends TLS with a certificate of its own: trust what this machine trusts, as pip does.
ifneq ($(wildcard /etc/ssl/certs/ca-certificates.crt /etc/pki/tls/certs/ca-bundle.crt /etc/ssl/cert.pem),)
export UV_SYSTEM_CERTS ?= true
endif
# More workers than this only wait for each other's databases.
WORKERS ?= 4
PYTEST := $(BIN)/python -m pytest -n auto --maxprocesses=$(WORKERS) --dist=worksteal

.PHONY: help setup setup-spark run test test-fast test-spark test-deep check format bench docs clean

help: ## list these verbs
	@grep -E '^[a-z-]+:.*## ' $(MAKEFILE_LIST) | sed -E 's/^([a-z-]+):.*## /\1\t/' | expand -t 12

# Compiled here, because where PYTHONDONTWRITEBYTECODE is set (most containers) every start would compile anew: 4 s.
setup: $(STAMP) ## install everything into .venv; a second time takes no time

$(STAMP): pyproject.toml uv.lock Makefile
	@$(PYTHON) -c 'import sys; sys.exit(sys.version_info < (3, 11))' \
	  || { echo "expected Python 3.11 or later, got $$($(PYTHON) --version 2>&1): say which with PYTHON=..." >&2; exit 2; }
	@$(BIN)/python -c '' 2>/dev/null || $(PYTHON) -m venv --clear .venv
	@$(BIN)/uv --version >/dev/null 2>&1 || $(BIN)/python -m pip install --quiet --disable-pip-version-check 'uv>=0.9'
	@UV_PROJECT_ENVIRONMENT=.venv $(BIN)/uv sync --frozen --quiet --compile-bytecode
	@$(BIN)/python -m compileall -q src
	@touch $@

setup-spark: setup ## install the engine spark, too; it needs Java 17 or later
	@UV_PROJECT_ENVIRONMENT=.venv $(BIN)/uv sync --frozen --quiet --compile-bytecode --extra spark

run: setup ## make a company, do the whole job on a month of its files, and serve the console at 127.0.0.1:8765
	$(BIN)/tieout demo .demo

test: setup ## every test but Spark's and the deep ones (more of what is drawn and listed, all of intake on PostgreSQL)
	$(PYTEST) -m 'not spark and not deep' $(ARGS)

test-fast: setup ## the tests that need nothing beside Python
	$(PYTEST) -m 'not peers and not slow and not deep' $(ARGS)

# One after the other: a master, its workers and a driver are as much as two cores carry.
test-spark: setup-spark ## DuckDB and Spark give the same, here and on a master with two workers; needs Java 17 or later
	$(BIN)/python -m pytest -m 'spark and not deep' $(ARGS)

test-deep: setup ## every test, with many more generated examples
	$(PYTEST) --hypothesis-profile=deep --timeout=3600 $(ARGS)

check: setup ## format, lint, types, imports
	$(BIN)/ruff format --check .
	$(BIN)/ruff check .
	$(BIN)/mypy
	$(BIN)/lint-imports

format: setup ## put the code into its format, and fix what can be fixed without thinking
	$(BIN)/ruff format .
	$(BIN)/ruff check --fix .

# One after the other, so that none disturbs another; docs/RESULTS.md says how to run each in full.
bench: setup ## the benchmarks, with the floor and the peers in the same run; modest sizes
	$(BIN)/python -m benchmarks.ingest --rows 1000000 --lake 5000000 --entries 25000 $(ARGS)
	$(BIN)/python -m benchmarks.matching --size 100000
	$(BIN)/python -m benchmarks.selection
	$(BIN)/python -m benchmarks.consecutive --lines 100000 --payouts 200 --others 200
	$(BIN)/python -m benchmarks.incremental --new 20000 --history 200000 --times 1
	$(BIN)/python -m benchmarks.quality --seeds 1-3 --misses 5
	$(BIN)/python -m benchmarks.journals --charges 200000
	$(BIN)/python -m benchmarks.lookup --records 1000000 --files 4
	$(BIN)/python -m benchmarks.worklist --rows 20000

docs: setup ## run every command that README.md and docs/ show, and compare what it prints
	$(BIN)/python -m pytest tests/test_docs.py $(ARGS)

clean: ## remove what can be made again, but not .venv
	rm -rf .demo .hypothesis .import_linter_cache .mypy_cache .pytest_cache .ruff_cache build dist
