"""Look at rows again and again, as an asyncio task in one process of the site."""

from __future__ import annotations

import asyncio
import logging
from abc import ABC, abstractmethod
from contextlib import suppress
from typing import ClassVar

from asgiref.sync import sync_to_async
from django.db import close_old_connections

from nodes.live import call_workers, ping_operations

logger = logging.getLogger(__name__)


class Turning(ABC):
    """``name`` is that of its lease; it looks at least every ``look_every_s`` seconds."""

    name: ClassVar[str]
    look_every_s: ClassVar[float]

    def __init__(self) -> None:
        self._loop: asyncio.AbstractEventLoop | None = None
        self._woken = asyncio.Event()

    @abstractmethod
    def look(self) -> tuple[bool, float]:
        """Do what is to be done; return whether anything was, and when to look again, in s."""

    async def run(self) -> None:
        """Look until cancelled; what fails is tried again at the next look."""
        self._loop = asyncio.get_running_loop()
        try:
            while True:
                # Before the look: what is woken for meanwhile may be too late for it.
                self._woken.clear()
                delay_s = self.look_every_s
                try:
                    # Not in the thread in which the operations write their journals.
                    look = sync_to_async(self._look_in_a_thread, thread_sensitive=False)
                    changed, delay_s = await look()
                    if changed:
                        await ping_operations()
                except Exception:
                    # A database that fails for a moment must not end it.
                    logger.exception("looking at the %s", self.name)
                with suppress(TimeoutError):
                    await asyncio.wait_for(self._woken.wait(), delay_s)
        finally:
            self._loop = None

    def wake(self) -> None:
        """Look now, in whichever process does; may be called from any thread."""
        if not self.wake_here():
            call_workers(self.name)

    def wake_here(self) -> bool:
        """Look now if this is the process that does; return whether it is."""
        loop = self._loop
        if loop is None:
            return False
        loop.call_soon_threadsafe(self._woken.set)
        return True

    def _look_in_a_thread(self) -> tuple[bool, float]:
        # The thread is any of a pool: it keeps no connection.
        close_old_connections()
        try:
            return self.look()
        finally:
            close_old_connections()
