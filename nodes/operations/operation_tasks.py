"""The operations that this process runs, each in a task of its own, and how they stop with it."""

from __future__ import annotations

import asyncio
import logging
from collections.abc import Callable, Coroutine
from contextlib import suppress
from typing import Any

from django.conf import settings

from nodes.models import Operation, OperationState
from nodes.operations.runner import give_away
from nodes.operations.worker import this_worker

logger = logging.getLogger(__name__)
_SECOND_CANCEL_AFTER_S = 1.0
# A rollback that waits for a node goes on in another process.
_STOP_AFTER_S = 20.0


class OperationTasks:
    def __init__(self) -> None:
        self._tasks: dict[int, asyncio.Task[None]] = {}
        self._recovering: set[int] = set()
        self._woken = asyncio.Event()

    def __contains__(self, operation_id: object) -> bool:
        return operation_id in self._tasks

    def free(self) -> int:
        """Return how many more may run in this process."""
        most: int = settings.FERRY_OPERATIONS_PER_WORKER
        return max(most - len(self._tasks), 0)

    def start(
        self,
        operation_id: int,
        work: Callable[[int], Coroutine[Any, Any, None]],
        *,
        recovering: bool = False,
    ) -> asyncio.Task[None]:
        """Return the operation's task, a new one unless it runs here already."""
        if operation_id in self._tasks:
            return self._tasks[operation_id]
        if recovering:
            self._recovering.add(operation_id)
        task = self._tasks[operation_id] = asyncio.create_task(work(operation_id))
        task.add_done_callback(lambda ended: self._forget(operation_id, ended))
        return task

    def cancel(self, operation_id: int) -> None:
        """Cancel the operation if it runs here."""
        if operation_id in self._tasks:
            self._tasks[operation_id].cancel()

    def wake(self) -> None:
        """Let whoever waits look at once."""
        self._woken.set()

    async def wait(self, timeout_s: float) -> None:
        """Wait until an operation ends, and so makes room, or ``wake``; at most so long."""
        with suppress(TimeoutError):
            await asyncio.wait_for(self._woken.wait(), timeout_s)
        self._woken.clear()

    def _forget(self, operation_id: int, ended: asyncio.Task[None]) -> None:
        self._tasks.pop(operation_id, None)
        self._recovering.discard(operation_id)
        if not ended.cancelled() and ended.exception() is not None:
            logger.error("operation %s", operation_id, exc_info=ended.exception())
        else:
            # After a failure of its own the site looks again in a while, rather than at once.
            self._woken.set()

    async def stop(self, *, to_others: bool) -> list[int]:
        """Stop all, and return those that are left to another process.

        Where there is no other process, what runs is rolled back; what was only being taken back,
        and what waits for a node for too long, is left to the next start.
        """
        running = dict(self._tasks)
        if not running:
            return []
        for operation_id in running if to_others else list(self._recovering):
            give_away(operation_id)
        # Twice: one that was just claiming its row drops the first.
        for _ in range(2):
            for task in running.values():
                task.cancel()
            await asyncio.wait(running.values(), timeout=_SECOND_CANCEL_AFTER_S)
            for operation_id in self._tasks if to_others else ():
                # It had claimed its row meanwhile.
                give_away(operation_id)
        await asyncio.wait(running.values(), timeout=_STOP_AFTER_S)
        for operation_id in list(self._tasks):
            give_away(operation_id)
        await asyncio.gather(*running.values(), return_exceptions=True)
        return await _left(list(running))


async def _left(operation_ids: list[int]) -> list[int]:
    """Return which of them still say that they run, though not here any more."""
    running = Operation.objects.filter(pk__in=operation_ids, state=OperationState.RUNNING)
    try:
        return [
            pk async for pk in running.exclude(worker=this_worker()).values_list("pk", flat=True)
        ]
    except Exception:
        logger.exception("the operations that were handed over")
        return []
