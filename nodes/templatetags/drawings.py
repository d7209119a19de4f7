"""Draw what an archive holds: bars of memory, and of the time that CRIU took."""

from __future__ import annotations

from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass
from typing import Any

from django import template

from nodes.templatetags.contents import KINDS, PARTS, plain

register = template.Library()
PAGE_BYTES = 4096
TIMINGS = {
    "freezing_time": ("Freezing", "until every process had stopped"),
    "frozen_time": ("Frozen", "no process ran"),
    "memdump_time": ("Memory dump", "taking the pages out of the processes"),
    "memwrite_time": ("Memory write", "writing them to disk"),
    "irmap_resolve": ("Watched files", "finding the paths of inotify watches"),
}
COUNTS = {
    "pages_scanned": "pages looked at",
    "pages_written": "pages written",
    "pages_skipped_parent": "pages already in an earlier checkpoint",
    "pages_lazy": "pages left for later",
    "shpages_scanned": "shared pages looked at",
    "shpages_written": "shared pages written",
    "shpages_skipped_parent": "shared pages already in an earlier checkpoint",
}
_US_PER_S = 1_000_000
_US_PER_MS = 1000


@dataclass(frozen=True, kw_only=True)
class Piece:
    """A part of a bar, in percent of the whole."""

    kind: str
    bytes: int
    start: float
    width: float


@dataclass(frozen=True, kw_only=True)
class TimingBar:
    title: str
    sentence: str
    value: int
    width: float


@register.filter
def pieces(parts: Iterable[Mapping[str, Any]], whole_bytes: int) -> list[Piece]:
    """Return the parts side by side, in one order whatever order they come in."""
    sizes = {str(part["kind"]): int(part["bytes"]) for part in parts if part["bytes"] > 0}
    known = (*KINDS, *PARTS)
    order = [kind for kind in (*known, *sorted(sizes.keys() - set(known))) if kind in sizes]
    found: list[Piece] = []
    done = 0
    for kind in order:
        found.append(
            Piece(
                kind=kind,
                bytes=sizes[kind],
                start=_percent(done, whole_bytes),
                width=_percent(sizes[kind], whole_bytes),
            )
        )
        done += sizes[kind]
    return found


@register.filter
def timing_bars(timings: Sequence[Mapping[str, Any]]) -> list[TimingBar]:
    """Return CRIU's times, each as long as its share of the longest."""
    times = [timing for timing in timings or [] if timing["unit"] == "us"]
    longest = max((timing["value"] for timing in times), default=0)
    return [
        TimingBar(
            title=TIMINGS.get(timing["name"], (plain(timing["name"]), ""))[0],
            sentence=TIMINGS.get(timing["name"], ("", ""))[1],
            value=timing["value"],
            width=_percent(timing["value"], longest),
        )
        for timing in times
    ]


@register.filter
def timing_counts(timings: Sequence[Mapping[str, Any]]) -> list[dict[str, Any]]:
    """Return CRIU's counts of pages, with their size, leaving out those that are nothing."""
    return [
        {
            "title": COUNTS.get(timing["name"], plain(timing["name"])),
            "value": timing["value"],
            "bytes": timing["value"] * PAGE_BYTES,
        }
        for timing in timings or []
        if timing["unit"] == "pages" and timing["value"]
    ]


@register.filter
def microseconds_text(value: float | str | None) -> str:
    """Return "153 µs", "4.2 ms", "310 ms" or "1.25 s" for microseconds, "–" for none."""
    if value is None or value == "":
        return "–"
    value = float(value)
    if value < _US_PER_MS:
        return f"{value:.0f} µs"
    if value < _US_PER_S:
        return f"{value / _US_PER_MS:.{1 if value < 100 * _US_PER_MS else 0}f} ms"
    return f"{value / _US_PER_S:.2f} s"


def _percent(part: int, whole: int) -> float:
    return round(min(part / whole, 1) * 100, 3) if whole else 0.0
