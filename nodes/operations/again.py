"""Try again when a connection is lost, for as long as a lost connection may last."""

from __future__ import annotations

import asyncio
from collections.abc import Awaitable, Callable
from typing import TypeVar

from nodes.ssh.errors import NodeUnreachable

Result = TypeVar("Result")
# Not longer: all that time the container is frozen, and on the source it could go on at once.
LOST_FOR_S = 20.0
PAUSE_S = 1.0
# What has held for so long was mended: the next loss is another one, with a time of its own.
HELD_S = 5.0


async def again_when_lost(work: Callable[[], Awaitable[Result]]) -> Result:
    """Return the result of ``work``. Raises NodeUnreachable after LOST_FOR_S of one loss."""
    clock = asyncio.get_running_loop().time
    give_up_at = 0.0
    while True:
        began = clock()
        try:
            return await work()
        except NodeUnreachable:
            now = clock()
            if give_up_at == 0.0 or now - began > HELD_S:
                give_up_at = now + LOST_FOR_S
            if now >= give_up_at:
                raise
            await asyncio.sleep(PAUSE_S)
