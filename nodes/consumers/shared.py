"""A websocket that sends what is rendered for all pages like its own, while its user may see it."""

from __future__ import annotations

import asyncio
import logging
import time

from asgiref.sync import sync_to_async
from channels.generic.websocket import AsyncWebsocketConsumer
from uvicorn.protocols.utils import ClientDisconnected

from nodes.consumers.base import INTERNAL_ERROR, NOT_SIGNED_IN, READ_USER_EVERY_S
from nodes.consumers.broadcast import Subscription, subscribed
from nodes.consumers.signed_in import user_signed_in
from nodes.consumers.topic import Topic
from nodes.models.role import Rights, rights_of

logger = logging.getLogger(__name__)


class SharedConsumer(AsyncWebsocketConsumer):
    """Subclasses name what their page is about."""

    async def connect(self) -> None:
        user = self.scope.get("user")
        if user is None or not user.is_authenticated:
            await self.close(code=NOT_SIGNED_IN)
            return
        self._user_read_at = time.monotonic()
        rights = await sync_to_async(rights_of)(user)
        await self.accept()
        # A task of its own: Channels awaits handlers one after another.
        self._sender = asyncio.create_task(self._send_all(rights))

    async def disconnect(self, code: int) -> None:
        if sender := getattr(self, "_sender", None):
            sender.cancel()
            await asyncio.wait([sender])

    async def _send_all(self, rights: Rights) -> None:
        now: Rights | None = rights
        try:
            while now is not None:
                async with subscribed(self.topic(now), self.state_of_page()) as page:
                    now = await self._send_while(page, now)
            await self.close(code=NOT_SIGNED_IN)
        except ClientDisconnected:
            # The page was left while something was on its way to it.
            return
        except Exception:
            # Without its sender the page would look live and stay as it is. Once closed it
            # connects again, and gets everything anew.
            logger.exception("%s is not kept live", self.scope["path"])
            await self.close(code=INTERNAL_ERROR)

    async def _send_while(self, page: Subscription, rights: Rights) -> Rights | None:
        """Send until the user has other rights; return these, or None for no sign-in any more."""
        while True:
            html = await page.next()
            now = await self._read_rights(rights)
            if now != rights:
                # Not even this one: it is rendered for the rights of before.
                return now
            await self.send(text_data=html)

    async def _read_rights(self, rights: Rights) -> Rights | None:
        """Return the user's rights, read again if it is time."""
        if time.monotonic() - self._user_read_at < READ_USER_EVERY_S:
            return rights
        self._user_read_at = time.monotonic()
        return await sync_to_async(self._rights_now)()

    def _rights_now(self) -> Rights | None:
        user = user_signed_in(self.scope)
        return rights_of(user) if user else None

    def state_of_page(self) -> str:
        """Return the state in which the page has what is in a frame, "" for an unknown one."""
        return ""

    def topic(self, rights: Rights) -> Topic:
        raise NotImplementedError
