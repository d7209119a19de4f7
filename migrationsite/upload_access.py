"""Tell who sends a large body before any of it is taken: it must be somebody who may upload."""

from __future__ import annotations

from importlib import import_module
from io import BytesIO
from typing import Any

from django.conf import settings
from django.contrib.auth import get_user
from django.core.handlers.asgi import ASGIRequest
from django.db import close_old_connections
from django.http import HttpResponse

from nodes.api.problems import problem_response
from nodes.models import ApiToken
from nodes.problem import Problem

PERMISSION = "nodes.add_archive"
API_PATH = "/api/v1/archives"
_SCHEME = "bearer"


class NotAllowed(Exception):
    """``answer`` is what to say instead of taking the body."""

    def __init__(self, answer: HttpResponse) -> None:
        super().__init__(answer.status_code)
        self.answer = answer


def uploader_of(scope: Any) -> int:
    """Return the key of the user whose token or session the request has. Raises NotAllowed.

    It asks the database. The token against forgery is Django's own affair, later.
    """
    close_old_connections()
    # No body: nothing of it has come.
    request = ASGIRequest(scope, BytesIO())
    is_program = scope["path"] == API_PATH
    user = _user_of_token(request) if is_program else _user_of_session(request)
    if user is None or not user.is_active:
        raise NotAllowed(_answer(is_program, 401, "Sign in first."))
    if not user.has_perm(PERMISSION):
        raise NotAllowed(_answer(is_program, 403, f"{user.get_username()} lacks {PERMISSION}."))
    return int(user.pk)


def _user_of_token(request: ASGIRequest) -> Any:
    scheme, _, token = request.headers.get("Authorization", "").partition(" ")
    row = ApiToken.authenticate(token.strip()) if scheme.lower() == _SCHEME else None
    return row.user if row is not None else None


def _user_of_session(request: ASGIRequest) -> Any:
    key = request.COOKIES.get(settings.SESSION_COOKIE_NAME)
    request.session = import_module(settings.SESSION_ENGINE).SessionStore(key)
    user = get_user(request)
    return user if user.is_authenticated else None


def _answer(is_program: bool, status: int, message: str) -> HttpResponse:
    if not is_program:
        # A page cannot ask for a name and password any more: the browser still sends.
        text = f"{message} Then load the page for uploads again.\n"
        return HttpResponse(text, status=403, content_type="text/plain; charset=utf-8")
    if status == 403:
        remedy = "Ask an admin for a higher role."
        return problem_response(403, Problem(code="forbidden", message=message, remedy=remedy))
    problem = Problem(
        code="not_authenticated",
        message="This call needs a valid API token.",
        remedy="Make one on the account page and send `Authorization: Bearer TOKEN`.",
    )
    response = problem_response(401, problem)
    response["WWW-Authenticate"] = "Bearer"
    return response
