"""Messages that say what was done and offer to undo it."""

from __future__ import annotations

import json
from collections.abc import Iterable

from django.contrib import messages
from django.http import HttpRequest


def say_with_undo(
    request: HttpRequest, text: str, url: str, fields: Iterable[tuple[str, str]]
) -> None:
    """Say what was done; the message has a button that posts the fields to ``url``."""
    # A message has no other place for data of its own; templatetags/undo.py reads it.
    undo = json.dumps({"url": url, "fields": list(fields)})
    messages.success(request, text, extra_tags=undo)
