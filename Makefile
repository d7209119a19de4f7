# Everything from a fresh checkout: `make demo` shows Ferry at work, `make test` runs every test.
PYTHON ?= python3
BIN := .venv/bin

.PHONY: demo run test check format unit lab-down lock bench bench-catalog bench-fleet bench-list connections screenshots queue postgres faults random

demo: .venv/runtime
	$(BIN)/python -m tests.demo

run: .venv/runtime
	$(BIN)/python manage.py serve

# Three processes with hosts of their own each. Chromium gives up what it loads when any cable of
# the machine changes, so its tests come by themselves.
test: .venv/dev
	command -v chromium >/dev/null || { apt-get update -q && apt-get install -yq chromium; }
	tests/servers/install
	status=0; \
	$(BIN)/pytest -n 3 --dist loadfile --ignore tests/browser || status=$$?; \
	$(BIN)/pytest tests/browser || status=$$?; \
	exit $$status

# Two workers, 50 migrations, one worker killed half-way, on a real PostgreSQL and Redis.
queue: .venv/dev
	tests/servers/install
	FERRY_QUEUED_MIGRATIONS=50 $(BIN)/pytest tests/scale/test_a_long_queue.py

# The tests of pages, API and rows on a real PostgreSQL instead of SQLite. A thread that a test
# leaves behind keeps its connection, which psycopg calls an error and sqlite3 does not.
postgres: .venv/dev
	tests/servers/install
	$(BIN)/python -m tests.servers -- $(BIN)/pytest tests/web --reuse-db \
		-W "default::pytest.PytestUnraisableExceptionWarning"

# A migration struck in each of its phases by each fault: docs/fault-matrix.md. ONLY=transfer/cancel is one cell.
faults: .venv/dev
	tests/servers/install
	$(BIN)/python -m tests.faults.matrix $(ONLY)

# 200 random migrations, a third of them struck. SEED=1 asks for the same ones again.
random: .venv/dev
	$(BIN)/python -m tests.faults.random_moves $(if $(SEED),--seed $(SEED)) $(if $(MOVES),--moves $(MOVES))

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

bench-catalog: .venv/dev
	$(BIN)/python -m benchmarks.catalog

bench-fleet: .venv/dev
	$(BIN)/python -m benchmarks.fleet

bench-list: .venv/dev
	$(BIN)/python -m benchmarks.catalog_list

connections: .venv/dev
	$(BIN)/python -m benchmarks.connections

screenshots: .venv/dev
	command -v chromium >/dev/null || { apt-get update -q && apt-get install -yq chromium; }
	$(BIN)/python -m tests.browser.screenshots $(if $(README),--readme)

lab-down:
	$(PYTHON) -m tests.lab down --all

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
