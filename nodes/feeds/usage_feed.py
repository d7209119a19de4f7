"""Measure what the containers of one node use, as long as a page shows it."""

from __future__ import annotations

import asyncio
import logging

from asgiref.sync import sync_to_async
from django.db import close_old_connections

from nodes.feeds.hub import Feed, Hub
from nodes.feeds.sessions import borrow_session
from nodes.feeds.usage_history import UsageHistory
from nodes.models import Node
from nodes.podman.follow_argv import while_read_argv
from nodes.podman.log_lines import split_lines
from nodes.podman.stats import parse_measured, stats_argv
from nodes.problem import FerryError

logger = logging.getLogger(__name__)
INTERVAL_S = 2
TELL_EVERY_S = 1.0
RETRY_FIRST_S = 1.0
RETRY_MOST_S = 30.0
_PARTIAL_BYTES = 65_536
_MOST_LINES_AT_ONCE = 5000
_BROKEN = "The site itself failed to measure. It tries again by itself."


class UsageFeed(Feed):
    """``problem`` says why nothing is measured, "" while it is."""

    def __init__(self, node_id: int) -> None:
        super().__init__()
        self.node_id = node_id
        self.problem = ""
        self._histories: dict[str, UsageHistory] = {}

    def of(self, podman_id: str) -> UsageHistory | None:
        """Return what a container has used lately; None when it does not run."""
        history = self._histories.get(podman_id)
        return history if history is not None and history.is_fresh else None

    async def run(self) -> None:
        telling = asyncio.create_task(self._tell_now_and_then())
        try:
            await self._measure_again_and_again()
        finally:
            telling.cancel()

    async def _tell_now_and_then(self) -> None:
        # Not with each line: a node prints one for each of its containers.
        while True:
            await asyncio.sleep(TELL_EVERY_S)
            self.tell()

    async def _measure_again_and_again(self) -> None:
        delay_s = RETRY_FIRST_S
        while True:
            try:
                await sync_to_async(close_old_connections)()
                await self._measure()
                self.problem = "Podman has ended its figures. They are asked for again."
            except FerryError as error:
                self.problem = error.problem.message
            except Exception:
                logger.exception("measuring node %s", self.node_id)
                self.problem = _BROKEN
            await asyncio.sleep(delay_s)
            delay_s = min(delay_s * 2, RETRY_MOST_S)

    async def _measure(self) -> None:
        node = await Node.objects.filter(pk=self.node_id).afirst()
        if node is None:
            return
        argv = while_read_argv("follow-usage", stats_argv(interval_s=INTERVAL_S))
        rest = b""
        async with borrow_session(node) as session:
            await session.connect()
            self.problem = ""
            async for chunk in session.read(argv, hold=True):
                _, lines, rest = split_lines(rest + chunk, _MOST_LINES_AT_ONCE)
                rest = rest[-_PARTIAL_BYTES:]
                for line in lines:
                    self._take(line.decode(errors="replace"))
                self._forget_old()

    def _take(self, line: str) -> None:
        measured = parse_measured(line)
        if measured is None:
            return
        self._histories.setdefault(measured.podman_id, UsageHistory()).add(measured)

    def _forget_old(self) -> None:
        # Containers come and go, and each has an ID of its own.
        old = [key for key, history in self._histories.items() if not history.is_fresh]
        for key in old:
            del self._histories[key]


usage_feeds: Hub[int, UsageFeed] = Hub(UsageFeed)
