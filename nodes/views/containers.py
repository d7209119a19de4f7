"""Find containers over the fleet, for the pages, their live fragments and the API."""

from __future__ import annotations

from collections.abc import Mapping

from django.db.models import Q, QuerySet

from nodes.models import Container


def find_containers(params: Mapping[str, str]) -> QuerySet[Container]:
    """Filter by ``q`` (name, image, ID), ``state`` and ``node`` (its id); others are ignored."""
    found = Container.objects.select_related("node").order_by("name", "node__name")
    if text := params.get("q", "").strip():
        found = found.filter(
            Q(name__icontains=text) | Q(image__icontains=text) | Q(podman_id__startswith=text)
        )
    if state := params.get("state", ""):
        found = found.filter(state=state)
    if (node := params.get("node", "")).isdigit():
        found = found.filter(node_id=int(node))
    return found
