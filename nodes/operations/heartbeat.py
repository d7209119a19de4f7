"""Say while an operation runs that it does, and hear that it shall not."""

from __future__ import annotations

import asyncio
import logging
import time
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager, suppress

from asgiref.sync import sync_to_async
from django.conf import settings
from django.db import close_old_connections, connections

from nodes.models import Operation
from nodes.operations.row_report import RowReport
from nodes.operations.worker import GIVE_UP_AFTER_S, HEARTBEAT_EVERY_S, beat

logger = logging.getLogger(__name__)


@asynccontextmanager
async def heartbeats(operation: Operation, report: RowReport) -> AsyncIterator[None]:
    """Keep the operation this process's own; cancel the block when somebody asks for that.

    When another process has taken it up, or may have, it is given away and cancelled.
    """
    owner = asyncio.current_task()
    if owner is None:
        raise RuntimeError("only a task can be cancelled")
    beating = asyncio.create_task(_beat(operation, report, owner))
    try:
        yield
    finally:
        beating.cancel()
        with suppress(asyncio.CancelledError):
            await asyncio.wait([beating])


async def _beat(operation: Operation, report: RowReport, owner: asyncio.Task[object]) -> None:
    heart = _Heart(operation.pk)
    cancelled = operation.cancel_requested
    while True:
        await asyncio.sleep(HEARTBEAT_EVERY_S)
        if await heart.beats() is False:
            logger.warning("operation %s is, or may be, another process's now", operation.pk)
            report.give_away()
            owner.cancel()
            return
        if heart.cancel_is_asked and not cancelled:
            cancelled = True
            owner.cancel()


class _Heart:
    """Write into the row that the operation is this process's, for as long as that can be."""

    def __init__(self, operation_id: int) -> None:
        self.cancel_is_asked = False
        self._operation_id = operation_id
        self._asking: asyncio.Task[bool | None] | None = None
        self._asked_at = self._written_at = time.monotonic()

    async def beats(self) -> bool:
        """Return False when another process has taken the operation up, or may have."""
        answered, asked = await self._ask()
        if answered and asked is None:
            return False
        if answered:
            # Counted from before the database was asked.
            self._written_at = self._asked_at
            self.cancel_is_asked = bool(asked)
        # The only process there is has nobody to give way to.
        alone = settings.FERRY_ENGINE == "embedded"
        return alone or time.monotonic() - self._written_at < GIVE_UP_AFTER_S

    async def _ask(self) -> tuple[bool, bool | None]:
        """Return whether the database has answered, and what."""
        if self._asking is None:
            self._asked_at = time.monotonic()
            # Not in the thread in which the operations write their journals.
            write = sync_to_async(_beat_in_a_thread, thread_sensitive=False)
            self._asking = asyncio.create_task(write(self._operation_id))
        done, _ = await asyncio.wait([self._asking], timeout=HEARTBEAT_EVERY_S)
        if not done:
            return False, None
        asking, self._asking = self._asking, None
        if error := asking.exception():
            logger.error("the heartbeat of operation %s", self._operation_id, exc_info=error)
            return False, None
        return True, asking.result()


def _beat_in_a_thread(operation_id: int) -> bool | None:
    # The thread is any of a pool: it keeps no connection.
    close_old_connections()
    try:
        return beat(operation_id)
    finally:
        connections.close_all()
