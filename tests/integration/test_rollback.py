"""Whatever fails before the commit, the container runs on the source with its memory intact."""

from __future__ import annotations

import asyncio
import threading
from collections.abc import Iterator

import pytest
from django.conf import settings

from nodes.models import Leftover, OperationState
from nodes.operations.patience import PATIENCE
from nodes.operations.runner import recover_operation, run_operation
from tests.integration.site import (
    Site,
    all_containers,
    assert_rolled_back,
    assert_same_program,
    in_phase,
    programs,
    running,
    staging_is_gone,
    volumes,
)
from tests.lab import Host, full_check, read_counter, wait_until_it_counts
from tests.lab.sshd import wait_until_it_answers

pytestmark = [pytest.mark.integration, pytest.mark.lab]


@pytest.mark.parametrize(
    "phase", ["preflight", "image", "checkpoint", "transfer", "restore", "verify"]
)
async def test_cancel_rolls_back_in_every_phase(
    site: Site, alder: Host, birch: Host, counter: str, phase: str
) -> None:
    before = read_counter(alder)
    operation = await site.queue("counter", "alder", "birch")
    loop = asyncio.get_running_loop()

    operation = await site.run_while(
        operation, in_phase(phase), lambda task: loop.call_soon_threadsafe(task.cancel)
    )

    assert operation.state == OperationState.CANCELLED, operation.error
    untouched = phase in ("preflight", "image")
    said = "Nothing was changed" if untouched else "stayed on alder and runs"
    assert said in operation.error["message"]
    # Earlier it may not have been halted yet.
    if phase in ("restore", "verify"):
        assert operation.result["downtime_s"] > 0
    assert running(alder) == ["counter"]
    assert_same_program(before, full_check(alder))
    assert all_containers(birch) == []
    assert volumes(birch) == []
    assert staging_is_gone(alder)
    assert staging_is_gone(birch)


