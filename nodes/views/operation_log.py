"""What an operation wrote, and the logs that were fetched from nodes for it."""

from __future__ import annotations

from django.http import HttpRequest, HttpResponse
from django.shortcuts import get_object_or_404
from django.utils import timezone
from django.views.decorators.http import require_GET

from nodes.models import Operation, OperationEvent, OperationLog
from nodes.views.access import operator, viewer

LOG_ROWS = 500


def latest_events(operation: Operation, *, after: int = 0) -> list[OperationEvent]:
    """Return the last events, oldest first: how a long operation ended matters most."""
    found = operation.events.filter(pk__gt=after).order_by("-pk")
    return list(found[:LOG_ROWS])[::-1]


@viewer
@require_GET
def lines(request: HttpRequest, pk: int) -> HttpResponse:
    """Answer all that the operation wrote, one event a line, to be saved."""
    operation = get_object_or_404(Operation, pk=pk)
    text = "".join(_line(event) for event in operation.events.iterator(chunk_size=2000))
    return _as_file(text, f"operation-{operation.pk}.log")


def _line(event: OperationEvent) -> str:
    at = timezone.localtime(event.at).isoformat(timespec="milliseconds")
    # A message of several lines stays one event for whoever reads it line by line.
    message = event.message.replace("\n", "\n    ")
    return f"{at} {event.level:7} {event.phase or '-':13} {message}\n"


@operator
@require_GET
def fetched(request: HttpRequest, pk: int, log_pk: int) -> HttpResponse:
    """Answer a log that was fetched from a node, whole, to be saved."""
    return send_log(get_object_or_404(OperationLog, pk=log_pk, operation_id=pk))


def send_log(log: OperationLog) -> HttpResponse:
    return _as_file(log.text, f"operation-{log.operation_id}-{log.node_name}-{log.name}")


def _as_file(text: str, name: str) -> HttpResponse:
    return HttpResponse(
        text,
        content_type="text/plain; charset=utf-8",
        # What a node wrote is never shown as a page of this site.
        headers={"Content-Disposition": f'attachment; filename="{name}"'},
    )
