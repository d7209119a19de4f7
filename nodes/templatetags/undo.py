"""Read from a message how what it tells can be undone."""

from __future__ import annotations

import json
from typing import Any

from django import template
from django.contrib.messages.storage.base import Message

register = template.Library()


@register.filter
def undo_of(message: Message) -> dict[str, Any] | None:
    """Return ``url`` and ``fields`` of the form that undoes it, None where nothing can."""
    if not message.extra_tags or not message.extra_tags.startswith("{"):
        return None
    undo: dict[str, Any] = json.loads(message.extra_tags)
    return undo
