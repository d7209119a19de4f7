"""What every page needs for its frame."""

from __future__ import annotations

from typing import Any

from django.http import HttpRequest

from nodes.models import Operation
from nodes.models.role import role_of
from nodes.views.batch import active_batches


def site_navigation(request: HttpRequest) -> dict[str, Any]:
    """Return the number of operations under way, and the user's role, for signed-in users."""
    user = getattr(request, "user", None)
    if user is None or not user.is_authenticated:
        return {}
    return {
        "active_operations": Operation.objects.active().select_related("source", "destination"),
        "active_batches": active_batches(),
        "role": role_of(user),
    }
