# What a person types. Everything else hangs on these.
PYTHON ?= python3
VENV := .venv
BIN := $(VENV)/bin

.PHONY: help setup run test check clean

help:            ## this list
	@grep -hE '^[a-z]+: .*##|^[a-z]+:  *##' $(MAKEFILE_LIST) | sed 's/:.*##/  -/'

setup: $(VENV)/ready   ## a virtual environment with everything in it, from a bare checkout

$(VENV)/ready: requirements/dev.txt pyproject.toml
	@test -x $(BIN)/python || $(PYTHON) -m venv $(VENV)
	@echo "Installing locked packages into $(VENV) …"
	@$(BIN)/python -m pip install --quiet --disable-pip-version-check --require-hashes -r requirements/dev.txt
	@$(BIN)/python -m pip install --quiet --disable-pip-version-check --no-build-isolation --no-deps --editable .
	@touch $@

run: setup       ## the demo, with the console on 127.0.0.1:8080
	@$(BIN)/breachdesk demo

test: setup      ## the whole test suite
	@$(BIN)/python -m pytest -n auto --dist loadfile

check: setup     ## lint, types, layers and the fast tests; under a minute
	@$(BIN)/ruff check .
	@$(BIN)/ruff format --check .
	@$(BIN)/mypy
	@$(BIN)/lint-imports
	@$(BIN)/python -m pytest -n auto --dist loadfile tests/unit tests/contract tests/conformance tests/architecture -m "not slow"

clean:           ## forget the environment
	rm -rf $(VENV)
