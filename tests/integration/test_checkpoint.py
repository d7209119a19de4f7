"""A checkpoint puts a container's state into the catalog and leaves it as was asked for."""

from __future__ import annotations

import asyncio
from typing import Any

import pytest

from nodes.archives.place import archive_store
from nodes.models import Archive, ContentsState, OperationState
from nodes.operations import take_checkpoint
from tests.integration.site import (
    Site,
    assert_same_program,
    in_phase,
    programs,
    running,
    staging_is_gone,
)
from tests.lab import Host, full_check, read_counter, wait_until_it_counts

pytestmark = [pytest.mark.integration, pytest.mark.lab]


@pytest.mark.parametrize("compress", ["zstd", "gzip", "none"])
async def test_a_container_that_is_left_running_counts_on_from_its_memory(
    site: Site, alder: Host, counter: str, compress: str
) -> None:
    before = read_counter(alder)
    operation = await site.checkpoint("counter", "alder", leave_running=True, compress=compress)
    archive = await site.archive_of(operation)
    assert archive.compression == compress
    assert running(alder) == ["counter"]
    assert_same_program(before, full_check(alder))
    assert staging_is_gone(alder)
    assert operation.result["frozen_s"] > 0
    assert archive_store().verify(archive.key) == archive.sha256


async def test_a_stopped_container_is_not_running_and_its_memory_is_in_the_catalog(
    site: Site, alder: Host, counter: str
) -> None:
    archive = await site.archive_of(await site.checkpoint("counter", "alder"))
    assert running(alder) == []
    assert programs(alder) == 0
    assert archive.contents_state == ContentsState.READ, archive.contents_problem
    assert archive.memory_bytes > 64 * 1024 * 1024
    processes = await site.section(archive, "processes")
    assert [(each["pid"], each["command"][0]) for each in processes] == [(1, "counter")]


async def test_its_contents_say_what_was_added_and_deleted(site: Site, alder: Host) -> None:
    alder.start_workload("web", name="web", port=8082)
    alder.run(["podman", "exec", "web", "sh", "-c", "rm /bin/yes; echo x > /added"])
    archive = await site.archive_of(await site.checkpoint("web", "alder", leave_running=True))
    changes = await site.section(archive, "changes")
    assert "/added" in changes["added"]
    assert "/bin/yes" in changes["deleted"]
    volumes = await site.section(archive, "volumes")
    assert [(volume["name"], volume["stored"]) for volume in volumes] == [("web-data", True)]


async def test_what_is_ignored_is_not_in_the_archive(site: Site, alder: Host) -> None:
    alder.start_workload("web", name="web", port=8082)
    archive = await site.archive_of(
        await site.checkpoint(
            "web", "alder", leave_running=True, ignore_volumes=True, ignore_rootfs=True
        )
    )
    volumes = await site.section(archive, "volumes")
    assert [(volume["name"], volume["stored"]) for volume in volumes] == [("web-data", False)]
    assert (await site.section(archive, "rootfs"))["entries"] == []


async def test_open_connections_need_their_option_and_the_container_runs_on_without_it(
    site: Site, alder: Host
) -> None:
    alder.start_workload("tcp", name="tcp")
    refused = await site.checkpoint("tcp", "alder")
    assert refused.state == OperationState.FAILED
    assert refused.error["options"] == {"tcp_established": True}
    assert running(alder) == ["tcp"]
    archive = await site.archive_of(
        await site.checkpoint("tcp", "alder", leave_running=True, tcp_established=True)
    )
    states = {socket["state"] for socket in await site.section(archive, "sockets")}
    assert "established" in states


