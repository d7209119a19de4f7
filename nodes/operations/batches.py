"""What people and programs ask of batches: start, pause, resume, cancel, skip, retry."""

from __future__ import annotations

from asgiref.sync import async_to_sync
from django.contrib.auth.models import User
from django.db import transaction

from nodes.audit import audit
from nodes.live import ping_operations
from nodes.models import Batch, BatchItem, BatchItemState, BatchState, OperationState
from nodes.models.role import may_operate
from nodes.operations.batch_coordinator import batch_coordinator
from nodes.operations.batch_plan import BatchPlan, PlannedItem
from nodes.operations.batch_request import no_way_back, unended_items
from nodes.operations.queue import lock_nodes
from nodes.operations.start import Actor, Refused, cancel_operation

MOST_AT_ONCE = 16
_LEFT = "Somebody chose to leave it where it is."


class NothingToMove(Refused):
    """None of the containers of a plan can move."""

    code = "nothing_to_move"


@transaction.atomic
def start_batch(
    user: Actor, plan: BatchPlan, *, parallelism: int = 2, pause_on_failure: bool = False
) -> Batch:
    """Write the batch that a plan describes, and have it begin.

    What cannot move is kept in it as left where it is, with the reason. Raises NothingToMove, and
    Refused where the batch to be brought back has begun again meanwhile.
    """
    request = plan.request
    # Before the nodes, in the order of a turn.
    if request.back_of and (refused := no_way_back(_locked(request.back_of))):
        raise refused
    nodes = {item.container.node_id for item in plan.items}
    lock_nodes([*nodes, *(node.pk for node in request.candidates)])
    taken = _taken(plan)
    if all(item.container.podman_id in taken for item in plan.moving):
        raise _nothing_to_move(plan)
    batch = Batch.objects.create(
        kind=request.kind,
        node=request.node,
        node_name=request.node.name if request.node else "",
        parallelism=parallelism,
        pause_on_failure=pause_on_failure,
        options=request.options.as_dict(),
        back_of=request.back_of,
        created_by=user if isinstance(user, User) else None,
    )
    items = (_row_of(batch, item, taken) for item in plan.items)
    BatchItem.objects.bulk_create(items)
    audit(
        user, "batch.start", batch, batch=batch.pk, options=batch.options,
        containers=[f"{item}" for item in batch.items.filter(state=BatchItemState.WAITING)],
    )  # fmt: skip
    _tell()
    return batch


def _taken(plan: BatchPlan) -> set[str]:
    """Return what another batch has taken since the plan was made."""
    ids = [item.container.podman_id for item in plan.moving]
    found = unended_items().filter(container_podman_id__in=ids)
    return set(found.values_list("container_podman_id", flat=True))


def _nothing_to_move(plan: BatchPlan) -> NothingToMove:
    reasons = {item.choice.reason: None for item in plan.staying if item.choice.reason}
    told = dict(plan.request.missing)
    return NothingToMove(
        "None of these containers can be moved as they are.",
        cause=" ".join([*reasons, *(f"{name}: {reason}" for name, reason in told.items())]),
        remedy="Mend what stands in the way, or choose other containers and nodes.",
    )


def _row_of(batch: Batch, item: PlannedItem, taken: set[str]) -> BatchItem:
    container, destination = item.container, item.destination
    stays = destination is None or container.podman_id in taken
    reason = _LEFT if item.is_left else item.choice.reason
    if destination is not None and stays:
        reason = "Another batch moves it already."
    return BatchItem(
        batch=batch,
        container_podman_id=container.podman_id,
        container_name=container.name,
        source=container.node,
        source_name=container.node.name,
        destination=destination,
        destination_name=destination.name if destination else "",
        memory_bytes=item.memory_bytes,
        state=BatchItemState.SKIPPED if stays else BatchItemState.WAITING,
        reason=reason,
        findings=[finding.as_dict() for finding in item.findings],
    )


@transaction.atomic
def pause(user: Actor, batch: Batch) -> None:
    """Begin nothing new; what is under way goes on. Raises Refused."""
    batch = _locked(batch)
    _require(batch, BatchState.RUNNING)
    batch.state, batch.pause_reason = BatchState.PAUSED, ""
    batch.save(update_fields=["state", "pause_reason"])
    audit(user, "batch.pause", batch, batch=batch.pk)
    _tell()


