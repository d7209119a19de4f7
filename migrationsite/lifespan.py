"""Start and stop what runs beside the requests: the fleet's watchers and the engine."""

from __future__ import annotations

import asyncio
import logging
from collections.abc import Coroutine
from typing import Any

from asgiref.typing import ASGIReceiveCallable, ASGISendCallable, Scope
from django.conf import settings

logger = logging.getLogger(__name__)


class Lifespan:
    def __init__(self) -> None:
        self._tasks: list[asyncio.Task[None]] = []

    async def __call__(
        self, scope: Scope, receive: ASGIReceiveCallable, send: ASGISendCallable
    ) -> None:
        while True:
            message = await receive()
            if message["type"] == "lifespan.startup":
                self._start()
                await send({"type": "lifespan.startup.complete"})
            elif message["type"] == "lifespan.shutdown":
                await self._stop()
                await send({"type": "lifespan.shutdown.complete"})
                return

    def _start(self) -> None:
        if not settings.FERRY_BACKGROUND:
            return
        from nodes.inventory.fleet import fleet
        from nodes.operations.engine import engine

        for work in (fleet.run(), engine.run()):
            self._tasks.append(asyncio.create_task(_supervised(work)))

    async def _stop(self) -> None:
        # Operations under way are rolled back before the site goes.
        for task in self._tasks:
            task.cancel()
        await asyncio.gather(*self._tasks, return_exceptions=True)
        self._tasks.clear()


async def _supervised(work: Coroutine[Any, Any, None]) -> None:
    try:
        await work
    except Exception:
        logger.critical("background work ended; restart the site", exc_info=True)
        raise
