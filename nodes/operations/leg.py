"""One leg of an archive's way, source to catalog or catalog to destination: moving, slow, still.

A leg that is lost is taken up again at its offset, with growing pauses. One that stands still
although there is more to send, over a connection that answers, is taken up anew once. One that
only is slow is never an error.
"""

from __future__ import annotations

import asyncio
from collections.abc import Awaitable, Callable, Coroutine
from dataclasses import dataclass, field
from typing import Any

from nodes.operations.again import HELD_S, again_when_lost
from nodes.operations.errors import TransferStalled
from nodes.operations.patience import PATIENCE
from nodes.operations.recent_rate import RecentRate
from nodes.operations.report import Phase, Report
from nodes.ssh.errors import NodeUnreachable, SshError

# Returns "" when it moves, in words what it waits for, and None when nothing keeps it but itself.
Look = Callable[[], Awaitable[str | None]]
LOOK_EVERY_S = 2.0
_MIB = 1024 * 1024


class _Stalled(Exception):
    """No byte has moved for long enough."""


def _now() -> float:
    return asyncio.get_running_loop().time()


@dataclass(kw_only=True)
class Leg:
    """``node`` is whose link it is; ``sent_bytes`` counts what was sent twice, too."""

    name: str
    node: str
    report: Report
    phase: Phase
    total_bytes: Callable[[], int | None]
    done_bytes: int = 0
    sent_bytes: int = 0
    moved_at: float = field(default_factory=_now)
    _note: str = ""
    _rate: RecentRate = field(default_factory=RecentRate)

    async def carry(self, attempt: Callable[[], Coroutine[Any, Any, None]], look: Look) -> None:
        """Do ``attempt``, which goes on at the offset, until it ends.

        Raises NodeUnreachable after a loss that lasts, TransferStalled when it stands still again.
        """
        stalled = False

        async def until_it_stands() -> None:
            nonlocal stalled
            while True:
                began = _now()
                try:
                    return await self._watch(attempt(), look)
                except _Stalled:
                    still_s = _now() - self.moved_at
                    if stalled and self.moved_at - began < HELD_S:
                        raise self._stalled_again(still_s) from None
                    stalled = True
                    await self._say(
                        f"{self.name} stands still: no byte has moved for {still_s:.0f} s, "
                        f"though {self.node} answers. It is taken up anew at {self._place}."
                    )

        await again_when_lost(until_it_stands, told=self._lost, moved=lambda: self.done_bytes)

    async def begins_at(self, offset: int) -> None:
        """Say from which byte on an attempt goes."""
        self.done_bytes = offset
        self.moved_at = _now()
        if self._note:
            self._note = ""
            await self.report.log(f"{self.name} goes on at {self._place}.", phase="transfer")
        await self._show()

    async def moved(self, count: int) -> None:
        """Say that so many bytes more have moved."""
        self.sent_bytes += count
        self.done_bytes += count
        self.moved_at = _now()
        self._note = ""
        self._rate.note(self.done_bytes)
        await self._show()

    async def _watch(self, work: Coroutine[Any, Any, None], look: Look) -> None:
        task = asyncio.ensure_future(work)
        try:
            while not task.done():
                await asyncio.wait([task], timeout=min(LOOK_EVERY_S, PATIENCE.stalled_after_s))
                if not task.done() and _now() - self.moved_at >= LOOK_EVERY_S:
                    await self._look(look)
        finally:
            task.cancel()
            await asyncio.wait([task])
        task.result()

    async def _look(self, look: Look) -> None:
        try:
            waits_for = await look()
        except SshError:
            # Whether the connection is lost it says itself, by its keepalive.
            return
        if waits_for is None:
            still_s = _now() - self.moved_at
            self._note = f"No byte has moved for {still_s:.0f} s."
            if still_s >= PATIENCE.stalled_after_s:
                raise _Stalled
        else:
            self.moved_at = _now()
            self._note = waits_for
        await self._show()

    async def _lost(self, lost: NodeUnreachable, wait_s: float) -> None:
        await self._say(
            f"The link to {self.node} is lost at {self._place}: {lost.problem.cause}. "
            f"Trying again in {wait_s:.1f} s."
        )

    async def _say(self, text: str) -> None:
        self._note = text
        self._rate.forget()
        await self.report.log(text, level="warning", phase="transfer")
        await self._show()

    async def _show(self) -> None:
        await self.phase.leg(
            self.name,
            {
                "bytes": self.done_bytes,
                "total": self.total_bytes(),
                "rate": self._rate.bytes_per_s,
                "note": self._note,
            },
        )

    @property
    def _place(self) -> str:
        return f"{self.done_bytes / _MIB:.1f} MiB"

    def _stalled_again(self, still_s: float) -> TransferStalled:
        return TransferStalled(
            f"{self.name} stands still, and taking it up anew did not help.",
            cause=f"No byte after {self.done_bytes} has moved for {still_s:.0f} s, although "
            f"{self.node} answers.",
            remedy=f"Look at the load and at the disk of {self.node}, and at what is between it "
            "and the site, then try again. If it may take so long, raise FERRY_STALLED_AFTER_S.",
            node=self.node,
        )
