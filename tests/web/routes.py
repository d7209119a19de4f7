"""Every address of the site, found by walking it, and who may use it how."""

from __future__ import annotations

from collections.abc import Iterator
from enum import IntEnum

from django.urls import URLPattern, URLResolver, get_resolver
from ninja import NinjaAPI

from nodes.api import api


class Who(IntEnum):
    """Whom an address lets in, and everybody above."""

    ANYBODY = 0
    VIEWER = 1
    OPERATOR = 2
    ADMIN = 3


GET_VIEWER = {"GET": Who.VIEWER}
# By route name; a method that is not here is answered with 405.
PAGES: dict[str, dict[str, Who]] = {
    "fleet": GET_VIEWER,
    "guide-dismiss": {"POST": Who.ADMIN},
    "container-list": GET_VIEWER,
    "node-add": {"GET": Who.ADMIN, "POST": Who.ADMIN},
    "node-detail": GET_VIEWER,
    "node-edit": {"GET": Who.ADMIN, "POST": Who.ADMIN},
    "node-host-key": {"GET": Who.ADMIN, "POST": Who.ADMIN},
    "node-remove": {"GET": Who.ADMIN, "POST": Who.ADMIN},
    "node-reconnect": {"POST": Who.OPERATOR},
    "node-prepare": {"GET": Who.ADMIN, "POST": Who.ADMIN},
    "node-undo-prepare": {"POST": Who.ADMIN},
    "node-selftest": {"POST": Who.OPERATOR},
    "container-detail": GET_VIEWER,
    "container-migrate": {"GET": Who.OPERATOR, "POST": Who.OPERATOR},
    "container-preflight": {"POST": Who.OPERATOR},
    "container-verdicts": {"GET": Who.OPERATOR, "POST": Who.OPERATOR},
    "container-checkpoint": {"GET": Who.OPERATOR, "POST": Who.OPERATOR},
    "container-checkpoint-preflight": {"POST": Who.OPERATOR},
    "container-restore": {"GET": Who.OPERATOR},
    "container-action": {"GET": Who.OPERATOR, "POST": Who.OPERATOR},
    "container-inspect": GET_VIEWER,
    "container-environment": {"POST": Who.OPERATOR},
    "container-log": {"GET": Who.OPERATOR},
    "container-log-file": {"GET": Who.OPERATOR},
    "containers-checkpoint": {"GET": Who.OPERATOR, "POST": Who.OPERATOR},
    "containers-preflight": {"POST": Who.OPERATOR},
    "operation-list": GET_VIEWER,
    "operation-detail": GET_VIEWER,
    "operations-ended": GET_VIEWER,
    "operation-log": {"GET": Who.OPERATOR},
    "operation-log-lines": GET_VIEWER,
    "operation-cancel": {"GET": Who.OPERATOR, "POST": Who.OPERATOR},
    "operation-way-back": {"POST": Who.OPERATOR},
    "containers-migrate": {"GET": Who.OPERATOR, "POST": Who.OPERATOR},
    "node-evacuate": {"GET": Who.OPERATOR, "POST": Who.OPERATOR},
    "batch-list": GET_VIEWER,
    "batch-detail": GET_VIEWER,
    "batch-pause": {"POST": Who.OPERATOR},
    "batch-resume": {"POST": Who.OPERATOR},
    "batch-cancel": {"GET": Who.OPERATOR, "POST": Who.OPERATOR},
    "batch-retry": {"POST": Who.OPERATOR},
    "batch-bring-back": {"GET": Who.OPERATOR, "POST": Who.OPERATOR},
    "batch-skip": {"POST": Who.OPERATOR},
    "archive-list": GET_VIEWER,
    "archive-detail": GET_VIEWER,
    "archive-download": {"GET": Who.OPERATOR, "HEAD": Who.OPERATOR},
    "archive-delete": {"GET": Who.OPERATOR, "POST": Who.OPERATOR},
    "archive-edit": {"GET": Who.OPERATOR, "POST": Who.OPERATOR},
    "archive-pin": {"POST": Who.OPERATOR},
    "archive-verify": {"POST": Who.OPERATOR},
    "archives-change": {"POST": Who.OPERATOR},
    "archives-delete": {"POST": Who.OPERATOR},
    "archives-download": {"POST": Who.OPERATOR},
    "archive-add": {"GET": Who.OPERATOR, "POST": Who.OPERATOR},
    "uploads-begin": {"POST": Who.OPERATOR},
    "upload-pieces": {"HEAD": Who.OPERATOR, "PATCH": Who.OPERATOR, "DELETE": Who.OPERATOR},
    "archive-contents": GET_VIEWER,
    "archive-memory-map": GET_VIEWER,
    "archive-log": {"GET": Who.OPERATOR},
    "archive-log-file": {"GET": Who.OPERATOR},
    "archive-environment": {"POST": Who.OPERATOR},
    "archive-read-again": {"POST": Who.OPERATOR},
    "archive-memory-search": {"GET": Who.ADMIN, "POST": Who.ADMIN},
    "archive-compare": GET_VIEWER,
    "archives-compare": {"GET": Who.VIEWER, "POST": Who.VIEWER},
    "archive-restore": {"GET": Who.OPERATOR, "POST": Who.OPERATOR},
    "archive-restore-preflight": {"POST": Who.OPERATOR},
    "retention": GET_VIEWER,
    "retention-edit": {"GET": Who.OPERATOR, "POST": Who.OPERATOR},
    "retention-apply": {"POST": Who.OPERATOR},
    "schedule-list": GET_VIEWER,
    "schedule-add": {"GET": Who.OPERATOR, "POST": Who.OPERATOR},
    "schedule-detail": GET_VIEWER,
    "schedule-edit": {"GET": Who.OPERATOR, "POST": Who.OPERATOR},
    "schedule-delete": {"GET": Who.OPERATOR, "POST": Who.OPERATOR},
    "schedule-run": {"POST": Who.OPERATOR},
    "schedule-switch": {"POST": Who.OPERATOR},
    "schedule-apply": {"POST": Who.OPERATOR},
    "search": GET_VIEWER,
    "account": {"GET": Who.VIEWER, "POST": Who.VIEWER},
    "token-delete": {"GET": Who.VIEWER, "POST": Who.VIEWER},
    "audit-log": {"GET": Who.ADMIN},
    "ready": {"GET": Who.ANYBODY},
    "metrics": {"GET": Who.ADMIN},
    "login": {"GET": Who.ANYBODY, "POST": Who.ANYBODY},
    "logout": {"POST": Who.ANYBODY},
    "password": {"GET": Who.VIEWER, "POST": Who.VIEWER},
}
# Django's own pages of users and groups, tested as one.
NOT_OURS = "admin/"

