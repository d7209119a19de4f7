"""What all open pages are sent that show the same to the same rights, rendered once for them all.

A broadcast hears the pings of its group, renders at most four times a second, and hands each page
what differs from what the others have. A page that has just come is handed everything.
"""

from __future__ import annotations

import asyncio
import logging
from collections import deque
from collections.abc import AsyncIterator, Callable
from concurrent.futures import ThreadPoolExecutor
from contextlib import asynccontextmanager
from contextvars import Context
from typing import Any
from weakref import WeakKeyDictionary

from asgiref.sync import sync_to_async
from channels.layers import get_channel_layer
from django.db import close_old_connections

from nodes.consumers.fragments import render_topic
from nodes.consumers.topic import Rendering, Topic
from nodes.templatetags.cards import fingerprint, state_of_cards
from nodes.templatetags.units import with_fresh_times

logger = logging.getLogger(__name__)
RENDER_EVERY_S = 0.25
# So many messages wait for a page whose connection is slow; then it is sent the last state anew.
MOST_WAITING = 8
END_WITHIN_S = 5.0
# A thread of their own: otherwise what operations write into their rows would wait for them, and
# in the loop's own threads what keeps a worker's lease.
_renderings = ThreadPoolExecutor(max_workers=1, thread_name_prefix="renderings")


class BroadcastEnded(Exception):
    """It could not be rendered; whoever connects again gets another one."""


class Subscription:
    """What one page is to be sent."""

    def __init__(self, broadcast: Broadcast, has: str) -> None:
        self._broadcast = broadcast
        # The state that it came in, until it has been handed anything.
        self.has = has
        self._waiting: deque[str] = deque()
        self._woken = asyncio.Event()
        self._lags = False
        self._ended = False

    def offer(self, html: str) -> None:
        self.has = ""
        self._waiting.append(html)
        if len(self._waiting) > MOST_WAITING:
            self._waiting.clear()
            self._lags = True
            self._broadcast.pass_over(self)
        self._woken.set()

    def end(self) -> None:
        self._ended = True
        self._woken.set()

    async def next(self) -> str:
        """Wait for what is to be sent. Raises BroadcastEnded."""
        while not self._waiting:
            if self._ended:
                raise BroadcastEnded
            if self._lags:
                self._lags = False
                self._broadcast.welcome(self)
            self._woken.clear()
            await self._woken.wait()
        return self._waiting.popleft()


