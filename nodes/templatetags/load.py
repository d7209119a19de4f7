"""What of a host is in use, from the facts of its last check."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

from django import template

register = template.Library()


@register.filter
def memory_used_bytes(facts: Mapping[str, Any]) -> int:
    """Return what programs hold; the page cache, which makes room for them, is none of it."""
    total = int(facts.get("memory_total_bytes") or 0)
    available = int(facts.get("memory_available_bytes") or 0)
    return max(total - available, 0)
