"""Run operations as asyncio tasks in the serving process: the embedded engine.

The Operation row is the job: enqueue only wakes the engine, which claims what is queued.
"""

from __future__ import annotations

import asyncio
import logging
from contextlib import suppress

from nodes.models import Operation, OperationState
from nodes.operations.runner import archive_store, recover_operation, run_operation

logger = logging.getLogger(__name__)
# Another process (a management command) may have queued an operation.
LOOK_EVERY_S = 1.0
MOST_AT_ONCE = 8


class EmbeddedEngine:
    def __init__(self) -> None:
        self._loop: asyncio.AbstractEventLoop | None = None
        self._woken = asyncio.Event()
        self._tasks: dict[int, asyncio.Task[None]] = {}

    async def run(self) -> None:
        """Take up what a former process left, then run what is queued, until cancelled."""
        self._loop = asyncio.get_running_loop()
        archive_store().prepare()
        async for operation in Operation.objects.filter(state=OperationState.RUNNING):
            self._start(operation.pk, recovering=True)
        try:
            while True:
                await self._start_queued()
                self._woken.clear()
                with suppress(TimeoutError):
                    await asyncio.wait_for(self._woken.wait(), LOOK_EVERY_S)
        finally:
            self._loop = None
            await self._stop()

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
        for task in self._tasks.values():
            task.cancel()
        await asyncio.gather(*self._tasks.values(), return_exceptions=True)


engine = EmbeddedEngine()
