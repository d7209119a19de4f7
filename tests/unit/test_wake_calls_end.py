"""A worker ends although a cancellation is lost on the way to Redis."""

from __future__ import annotations

import asyncio

import pytest

from nodes.operations import wake_calls


async def test_a_cancellation_that_is_lost_in_a_connect_is_said_again(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    lost: list[str] = []

    class Layer:
        async def new_channel(self) -> str:
            try:
                await asyncio.sleep(60)
            except asyncio.CancelledError:
                if not lost:
                    lost.append("the first")
                    raise ConnectionError from None
                raise
            return ""

    monkeypatch.setattr(wake_calls, "get_channel_layer", Layer)
    monkeypatch.setattr(wake_calls, "_CANCEL_AGAIN_S", 0.05)
    hearing = asyncio.create_task(wake_calls.hear_wake_calls())
    await asyncio.sleep(0.05)
    hearing.cancel()
    async with asyncio.timeout(5):
        await asyncio.gather(hearing, return_exceptions=True)
    assert lost == ["the first"]
