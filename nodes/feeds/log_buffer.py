"""The last lines of a log, numbered, so that each page knows what it has not seen."""

from __future__ import annotations

from collections import deque
from dataclasses import dataclass

from nodes.podman.log_lines import LogLine

KEEP_LINES = 2000
KEEP_CHARS = 2_000_000


@dataclass(frozen=True, kw_only=True)
class Gap:
    """So many lines were left out; None: more than could be read."""

    lines: int | None


Entry = LogLine | Gap


class LogBuffer:
    def __init__(self) -> None:
        self._kept: deque[Entry] = deque()
        self._chars = 0
        # The number that the next entry gets; the kept ones have those just before it.
        self._next = 0

    def keep(self, entry: Entry) -> None:
        self._kept.append(entry)
        self._next += 1
        self._chars += _chars(entry)
        while len(self._kept) > KEEP_LINES or self._chars > KEEP_CHARS:
            self._chars -= _chars(self._kept.popleft())

    @property
    def last(self) -> Entry | None:
        return self._kept[-1] if self._kept else None

    def since(self, number: int | None, most: int) -> tuple[int, list[Entry]]:
        """Return the number to ask with next, and at most so many entries from this one on.

        None asks for the end: who begins has missed nothing.
        """
        oldest = self._next - len(self._kept)
        first = max(number or 0, oldest, self._next - most)
        wanted = [self._kept[index - oldest] for index in range(first, self._next)]
        if number is not None and first > number:
            wanted.insert(0, Gap(lines=first - number))
        return self._next, wanted


def _chars(entry: Entry) -> int:
    return len(entry.text) if isinstance(entry, LogLine) else 0
