"""Do work in one process at a time: whoever holds a lease in the database does it."""

from __future__ import annotations

import asyncio
import logging
import time
from collections.abc import Callable, Coroutine
from contextlib import suppress
from typing import Any

from asgiref.sync import sync_to_async
from django.db import close_old_connections

from nodes.models import Lease
from nodes.operations.worker import this_worker

logger = logging.getLogger(__name__)
LEASE_S = 10.0
RENEW_EVERY_S = 2.0
# The work has stopped before anybody else may begin it, even if the database does not answer.
GIVE_UP_AFTER_S = 7.0
Work = Callable[[], Coroutine[Any, Any, None]]


async def under_lease(name: str, work: Work) -> None:
    """Do ``work`` whenever this process holds the lease, until cancelled.

    Another process takes over at once when this one stops, and within LEASE_S + RENEW_EVERY_S when
    it was killed or is cut off from the database.
    """
    lease = _HeldLease(name, work)
    try:
        while True:
            await lease.turn()
            await asyncio.sleep(RENEW_EVERY_S)
    finally:
        await lease.let_go()


class _HeldLease:
    def __init__(self, name: str, work: Work) -> None:
        self._name = name
        self._work = work
        self._task: asyncio.Task[None] | None = None
        self._asking: asyncio.Task[bool] | None = None
        self._asked_at = 0.0
        self._giving_up: asyncio.TimerHandle | None = None

    async def turn(self) -> None:
        """Take or renew the lease, and begin or stop the work accordingly."""
        held = await self._ask()
        # Counted from before the database was asked.
        left_s = self._asked_at + GIVE_UP_AFTER_S - time.monotonic()
        if held is False:
            await self._stop()
        elif held and left_s > 0:
            self._go_on_for(left_s)

    def _go_on_for(self, seconds: float) -> None:
        if self._task is None or self._task.done():
            self._report()
            logger.info("%s is this process's", self._name)
            self._task = asyncio.create_task(self._work())
        self._forget_to_give_up()
        # A timer: whoever asks may itself wait for the database.
        self._giving_up = asyncio.get_running_loop().call_later(seconds, self._give_up)

    def _forget_to_give_up(self) -> None:
        if self._giving_up is not None:
            self._giving_up.cancel()
            self._giving_up = None

    def _give_up(self) -> None:
        """Have the work stop, once: a second cancellation would break off how it ends."""
        if self._task is not None and not self._task.done() and not self._task.cancelling():
            logger.info("%s is not this process's any more", self._name)
            self._task.cancel()

    async def _ask(self) -> bool | None:
        """Return whether the lease is ours, None while the database does not say."""
        if self._asking is None:
            self._asked_at = time.monotonic()
            # Not in the thread in which the operations write their journals.
            take = sync_to_async(_take, thread_sensitive=False)
            self._asking = asyncio.create_task(take(self._name))
        done, _ = await asyncio.wait([self._asking], timeout=RENEW_EVERY_S)
        if not done:
            return None
        asking, self._asking = self._asking, None
        if error := asking.exception():
            logger.error("the lease %s", self._name, exc_info=error)
            return None
        return asking.result()

    async def _stop(self) -> None:
        self._forget_to_give_up()
        if self._task is None:
            return
        self._give_up()
        await asyncio.wait([self._task])
        self._report()
        self._task = None

    def _report(self) -> None:
        task = self._task
        if task is not None and not task.cancelled() and (error := task.exception()):
            logger.error("%s had ended", self._name, exc_info=error)

    async def let_go(self) -> None:
        if self._asking is not None:
            self._asking.cancel()
        await self._stop()
        with suppress(Exception):
            await sync_to_async(_give_back, thread_sensitive=False)(self._name)


def _take(name: str) -> bool:
    # The thread is any of a pool: it keeps no connection.
    close_old_connections()
    try:
        return Lease.take(name, this_worker(), LEASE_S)
    finally:
        close_old_connections()


def _give_back(name: str) -> None:
    close_old_connections()
    try:
        Lease.give_back(name, this_worker())
    finally:
        close_old_connections()
