"""Answer errors as RFC 9457 problem details."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from http import HTTPStatus
from typing import Any

from django.forms import BaseForm
from django.http import JsonResponse

from nodes.problem import FerryError, Problem

CONTENT_TYPE = "application/problem+json"


class Unprocessable(FerryError):
    """What was sent cannot be meant; ``errors`` says field by field why."""

    code = "invalid_request"

    def __init__(self, message: str, *, code: str = "", remedy: str = "", field: str = "") -> None:
        self.code = code or type(self).code
        super().__init__(message, remedy=remedy)
        self.errors = [{"field": field, "detail": message}] if field else []


class InvalidForm(Unprocessable):
    def __init__(self, form: BaseForm) -> None:
        super().__init__("Some fields do not hold what they must.")
        self.errors = [
            {"field": "" if name == "__all__" else name, "detail": str(detail)}
            for name, details in form.errors.items()
            for detail in details
        ]


def problem_response(
    status: int,
    problem: Problem,
    *,
    errors: Sequence[Mapping[str, str]] = (),
    extra: Mapping[str, Any] | None = None,
) -> JsonResponse:
    """Answer a problem; ``extra`` holds what this one problem has beside the usual members."""
    body: dict[str, Any] = {
        # No pages describe the types: the code tells them apart (RFC 9457, 4.2.1).
        "type": "about:blank",
        "title": HTTPStatus(status).phrase,
        "status": status,
        "detail": problem.message,
        "code": problem.code,
        "cause": problem.cause,
        "remedy": problem.remedy,
    }
    if problem.options:
        body["options"] = problem.options
    if errors:
        body["errors"] = list(errors)
    return JsonResponse({**body, **(extra or {})}, status=status, content_type=CONTENT_TYPE)
