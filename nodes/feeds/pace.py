"""Read no faster than a rate, and notice when that is too slow to keep up."""

from __future__ import annotations

import asyncio
import time


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
