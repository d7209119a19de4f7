"""A migration whose process dies is taken up by another one, from where it is."""

from __future__ import annotations

import asyncio
from collections.abc import Callable, Iterator

import pytest
from asgiref.sync import sync_to_async
from django.conf import settings

from nodes.models import Archive, Leftover, Node, Operation, OperationState
from nodes.operations.leftovers import tidy
from nodes.operations.runner import give_away, recover_operation, run_operation
from nodes.operations.ways_back import take_way_back
from tests.integration.dying_site import site_that_dies
from tests.integration.site import (
    Site,
    all_containers,
    assert_same_program,
    in_phase,
    running,
    staging_is_gone,
)
from tests.lab import Host, full_check, read_counter, wait_until_it_counts
from tests.lab.sshd import wait_until_it_answers

pytestmark = [pytest.mark.integration, pytest.mark.lab]


@pytest.fixture
def large(alder: Host) -> Iterator[str]:
    """Start a counter whose transfer takes some seconds over a slow link."""
    alder.start_workload("counter", name="counter", memory_mib=64, port=8081)
    wait_until_it_counts(alder)
    alder.shape("100mbit")
    yield "counter"
    alder.unshape()


async def killed_when(operation: Operation, ready: Callable[[Operation], bool]) -> Operation:
    """Run the operation in a process of its own and kill that as soon as it is ``ready``."""
    with site_that_dies(operation):
        async with asyncio.timeout(60):
            while not ready(operation):
                await asyncio.sleep(0.02)
                await operation.arefresh_from_db()
    await operation.arefresh_from_db()
    assert operation.state == OperationState.RUNNING, "it had ended before it was killed"
    return operation


def bytes_arrived(operation: Operation) -> int:
    phases = {phase["name"]: phase for phase in operation.phases}
    return phases["transfer"]["bytes"] or 0


async def recovered(operation: Operation) -> Operation:
    await recover_operation(operation.pk)
    await operation.arefresh_from_db()
    return operation


async def assert_moved(site: Site, operation: Operation) -> None:
    alder, birch = site.hosts["alder"], site.hosts["birch"]
    assert operation.state == OperationState.SUCCEEDED, operation.error
    assert (all_containers(alder), running(birch)) == ([], ["counter"])
    assert staging_is_gone(alder)
    assert staging_is_gone(birch)
    assert operation.result["downtime_s"] > 0
    assert await Archive.objects.filter(pk=operation.result["archive_id"]).acount() == 1


async def test_killed_in_the_transfer_it_goes_on(
    site: Site, alder: Host, birch: Host, large: str
) -> None:
    before = read_counter(alder)
    operation = await site.queue(large, "alder", "birch", compress="none")
    await killed_when(operation, lambda each: bytes_arrived(each) > 5_000_000)

    await recovered(operation)

    await assert_moved(site, operation)
    assert_same_program(before, full_check(birch))
    assert operation.attempts == 2
    assert "Going on from where the migration is." in await site.messages(operation)


async def test_given_away_in_the_transfer_the_next_process_goes_on(
    site: Site, alder: Host, birch: Host, large: str
) -> None:
    before = read_counter(alder)
    operation = await site.queue(large, "alder", "birch", compress="none")

    def hand_over(task: asyncio.Task[None]) -> None:
        give_away(operation.pk)
        task.get_loop().call_soon_threadsafe(task.cancel)

    await site.run_while(operation, lambda each: bytes_arrived(each) > 5_000_000, hand_over)
    assert (operation.state, operation.worker) == (OperationState.RUNNING, "")
    assert (running(alder), running(birch)) == ([], [])

    await recovered(operation)

    await assert_moved(site, operation)
    assert_same_program(before, full_check(birch))


async def test_a_cancel_that_nobody_was_there_to_hear_is_heard_by_the_next(
    site: Site, alder: Host, birch: Host, large: str
) -> None:
    before = read_counter(alder)
    operation = await site.queue(large, "alder", "birch", compress="none")
    await killed_when(operation, lambda each: bytes_arrived(each) > 5_000_000)
    await Operation.objects.aupdate(cancel_requested=True)

    await recovered(operation)

    assert operation.state == OperationState.CANCELLED, operation.error
    assert (running(alder), all_containers(birch)) == (["counter"], [])
    assert_same_program(before, full_check(alder))


