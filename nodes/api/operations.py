"""Operations: start, look at, cancel."""

from __future__ import annotations

from typing import Any, Literal

from asgiref.sync import async_to_sync
from django.http import HttpRequest, HttpResponse
from django.shortcuts import get_object_or_404
from ninja import Router, Schema, Status
from ninja.errors import AuthorizationError
from ninja.pagination import paginate
from pydantic import ConfigDict

from nodes.api.auth import operator, viewer
from nodes.api.pages import Pages
from nodes.api.problems import Unprocessable
from nodes.api.references import Reference, find_container, find_node
from nodes.api.schemas import EventOut, FindingsOut, LogOut, OperationOut, ProblemOut
from nodes.host.checks import readiness_findings
from nodes.models import NODE_KINDS, Container, Node, Operation, OperationLog
from nodes.operations import start, start_node
from nodes.podman.options import MigrationOptions
from nodes.views.operation import get_operation, listed_operations, send_log

router = Router(tags=["operations"])
_REFUSED = frozenset({409, 422, 502})


class OperationIn(Schema):
    """What to do with which container; ``options`` are spelled as Podman's, with underscores."""

    model_config = ConfigDict(extra="forbid")

    kind: Literal["migrate", "checkpoint", "restore", "prepare", "undo-prepare", "selftest"]
    source: Reference | None = None
    destination: Reference | None = None
    node: Reference | None = None
    container: Reference | None = None
    archive: int | None = None
    options: dict[str, Any] = {}


@router.get("", auth=viewer, response=list[OperationOut])
@paginate(Pages)
def list_operations(request: HttpRequest, state: str = "", q: str = "") -> Any:
    """List operations, those under way first; ``q`` is part of a container's or node's name."""
    return listed_operations({"state": state, "q": q})


@router.post("", auth=operator, response={202: OperationOut, _REFUSED: ProblemOut})
def start_operation(request: HttpRequest, body: OperationIn, response: HttpResponse) -> Any:
    """Queue an operation; GET its Location for how it goes on."""
    if body.kind in NODE_KINDS:
        operation = _start_on_node(request, body)
    else:
        operation = start.start_migration(request.user, *_migration(body))
    response["Location"] = f"{request.path}/{operation.pk}"
    return Status(202, get_operation(operation.pk))


@router.post("/preflight", auth=operator, response={200: FindingsOut, _REFUSED: ProblemOut})
def preflight(request: HttpRequest, body: OperationIn) -> Any:
    """Ask the nodes now whether the operation would work, and change nothing."""
    if body.kind in NODE_KINDS:
        _require_admin(request, body.kind)
        return _preflight_on_node(body.kind, find_node(body.node, "node"))
    findings = async_to_sync(start.preflight_migration)(*_migration(body))
    return {"findings": [finding.as_dict() for finding in findings]}


@router.get("/{int:pk}", auth=viewer, response=OperationOut)
def get(request: HttpRequest, pk: int) -> Any:
    return get_operation(pk)


@router.get("/{int:pk}/events", auth=viewer, response=list[EventOut])
def list_events(request: HttpRequest, pk: int, after: int = 0) -> Any:
    """List what has happened, oldest first; ``after`` is the last event's id that is known."""
    return get_operation(pk).events.filter(pk__gt=after)


@router.get("/{int:pk}/logs", auth=operator, response=list[LogOut])
def list_logs(request: HttpRequest, pk: int) -> Any:
    """List the logs that were fetched from the nodes when something failed."""
    return get_operation(pk).logs.defer("text")


@router.get("/{int:pk}/logs/{int:log_pk}", auth=operator)
def get_log(request: HttpRequest, pk: int, log_pk: int) -> HttpResponse:
    """Send one log, whole, as text."""
    return send_log(get_object_or_404(OperationLog, pk=log_pk, operation_id=pk))


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


def _preflight_on_node(kind: str, node: Node) -> dict[str, Any]:
    shown = None
    if kind == "prepare":
        facts, plan = async_to_sync(start_node.plan_for)(node)
        shown = {"digest": plan.digest, **plan.as_dict()}
    else:
        facts = async_to_sync(start_node.facts_of)(node)
    findings = [finding.as_dict() for finding in readiness_findings(facts)]
    return {"findings": findings, "plan": shown}


def _require_admin(request: HttpRequest, kind: str) -> None:
    """Raise AuthorizationError where a node is changed, or its configuration shown."""
    if kind != "selftest" and not request.user.has_perm("nodes.manage_nodes"):
        raise AuthorizationError(message="Only an admin may change a node.")


def _start_on_node(request: HttpRequest, body: OperationIn) -> Operation:
    _require_admin(request, body.kind)
    node = find_node(body.node, "node")
    unknown = sorted(set(body.options) - ({"plan"} if body.kind == "prepare" else set()))
    if unknown:
        message = f"{unknown[0]} is not an option of {body.kind}."
        raise Unprocessable(message, code="invalid_option", field="options")
    if body.kind == "prepare":
        digest = str(body.options.get("plan", ""))
        return start_node.start_prepare(request.user, node, digest=digest)
    begin = start_node.start_selftest if body.kind == "selftest" else start_node.start_undo
    return begin(request.user, node)


def _migration(body: OperationIn) -> tuple[Container, Node, MigrationOptions]:
    if body.kind != "migrate":
        raise Unprocessable(
            f"Operations of the kind {body.kind} are not available in this version.",
            code="kind_not_available",
            remedy="Use migrate, prepare, undo-prepare or selftest.",
            field="kind",
        )
    source = find_node(body.source, "source")
    destination = find_node(body.destination, "destination")
    try:
        options = MigrationOptions.parse(body.options)
    except ValueError as error:
        raise Unprocessable(f"{error}.", code="invalid_option", field="options") from error
    return find_container(body.container, source), destination, options
