"""Share a stream among all who listen; it runs only as long as somebody does."""

from __future__ import annotations

import asyncio
from abc import ABC, abstractmethod
from collections.abc import AsyncIterator, Callable, Hashable
from contextlib import asynccontextmanager
from typing import Generic, TypeVar


class Feed(ABC):
    """Subclasses keep what was read lately, and tell the listeners when there is more."""

    def __init__(self) -> None:
        self.listeners: set[asyncio.Event] = set()
        self.task: asyncio.Task[None] | None = None

    @abstractmethod
    async def run(self) -> None:
        """Read until cancelled; whatever fails becomes something that the listeners see."""

    def tell(self) -> None:
        for news in self.listeners:
            news.set()


Key = TypeVar("Key", bound=Hashable)
AnyFeed = TypeVar("AnyFeed", bound=Feed)


class Hub(Generic[Key, AnyFeed]):
    """The feeds of this process, by what they are of."""

    def __init__(self, make: Callable[[Key], AnyFeed]) -> None:
        self._make = make
        self._feeds: dict[Key, AnyFeed] = {}

    def __len__(self) -> int:
        return len(self._feeds)

    @asynccontextmanager
    async def listen(self, key: Key) -> AsyncIterator[tuple[AnyFeed, asyncio.Event]]:
        """Give the feed, and an event that is set at first and whenever there is more of it."""
        feed = self._feeds.get(key)
        if feed is None:
            feed = self._feeds[key] = self._make(key)
            feed.task = asyncio.create_task(feed.run())
        news = asyncio.Event()
        news.set()
        feed.listeners.add(news)
        try:
            yield feed, news
        finally:
            feed.listeners.discard(news)
            if not feed.listeners and self._feeds.get(key) is feed:
                del self._feeds[key]
                await _ended(feed.task)


async def _ended(task: asyncio.Task[None] | None) -> None:
    if task is not None:
        task.cancel()
        # Unlike awaiting the task, this does not raise what ended it.
        await asyncio.wait([task])
