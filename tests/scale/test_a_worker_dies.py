"""A worker that is killed or stopped in the middle of a migration: another one goes on with it."""

from __future__ import annotations

import time

import httpx
import pytest

from tests.integration.site import all_containers, staging_is_gone
from tests.lab import Host
from tests.scale.containers import assert_runs_once, start_counters, start_migration
from tests.scale.site import ManyProcesses
from tests.serving import wait_for_operation, wait_for_phase

pytestmark = [pytest.mark.integration, pytest.mark.lab]


@pytest.mark.parametrize("phase", ["checkpoint", "transfer", "restore"])
def test_another_worker_takes_up_what_a_killed_one_did(
    many: ManyProcesses, api: httpx.Client, alder: Host, birch: Host, phase: str
) -> None:
    before = start_counters(alder, ["counter"], 64)["counter"]
    alder.shape("100mbit")
    operation_id = start_migration(api, "counter", "alder", "birch", compress="none")
    wait_for_phase(api, operation_id, phase)

    worker = many.worker_of(operation_id)
    worker.kill()
    operation = wait_for_operation(api, operation_id)

    assert operation["state"] == "succeeded", operation
    assert assert_runs_once("counter", before, [alder, birch]) is birch
    assert all_containers(alder) == []
    assert staging_is_gone(alder)
    assert staging_is_gone(birch)


def test_a_stopped_worker_hands_over_at_once(
    many: ManyProcesses, api: httpx.Client, alder: Host, birch: Host
) -> None:
    before = start_counters(alder, ["counter"], 64)["counter"]
    alder.shape("40mbit")
    operation_id = start_migration(api, "counter", "alder", "birch", compress="none")
    wait_for_phase(api, operation_id, "transfer")
    worker = many.worker_of(operation_id)

    began = time.monotonic()
    worker.stop()
    assert many.worker_of(operation_id) is many.other_than(worker)
    # Far less than it takes to notice that one was killed.
    assert time.monotonic() - began < 15
    operation = wait_for_operation(api, operation_id)

    assert operation["state"] == "succeeded", operation
    assert assert_runs_once("counter", before, [alder, birch]) is birch


def test_the_last_worker_rolls_back_before_it_stops(
    many: ManyProcesses, api: httpx.Client, alder: Host, birch: Host
) -> None:
    before = start_counters(alder, ["counter"], 64)["counter"]
    alder.shape("40mbit")
    operation_id = start_migration(api, "counter", "alder", "birch", compress="none")
    wait_for_phase(api, operation_id, "transfer")
    worker = many.worker_of(operation_id)

    many.other_than(worker).stop()
    worker.stop()
    operation = wait_for_operation(api, operation_id)

    assert operation["state"] == "cancelled", operation
    assert assert_runs_once("counter", before, [alder, birch]) is alder
    assert all_containers(birch) == []
