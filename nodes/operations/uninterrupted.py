"""Finish what must not stop half-way, although the task around it is being cancelled."""

from __future__ import annotations

import asyncio
from collections.abc import Coroutine
from typing import Any, TypeVar

Result = TypeVar("Result")


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