@pytest.mark.parametrize("leave_running", [True, False])
@pytest.mark.parametrize("phase", ["preflight", "checkpoint", "transfer"])
async def test_cancelled_in_any_phase_it_runs_on_and_nothing_is_left(
    site: Site, alder: Host, counter: str, phase: str, leave_running: bool
) -> None:
    before = read_counter(alder)
    operation = await site.queue_checkpoint("counter", "alder", leave_running=leave_running)
    loop = asyncio.get_running_loop()
    operation = await site.run_while(
        operation, in_phase(phase), lambda task: loop.call_soon_threadsafe(task.cancel)
    )
    assert operation.state == OperationState.CANCELLED, operation.error
    assert running(alder) == ["counter"]
    assert_same_program(before, full_check(alder))
    assert staging_is_gone(alder)
    assert await Archive.objects.acount() == 0
    assert archive_store().incoming_keys() == []


async def test_a_full_catalog_leaves_the_container_running(
    site: Site, alder: Host, counter: str, monkeypatch: pytest.MonkeyPatch
) -> None:
    before = read_counter(alder)

    def full(self: object, chunk: bytes) -> None:
        raise OSError(28, "No space left on device")

    monkeypatch.setattr("nodes.catalog.store.IncomingFile._write", full)
    operation = await site.checkpoint("counter", "alder")
    assert operation.state == OperationState.FAILED
    assert operation.error["code"] == "store_full"
    assert "left running on alder" in operation.error["message"]
    assert running(alder) == ["counter"]
    assert_same_program(before, full_check(alder))
    assert archive_store().incoming_keys() == []


async def test_an_archive_that_podman_cut_off_is_never_kept(site: Site, alder: Host) -> None:
    # Podman 5.8.6 ends an export early, with status 0, when the log grows while it is archived.
    alder.start_workload("counter", name="chatty", memory_mib=4, tick_ms=1)
    before = wait_until_it_counts(alder, "chatty")
    for _ in range(4):
        operation = await site.checkpoint("chatty", "alder", leave_running=True)
        if operation.state == OperationState.FAILED:
            assert operation.error["code"] == "checkpoint_failed", operation.error
            assert "did not write a whole archive" in operation.error["message"]
    assert_same_program(before, full_check(alder, "chatty"))
    assert staging_is_gone(alder)
    assert archive_store().incoming_keys() == []
    async for archive in Archive.objects.all():
        assert archive.contents_state == ContentsState.READ, archive.contents_problem


async def test_it_is_tried_again_when_podman_cuts_its_archive_off(
    site: Site, alder: Host, counter: str, monkeypatch: pytest.MonkeyPatch
) -> None:
    before = read_counter(alder)
    real = take_checkpoint.start_checkpoint
    cuts = iter([True, False])

    async def cut_once(*given: Any) -> Any:
        started = await real(*given)
        if next(cuts):
            # As Podman leaves it: shorter, and with status 0.
            await started[0].wait()
            alder.run(["truncate", "--size=-100000", str(given[3])])
        return started

    monkeypatch.setattr(take_checkpoint, "start_checkpoint", cut_once)
    operation = await site.checkpoint("counter", "alder", leave_running=True)
    assert operation.state == OperationState.SUCCEEDED, operation.error
    assert any("cut its archive off" in message for message in await site.messages(operation))
    archive = await site.archive_of(operation)
    assert archive.contents_state == ContentsState.READ, archive.contents_problem
    assert await Archive.objects.acount() == 1
    assert_same_program(before, full_check(alder))


async def test_a_stopped_container_whose_archive_is_cut_off_goes_on(
    site: Site, alder: Host, counter: str, monkeypatch: pytest.MonkeyPatch
) -> None:
    before = read_counter(alder)
    real = take_checkpoint.start_checkpoint

    async def cut(*given: Any) -> Any:
        started = await real(*given)
        await started[0].wait()
        alder.run(["truncate", "--size=-100000", str(given[3])])
        return started

    monkeypatch.setattr(take_checkpoint, "start_checkpoint", cut)
    operation = await site.checkpoint("counter", "alder")
    assert operation.state == OperationState.FAILED
    assert "left running on alder" in operation.error["message"]
    assert_same_program(before, full_check(alder))
    assert await Archive.objects.acount() == 0
