"""Run operations as asyncio tasks in the serving process: the embedded engine.

The Operation row is the job: enqueue only wakes the engine, which claims what is queued. The
other engine, for many processes on many machines, is procrastinate_engine.py.
"""

from __future__ import annotations

import asyncio
import logging
import time
from collections.abc import Callable
from typing import Protocol

from asgiref.sync import sync_to_async
from django.conf import settings
from django.db import close_old_connections

from nodes.models import Operation, OperationState
from nodes.operations.engine_lock import AnotherEngine, engine_lock
from nodes.operations.operation_tasks import OperationTasks
from nodes.operations.queue import startable
from nodes.operations.runner import recover_operation, run_operation
from nodes.operations.worker import SAY_ALIVE_EVERY_S, say_alive, say_gone

logger = logging.getLogger(__name__)
# Another process (a management command) may have queued an operation.
LOOK_EVERY_S = 1.0


class EmbeddedEngine:
    def __init__(self) -> None:
        self._loop: asyncio.AbstractEventLoop | None = None
        self._tasks = OperationTasks()
        self._said_at = 0.0

    async def run(self) -> None:
        """Take up what a former process left, then run what is queued, until cancelled.

        Only one engine may run on a database. Raises AnotherEngine when there is another one.
        """
        self._loop = asyncio.get_running_loop()
        is_another_ones = False
        try:
            while True:
                try:
                    await self._look()
                except AnotherEngine:
                    is_another_ones = True
                    raise
                except Exception:
                    # A database that fails for a moment must not end the operations under way.
                    logger.exception("looking for operations")
                await self._tasks.wait(LOOK_EVERY_S)
        finally:
            self._loop = None
            await self._tasks.stop(to_others=is_another_ones)
            await sync_to_async(say_gone)()
            await sync_to_async(engine_lock.let_go)()

    async def _look(self) -> None:
        await sync_to_async(close_old_connections)()
        await sync_to_async(engine_lock.hold)()
        if time.monotonic() - self._said_at >= SAY_ALIVE_EVERY_S:
            self._said_at = time.monotonic()
            await sync_to_async(say_alive)()
        # Rows that say running, but not here: left by a process that died, or by a failed write.
        async for operation in Operation.objects.filter(state=OperationState.RUNNING):
            self._recover(operation.pk)
        for operation_id in await sync_to_async(startable)(self._tasks.free()):
            self._tasks.start(operation_id, run_operation)

    def enqueue(self, operation_id: int) -> None:
        """Have a queued operation run soon; may be called from any thread."""
        self._soon(self._tasks.wake)

    def cancel(self, operation_id: int) -> None:
        """Cancel an operation that runs here; may be called from any thread."""
        self._soon(lambda: self._tasks.cancel(operation_id))

    def recover(self, operation_id: int) -> None:
        """Ask the nodes again about an operation that ended unknown; from any thread."""
        self._soon(lambda: self._recover(operation_id))

    def _recover(self, operation_id: int) -> None:
        self._tasks.start(operation_id, recover_operation, recovering=True)

    def _soon(self, work: Callable[[], object]) -> None:
        if self._loop is not None:
            self._loop.call_soon_threadsafe(work)


class Engine(Protocol):
    """What runs operations, here or elsewhere."""

    async def run(self) -> None: ...

    def enqueue(self, operation_id: int) -> None: ...

    def cancel(self, operation_id: int) -> None: ...

    def recover(self, operation_id: int) -> None: ...


def _chosen() -> Engine:
    if settings.FERRY_ENGINE == "embedded":
        return EmbeddedEngine()
    # It wants PostgreSQL's driver, which the other one has no use for.
    from nodes.operations.procrastinate_engine import ProcrastinateEngine

    return ProcrastinateEngine()


engine: Engine = _chosen()
