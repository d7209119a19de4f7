"""Find containers over the fleet, for the pages, their live fragments and the API."""

from __future__ import annotations

import re
from collections.abc import Mapping, Sequence

from django.db.models import OuterRef, Q, QuerySet, Subquery

from nodes.models import Container, Operation


def with_operation(containers: QuerySet[Container]) -> QuerySet[Container]:
    """Annotate each with ``operation_id`` and ``operation_state`` of what holds it, or None."""
    unfinished = Operation.objects.unfinished().filter(container_podman_id=OuterRef("podman_id"))
    return containers.annotate(
        operation_id=Subquery(unfinished.values("pk")[:1]),
        operation_state=Subquery(unfinished.values("state")[:1]),
    )


def note_operations(containers: Sequence[Container]) -> None:
    """Set what with_operation annotates, by one query that does not grow with the containers."""
    held = {
        podman_id: (pk, state)
        for podman_id, pk, state in Operation.objects.unfinished().values_list(
            "container_podman_id", "pk", "state"
        )
    }
    for container in containers:
        operation_pk, state = held.get(container.podman_id, (None, None))
        container.operation_id = operation_pk  # type: ignore[attr-defined]
        container.operation_state = state  # type: ignore[attr-defined]


_NUMBER = re.compile(r"[0-9]{1,18}")


def find_containers(params: Mapping[str, str]) -> QuerySet[Container]:
    """Filter by ``q`` (name, image, ID), ``state`` and ``node`` (id or name)."""
    found = with_operation(Container.objects.select_related("node"))
    found = found.order_by("name", "node__name")
    if text := params.get("q", "").strip():
        found = found.filter(
            Q(name__icontains=text) | Q(image__icontains=text) | Q(podman_id__startswith=text)
        )
    if state := params.get("state", ""):
        found = found.filter(state=state)
    if node := params.get("node", ""):
        is_id = _NUMBER.fullmatch(node)
        found = found.filter(node_id=int(node)) if is_id else found.filter(node__name=node)
    return found
