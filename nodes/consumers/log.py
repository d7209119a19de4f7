"""Send a container's log to a page, line by line, no more than a person can take in."""

from __future__ import annotations

import asyncio
import json
from contextlib import AbstractAsyncContextManager
from typing import Any

from asgiref.sync import sync_to_async

from nodes.audit import audit
from nodes.consumers.feed import FeedConsumer
from nodes.feeds.log_buffer import Entry, Gap
from nodes.feeds.log_feed import LogFeed, log_feeds
from nodes.feeds.log_state import LogState
from nodes.models import Container

# Of a message; four come in a second at most.
MOST_LINES = 500


class LogConsumer(FeedConsumer):
    # What a program prints is not for everybody who may look at containers.
    permission = "nodes.operate"

    async def connect(self) -> None:
        route = self.scope["url_route"]["kwargs"]
        self.key: tuple[int, str] = route["node_pk"], route["podman_id"]
        self._number: int | None = None
        self._state: LogState | None = None
        await super().connect()

    async def exists(self) -> bool:
        node_pk, podman_id = self.key
        found = Container.objects.select_related("node")
        self._container = await found.filter(node_id=node_pk, podman_id=podman_id).afirst()
        return self._container is not None

    async def begins(self) -> None:
        container: Any = self._container
        await sync_to_async(audit)(
            self.user, "container.follow-log", container,
            node=container.node.name, podman_id=container.podman_id,
        )  # fmt: skip

    def listen(self) -> AbstractAsyncContextManager[tuple[LogFeed, asyncio.Event]]:
        return log_feeds.listen(self.key)

    def message(self, feed: LogFeed) -> str:
        message: dict[str, Any] = {}
        begins = self._number is None
        self._number, entries = feed.lines.since(self._number, MOST_LINES)
        if begins:
            # A page that was cut off has lines already: they come again.
            message["begin"] = True
        if entries:
            message["lines"] = [_told(entry) for entry in entries]
        if feed.state != self._state:
            self._state = feed.state
            message["state"] = feed.state.as_dict()
        return json.dumps(message) if message else ""


def _told(entry: Entry) -> dict[str, Any]:
    if isinstance(entry, Gap):
        return {"gap": entry.lines}
    told: dict[str, Any] = {"text": entry.text}
    if entry.at is not None:
        told["at"] = entry.at.isoformat(timespec="milliseconds")
    if entry.cut_chars:
        told["cut"] = entry.cut_chars
    return told
