"""Read what `podman stats` measures, one line of JSON for each container and round."""

from __future__ import annotations

import json
from dataclasses import dataclass

from nodes.podman.answer import number_of, text_of

_INT_64 = 2**63 - 1


@dataclass(frozen=True, kw_only=True)
class Measured:
    """Counts since the container began; ``clock_ns`` is the node's own, to be subtracted."""

    podman_id: str
    cpu_ns: int
    clock_ns: int
    memory_bytes: int
    memory_limit_bytes: int


def stats_argv(*, interval_s: int) -> list[str]:
    """Print figures of all running containers, until nobody reads."""
    # {{json .}} has the counts themselves; --format json only what is rounded for people.
    return [
        "podman", "stats", "--no-reset", "--no-trunc", "--interval", str(interval_s),
        "--format", "{{json .}}",
    ]  # fmt: skip


def parse_measured(line: str) -> Measured | None:
    """Read one line; None for what is no figure, as for a warning between them."""
    start = line.find("{")
    if start < 0:
        return None
    try:
        row = json.loads(line[start:])
        return Measured(
            podman_id=text_of(row["ContainerID"], 64),
            cpu_ns=number_of(row["CPUNano"], 0, _INT_64),
            clock_ns=number_of(row["SystemNano"], 0, _INT_64),
            memory_bytes=number_of(row["MemUsage"], 0, _INT_64),
            # Without a limit some kernels tell the greatest number that there is.
            memory_limit_bytes=number_of(row.get("MemLimit"), 0, 2 * _INT_64 + 1),
        )
    except (ValueError, LookupError, TypeError, AttributeError, RecursionError, OverflowError):
        return None
