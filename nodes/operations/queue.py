"""Which operation may begin now, and why another one has to wait."""

from __future__ import annotations

from collections import Counter
from collections.abc import Iterable, Sequence

from django.conf import settings
from django.db import transaction
from django.db.models import Q
from django.db.models.functions import Coalesce, Now
from django.utils import timezone

from nodes.models import Node, Operation, OperationState
from nodes.operations.worker import this_worker


def lock_nodes(node_ids: Iterable[int | None]) -> None:
    """Have others who begin something on these nodes wait until this transaction has ended."""
    # Held to the end of the transaction: of two that start at once the second sees the first.
    keys = sorted({key for key in node_ids if key is not None})
    list(Node.objects.select_for_update().filter(pk__in=keys).order_by("pk"))


def claim(operation_id: int, states: Sequence[str], among: Q | None = None) -> Operation | None:
    """Make this process the one that runs the operation, or return None.

    It must be in one of ``states``; a queued one also waits for its nodes. ``among`` narrows it
    further, so that of several that take up an abandoned operation one succeeds.
    """
    with transaction.atomic():
        rows = Operation.objects.filter(pk=operation_id, state__in=states).filter(among or Q())
        operation = rows.first()
        if operation is None:
            return None
        lock_nodes([operation.source_id, operation.destination_id])
        if operation.state == OperationState.QUEUED and full_nodes([operation])[operation.pk]:
            return None
        # One UPDATE decides, however many ask.
        claimed = rows.update(
            state=OperationState.RUNNING,
            worker=this_worker(),
            heartbeat_at=Now(),
            attempts=operation.attempts + 1,
            started_at=Coalesce("started_at", timezone.now()),
            ended_at=None,
        )
        joined = Operation.objects.select_related("source", "destination", "archive")
        return joined.get(pk=operation_id) if claimed else None


def startable(limit: int) -> list[int]:
    """Return the queued operations whose nodes have room, oldest first; at most ``limit``."""
    if limit <= 0:
        return []
    free = _Room()
    found: list[int] = []
    queued = Operation.objects.filter(state=OperationState.QUEUED).order_by("created_at", "pk")
    for pk, *ends in queued.values_list("pk", "source_id", "destination_id"):
        if len(found) == limit:
            break
        # One that has to wait holds nobody else up.
        if not free.full_of(ends):
            free.take(ends)
            found.append(pk)
    return found


def full_nodes(operations: Iterable[Operation]) -> dict[int, list[str]]:
    """Return, by operation, the names of the nodes that have no room for it now."""
    free = _Room()
    return {
        each.pk: [
            name
            for key, name in (
                (each.source_id, each.source_name),
                (each.destination_id, each.destination_name),
            )
            if free.full_of([key])
        ]
        for each in operations
    }


def place_in_line(operation: Operation) -> int:
    """Return how many queued operations are before this one."""
    earlier = Q(created_at__lt=operation.created_at) | Q(
        created_at=operation.created_at, pk__lt=operation.pk
    )
    return Operation.objects.filter(earlier, state=OperationState.QUEUED).count()


class _Room:
    """How many operations run on each node."""

    def __init__(self) -> None:
        running = Operation.objects.filter(state=OperationState.RUNNING)
        self._taken: Counter[int | None] = Counter(
            key for ends in running.values_list("source_id", "destination_id") for key in set(ends)
        )

    def full_of(self, ends: Iterable[int | None]) -> list[int]:
        most = settings.FERRY_OPERATIONS_PER_NODE
        return [key for key in ends if key is not None and self._taken[key] >= most]

    def take(self, ends: Iterable[int | None]) -> None:
        self._taken.update(set(ends))
