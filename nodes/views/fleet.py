"""The fleet: every node with its containers, as a board and as one table."""

from __future__ import annotations

from typing import Any

from django.db.models import Prefetch, QuerySet
from django.http import HttpRequest, HttpResponse
from django.shortcuts import redirect, render
from django.urls import reverse
from django.views.decorators.gzip import gzip_page
from django.views.decorators.http import require_GET, require_POST

from nodes.models import Container, Node
from nodes.views.access import admin, viewer
from nodes.views.answers import is_fragment
from nodes.views.board import choices_context, results_context
from nodes.views.board_filter import BoardFilter
from nodes.views.containers import find_containers, with_operation
from nodes.views.undo import say_with_undo

# Each takes about a millisecond.
PAGE_ROWS = 200
GUIDE_DISMISSED = "guide_dismissed"


def nodes_with_containers() -> QuerySet[Node]:
    return Node.objects.prefetch_related(
        Prefetch("containers", queryset=with_operation(Container.objects.order_by("name")))
    )


@viewer
@require_GET
@gzip_page
def board(request: HttpRequest) -> HttpResponse:
    """Show the fleet as a board, or as a table for ?view=table."""
    wanted = BoardFilter.of(request.GET.dict())
    dismissed = request.session.get(GUIDE_DISMISSED, False)
    context = results_context(wanted) | choices_context() | {"guide_dismissed": dismissed}
    response = render(request, "fleet/board.html", context)
    if is_fragment(request):
        # Without the parameters that a form sends although nothing is chosen.
        query = wanted.query()
        response["HX-Push-Url"] = f"{request.path}{'?' if query else ''}{query}"
    return response


@admin
@require_POST
def dismiss_guide(request: HttpRequest) -> HttpResponse:
    """Hide the guide to the first two nodes, or with ``show`` show it again, for this session."""
    show = "show" in request.POST
    request.session[GUIDE_DISMISSED] = not show
    if not show:
        undo = reverse("guide-dismiss")
        say_with_undo(
            request, "The guide is hidden until you sign in again.", undo, [("show", "on")]
        )
    return redirect("fleet")


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
@gzip_page
def container_list(request: HttpRequest) -> HttpResponse:
    context = container_list_context(request.GET.dict())
    context["nodes"] = Node.objects.all()
    context["states"] = (
        Container.objects.order_by("state").values_list("state", flat=True).distinct()
    )
    return render(request, "containers/list.html", context)
