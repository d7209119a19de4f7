"""From the rows of a checkpoint or a restore to its workflow, and back."""

from __future__ import annotations

import asyncio
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from pathlib import Path
from typing import Any

from asgiref.sync import sync_to_async
from django.conf import settings

from nodes.archives.files import archive_file
from nodes.archives.place import archive_store
from nodes.archives.read_again import read_contents_again
from nodes.inventory.connect import open_session
from nodes.models import Archive, Container, ContentsState, Node, NodeState, Operation
from nodes.operations import restore_from_archive, take_checkpoint
from nodes.operations.checkpoint_plan import CheckpointJournal, CheckpointPlan
from nodes.operations.errors import WorkflowError
from nodes.operations.present import present
from nodes.operations.quietly import say
from nodes.operations.recover import Interrupted
from nodes.operations.restore_plan import RestoreJournal, RestorePlan
from nodes.operations.restore_preflight import Fleet
from nodes.operations.row_report import RowReport
from nodes.operations.staging import staging_folder
from nodes.podman.argv import image_exists_argv
from nodes.podman.options import CheckpointOptions, RestoreOptions
from nodes.problem import FerryError
from nodes.ssh.session import NodeSession
from nodes.uninterrupted import uninterrupted

# After so many the way forward is no way.
MOST_ATTEMPTS = 3


def checkpoint_plan(operation: Operation) -> CheckpointPlan:
    return CheckpointPlan(
        operation_id=operation.pk,
        container_id=operation.container_podman_id,
        options=CheckpointOptions.parse(operation.options),
    )


async def checkpoint(operation: Operation, report: RowReport) -> dict[str, Any]:
    node = present(operation.source, operation.source_name)
    async with open_session(node) as session:
        result = await take_checkpoint.take_checkpoint(
            session, checkpoint_plan(operation), archive_store(), report
        )
    return result.as_dict()


async def recover_checkpoint(operation: Operation, report: RowReport) -> dict[str, Any]:
    """Finish it, or take it back and begin anew."""
    node = present(operation.source, operation.source_name)
    try:
        async with open_session(node) as session:
            result = await uninterrupted(
                take_checkpoint.recover_checkpoint(session, checkpoint_plan(operation), report)
            )
    except Interrupted as interrupted:
        await _require_another_attempt(operation, report, interrupted)
        return await checkpoint(operation, report)
    return result.as_dict()


async def _require_another_attempt(
    operation: Operation, report: RowReport, interrupted: Interrupted
) -> None:
    """Raise ``interrupted``, or CancelledError, when it is not to begin anew."""
    await operation.arefresh_from_db(fields=["cancel_requested"])
    if operation.cancel_requested:
        raise asyncio.CancelledError from None
    if operation.attempts >= MOST_ATTEMPTS or operation.journal.get("rolling_back"):
        raise interrupted
    await say(report, "It was taken back, and begins anew.")


def place_of_checkpoint(operation: Operation) -> str:
    """Say where the container is, as far as somebody has looked."""
    journal = CheckpointJournal.parse(operation.journal)
    if journal.back_on_source:
        return f"{operation.container_name} was left running on {operation.source_name}."
    return "" if journal.checkpoint_sent else "Nothing was changed."


async def restore_plan(
    archive: Archive, options: RestoreOptions, *, operation_id: int = 0
) -> RestorePlan:
    """Return what is to be done; an archive whose contents nobody has read is read now.

    Raises ArchiveMissing and ArchiveUnreadable.
    """
    path: Path = await sync_to_async(archive_file)(archive, archive_store())
    if archive.contents_state != ContentsState.READ:
        await sync_to_async(read_contents_again, thread_sensitive=False)(archive, path)
    sections = {row.name: row.data async for row in archive.sections.exclude(name="rootfs")}
    return RestorePlan(
        operation_id=operation_id,
        archive_name=archive.name,
        path=path,
        size_bytes=archive.size_bytes,
        sha256=archive.sha256,
        unpacked_bytes=archive.unpacked_bytes,
        sections=sections,
        versions=archive.versions,
        options=options,
        watch_window_s=settings.FERRY_WATCH_WINDOW_S,
    )


async def restore(operation: Operation, report: RowReport) -> dict[str, Any]:
    node, plan = await _restore_of(operation)
    async with open_session(node) as session:
        fleet = await look_at_fleet(session, plan, node)
        result = await restore_from_archive.restore_from_archive(
            session, plan, fleet, _open_node, report
        )
    return {**result.as_dict(), "archive_id": operation.archive_id}


async def recover_restore(operation: Operation, report: RowReport) -> dict[str, Any]:
    """Finish it, or take it back and begin anew."""
    node = present(operation.destination, operation.destination_name)
    folder = staging_folder(operation.pk)
    try:
        async with open_session(node) as session:
            result = await uninterrupted(
                restore_from_archive.recover_restore(session, operation.pk, folder, report)
            )
    except Interrupted as interrupted:
        await _require_another_attempt(operation, report, interrupted)
        return await restore(operation, report)
    return {**result.as_dict(), "archive_id": operation.archive_id}


async def _restore_of(operation: Operation) -> tuple[Node, RestorePlan]:
    if operation.archive is None:
        raise WorkflowError(
            "The archive was deleted from the catalog.", remedy="Choose another archive."
        )
    options = RestoreOptions.parse(operation.options)
    plan = await restore_plan(operation.archive, options, operation_id=operation.pk)
    return present(operation.destination, operation.destination_name), plan


def place_of_restore(operation: Operation) -> str:
    """Say what is left of it, as far as somebody has looked."""
    journal = RestoreJournal.parse(operation.journal)
    if journal.restore_sent and not journal.cleared:
        return ""
    kept = f"Nothing of it is left on {operation.destination_name}; the archive is in the catalog."
    if journal.replaced:
        return f"{kept} The stopped container had been removed: its state is in that archive."
    return kept


async def look_at_fleet(session: NodeSession, plan: RestorePlan, destination: Node) -> Fleet:
    """Ask which node has the image, unless the destination has it, and where the container runs."""
    container = plan.container
    wanted = image_exists_argv(container.image_id)
    there = await session.run(wanted, check=False)
    image_node = "" if there.exit_status == 0 else await _who_has(wanted, destination)
    running = Container.objects.filter(
        podman_id=plan.sections["config"]["id"], state="running"
    ).exclude(node=destination)
    return Fleet(
        image_node=image_node,
        running_on=[name async for name in running.values_list("node__name", flat=True)],
    )


async def _who_has(image_exists: list[str], destination: Node) -> str:
    away = (NodeState.UNREACHABLE, NodeState.BLOCKED)
    others = Node.objects.exclude(pk=destination.pk).exclude(state__in=away)

    async def has(node: Node) -> str:
        try:
            async with open_session(node) as session:
                done = await session.run(image_exists, check=False)
        except FerryError:
            return ""
        return node.name if done.exit_status == 0 else ""

    names = await asyncio.gather(*[has(node) async for node in others])
    return next(filter(None, names), "")


@asynccontextmanager
async def _open_node(name: str) -> AsyncIterator[NodeSession]:
    node = present(await Node.objects.filter(name=name).afirst(), name)
    async with open_session(node) as session:
        yield session
