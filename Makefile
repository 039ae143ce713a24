# What a person types. Everything else hangs on these.
PYTHON ?= python3
VENV := .venv
BIN := $(VENV)/bin
# Most long tests wait for real servers: a few more processes than a small machine has cores.
WORKERS ?= 3
MINUTES ?= 60

.PHONY: help setup run test soak fuzz check compiled test-compiled clean

help:            ## this list
	@grep -hE '^[a-z-]+: .*##|^[a-z-]+:  *##' $(MAKEFILE_LIST) | sed 's/:.*##/  -/'

setup: $(VENV)/ready   ## a virtual environment with everything in it, from a bare checkout

$(VENV)/ready: requirements/dev.txt pyproject.toml
	@test -x $(BIN)/python || $(PYTHON) -m venv $(VENV)
	@echo "Installing locked packages into $(VENV) …"
	@$(BIN)/python -m pip install --quiet --disable-pip-version-check --require-hashes -r requirements/dev.txt
	@$(BIN)/python -m pip install --quiet --disable-pip-version-check --no-build-isolation --no-deps --editable .
	@touch $@

run: setup       ## the demo, with the console on 127.0.0.1:8080
	@$(BIN)/breachdesk demo

test: setup      ## the whole test suite; starts its own Kafka and PostgreSQL where they are installed
	@$(BIN)/python -m pytest -n $(WORKERS) --dist loadfile --no-loadscope-reorder

soak: setup      ## only the long runs, on real servers
	@BREACHDESK_SOAK=1 $(BIN)/python -m pytest -m soak

fuzz: setup      ## invented lines for an hour, guided by what they reach in the parsers: MINUTES=60
	@$(BIN)/python -m pip install --quiet --disable-pip-version-check --require-hashes -r requirements/fuzz.txt
	@$(BIN)/python scripts/fuzz_parsers.py --minutes $(MINUTES)

check: setup     ## lint, types, layers and the fast tests; under a minute
	@$(BIN)/ruff check .
	@$(BIN)/ruff format --check .
	@$(BIN)/djlint --lint --quiet templates/console
	@$(BIN)/mypy
	@$(BIN)/lint-imports
	@$(BIN)/python -m pytest -n auto --dist loadfile tests/unit tests/contract tests/conformance tests/architecture -m "not slow and not kafka and not postgres and not rsyslog"

compiled: setup  ## optional: a copy in build/compiled whose hottest modules are C; needs a C compiler
	@$(BIN)/python scripts/compile_modules.py build/compiled
	@echo "It runs as: PYTHONPATH=build/compiled $(BIN)/breachdesk run"

test-compiled: compiled  ## the fast tests against that copy
	@BREACHDESK_TEST_COMPILED=1 PYTHONSAFEPATH=1 PYTHONPATH=build/compiled $(BIN)/pytest -n auto --dist loadfile tests/unit tests/contract tests/conformance -m "not slow and not kafka and not postgres and not rsyslog"

clean:           ## forget the environment and what was compiled
	rm -rf $(VENV) build
