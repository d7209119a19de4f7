"""An operation is started at one web process, run by a worker, and followed at the other."""

from __future__ import annotations

import re
from concurrent.futures import ThreadPoolExecutor

import httpx
import pytest
from websockets.sync.client import connect

from tests.integration.site import all_containers, running
from tests.lab import Host
from tests.scale.containers import (
    ask_to_migrate,
    assert_runs_once,
    refresh,
    start_counters,
    start_migration,
)
from tests.scale.site import ManyProcesses, signed_in_at
from tests.serving import ServedSite, wait_for_operation, wait_for_phase

pytestmark = [pytest.mark.integration, pytest.mark.lab]
_STATE = re.compile(r'data-state="(queued|running|succeeded|failed|cancelled|unknown)"')


def follow(web: ServedSite, cookie: str, operation_id: int) -> list[str]:
    """Return the states that the operation's page shows live, until it has ended."""
    address = f"{web.url.replace('http', 'ws')}/ws/operations/{operation_id}/"
    states: list[str] = []
    with connect(address, origin=web.url, additional_headers={"Cookie": cookie}) as socket:
        while not {"succeeded", "failed", "cancelled", "unknown"} & set(states):
            states += _STATE.findall(str(socket.recv(timeout=60)))[:1]
    return states


def test_a_page_at_one_process_follows_what_was_started_at_the_other(
    many: ManyProcesses, api: httpx.Client, alder: Host, birch: Host
) -> None:
    before = start_counters(alder, ["counter"], 16)["counter"]
    cookie = signed_in_at(many.webs[1], "follower")
    operation_id = start_migration(api, "counter", "alder", "birch")

    states = follow(many.webs[1], cookie, operation_id)

    assert states[-1] == "succeeded", states
    assert "running" in states
    assert assert_runs_once("counter", before, [alder, birch]) is birch
    assert all_containers(alder) == []


def test_two_who_click_at_once_get_one_migration_and_one_clear_answer(
    many: ManyProcesses, api: httpx.Client, alder: Host, birch: Host
) -> None:
    before = start_counters(alder, ["counter"], 16)["counter"]
    refresh(api)
    with many.webs[1].api() as other_api, ThreadPoolExecutor(2) as pool:
        clicks = [
            pool.submit(ask_to_migrate, each, "counter", "alder", "birch")
            for each in (api, other_api)
        ]
        answers = sorted((click.result() for click in clicks), key=lambda each: each.status_code)

    taken, refused = answers
    assert (taken.status_code, refused.status_code) == (202, 409), refused.text
    assert refused.json()["code"] == "already_moving"
    operation = wait_for_operation(api, taken.json()["id"])
    assert operation["state"] == "succeeded", operation
    assert assert_runs_once("counter", before, [alder, birch]) is birch


def test_a_cancel_at_one_process_reaches_the_worker(
    many: ManyProcesses, api: httpx.Client, alder: Host, birch: Host
) -> None:
    before = start_counters(alder, ["counter"], 64)["counter"]
    alder.shape("40mbit")
    operation_id = start_migration(api, "counter", "alder", "birch", compress="none")
    wait_for_phase(api, operation_id, "transfer")

    with many.webs[1].api() as other_api:
        assert other_api.post(f"/operations/{operation_id}/cancel").is_success
    operation = wait_for_operation(api, operation_id)

    assert operation["state"] == "cancelled", operation
    assert assert_runs_once("counter", before, [alder, birch]) is alder
    assert running(birch) == []
