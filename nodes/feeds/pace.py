"""Read no faster than a rate, and notice when that is too slow to keep up."""

from __future__ import annotations

import asyncio
import time
from collections.abc import AsyncIterator, Sequence

LINES_AT_A_STRETCH = 50


class Behind(Exception):
    """More comes than is read, and has done so for too long."""


class Pace:
    def __init__(self, bytes_per_s: int, behind_s: float) -> None:
        self._rate = bytes_per_s
        self._behind_s = behind_s
        self._allowance = float(bytes_per_s)
        self._counted_at = time.monotonic()
        self._slowed_since: float | None = None

    async def keep(self, read_bytes: int) -> None:
        """Wait as long as what was read just now may last. Raises Behind."""
        now = time.monotonic()
        earned = (now - self._counted_at) * self._rate
        self._allowance = min(self._allowance + earned, self._rate) - read_bytes
        self._counted_at = now
        if self._allowance >= 0:
            self._slowed_since = None
            return
        if self._slowed_since is None:
            self._slowed_since = now
        if now - self._slowed_since > self._behind_s:
            raise Behind
        await asyncio.sleep(-self._allowance / self._rate)


async def unhurried(lines: Sequence[bytes]) -> AsyncIterator[bytes]:
    """Yield the lines, and let the loop, which serves all pages, go on after every few."""
    for number, line in enumerate(lines, start=1):
        yield line
        if number % LINES_AT_A_STRETCH == 0:
            await asyncio.sleep(0)
