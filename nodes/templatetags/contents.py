"""Word what an archive holds."""

from __future__ import annotations

import re
import stat
from collections.abc import Iterable, Mapping
from datetime import datetime
from typing import Any

from django import template
from django.utils.html import conditional_escape, format_html, format_html_join
from django.utils.safestring import SafeString

from nodes.templatetags.units import bytes_text

register = template.Library()
KINDS = {
    "code": "Code",
    "data": "Data",
    "heap": "Heap",
    "stack": "Stack",
    "anonymous": "Anonymous",
    "shared": "Shared",
    "file": "Files",
    "other": "Other",
}
# Of a whole archive.
PARTS = {
    "memory": "Memory",
    "rootfs": "Root filesystem",
    "volumes": "Volumes",
    "rest": "Everything else",
}
CHANGES = {"added": "+", "removed": "−", "deleted": "−", "changed": "~", "written": "~"}
_MODE_TYPES = {
    "file": stat.S_IFREG,
    "directory": stat.S_IFDIR,
    "symlink": stat.S_IFLNK,
    "fifo": stat.S_IFIFO,
    "device": stat.S_IFCHR,
}
_ID = re.compile(r"[0-9a-f]{64}")


@register.filter
def number_text(value: float | str | None) -> str:
    """Return 16 488 for 16488, with narrow spaces."""
    return f"{int(value or 0):,}".replace(",", "\N{NARROW NO-BREAK SPACE}")


@register.filter
def kind_title(kind: str) -> str:
    """Name a kind of memory, or a part of an archive."""
    return KINDS.get(kind) or PARTS.get(kind) or plain(kind)


@register.filter
def mapped_bytes(mapping: Mapping[str, Any]) -> int:
    return int(mapping["end"]) - int(mapping["start"])


@register.filter
def port_range(port: Mapping[str, Any], first: int) -> str:
    """Return 8090, or 8090-8099 for a range of ports."""
    last = first + max(int(port["range"] or 1), 1) - 1
    return f"{first}-{last}" if last > first else str(first)


@register.filter
def short_ids(path: str) -> str:
    """Shorten the ids of containers in a path as Podman shortens them."""
    return _ID.sub(lambda found: f"{found[0][:12]}…", path)


@register.filter
def moment(text: str) -> str:
    """Return an archive's own time as a page writes times, or as it is if it is none."""
    try:
        return f"{datetime.fromisoformat(text):%Y-%m-%d %H:%M:%S %Z}".rstrip()
    except ValueError:
        return text


@register.filter
def address(value: int) -> str:
    return f"{value:012x}"


@register.filter
def mode_text(entry: Mapping[str, Any]) -> str:
    """Return drwxr-xr-x, as `ls` writes it."""
    kind = _MODE_TYPES.get(str(entry["type"]), 0)
    return stat.filemode(kind | (int(entry["mode"]) & 0o7777)).replace("?", "-")


@register.filter
def change_sign(change: str) -> str:
    """Return the sign that says what the colour says."""
    return CHANGES.get(change, "")


@register.filter
def with_unit(value: str | int, unit: str) -> str:
    """Write one side of a difference; a number may be one of bytes."""
    return bytes_text(value) if unit == "bytes" else str(value)


@register.filter
def command_line(words: Iterable[str]) -> str:
    """Join the words as they are: what is shown is not meant to be run."""
    return " ".join(word if word else "''" for word in words)


@register.filter
def marked(text: str, search: str) -> SafeString:
    """Escape the text and mark where it holds the search, whatever the case."""
    if not search:
        return conditional_escape(text)
    folded, wanted = text.casefold(), search.casefold()
    if len(folded) != len(text):  # ß and the like: positions would not be those of the text
        folded, wanted = text.lower(), search.lower()
    if len(folded) != len(text) or not wanted:
        return conditional_escape(text)
    found: list[str] = []
    done = 0
    while (at := folded.find(wanted, done)) >= 0:
        end = at + len(wanted)
        found += [text[done:at], format_html("<mark>{}</mark>", text[at:end])]
        done = end
    return format_html_join("", "{}", ((part,) for part in [*found, text[done:]]))


def plain(name: str) -> str:
    """Write a name that no table knows as words."""
    return name.replace("_", " ").capitalize()
