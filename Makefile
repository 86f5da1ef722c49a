# Two commands do all the set-up: `make run` and `make test`. The rest is for those who change Spilno.
.DEFAULT_GOAL := help
VENV := .venv
PY := $(VENV)/bin/python
export PIP_DISABLE_PIP_VERSION_CHECK := 1
BUNDLE := src/spilno/interfaces/web/static/build

.PHONY: help run test check bench chaos screenshots conformance build translations format requirements clean

help: ## Show this list
	@grep -hE '^[a-z]+:.*## ' $(MAKEFILE_LIST) | sed -E 's/:.*## /\t/' | expand -t 16

run: build ## Start Spilno on http://127.0.0.1:8000 (Ctrl-C stops it)
	@exec $(VENV)/bin/spilno up

test: $(VENV)/.dev build ## All tests, with real servers and a browser
	@$(PY) -m tests.servers install
	@$(PY) -m pytest -n 2 --dist loadfile $(ARGS)

check: $(VENV)/.dev build ## Style, types, room contracts, translations
	$(PY) -m ruff check src tests
	$(PY) -m ruff format --check src tests
	$(PY) -m mypy
	$(VENV)/bin/lint-imports
	$(PY) -m tests.translations

bench: $(VENV)/.dev build ## Measure; prints a table and writes build/bench.json
	@$(PY) -m tests.servers.debian chromium
	$(PY) -m tests.bench

chaos: MINUTES ?= 5
chaos: $(VENV)/.dev build ## Kill workers and break networks for MINUTES=5, then count what is out; writes build/chaos.json
	@$(PY) -m tests.servers install
	@$(PY) -m tests.chaos --minutes $(MINUTES) $(if $(SEED),--seed $(SEED))

conformance: $(VENV)/.dev build ## Requests and answers against the networks' own descriptions: SPECS=FOLDER
	@test -d "$(SPECS)" || { echo "Say where the descriptions are: make conformance SPECS=../shared/specs" >&2; exit 2; }
	@SPILNO_SPECS="$(abspath $(SPECS))" $(PY) -m pytest tests/toolkit/practice/test_conformance*.py

screenshots: $(VENV)/.dev build ## Pictures of the main pages into docs/screenshots
	@$(PY) -m tests.servers.debian chromium
	$(PY) -m tests.screenshots

build: $(VENV)/.base $(BUNDLE)/.done src/spilno/locale/.compiled ## Everything that is needed to run

translations: $(VENV)/.dev ## Collect the texts of the interface into src/spilno/locale
	@$(PY) -m tests.servers.debian msgmerge
	$(PY) -m tests.translations --update

format: $(VENV)/.dev ## Format the code
	$(PY) -m ruff check --fix src tests
	$(PY) -m ruff format src tests

requirements: $(VENV)/.dev ## Pin the dependencies anew (hashes, no hosts)
	bash tools/pin

clean: ## Remove what was built; the data folder stays
	rm -rf $(VENV) node_modules build .cache $(BUNDLE)

$(VENV)/bin/python:
	@bash tools/prepare python

$(VENV)/.base: requirements/base.txt pyproject.toml | $(VENV)/bin/python
	@echo "Installing Python packages …"
	@$(PY) -m pip install --quiet --require-hashes --no-deps -r requirements/base.txt
	@$(PY) -m pip install --quiet --no-deps --no-build-isolation --editable .
	@touch $@

$(VENV)/.dev: requirements/dev.txt $(VENV)/.base
	@echo "Installing Python packages for tests …"
	@$(PY) -m pip install --quiet --require-hashes --no-deps -r requirements/dev.txt
	@touch $@

node_modules/.done: package.json package-lock.json .npmrc
	@bash tools/prepare node
	@echo "Installing front-end packages …"
	@npm ci --silent --no-progress
	@touch $@

$(BUNDLE)/.done: node_modules/.done $(shell find frontend src/spilno -name '*.html' -o -path 'frontend/*' -type f 2>/dev/null)
	@echo "Building the pages' styles and scripts …"
	@npm run --silent build
	@$(PY) -m spilno.reports.fonts
	@touch $@

src/spilno/locale/.compiled: $(shell find src/spilno/locale -name '*.po' 2>/dev/null) | $(VENV)/.base
	@$(PY) -m spilno.kernel.catalogues src/spilno/locale
	@touch $@
