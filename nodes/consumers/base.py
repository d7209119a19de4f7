"""A websocket that sends fragments, at most four times a second, the last state always."""

from __future__ import annotations

import asyncio
import logging
import time
from typing import Any

from asgiref.sync import sync_to_async
from channels.generic.websocket import AsyncWebsocketConsumer

from nodes.consumers.signed_in import user_signed_in

logger = logging.getLogger(__name__)
SEND_EVERY_S = 0.25
# So long may a page show what its user may no longer see.
READ_USER_EVERY_S = 30.0
NOT_SIGNED_IN = 4401
NOT_ALLOWED = 4403
NOT_FOUND = 4404
INTERNAL_ERROR = 1011


class FragmentConsumer(AsyncWebsocketConsumer):
    """Subclasses name their group and render what has changed since the last time."""

    group = ""

    async def connect(self) -> None:
        self.user = self.scope.get("user")
        if self.user is None or not self.user.is_authenticated:
            await self.close(code=NOT_SIGNED_IN)
            return
        if not await self.exists():
            await self.close(code=NOT_FOUND)
            return
        self._user_read_at = time.monotonic()
        self._dirty = asyncio.Event()
        self._changed: set[Any] = set()
        await self.channel_layer.group_add(self.group, self.channel_name)
        await self.accept()
        self._sender = asyncio.create_task(self._send_changes())
        # What changed between the page's own rendering and now would be missed otherwise.
        self.changed(None)

    async def disconnect(self, code: int) -> None:
        if sender := getattr(self, "_sender", None):
            sender.cancel()
            await self.channel_layer.group_discard(self.group, self.channel_name)

    def changed(self, what: Any) -> None:
        """Note a change; None means anything may have changed."""
        self._changed.add(what)
        self._dirty.set()

    async def _send_changes(self) -> None:
        # A task of its own: Channels awaits handlers one after another.
        while True:
            await self._dirty.wait()
            self._dirty.clear()
            changed, self._changed = self._changed, set()
            try:
                if not await self._may_go_on():
                    await self.close(code=NOT_SIGNED_IN)
                    return
                html = await sync_to_async(self.render)(changed)
            except Exception:
                # Without its sender the page would look live and stay as it is. Once closed it
                # connects again, and gets everything anew.
                logger.exception("%s cannot be rendered", self.scope["path"])
                await self.close(code=INTERNAL_ERROR)
                return
            if html:
                await self.send(text_data=html)
            await asyncio.sleep(SEND_EVERY_S)

    async def _may_go_on(self) -> bool:
        """Read the user and its permissions again if it is time; tell whether it is signed in."""
        now = time.monotonic()
        if now - self._user_read_at < READ_USER_EVERY_S:
            return True
        self.user = await sync_to_async(user_signed_in)(self.scope)
        self._user_read_at = now
        return self.user is not None

    async def exists(self) -> bool:
        return True

    def render(self, changed: set[Any]) -> str:
        raise NotImplementedError
