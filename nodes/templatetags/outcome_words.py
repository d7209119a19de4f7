"""Say in one line how an operation ended, for whoever is busy on another page."""

from __future__ import annotations

from django import template

from nodes.models import Batch, BatchState, Operation, OperationKind, OperationState

register = template.Library()


@register.filter
def outcome(operation: Operation) -> str:
    """Return "counter moved to birch." or what went wrong."""
    if operation.state == OperationState.SUCCEEDED:
        return _SUCCEEDED[OperationKind(operation.kind)].format(
            container=operation.result.get("destination_container_name")
            or operation.container_name,
            source=operation.source_name,
            destination=operation.destination_name,
        )
    message = str(operation.error.get("message", ""))
    return message or f"{operation}: {operation.get_state_display().lower()}."


@register.filter
def outcome_level(operation: Operation) -> str:
    """Return ok, warning or error, as panels are coloured."""
    if operation.state == OperationState.SUCCEEDED:
        return "warning" if operation.result.get("warnings") else "ok"
    return "error" if operation.state == OperationState.FAILED else "warning"


@register.filter
def step(operation: Operation) -> str:
    """Return "step 4 of 7", "" before the first."""
    names = [phase["name"] for phase in operation.phases]
    if operation.phase not in names:
        return ""
    return f"step {names.index(operation.phase) + 1} of {len(names)}"


@register.filter
def steps_done(operation: Operation) -> int:
    return sum(phase["state"] in ("succeeded", "skipped") for phase in operation.phases)


@register.filter
def batch_outcome(batch: Batch) -> str:
    """Return "Evacuate alder: 5 moved, 1 failed." for a batch with its counts."""
    told = [f"{batch.counts['succeeded']} moved"]
    if failed := batch.counts["failed"]:
        told.append(f"{failed} failed")
    if batch.state == BatchState.CANCELLED:
        told.insert(0, "cancelled")
    return f"{batch}: {', '.join(told)}."


@register.filter
def batch_level(batch: Batch) -> str:
    is_whole = batch.state == BatchState.ENDED and not batch.counts["failed"]
    return "ok" if is_whole else "warning"


_SUCCEEDED = {
    OperationKind.MIGRATE: "{container} moved to {destination}.",
    OperationKind.CHECKPOINT: "{container} was checkpointed on {source}.",
    OperationKind.RESTORE: "{container} was restored on {destination}.",
    OperationKind.PREPARE: "{source} was prepared.",
    OperationKind.UNDO_PREPARE: "The preparation of {source} was undone.",
    OperationKind.SELFTEST: "{source} passed its self-test.",
}