async def test_a_worker_that_lost_its_operation_leaves_it_to_the_other(
    site: Site, alder: Host, birch: Host, large: str
) -> None:
    before = read_counter(alder)
    operation = await site.queue(large, "alder", "birch", compress="none")
    first = asyncio.create_task(run_operation(operation.pk))
    while not bytes_arrived(operation):
        await asyncio.sleep(0.02)
        await operation.arefresh_from_db()
    # As another process does that takes it up: the first hears of it at its next word.
    await Operation.objects.aupdate(worker="another:2:00")
    await asyncio.gather(first, return_exceptions=True)
    await operation.arefresh_from_db()
    assert (operation.state, operation.worker) == (OperationState.RUNNING, "another:2:00")
    assert (running(alder), running(birch)) == ([], [])

    await recovered(operation)

    await assert_moved(site, operation)
    assert_same_program(before, full_check(birch))


async def test_a_source_that_is_gone_leaves_it_running_on_the_destination(
    site: Site, alder: Host, birch: Host, counter: str, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(settings, "FERRY_ASK_FOR_S", 2.0)
    before = read_counter(alder)
    operation = await site.queue("counter", "alder", "birch")

    def cut_and_cancel(task: asyncio.Task[None]) -> None:
        alder.cut()
        task.get_loop().call_soon_threadsafe(task.cancel)

    await site.run_while(operation, in_phase("verify"), cut_and_cancel)

    assert operation.state == OperationState.SUCCEEDED, operation.error
    assert running(birch) == ["counter"]
    assert_same_program(before, full_check(birch))
    assert any("alder does not answer" in each for each in operation.result["warnings"])


async def test_a_destination_that_died_is_answered_for_by_a_person(
    site: Site, alder: Host, birch: Host, counter: str, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(settings, "FERRY_ASK_FOR_S", 2.0)
    before = read_counter(alder)
    operation = await site.queue("counter", "alder", "birch")
    await site.run_while(operation, in_phase("verify"), lambda task: birch.cut())
    assert operation.state == OperationState.UNKNOWN, operation.error
    assert running(alder) == []

    await sync_to_async(take_way_back)(None, operation, "source", assured=True)
    await recovered(operation)

    assert (operation.state, operation.error["code"]) == (OperationState.FAILED, "interrupted")
    told = "Nobody knew how it ended; it was rolled back. counter stayed on alder"
    assert operation.error["message"].startswith(told)
    # Why, as long ago as it was.
    assert "birch" in operation.error["cause"]
    assert running(alder) == ["counter"]
    assert_same_program(before, full_check(alder))

    # What the person answered for was not so; the copy goes as soon as birch answers again.
    birch.mend()
    wait_until_it_answers(birch.address)
    for name in ("alder", "birch"):
        await site.container("counter", name)
    (leftover,) = [
        each async for each in Leftover.objects.select_related("node", "operation__destination")
    ]
    await tidy(leftover)
    assert (running(alder), all_containers(birch)) == (["counter"], [])
    assert staging_is_gone(birch)
    assert not await Leftover.objects.aexists()


async def test_nothing_is_removed_where_the_container_may_be_the_only_one(
    site: Site, alder: Host, birch: Host, counter: str
) -> None:
    operation = await site.migrate("counter", "alder", "birch")
    birch_node = await Node.objects.aget(name="birch")
    # As if its rollback had not reached birch; but alder does not show it either.
    journal = {**operation.journal, "committed": False, "restore_sent": True}
    await Operation.objects.filter(pk=operation.pk).aupdate(journal=journal)
    await operation.arefresh_from_db()
    await Leftover.objects.acreate(operation=operation, node=birch_node)
    (leftover,) = [
        each
        async for each in Leftover.objects.select_related(
            "node", "operation__source", "operation__destination"
        )
    ]
    await tidy(leftover)
    assert running(birch) == ["counter"]
    assert await Leftover.objects.aexists()


async def test_a_phase_that_takes_too_long_is_rolled_back(
    site: Site, alder: Host, birch: Host, large: str, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(settings, "FERRY_PHASE_LIMITS_S", {"transfer": "1.5"})
    before = read_counter(alder)
    operation = await site.queue(large, "alder", "birch", compress="none")
    await run_operation(operation.pk)
    await operation.arefresh_from_db()
    assert (operation.state, operation.error["code"]) == (
        OperationState.FAILED,
        "phase_timed_out",
    )
    assert "FERRY_PHASE_LIMITS_S=transfer=SECONDS" in operation.error["remedy"]
    assert (running(alder), all_containers(birch)) == (["counter"], [])
    assert_same_program(before, full_check(alder))
