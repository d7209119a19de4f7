"""Who begins something on the nodes that a batch begins on waits for it; neither is ended."""

from __future__ import annotations

import json
import os
import subprocess
import sys
from collections.abc import Iterator
from uuid import uuid4

import pytest

from tests.servers import Postgres

MOST_S = 60


@pytest.fixture
def database_url(postgres: Postgres) -> Iterator[str]:
    name = f"ferry_{uuid4().hex[:12]}"
    yield postgres.create_database(name)
    postgres.drop_database(name)


def test_a_batch_and_a_person_that_begin_on_the_same_nodes_do_not_lock_each_other_out(
    database_url: str,
) -> None:
    environment = {
        **os.environ,
        "DATABASE_URL": database_url,
        "DJANGO_SETTINGS_MODULE": "tests.settings",
    }
    done = subprocess.run(
        [sys.executable, "-m", "tests.scale.crossing"],
        env=environment,
        capture_output=True,
        text=True,
        timeout=MOST_S,
        check=False,
    )
    assert "deadlock" not in done.stderr
    assert json.loads(done.stdout) == ["a", "b", "c"], done.stderr
