"""Start again what did not succeed, with other options if a diagnosis says so."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

from asgiref.sync import async_to_sync
from django.db import transaction

from nodes.live import ping_operation
from nodes.models import Container, Operation, OperationKind, OperationState
from nodes.operations.start import Actor, AlreadyMoving, Refused, start_migration
from nodes.operations.start_checkpoint import start_checkpoint
from nodes.operations.start_node import start_prepare, start_selftest, start_undo
from nodes.operations.start_restore import start_restore
from nodes.podman.options import CheckpointOptions, MigrationOptions, RestoreOptions

_CAN_BE_RETRIED = (OperationState.FAILED, OperationState.CANCELLED)
# Longer ids fit into no database.
_MOST_DIGITS = 18


def retry_operation(user: Actor, operation: Operation, options: Mapping[str, Any]) -> Operation:
    """Queue the same again; ``options`` are set over those that it had.

    Raises Refused when it cannot be retried, ValueError for an option that there is not, and what
    starting an operation of its kind raises.
    """
    with transaction.atomic():
        # Held to the end: of two that retry at once the second sees the first.
        locked = Operation.objects.select_for_update().get(pk=operation.pk)
        _require_retriable(locked)
        again = _start(user, locked, {**locked.options, **options})
        Operation.objects.filter(pk=again.pk).update(retry_of=locked)
    return again


def note_retry(again: Operation, former: str) -> None:
    """Say which operation this one repeats: ``former`` is its id, as the dialog gave it back.

    Whatever names none that this could be a retry of is ignored.
    """
    if not (former.isascii() and former.isdecimal()) or len(former) > _MOST_DIGITS:
        return
    about: dict[str, Any] = {"kind": again.kind}
    if again.kind == OperationKind.RESTORE:
        about["archive"] = again.archive_id
    else:
        about |= {"source": again.source_id, "container_podman_id": again.container_podman_id}
    like_it = Operation.objects.filter(state__in=_CAN_BE_RETRIED, **about)
    if found := like_it.filter(pk=int(former)).first():
        Operation.objects.filter(pk=again.pk).update(retry_of=found)
        async_to_sync(ping_operation)(found.pk)


def _require_retriable(operation: Operation) -> None:
    if operation.state not in _CAN_BE_RETRIED:
        raise Refused(
            f"An operation that is {operation.get_state_display().lower()} cannot be retried.",
            remedy="Retry one that failed or was cancelled.",
        )
    if under_way := Operation.objects.unfinished().filter(retry_of=operation).first():
        raise AlreadyMoving(under_way)


def _start(user: Actor, operation: Operation, options: Mapping[str, Any]) -> Operation:
    if operation.is_of_node:
        return _start_on_node(user, operation)
    if operation.kind == OperationKind.RESTORE:
        archive, node = operation.archive, operation.destination
        if archive is None or node is None:
            raise Refused("The archive or the node is not there any more.")
        return start_restore(user, archive, node, RestoreOptions.parse(options))
    container = _container(operation)
    if operation.kind == OperationKind.CHECKPOINT:
        return start_checkpoint(user, container, CheckpointOptions.parse(options))
    if operation.destination is None:
        raise Refused(f"The site does not know {operation.destination_name} any more.")
    return start_migration(user, container, operation.destination, MigrationOptions.parse(options))


def _container(operation: Operation) -> Container:
    found = Container.objects.filter(
        node=operation.source, podman_id=operation.container_podman_id
    ).first()
    if found is None:
        raise Refused(
            f"{operation.container_name} is not on {operation.source_name} any more.",
            remedy="Look for it in the list of containers.",
        )
    return found


def _start_on_node(user: Actor, operation: Operation) -> Operation:
    if operation.source is None:
        raise Refused(f"The site does not know {operation.source_name} any more.")
    if operation.kind == OperationKind.PREPARE:
        return start_prepare(user, operation.source)
    if operation.kind == OperationKind.SELFTEST:
        return start_selftest(user, operation.source)
    return start_undo(user, operation.source)
