"""Claim an operation, run its workflow, and write down how it ended."""

from __future__ import annotations

import asyncio
import logging
from dataclasses import replace
from typing import Any

from django.db.models.functions import Coalesce
from django.utils import timezone

from nodes.criu.diagnosis import Evidence, diagnose, error_lines
from nodes.live import ping_operation, ping_operations
from nodes.models import Operation, OperationEvent, OperationLog, OperationState, PhaseState
from nodes.operations.errors import FetchedLog, PreflightFailed, StateUnknown, WorkflowError
from nodes.operations.jobs import JOBS
from nodes.operations.journal import Journal
from nodes.operations.row_report import RowReport
from nodes.operations.uninterrupted import uninterrupted
from nodes.podman.answer import text_of
from nodes.problem import FerryError, Problem

logger = logging.getLogger(__name__)
_SHOWN_LINES = 20
# Each of up to 8 MiB: those of failures long ago explain nothing any more.
MOST_LOGS = 500


async def run_operation(operation_id: int) -> None:
    """Run a queued operation to its end; somebody else's or an ended one is left alone.

    Cancellation rolls the operation back and ends it as cancelled.
    """
    operation = await uninterrupted(_claim(operation_id, OperationState.QUEUED))
    if operation is not None:
        await _carry_out(operation, recovering=False)


async def recover_operation(operation_id: int) -> None:
    """Take up an operation that a former process left running, or that ended unknown."""
    left = (OperationState.RUNNING, OperationState.UNKNOWN)
    operation = await uninterrupted(_claim(operation_id, *left))
    if operation is not None:
        await _carry_out(operation, recovering=True)


async def _claim(operation_id: int, *states: OperationState) -> Operation | None:
    # One UPDATE decides who runs it, however many ask.
    claimed = await Operation.objects.filter(pk=operation_id, state__in=states).aupdate(
        state=OperationState.RUNNING,
        started_at=Coalesce("started_at", timezone.now()),
        ended_at=None,
    )
    rows = Operation.objects.select_related("source", "destination", "archive")
    return await rows.aget(pk=operation_id) if claimed else None


async def _carry_out(operation: Operation, *, recovering: bool) -> None:
    report = RowReport(operation)
    job = JOBS[operation.kind]
    try:
        # A cancellation that came while the row was claimed was dropped: the row remembers it.
        await operation.arefresh_from_db(fields=["cancel_requested"])
        if operation.cancel_requested and not recovering:
            raise asyncio.CancelledError
        await ping_operations()
        result = await (job.recover if recovering else job.run)(operation, report)
        await _end_surely(operation, OperationState.SUCCEEDED, result=result)
    except asyncio.CancelledError:
        await uninterrupted(operation.arefresh_from_db(fields=["cancel_requested"]))
        if recovering and not (operation.is_of_node and operation.cancel_requested):
            # The site is stopping: the next start takes the row up again. A rollback of a
            # container goes on whatever somebody asks for.
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


def _cancelled(operation: Operation) -> Problem:
    return Problem(
        code="cancelled",
        message=f"Cancelled. {_place(operation)}".strip(),
        cause="Somebody cancelled it." if operation.cancel_requested else "The site was stopped.",
        remedy="Start it again whenever you like.",
    )


def _with_place(operation: Operation, error: FerryError) -> Problem:
    problem = _diagnosed(error.problem)
    place = "" if isinstance(error, PreflightFailed) else _place(operation)
    return replace(problem, message=f"{problem.message} {place}".strip())


def _diagnosed(problem: Problem) -> Problem:
    """Add what a rule knows of a failure that no workflow has explained yet."""
    facts = {"node": problem.node} if problem.node else {}
    found = None if problem.rule else diagnose(Evidence(stderr=problem.cause, facts=facts))
    if found is None:
        return problem
    return replace(
        problem,
        rule=found.rule.id,
        line=found.line,
        remedy=problem.remedy or found.remedy,
        options=problem.options or dict(found.rule.options),
        action=str(found.rule.action) if problem.node else "",
    )


def _place(operation: Operation) -> str:
    return JOBS[operation.kind].place(operation)


async def _log_failure(operation: Operation, error: FerryError) -> None:
    try:
        await uninterrupted(_keep_logs(operation, error))
    except Exception:
        # How the operation ended matters more than its logs.
        logger.exception("the logs of operation %s", operation.pk)


async def _keep_logs(operation: Operation, error: FerryError) -> None:
    """Keep the logs, whole, to be downloaded, and show what CRIU marked in them as errors."""
    if not isinstance(error, WorkflowError) or not error.logs:
        return
    failed = [phase["name"] for phase in operation.phases if phase["state"] == PhaseState.FAILED]
    for log in error.logs:
        await OperationLog.objects.acreate(
            operation=operation, name=log.name, node_name=log.node, text=text_of(log.text)
        )
        shown = await asyncio.to_thread(_shown_lines, log)
        await OperationEvent.objects.acreate(
            operation=operation,
            # Not the last one, in which everything was tidied up.
            phase=failed[0] if failed else operation.phase,
            level="error",
            message=text_of("\n".join([f"{log.name} of {log.node}:", *shown])),
        )
    kept = OperationLog.objects.order_by("-pk").values("pk")[MOST_LOGS : MOST_LOGS + 1]
    if oldest := await kept.afirst():
        await OperationLog.objects.filter(pk__lte=oldest["pk"]).adelete()


def _shown_lines(log: FetchedLog) -> list[str]:
    if log.is_private:
        return ["It is kept for operators to download."]
    marked = error_lines(log.text) or log.text.strip().splitlines()[-_SHOWN_LINES:]
    return marked[:_SHOWN_LINES]


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
    operation.state = state
    operation.ended_at = timezone.now()
    operation.error = error.as_dict() if error else {}
    operation.result = result or _unfinished_result(operation)
    for phase in operation.phases:
        if phase["state"] == PhaseState.PENDING and state != OperationState.UNKNOWN:
            phase["state"] = PhaseState.SKIPPED
        elif phase["state"] == PhaseState.RUNNING:
            # Left by a process that died in it, and perhaps brought to its end by this one.
            ended = PhaseState.SUCCEEDED if state == OperationState.SUCCEEDED else PhaseState.FAILED
            phase.update(state=ended, ended_at=operation.ended_at.isoformat())
    await operation.asave(update_fields=["state", "ended_at", "error", "result", "phases", "phase"])
    logger.info("operation %s %s: %s", operation.pk, operation, state)
    await ping_operation(operation.pk)
    await ping_operations()


def _unfinished_result(operation: Operation) -> dict[str, Any]:
    if operation.is_of_node:
        return {}
    journal = Journal.parse(operation.journal)
    return {
        "rolled_back": journal.back_on_source and not journal.committed,
        "archive_id": journal.archive_id,
    }
