"""How long to wait before the next try: longer each time, until one has lasted."""

from __future__ import annotations

import time
from collections.abc import Callable


class Retry:
    def __init__(
        self, first_s: float, most_s: float, clock: Callable[[], float] = time.monotonic
    ) -> None:
        self._first_s = first_s
        self._most_s = most_s
        self._clock = clock
        self._delay_s = first_s
        self._begun_at = clock()

    def begin(self) -> None:
        self._begun_at = self._clock()

    def next_delay_s(self) -> float:
        """Return how long to wait now; as at first if the try lasted longer than any wait."""
        if self._clock() - self._begun_at > self._most_s:
            self._delay_s = self._first_s
        delay_s = self._delay_s
        self._delay_s = min(delay_s * 2, self._most_s)
        return delay_s
