"""Bring the batches one step on: note what has ended, start what may begin, end what is done.

Everything that it knows is in the rows, so that it can be run at any time, again, by any process.
"""

from __future__ import annotations

import logging

from django.db import transaction
from django.db.models import QuerySet
from django.utils import timezone

from nodes.models import (
    Batch,
    BatchItem,
    BatchItemState,
    BatchState,
    Operation,
    OperationState,
)
from nodes.operations.batch_begin import begin_waiting
from nodes.operations.batch_pause import (
    forget_settled_reason,
    nobody_knows,
    pause_for,
    pause_for_failure,
)
from nodes.operations.errors import PreflightFailed

logger = logging.getLogger(__name__)
# What the stop of the site has taken back is begun again; not for ever, for it may be the cause.
MOST_ATTEMPTS = 5
_INTERRUPTED = "interrupted"


def turn() -> bool:
    """Bring every batch that has not ended one step on; return whether anything has changed."""
    changed = _note_late_successes() > 0
    for pk in unended_batches().values_list("pk", flat=True):
        try:
            changed |= _turn_of(pk)
        except Exception:
            # The others go on; this one is tried again at the next turn.
            logger.exception("batch %s", pk)
    return changed


def unended_batches() -> QuerySet[Batch]:
    return Batch.objects.filter(ended_at=None).order_by("pk")


def _note_late_successes() -> int:
    """Take back "failed" of what looking again has found where it was to go."""
    return BatchItem.objects.filter(
        state=BatchItemState.FAILED, operation__state=OperationState.SUCCEEDED
    ).update(state=BatchItemState.SUCCEEDED, reason="")


@transaction.atomic
def _turn_of(pk: int) -> bool:
    # Held to the end: nobody pauses or cancels it meanwhile, and of two turns one waits.
    batch = Batch.objects.select_for_update().filter(pk=pk, ended_at=None).first()
    if batch is None:
        return False
    changed = _note_ends(batch)
    if batch.state == BatchState.RUNNING:
        changed |= begin_waiting(batch)
    changed |= forget_settled_reason(batch)
    return _end(batch) or changed


def _note_ends(batch: Batch) -> bool:
    running = batch.items.filter(state=BatchItemState.RUNNING).select_related("operation")
    ended = [item for item in running if item.operation is None or not item.operation.is_active]
    for item in ended:
        _note_end(batch, item, item.operation)
    return bool(ended)


def _note_end(batch: Batch, item: BatchItem, operation: Operation | None) -> None:
    if operation is None:
        _set(item, BatchItemState.FAILED, "Its operation was removed from the site.")
    elif operation.state == OperationState.SUCCEEDED:
        _set(item, BatchItemState.SUCCEEDED)
    elif operation.state == OperationState.UNKNOWN:
        _set(item, BatchItemState.FAILED, _said_of(operation))
        pause_for(batch, nobody_knows(item))
    elif _begins_again(batch, item, operation):
        _set(item, BatchItemState.WAITING, "The site was stopped; it is begun again.")
    elif operation.state == OperationState.CANCELLED:
        _set(item, BatchItemState.SKIPPED, _said_of(operation))
    else:
        _set(item, BatchItemState.FAILED, _said_of(operation))
        pause_for_failure(batch, item)


def _begins_again(batch: Batch, item: BatchItem, operation: Operation) -> bool:
    """Tell whether the site's own stop ended it, nobody's wish, and not for the hundredth time."""
    if operation.cancel_requested or batch.state == BatchState.CANCELLED:
        return False
    code = operation.error.get("code")
    interrupted = operation.state == OperationState.CANCELLED or code == _INTERRUPTED
    return interrupted and item.attempts < MOST_ATTEMPTS


def _said_of(operation: Operation) -> str:
    # What preflight found is its cause; its message only says that it found something.
    told = "cause" if operation.error.get("code") == PreflightFailed.code else "message"
    return str(operation.error.get(told) or operation.get_state_display())


def _set(item: BatchItem, state: BatchItemState, reason: str = "") -> None:
    item.state, item.reason = state, reason
    item.save(update_fields=["state", "reason"])


def _end(batch: Batch) -> bool:
    open_states = [BatchItemState.WAITING, BatchItemState.RUNNING]
    if batch.items.filter(state__in=open_states).exists():
        return False
    if batch.state != BatchState.CANCELLED:
        batch.state = BatchState.ENDED
    batch.ended_at, batch.pause_reason = timezone.now(), ""
    batch.save(update_fields=["state", "ended_at", "pause_reason"])
    logger.info("batch %s %s: %s", batch.pk, batch, batch.state)
    return True
