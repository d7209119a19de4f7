"""Write down what a node said: its facts, its containers, or why it said nothing."""

from __future__ import annotations

from collections.abc import Sequence
from datetime import datetime

from django.db import transaction
from django.utils import timezone

from nodes.inventory.readiness import HostFacts, readiness_findings
from nodes.models import Container, Node, NodeState
from nodes.podman.containers import ListedContainer
from nodes.problem import Problem


@transaction.atomic
def save_containers(node_id: int, listed: Sequence[ListedContainer]) -> None:
    """Make the node's rows say what `podman ps --all` said just now."""
    now = timezone.now()
    Container.objects.filter(node_id=node_id).exclude(
        podman_id__in=[container.podman_id for container in listed]
    ).delete()
    Container.objects.bulk_create(
        [_row(node_id, container, now) for container in listed],
        update_conflicts=True,
        unique_fields=["node", "podman_id"],
        update_fields=_UPDATED_FIELDS,
    )
    Node.objects.filter(pk=node_id).update(last_seen_at=now)


_UPDATED_FIELDS = [
    "name", "image", "image_id", "state", "status", "command", "ports", "labels", "mounts",
    "networks", "pod", "exit_code", "created_at", "started_at", "observed_at",
]  # fmt: skip


def _row(node_id: int, container: ListedContainer, now: datetime) -> Container:
    return Container(
        node_id=node_id,
        podman_id=container.podman_id,
        name=container.name,
        image=container.image,
        image_id=container.image_id,
        state=container.state,
        status=container.status,
        command=container.command,
        ports=[port.as_dict() for port in container.ports],
        labels=container.labels,
        mounts=container.mounts,
        networks=container.networks,
        pod=container.pod,
        exit_code=container.exit_code,
        created_at=container.created_at,
        started_at=container.started_at,
        observed_at=now,
    )


def save_online(node_id: int, facts: HostFacts) -> None:
    Node.objects.filter(pk=node_id).update(
        state=NodeState.ONLINE,
        problem={},
        facts=facts.as_dict(),
        findings=[finding.as_dict() for finding in readiness_findings(facts)],
        last_seen_at=timezone.now(),
    )


def save_problem(node_id: int, state: NodeState, problem: Problem) -> bool:
    """Return whether this is news."""
    changed = (
        Node.objects.filter(pk=node_id)
        .exclude(state=state, problem=problem.as_dict())
        .update(state=state, problem=problem.as_dict())
    )
    return changed > 0
