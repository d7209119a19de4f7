"""What somebody does by hand meanwhile is theirs: nothing of it is removed or brought back."""

from __future__ import annotations

import asyncio
from typing import Any

import pytest

from nodes.archives.place import archive_store
from nodes.models import Operation, OperationState
from nodes.operations import move, restore_from_archive, take_checkpoint
from nodes.operations.runner import recover_operation
from tests.integration.site import (
    Site,
    all_containers,
    assert_same_program,
    running,
    staging_is_gone,
    volumes,
)
from tests.lab import Host, full_check, read_counter, wait_until_it_counts

pytestmark = [pytest.mark.integration, pytest.mark.lab]


def stop(host: Host, name: str = "counter") -> None:
    host.run(["podman", "stop", "--time", "0", name])


async def test_memory_of_an_earlier_checkpoint_is_never_brought_back(
    site: Site, alder: Host, counter: str, monkeypatch: pytest.MonkeyPatch
) -> None:
    await site.checkpoint("counter", "alder", leave_running=True)
    real = take_checkpoint.start_checkpoint

    async def stopped_before(*given: Any) -> Any:
        stop(alder)
        return await real(*given)

    monkeypatch.setattr(take_checkpoint, "start_checkpoint", stopped_before)
    operation = await site.checkpoint("counter", "alder")
    assert operation.state == OperationState.FAILED
    assert operation.error["code"] == "ended_meanwhile", operation.error
    assert running(alder) == []
    assert all_containers(alder) == ["counter"]


async def test_nor_by_a_migration(
    site: Site, alder: Host, birch: Host, counter: str, monkeypatch: pytest.MonkeyPatch
) -> None:
    await site.checkpoint("counter", "alder", leave_running=True)
    real = move.start_checkpoint

    async def stopped_before(*given: Any) -> Any:
        stop(alder)
        return await real(*given)

    monkeypatch.setattr(move, "start_checkpoint", stopped_before)
    operation = await site.migrate("counter", "alder", "birch")
    assert operation.error["code"] == "ended_meanwhile", operation.error
    assert (running(alder), all_containers(birch)) == ([], [])


async def test_what_somebody_stopped_while_it_was_to_run_on_stays_stopped(
    site: Site, alder: Host, counter: str, monkeypatch: pytest.MonkeyPatch
) -> None:
    def full(self: object, chunk: bytes) -> None:
        stop(alder)
        raise OSError(28, "No space left on device")

    monkeypatch.setattr("nodes.catalog.store.IncomingFile._write", full)
    operation = await site.checkpoint("counter", "alder", leave_running=True)
    assert operation.error["code"] == "ended_meanwhile", operation.error
    assert running(alder) == []


async def test_its_own_dump_is_brought_back_although_an_older_one_lay_there(
    site: Site, alder: Host, counter: str, monkeypatch: pytest.MonkeyPatch
) -> None:
    await site.checkpoint("counter", "alder", leave_running=True)
    before = wait_until_it_counts(alder)

    def full(self: object, chunk: bytes) -> None:
        raise OSError(28, "No space left on device")

    monkeypatch.setattr("nodes.catalog.store.IncomingFile._write", full)
    operation = await site.checkpoint("counter", "alder")
    assert operation.error["code"] == "store_full", operation.error
    assert_same_program(before, full_check(alder))


async def test_what_somebody_started_beside_its_dump_is_said_to_be_afresh(
    site: Site, alder: Host, birch: Host, counter: str, monkeypatch: pytest.MonkeyPatch
) -> None:
    before = wait_until_it_counts(alder)

    def full(self: object, chunk: bytes) -> None:
        # Podman lets nobody start it before the export is done.
        alder.run(["podman", "start", "counter"])
        raise OSError(28, "No space left on device")

    monkeypatch.setattr("nodes.catalog.store.IncomingFile._write", full)
    operation = await site.migrate("counter", "alder", "birch")
    assert operation.error["code"] == "started_afresh", operation.error
    assert operation.result["rolled_back"] is False
    assert wait_until_it_counts(alder).nonce != before.nonce
    assert all_containers(birch) == []
    assert staging_is_gone(birch)


@pytest.mark.parametrize("name", ["clone", ""])
async def test_a_failed_restore_leaves_containers_and_volumes_of_others_alone(
    site: Site,
    alder: Host,
    birch: Host,
    counter: str,
    monkeypatch: pytest.MonkeyPatch,
    name: str,
) -> None:
    archive = await site.archive_of(await site.checkpoint("counter", "alder"))
    real = restore_from_archive.restore_archive

    async def taken_before(*given: Any, **named: Any) -> Any:
        birch.start_workload("sleep", name=name or "counter")
        birch.run(["podman", "volume", "create", "counter-data"])
        return await real(*given, **named)

    monkeypatch.setattr(restore_from_archive, "restore_archive", taken_before)
    options = {"name": name, "publish": ["8099:8080"]} if name else {}
    operation = await site.restore(archive, "birch", **options)
    assert operation.state == OperationState.FAILED
    assert running(birch) == [name or "counter"]
    assert volumes(birch) == ["counter-data"]
    assert "Nothing of it is left on birch" in operation.error["message"]


