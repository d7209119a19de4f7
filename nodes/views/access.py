"""Who may see and do what. Every view carries one of these decorators."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

from django.contrib.auth.decorators import login_required, permission_required
from django.http import HttpRequest, HttpResponseBase

View = Callable[..., HttpResponseBase]


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


def admin(view: View) -> View:
    """Let in who may manage nodes."""
    return _requires("nodes.manage_nodes", view)


def auditor(view: View) -> View:
    return _requires("nodes.view_auditevent", view)


def _requires(permission: str, view: View) -> View:
    checked: View = login_required(permission_required(permission, raise_exception=True)(view))
    return checked


def is_operator(request: HttpRequest) -> bool:
    user: Any = request.user
    return bool(user.has_perm("nodes.operate"))
