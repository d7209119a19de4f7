"""What Podman says of a container, asked for now; the values of its environment apart."""

from __future__ import annotations

from typing import Any

from django.http import HttpRequest, HttpResponse
from django.shortcuts import render
from django.views.decorators.cache import never_cache
from django.views.decorators.http import require_GET, require_POST

from nodes.audit import audit
from nodes.feeds.inspection import inspection_of
from nodes.models import Container, Operation
from nodes.podman.inspected import parse_environment, parse_inspected
from nodes.problem import FerryError
from nodes.views.access import operator, viewer
from nodes.views.answers import UNPROCESSABLE, page_or_fragment
from nodes.views.container import get_container

_PAGE, _FRAGMENT = "containers/inspect.html", "containers/_inspected.html"


@viewer
@require_GET
def inspect(request: HttpRequest, node_pk: int, podman_id: str) -> HttpResponse:
    """Show it in a person's order, with the names of its variables only.

    ``?about=stop`` asks for no more than what its stop would take along.
    """
    container = get_container(node_pk, podman_id)
    if request.GET.get("about") == "stop":
        return render(request, "containers/_stop_answer.html", _stop_context(container))
    context: dict[str, Any] = {"container": container, "node": container.node}
    try:
        context["inspected"] = parse_inspected(inspection_of(container))
    except FerryError as error:
        context["problem"] = error.problem
    return page_or_fragment(request, _PAGE, _FRAGMENT, context)


def _stop_context(container: Container) -> dict[str, Any]:
    unfinished = Operation.objects.unfinished().filter(container_podman_id=container.podman_id)
    return {
        "node": container.node,
        "action": "stop",
        "unfinished": unfinished.first(),
        **ask_removal(container),
    }


def ask_removal(container: Container) -> dict[str, Any]:
    """Return whether its stop removes it, or why its node does not say that."""
    try:
        return {"auto_remove": parse_inspected(inspection_of(container)).auto_remove}
    except FerryError as error:
        return {"auto_remove": None, "problem_asking": error.problem}


@operator
@require_POST
@never_cache
def environment(request: HttpRequest, node_pk: int, podman_id: str) -> HttpResponse:
    """Show the values, too. They may be passwords: that goes to the audit log."""
    container = get_container(node_pk, podman_id)
    context: dict[str, Any] = {"container": container, "node": container.node}
    status = 200
    try:
        told = inspection_of(container)
        context["inspected"] = parse_inspected(told)
        context["environment"] = parse_environment(told)
        audit(
            request.user, "container.show-environment", container,
            node=container.node.name, podman_id=podman_id,
        )  # fmt: skip
    except FerryError as error:
        context["problem"], status = error.problem, UNPROCESSABLE
    return page_or_fragment(request, _PAGE, _FRAGMENT, context, status=status)
