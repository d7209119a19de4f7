"""A site in many processes, two of them workers, to strike those."""

from __future__ import annotations

from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

from tests.faults.ground import SETTINGS, Ground, catalog_disk, struck_hosts
from tests.scale.site import many_processes
from tests.servers import Postgres, Redis
from tests.serving import add_nodes


@contextmanager
def open_scaled_ground(instance: str, folder: Path) -> Iterator[Ground]:
    """Make hosts, PostgreSQL, Redis and a site of three processes, and leave nothing of them."""
    postgres, redis = Postgres(), Redis()
    try:
        postgres.start()
        redis.start()
        environment = {
            **SETTINGS,
            "FERRY_ENGINE": "procrastinate",
            "DATABASE_URL": postgres.create_database("faults"),
            "REDIS_URL": redis.url,
            "FERRY_SECRET_KEY": "only for tests",
        }
        with (
            struck_hosts(instance) as hosts,
            catalog_disk(folder) as data_dir,
            many_processes(data_dir, environment, webs=1, workers=2) as many,
            many.webs[0].api() as api,
        ):
            add_nodes(api, *hosts.values())
            yield Ground(hosts=hosts, site=many.webs[0], api=api, many=many)
    finally:
        redis.stop()
        postgres.stop()
