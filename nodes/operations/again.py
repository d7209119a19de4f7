"""Try again when a connection is lost, for as long as a lost connection may last."""

from __future__ import annotations

import asyncio
import random
from collections.abc import Awaitable, Callable
from typing import TypeVar

from nodes.operations.patience import PATIENCE
from nodes.ssh.errors import NodeUnreachable

Result = TypeVar("Result")
# Each pause is twice the one before; how much of it is slept is drawn, so that many operations
# that lose one host do not all come back to it in the same instant.
FIRST_PAUSE_S = 0.5
MOST_PAUSE_S = 5.0
# What has held for so long was mended: the next loss is another one, with a time of its own.
# Longer than an attempt to connect may take (nodes.ssh.connection.CONNECT_TIMEOUT_S).
HELD_S = 15.0
_JITTER = random.SystemRandom()


async def again_when_lost(
    work: Callable[[], Awaitable[Result]],
    *,
    told: Callable[[NodeUnreachable, float], Awaitable[None]] | None = None,
    moved: Callable[[], int] = lambda: 0,
) -> Result:
    """Return the result of ``work``. Raises NodeUnreachable when one loss lasts for too long.

    ``told`` hears of each loss and after how many seconds it is tried again. A loss after
    ``moved`` has changed is another one.
    """
    clock = asyncio.get_running_loop().time
    give_up_at, pause_s, before = 0.0, FIRST_PAUSE_S, moved()
    while True:
        began = clock()
        try:
            return await work()
        except NodeUnreachable as lost:
            now = clock()
            if give_up_at == 0.0 or now - began > HELD_S or moved() != before:
                give_up_at = now + PATIENCE.lost_for_s
                pause_s, before = FIRST_PAUSE_S, moved()
            if now >= give_up_at:
                raise
            wait_s = min(pause_s * _JITTER.uniform(0.5, 1.0), give_up_at - now)
            if told is not None:
                await told(lost, wait_s)
            await asyncio.sleep(wait_s)
            pause_s = min(2 * pause_s, MOST_PAUSE_S)
