"""The containers of a batch, and what becomes of their operations."""

from __future__ import annotations

from nodes.models import Batch, BatchItem, Operation, OperationState


def states(batch: Batch) -> list[str]:
    return list(batch.items.values_list("state", flat=True))


def operation_of(name: str) -> Operation:
    operation = BatchItem.objects.get(container_name=name).operation
    assert operation is not None
    return operation


def end(name: str, state: OperationState = OperationState.SUCCEEDED, **values: object) -> None:
    """Let the operation of an item end."""
    Operation.objects.filter(pk=operation_of(name).pk).update(state=state, **values)


def fail(name: str) -> None:
    end(name, OperationState.FAILED, error={"code": "x", "message": f"{name} has no luck."})
