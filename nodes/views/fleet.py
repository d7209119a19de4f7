"""The fleet: every node with its containers, as a board and as one table."""

from __future__ import annotations

from typing import Any

from django.db.models import Prefetch, QuerySet
from django.http import HttpRequest, HttpResponse
from django.shortcuts import render
from django.views.decorators.http import require_GET

from nodes.models import Container, Node
from nodes.views.access import viewer
from nodes.views.containers import find_containers

PAGE_ROWS = 500


def nodes_with_containers() -> QuerySet[Node]:
    return Node.objects.prefetch_related(
        Prefetch("containers", queryset=Container.objects.order_by("name"))
    )


@viewer
@require_GET
def board(request: HttpRequest) -> HttpResponse:
    return render(request, "fleet/board.html", {"nodes": nodes_with_containers()})


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
