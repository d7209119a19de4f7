"""Keep what a container uses drawn on its page."""

from __future__ import annotations

import asyncio
import time
from contextlib import AbstractAsyncContextManager
from typing import Any

from django.template.loader import render_to_string

from nodes.consumers.feed import FeedConsumer
from nodes.feeds.sparkline import sparkline
from nodes.feeds.usage_feed import UsageFeed, usage_feeds
from nodes.feeds.usage_history import FRESH_S, UsageHistory
from nodes.models import Container, Node

# An idle container's noise is not to look like work: less than this fills the height never.
_LEAST_CPU_PERCENT = 5.0
_NO_LIMIT_BYTES = 2**60


class UsageConsumer(FeedConsumer):
    async def connect(self) -> None:
        route = self.scope["url_route"]["kwargs"]
        self.node_pk: int = route["node_pk"]
        self.podman_id: str = route["podman_id"]
        self._sent = ""
        self._node_name = ""
        self._expected_until = 0.0
        await super().connect()

    async def exists(self) -> bool:
        # The container may move or go while its page is open: then nothing is measured.
        node = await Node.objects.filter(pk=self.node_pk).afirst()
        if node is None:
            return False
        self._node_name = node.name
        here = Container.objects.filter(node=node, podman_id=self.podman_id, state="running")
        if await here.aexists():
            self._expected_until = time.monotonic() + FRESH_S
        return True

    def listen(self) -> AbstractAsyncContextManager[tuple[UsageFeed, asyncio.Event]]:
        return usage_feeds.listen(self.node_pk)

    def message(self, feed: UsageFeed) -> str:
        # One figure is the difference of two samples: the container runs before it has any.
        runs = feed.of(self.podman_id) is not None or time.monotonic() < self._expected_until
        asked = self._node_name if runs else ""
        html = feed.renderings.get((self.podman_id, asked))
        if html is None:
            context = usage_context(feed, self.podman_id) | {"asked": asked}
            html = render_to_string("containers/_usage.html", context)
            # Other pages of this container show the same.
            feed.renderings[self.podman_id, asked] = html
        if html == self._sent:
            return ""
        self._sent = html
        return html


def usage_context(feed: UsageFeed, podman_id: str) -> dict[str, Any]:
    history = feed.of(podman_id) or UsageHistory()
    samples = list(history.samples)
    limit = history.memory_limit_bytes
    return {
        "oob": True,
        "measured": bool(samples),
        "usage_problem": feed.problem,
        "cpu": sparkline([each.cpu_percent for each in samples], least_scale=_LEAST_CPU_PERCENT),
        "memory": sparkline([each.memory_bytes for each in samples], least_scale=1.0),
        "memory_limit_bytes": limit if 0 < limit < _NO_LIMIT_BYTES else None,
    }
