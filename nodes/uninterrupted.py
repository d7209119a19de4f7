"""Finish what must not stop half-way, although the task around it is being cancelled."""

from __future__ import annotations

import asyncio
from collections.abc import Coroutine
from typing import Any, TypeVar

Result = TypeVar("Result")


async def settled(work: Coroutine[Any, Any, Result]) -> Result:
    """Return the result of ``work``; when cancelled meanwhile, be cancelled once it has ended.

    What is on its way to a node then has arrived: whoever tidies up there knows what there is.
    """
    task = asyncio.ensure_future(work)
    try:
        return await asyncio.shield(task)
    except asyncio.CancelledError:
        await uninterrupted(_ended(task))
        raise


async def _ended(task: asyncio.Future[Any]) -> None:
    await asyncio.wait([task])
    if not task.cancelled():
        # Retrieved, so that asyncio does not complain: the cancellation is what is told.
        task.exception()


async def uninterrupted(work: Coroutine[Any, Any, Result]) -> Result:
    """Return the result of ``work``; cancellations that arrive meanwhile are dropped."""
    task = asyncio.ensure_future(work)
    while not task.done():
        try:
            await asyncio.shield(task)
        except asyncio.CancelledError:
            around = asyncio.current_task()
            if task.cancelled() or around is None:
                raise
            around.uncancel()
    return task.result()
