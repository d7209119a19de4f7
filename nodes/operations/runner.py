"""Claim an operation, run its workflow between its two nodes, and write down how it ended."""

from __future__ import annotations

import asyncio
import logging
from collections.abc import AsyncIterator, Awaitable, Callable
from contextlib import asynccontextmanager
from dataclasses import replace
from typing import Any

from django.conf import settings
from django.db.models.functions import Coalesce
from django.utils import timezone

from nodes.catalog.store import Store
from nodes.inventory.connect import open_session
from nodes.live import ping_operation, ping_operations
from nodes.models import Node, Operation, OperationEvent, OperationState, PhaseState
from nodes.operations.errors import PreflightFailed, StateUnknown, WorkflowError
from nodes.operations.journal import Journal
from nodes.operations.migrate import migrate
from nodes.operations.migration_plan import MigrationPlan, MigrationResult
from nodes.operations.recover import recover_migration
from nodes.operations.report import Report
from nodes.operations.row_report import RowReport
from nodes.operations.uninterrupted import uninterrupted
from nodes.podman.options import MigrationOptions
from nodes.problem import FerryError, Problem
from nodes.ssh.session import NodeSession

logger = logging.getLogger(__name__)
Workflow = Callable[
    [NodeSession, NodeSession, MigrationPlan, Store, Report], Awaitable[MigrationResult]
]


def archive_store() -> Store:
    return Store(settings.FERRY_ARCHIVES_DIR)


async def run_operation(operation_id: int) -> None:
    """Run a queued operation to its end; somebody else's or an ended one is left alone.

    Cancellation rolls the operation back and ends it as cancelled.
    """
    operation = await uninterrupted(_claim(operation_id, OperationState.QUEUED))
    if operation is not None:
        await _carry_out(operation, migrate, recovering=False)


async def recover_operation(operation_id: int) -> None:
    """Take up an operation that a former process left running, or that ended unknown."""
    left = (OperationState.RUNNING, OperationState.UNKNOWN)
    operation = await uninterrupted(_claim(operation_id, *left))
    if operation is not None:
        await _carry_out(operation, recover_migration, recovering=True)


async def _claim(operation_id: int, *states: OperationState) -> Operation | None:
    # One UPDATE decides who runs it, however many ask.
    claimed = await Operation.objects.filter(pk=operation_id, state__in=states).aupdate(
        state=OperationState.RUNNING,
        started_at=Coalesce("started_at", timezone.now()),
        ended_at=None,
    )
    rows = Operation.objects.select_related("source", "destination", "archive")
    return await rows.aget(pk=operation_id) if claimed else None


async def _carry_out(operation: Operation, work: Workflow, *, recovering: bool) -> None:
    report = RowReport(operation)
    try:
        # A cancellation that came while the row was claimed was dropped: the row remembers it.
        await operation.arefresh_from_db(fields=["cancel_requested"])
        if operation.cancel_requested and not recovering:
            raise asyncio.CancelledError
        await ping_operations()
        async with _sessions(operation) as (source, destination):
            result = await work(source, destination, _plan(operation), archive_store(), report)
        await _end_surely(operation, OperationState.SUCCEEDED, result=result.as_dict())
    except asyncio.CancelledError:
        if recovering:
            # The site is stopping: the next start takes the row up again.
            raise
        await _end_surely(operation, OperationState.CANCELLED, error=_cancelled(operation))
    except StateUnknown as error:
        await _log_failure(operation, error)
        await _end_surely(operation, OperationState.UNKNOWN, error=error.problem)
    except FerryError as error:
        await _log_failure(operation, error)
        await _end_surely(operation, OperationState.FAILED, error=_with_place(operation, error))
    except Exception as error:
        logger.exception("operation %s", operation.pk)
        problem = Problem(
            code="internal_error",
            message="The site itself failed while it ran this operation.",
            cause=f"{type(error).__name__}: {error}",
            remedy="Look into the site's log, and report it.",
        )
        await _end_surely(operation, OperationState.FAILED, error=problem)


def _plan(operation: Operation) -> MigrationPlan:
    return MigrationPlan(
        operation_id=operation.pk,
        container_id=operation.container_podman_id,
        options=MigrationOptions.parse(operation.options),
        watch_window_s=settings.FERRY_WATCH_WINDOW_S,
    )


@asynccontextmanager
async def _sessions(operation: Operation) -> AsyncIterator[tuple[NodeSession, NodeSession]]:
    async with (
        open_session(_present(operation.source, operation.source_name)) as source,
        open_session(_present(operation.destination, operation.destination_name)) as destination,
    ):
        yield source, destination


def _present(node: Node | None, name: str) -> Node:
    if node is None:
        raise WorkflowError(
            f"The node {name} was removed from the site.",
            remedy=f"Add {name} again, then try again.",
        )
    return node


def _cancelled(operation: Operation) -> Problem:
    return Problem(
        code="cancelled",
        message=f"Cancelled. {_place(operation)}".strip(),
        cause="Somebody cancelled it." if operation.cancel_requested else "The site was stopped.",
        remedy="Start it again whenever you like.",
    )


def _with_place(operation: Operation, error: FerryError) -> Problem:
    problem = error.problem
    place = "" if isinstance(error, PreflightFailed) else _place(operation)
    return replace(problem, message=f"{problem.message} {place}".strip())


def _place(operation: Operation) -> str:
    """Say where the container is, as far as somebody has looked."""
    journal = Journal.parse(operation.journal)
    if journal.back_on_source:
        where = f"is running on {operation.source_name}, its memory intact."
        return f"{operation.container_name} {where}"
    return "" if journal.checkpoint_sent else "Nothing was changed."


async def _log_failure(operation: Operation, error: FerryError) -> None:
    if isinstance(error, WorkflowError) and error.log:
        await OperationEvent.objects.acreate(
            operation=operation, phase=operation.phase, level="error", message=error.log
        )


async def _end_surely(operation: Operation, state: OperationState, **outcome: Any) -> None:
    # A cancellation that comes this late must not leave the row running for ever.
    await uninterrupted(_end(operation, state, **outcome))


async def _end(
    operation: Operation,
    state: OperationState,
    *,
    result: dict[str, Any] | None = None,
    error: Problem | None = None,
) -> None:
    journal = Journal.parse(operation.journal)
    operation.state = state
    operation.ended_at = timezone.now()
    operation.error = error.as_dict() if error else {}
    operation.result = result or {
        "rolled_back": journal.back_on_source and not journal.committed,
        "archive_id": journal.archive_id,
    }
    for phase in operation.phases:
        if phase["state"] == PhaseState.PENDING and state != OperationState.UNKNOWN:
            phase["state"] = PhaseState.SKIPPED
        elif phase["state"] == PhaseState.RUNNING:
            # Left by a process that died in it.
            phase.update(state=PhaseState.FAILED, ended_at=operation.ended_at.isoformat())
    await operation.asave(update_fields=["state", "ended_at", "error", "result", "phases", "phase"])
    logger.info("operation %s %s: %s", operation.pk, operation, state)
    await ping_operation(operation.pk)
    await ping_operations()
