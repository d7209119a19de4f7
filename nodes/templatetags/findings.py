"""Pick findings by level, and show the commands that messages and remedies name."""

from __future__ import annotations

import re
from collections.abc import Iterable
from typing import Any

from django import template
from django.utils.html import format_html, format_html_join
from django.utils.safestring import SafeString

register = template.Library()
_COMMAND = re.compile(r"`([^`]+)`")


@register.filter
def at_level(findings: Iterable[Any], level: str) -> list[Any]:
    """Return the findings of one level; they may be Finding objects or stored dicts."""
    return [finding for finding in findings or [] if _level(finding) == level]


@register.filter
def of_check(findings: Iterable[dict[str, Any]], check: str) -> list[dict[str, Any]]:
    """Return the stored findings of one check: one or none."""
    return [finding for finding in findings or [] if finding["check"] == check]


def _level(finding: Any) -> str:
    return str(finding["level"] if isinstance(finding, dict) else finding.level)


@register.filter
def with_commands(text: str) -> SafeString:
    """Escape a sentence and set what stands in `backquotes` as code."""
    parts = _COMMAND.split(str(text))
    # split() with one group alternates: text, command, text, …
    return format_html_join(
        "",
        "{}",
        (
            (format_html("<code>{}</code>", part) if index % 2 else part,)
            for index, part in enumerate(parts)
        ),
    )
