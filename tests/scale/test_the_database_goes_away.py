"""A database that restarts in the middle of a migration costs nothing."""

from __future__ import annotations

import httpx
import pytest

from tests.lab import Host
from tests.scale.containers import assert_runs_once, start_counters, start_migration
from tests.scale.site import ManyProcesses
from tests.servers import Postgres
from tests.serving import wait_for_operation, wait_for_phase

pytestmark = [pytest.mark.integration, pytest.mark.lab]


def test_a_restart_of_the_database_rolls_nothing_back(
    many: ManyProcesses, api: httpx.Client, postgres: Postgres, alder: Host, birch: Host
) -> None:
    before = start_counters(alder, ["counter"], 64)["counter"]
    alder.shape("40mbit")
    operation_id = start_migration(api, "counter", "alder", "birch", compress="none")
    wait_for_phase(api, operation_id, "transfer")

    postgres.restart(away_for_s=3)
    operation = wait_for_operation(api, operation_id)

    assert operation["state"] == "succeeded", operation
    assert assert_runs_once("counter", before, [alder, birch]) is birch
    told = "SELECT count(*) FROM nodes_operationevent WHERE message LIKE 'Rolling back%%'"
    assert many.rows(told) == [(0,)]