API: dict[tuple[str, str], Who] = {
    ("GET", "/site-key"): Who.VIEWER,
    ("GET", "/nodes"): Who.VIEWER,
    ("POST", "/nodes"): Who.ADMIN,
    ("GET", "/nodes/{int:pk}"): Who.VIEWER,
    ("PATCH", "/nodes/{int:pk}"): Who.ADMIN,
    ("DELETE", "/nodes/{int:pk}"): Who.ADMIN,
    ("POST", "/nodes/{int:pk}/readiness"): Who.OPERATOR,
    ("GET", "/nodes/{int:pk}/history"): Who.VIEWER,
    ("GET", "/nodes/{int:pk}/containers"): Who.VIEWER,
    ("POST", "/nodes/{int:pk}/containers/{podman_id}/actions"): Who.OPERATOR,
    ("GET", "/containers"): Who.VIEWER,
    ("GET", "/operations"): Who.VIEWER,
    ("POST", "/operations"): Who.OPERATOR,
    ("POST", "/operations/preflight"): Who.OPERATOR,
    ("GET", "/operations/{int:pk}"): Who.VIEWER,
    ("GET", "/operations/{int:pk}/events"): Who.VIEWER,
    ("GET", "/operations/{int:pk}/logs"): Who.OPERATOR,
    ("GET", "/operations/{int:pk}/logs/{int:log_pk}"): Who.OPERATOR,
    ("POST", "/operations/{int:pk}/cancel"): Who.OPERATOR,
    ("POST", "/operations/{int:pk}/look-again"): Who.OPERATOR,
    ("POST", "/operations/{int:pk}/way-back"): Who.OPERATOR,
    ("POST", "/operations/{int:pk}/retry"): Who.OPERATOR,
    ("GET", "/batches"): Who.VIEWER,
    ("POST", "/batches"): Who.OPERATOR,
    ("POST", "/batches/plan"): Who.OPERATOR,
    ("GET", "/batches/{int:pk}"): Who.VIEWER,
    ("POST", "/batches/{int:pk}/pause"): Who.OPERATOR,
    ("POST", "/batches/{int:pk}/resume"): Who.OPERATOR,
    ("POST", "/batches/{int:pk}/cancel"): Who.OPERATOR,
    ("POST", "/batches/{int:pk}/retry"): Who.OPERATOR,
    ("POST", "/batches/{int:pk}/bring-back"): Who.OPERATOR,
    ("POST", "/batches/{int:pk}/items/{int:item}/skip"): Who.OPERATOR,
    ("GET", "/archives"): Who.VIEWER,
    ("POST", "/archives"): Who.OPERATOR,
    ("GET", "/archives/{int:pk}"): Who.VIEWER,
    ("PATCH", "/archives/{int:pk}"): Who.OPERATOR,
    ("DELETE", "/archives/{int:pk}"): Who.OPERATOR,
    ("GET", "/archives/{int:pk}/download"): Who.OPERATOR,
    ("HEAD", "/archives/{int:pk}/download"): Who.OPERATOR,
    ("POST", "/archives/{int:pk}/verify"): Who.OPERATOR,
    ("GET", "/archives/{int:pk}/contents"): Who.VIEWER,
    ("POST", "/archives/{int:pk}/contents"): Who.OPERATOR,
    ("GET", "/archives/{int:pk}/contents/{section}"): Who.VIEWER,
    ("GET", "/archives/{int:pk}/compare/{int:other}"): Who.VIEWER,
    ("POST", "/archives/{int:pk}/environment"): Who.OPERATOR,
    ("POST", "/archives/{int:pk}/memory-search"): Who.ADMIN,
    ("GET", "/archives/retention"): Who.VIEWER,
    ("PUT", "/archives/retention"): Who.OPERATOR,
    ("GET", "/schedules"): Who.VIEWER,
    ("POST", "/schedules"): Who.OPERATOR,
    ("GET", "/schedules/{int:pk}"): Who.VIEWER,
    ("PATCH", "/schedules/{int:pk}"): Who.OPERATOR,
    ("DELETE", "/schedules/{int:pk}"): Who.OPERATOR,
    ("POST", "/schedules/{int:pk}/run"): Who.OPERATOR,
    ("GET", "/schedules/{int:pk}/runs"): Who.VIEWER,
    ("GET", "/schedules/{int:pk}/retention"): Who.VIEWER,
    **{
        (method, "/{path:address}"): Who.VIEWER
        for method in ("GET", "HEAD", "POST", "PUT", "PATCH", "DELETE")
    },
}


def page_routes() -> list[str]:
    """Return the name of every page, "" for one without a name."""
    return sorted(_names(get_resolver().url_patterns, ""))


def _names(patterns: list[URLPattern | URLResolver], prefix: str) -> Iterator[str]:
    for pattern in patterns:
        path = prefix + str(pattern.pattern)
        if path.startswith((NOT_OURS, "api/v1/")):
            continue
        if isinstance(pattern, URLResolver):
            yield from _names(pattern.url_patterns, path)
        else:
            yield pattern.name or ""


def api_calls(site_api: NinjaAPI = api) -> list[tuple[str, str]]:
    """Return method and path of every call of the API."""
    return sorted(
        (method, f"{prefix}{path}")
        for prefix, router in site_api._routers
        for path, view in router.path_operations.items()
        for operation in view.operations
        for method in operation.methods
    )
