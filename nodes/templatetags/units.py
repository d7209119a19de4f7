"""Write sizes and times as people read them."""

from __future__ import annotations

import re
from datetime import datetime, timedelta
from typing import Any

from django import template
from django.utils import timezone
from django.utils.html import format_html
from django.utils.safestring import SafeString, mark_safe

register = template.Library()
_STEP = 1024
# A rate that nothing has confirmed for so long is no longer true.
STALE_AFTER = timedelta(seconds=5)
# No text can look like it: what is not ours is escaped.
_TIME_ELEMENT = re.compile(r'(<time class="nowrap" datetime="([^"]+)"[^>]* data-ago>)[^<]+')


@register.filter
def bytes_text(value: float | str | None) -> str:
    """Return "64.0 MiB" for a number of bytes, "–" for none ("" is a template's word for it)."""
    if value is None or value == "":
        return "–"
    size = float(value)
    for unit in ("B", "KiB", "MiB", "GiB"):
        if size < _STEP:
            return f"{size:.0f} B" if unit == "B" else f"{size:.1f} {unit}"
        size /= _STEP
    return f"{size:.1f} TiB"


@register.filter
def seconds_text(value: float | str | None) -> str:
    """Return "0.31 s", "12.4 s" or "3 min 20 s" for a number of seconds, "–" for none."""
    if value is None or value == "":
        return "–"
    value = float(value)
    if value < 10:
        return f"{value:.2f} s"
    if value < 60:
        return f"{value:.1f} s"
    minutes, seconds = divmod(int(value), 60)
    if minutes < 60:
        return f"{minutes} min {seconds} s"
    hours, minutes = divmod(minutes, 60)
    return f"{hours} h {minutes} min"


@register.filter
def ago(value: datetime | None) -> str:
    """Return "3 min ago" for a time, "never" for none."""
    if value is None:
        return "never"
    seconds = max((timezone.now() - value).total_seconds(), 0)
    for limit, size, unit in ((60, 1, "s"), (3600, 60, "min"), (86400, 3600, "h")):
        if seconds < limit:
            return f"{int(seconds // size)} {unit} ago"
    return f"{int(seconds // 86400)} d ago"


@register.simple_tag
def time_element(at: datetime | None) -> SafeString:
    """Return "3 min ago" with the time itself, which scripts and pointers read."""
    if not at:
        return mark_safe('<span class="muted">never</span>')
    local = timezone.localtime(at)
    return format_html(
        '<time class="nowrap" datetime="{}" title="{} {}" data-ago>{}</time>',
        local.isoformat(timespec="seconds"),
        f"{local:%Y-%m-%d %H:%M:%S}",
        local.tzname(),
        ago(at),
    )


def with_fresh_times(html: str) -> str:
    """Tell the age of each time_element as it is now, in what was rendered a while ago."""
    return _TIME_ELEMENT.sub(
        lambda found: f"{found[1]}{ago(datetime.fromisoformat(found[2]))}", html
    )


@register.filter
def isotime(value: str | None) -> datetime | None:
    """Read the times in an operation's phases."""
    return datetime.fromisoformat(value) if value else None


@register.filter
def phase_seconds(phase: dict[str, Any]) -> float | None:
    """Return how long a phase took, or has taken so far."""
    started = isotime(phase.get("started_at"))
    if started is None:
        return None
    return ((isotime(phase.get("ended_at")) or timezone.now()) - started).total_seconds()


@register.filter
def phase_rate(phase: dict[str, Any]) -> float | None:
    """Return the bytes a second: of the last moments while it runs, of all of it afterwards.

    None while that is not known, and when nothing has moved for some seconds.
    """
    if phase.get("ended_at"):
        seconds = phase_seconds(phase)
        done = phase.get("bytes")
        return done / seconds if done and seconds else None
    moved_at = isotime(phase.get("moved_at"))
    if moved_at is None or timezone.now() - moved_at > STALE_AFTER:
        return None
    return phase.get("rate") or None


@register.filter
def phase_eta(phase: dict[str, Any]) -> float | None:
    """Return the seconds that are left at the present rate, or None while nobody can know."""
    rate = None if phase.get("ended_at") else phase_rate(phase)
    if not rate or not phase.get("total"):
        return None
    return float(max(phase["total"] - phase["bytes"], 0)) / rate


@register.filter
def true_until(phase: dict[str, Any]) -> str:
    """Return until when a phase's rate may be shown if nothing more is heard of it."""
    moved_at = isotime(phase.get("moved_at"))
    return (moved_at + STALE_AFTER).isoformat() if moved_at else ""


@register.filter
def left_text(seconds: float) -> str:
    """Return "about 40 s left": no more exact than an estimate is."""
    if seconds < 5:
        return "a few seconds left"
    if seconds < 57.5:
        return f"about {round(seconds / 5) * 5} s left"
    minutes = max(round(seconds / 60), 1)
    if minutes < 60:
        return f"about {minutes} min left"
    return f"about {minutes // 60} h {minutes % 60} min left"


@register.filter
def leg_eta(leg: dict[str, Any]) -> float | None:
    """Return the seconds that are left at the present rate, or None while that is not known."""
    if not leg["rate"] or not leg["total"]:
        return None
    return float(max(leg["total"] - leg["bytes"], 0)) / float(leg["rate"])


@register.filter
def spaced(option: str) -> str:
    """Return Podman's spelling of an option: --tcp-established."""
    return "--" + option.replace("_", "-")
