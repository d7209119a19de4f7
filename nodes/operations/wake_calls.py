"""Hear in a worker that another process changed what the fleet, the clock or a batch goes by."""

from __future__ import annotations

import asyncio
import logging
from collections.abc import Callable, Mapping
from contextlib import suppress
from typing import Any

from channels.layers import get_channel_layer

from nodes.inventory.fleet import fleet
from nodes.live import WORKERS_GROUP
from nodes.operations.batch_coordinator import batch_coordinator
from nodes.operations.scheduler import scheduler

logger = logging.getLogger(__name__)
# A group forgets its members after a while (channels-redis: group_expiry).
_JOIN_AGAIN_S = 3600.0
_TRY_AGAIN_S = 5.0
_CANCEL_AGAIN_S = 1.0
_CANCELS_MOST = 10


async def hear_wake_calls() -> None:
    """Pass on what call_workers says, until cancelled."""
    hearing = asyncio.create_task(_keep_hearing())
    try:
        await asyncio.wait([hearing])
    finally:
        # A cancellation that comes while Redis is being connected to may be lost in there.
        for _ in range(_CANCELS_MOST):
            hearing.cancel()
            if (await asyncio.wait([hearing], timeout=_CANCEL_AGAIN_S))[0]:
                break


async def _keep_hearing() -> None:
    while True:
        try:
            await _listen()
        except Exception:
            # The channel layer was away: what it would have said is found a little later.
            logger.exception("no calls from other processes are heard")
        await asyncio.sleep(_TRY_AGAIN_S)


async def _listen() -> None:
    layer = get_channel_layer()
    channel = await layer.new_channel()
    try:
        while True:
            await layer.group_add(WORKERS_GROUP, channel)
            with suppress(TimeoutError):
                async with asyncio.timeout(_JOIN_AGAIN_S):
                    while True:
                        pass_on(await layer.receive(channel))
    finally:
        # An error here would take the place of a cancellation, and the worker would never stop.
        with suppress(Exception):
            await layer.group_discard(WORKERS_GROUP, channel)


def pass_on(message: Mapping[str, Any]) -> None:
    """Wake what is meant, if this process runs it."""
    wakers: Mapping[str, Callable[[], bool]] = {
        "fleet": lambda: fleet.wake_here(message["node"]),
        "scheduler": scheduler.wake_here,
        "batches": batch_coordinator.wake_here,
    }
    # One that this version does not know is a newer process's.
    if waker := wakers.get(message["whom"]):
        waker()
