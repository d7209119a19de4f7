"""A start with settings that do not go together says what is wrong and what to do."""

from __future__ import annotations

from pathlib import Path

import pytest
from django.core.checks import run_checks
from django.core.management import CommandError, call_command
from pytest_django.fixtures import Settings


def ids() -> list[str]:
    return [found.id for found in run_checks() if found.id and found.id.startswith("ferry.")]


def test_the_default_settings_go_together() -> None:
    assert ids() == []


def test_an_unknown_engine_is_an_error(settings: Settings) -> None:
    settings.FERRY_ENGINE = "celery"
    assert ids() == ["ferry.E001"]


def test_workers_need_postgres_and_redis(
    settings: Settings, monkeypatch: pytest.MonkeyPatch
) -> None:
    settings.FERRY_ENGINE = "procrastinate"
    settings.REDIS_URL = ""
    monkeypatch.setitem(settings.DATABASES["default"], "ENGINE", "django.db.backends.sqlite3")
    assert ids()[:2] == ["ferry.E002", "ferry.E003"]


def test_what_each_machine_would_make_for_itself_is_told(
    settings: Settings, tmp_path: Path
) -> None:
    settings.FERRY_ENGINE = "procrastinate"
    settings.FERRY_GIVEN_SECRET_KEY = ""
    settings.FERRY_ARCHIVES_DIR = settings.FERRY_DATA_DIR / "archives"
    assert ids()[-2:] == ["ferry.W006", "ferry.W007"]
    settings.FERRY_GIVEN_SECRET_KEY, settings.FERRY_ARCHIVES_DIR = "the same", tmp_path
    assert {"ferry.W006", "ferry.W007"}.isdisjoint(ids())


def test_a_default_site_takes_no_workers() -> None:
    with pytest.raises(CommandError, match="FERRY_ENGINE=procrastinate"):
        call_command("worker")
