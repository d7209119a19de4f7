"""What a batch is asked to move, and what of it cannot move whatever the nodes say."""

from __future__ import annotations

from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass, field

from django.db.models import QuerySet

from nodes.models import (
    Batch,
    BatchItem,
    BatchItemState,
    BatchKind,
    Container,
    Node,
    Operation,
)
from nodes.operations.start import Refused
from nodes.podman.options import MigrationOptions


@dataclass(frozen=True, kw_only=True)
class BatchRequest:
    """``wanted`` is a person's choice by container: a node, or None to leave it where it is.

    ``planned`` is what an earlier plan chose and a person was shown.
    """

    kind: BatchKind
    containers: Sequence[Container]
    # The nodes that may be chosen.
    candidates: Sequence[Node]
    node: Node | None = None
    options: MigrationOptions = field(default_factory=MigrationOptions)
    wanted: Mapping[int, Node | None] = field(default_factory=dict)
    planned: Mapping[int, Node] = field(default_factory=dict)
    back_of: Batch | None = None
    # Names of what cannot be asked about any more, each with the reason.
    missing: Sequence[tuple[str, str]] = ()


def evacuation_of(node: Node) -> BatchRequest:
    """Ask for every container of a node to move to some other node."""
    return BatchRequest(
        kind=BatchKind.EVACUATE,
        node=node,
        containers=list(node.containers.select_related("node")),
        candidates=list(Node.objects.exclude(pk=node.pk)),
    )


def migration_of(containers: Iterable[Container]) -> BatchRequest:
    return BatchRequest(
        kind=BatchKind.MIGRATE, containers=list(containers), candidates=list(Node.objects.all())
    )


def no_way_back(batch: Batch) -> Refused | None:
    """Return why what a batch has moved cannot be brought back, None if it can."""
    if batch.is_active:
        return Refused(
            "The batch has not ended.",
            remedy="Wait for it, or cancel it first, then bring back what it has moved.",
        )
    if batch.options.get("keep_source"):
        return Refused(
            "It kept each container where it was, too: none can be brought back onto its own copy.",
            remedy="Remove what was kept, then migrate the containers back.",
        )
    return None


def way_back_of(batch: Batch) -> BatchRequest:
    """Ask for what a batch has moved, and what still is there, to go back where it came from.

    Raises Refused.
    """
    if refused := no_way_back(batch):
        raise refused
    containers, missing = [], []
    wanted: dict[int, Node | None] = {}
    origins: dict[int, Node] = {}
    for item in batch.items.filter(state=BatchItemState.SUCCEEDED).select_related("source"):
        container = _where_it_went(item)
        if container is None:
            reason = f"It is not on {item.destination_name} any more."
            missing.append((item.container_name, reason))
        elif item.source is None:
            missing.append((item.container_name, f"{item.source_name} was removed from the site."))
        else:
            containers.append(container)
            wanted[container.pk] = origins[item.source.pk] = item.source
    return BatchRequest(
        kind=BatchKind.BRING_BACK,
        node=batch.node,
        containers=containers,
        candidates=list(origins.values()),
        options=MigrationOptions.parse(batch.options),
        wanted=wanted,
        back_of=batch,
        missing=missing,
    )


def _where_it_went(item: BatchItem) -> Container | None:
    found = Container.objects.select_related("node").filter(podman_id=item.container_podman_id)
    return found.filter(node=item.destination).first()


def reasons_to_stay(request: BatchRequest) -> dict[int, str]:
    """Say of the containers that cannot move why, by their keys, as far as the rows tell."""
    ids = [container.podman_id for container in request.containers]
    busy = {
        operation.container_podman_id: operation
        for operation in Operation.objects.unfinished().filter(container_podman_id__in=ids)
    }
    waiting = {
        item.container_podman_id: item.batch
        for item in unended_items().filter(container_podman_id__in=ids).select_related("batch")
    }
    reasons = {}
    for container in request.containers:
        if not container.is_running:
            reasons[container.pk] = (
                f"It is {container.state}, not running: there is no memory to move."
            )
        elif operation := busy.get(container.podman_id):
            reasons[container.pk] = f"It is in operation {operation.pk} ({operation}) already."
        elif batch := waiting.get(container.podman_id):
            reasons[container.pk] = f"It is in batch {batch.pk} ({batch}) already."
    return reasons


def unended_items() -> QuerySet[BatchItem]:
    return BatchItem.objects.filter(state__in=[BatchItemState.WAITING, BatchItemState.RUNNING])
