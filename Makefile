# Every verb sets up what it needs: on a fresh machine `make demo` and `make test` are enough.
PYTHON ?= python3.11
VENV := .venv
BIN := $(VENV)/bin
STAMP := $(VENV)/.installed

.DEFAULT_GOAL := help
.PHONY: help install demo lab test slow check notebooks bench chaos fuzz docker browser pictures format lock clean

help: ## Show this list
	@grep -E '^[a-z]+:.*##' $(MAKEFILE_LIST) | sed -E 's/:.*## /\t/' | expand -t 12

install: $(STAMP) ## Make .venv with exactly what requirements.lock says

$(STAMP): requirements.lock pyproject.toml
	@command -v $(PYTHON) >/dev/null || { echo "Python 3.11 is needed as '$(PYTHON)'; name another with make PYTHON=…"; exit 2; }
	@echo "installing into $(VENV) what requirements.lock says (about a minute)"
	@test -x $(BIN)/python || $(PYTHON) -m venv $(VENV)
	@$(BIN)/python -m pip install --quiet --disable-pip-version-check "uv>=0.5"
	@# compiled now, so that no first run has to wait for it
	@$(BIN)/uv pip sync --quiet --compile-bytecode --require-hashes --python $(BIN)/python requirements.lock
	@$(BIN)/uv pip install --quiet --python $(BIN)/python --no-deps --editable .
	@$(BIN)/python -m compileall -q hydra
	@touch $@

demo: install ## Paper-trade five sessions on the simulated gateway, then compare the books
	@$(BIN)/hydra demo

lab: install ## JupyterLab on the notebooks
	@$(BIN)/hydra lab

browser: ## Chromium for the dashboard's tests, where there is none
	@command -v chromium >/dev/null || command -v chromium-browser >/dev/null || { \
	  echo "installing chromium for the dashboard's tests"; \
	  apt-get update -qq >/dev/null && DEBIAN_FRONTEND=noninteractive \
	    apt-get install -y -qq --no-install-recommends chromium >/dev/null; } || \
	  { echo "The tests of the dashboard need Chromium: install it as 'chromium'."; exit 2; }

pictures: install browser ## Take the README's pictures of the dashboard anew
	$(BIN)/python -m tests.dashboard.pictures

test: install browser ## The test suite, notebooks included (less than ten minutes on two cores)
	$(BIN)/python -m pytest tests -m "not slow" -n auto --dist worksteal

slow: install browser ## The tests that take minutes: chaos, a month through papermill, a year at a real gateway, runs that fail
	$(BIN)/python -m pytest tests -m slow -n auto --dist worksteal

check: install ## ruff, format, mypy strict, import layers, no outputs in notebooks
	$(BIN)/ruff check .
	$(BIN)/ruff format --check .
	$(BIN)/mypy
	$(BIN)/lint-imports
	$(BIN)/nbstripout --verify notebooks/*.ipynb

notebooks: install ## Execute all notebooks against the simulated gateway
	$(BIN)/python -m pytest tests/test_notebooks.py

bench: install ## Benchmarks: ratios side by side in one run
	$(BIN)/python -m tests.benchmarks

chaos: install ## 2,000 lives of the chaos campaign (SEEDS=FIRST:END for others)
	$(BIN)/python -m tests.chaos.campaign --seeds $(or $(SEEDS),0:2000)

fuzz: install ## A million fuzzed frames, then the property tests with examples drawn anew
	FUZZED_FRAMES=1000000 $(BIN)/python -m pytest tests/gateway/test_fuzz.py -k frames
	HYPOTHESIS_PROFILE=search $(BIN)/python -m pytest $(shell grep -rl 'from hypothesis' tests --include='test_*.py') -n auto

docker: ## Build the image, run the whole stack in containers, and kill it in mid-run
	$(PYTHON) -m tests.docker.stack

format: install ## Format and mend what can be mended
	$(BIN)/ruff check --fix .
	$(BIN)/ruff format .
	$(BIN)/nbstripout notebooks/*.ipynb

CLIENTS := tests/gateway/clients/locks
LOCK := uv pip compile --quiet --universal --python-version 3.11 --generate-hashes \
  --no-emit-index-url --no-emit-find-links --no-annotate --no-header

lock: ## Lock the dependencies again: all, the image's, and the foreign clients' of the tests (needs uv)
	$(LOCK) --group dev -o requirements.lock pyproject.toml
	$(LOCK) --constraint requirements.lock -o requirements-production.lock pyproject.toml
	for one in $(CLIENTS)/*.in; do \
	  case $$one in */lumibot.in) only=--no-deps ;; *) only= ;; esac; \
	  $(LOCK) $$only -o $${one%.in}.lock $$one || exit; done

clean: ## Remove what the verbs have made
	rm -rf $(VENV) .cache .mypy_cache .pytest_cache .ruff_cache .import_linter_cache build dist
