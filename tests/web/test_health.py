"""Machines learn whether the site is ready, and strangers learn nothing from it."""

from __future__ import annotations

from collections.abc import Iterator
from datetime import timedelta
from pathlib import Path

import pytest
from django.test import Client
from django.utils import timezone
from pytest_django.fixtures import Settings

from nodes.health.readiness import workers_alive
from nodes.inventory.fleet import fleet
from nodes.models import Lease, Worker
from nodes.operations.worker import STALE_AFTER_S, say_alive, say_gone

pytestmark = pytest.mark.django_db


class _Loop:
    """Stands for the loop in which this process watches the fleet."""


@pytest.fixture
def ready_site(
    archives_folder: Path, settings: Settings, monkeypatch: pytest.MonkeyPatch
) -> Iterator[Path]:
    archives_folder.mkdir()
    say_alive()
    monkeypatch.setattr(fleet, "_loop", _Loop())
    yield archives_folder
    say_gone()


def problems(client: Client) -> dict[str, str]:
    response = client.get("/readyz")
    found: dict[str, str] = response.json()["problems"]
    assert response.status_code == (503 if found else 200)
    assert response.json()["ready"] is not bool(found)
    return found


def test_a_site_that_works_is_ready(client: Client, ready_site: Path) -> None:
    assert problems(client) == {}


def test_without_a_worker_that_lives_it_is_not(client: Client, ready_site: Path) -> None:
    Worker.objects.update(seen_at=timezone.now() - timedelta(seconds=STALE_AFTER_S + 1))
    assert list(problems(client)) == ["workers"]


def test_a_worker_counts_wherever_this_machines_clock_is(
    client: Client, ready_site: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    fast = timezone.now() + timedelta(minutes=5)
    monkeypatch.setattr(timezone, "now", lambda: fast)
    assert workers_alive() == 1


def test_a_worker_that_stops_does_not_count(client: Client, ready_site: Path) -> None:
    say_alive(stopping=True)
    assert list(problems(client)) == ["workers"]


def test_without_the_catalogs_folder_it_is_not(client: Client, ready_site: Path) -> None:
    ready_site.rmdir()
    found = problems(client)
    assert list(found) == ["catalog"]
    assert str(ready_site) not in found["catalog"]


def test_a_full_disk_is_told(
    client: Client, ready_site: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr("nodes.health.readiness.reserve_bytes", lambda folder: 2**62)
    assert list(problems(client)) == ["catalog"]


def test_a_fleet_that_nobody_watches_is_told(
    client: Client, ready_site: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(fleet, "_loop", None)
    assert list(problems(client)) == ["fleet"]


@pytest.mark.parametrize("left_s, told", [(5, []), (-5, ["fleet"])])
def test_of_many_processes_the_one_that_holds_the_lease_watches(
    client: Client, ready_site: Path, settings: Settings, left_s: int, told: list[str]
) -> None:
    settings.FERRY_ENGINE = "procrastinate"
    expires_at = timezone.now() + timedelta(seconds=left_s)
    Lease.objects.create(name="fleet", holder="one", expires_at=expires_at)
    assert list(problems(client)) == told


def test_what_fails_is_named_and_its_text_is_not(
    client: Client, ready_site: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    def fail() -> None:
        raise ConnectionError("redis://:hunter2@10.0.0.9")

    monkeypatch.setattr("nodes.health.readiness.get_channel_layer", fail)
    found = problems(client)
    assert list(found) == ["channel layer"]
    assert "ConnectionError" in found["channel layer"]
    assert "hunter2" not in found["channel layer"]


def test_without_a_database_only_that_is_told(
    client: Client, ready_site: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    def fail() -> None:
        raise OSError("/var/lib/ferry-site/ferry.sqlite3")

    monkeypatch.setattr("nodes.health.readiness._check_database", fail)
    assert list(problems(client)) == ["database"]
