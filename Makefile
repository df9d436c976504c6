# A machine with python3 >= 3.11 and make is enough: each target makes what it needs.
PYTHON ?= python3
PY := .venv/bin/python
UV := $(or $(shell command -v uv 2>/dev/null),.venv-uv/bin/uv)
OWN_UV := $(filter .venv-uv/bin/uv,$(UV))
# On a terminal, uv shows its progress.
QUIET := $(shell test -t 2 || echo --quiet)
# Bytecode is wanted, whatever the shell says: without it every start is three times slower.
export PYTHONDONTWRITEBYTECODE =
LOCK = $(UV) pip compile --quiet --universal --generate-hashes --no-annotate --no-header --python-version 3.11 --no-config

.PHONY: help demo pictures test test-all golden test-registries test-spark trust bench hunt coverage lint docs lock clean

help: ## Say what there is
	@sed -n 's/^\([a-z-]*\):.*## /\1\t/p' $(MAKEFILE_LIST) | expand -t 17

demo: .venv-demo/ready ## Run three weeks and three days of one service on this machine
	@.venv-demo/bin/python examples/demo/demo.py

pictures: .venv/ready demo ## Make docs/pictures from the demo (needs Chromium)
	@$(PY) scripts/pictures.py

test: .venv/ready ## Run the tests, without the large matrices
	$(PY) -m pytest -n auto --maxprocesses 8 --dist loadgroup -q -m "not matrix"

test-all: .venv/ready ## Run every test
	$(PY) -m pytest -n auto --maxprocesses 8 --dist loadgroup -q

golden: .venv/ready ## Write the golden files of sentences anew; read the diff before you commit it
	GOLDEN=write $(PY) -m pytest -q tests/golden

trust: .venv/ready ## Put faults into servers, answers and code, count what is noticed, and write docs/trust.md (an hour)
	@$(PY) -m tests.trust

bench: .venv/ready ## Measure speed, requests and memory against their targets, and write docs/performance.md (a quiet machine)
	@$(PY) -m benchmarks

test-registries: .venv/ready $(OWN_UV) ## Run the tests against real MLflow servers from 2.2 on, each installed once
	@PATH="$(dir $(UV)):$$PATH" $(PY) -m tests.registries.install
	$(PY) -m pytest -q tests/registries

test-spark: .venv/ready .venv-spark/ready ## Run the roll-up on a real Spark and compare it with DuckDB (needs Java)
	PYTHONPATH=$$(echo .venv-spark/lib/python3.*/site-packages) $(PY) -m pytest -q tests/spark

hunt: .venv/ready ## Run the properties on new random examples; what they find becomes a test
	$(PY) -m pytest -n auto --maxprocesses 8 --dist loadgroup -q -m hypothesis --hypothesis-profile=hunt

coverage: .venv/ready ## Run the tests and measure what they cover (twice as slow)
	$(PY) -m pytest -n auto --maxprocesses 8 --dist loadgroup --cov --cov-report=term:skip-covered -q

lint: .venv/ready ## Read the code: ruff, mypy, import-linter, and that the docs are what the code says
	.venv/bin/ruff check .
	.venv/bin/ruff format --check .
	.venv/bin/mypy
	.venv/bin/lint-imports
	$(PY) scripts/sync_docs.py --check

docs: .venv/ready ## Write action.yml, docs/reference.md and the schema of the stub from the code
	@$(PY) scripts/sync_docs.py

lock: $(OWN_UV) ## Lock the requirements again
	$(LOCK) requirements-dev.in -o requirements-dev.txt
	$(LOCK) requirements.in -c requirements-dev.txt -o requirements.txt
	$(LOCK) requirements-demo.in -c requirements-dev.txt -o requirements-demo.txt
	$(LOCK) requirements-lint.in -o requirements-lint.txt
	$(LOCK) requirements-spark.in -o requirements-spark.txt

clean: ## Remove what the targets made
	rm -rf .venv .venv-demo .venv-lint .venv-spark .venv-uv demo-report .coverage .mypy_cache .pytest_cache .ruff_cache .hypothesis

.venv-uv/bin/uv:
	@echo "Installing uv (once) …"
	@$(PYTHON) -m venv --clear .venv-uv
	@.venv-uv/bin/pip install -qq --disable-pip-version-check uv==0.13.9

.venv/ready: requirements-dev.txt
.venv-demo/ready: requirements-demo.txt
.venv-lint/ready: requirements-lint.txt
.venv-spark/ready: requirements-spark.txt
.venv/ready .venv-demo/ready .venv-lint/ready .venv-spark/ready: | $(OWN_UV)
	@$(PYTHON) -c "import sys; sys.exit(sys.version_info < (3, 11) and 'FlowJoy needs Python 3.11 or newer: make PYTHON=python3.13 …')"
	@echo "Installing $$(grep -c == $<) packages in $(@D) (once) …"
	@$(UV) venv --quiet --clear --python "$$($(PYTHON) -c 'import sys; print(sys.executable)')" $(@D)
	@$(UV) pip install $(QUIET) --python $(@D)/bin/python --no-deps --require-hashes --requirements $<
	@echo "$(CURDIR)" > "$$(echo $(@D)/lib/python3.*/site-packages)/flowjoy.pth"
	@touch $@
