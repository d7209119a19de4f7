"""A websocket that sends what a feed has read since the last time."""

from __future__ import annotations

import asyncio
import logging
import time
from contextlib import AbstractAsyncContextManager, suppress
from typing import Any

from asgiref.sync import sync_to_async
from channels.generic.websocket import AsyncWebsocketConsumer

from nodes.consumers.base import (
    INTERNAL_ERROR,
    NOT_ALLOWED,
    NOT_FOUND,
    NOT_SIGNED_IN,
    READ_USER_EVERY_S,
    SEND_EVERY_S,
)
from nodes.consumers.signed_in import user_signed_in

logger = logging.getLogger(__name__)


class FeedConsumer(AsyncWebsocketConsumer):
    """Subclasses name the feed and the permission, and say what of it is news."""

    permission = ""

    async def connect(self) -> None:
        self.user = self.scope.get("user")
        if self.user is None or not self.user.is_authenticated:
            await self.close(code=NOT_SIGNED_IN)
        elif not await sync_to_async(self._may)():
            await self.close(code=NOT_ALLOWED)
        elif not await self.exists():
            await self.close(code=NOT_FOUND)
        else:
            await self.begins()
            await self.accept()
            self._sender = asyncio.create_task(self._send_news())

    async def disconnect(self, code: int) -> None:
        if sender := getattr(self, "_sender", None):
            sender.cancel()
            # The feed ends with its last listener: not before that is this socket done. A page
            # that went while it was being sent something is no failure.
            await asyncio.gather(sender, return_exceptions=True)

    async def _send_news(self) -> None:
        self._user_read_at = time.monotonic()
        async with self.listen() as (feed, news):
            while True:
                # Without news, too: it would keep a stream of the node for who has signed out.
                with suppress(TimeoutError):
                    async with asyncio.timeout(READ_USER_EVERY_S):
                        await news.wait()
                news.clear()
                try:
                    refusal = await self._refusal()
                    message = self.message(feed)
                except Exception:
                    # Once closed the page connects again, and gets everything anew.
                    logger.exception("%s cannot go on", self.scope["path"])
                    await self.close(code=INTERNAL_ERROR)
                    return
                if refusal:
                    await self.close(code=refusal)
                    return
                if message:
                    await self.send(text_data=message)
                await asyncio.sleep(SEND_EVERY_S)

    async def _refusal(self) -> int | None:
        """Read the user and its permissions again if it is time; return what to close with."""
        now = time.monotonic()
        if now - self._user_read_at < READ_USER_EVERY_S:
            return None
        self._user_read_at = now
        self.user = await sync_to_async(user_signed_in)(self.scope)
        if self.user is None:
            return NOT_SIGNED_IN
        return None if await sync_to_async(self._may)() else NOT_ALLOWED

    def _may(self) -> bool:
        user: Any = self.user
        return user.is_active and (not self.permission or user.has_perm(self.permission))

    async def begins(self) -> None:
        """Note that a page begins to follow, where that is to be known."""

    async def exists(self) -> bool:
        raise NotImplementedError

    def listen(self) -> AbstractAsyncContextManager[tuple[Any, asyncio.Event]]:
        raise NotImplementedError

    def message(self, feed: Any) -> str:
        """Return what this page has not been told yet; empty when that is nothing."""
        raise NotImplementedError