async def test_a_destination_that_goes_away_is_unknown_until_it_can_be_asked(
    site: Site, alder: Host, birch: Host, counter: str, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(settings, "FERRY_ASK_FOR_S", 3.0)
    monkeypatch.setattr(PATIENCE, "lost_for_s", 3.0)
    before = read_counter(alder)
    operation = await site.queue("counter", "alder", "birch")

    operation = await site.run_while(operation, in_phase("restore"), lambda _: birch.cut())

    assert operation.state == OperationState.UNKNOWN
    assert "birch" in operation.error["message"]
    assert running(alder) == []  # nothing is guessed: no second copy is started

    birch.mend()
    wait_until_it_answers(birch.address)
    await recover_operation(operation.pk)
    await operation.arefresh_from_db()
    assert operation.state == OperationState.FAILED
    assert operation.error["code"] == "interrupted"
    await assert_rolled_back(site, operation, before=before)


@pytest.fixture
def counter_with_rm(alder: Host) -> str:
    """Start a counter that Podman removes, with its container's layer, as soon as it ends."""
    return alder.start_workload("counter", name="counter", memory_mib=64, options=["--rm"])


async def test_a_container_with_rm_is_brought_back_with_its_volume(
    site: Site, alder: Host, birch: Host, counter_with_rm: str
) -> None:
    alder.run(["podman", "exec", "counter", "sh", "-c", "echo mine > /data/mine"])
    before = wait_until_it_counts(alder)
    operation = await site.queue("counter", "alder", "birch")

    def remove_image(_: object) -> None:
        birch.run(["podman", "rmi", "--all", "--force"])

    operation = await site.run_while(operation, in_phase("checkpoint"), remove_image)

    assert operation.state == OperationState.FAILED
    assert operation.error["code"] == "restore_failed", operation.error
    assert "image" in operation.error["cause"]
    await assert_rolled_back(site, operation, before=before)
    assert alder.run(["podman", "exec", "counter", "cat", "/data/mine"]).stdout == "mine\n"
    assert alder.run(["podman", "exec", "counter", "ls", "/changed-at-start"]).stdout
    assert volumes(alder) == ["counter-data"]


async def test_a_container_removed_before_the_start_is_not_said_to_run_anywhere(
    site: Site, alder: Host, birch: Host, counter: str
) -> None:
    operation = await site.queue("counter", "alder", "birch")
    alder.run(["podman", "rm", "--force", "--time", "0", "counter"])

    await run_operation(operation.pk)

    await operation.arefresh_from_db()
    assert operation.state == OperationState.FAILED
    assert "and runs" not in operation.error["message"]
    assert "memory intact" not in operation.error["message"]
    assert operation.result["rolled_back"] is False
    assert (all_containers(alder), all_containers(birch)) == ([], [])


class PodmanAway:
    """Podman as an interrupted upgrade leaves it: the node answers, and has no Podman."""

    def __init__(self, host: Host) -> None:
        self.host = host

    def take(self) -> None:
        self.host.run(["mv", "/usr/bin/podman", "/usr/bin/podman-away"])

    def put_back(self) -> None:
        self.host.shell("[ ! -e /usr/bin/podman-away ] || mv /usr/bin/podman-away /usr/bin/podman")


@pytest.fixture
def without_podman(birch: Host) -> Iterator[PodmanAway]:
    away = PodmanAway(birch)
    yield away
    away.put_back()


async def never_twice(alder: Host, birch: Host, until: asyncio.Event) -> None:
    """Look at the processes, not at Podman, which may be away, until told to stop."""
    while not until.is_set():
        copies = await asyncio.to_thread(lambda: programs(alder) + programs(birch))
        assert copies <= 1
        await asyncio.sleep(0.1)


@pytest.mark.parametrize("put_back_after_s", [0.5, 3.0])
async def test_podman_away_from_the_destination_for_a_while_makes_no_second_copy(
    site: Site,
    alder: Host,
    birch: Host,
    counter: str,
    without_podman: PodmanAway,
    put_back_after_s: float,
) -> None:
    before = wait_until_it_counts(alder)
    operation = await site.queue("counter", "alder", "birch")
    loop, ended = asyncio.get_running_loop(), asyncio.Event()
    putting_back = threading.Timer(put_back_after_s, without_podman.put_back)

    def break_podman(task: asyncio.Task[None]) -> None:
        without_podman.take()
        loop.call_soon_threadsafe(task.cancel)
        putting_back.start()

    watching = asyncio.create_task(never_twice(alder, birch, ended))
    operation = await site.run_while(operation, in_phase("restore"), break_podman)
    await asyncio.to_thread(putting_back.join)
    await site.tidy_up()
    ended.set()
    await watching

    assert operation.state in (OperationState.CANCELLED, OperationState.FAILED), operation.error
    await assert_rolled_back(site, operation, before=before)


async def test_podman_gone_from_the_destination_leaves_there_what_runs_nothing_until_it_is_back(
    site: Site, alder: Host, birch: Host, counter: str, without_podman: PodmanAway
) -> None:
    before = wait_until_it_counts(alder)
    operation = await site.queue("counter", "alder", "birch")
    loop, ended = asyncio.get_running_loop(), asyncio.Event()

    def break_podman(task: asyncio.Task[None]) -> None:
        without_podman.take()
        loop.call_soon_threadsafe(task.cancel)

    watching = asyncio.create_task(never_twice(alder, birch, ended))
    operation = await site.run_while(operation, in_phase("restore"), break_podman)

    assert operation.state == OperationState.CANCELLED, operation.error
    assert (running(alder), programs(birch)) == (["counter"], 0)
    assert_same_program(before, full_check(alder))
    assert await Leftover.objects.filter(operation=operation, node__name="birch").aexists()

    without_podman.put_back()
    await site.tidy_up()
    ended.set()
    await watching
    assert not await Leftover.objects.aexists()
    await assert_rolled_back(site, operation, before=before)
