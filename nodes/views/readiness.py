"""Make a node ready, undo that, and prove it: pages over operations on a node."""

from __future__ import annotations

from typing import Any

from asgiref.sync import async_to_sync
from django.contrib import messages
from django.http import HttpRequest, HttpResponse
from django.shortcuts import get_object_or_404, redirect
from django.views.decorators.http import require_http_methods, require_POST

from nodes.models import Node
from nodes.operations import start_node
from nodes.problem import FerryError
from nodes.views.access import admin, operator
from nodes.views.answers import UNPROCESSABLE, go_to, page_or_fragment

_PAGE, _FRAGMENT = "nodes/prepare.html", "nodes/_prepare_form.html"


@admin
@require_http_methods(["GET", "POST"])
def prepare(request: HttpRequest, pk: int) -> HttpResponse:
    """Show the exact commands and changes; start them once they are confirmed."""
    node = get_object_or_404(Node, pk=pk)
    context: dict[str, Any] = {"node": node}
    status = 200
    if request.method == "POST":
        # Only what somebody has seen is done: without a plan it is shown now.
        status = UNPROCESSABLE
        if digest := request.POST.get("plan", ""):
            try:
                operation = start_node.start_prepare(request.user, node, digest=digest)
            except FerryError as error:
                context["problem"] = error.problem
            else:
                return go_to(request, operation.get_absolute_url())
    try:
        context["facts"], context["plan"] = async_to_sync(start_node.plan_for)(node)
    except FerryError as error:
        context.setdefault("problem", error.problem)
    return page_or_fragment(request, _PAGE, _FRAGMENT, context, status=status)


@admin
@require_POST
def undo_prepare(request: HttpRequest, pk: int) -> HttpResponse:
    node = get_object_or_404(Node, pk=pk)
    return _started(request, node, start_node.start_undo)


@operator
@require_POST
def selftest(request: HttpRequest, pk: int) -> HttpResponse:
    node = get_object_or_404(Node, pk=pk)
    return _started(request, node, start_node.start_selftest)


def _started(request: HttpRequest, node: Node, start: Any) -> HttpResponse:
    try:
        operation = start(request.user, node)
    except FerryError as error:
        messages.warning(request, f"{error.problem.message} {error.problem.remedy}")
        return redirect(node)
    return go_to(request, operation.get_absolute_url())
