"""A schedule that is due checkpoints a real container, which counts on, and its rules apply."""

from __future__ import annotations

import asyncio
from collections.abc import AsyncIterator
from contextlib import suppress
from pathlib import Path

import pytest
from django.conf import settings
from django.utils import timezone

from nodes.models import Archive, AuditEvent, OperationState, Schedule, ScheduleRun
from nodes.operations.engine import EmbeddedEngine
from nodes.operations.scheduler import Scheduler
from tests.integration.site import Site, assert_same_program, running
from tests.lab import Host, full_check, read_counter, wait_until_it_counts

pytestmark = [pytest.mark.integration, pytest.mark.lab]
WITHIN_S = 60.0


@pytest.fixture
async def clock(site: Site) -> AsyncIterator[Scheduler]:
    """Run a clock and an engine beside the test, as the serving process does."""
    clock = Scheduler()
    tasks = [asyncio.create_task(clock.run()), asyncio.create_task(EmbeddedEngine().run())]
    yield clock
    for task in tasks:
        task.cancel()
        with suppress(asyncio.CancelledError):
            await task


@pytest.fixture
async def schedule(site: Site, alder: Host, birch: Host) -> Schedule:
    """Let a labelled counter and another container run on alder, and choose by the label."""
    alder.start_workload("counter", port=8081, options=["--label", "team=a"])
    alder.start_workload("sleep", name="napper")
    wait_until_it_counts(alder)
    for name in ("alder", "birch"):
        await site.look(name)
    await site.container("counter", "alder")
    return await Schedule.objects.acreate(
        name="every night", cron="0 3 * * *", label="team=a", keep_last=1
    )


async def comes_due(schedule: Schedule, clock: Scheduler) -> ScheduleRun:
    """Make now one of its times, and return the run once the keep rules were applied after it."""
    now = timezone.now()
    await Schedule.objects.filter(pk=schedule.pk).aupdate(next_run_at=now)
    clock.wake()
    async with asyncio.timeout(WITHIN_S):
        while True:
            run = await schedule.runs.filter(at__gte=now, expired_at__isnull=False).afirst()
            if run is not None:
                return run
            await asyncio.sleep(0.1)


async def names_of(run: ScheduleRun) -> list[tuple[str, str]]:
    return [(each.container_name, each.state) async for each in run.operations.all()]


async def test_a_due_schedule_checkpoints_what_its_label_chooses_and_leaves_it_running(
    schedule: Schedule, clock: Scheduler, alder: Host
) -> None:
    before = read_counter(alder)
    run = await comes_due(schedule, clock)
    assert await names_of(run) == [("counter", OperationState.SUCCEEDED)]
    archive = await Archive.objects.aget()
    assert (archive.schedule_id, archive.container_name) == (schedule.pk, "counter")
    assert (Path(settings.FERRY_ARCHIVES_DIR) / archive.key).stat().st_size == archive.size_bytes
    assert sorted(running(alder)) == ["counter", "napper"]
    after = full_check(alder)
    assert_same_program(before, after)
    assert after.counter > before.counter
    await schedule.arefresh_from_db()
    assert schedule.next_run_at is not None
    assert schedule.next_run_at > timezone.now()


async def test_its_rules_let_the_older_archive_go_and_never_the_pinned_one(
    schedule: Schedule, clock: Scheduler, alder: Host
) -> None:
    await comes_due(schedule, clock)
    pinned = await Archive.objects.aget()
    await Archive.objects.filter(pk=pinned.pk).aupdate(pinned=True)
    run = await comes_due(schedule, clock)
    assert run.expired == 0
    older = await Archive.objects.exclude(pk=pinned.pk).aget()

    run = await comes_due(schedule, clock)

    assert run.expired == 1
    left = {archive.pk: archive async for archive in Archive.objects.all()}
    assert len(left) == 2
    assert pinned.pk in left
    assert older.pk not in left
    folder = Path(settings.FERRY_ARCHIVES_DIR)
    files = {path.name for path in folder.iterdir() if path.is_file()}
    assert files == {archive.key for archive in left.values()}
    event = await AuditEvent.objects.aget(action="archive.expire")
    assert (event.user_name, event.subject) == ("", older.name)
    assert event.detail["schedule"] == "every night"
    assert event.detail["reason"] == "No keep rule covers it."
    assert running(alder).count("counter") == 1


async def test_a_container_on_a_node_that_is_away_is_skipped_and_said_so(
    schedule: Schedule, clock: Scheduler, site: Site, alder: Host
) -> None:
    alder.cut()
    await site.look("alder")
    run = await comes_due(schedule, clock)
    assert await names_of(run) == []
    assert [each["reason"] for each in run.skipped] == ["alder is away: unreachable."]
    assert not await Archive.objects.aexists()
