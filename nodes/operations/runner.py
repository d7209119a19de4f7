"""Claim an operation, run its workflow, and write down how it ended."""

from __future__ import annotations

import asyncio
import logging
from collections.abc import Mapping
from dataclasses import replace
from typing import Any

from asgiref.sync import sync_to_async
from django.db.models import F, Q
from django.db.models.functions import Greatest
from django.utils import timezone

from nodes.criu.diagnosis import Evidence, diagnose, error_lines
from nodes.live import ping_operation, ping_operations
from nodes.models import (
    Operation,
    OperationEvent,
    OperationLog,
    OperationState,
    PhaseState,
)
from nodes.operation_log import bind_operation
from nodes.operations.errors import (
    FetchedLog,
    PreflightFailed,
    RollbackFailed,
    StateUnknown,
    WorkflowError,
)
from nodes.operations.heartbeat import heartbeats
from nodes.operations.jobs import JOBS
from nodes.operations.queue import claim
from nodes.operations.recover import Interrupted
from nodes.operations.report import GivenAway
from nodes.operations.row_report import RowReport
from nodes.podman.answer import text_of
from nodes.problem import FerryError, Problem
from nodes.uninterrupted import uninterrupted

logger = logging.getLogger(__name__)
_SHOWN_LINES = 20
# Each of up to 8 MiB: those of failures long ago explain nothing any more.
MOST_LOGS = 500
# Of the operations that this process runs now.
_reports: dict[int, RowReport] = {}


async def run_operation(operation_id: int) -> None:
    """Run a queued operation to its end, unless its nodes are busy or somebody else runs it.

    Cancellation rolls the operation back and ends it as cancelled.
    """
    queued = [OperationState.QUEUED]
    operation = await uninterrupted(sync_to_async(claim)(operation_id, queued))
    if operation is not None:
        with bind_operation(operation):
            await _carry_out(operation, recovering=False)


async def recover_operation(operation_id: int, among: Q | None = None) -> None:
    """Take up an operation that another process left running, or that ended unknown.

    Where several processes may do so, ``among`` tells those that are left: worker.abandoned().
    """
    left = [OperationState.RUNNING, OperationState.UNKNOWN]
    operation = await uninterrupted(sync_to_async(claim)(operation_id, left, among))
    if operation is not None:
        with bind_operation(operation):
            await _carry_out(operation, recovering=True)


def give_away(operation_id: int) -> None:
    """Have an operation of this process leave everything as it is, once its task is cancelled."""
    if report := _reports.get(operation_id):
        report.give_away()


async def _carry_out(operation: Operation, *, recovering: bool) -> None:
    report = _reports[operation.pk] = RowReport(operation)
    try:
        result = await _work(operation, report, recovering=recovering)
        await _end_surely(report, operation, OperationState.SUCCEEDED, result=result)
    except (GivenAway, asyncio.CancelledError, Exception) as error:
        # Whatever it is: what was not taken back is for the next process to go on with.
        if report.is_given_away and not _is_taken_back(operation, error):
            await _release(operation)
        else:
            await _end_badly(report, operation, error)
    finally:
        _reports.pop(operation.pk, None)


def _is_taken_back(operation: Operation, error: BaseException) -> bool:
    if isinstance(error, GivenAway):
        return False
    journal = operation.journal
    done = journal.get("back_on_source") or journal.get("cleared")
    return bool(done) or isinstance(error, RollbackFailed)


async def _end_badly(report: RowReport, operation: Operation, error: BaseException) -> None:
    state = OperationState.FAILED
    if isinstance(error, asyncio.CancelledError):
        await uninterrupted(operation.arefresh_from_db(fields=["cancel_requested"]))
        state, problem = OperationState.CANCELLED, _cancelled(operation)
    elif isinstance(error, StateUnknown):
        await _log_failure(operation, error)
        state, problem = OperationState.UNKNOWN, error.problem
    elif isinstance(error, FerryError):
        await _log_failure(operation, error)
        problem = _with_place(operation, error)
    else:
        logger.error("operation %s", operation.pk, exc_info=error)
        problem = Problem(
            code="internal_error",
            message="The site itself failed while it ran this operation.",
            cause=f"{type(error).__name__}: {error}",
            remedy="Look into the site's log, and report it.",
        )
    await _end_surely(report, operation, state, error=problem)


