"""What each kind of operation does with its row: the workflow, its way back, and its words."""

from __future__ import annotations

import asyncio
import hashlib
from collections.abc import AsyncIterator, Awaitable, Callable, Coroutine, Mapping
from contextlib import asynccontextmanager
from dataclasses import dataclass
from functools import partial
from typing import Any

from asgiref.sync import sync_to_async
from django.conf import settings
from django.utils import timezone

from nodes.archives.place import archive_store
from nodes.catalog.store import Store
from nodes.host.selftest_result import versions_of
from nodes.inventory.connect import open_session
from nodes.inventory.fleet import fleet
from nodes.inventory.observation import save_readiness, save_selftest
from nodes.inventory.readiness import probe_host
from nodes.live import ping_node
from nodes.models import Node, Operation, OperationKind, PhaseState
from nodes.operations import (
    archive_jobs,
    migrate,
    prepare,
    recover,
    restore_from_archive,
    selftest,
    take_checkpoint,
    undo_prepare,
)
from nodes.operations.journal import Journal
from nodes.operations.migration_plan import MigrationPlan, MigrationResult
from nodes.operations.prepare_journal import PrepareJournal
from nodes.operations.present import present
from nodes.operations.recover import Interrupted
from nodes.operations.report import Report
from nodes.operations.row_report import RowReport
from nodes.podman.options import MigrationOptions
from nodes.problem import FerryError
from nodes.ssh.errors import CommandTimedOut, NodeUnreachable
from nodes.ssh.session import NodeSession
from nodes.uninterrupted import uninterrupted

Run = Callable[[Operation, RowReport], Coroutine[Any, Any, dict[str, Any]]]
_Migration = Callable[
    [NodeSession, NodeSession, MigrationPlan, Store, Report], Awaitable[MigrationResult]
]


@dataclass(frozen=True, kw_only=True)
class Job:
    """``place`` says where things are when an operation did not succeed."""

    phases: tuple[str, ...]
    run: Run
    recover: Run
    place: Callable[[Operation], str]


async def _recover_migration(operation: Operation, report: RowReport) -> dict[str, Any]:
    go_on = operation.attempts <= archive_jobs.MOST_ATTEMPTS and not operation.cancel_requested
    try:
        return await _migration(partial(recover.recover_migration, go_on=go_on))(operation, report)
    except Interrupted:
        await operation.arefresh_from_db(fields=["cancel_requested"])
        if operation.cancel_requested:
            raise asyncio.CancelledError from None
        raise


def migration_plan(operation: Operation) -> MigrationPlan:
    return MigrationPlan(
        operation_id=operation.pk,
        container_id=operation.container_podman_id,
        options=MigrationOptions.parse(operation.options),
        watch_window_s=settings.FERRY_WATCH_WINDOW_S,
    )


def _migration(work: _Migration) -> Run:
    async def run(operation: Operation, report: RowReport) -> dict[str, Any]:
        source = present(operation.source, operation.source_name)
        destination = present(operation.destination, operation.destination_name)
        async with open_session(source) as here, open_session(destination) as there:
            return (
                await work(here, there, migration_plan(operation), archive_store(), report)
            ).as_dict()

    return run


def _place_of_container(operation: Operation) -> str:
    """Say where the container is, as far as somebody has looked."""
    journal = Journal.parse(operation.journal)
    if journal.back_on_source:
        # Later it may have gone elsewhere: this is about the operation's end.
        # True whether it had been halted for a while or not at all.
        where = f"stayed on {operation.source_name} and runs, its memory intact."
        return f"{operation.container_name} {where}"
    return "" if journal.checkpoint_sent else "Nothing was changed."


@asynccontextmanager
async def _node_session(operation: Operation) -> AsyncIterator[tuple[Node, NodeSession]]:
    node = present(operation.source, operation.source_name)
    async with open_session(node) as session:
        yield node, session


async def _prepare(operation: Operation, report: RowReport) -> dict[str, Any]:
    digest = operation.options.get("plan", "")
    return await _preparing(
        operation, lambda session: prepare.prepare(session, operation.pk, digest, report)
    )


async def _resume_prepare(operation: Operation, report: RowReport) -> dict[str, Any]:
    cancelled = operation.cancel_requested
    return await _preparing(
        operation,
        lambda session: prepare.resume(session, operation.pk, report, cancelled=cancelled),
    )


