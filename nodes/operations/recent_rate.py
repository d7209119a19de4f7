"""How fast bytes have moved in the last moments: it tells how long the rest will take."""

from __future__ import annotations

import time
from collections import deque

RATE_OVER_S = 5.0


class RecentRate:
    """Bytes a second over the last seconds; the average of hours says nothing about now."""

    def __init__(self) -> None:
        self._seen: deque[tuple[float, int]] = deque(maxlen=64)

    def note(self, done_bytes: int) -> None:
        self._seen.append((time.monotonic(), done_bytes))

    def forget(self) -> None:
        """Begin anew: what stood still has no rate."""
        self._seen.clear()

    @property
    def bytes_per_s(self) -> float | None:
        """Return the present rate, None before there is anything to measure."""
        now = time.monotonic()
        recent = [mark for mark in self._seen if now - mark[0] <= RATE_OVER_S]
        if len(recent) < 2 or recent[-1][0] == recent[0][0]:
            return None
        return (recent[-1][1] - recent[0][1]) / (recent[-1][0] - recent[0][0])
