"""Operations: start, look at, cancel."""

from __future__ import annotations

from typing import Any, Literal

from asgiref.sync import async_to_sync
from django.http import HttpRequest, HttpResponse
from ninja import Router, Schema, Status
from ninja.pagination import paginate
from pydantic import ConfigDict

from nodes.api.auth import operator, viewer
from nodes.api.pages import Pages
from nodes.api.problems import Unprocessable
from nodes.api.references import Reference, find_container, find_node
from nodes.api.schemas import EventOut, FindingsOut, OperationOut, ProblemOut
from nodes.models import Container, Node
from nodes.operations import start
from nodes.podman.options import MigrationOptions
from nodes.views.operation import get_operation, listed_operations

router = Router(tags=["operations"])
_REFUSED = frozenset({409, 422, 502})


class OperationIn(Schema):
    """What to do with which container; ``options`` are spelled as Podman's, with underscores."""

    model_config = ConfigDict(extra="forbid")

    kind: Literal["migrate", "checkpoint", "restore", "prepare", "selftest"]
    source: Reference | None = None
    destination: Reference | None = None
    node: Reference | None = None
    container: Reference | None = None
    archive: int | None = None
    options: dict[str, Any] = {}


@router.get("", auth=viewer, response=list[OperationOut])
@paginate(Pages)
def list_operations(request: HttpRequest, state: str = "", q: str = "") -> Any:
    """List operations, those under way first; ``q`` is part of the container's name."""
    return listed_operations({"state": state, "q": q})


@router.post("", auth=operator, response={202: OperationOut, _REFUSED: ProblemOut})
def start_operation(request: HttpRequest, body: OperationIn, response: HttpResponse) -> Any:
    """Queue an operation; GET its Location for how it goes on."""
    operation = start.start_migration(request.user, *_migration(body))
    response["Location"] = f"{request.path}/{operation.pk}"
    return Status(202, get_operation(operation.pk))


@router.post("/preflight", auth=operator, response={200: FindingsOut, _REFUSED: ProblemOut})
def preflight(request: HttpRequest, body: OperationIn) -> Any:
    """Ask the nodes now whether the operation would work, and change nothing."""
    findings = async_to_sync(start.preflight_migration)(*_migration(body))
    return {"findings": [finding.as_dict() for finding in findings]}


@router.get("/{int:pk}", auth=viewer, response=OperationOut)
def get(request: HttpRequest, pk: int) -> Any:
    return get_operation(pk)


@router.get("/{int:pk}/events", auth=viewer, response=list[EventOut])
def list_events(request: HttpRequest, pk: int, after: int = 0) -> Any:
    """List what has happened, oldest first; ``after`` is the last event's id that is known."""
    return get_operation(pk).events.filter(pk__gt=after)


@router.post("/{int:pk}/cancel", auth=operator, response={202: OperationOut, 409: ProblemOut})
def cancel(request: HttpRequest, pk: int) -> Any:
    """Ask it to stop and to roll back."""
    start.cancel_operation(request.user, get_operation(pk))
    return Status(202, get_operation(pk))


@router.post("/{int:pk}/look-again", auth=operator, response={202: OperationOut, 409: ProblemOut})
def look_again(request: HttpRequest, pk: int) -> Any:
    """Ask the nodes of an operation that ended unknown once more."""
    start.look_again(request.user, get_operation(pk))
    return Status(202, get_operation(pk))


def _migration(body: OperationIn) -> tuple[Container, Node, MigrationOptions]:
    if body.kind != "migrate":
        raise Unprocessable(
            f"Operations of the kind {body.kind} are not available in this version.",
            code="kind_not_available",
            remedy="Use the kind migrate.",
            field="kind",
        )
    source = find_node(body.source, "source")
    destination = find_node(body.destination, "destination")
    try:
        options = MigrationOptions.parse(body.options)
    except ValueError as error:
        raise Unprocessable(f"{error}.", code="invalid_option", field="options") from error
    return find_container(body.container, source), destination, options
