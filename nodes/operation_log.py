"""Have every line that is logged while an operation is carried out say which one it is."""

from __future__ import annotations

from contextlib import AbstractContextManager

from nodes.log_context import bound
from nodes.models import Operation


def bind_operation(operation: Operation) -> AbstractContextManager[None]:
    """Bind the operation, its container and nodes, and the worker that runs it."""
    return bound(
        operation=operation.pk,
        kind=operation.kind,
        container=operation.container_name,
        source=operation.source_name,
        destination=operation.destination_name,
        worker=operation.worker,
    )
