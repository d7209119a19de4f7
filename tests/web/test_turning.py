"""Whoever wakes a part that looks at rows gets another look, also when one is under way."""

from __future__ import annotations

import asyncio
import threading

import pytest

from nodes.inventory.fleet import Fleet
from nodes.operations.turning import Turning

# Far longer than the test: a look within it is that of a wake-up.
LOOK_EVERY_S = 3600.0
ANSWER_WITHIN_S = 10.0


class _Slow(Turning):
    """Its first look lasts until it is let go."""

    name = "slow"
    look_every_s = LOOK_EVERY_S

    def __init__(self) -> None:
        super().__init__()
        self.looks = 0
        self.looking = threading.Event()
        self.go_on = threading.Event()

    def look(self) -> tuple[bool, float]:
        self.looks += 1
        self.looking.set()
        self.go_on.wait(ANSWER_WITHIN_S)
        return False, LOOK_EVERY_S


async def _until_looked_twice(turning: _Slow) -> None:
    async with asyncio.timeout(ANSWER_WITHIN_S):
        while turning.looks < 2:
            await asyncio.sleep(0.01)


async def test_what_is_woken_during_a_look_looks_again() -> None:
    turning = _Slow()
    running = asyncio.create_task(turning.run())
    try:
        assert await asyncio.to_thread(turning.looking.wait, ANSWER_WITHIN_S)
        turning.wake()
        # The call comes to the loop while the look lasts.
        await asyncio.sleep(0.05)
        turning.go_on.set()
        await _until_looked_twice(turning)
    finally:
        turning.go_on.set()
        running.cancel()
        await asyncio.wait([running])


async def test_a_node_that_is_added_during_a_look_is_seen_at_once(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    monkeypatch.setattr("nodes.inventory.fleet.LOOK_EVERY_S", LOOK_EVERY_S)
    fleet = Fleet()
    looks: asyncio.Queue[None] = asyncio.Queue()

    async def follow_rows() -> None:
        looks.put_nowait(None)
        if looks.qsize() == 1:
            fleet.wake()
            await asyncio.sleep(0.05)

    monkeypatch.setattr(fleet, "_try_to_follow_rows", follow_rows)
    running = asyncio.create_task(fleet.run())
    try:
        async with asyncio.timeout(ANSWER_WITHIN_S):
            while looks.qsize() < 2:
                await asyncio.sleep(0.01)
    finally:
        running.cancel()
        await asyncio.wait([running])