@transaction.atomic
def resume(user: Actor, batch: Batch) -> None:
    """Go on with a paused batch, in this user's name if who began it may not operate any more.

    Raises Refused.
    """
    batch = _locked(batch)
    _require(batch, BatchState.PAUSED)
    batch.state, batch.pause_reason = BatchState.RUNNING, ""
    batch.save(update_fields=["state", "pause_reason"])
    audit(user, "batch.resume", batch, batch=batch.pk, **_take_over(user, batch))
    _tell()


def cancel(user: Actor, batch: Batch, *, stop_running: bool = False) -> None:
    """Leave all that waits where it is; what is under way goes on, or is rolled back, too.

    Raises Refused.
    """
    with transaction.atomic():
        batch = _locked(batch)
        _require(batch, BatchState.RUNNING, BatchState.PAUSED)
        batch.state, batch.pause_reason = BatchState.CANCELLED, ""
        batch.save(update_fields=["state", "pause_reason"])
        batch.items.filter(state=BatchItemState.WAITING).update(
            state=BatchItemState.SKIPPED, reason="The batch was cancelled before its turn came."
        )
        audit(user, "batch.cancel", batch, batch=batch.pk, stop_running=stop_running)
        _tell()
    if stop_running:
        for item in batch.items.filter(state=BatchItemState.RUNNING).select_related("operation"):
            _stop(user, item)


def _stop(user: Actor, item: BatchItem) -> None:
    if item.operation is None:
        return
    try:
        cancel_operation(user, item.operation)
    except Refused:
        # Past its commit, or ended: it is where it was to go.
        return


@transaction.atomic
def skip(user: Actor, item: BatchItem) -> None:
    """Leave a container that still waits where it is. Raises Refused."""
    batch = _locked(item.batch)
    left = batch.items.filter(pk=item.pk, state=BatchItemState.WAITING).update(
        state=BatchItemState.SKIPPED, reason=_LEFT
    )
    if not left:
        raise Refused(
            f"{item.container_name} does not wait any more.",
            remedy="If it is under way, cancel its operation instead.",
        )
    audit(user, "batch.skip", batch, batch=batch.pk, container=item.container_name)
    _tell()


@transaction.atomic
def retry(user: Actor, batch: Batch) -> int:
    """Have those that failed begin again, and return how many these are. Raises Refused.

    One of which nobody knows where it runs is left out: its own operation has to be settled first.
    In a paused batch they wait, like the others, until it is resumed.
    """
    batch = _locked(batch)
    if batch.state == BatchState.CANCELLED and batch.is_active:
        raise Refused(
            "The batch is being cancelled.",
            remedy="Wait until what is under way has ended, then retry what failed.",
        )
    failed = batch.items.filter(state=BatchItemState.FAILED)
    unknown = failed.filter(operation__state=OperationState.UNKNOWN)
    count = failed.exclude(pk__in=unknown.values("pk")).update(
        state=BatchItemState.WAITING, reason="", attempts=0
    )
    if not count:
        raise Refused("None of its containers has failed in a way that can be tried again.")
    if batch.state != BatchState.PAUSED:
        batch.state, batch.ended_at = BatchState.RUNNING, None
        batch.save(update_fields=["state", "ended_at"])
    taken_over = _take_over(user, batch)
    audit(user, "batch.retry", batch, batch=batch.pk, containers=count, **taken_over)
    _tell()
    return count


def _take_over(user: Actor, batch: Batch) -> dict[str, str]:
    """Have it go on in the user's name if it has to; return what the audit log says of that."""
    former = batch.created_by
    if may_operate(former) or not isinstance(user, User):
        return {}
    batch.created_by = user
    batch.save(update_fields=["created_by"])
    return {"in_place_of": former.get_username() if former else ""}


def _locked(batch: Batch) -> Batch:
    """Have the turns wait until this transaction has ended."""
    return Batch.objects.select_for_update().get(pk=batch.pk)


def _require(batch: Batch, *states: BatchState) -> None:
    if batch.state not in states:
        raise Refused(
            f"The batch is {batch.get_state_display().lower()}.",
            remedy="Load its page again to see what can be done now.",
        )


def _tell() -> None:
    transaction.on_commit(batch_coordinator.wake)
    transaction.on_commit(async_to_sync(ping_operations))
