"""Show a unified diff line by line."""

from __future__ import annotations

from dataclasses import dataclass

from django import template

register = template.Library()
_KINDS = {"+": "added", "-": "removed", "@": "place"}


@dataclass(frozen=True, kw_only=True)
class DiffLine:
    kind: str  # added, removed, place, file or same
    text: str


@register.filter
def diff_lines(diff: str) -> list[DiffLine]:
    """Return the lines of a diff, each with what it says."""
    return [
        DiffLine(
            # The first two name the files.
            kind="file" if number < 2 else _KINDS.get(line[:1], "same"),
            text=line,
        )
        for number, line in enumerate(diff.splitlines())
    ]