async def test_a_clone_that_criu_cannot_bring_back_is_removed_and_its_log_is_read(
    site: Site, alder: Host, birch: Host
) -> None:
    alder.start_workload("web", name="web", port=8082)
    # A link to the program itself: Podman 5.8.6 then removes what the link leads to.
    alder.run(["podman", "exec", "web", "rm", "/bin/yes"])
    archive = await site.archive_of(await site.checkpoint("web", "alder", leave_running=True))
    failed = await site.restore(archive, "birch", name="copy", publish=["8083:8080"])
    assert failed.error["rule"] == "file-missing", failed.error
    assert (all_containers(birch), volumes(birch)) == ([], [])
    assert "Can't open file" in await site.log(failed, "restore.log")
    again = await site.restore(
        archive, "birch", name="copy", publish=["8083:8080"], **failed.error["options"]
    )
    assert again.state == OperationState.SUCCEEDED, again.error


async def test_a_container_that_podman_removed_comes_back_with_its_anonymous_volume(
    site: Site, alder: Host, monkeypatch: pytest.MonkeyPatch
) -> None:
    options = ["--rm", "--volume", "/anon"]
    alder.start_workload("tree", name="tree", options=options)
    alder.run(["podman", "exec", "tree", "sh", "-c", "echo precious > /anon/file"])

    async def broken(*given: object, **named: object) -> None:
        raise RuntimeError("the database has gone")

    monkeypatch.setattr(take_checkpoint, "_keep", broken)
    operation = await site.checkpoint("tree", "alder")
    assert operation.state == OperationState.FAILED
    assert running(alder) == ["tree"], operation.error
    kept = alder.run(["podman", "exec", "tree", "cat", "/anon/file"]).stdout
    assert kept == "precious\n"


async def half_done(operation: Operation, **journal: Any) -> None:
    """Make the row that of a site which was killed before it had ended."""
    await Operation.objects.filter(pk=operation.pk).aupdate(
        state=OperationState.RUNNING, journal={**operation.journal, **journal}
    )


async def test_a_restore_is_taken_back_after_a_crash_although_its_archive_is_not_there(
    site: Site, alder: Host, birch: Host, counter: str
) -> None:
    archive = await site.archive_of(await site.checkpoint("counter", "alder"))
    operation = await site.restore(archive, "birch", name="clone", publish=["8099:8080"])
    assert operation.state == OperationState.SUCCEEDED, operation.error
    await half_done(operation, committed=False)
    archive_store().path(archive.key).unlink()
    await recover_operation(operation.pk)
    await operation.arefresh_from_db()
    assert operation.error["code"] == "archive_missing", operation.error
    assert all_containers(birch) == []


async def test_a_verified_restore_has_succeeded_whatever_happened_to_it_since(
    site: Site, alder: Host, birch: Host, counter: str
) -> None:
    archive = await site.archive_of(await site.checkpoint("counter", "alder"))
    operation = await site.restore(archive, "birch", name="clone", publish=["8099:8080"])
    stop(birch, "clone")
    birch.run(["mkdir", "-p", f"/var/lib/ferry/{operation.pk}"])
    await half_done(operation)
    await recover_operation(operation.pk)
    await operation.arefresh_from_db()
    assert operation.state == OperationState.SUCCEEDED, operation.error
    assert staging_is_gone(birch)
    assert all_containers(birch) == ["clone"]


async def test_a_checkpoint_whose_archive_was_kept_before_a_crash_has_succeeded(
    site: Site, alder: Host, counter: str
) -> None:
    operation = await site.checkpoint("counter", "alder")
    archive = await site.archive_of(operation)
    await half_done(operation, committed=False, archive_id=None)
    await recover_operation(operation.pk)
    await operation.arefresh_from_db()
    assert operation.state == OperationState.SUCCEEDED, operation.error
    assert operation.result["archive_id"] == archive.pk
    assert running(alder) == []


async def test_a_file_that_is_not_what_came_in_is_not_restored(
    site: Site, alder: Host, birch: Host, counter: str
) -> None:
    archive = await site.archive_of(await site.checkpoint("counter", "alder", leave_running=True))
    path = archive_store().path(archive.key)
    with path.open("r+b") as file:
        file.truncate(archive.size_bytes // 2)
    operation = await asyncio.wait_for(site.restore(archive, "birch"), 60)
    assert operation.error["code"] == "transfer_failed", operation.error
    assert all_containers(birch) == []
    assert read_counter(alder).errors == 0
