"""Who may see and do what. Every view carries one of these decorators."""

from __future__ import annotations

import hmac
from collections.abc import Callable
from functools import wraps
from typing import Any

from django.conf import settings
from django.contrib.auth.decorators import login_required, permission_required
from django.http import HttpRequest, HttpResponse, HttpResponseBase

View = Callable[..., HttpResponseBase]


def anybody(view: View) -> View:
    """Let everybody in, signed in or not."""
    return view


def viewer(view: View) -> View:
    """Let any signed-in user in."""
    return login_required(view)


def operator(view: View) -> View:
    """Let in who may start and cancel operations; 403 for other signed-in users."""
    return _requires("nodes.operate", view)


def downloader(view: View) -> View:
    """Let in who may have archives, which hold the memory of processes."""
    return _requires("nodes.download_archive", view)


def archive_deleter(view: View) -> View:
    return _requires("nodes.delete_archive", view)


def uploader(view: View) -> View:
    return _requires("nodes.add_archive", view)


def archive_editor(view: View) -> View:
    """Let in who may rename, note, tag and pin archives."""
    return _requires("nodes.change_archive", view)


def memory_searcher(view: View) -> View:
    return _requires("nodes.search_memory", view)


def admin(view: View) -> View:
    """Let in who may manage nodes."""
    return _requires("nodes.manage_nodes", view)


def auditor(view: View) -> View:
    return _requires("nodes.view_auditevent", view)


def scraper(view: View) -> View:
    """Let in whoever has FERRY_METRICS_TOKEN, and signed-in admins; 401 for another token."""
    for_admins = admin(view)

    @wraps(view)
    def checked(request: HttpRequest, *args: Any, **kwargs: Any) -> HttpResponseBase:
        given = request.headers.get("Authorization")
        if given is None:
            return for_admins(request, *args, **kwargs)
        token = settings.FERRY_METRICS_TOKEN
        if token and hmac.compare_digest(given.encode(), f"Bearer {token}".encode()):
            return view(request, *args, **kwargs)
        refused = HttpResponse("FERRY_METRICS_TOKEN is not this one.\n", status=401)
        refused["WWW-Authenticate"] = "Bearer"
        return refused

    return checked


def _requires(permission: str, view: View) -> View:
    checked: View = login_required(permission_required(permission, raise_exception=True)(view))
    return checked


def is_operator(request: HttpRequest) -> bool:
    user: Any = request.user
    return bool(user.has_perm("nodes.operate"))
