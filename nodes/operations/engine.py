"""Run operations as asyncio tasks in the serving process: the embedded engine.

The Operation row is the job: enqueue only wakes the engine, which claims what is queued.
"""

from __future__ import annotations

import asyncio
import logging
from contextlib import suppress

from asgiref.sync import sync_to_async
from django.db import close_old_connections

from nodes.models import Operation, OperationState
from nodes.operations.jobs import archive_store
from nodes.operations.runner import recover_operation, run_operation

logger = logging.getLogger(__name__)
# Another process (a management command) may have queued an operation.
LOOK_EVERY_S = 1.0
MOST_AT_ONCE = 8
_SECOND_CANCEL_AFTER_S = 1.0


class EmbeddedEngine:
    def __init__(self) -> None:
        self._loop: asyncio.AbstractEventLoop | None = None
        self._woken = asyncio.Event()
        self._tasks: dict[int, asyncio.Task[None]] = {}

    async def run(self) -> None:
        """Take up what a former process left, then run what is queued, until cancelled.

        Only one engine may run on a database: the serving process holds a lock on its folder.
        """
        self._loop = asyncio.get_running_loop()
        archive_store().prepare()
        try:
            while True:
                try:
                    await self._look()
                except Exception:
                    # A database that fails for a moment must not end the operations under way.
                    logger.exception("looking for operations")
                self._woken.clear()
                with suppress(TimeoutError):
                    await asyncio.wait_for(self._woken.wait(), LOOK_EVERY_S)
        finally:
            self._loop = None
            await self._stop()

    async def _look(self) -> None:
        await sync_to_async(close_old_connections)()
        # Rows that say running, but not here: left by a process that died, or by a failed write.
        async for operation in Operation.objects.filter(state=OperationState.RUNNING):
            self._start(operation.pk, recovering=True)
        await self._start_queued()

    def enqueue(self, operation_id: int) -> None:
        """Have a queued operation run soon; may be called from any thread."""
        if self._loop is not None:
            self._loop.call_soon_threadsafe(self._woken.set)

    def cancel(self, operation_id: int) -> None:
        """Cancel an operation that runs here; may be called from any thread."""
        if self._loop is not None:
            self._loop.call_soon_threadsafe(self._cancel, operation_id)

    def recover(self, operation_id: int) -> None:
        """Ask the nodes again about an operation that ended unknown; from any thread."""
        if self._loop is not None:
            self._loop.call_soon_threadsafe(lambda: self._start(operation_id, recovering=True))

    def _cancel(self, operation_id: int) -> None:
        task = self._tasks.get(operation_id)
        if task is not None:
            task.cancel()

    async def _start_queued(self) -> None:
        free = MOST_AT_ONCE - len(self._tasks)
        if free <= 0:
            return
        queued = Operation.objects.filter(state=OperationState.QUEUED).order_by("created_at")
        async for operation in queued[:free]:
            self._start(operation.pk, recovering=False)

    def _start(self, operation_id: int, *, recovering: bool) -> None:
        if operation_id in self._tasks:
            return
        work = recover_operation if recovering else run_operation
        task = asyncio.create_task(work(operation_id))
        self._tasks[operation_id] = task
        task.add_done_callback(lambda ended: self._forget(operation_id, ended))

    def _forget(self, operation_id: int, ended: asyncio.Task[None]) -> None:
        self._tasks.pop(operation_id, None)
        self._woken.set()
        if not ended.cancelled() and ended.exception() is not None:
            logger.error("operation %s", operation_id, exc_info=ended.exception())

    async def _stop(self) -> None:
        tasks = list(self._tasks.values())
        # Twice: one that was just claiming its row drops the first.
        for _ in range(2):
            for task in tasks:
                task.cancel()
            if tasks:
                await asyncio.wait(tasks, timeout=_SECOND_CANCEL_AFTER_S)
        await asyncio.gather(*tasks, return_exceptions=True)


engine = EmbeddedEngine()
