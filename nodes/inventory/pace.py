"""Let few nodes be connected to at once, and none hold up the others."""

from __future__ import annotations

import asyncio
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager

# Key exchanges are work for the processor: of 200 at once the last would be given up unanswered.
MOST_AT_ONCE = 16
# A host that does not answer is waited for elsewhere than in the others' way.
MOST_HELD_S = 2.0


class Pace:
    """Give a turn to up to MOST_AT_ONCE; one that takes longer than MOST_HELD_S counts no more."""

    def __init__(self) -> None:
        self._turns = asyncio.Semaphore(MOST_AT_ONCE)

    @asynccontextmanager
    async def turn(self) -> AsyncIterator[None]:
        await self._turns.acquire()
        held = True

        def let_go() -> None:
            nonlocal held
            if held:
                held = False
                self._turns.release()

        timer = asyncio.get_running_loop().call_later(MOST_HELD_S, let_go)
        try:
            yield
        finally:
            timer.cancel()
            let_go()
