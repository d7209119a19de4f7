"""Show the end of a container's log as a person reads it."""

from __future__ import annotations

import re
from collections import deque
from typing import Final

from nodes.catalog.contents import ContainerLog
from nodes.criu.images.entries import Read

TAIL_BYTES: Final = 256 * 1024

# Podman's k8s-file driver: time, stream, F for a full line or P for a part of one, text.
_LINE: Final = re.compile(
    r"^(\d{4}-\d\d-\d\dT\d\d:\d\d:\d\d)(\.\d+)?(Z|[+-]\d\d:\d\d) (stdout|stderr) ([FP]) ?(.*)$"
)


def read_log(read: Read) -> ContainerLog:
    """Return the last lines of ctr.log, without holding more of it than those."""
    pieces: deque[bytes] = deque()
    held_bytes = total_bytes = 0
    while piece := read(TAIL_BYTES):
        pieces.append(piece)
        held_bytes += len(piece)
        total_bytes += len(piece)
        while held_bytes - len(pieces[0]) >= TAIL_BYTES:
            held_bytes -= len(pieces.popleft())
    tail = b"".join(pieces)[-TAIL_BYTES:]
    if total_bytes > TAIL_BYTES:
        # Its first line is cut.
        tail = tail.partition(b"\n")[2]
    return ContainerLog(
        text=_as_read(tail.decode(errors="replace")),
        bytes=total_bytes,
        left_out_bytes=total_bytes - len(tail),
    )


def _as_read(text: str) -> str:
    lines: list[str] = []
    goes_on = False
    for line in text.split("\n"):
        found = _LINE.match(line)
        if not found:
            lines.append(line)
            goes_on = False
            continue
        date_time, fraction, zone, stream, part, words = found.groups()
        if goes_on:
            lines[-1] += words
        else:
            milliseconds = (fraction or "")[:4]
            lines.append(f"{date_time}{milliseconds}{zone} {stream} {words}")
        goes_on = part == "P"
    return "\n".join(lines)
