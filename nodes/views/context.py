"""What every page needs for its frame."""

from __future__ import annotations

from typing import Any

from django.http import HttpRequest

from nodes.models import Operation
from nodes.models.role import rights_of
from nodes.views.batch import active_batches
from nodes.views.tray import ended_operations


def site_navigation(request: HttpRequest) -> dict[str, Any]:
    """Return what the tray shows, and what the user may do, for signed-in users."""
    user = getattr(request, "user", None)
    if user is None or not user.is_authenticated:
        return {}
    rights = rights_of(user)
    shown = _shown_operation(request)
    return {
        "shown_operation": shown,
        "active_operations": Operation.objects.active().select_related("source", "destination"),
        "active_batches": active_batches(),
        "ended_operations": ended_operations(user, shown=shown),
        "rights": rights,
        "role": rights.role,
    }


def _shown_operation(request: HttpRequest) -> int:
    match = request.resolver_match
    return match.kwargs["pk"] if match and match.url_name == "operation-detail" else 0
