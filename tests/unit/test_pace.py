"""Nodes are connected to a few at a time, and none that does not answer holds up the others."""

from __future__ import annotations

import asyncio

import pytest

from nodes.inventory import pace as pace_module
from nodes.inventory.pace import MOST_AT_ONCE, Pace


async def test_no_more_than_so_many_have_their_turn_at_once() -> None:
    pace = Pace()
    running = most = 0

    async def connect() -> None:
        nonlocal running, most
        async with pace.turn():
            running += 1
            most = max(most, running)
            await asyncio.sleep(0)
            running -= 1

    await asyncio.gather(*(connect() for _ in range(200)))
    assert most == MOST_AT_ONCE


async def test_hosts_that_do_not_answer_do_not_hold_up_the_others(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    monkeypatch.setattr(pace_module, "MOST_HELD_S", 0.05)
    pace = Pace()

    async def wait_for_ever() -> None:
        async with pace.turn():
            await asyncio.Event().wait()

    dead = [asyncio.create_task(wait_for_ever()) for _ in range(2 * MOST_AT_ONCE)]
    async with asyncio.timeout(5), pace.turn():
        assert not any(task.done() for task in dead)
    for task in dead:
        task.cancel()
    await asyncio.gather(*dead, return_exceptions=True)


async def test_a_turn_that_took_too_long_is_given_back_once() -> None:
    pace = Pace()
    with pytest.MonkeyPatch.context() as patch:
        patch.setattr(pace_module, "MOST_HELD_S", 0.0)
        async with pace.turn():
            await asyncio.sleep(0.01)
    turns = [pace.turn() for _ in range(MOST_AT_ONCE)]
    for turn in turns:
        await turn.__aenter__()
    with pytest.raises(TimeoutError):
        async with asyncio.timeout(0.05), pace.turn():
            pass
    for turn in turns:
        await turn.__aexit__(None, None, None)
