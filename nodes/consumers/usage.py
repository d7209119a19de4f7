"""Keep what a container uses drawn on its page."""

from __future__ import annotations

import asyncio
from contextlib import AbstractAsyncContextManager
from typing import Any

from django.template.loader import render_to_string

from nodes.consumers.feed import FeedConsumer
from nodes.feeds.sparkline import sparkline
from nodes.feeds.usage_feed import UsageFeed, usage_feeds
from nodes.feeds.usage_history import UsageHistory
from nodes.models import Node

# An idle container's noise is not to look like work: less than this fills the height never.
_LEAST_CPU_PERCENT = 5.0
_NO_LIMIT_BYTES = 2**60


class UsageConsumer(FeedConsumer):
    async def connect(self) -> None:
        route = self.scope["url_route"]["kwargs"]
        self.node_pk: int = route["node_pk"]
        self.podman_id: str = route["podman_id"]
        self._sent = ""
        await super().connect()

    async def exists(self) -> bool:
        # The container may move or go while its page is open: then nothing is measured.
        return await Node.objects.filter(pk=self.node_pk).aexists()

    def listen(self) -> AbstractAsyncContextManager[tuple[UsageFeed, asyncio.Event]]:
        return usage_feeds.listen(self.node_pk)

    def message(self, feed: UsageFeed) -> str:
        html = feed.renderings.get(self.podman_id)
        if html is None:
            html = render_to_string("containers/_usage.html", usage_context(feed, self.podman_id))
            # Other pages of this container show the same.
            feed.renderings[self.podman_id] = html
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
