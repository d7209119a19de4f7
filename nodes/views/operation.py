"""Operations: all of them, one of them, stopping one, and ways back."""

from __future__ import annotations

import re
from typing import Any

from django.contrib import messages
from django.db.models import Case, IntegerField, Q, QuerySet, Value, When
from django.http import HttpRequest, HttpResponse
from django.shortcuts import get_object_or_404, redirect, render
from django.views.decorators.http import require_GET, require_http_methods, require_POST

from nodes.models import (
    Container,
    Node,
    Operation,
    OperationKind,
    OperationState,
)
from nodes.operations import start
from nodes.operations.ways_back import take_way_back, ways_back
from nodes.problem import FerryError
from nodes.templatetags.operations import followed
from nodes.views.access import operator, viewer
from nodes.views.answers import page_or_fragment
from nodes.views.batch import recent_batches
from nodes.views.operation_log import latest_events

LIST_ROWS = 200
_NUMBER = re.compile(r"[0-9]{1,18}")


def listed_operations(params: dict[str, str]) -> QuerySet[Operation]:
    """Return operations, those under way first.

    ``state``, ``kind``, ``q`` (container, node) and ``ids`` (with commas between) filter.
    """
    active = [OperationState.RUNNING, OperationState.QUEUED]
    found = Operation.objects.select_related(
        "source", "destination", "archive", "created_by", "schedule"
    )
    if state := params.get("state", ""):
        found = found.filter(state=state)
    if kind := params.get("kind", ""):
        found = found.filter(kind=kind)
    if ids := params.get("ids", ""):
        found = found.filter(pk__in=[int(pk) for pk in ids.split(",") if _NUMBER.fullmatch(pk)])
    if text := params.get("q", "").strip():
        found = found.filter(
            Q(container_name__icontains=text)
            | Q(source_name__icontains=text)
            | Q(destination_name__icontains=text)
        )
    first = Case(
        When(state__in=active, then=Value(0)), default=Value(1), output_field=IntegerField()
    )
    return found.order_by(first, "-created_at")


@viewer
@require_GET
def operation_list(request: HttpRequest) -> HttpResponse:
    params = request.GET.dict()
    context = {
        "operations": listed_operations(params)[:LIST_ROWS],
        "batches": recent_batches(),
        "params": params,
        "states": OperationState.choices,
        # Of a node's kinds the label goes on with the node's name.
        "kinds": [(kind, label.removesuffix(" of")) for kind, label in OperationKind.choices],
    }
    return render(request, "operations/list.html", context)


def _mended(operation: Operation) -> Operation | None:
    """Return the retry that succeeded where this operation did not."""
    if operation.is_active:
        return None
    return operation.retries.filter(state=OperationState.SUCCEEDED).last()


def operation_context(operation: Operation) -> dict[str, Any]:
    return {
        "operation": operation,
        "whereabouts": whereabouts_of(followed(operation)),
        "ways_back": ways_back(operation),
        "logs": operation.logs.defer("text"),
        "retries": operation.retries.order_by("pk"),
        "mended": _mended(operation),
        "batch_item": operation.batch_items.select_related("batch").last(),
        "mendable": Node.objects.filter(name=operation.error.get("node", "")).first(),
    }


def whereabouts_of(podman_id: str) -> QuerySet[Container]:
    """Return the container as each node last showed it, whatever an operation says."""
    if not podman_id:
        return Container.objects.none()
    return Container.objects.select_related("node").filter(podman_id=podman_id)


def get_operation(pk: int) -> Operation:
    return get_object_or_404(
        Operation.objects.select_related(
            "source", "destination", "archive", "created_by", "retry_of"
        ),
        pk=pk,
    )


@viewer
@require_GET
def detail(request: HttpRequest, pk: int) -> HttpResponse:
    operation = get_operation(pk)
    events = latest_events(operation)
    context = {
        **operation_context(operation),
        "events": events,
        # What the page has already; the websocket sends what comes after it.
        "last_event": events[-1].pk if events else 0,
    }
    return render(request, "operations/detail.html", context)


def can_cancel(operation: Operation) -> bool:
    committed = operation.journal.get("committed", False)
    return operation.is_active and not operation.cancel_requested and not committed


@operator
@require_http_methods(["GET", "POST"])
def cancel(request: HttpRequest, pk: int) -> HttpResponse:
    """Say what cancelling would do; cancel."""
    operation = get_operation(pk)
    if request.method == "GET":
        context = {"operation": operation, "can_cancel": can_cancel(operation)}
        return page_or_fragment(
            request, "operations/cancel.html", "operations/_cancel_form.html", context
        )
    try:
        start.cancel_operation(request.user, operation)
    except FerryError as error:
        messages.warning(request, f"{error.problem.message} {error.problem.remedy}")
    return redirect(operation)


@operator
@require_POST
def way_back(request: HttpRequest, pk: int) -> HttpResponse:
    """Take one of the ways that an operation offers whose outcome nobody knows."""
    operation = get_operation(pk)
    assured = request.POST.get("assured") == "on"
    try:
        operation = take_way_back(
            request.user, operation, request.POST.get("way", ""), assured=assured
        )
    except FerryError as error:
        messages.warning(request, f"{error.problem.message} {error.problem.cause}".strip())
    return redirect(operation)
