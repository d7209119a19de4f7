"""Pause a batch by itself, say why, and forget the reason once it is settled."""

from __future__ import annotations

from django.db.models import Q

from nodes.models import (
    EXCLUSIVE_KINDS,
    Batch,
    BatchItem,
    BatchItemState,
    BatchState,
    Operation,
    OperationState,
)
from nodes.operations.start import NodeInUse

# The end of each reason that is an operation of unknown end.
_LOOK = "Look at its operation."


def pause_for(batch: Batch, reason: str) -> None:
    """Pause a running batch; one that is paused already keeps its reason."""
    if batch.state == BatchState.RUNNING:
        batch.state, batch.pause_reason = BatchState.PAUSED, reason
        batch.save(update_fields=["state", "pause_reason"])


def pause_for_failure(batch: Batch, item: BatchItem) -> None:
    """Pause it if that is wanted when one fails."""
    if batch.pause_on_failure:
        pause_for(batch, f"{item.container_name} could not be moved.")


def nobody_knows(item: BatchItem) -> str:
    return f"Nobody knows where {item.container_name} runs. {_LOOK}"


def in_doubt(busy: NodeInUse) -> str:
    return f"{busy} {_LOOK}"


def forget_settled_reason(batch: Batch) -> bool:
    """Drop the reason of a pause once its operation is settled; return whether that is so.

    It stays paused, for what else still is in doubt, or until somebody resumes it.
    """
    if batch.state != BatchState.PAUSED or not batch.pause_reason.endswith(_LOOK):
        return False
    doubts = _doubts_of(batch)
    if batch.pause_reason in doubts:
        return False
    batch.pause_reason = doubts[0] if doubts else ""
    batch.save(update_fields=["pause_reason"])
    return True


def _doubts_of(batch: Batch) -> list[str]:
    unfinished = Operation.objects.unfinished()
    unknown = Q(state=OperationState.UNKNOWN)
    # One of its own that is being looked at again is no more certain for that.
    doubtful = unfinished.filter(unknown | Q(batch_items__batch=batch))
    ids = doubtful.exclude(container_podman_id="").values("container_podman_id")
    failed = batch.items.filter(state=BatchItemState.FAILED, container_podman_id__in=ids)
    waiting = batch.items.filter(state=BatchItemState.WAITING)
    ends = Q(source__in=waiting.values("source")) | Q(source__in=waiting.values("destination"))
    preparing = unfinished.filter(unknown, ends, kind__in=EXCLUSIVE_KINDS)
    return [
        *(nobody_knows(item) for item in failed),
        *(in_doubt(NodeInUse(each.source_name, each)) for each in preparing),
    ]
