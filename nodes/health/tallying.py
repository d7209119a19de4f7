"""Add each ended operation to the tallies, once."""

from __future__ import annotations

import asyncio
import logging
from bisect import bisect_left
from collections.abc import Iterator
from dataclasses import dataclass

from asgiref.sync import sync_to_async
from django.db import close_old_connections, transaction

from nodes.models import Measure, Operation, OperationState, PhaseState, Tally
from nodes.models.tally import BUCKETS_S

logger = logging.getLogger(__name__)
LOOK_EVERY_S = 5.0
AT_ONCE = 500
# An unknown one may still end otherwise.
ENDED = (OperationState.SUCCEEDED, OperationState.FAILED, OperationState.CANCELLED)


@dataclass(frozen=True, order=True)
class _Key:
    measure: Measure
    kind: str
    phase: str = ""
    state: str = ""


async def keep_tallying() -> None:
    """Tally what ends, until cancelled; in one process at a time."""
    while True:
        more = False
        try:
            more = await sync_to_async(_tally_here, thread_sensitive=False)()
        except Exception:
            # A database that fails for a moment must not end it.
            logger.exception("tallying operations")
        await asyncio.sleep(0 if more else LOOK_EVERY_S)


def _tally_here() -> bool:
    # The thread is any of a pool: it keeps no connection.
    close_old_connections()
    try:
        return tally() == AT_ONCE
    finally:
        close_old_connections()


def tally() -> int:
    """Add up to AT_ONCE operations that have ended to the tallies; return how many."""
    new = Operation.objects.filter(tallied=False, state__in=ENDED).order_by()
    fields = ("pk", "kind", "state", "phases", "result", "started_at", "ended_at")
    with transaction.atomic():
        # The process that did this before may still be at it: its operations are not this one's.
        operations = list(new.only(*fields).select_for_update(skip_locked=True)[:AT_ONCE])
        amounts = [pair for operation in operations for pair in _amounts(operation)]
        # In one order: two that wait for each other's rows would wait for ever.
        rows = {key: _locked_row(key) for key in sorted({key for key, _ in amounts})}
        for key, amount in amounts:
            rows[key].total += amount
            rows[key].counts[bisect_left(BUCKETS_S, amount)] += 1
        for row in rows.values():
            row.save()
        Operation.objects.filter(pk__in=[each.pk for each in operations]).update(tallied=True)
    return len(operations)


def _locked_row(key: _Key) -> Tally:
    row, _ = Tally.objects.select_for_update().get_or_create(
        measure=key.measure, kind=key.kind, phase=key.phase, state=key.state
    )
    return row


def _amounts(operation: Operation) -> Iterator[tuple[_Key, float]]:
    kind = operation.kind
    # One that was cancelled in the queue has not begun.
    duration = operation.duration
    seconds = duration.total_seconds() if duration else 0.0
    yield _Key(Measure.OPERATION, kind, state=operation.state), max(seconds, 0.0)
    downtime_s = operation.result.get("downtime_s")
    # Of a rollback it is no measure of how long a move takes.
    if operation.state == OperationState.SUCCEEDED and isinstance(downtime_s, int | float):
        yield _Key(Measure.DOWNTIME, kind), float(downtime_s)
    for phase in operation.phases:
        taken_s = operation.phase_duration_s(phase)
        if taken_s is None or phase["state"] == PhaseState.SKIPPED:
            continue
        yield _Key(Measure.PHASE, kind, phase=phase["name"]), max(taken_s, 0.0)
        if phase.get("bytes"):
            yield _Key(Measure.BYTES, kind, phase=phase["name"]), float(phase["bytes"])
