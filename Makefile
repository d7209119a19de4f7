# Everything from a fresh checkout: `make demo` shows Ferry at work, `make test` runs every test.
PYTHON ?= python3
BIN := .venv/bin

.PHONY: demo run test check format unit lab-down lock bench screenshots

demo: .venv/runtime
	$(BIN)/python -m tests.demo

run: .venv/runtime
	$(BIN)/python manage.py serve

test: .venv/dev
	command -v chromium >/dev/null || { apt-get update -q && apt-get install -yq chromium; }
	$(BIN)/pytest

unit: .venv/dev
	$(BIN)/pytest tests/unit tests/web

check: .venv/dev
	$(BIN)/ruff format --check .
	$(BIN)/ruff check .
	$(BIN)/mypy
	FERRY_DATA_DIR=$$(mktemp -d) $(BIN)/python manage.py makemigrations --check --dry-run

format: .venv/dev
	$(BIN)/ruff format .
	$(BIN)/ruff check --fix .

bench: .venv/dev
	$(BIN)/python -m benchmarks.migration

screenshots: .venv/dev
	command -v chromium >/dev/null || { apt-get update -q && apt-get install -yq chromium; }
	$(BIN)/python -m tests.browser.screenshots $(if $(README),--readme)

lab-down:
	for instance in demo test bench shots selftest; do $(PYTHON) -m tests.lab down --instance $$instance; done

# Pins and hashes of everything that is installed, made anew from requirements*.in.
lock: .venv/dev
	$(BIN)/pip install -q uv
	$(BIN)/uv pip compile -q --universal --python-version 3.11 --generate-hashes --upgrade \
		--no-emit-index-url --custom-compile-command "make lock" \
		requirements.in -o requirements.txt
	$(BIN)/uv pip compile -q --universal --python-version 3.11 --generate-hashes --upgrade \
		--no-emit-index-url --custom-compile-command "make lock" \
		requirements-dev.in -o requirements-dev.txt

.venv/bin/python:
	$(PYTHON) -c 'import sys; sys.exit("Ferry needs Python 3.11 or later") if sys.version_info < (3, 11) else 0'
	$(PYTHON) -c 'import ensurepip, venv' 2>/dev/null || { apt-get update -q && apt-get install -yq python3-venv; }
	$(PYTHON) -m venv .venv

.venv/runtime: requirements.txt | .venv/bin/python
	$(BIN)/pip install -q --disable-pip-version-check --require-hashes -r requirements.txt
	touch $@

.venv/dev: requirements-dev.txt | .venv/bin/python
	$(BIN)/pip install -q --disable-pip-version-check --require-hashes -r requirements-dev.txt
	touch $@ .venv/runtime
