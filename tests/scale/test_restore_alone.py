"""A back-up is restored while no process of the site runs, and none starts meanwhile."""

from __future__ import annotations

import time
from collections.abc import Iterator
from pathlib import Path
from threading import Thread

import psycopg
import pytest

from nodes.site_lock import _SITE_LOCK
from tests.serving import STOP_S, ServedSite

CUT = (
    "SELECT pg_terminate_backend(pid) FROM pg_stat_activity "
    "WHERE datname = current_database() AND pid <> pg_backend_pid() AND pid <> ALL(%s)"
)


@pytest.fixture
def web(environment: dict[str, str], tmp_path: Path) -> Iterator[ServedSite]:
    site = ServedSite(tmp_path, environment)
    yield site
    site.stop()


def test_a_process_whose_connections_were_cut_still_uses_the_site(
    web: ServedSite, environment: dict[str, str]
) -> None:
    web.start()
    backup = web.data_dir / "site.ferry.tar.zst"
    web.manage("backup", str(backup))
    with psycopg.connect(environment["DATABASE_URL"]) as database:
        database.execute(CUT, [[0]])
    with pytest.raises(AssertionError, match="The site is in use"):
        web.manage("restore_backup", str(backup), "--replace")
    web.stop()
    assert "The site is as it was" in web.manage("restore_backup", str(backup), "--replace")


def test_nothing_starts_while_a_back_up_is_restored(
    web: ServedSite, environment: dict[str, str]
) -> None:
    with psycopg.connect(environment["DATABASE_URL"]) as restoring:
        restoring.execute("SELECT pg_advisory_lock(%s)", [_SITE_LOCK])
        for command in ("serve", "worker"):
            with pytest.raises(AssertionError, match="is being restored"):
                web.manage(command)


def test_a_process_that_comes_back_into_a_restore_ends(
    web: ServedSite, environment: dict[str, str]
) -> None:
    web.start()
    assert web.process is not None
    url = environment["DATABASE_URL"]
    with psycopg.connect(url, autocommit=True) as restoring, psycopg.connect(url) as database:
        lock = Thread(target=restoring.execute, args=("SELECT pg_advisory_lock(%s)", [_SITE_LOCK]))
        lock.start()
        # Once it waits it comes before whoever connects again.
        wait_until_it_waits(database)
        database.execute(CUT, [[restoring.info.backend_pid]])
        lock.join()
        web.process.wait(STOP_S)
    assert "this process ends" in web.log.read_text()


def wait_until_it_waits(database: psycopg.Connection[tuple[int]]) -> None:
    deadline = time.monotonic() + STOP_S
    query = "SELECT count(*) FROM pg_locks WHERE locktype = 'advisory' AND NOT granted"
    while database.execute(query).fetchall() == [(0,)]:
        assert time.monotonic() < deadline
        time.sleep(0.05)
