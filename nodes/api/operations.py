"""Operations: start, look at, cancel."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any, Literal, TypeVar

from asgiref.sync import async_to_sync
from django.http import HttpRequest, HttpResponse
from django.shortcuts import get_object_or_404
from ninja import Field, Router, Schema, Status
from ninja.errors import AuthorizationError
from ninja.pagination import paginate
from pydantic import ConfigDict

from nodes.api.auth import operator, viewer
from nodes.api.pages import Pages
from nodes.api.problems import Unprocessable
from nodes.api.references import Reference, find_archive, find_container, find_node
from nodes.api.schemas import EventOut, FindingsOut, LogOut, OperationOut, ProblemOut
from nodes.archives.trust import must_be_confirmed, privileges_digest, privileges_of_archive
from nodes.finding import Finding
from nodes.host.checks import readiness_findings
from nodes.models import NODE_KINDS, Archive, Container, Node, Operation, OperationLog
from nodes.operations import start, start_node
from nodes.operations.retry import retry_operation
from nodes.operations.start_checkpoint import preflight_checkpoint, start_checkpoint
from nodes.operations.start_restore import preflight_restore, start_restore
from nodes.operations.ways_back import LOOK_AGAIN, take_way_back
from nodes.podman.options import CheckpointOptions, MigrationOptions, RestoreOptions
from nodes.views.operation import get_operation, listed_operations
from nodes.views.operation_log import send_log

router = Router(tags=["operations"])
Options = TypeVar("Options", CheckpointOptions, RestoreOptions, MigrationOptions)
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
    # Of an uploaded archive: the digest of the privileges that were seen, as its preflight tells.
    confirmed: str = Field("", max_length=64)


class WayBackIn(Schema):
    """``assured``: somebody answers for what the way's ``assurance`` says."""

    model_config = ConfigDict(extra="forbid")

    way: str = Field(max_length=32)
    assured: bool = False


class RetryIn(Schema):
    model_config = ConfigDict(extra="forbid")

    options: dict[str, Any] = {}


@router.get("", auth=viewer, response=list[OperationOut])
@paginate(Pages)
def list_operations(request: HttpRequest, state: str = "", kind: str = "", q: str = "") -> Any:
    """List operations, those under way first; ``q`` is part of a container's or node's name."""
    return listed_operations({"state": state, "kind": kind, "q": q})


@router.post("", auth=operator, response={202: OperationOut, _REFUSED: ProblemOut})
def start_operation(request: HttpRequest, body: OperationIn, response: HttpResponse) -> Any:
    """Queue an operation; GET its Location for how it goes on."""
    if body.kind in NODE_KINDS:
        operation = _start_on_node(request, body)
    elif body.kind == "checkpoint":
        operation = start_checkpoint(request.user, *_checkpoint(body))
    elif body.kind == "restore":
        operation = start_restore(request.user, *_restore(body), confirmed=body.confirmed)
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
    if body.kind == "checkpoint":
        return _told(async_to_sync(preflight_checkpoint)(*_checkpoint(body)))
    if body.kind == "restore":
        archive, node, options = _restore(body)
        findings = _told(async_to_sync(preflight_restore)(archive, node, options))
        return {**findings, **_to_confirm(archive)}
    return _told(async_to_sync(start.preflight_migration)(*_migration(body)))


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
    take_way_back(request.user, get_operation(pk), LOOK_AGAIN, assured=False)
    return Status(202, get_operation(pk))


@router.post(
    "/{int:pk}/way-back", auth=operator, response={202: OperationOut, _REFUSED: ProblemOut}
)
def way_back(request: HttpRequest, pk: int, body: WayBackIn) -> Any:
    """Take one of the ways that the operation's ``ways_back`` offers.

    Answers the operation that goes on: this one, or a restore from the catalog.
    """
    taken = take_way_back(request.user, get_operation(pk), body.way, assured=body.assured)
    return Status(202, get_operation(taken.pk))


@router.post("/{int:pk}/retry", auth=operator, response={202: OperationOut, _REFUSED: ProblemOut})
def retry(request: HttpRequest, pk: int, body: RetryIn, response: HttpResponse) -> Any:
    """Queue the same again, with ``options`` set over those that it had."""
    operation = get_operation(pk)
    if operation.is_of_node:
        _require_admin(request, operation.kind)
    try:
        again = retry_operation(request.user, operation, body.options)
    except ValueError as error:
        raise Unprocessable(f"{error}.", code="invalid_option", field="options") from error
    response["Location"] = f"/api/v1/operations/{again.pk}"
    return Status(202, get_operation(again.pk))


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


def _told(findings: Sequence[Finding]) -> dict[str, Any]:
    return {"findings": [finding.as_dict() for finding in findings]}


def _to_confirm(archive: Archive) -> dict[str, Any]:
    """Tell what somebody has to see before an archive that was made elsewhere is restored."""
    if not must_be_confirmed(archive):
        return {}
    return {
        "privileges": privileges_of_archive(archive),
        "confirmed": privileges_digest(archive),
    }


def _checkpoint(body: OperationIn) -> tuple[Container, CheckpointOptions]:
    node = find_node(body.node, "node")
    options = _options(CheckpointOptions, body)
    return find_container(body.container, node), options


def _restore(body: OperationIn) -> tuple[Archive, Node, RestoreOptions]:
    archive = find_archive(body.archive)
    return archive, find_node(body.node, "node"), _options(RestoreOptions, body)


def _migration(body: OperationIn) -> tuple[Container, Node, MigrationOptions]:
    source = find_node(body.source, "source")
    destination = find_node(body.destination, "destination")
    options = _options(MigrationOptions, body)
    return find_container(body.container, source), destination, options


def _options(kind: type[Options], body: OperationIn) -> Options:
    try:
        return kind.parse(body.options)
    except ValueError as error:
        raise Unprocessable(f"{error}.", code="invalid_option", field="options") from error
