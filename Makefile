# Everything below needs Python >= 3.11 and make; the rest is installed into .venv, once.
PYTHON ?= python3
BIN := .venv/bin
.DEFAULT_GOAL := demo
.PHONY: demo test lint page browser screenshots bench page-cost growth recipes picture clean
STATIC := src/tiza/web/static/index.html

.venv/ready: pyproject.toml
	@$(PYTHON) -c 'import sys; sys.exit(sys.version_info < (3, 11) and "tiza needs Python >= 3.11; say: make PYTHON=python3.12")'
	test -x $(BIN)/python || $(PYTHON) -m venv .venv
	$(BIN)/python -m pip install --quiet --disable-pip-version-check -e '.[dev]'
	touch $@

lint: .venv/ready
	$(BIN)/ruff check .
	$(BIN)/ruff format --check .
	$(BIN)/pyright

# The first installation builds the page; a change of its source does it again.
$(STATIC): $(shell find page -name node_modules -prune -o -type f -print) | .venv/ready
	$(BIN)/python page/hook.py

page: $(STATIC)

browser: .venv/ready
	$(BIN)/python scripts/browser.py

test: lint page browser
	OMP_NUM_THREADS=1 $(BIN)/python -m pytest -n auto --maxprocesses 4

demo: .venv/ready
	$(BIN)/tiza train mnist
	$(BIN)/tiza predict last examples/* --save out/demo
	$(BIN)/tiza runs show last --save out/demo

# The peers (Keras on TensorFlow, fastai) take about 2 GB, so they come only here.
.venv/bench: .venv/ready
	$(BIN)/python -m pip install --quiet --disable-pip-version-check -e '.[bench]'
	touch $@

bench: .venv/bench
	$(BIN)/python benchmarks/bench.py

page-cost: .venv/ready page browser
	$(BIN)/python benchmarks/page.py

# Pictures of every view and state of the page, for whoever changes it to look at.
screenshots: .venv/ready page browser
	$(BIN)/python scripts/screenshots.py

growth: .venv/ready
	$(BIN)/python benchmarks/growth.py

# Every recipe of the documents over three seeds, about half an hour; what is on record already is left.
recipes: .venv/ready
	$(BIN)/python scripts/recipes.py

# The pictures of the READMEs, from the last run on MNIST.
picture: .venv/ready
	$(BIN)/tiza runs show last --save out/en && cp out/en/overview.png docs/overview.png
	$(BIN)/tiza runs show last --save out/es --lang es && cp out/es/overview.png docs/overview.es.png

clean:
	rm -rf .venv build dist out .pytest_cache .ruff_cache .hypothesis
