"""Read the figures that CRIU kept of a dump."""

from __future__ import annotations

from typing import Final

from nodes.criu.images.entries import Read, first_entry

_UNITS: Final = {
    "freezing_time": "us",
    "frozen_time": "us",
    "memdump_time": "us",
    "memwrite_time": "us",
    "irmap_resolve": "us",
    "pages_scanned": "pages",
    "pages_skipped_parent": "pages",
    "pages_written": "pages",
    "pages_lazy": "pages",
    "shpages_scanned": "pages",
    "shpages_skipped_parent": "pages",
    "shpages_written": "pages",
}


def read_dump_timings(read: Read) -> list[tuple[str, int, str]]:
    """Return name, value and unit (us or pages) of what stats-dump holds.

    Raises ImageUnreadable.
    """
    dump = first_entry(read, "stats").dump
    return [
        (name, getattr(dump, name), unit) for name, unit in _UNITS.items() if dump.HasField(name)
    ]
