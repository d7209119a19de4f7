"""Workers that are stopped at about the same time leave no operation to nobody."""

from __future__ import annotations

import os
import subprocess
import sys
import time
from collections.abc import Callable, Iterator
from contextlib import ExitStack, contextmanager

import psycopg
import pytest

from tests.serving import ROOT

pytestmark = pytest.mark.integration
START_S = 30.0
STOP_S = 30.0
_QUEUE = (
    "from nodes.models import Operation; "
    "[Operation.objects.create(kind='migrate', container_name=str(n)) for n in range(2)]"
)
Process = subprocess.Popen[bytes]


def manage(environment: dict[str, str], *arguments: str) -> None:
    subprocess.run(
        [sys.executable, "manage.py", *arguments],
        cwd=ROOT,
        env={**os.environ, **environment},
        stdin=subprocess.DEVNULL,
        check=True,
        timeout=60,
    )


@pytest.fixture(scope="module")
def database(environment: dict[str, str]) -> str:
    manage(environment, "migrate", "--verbosity", "0")
    return environment["DATABASE_URL"]


def states(database: str) -> list[str]:
    with psycopg.connect(database) as connection:
        rows = connection.execute("SELECT state, worker FROM nodes_operation").fetchall()
    return [state if state != "running" or worker else "left to nobody" for state, worker in rows]


def workers(database: str) -> int:
    with psycopg.connect(database) as connection:
        query = "SELECT DISTINCT worker FROM nodes_operation WHERE state = 'running'"
        return len(connection.execute(query).fetchall())


def wait_until(seen: Callable[[], bool]) -> None:
    deadline = time.monotonic() + START_S
    while not seen():
        assert time.monotonic() < deadline
        time.sleep(0.1)


@contextmanager
def engine(environment: dict[str, str]) -> Iterator[Process]:
    process = subprocess.Popen(
        [sys.executable, "-m", "tests.scale.engine_process"],
        cwd=ROOT,
        env={**os.environ, **environment},
        stdin=subprocess.DEVNULL,
    )
    try:
        yield process
    finally:
        process.kill()
        process.wait(STOP_S)


@pytest.fixture
def pair(environment: dict[str, str], database: str) -> Iterator[tuple[Process, Process]]:
    """Start two engines, each of which runs an operation."""
    with psycopg.connect(database, autocommit=True) as connection:
        connection.execute("DELETE FROM nodes_operation")
        connection.execute("DELETE FROM nodes_worker")
    manage(environment, "shell", "--verbosity", "0", "--command", _QUEUE)
    settings = {**environment, "FERRY_OPERATIONS_PER_WORKER": "1", "STALE_AFTER_S": "5"}
    with ExitStack() as running:
        first, second = (running.enter_context(engine(settings)) for _ in range(2))
        wait_until(lambda: workers(database) == 2)
        yield first, second


@pytest.mark.parametrize("between_s", [0.0, 0.05, 0.3])
def test_two_that_are_stopped_together_roll_everything_back(
    database: str, pair: tuple[Process, Process], between_s: float
) -> None:
    first, second = pair
    first.terminate()
    time.sleep(between_s)
    second.terminate()
    assert (first.wait(STOP_S), second.wait(STOP_S)) == (0, 0)
    assert set(states(database)) <= {"cancelled", "failed"}


def test_the_last_one_rolls_back_what_a_killed_one_ran(
    database: str, pair: tuple[Process, Process]
) -> None:
    first, second = pair
    first.kill()
    second.terminate()
    assert second.wait(STOP_S) == 0
    assert set(states(database)) <= {"cancelled", "failed"}
