"""Start a checkpoint, and ask beforehand whether it would work."""

from __future__ import annotations

from collections.abc import Sequence

from asgiref.sync import sync_to_async

from nodes.archives.place import archive_store
from nodes.finding import Finding
from nodes.inventory.connect import open_session
from nodes.models import Container, Operation, OperationKind, Schedule
from nodes.operations import checkpoint_preflight
from nodes.operations.checkpoint_plan import CheckpointPlan
from nodes.operations.start import Actor, failed_selftest, queue_operation
from nodes.podman.options import CheckpointOptions


def start_checkpoint(
    user: Actor,
    container: Container,
    options: CheckpointOptions,
    schedule: Schedule | None = None,
) -> Operation:
    """Queue a checkpoint and return it. Raises Refused, AlreadyMoving or NodeInUse."""
    return queue_operation(
        user,
        [container.node],
        kind=OperationKind.CHECKPOINT,
        container_podman_id=container.podman_id,
        container_name=container.name,
        source=container.node,
        source_name=container.node.name,
        schedule=schedule,
        options=options.as_dict(),
    )


async def preflight_checkpoint(
    container: Container, options: CheckpointOptions
) -> Sequence[Finding]:
    """Ask the node now and change nothing. Raises what the node answers."""
    plan = CheckpointPlan(operation_id=0, container_id=container.podman_id, options=options)
    free_bytes = await sync_to_async(archive_store().free_bytes)()
    async with open_session(container.node) as session:
        near = await checkpoint_preflight.look_around(session, plan, free_bytes)
    found = checkpoint_preflight.examine(near, plan)
    return [*failed_selftest("source", container.node), *found]
