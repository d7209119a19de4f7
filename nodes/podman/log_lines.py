"""Make lines of a container's log fit to be shown: what a program writes is not to be trusted."""

from __future__ import annotations

import re
from dataclasses import dataclass
from datetime import datetime

MOST_CHARS = 4000
# UTF-8 has up to four bytes a character, and a timestamp comes before.
_MOST_BYTES = 4 * MOST_CHARS + 64
_TIMESTAMP = re.compile(r"(\d{4}-\d\d-\d\dT\d\d:\d\d:\d\d(?:\.\d+)?(?:Z|[+-]\d\d:\d\d)) ?")
_MAY_ESCAPE = re.compile(r"[\x1b\x90-\x9f]")
# ECMA-48: control sequences, strings (titles, links) up to their end, and lone escapes. As on a
# terminal any escape ends a string, so that none is ever read again from another beginning: a
# line of beginnings only would take the square of its length.
_ESCAPES = re.compile(
    r"(?:\x1b\[|\x9b)[0-?]*+[ -/]*+[@-~]"
    r"|(?:\x1b[\]PX^_]|[\x90\x98\x9d\x9e\x9f])[^\x07\x1b\x9c]*+(?:\x07|\x1b\\|\x9c)?"
    r"|\x1b[ -/]*+[0-~]?"
)
# Neither control characters nor those that turn the direction of what follows.
_UNSEEN = re.compile(r"[\x00-\x08\x0a-\x1f\x7f-\x9f\u200e\u200f\u202a-\u202e\u2066-\u2069]")


@dataclass(frozen=True, kw_only=True)
class LogLine:
    text: str
    # None for what Podman itself says.
    at: datetime | None = None
    # The characters beyond MOST_CHARS, or at least so many.
    cut_chars: int = 0


def parse_log_line(raw: bytes) -> LogLine:
    """Read a line of `podman logs --timestamps`; never raises, whatever the bytes."""
    text = raw[:_MOST_BYTES].decode(errors="replace")
    at = None
    if match := _TIMESTAMP.match(text):
        at = _time(match[1])
        text = text[match.end() :] if at else text
    text = _last_written(text)
    cut = max(len(text) - MOST_CHARS, 0) + max(len(raw) - _MOST_BYTES, 0)
    # First cut, then read: what is not shown costs nothing.
    text = text[:MOST_CHARS]
    if _MAY_ESCAPE.search(text):
        text = _ESCAPES.sub("", text)
    return LogLine(text=_UNSEEN.sub("", text), at=at, cut_chars=cut)


def _last_written(text: str) -> str:
    # A progress bar begins its line anew: only the last is what a terminal would show.
    return text.rstrip("\r").rpartition("\r")[2]


def _time(text: str) -> datetime | None:
    try:
        return datetime.fromisoformat(text)
    except ValueError:
        return None


def split_lines(data: bytes, most: int) -> tuple[int, list[bytes], bytes]:
    """Return how many lines are left out, the last ``most`` whole ones, and what has no end yet."""
    end = data.rfind(b"\n")
    if end < 0:
        return 0, [], data
    total = data.count(b"\n")
    start = 0
    if total > most:
        before = end
        # Not split(): four million empty lines are as many objects.
        for _ in range(most):
            before = data.rfind(b"\n", 0, before)
        start = before + 1
    return max(total - most, 0), data[start:end].split(b"\n"), data[end + 1 :]
