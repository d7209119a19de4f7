"""Start and stop what runs beside the requests: the fleet's watchers, the engine and the clock."""

from __future__ import annotations

import asyncio
import logging
from collections.abc import Coroutine
from typing import Any

from asgiref.sync import sync_to_async
from asgiref.typing import ASGIReceiveCallable, ASGISendCallable, Scope
from django.conf import settings

from nodes.background import embedded_work

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
                if problem := await self._start():
                    await send({"type": "lifespan.startup.failed", "message": problem})
                    return
                await send({"type": "lifespan.startup.complete"})
            elif message["type"] == "lifespan.shutdown":
                await self._stop()
                await send({"type": "lifespan.shutdown.complete"})
                return

    async def _start(self) -> str:
        """Begin the background work, and return "" or why the site cannot serve."""
        if not settings.FERRY_BACKGROUND:
            return ""
        from nodes.archives.keep import tidy_up
        from nodes.archives.place import archive_store
        from nodes.catalog.errors import StoreError
        from nodes.operations.engine_lock import AnotherEngine, engine_lock

        # Before the first request: what an upload has begun is not to be tidied away.
        try:
            await sync_to_async(tidy_up)(archive_store())
        except (StoreError, OSError) as error:
            return _catalog_problem(error)
        if settings.FERRY_ENGINE == "embedded":
            try:
                await sync_to_async(engine_lock.hold)()
            except AnotherEngine as error:
                return str(error)
            for work in embedded_work():
                self._tasks.append(asyncio.create_task(_supervised(work())))
        return ""

    async def _stop(self) -> None:
        # Operations under way are rolled back before the site goes.
        for task in self._tasks:
            task.cancel()
        await asyncio.gather(*self._tasks, return_exceptions=True)
        self._tasks.clear()
        from nodes.archives.upload import uploads

        uploads.drop_all()


def _catalog_problem(error: Exception) -> str:
    problem = getattr(error, "problem", None)
    cause = f"{problem.message} {problem.cause}" if problem else str(error)
    return (
        f"The catalog in {settings.FERRY_ARCHIVES_DIR} cannot be used: {cause.strip()}. "
        "Give the site's user the right to write there, then start the site again."
    )


async def _supervised(work: Coroutine[Any, Any, None]) -> None:
    try:
        await work
    except Exception:
        logger.critical("background work ended; restart the site", exc_info=True)
        raise
