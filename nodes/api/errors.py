"""Which error is which status."""

from __future__ import annotations

import logging
from collections.abc import Callable
from typing import Any

from django.http import Http404, HttpRequest, HttpResponse
from ninja import NinjaAPI
from ninja.errors import AuthenticationError, HttpError, ValidationError

from nodes.api.problems import Unprocessable, problem_response
from nodes.catalog.errors import ArchiveMissing, StoreError, StoreFull
from nodes.inventory.membership import NodeBusy
from nodes.inventory.readiness import PodmanFailed, PodmanMissing
from nodes.models import NodeState
from nodes.operations.errors import PreflightFailed, WorkflowError
from nodes.podman.answer import UnreadableAnswer
from nodes.problem import FerryError, Problem
from nodes.ssh.errors import CommandTimedOut, NodeUnreachable, SshError

logger = logging.getLogger(__name__)
_CODES = {400: "bad_request", 401: "not_authenticated", 403: "forbidden", 404: "not_found"}
# The first that fits. A node that does not answer is a bad gateway: the same call may work
# later. One that refuses us (key, host key, sudo, no Podman) is a conflict: the call works once
# somebody has acted, and the remedy says how. NodeState draws the same line.
_STATUSES: list[tuple[type[FerryError], int]] = [
    (Unprocessable, 422),
    (PreflightFailed, 422),
    (WorkflowError, 409),
    (NodeBusy, 409),
    (NodeUnreachable, 502),
    (CommandTimedOut, 502),
    (SshError, 409),
    (PodmanMissing, 409),
    (PodmanFailed, 409),
    (UnreadableAnswer, 409),
    (ArchiveMissing, 410),
    (StoreFull, 507),
    (StoreError, 500),
]


def status_of(error: FerryError) -> int:
    return next((status for kind, status in _STATUSES if isinstance(error, kind)), 500)


def node_problem_response(state: str, problem: dict[str, Any]) -> HttpResponse:
    """Answer why a node is not online, with the status that the error itself would have."""
    status = 409 if state == NodeState.BLOCKED else 502
    return problem_response(status, Problem(**problem))


def add_error_handlers(api: NinjaAPI) -> None:
    handlers: dict[type[Exception], Callable[[HttpRequest, Any], HttpResponse]] = {
        FerryError: _ferry_error,
        ValidationError: _validation_error,
        AuthenticationError: _not_authenticated,
        HttpError: _http_error,
        Http404: _not_found,
        Exception: _internal_error,
    }
    for kind, handler in handlers.items():
        api.add_exception_handler(kind, handler)


def _ferry_error(request: HttpRequest, error: FerryError) -> HttpResponse:
    errors = error.errors if isinstance(error, Unprocessable) else []
    return problem_response(status_of(error), error.problem, errors=errors)


def _validation_error(request: HttpRequest, error: ValidationError) -> HttpResponse:
    # Pydantic also tells the input, which may hold a password: only place and message go out.
    errors = [
        {"field": _field(entry["loc"]), "detail": str(entry["msg"])} for entry in error.errors
    ]
    problem = Problem(
        code=Unprocessable.code,
        message="Some fields do not hold what they must.",
        remedy="See /api/v1/openapi.json for what this call takes.",
    )
    return problem_response(422, problem, errors=errors)


def _field(location: tuple[str | int, ...]) -> str:
    # ("body", the Python parameter's name, field, …); a query has no parameter's name.
    start = 2 if location[0] == "body" else 1
    return ".".join(str(part) for part in location[start:])


def _not_authenticated(request: HttpRequest, error: AuthenticationError) -> HttpResponse:
    problem = Problem(
        code=_CODES[401],
        message="This call needs a valid API token.",
        remedy="Make one on the account page and send `Authorization: Bearer TOKEN`.",
    )
    response = problem_response(401, problem)
    response["WWW-Authenticate"] = "Bearer"
    return response


def _http_error(request: HttpRequest, error: HttpError) -> HttpResponse:
    code = _CODES.get(error.status_code, "error")
    remedy = "Ask an admin for a higher role." if error.status_code == 403 else ""
    problem = Problem(code=code, message=error.message, remedy=remedy)
    return problem_response(error.status_code, problem)


def _not_found(request: HttpRequest, error: Http404) -> HttpResponse:
    return problem_response(404, Problem(code=_CODES[404], message="There is no such thing here."))


def _internal_error(request: HttpRequest, error: Exception) -> HttpResponse:
    logger.error("%s %s", request.method, request.path, exc_info=error)
    problem = Problem(
        code="internal_error",
        message="The site itself failed.",
        remedy="Look into the site's log, and report it.",
    )
    return problem_response(500, problem)
