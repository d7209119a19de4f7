"""PostgreSQL and Redis for the whole session; for each module a site of its own on them.

What differs from tests/integration is only who runs the operations: the hosts are the same.
"""

from __future__ import annotations

from collections.abc import Iterator
from uuid import uuid4

import httpx
import pytest

from tests.integration.conftest import alder, birch, lab
from tests.lab import Lab
from tests.scale.site import ManyProcesses, many_processes
from tests.servers import Postgres, Redis
from tests.serving import add_nodes

__all__ = ["alder", "birch", "lab"]


@pytest.fixture(scope="session")
def postgres() -> Iterator[Postgres]:
    server = Postgres()
    try:
        server.start()
        yield server
    finally:
        server.stop()


@pytest.fixture(scope="session")
def redis() -> Iterator[Redis]:
    server = Redis()
    try:
        server.start()
        yield server
    finally:
        server.stop()


@pytest.fixture(scope="module")
def environment(postgres: Postgres, redis: Redis) -> Iterator[dict[str, str]]:
    """Return the settings of a site in many processes, with a database of its own."""
    name = f"ferry_{uuid4().hex[:12]}"
    redis.forget_everything()
    yield {
        "FERRY_ENGINE": "procrastinate",
        "DATABASE_URL": postgres.create_database(name),
        "REDIS_URL": redis.url,
        "FERRY_SECRET_KEY": "only for tests",
        "FERRY_WATCH_WINDOW_S": "0.5",
    }
    postgres.drop_database(name)


@pytest.fixture(scope="module")
def site(
    environment: dict[str, str], tmp_path_factory: pytest.TempPathFactory
) -> Iterator[ManyProcesses]:
    with many_processes(tmp_path_factory.mktemp("site"), environment) as site:
        yield site


@pytest.fixture
def many(site: ManyProcesses) -> ManyProcesses:
    """Have all processes run, whatever the test before did to them."""
    site.start_what_ended()
    return site


@pytest.fixture(scope="module")
def nodes(site: ManyProcesses, lab: Lab) -> None:
    """Add both hosts through the first web process."""
    with site.webs[0].api() as api:
        add_nodes(api, lab.host("alder"), lab.host("birch"))


@pytest.fixture
def api(many: ManyProcesses, nodes: None) -> Iterator[httpx.Client]:
    with many.webs[0].api() as api:
        yield api
