"""One worker watches the fleet and the clock; another takes over when it dies."""

from __future__ import annotations

import time
from collections.abc import Callable
from typing import Any

import httpx
import pytest

from tests.lab import Host
from tests.scale.containers import start_counters
from tests.scale.site import ManyProcesses, Worker

pytestmark = [pytest.mark.integration, pytest.mark.lab]
FAIL_OVER_S = 15


def wait_until(seen: Callable[[], Any], timeout_s: float) -> Any:
    deadline = time.monotonic() + timeout_s
    while time.monotonic() < deadline:
        if found := seen():
            return found
        time.sleep(0.1)
    raise AssertionError(f"not seen within {timeout_s} s")


def names_on(api: httpx.Client, node_name: str) -> set[str]:
    """Return the containers that the site has seen, without having it look again."""
    (node,) = [each for each in api.get("/nodes").json() if each["name"] == node_name]
    return {each["name"] for each in api.get(f"/nodes/{node['id']}/containers").json()}


def watcher_of(many: ManyProcesses) -> Worker:
    found: Worker = wait_until(lambda: many.holder_of("fleet"), 30)
    return found


def test_another_worker_watches_the_fleet_when_the_watcher_is_killed(
    many: ManyProcesses, api: httpx.Client, alder: Host, birch: Host
) -> None:
    watcher = watcher_of(many)
    watcher.kill()
    heir = many.other_than(watcher)
    wait_until(lambda: many.holder_of("fleet") is heir, FAIL_OVER_S)

    start_counters(alder, ["seen-by-the-heir"], 16)

    wait_until(lambda: "seen-by-the-heir" in names_on(api, "alder"), 30)


def test_a_stopped_watcher_lets_another_take_over_at_once(
    many: ManyProcesses, api: httpx.Client, alder: Host
) -> None:
    watcher = watcher_of(many)
    watcher.stop()
    wait_until(lambda: many.holder_of("fleet") is many.other_than(watcher), 5)


def test_a_schedule_runs_once_however_many_workers_there_are(
    many: ManyProcesses, api: httpx.Client, alder: Host
) -> None:
    start_counters(alder, ["kept"], 16)
    wait_until(lambda: "kept" in names_on(api, "alder"), 30)
    wanted = {"name": "every minute", "cron": "* * * * *", "names": ["kept"], "keep_last": 2}
    answer = api.post("/schedules", json=wanted)
    assert answer.status_code == 201, answer.text
    schedule_id = answer.json()["id"]
    query = "SELECT created_at FROM nodes_operation WHERE schedule_id = %s ORDER BY created_at"
    wait_until(lambda: many.rows(query, schedule_id), 90)
    scheduler = wait_until(lambda: many.holder_of("scheduler"), 5)
    scheduler.kill()

    wait_until(lambda: len(many.rows(query, schedule_id)) >= 2, 120)
    minutes = [at.replace(second=0, microsecond=0) for (at,) in many.rows(query, schedule_id)]
    assert api.patch(f"/schedules/{schedule_id}", json={"enabled": False}).is_success
    assert len(minutes) == len(set(minutes))
