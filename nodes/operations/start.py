"""What people and programs ask of operations: start, preflight, cancel."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from typing import Any

from asgiref.sync import sync_to_async
from django.contrib.auth.models import AbstractBaseUser, AnonymousUser, User
from django.db import IntegrityError, transaction
from django.db.models import Q
from django.utils import timezone

from nodes.archives.place import archive_store
from nodes.audit import audit
from nodes.finding import Finding, Level, warning
from nodes.host.selftest_result import CHECK as SELFTEST
from nodes.inventory.connect import open_session
from nodes.models import (
    EXCLUSIVE_KINDS,
    Container,
    Node,
    Operation,
    OperationKind,
    OperationState,
)
from nodes.operations.container_hold import Hold, hold_of, meet
from nodes.operations.engine import engine
from nodes.operations.errors import WorkflowError
from nodes.operations.jobs import JOBS
from nodes.operations.migration_plan import MigrationPlan
from nodes.operations.preflight import examine, look_around
from nodes.operations.queue import lock_nodes
from nodes.operations.row_report import new_phases
from nodes.podman.options import MigrationOptions

Actor = AbstractBaseUser | AnonymousUser | None


class Refused(WorkflowError):
    """The request cannot be taken as it is; nothing was started."""

    code = "refused"


class NodeInUse(Refused):
    """What is asked for would change a node under another operation, or the other way round."""

    code = "node_in_use"

    def __init__(self, node: str, operation: Operation) -> None:
        super().__init__(
            f"{node} is in use by operation {operation.pk} ({operation}, "
            f"{operation.get_state_display().lower()}).",
            remedy="Wait for it, or cancel it first.",
        )
        self.operation = operation


class AlreadyMoving(Refused):
    code = "already_moving"

    def __init__(self, operation: Operation) -> None:
        super().__init__(
            f"{operation.container_name} is already in operation {operation.pk} "
            f"({operation.get_kind_display().lower()}, {operation.get_state_display().lower()}).",
            remedy="Wait for it, or cancel it first.",
        )
        self.operation = operation


class InAction(Refused):
    """Somebody stops, starts, … the container at this moment; that is over in seconds."""

    code = "in_action"

    def __init__(self, container: str, hold: Hold | None) -> None:
        what = f"{hold.action}, by {hold.user_name or 'a program'}" if hold else "it is brief"
        super().__init__(
            f"Something is being done to {container} right now ({what}).",
            remedy="Wait until that has ended, then try again.",
        )


def start_migration(
    user: Actor, container: Container, destination: Node, options: MigrationOptions
) -> Operation:
    """Queue a migration and return it. Raises Refused, AlreadyMoving or NodeInUse."""
    source = container.node
    _require_two_nodes(source, destination)
    return queue_operation(
        user,
        [source, destination],
        kind=OperationKind.MIGRATE,
        container_podman_id=container.podman_id,
        container_name=container.name,
        source=source,
        source_name=source.name,
        destination=destination,
        destination_name=destination.name,
        options=options.as_dict(),
    )


def queue_operation(
    user: Actor,
    nodes: Sequence[Node],
    *,
    require: Callable[[], None] = lambda: None,
    **values: Any,
) -> Operation:
    """Write the row of an operation on a container, and wake the engine.

    ``require`` may refuse it while nobody else can start anything on these nodes. Raises
    AlreadyMoving, NodeInUse, InAction or Refused.
    """
    try:
        with transaction.atomic():
            lock_nodes(node.pk for node in nodes)
            require_not_prepared(nodes)
            require_no_action(values["container_podman_id"], values["container_name"])
            require()
            operation = Operation.objects.create(
                phases=new_phases(JOBS[values["kind"]].phases),
                created_by=user if isinstance(user, User) else None,
                **values,
            )
            audit(user, "operation.start", operation, **_told(operation))
    except IntegrityError as error:
        unfinished = Operation.objects.unfinished()
        other = unfinished.filter(container_podman_id=values["container_podman_id"]).first()
        if other is None or not values["container_podman_id"]:
            raise Refused(
                "The operation could not be queued.",
                cause=str(error),
                remedy="Look at the container's page, then try again.",
            ) from error
        raise AlreadyMoving(other) from None
    transaction.on_commit(lambda: engine.enqueue(operation.pk))
    return operation


def _told(operation: Operation) -> dict[str, Any]:
    """Return what the audit log says of an operation that was started."""
    told = {
        "operation": operation.pk,
        "source": operation.source_name,
        "destination": operation.destination_name,
        "archive": operation.archive.name if operation.archive else "",
        "schedule": operation.schedule.name if operation.schedule else "",
        "options": operation.options,
    }
    return {name: value for name, value in told.items() if value != ""}


def require_not_prepared(nodes: Sequence[Node]) -> None:
    """Raise NodeInUse while something changes what every container of a node runs under."""
    ends = Q(source__in=nodes) | Q(destination__in=nodes)
    busy = Operation.objects.unfinished().filter(ends, kind__in=EXCLUSIVE_KINDS).first()
    if busy is not None:
        raise NodeInUse(busy.source_name, busy)


def require_no_action(podman_id: str, name: str) -> None:
    """Raise InAction while somebody stops, starts, … the container; ask it in a transaction.

    Until that has ended no action begins.
    """
    if podman_id and not meet(podman_id):
        raise InAction(name, hold_of(podman_id))


async def preflight_migration(
    container: Container, destination: Node, options: MigrationOptions
) -> Sequence[Finding]:
    """Ask both nodes now and change nothing. Raises Refused and what the nodes answer."""
    source = container.node
    _require_two_nodes(source, destination)
    plan = MigrationPlan(operation_id=0, container_id=container.podman_id, options=options)
    free_bytes = await sync_to_async(archive_store().free_bytes)()
    async with open_session(source) as here, open_session(destination) as there:
        findings = examine(await look_around(here, there, plan, free_bytes), plan)
    proofs = [*failed_selftest("source", source), *failed_selftest("destination", destination)]
    return [*proofs, *findings]


def failed_selftest(side: str, node: Node) -> list[Finding]:
    """Return what the last self-test says against a node, if it does: a warning, no proof."""
    return [
        warning(f"{side}-selftest", f"The {side}: {found['message']}", found["evidence"])
        for found in node.findings
        if found["check"] == SELFTEST and found["level"] == Level.ERROR
    ]


def _require_two_nodes(source: Node, destination: Node) -> None:
    if source.pk == destination.pk:
        raise Refused(
            f"The container is on {source.name} already.",
            remedy="Choose another node as destination.",
        )
    if source.host_key == destination.host_key:
        raise Refused(
            f"{source.name} and {destination.name} are the same host.",
            cause=f"Both show the host key {source.host_key_fingerprint}.",
            remedy="Choose another node as destination, and remove one of the two entries.",
        )


def cancel_operation(user: Actor, operation: Operation) -> None:
    """Ask a queued or running operation to stop and roll back. Raises Refused after its end."""
    audit(user, "operation.cancel", operation, operation=operation.pk)
    unstarted = Operation.objects.filter(pk=operation.pk, state=OperationState.QUEUED).update(
        state=OperationState.CANCELLED, ended_at=timezone.now(), cancel_requested=True
    )
    if unstarted:
        return
    operation.refresh_from_db()
    if operation.state != OperationState.RUNNING:
        raise Refused(
            f"The operation has ended: {operation.get_state_display().lower()}.",
            remedy="There is nothing left to cancel.",
        )
    if operation.journal.get("committed"):
        raise _past_the_commit(operation)
    Operation.objects.filter(pk=operation.pk).update(cancel_requested=True)
    engine.cancel(operation.pk)


def _past_the_commit(operation: Operation) -> Refused:
    name = operation.container_name
    if operation.kind == OperationKind.CHECKPOINT:
        return Refused(
            f"The checkpoint of {name} is in the catalog already.",
            remedy="Delete the archive if you do not want it.",
        )
    return Refused(
        f"{name} already runs on {operation.destination_name}.",
        cause=f"The {operation.kind} is past its point of commit.",
        remedy="Migrate it back if you want it on the source."
        if operation.kind == OperationKind.MIGRATE
        else "Stop it there if you do not want it.",
    )
