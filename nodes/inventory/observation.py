"""Write down what a node said: its facts, its containers, or why it said nothing."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from datetime import datetime
from typing import Any

from django.db import transaction
from django.utils import timezone

from nodes.host.checks import readiness_findings
from nodes.host.facts import HostFacts
from nodes.host.selftest_result import selftest_finding
from nodes.inventory.history import note_changes, note_state
from nodes.models import Container, Node, NodeState
from nodes.podman.containers import ListedContainer
from nodes.problem import Problem


@transaction.atomic
def save_containers(node_id: int, listed: Sequence[ListedContainer]) -> bool:
    """Make the node's rows say what `podman ps --all` said just now; return whether that is news.

    A look that finds what was there writes when that was, and Podman's ageing "Up 3 minutes".
    """
    now = timezone.now()
    rows = {container.podman_id: _row(node_id, container, now) for container in listed}
    known = {row.podman_id: row for row in Container.objects.filter(node_id=node_id)}
    gone = known.keys() - rows.keys()
    differing = {
        podman_id: _differing(known[podman_id], row) if podman_id in known else {"name"}
        for podman_id, row in rows.items()
    }
    if gone:
        Container.objects.filter(node_id=node_id, podman_id__in=gone).delete()
    Container.objects.filter(node_id=node_id).update(observed_at=now)
    Container.objects.bulk_create(
        [row for podman_id, row in rows.items() if differing[podman_id]],
        update_conflicts=True,
        unique_fields=["node", "podman_id"],
        update_fields=[*_TOLD_FIELDS, "observed_at"],
    )
    Node.objects.filter(pk=node_id).update(last_seen_at=now)
    return bool(gone) or any(fields - {"status"} for fields in differing.values())


_TOLD_FIELDS = [
    "name", "image", "image_id", "state", "status", "command", "ports", "labels", "mounts",
    "networks", "pod", "exit_code", "created_at", "started_at",
]  # fmt: skip


def _differing(before: Container, now: Container) -> set[str]:
    return {name for name in _TOLD_FIELDS if getattr(before, name) != getattr(now, name)}


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


@transaction.atomic
def save_readiness(node_id: int, facts: HostFacts) -> bool:
    """Keep what a look at the host told; return whether the node's history has news."""
    node = Node.objects.select_for_update().get(pk=node_id)
    findings = readiness_findings(facts)
    if proof := selftest_finding(node.selftest, facts):
        findings.append(proof)
    stored = [finding.as_dict() for finding in findings]
    news = note_changes(node, stored)
    now = timezone.now()
    Node.objects.filter(pk=node_id).update(
        facts=facts.as_dict(), findings=stored, readiness_at=now, last_seen_at=now
    )
    return news


@transaction.atomic
def save_selftest(node_id: int, result: Mapping[str, Any], facts: HostFacts) -> None:
    """Keep how the self-test ended; it is part of the node's readiness from now on."""
    Node.objects.filter(pk=node_id).update(selftest=dict(result))
    save_readiness(node_id, facts)


@transaction.atomic
def save_online(node_id: int) -> bool:
    """Return whether this is news."""
    news = (
        Node.objects.filter(pk=node_id)
        .exclude(state=NodeState.ONLINE)
        .update(state=NodeState.ONLINE, problem={})
    )
    if news:
        note_state(node_id, NodeState.ONLINE, "The node is online.")
    return bool(news)


@transaction.atomic
def save_problem(node_id: int, state: NodeState, problem: Problem) -> bool:
    """Return whether this is news."""
    former = Node.objects.select_for_update().get(pk=node_id)
    told = problem.as_dict()
    if (former.state, former.problem) == (state, told):
        return False
    Node.objects.filter(pk=node_id).update(state=state, problem=told)
    # The same trouble in other words, as with the time in them, is no news for the history.
    if (former.state, former.problem.get("code")) != (state, problem.code):
        note_state(node_id, state, problem.message, problem.cause)
    return True
