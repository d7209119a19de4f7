"""What people choose when nobody knows never makes two copies, and takes no copy for nothing."""

from __future__ import annotations

import asyncio

import pytest
from asgiref.sync import sync_to_async
from django.conf import settings

from nodes.models import Leftover, Operation, OperationState
from nodes.operations.patience import PATIENCE
from nodes.operations.runner import recover_operation
from nodes.operations.ways_back import take_way_back
from tests.integration.site import (
    Site,
    all_containers,
    assert_same_program,
    in_phase,
    running,
    staging_is_gone,
)
from tests.lab import CounterReading, Host, full_check, read_counter, wait_until_it_counts
from tests.lab.sshd import wait_until_it_answers

pytestmark = [pytest.mark.integration, pytest.mark.lab]


@pytest.fixture
async def unknown(
    site: Site, alder: Host, birch: Host, counter: str, monkeypatch: pytest.MonkeyPatch
) -> tuple[Operation, CounterReading]:
    """Return an operation that lost birch while it ran there; birch can be reached again."""
    monkeypatch.setattr(settings, "FERRY_ASK_FOR_S", 2.0)
    monkeypatch.setattr(PATIENCE, "lost_for_s", 2.0)
    before = read_counter(alder)
    operation = await site.queue("counter", "alder", "birch")
    await site.run_while(operation, in_phase("verify"), lambda _: birch.cut())
    assert operation.state == OperationState.UNKNOWN, operation.error
    birch.mend()
    wait_until_it_answers(birch.address)
    assert (running(alder), running(birch)) == ([], ["counter"])
    return operation, before


async def choose(operation: Operation, way: str, *, assured: bool = False) -> None:
    await sync_to_async(take_way_back)(None, operation, way, assured=assured)
    await recover_operation(operation.pk)
    await operation.arefresh_from_db()


async def test_what_runs_on_the_destination_can_be_kept_there(
    alder: Host, birch: Host, unknown: tuple[Operation, CounterReading]
) -> None:
    operation, before = unknown
    await choose(operation, "keep")
    assert operation.state == OperationState.SUCCEEDED, operation.error
    assert operation.result["downtime_s"] > 0
    assert (all_containers(alder), running(birch)) == ([], ["counter"])
    assert_same_program(before, full_check(birch))
    assert (staging_is_gone(alder), staging_is_gone(birch)) == (True, True)


async def test_nothing_is_changed_where_what_is_to_be_kept_does_not_run(
    alder: Host, birch: Host, unknown: tuple[Operation, CounterReading]
) -> None:
    operation, before = unknown
    birch.run(["podman", "stop", "--time", "0", "counter"])
    await choose(operation, "keep")
    assert operation.state == OperationState.UNKNOWN
    assert "cannot be kept on birch" in operation.error["message"]
    assert (all_containers(alder), all_containers(birch)) == (["counter"], ["counter"])
    await choose(operation, "look-again")
    assert (running(alder), all_containers(birch)) == (["counter"], [])
    assert_same_program(before, full_check(alder))


async def test_what_runs_on_both_is_nobodys_to_choose(
    alder: Host, birch: Host, unknown: tuple[Operation, CounterReading]
) -> None:
    operation, _ = unknown
    alder.run(["podman", "start", "counter"])
    await choose(operation, "keep")
    assert operation.state == OperationState.UNKNOWN
    assert "runs on alder as well as on birch" in operation.error["message"]
    assert (running(alder), running(birch)) == (["counter"], ["counter"])


async def test_a_destination_that_answers_after_all_is_cleared_whatever_was_assured(
    alder: Host, birch: Host, unknown: tuple[Operation, CounterReading]
) -> None:
    operation, before = unknown
    await choose(operation, "source", assured=True)
    assert operation.state == OperationState.FAILED, operation.error
    assert (running(alder), all_containers(birch)) == (["counter"], [])
    assert_same_program(before, full_check(alder))


async def test_a_connection_lost_for_a_moment_in_verify_costs_nothing(
    site: Site, alder: Host, birch: Host, counter: str
) -> None:
    before = read_counter(alder)
    operation = await site.queue("counter", "alder", "birch")

    async def back_soon() -> None:
        await asyncio.sleep(3)
        await asyncio.to_thread(birch.start_sshd)

    back: list[asyncio.Task[None]] = []

    def lose(task: asyncio.Task[None]) -> None:
        birch.stop_sshd(drop_sessions=True)
        loop = task.get_loop()
        loop.call_soon_threadsafe(lambda: back.append(loop.create_task(back_soon())))

    await site.run_while(operation, in_phase("verify"), lose)
    await asyncio.gather(*back)
    assert operation.state == OperationState.SUCCEEDED, operation.error
    assert (all_containers(alder), running(birch)) == ([], ["counter"])
    assert_same_program(before, full_check(birch))


async def test_a_copy_that_somebody_started_on_the_source_is_left_and_told(
    site: Site, alder: Host, birch: Host, counter: str
) -> None:
    wait_until_it_counts(alder)
    operation = await site.queue("counter", "alder", "birch")
    await site.run_while(
        operation, in_phase("verify"), lambda _: alder.run(["podman", "start", "counter"])
    )
    assert operation.state == OperationState.SUCCEEDED, operation.error
    assert running(alder) == ["counter"]
    await site.tidy_up()
    assert running(alder) == ["counter"]
    assert not await Leftover.objects.aexists()
    assert any("runs on alder as well" in told for told in await site.messages(operation))