class Broadcast:
    def __init__(self, topic: Topic) -> None:
        self._topic = topic
        self._pages: set[Subscription] = set()
        self._newcomers: set[Subscription] = set()
        # They have been handed all that has been rendered so far.
        self._settled: set[Subscription] = set()
        # The fingerprints of all parts, as they are on the pages that are settled.
        self._seen: dict[str, str] = {}
        # The same in one, where there are parts in a frame, and what is told with it.
        self._state = ""
        self._brief: dict[str, str] = {}
        self._changed: set[Any] = set()
        self._dirty = asyncio.Event()
        # Not in the context of the page that happens to come first, whose request is in its log.
        self.task = asyncio.get_running_loop().create_task(self._run(), context=Context())

    def welcome(self, page: Subscription) -> None:
        """Hand a page everything, and then what changes."""
        self._pages.add(page)
        self._newcomers.add(page)
        self._dirty.set()

    def pass_over(self, page: Subscription) -> None:
        """Hand a page nothing until it is welcomed again."""
        self._newcomers.discard(page)
        self._settled.discard(page)

    def leave(self, page: Subscription) -> bool:
        """Forget a page; return whether none is left."""
        self.pass_over(page)
        self._pages.discard(page)
        return not self._pages

    async def _run(self) -> None:
        layer = get_channel_layer()
        channel = await layer.new_channel()
        try:
            # First of all: a change between a rendering and this would be missed.
            await layer.group_add(self._topic.group, channel)
            async with asyncio.TaskGroup() as together:
                together.create_task(self._listen(layer, channel))
                together.create_task(self._render_changes())
        except Exception:
            # Without it pages would look live and stay as they are. Once closed they connect again.
            logger.exception("%s cannot be rendered", self._topic)
        finally:
            for page in self._pages:
                page.end()
            await layer.group_discard(self._topic.group, channel)

    async def _listen(self, layer: Any, channel: str) -> None:
        while True:
            ping = await layer.receive(channel)
            self._changed.add(self._topic.what_changed(ping))
            self._dirty.set()

    async def _render_changes(self) -> None:
        while True:
            await self._dirty.wait()
            self._dirty.clear()
            changed, self._changed = self._changed, set()
            newcomers, self._newcomers = self._newcomers, set()
            if changed or any(page.has != self._state or not page.has for page in newcomers):
                await self._render_for(newcomers, changed)
            else:
                # Opened while nothing happened: nothing is rendered for them.
                self._settle(newcomers, "")
            await asyncio.sleep(RENDER_EVERY_S)

    async def _render_for(self, newcomers: set[Subscription], changed: set[Any]) -> None:
        render = sync_to_async(self._render, thread_sensitive=False, executor=_renderings)
        whole, news = await render(
            {None} if newcomers else changed,
            states={page.has for page in newcomers},
            for_settled=bool(self._settled),
        )
        if news:
            for page in list(self._settled):
                page.offer(news)
        self._settle(newcomers, whole)

    def _settle(self, newcomers: set[Subscription], whole: str) -> None:
        for page in newcomers & self._pages:
            is_up_to_date = page.has and page.has == self._state
            page.offer("".join(self._brief.values()) if is_up_to_date else whole)
            self._settled.add(page)

    def _render(self, changed: set[Any], *, states: set[str], for_settled: bool) -> tuple[str, str]:
        """Return everything, and what those settled have not seen yet, as far as it is for any.

        ``states`` are those that newcomers came in.
        """
        close_old_connections()
        try:
            return self._rendered(changed, states, for_settled)
        finally:
            # Nothing else ever closes what this thread has opened.
            close_old_connections()

    def _rendered(self, changed: set[Any], states: set[str], for_settled: bool) -> tuple[str, str]:
        rendering = render_topic(self._topic, changed)
        self._brief |= {name: rendering.parts[name] for name in rendering.brief}
        news = self._unseen(rendering, is_complete=None in changed)
        for_newcomers = any(not state or state != self._state for state in states)
        return (
            with_fresh_times(rendering.whole()) if for_newcomers else "",
            with_fresh_times(news()) if for_settled else "",
        )

    def _unseen(self, rendering: Rendering, *, is_complete: bool) -> Callable[[], str]:
        now = {name: fingerprint(html) for name, html in rendering.parts.items()}
        before = self._seen
        self._seen = now if is_complete else {**before, **now}
        if rendering.frame is not None:
            framed = self._seen.keys() - set(rendering.brief)
            self._state = state_of_cards({name: self._seen[name] for name in framed})
            if self._seen.keys() != before.keys():
                # A part has come or gone: that is in the frame around them.
                return rendering.whole
        return lambda: "".join(
            html for name, html in rendering.parts.items() if before.get(name) != now[name]
        )


_broadcasts: WeakKeyDictionary[asyncio.AbstractEventLoop, dict[Topic, Broadcast]] = (
    WeakKeyDictionary()
)


@asynccontextmanager
async def subscribed(topic: Topic, has: str = "") -> AsyncIterator[Subscription]:
    """Give a page's part of the topic's broadcast, which lasts as long as any page has one.

    ``has`` is the state in which a page has the parts in a frame, "" for an unknown one.
    """
    broadcasts = _broadcasts.setdefault(asyncio.get_running_loop(), {})
    broadcast = broadcasts.get(topic)
    if broadcast is None or broadcast.task.done():
        broadcast = broadcasts[topic] = Broadcast(topic)
    page = Subscription(broadcast, has)
    broadcast.welcome(page)
    try:
        yield page
    finally:
        if broadcast.leave(page):
            if broadcasts.get(topic) is broadcast:
                del broadcasts[topic]
            broadcast.task.cancel()
            # A cancellation that comes while Redis is being connected to may be lost in there.
            await asyncio.wait([broadcast.task], timeout=END_WITHIN_S)
