"""Read `podman container top`: the processes as the container itself numbers them."""

from __future__ import annotations

from dataclasses import dataclass

from nodes.podman.answer import reading
from nodes.podman.argv import top_argv

_KIB = 1024


@dataclass(frozen=True, kw_only=True, order=True)
class Process:
    pid: int
    command: str
    rss_bytes: int


def processes_argv(container: str) -> list[str]:
    return top_argv(container, "pid", "rss", "comm")


@reading("podman container top")
def parse_processes(text: str) -> list[Process]:
    """Read the table of processes_argv; rss is in KiB there. Raises UnreadableAnswer."""
    rows = (line.split(None, 2) for line in text.splitlines()[1:])
    return sorted(
        Process(pid=int(row[0]), rss_bytes=int(row[1]) * _KIB, command=row[2].strip())
        for row in rows
        if len(row) == 3
    )
