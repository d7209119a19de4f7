"""The fleet: every node with its containers, as a board and as one table."""

from __future__ import annotations

from typing import Any

from django.db.models import Prefetch, QuerySet
from django.http import HttpRequest, HttpResponse
from django.shortcuts import render
from django.views.decorators.http import require_GET

from nodes.models import Container, Node, NodeState
from nodes.views.access import viewer
from nodes.views.containers import find_containers, with_operation

PAGE_ROWS = 500


def nodes_with_containers() -> QuerySet[Node]:
    return Node.objects.prefetch_related(
        Prefetch("containers", queryset=with_operation(Container.objects.order_by("name")))
    )


def fleet_totals() -> dict[str, int]:
    """Count what the board's heading tells."""
    return {
        "nodes_total": Node.objects.count(),
        "nodes_online": Node.objects.filter(state=NodeState.ONLINE).count(),
        "containers_total": Container.objects.count(),
        "containers_running": Container.objects.filter(
            state="running", node__state=NodeState.ONLINE
        ).count(),
    }


@viewer
@require_GET
def board(request: HttpRequest) -> HttpResponse:
    context = {"nodes": nodes_with_containers(), **fleet_totals()}
    return render(request, "fleet/board.html", context)


def container_list_context(params: dict[str, str]) -> dict[str, Any]:
    found = find_containers(params)
    return {
        "containers": found[:PAGE_ROWS],
        "found": found.count(),
        "shown_most": PAGE_ROWS,
        "params": params,
    }


@viewer
@require_GET
def container_list(request: HttpRequest) -> HttpResponse:
    context = container_list_context(request.GET.dict())
    context["nodes"] = Node.objects.all()
    context["states"] = (
        Container.objects.order_by("state").values_list("state", flat=True).distinct()
    )
    return render(request, "containers/list.html", context)
