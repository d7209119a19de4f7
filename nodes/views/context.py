"""What every page needs for its frame."""

from __future__ import annotations

from typing import Any

from django.http import HttpRequest

from nodes.models import Operation
from nodes.models.role import rights_of
from nodes.views.batch import active_batches
from nodes.views.tray import just_ended

_LETTERS = {"operation-detail": "", "batch-detail": "b"}


def site_navigation(request: HttpRequest) -> dict[str, Any]:
    """Return what the tray shows, and what the user may do, for signed-in users."""
    user = getattr(request, "user", None)
    if user is None or not user.is_authenticated:
        return {}
    rights = rights_of(user)
    shown = _shown(request)
    return {
        "tray_shown": shown,
        "active_operations": Operation.objects.active().select_related("source", "destination"),
        "active_batches": active_batches(),
        **just_ended(user, shown),
        "rights": rights,
        "role": rights.role,
    }


def _shown(request: HttpRequest) -> str:
    """Return what the page is about, as just_ended() takes it."""
    match = request.resolver_match
    if match is None or match.url_name not in _LETTERS:
        return ""
    return f"{match.kwargs['pk']}{_LETTERS[match.url_name]}"
