"""Begin what of a batch waits, as much as may run at once, or say of each why it cannot yet."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass

from django.db.models import Q

from nodes.models import (
    EXCLUSIVE_KINDS,
    Batch,
    BatchItem,
    BatchItemState,
    BatchState,
    Container,
    Operation,
    OperationState,
)
from nodes.models.role import may_operate
from nodes.operations.batch_pause import in_doubt, nobody_knows, pause_for, pause_for_failure
from nodes.operations.errors import WorkflowError
from nodes.operations.present import present
from nodes.operations.queue import lock_nodes
from nodes.operations.start import AlreadyMoving, InAction, NodeInUse, start_migration
from nodes.podman.options import MigrationOptions
from nodes.problem import FerryError


def begin_waiting(batch: Batch) -> bool:
    """Start as many as may run at once and return whether anything has changed.

    The caller holds the batch's row. What cannot begin yet holds nobody else up.
    """
    free = batch.parallelism - batch.items.filter(state=BatchItemState.RUNNING).count()
    if free <= 0:
        return False
    found = batch.items.filter(state=BatchItemState.WAITING)
    waiting = list(found.select_related("source", "destination"))
    if waiting and not may_operate(batch.created_by):
        pause_for(batch, _nobody_answers(batch))
        return True
    # All of them before the first begins, in the one order: taken item by item they would cross
    # with whoever starts something on two of these nodes, and PostgreSQL would end one of both.
    lock_nodes(key for item in waiting for key in _ends_of(item))
    hindrances = _hindrances_of(waiting)
    changed = False
    told: list[BatchItem] = []
    for item in waiting:
        if free <= 0 or batch.state != BatchState.RUNNING:
            break
        if busy := hindrances.of(item):
            changed |= _wait_for(batch, item, busy, told)
        else:
            changed |= _begin(batch, item, told)
        free -= item.state == BatchItemState.RUNNING
    BatchItem.objects.bulk_update(told, ["state", "reason"], batch_size=200)
    return changed


def _nobody_answers(batch: Batch) -> str:
    user = batch.created_by
    if user is None:
        what = "Who began it has no account any more."
    else:
        what = f"{user.get_username()} began it and may not start operations any more."
    return f"{what} Whoever resumes it goes on in their own name."


def _ends_of(item: BatchItem) -> tuple[int | None, int | None]:
    return item.source_id, item.destination_id


@dataclass(frozen=True, kw_only=True)
class _Hindrances:
    """Why nothing may begin on a node, or with a container, as long as its operation lasts."""

    by_node: Mapping[int, NodeInUse]
    by_container: Mapping[str, AlreadyMoving]

    def of(self, item: BatchItem) -> AlreadyMoving | NodeInUse | None:
        for key in _ends_of(item):
            if key is not None and key in self.by_node:
                return self.by_node[key]
        return self.by_container.get(item.container_podman_id)


def _hindrances_of(waiting: Sequence[BatchItem]) -> _Hindrances:
    """Ask once for all: hundreds may wait, and this is done twice a second."""
    nodes = {key for item in waiting for key in _ends_of(item)}
    unfinished = Operation.objects.unfinished().order_by("-pk")
    ends = Q(source__in=nodes) | Q(destination__in=nodes)
    preparing = unfinished.filter(ends, kind__in=EXCLUSIVE_KINDS)
    ids = {item.container_podman_id for item in waiting} - {""}
    moving = unfinished.filter(container_podman_id__in=ids)
    return _Hindrances(
        by_node={
            each.source_id: NodeInUse(each.source_name, each)
            for each in preparing
            if each.source_id is not None
        },
        by_container={each.container_podman_id: AlreadyMoving(each) for each in moving},
    )


def _begin(batch: Batch, item: BatchItem, told: list[BatchItem]) -> bool:
    """Start an item's migration, or say why not; return whether its row has changed."""
    try:
        container = _container_of(item)
        item.operation = start_migration(
            batch.created_by,
            container,
            present(item.destination, item.destination_name),
            MigrationOptions.parse(batch.options),
        )
    except _Stays as stays:
        return _tell(item, BatchItemState.SKIPPED, str(stays), told)
    except (AlreadyMoving, NodeInUse) as busy:
        return _wait_for(batch, item, busy, told)
    except InAction as brief:
        return _tell(item, BatchItemState.WAITING, str(brief), told)
    except (FerryError, ValueError) as error:
        pause_for_failure(batch, item)
        return _tell(item, BatchItemState.FAILED, str(error), told)
    item.state, item.reason = BatchItemState.RUNNING, ""
    item.attempts += 1
    item.save(update_fields=["state", "reason", "operation", "attempts"])
    return True


def _tell(item: BatchItem, state: BatchItemState, reason: str, told: list[BatchItem]) -> bool:
    """Keep what is said of an item to be written with the others; return whether it is new."""
    if (item.state, item.reason) == (state, reason):
        return False
    item.state, item.reason = state, reason
    told.append(item)
    return True


class _Stays(WorkflowError):
    code = "stays"


def _container_of(item: BatchItem) -> Container:
    found = Container.objects.select_related("node").filter(
        node=item.source, podman_id=item.container_podman_id
    )
    container = found.first()
    if container is None:
        raise _Stays(f"It is not on {item.source_name} any more.")
    if not container.is_running:
        raise _Stays(f"It is {container.state}, not running: there is no memory to move.")
    return container


def _wait_for(
    batch: Batch, item: BatchItem, busy: AlreadyMoving | NodeInUse, told: list[BatchItem]
) -> bool:
    if busy.operation.state != OperationState.UNKNOWN:
        return _tell(item, BatchItemState.WAITING, str(busy), told)
    if isinstance(busy, NodeInUse):
        # It is the node that is in doubt, not the container: it begins once that is settled.
        pause_for(batch, in_doubt(busy))
        return _tell(item, BatchItemState.WAITING, str(busy), told)
    pause_for(batch, nobody_knows(item))
    return _tell(item, BatchItemState.FAILED, str(busy), told)