async def _work(operation: Operation, report: RowReport, *, recovering: bool) -> dict[str, Any]:
    job = JOBS[operation.kind]
    async with heartbeats(operation, report):
        # A cancellation that came while the row was claimed was dropped: the row remembers it.
        await operation.arefresh_from_db(fields=["cancel_requested"])
        if operation.cancel_requested and not recovering:
            raise asyncio.CancelledError
        await ping_operations()
        try:
            return await (job.recover if recovering else job.run)(operation, report)
        finally:
            await uninterrupted(report.settle())


async def _release(operation: Operation) -> None:
    """Let another process take the operation up at once."""
    mine = Operation.objects.filter(
        pk=operation.pk, worker=operation.worker, state=OperationState.RUNNING
    )
    # What ended in good order is not what made it fail: it counts as no attempt.
    fewer = Greatest(F("attempts") - 1, 0)
    await uninterrupted(mine.aupdate(worker="", heartbeat_at=None, attempts=fewer))
    logger.info("operation %s is left for another process", operation.pk)


def _cancelled(operation: Operation) -> Problem:
    return Problem(
        code="cancelled",
        message=f"Cancelled. {_place(operation)}".strip(),
        cause="Somebody cancelled it." if operation.cancel_requested else "The site was stopped.",
        remedy="Start it again whenever you like.",
    )


def _with_place(operation: Operation, error: FerryError) -> Problem:
    problem = _diagnosed(error.problem)
    if isinstance(error, Interrupted) and (former := operation.error):
        problem = _asked_again(problem, former)
    place = "" if isinstance(error, PreflightFailed) else _place(operation)
    return replace(problem, message=f"{problem.message} {place}".strip())


def _asked_again(problem: Problem, former: Mapping[str, Any]) -> Problem:
    """Tell why nobody had known how it ended: no stop of the site has interrupted this one."""
    cause = former.get("cause") or former.get("message") or problem.cause
    return replace(problem, message="Nobody knew how it ended; it was rolled back.", cause=cause)


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


async def _end_surely(
    report: RowReport, operation: Operation, state: OperationState, **outcome: Any
) -> None:
    # A cancellation that comes this late must not leave the row running for ever.
    await uninterrupted(_end(report, operation, state, **outcome))


async def _end(
    report: RowReport,
    operation: Operation,
    state: OperationState,
    *,
    result: dict[str, Any] | None = None,
    error: Problem | None = None,
) -> None:
    ended_at = timezone.now()
    for phase in operation.phases:
        if phase["state"] == PhaseState.PENDING and state != OperationState.UNKNOWN:
            phase["state"] = PhaseState.SKIPPED
        elif phase["state"] == PhaseState.RUNNING:
            # Left by a process that died in it, and perhaps brought to its end by this one.
            ended = PhaseState.SUCCEEDED if state == OperationState.SUCCEEDED else PhaseState.FAILED
            phase.update(state=ended, ended_at=ended_at.isoformat())
    try:
        await report.write(
            state=state,
            ended_at=ended_at,
            error=error.as_dict() if error else {},
            result=result or _unfinished_result(operation),
            phases=operation.phases,
            phase=operation.phase,
        )
    except GivenAway:
        logger.warning("operation %s was taken up by another process", operation.pk)
        return
    logger.info("operation %s %s: %s", operation.pk, operation, state)
    await ping_operation(operation.pk)
    await ping_operations()


def _unfinished_result(operation: Operation) -> dict[str, Any]:
    if operation.is_of_node:
        return {}
    journal = operation.journal
    # What was left running has never stopped.
    stops = not operation.options.get("leave_running")
    taken_back = stops and journal.get("back_on_source", False) and not journal.get("committed")
    halted_s = journal.get("downtime_s", 0.0) if taken_back else 0.0
    downtime = {"downtime_s": round(halted_s, 3)} if halted_s else {}
    return {"rolled_back": taken_back, "archive_id": operation.archive_id, **downtime}