async def _undo_prepare(operation: Operation, report: RowReport) -> dict[str, Any]:
    former = await Operation.objects.filter(pk=operation.options.get("operation")).afirst()
    edits = PrepareJournal.parse(former.journal).edits if former else []
    return await _preparing(
        operation, lambda session: undo_prepare.undo_prepare(session, edits, report)
    )


async def _preparing(
    operation: Operation, work: Callable[[NodeSession], Awaitable[prepare.PrepareResult]]
) -> dict[str, Any]:
    """Keep what the node is like before and afterwards, however it went."""
    async with _node_session(operation) as (node, session):
        await _look(node, session)
        try:
            result = await work(session)
        except BaseException:
            await uninterrupted(_look(node, session))
            raise
        await sync_to_async(save_readiness)(node.pk, result.facts)
        await ping_node(node.pk)
        fleet.wake(node.pk)
        return result.as_dict()


async def _look(node: Node, session: NodeSession) -> None:
    try:
        await sync_to_async(save_readiness)(node.pk, await probe_host(session))
    except FerryError:
        # The watcher says why the node does not answer; how the operation ended matters more.
        return
    await ping_node(node.pk)
    fleet.wake(node.pk)


def _place_of_preparation(operation: Operation) -> str:
    return PrepareJournal.parse(operation.journal).place


def _new_selftest(
    operation: Operation, session: NodeSession, report: RowReport
) -> selftest.Selftest:
    return selftest.Selftest(
        session=session,
        operation_id=operation.pk,
        site=_site_name(),
        report=report,
        watch_window_s=settings.FERRY_WATCH_WINDOW_S,
    )


def _site_name() -> str:
    # No secret: a hash that nobody can turn back, the same for as long as the site keeps its key.
    return hashlib.sha256(f"site name {settings.SECRET_KEY}".encode()).hexdigest()[:8]


async def _selftest(operation: Operation, report: RowReport) -> dict[str, Any]:
    async with _node_session(operation) as (node, session):
        test = _new_selftest(operation, session, report)
        try:
            proof = await test.run()
        except (NodeUnreachable, CommandTimedOut):
            # It proves nothing, either way.
            raise
        except FerryError as error:
            await _keep_selftest(
                node, test, operation, {"passed": False, **error.problem.as_dict()}
            )
            raise
        result = {**proof, "passed": True, "seconds": _seconds(operation)}
        await _keep_selftest(node, test, operation, result)
        return result


async def _keep_selftest(
    node: Node, test: selftest.Selftest, operation: Operation, result: Mapping[str, Any]
) -> None:
    if test.host is None:
        return
    kept = {
        **result,
        "versions": versions_of(test.host),
        "at": timezone.now().isoformat(),
        "operation": operation.pk,
    }
    await sync_to_async(save_selftest)(node.pk, kept, test.host)
    await ping_node(node.pk)


def _seconds(operation: Operation) -> dict[str, float]:
    """Return how long each phase took."""
    return {
        phase["name"]: round(seconds, 3)
        for phase in operation.phases
        if phase["state"] == PhaseState.SUCCEEDED
        and (seconds := operation.phase_duration_s(phase)) is not None
    }


async def _give_up_selftest(operation: Operation, report: RowReport) -> dict[str, Any]:
    async with _node_session(operation) as (_, session):
        await _new_selftest(operation, session, report).clean_up()
    raise Interrupted("self-test")


JOBS: Mapping[str, Job] = {
    OperationKind.MIGRATE: Job(
        phases=migrate.PHASES,
        run=_migration(migrate.migrate),
        recover=_recover_migration,
        place=_place_of_container,
    ),
    OperationKind.CHECKPOINT: Job(
        phases=take_checkpoint.PHASES,
        run=archive_jobs.checkpoint,
        recover=archive_jobs.recover_checkpoint,
        place=archive_jobs.place_of_checkpoint,
    ),
    OperationKind.RESTORE: Job(
        phases=restore_from_archive.PHASES,
        run=archive_jobs.restore,
        recover=archive_jobs.recover_restore,
        place=archive_jobs.place_of_restore,
    ),
    OperationKind.PREPARE: Job(
        phases=prepare.PHASES,
        run=_prepare,
        recover=_resume_prepare,
        place=_place_of_preparation,
    ),
    OperationKind.UNDO_PREPARE: Job(
        phases=undo_prepare.PHASES,
        run=_undo_prepare,
        recover=_undo_prepare,
        place=_place_of_preparation,
    ),
    OperationKind.SELFTEST: Job(
        phases=selftest.PHASES,
        run=_selftest,
        recover=_give_up_selftest,
        place=lambda operation: "",
    ),
}
