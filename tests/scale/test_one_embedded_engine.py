"""Two processes that take themselves to be the only one do not act on one database."""

from __future__ import annotations

import subprocess
import sys
from collections.abc import Iterator
from pathlib import Path

import pytest

from tests.serving import ROOT, START_S, ServedSite

pytestmark = pytest.mark.integration


@pytest.fixture
def forgotten(environment: dict[str, str]) -> dict[str, str]:
    """Return the settings of many processes without the one that lets them be many."""
    return {name: value for name, value in environment.items() if name != "FERRY_ENGINE"}


@pytest.fixture
def first(forgotten: dict[str, str], tmp_path: Path) -> Iterator[ServedSite]:
    site = ServedSite(tmp_path / "first", forgotten)
    site.data_dir.mkdir()
    site.start()
    yield site
    site.stop()


def refusal(site: ServedSite, command: str) -> str:
    """Return what a process says that does not start."""
    done = subprocess.run(
        [sys.executable, "manage.py", command],
        cwd=ROOT,
        env=site.whole_environment(),
        stdin=subprocess.DEVNULL,
        capture_output=True,
        text=True,
        timeout=START_S,
        check=False,
    )
    assert done.returncode != 0, done.stdout
    return done.stderr


def test_without_the_setting_a_second_process_does_not_start(
    first: ServedSite, environment: dict[str, str], forgotten: dict[str, str], tmp_path: Path
) -> None:
    second = ServedSite(tmp_path / "second", forgotten)
    second.data_dir.mkdir()
    assert "set FERRY_ENGINE=procrastinate for all of them" in refusal(second, "serve")
    worker = ServedSite(tmp_path / "second", environment)
    assert "set FERRY_ENGINE=procrastinate for it, too" in refusal(worker, "worker")

    # Nobody has to wait until the lock of a killed one expires.
    first.kill()
    second.start()
    second.stop()
