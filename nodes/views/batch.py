"""Batches: all of them, one of them, and what can be done with one under way."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

from django.contrib import messages
from django.core.paginator import Paginator
from django.db.models import QuerySet
from django.http import HttpRequest, HttpResponse
from django.shortcuts import get_object_or_404, redirect, render
from django.views.decorators.http import require_GET, require_http_methods, require_POST

from nodes.models import (
    Batch,
    BatchItem,
    BatchItemState,
    BatchKind,
    BatchState,
    OperationState,
)
from nodes.operations import batches
from nodes.operations.batch_request import no_way_back
from nodes.problem import FerryError
from nodes.views.access import operator, viewer

_PAGE_ROWS = 50
# On the page of the operations, beside those under way.
_RECENT = 3


def batches_with_counts() -> QuerySet[Batch]:
    """Return the batches, the newest first, each with the number of its items in every state."""
    found = Batch.objects.with_counts().select_related("node", "created_by", "back_of")
    # What is counted together loses the order of its model.
    return found.order_by("-created_at", "-pk")


def recent_batches() -> list[Batch]:
    """Return those under way, and the last few that have ended."""
    return [*active_batches(), *batches_with_counts().exclude(ended_at=None)[:_RECENT]]


def active_batches() -> QuerySet[Batch]:
    return batches_with_counts().filter(ended_at=None)


@viewer
@require_GET
def batch_list(request: HttpRequest) -> HttpResponse:
    page = Paginator(batches_with_counts(), _PAGE_ROWS).get_page(request.GET.get("page"))
    return render(request, "batches/list.html", {"batches": page.object_list, "page": page})


@viewer
@require_GET
def detail(request: HttpRequest, pk: int) -> HttpResponse:
    return render(request, "batches/detail.html", batch_context(get_batch(pk)))


def get_batch(pk: int) -> Batch:
    return get_object_or_404(batches_with_counts(), pk=pk)


def batch_context(batch: Batch) -> dict[str, Any]:
    items = list(batch.items.select_related("operation", "source", "destination"))
    is_cancelling = batch.is_active and batch.state == BatchState.CANCELLED
    moved = any(item.state == BatchItemState.SUCCEEDED for item in items)
    has_way_back = moved and batch.kind != BatchKind.BRING_BACK
    refused = no_way_back(batch)
    return {
        "batch": batch,
        "items": items,
        "can_bring_back": has_way_back and refused is None,
        "no_way_back": refused if has_way_back and not batch.is_active else None,
        "can_retry": not is_cancelling and any(_can_retry(item) for item in items),
        "ways_back": batch.ways_back.all(),
    }


def _can_retry(item: BatchItem) -> bool:
    unknown = item.operation is not None and item.operation.state == OperationState.UNKNOWN
    return item.state == BatchItemState.FAILED and not unknown


@operator
@require_POST
def pause(request: HttpRequest, pk: int) -> HttpResponse:
    return _act(request, pk, batches.pause)


@operator
@require_POST
def resume(request: HttpRequest, pk: int) -> HttpResponse:
    return _act(request, pk, batches.resume)


@operator
@require_POST
def retry(request: HttpRequest, pk: int) -> HttpResponse:
    return _act(request, pk, batches.retry)


@operator
@require_http_methods(["GET", "POST"])
def cancel(request: HttpRequest, pk: int) -> HttpResponse:
    """Ask what becomes of the containers that are under way; cancel."""
    if request.method == "GET":
        return render(request, "batches/cancel.html", {"batch": get_batch(pk)})
    stop_running = request.POST.get("running") == "stop"
    return _act(
        request, pk, lambda user, batch: batches.cancel(user, batch, stop_running=stop_running)
    )


@operator
@require_POST
def skip(request: HttpRequest, pk: int, item_pk: int) -> HttpResponse:
    item = get_object_or_404(BatchItem.objects.select_related("batch"), pk=item_pk, batch_id=pk)
    return _act(request, pk, lambda user, batch: batches.skip(user, item))


def _act(request: HttpRequest, pk: int, act: Callable[[Any, Batch], object]) -> HttpResponse:
    batch = get_object_or_404(Batch, pk=pk)
    try:
        act(request.user, batch)
    except FerryError as error:
        messages.warning(request, f"{error.problem.message} {error.problem.remedy}".strip())
    return redirect(batch)
