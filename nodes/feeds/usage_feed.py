"""Measure what the containers of one node use, as long as a page shows it."""

from __future__ import annotations

import asyncio
import logging

from asgiref.sync import sync_to_async
from django.db import close_old_connections

from nodes.feeds.hub import Feed, Hub
from nodes.feeds.pace import Behind, Pace, unhurried
from nodes.feeds.retry import Retry
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
# A line is of some 500 bytes: four times what so many containers print.
MOST_CONTAINERS = 2000
READ_BYTES_PER_S = 2_000_000
BEHIND_S = 5.0
_LINE_BYTES = 16_384
_MOST_LINES_AT_ONCE = 5000
_ENDED = "Podman has ended its figures. They are asked for again."
_TOO_MUCH = "The node prints more figures than can be read. They are asked for again."
_BROKEN = "The site itself failed to measure. It tries again by itself."


class UsageFeed(Feed):
    """``problem`` says why nothing is measured, "" while it is."""

    def __init__(self, node_id: int) -> None:
        super().__init__()
        self.node_id = node_id
        self.problem = ""
        # What was rendered of each container since pages were last told.
        self.renderings: dict[tuple[str, str], str] = {}
        self._histories: dict[str, UsageHistory] = {}
        self._has_news = False

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
            self._forget_old()
            if self._has_news:
                self._has_news = False
                self.renderings.clear()
                self.tell()

    async def _measure_again_and_again(self) -> None:
        retry = Retry(RETRY_FIRST_S, RETRY_MOST_S)
        while True:
            retry.begin()
            try:
                await sync_to_async(close_old_connections)()
                await self._measure()
                self._say(_ENDED)
            except Behind:
                self._say(_TOO_MUCH)
            except FerryError as error:
                self._say(error.problem.message)
            except Exception:
                logger.exception("measuring node %s", self.node_id)
                self._say(_BROKEN)
            await asyncio.sleep(retry.next_delay_s())

    async def _measure(self) -> None:
        """Read figures until they end. Raises Behind and what the node's session raises."""
        node = await Node.objects.filter(pk=self.node_id).afirst()
        if node is None:
            return
        argv = while_read_argv("follow-usage", stats_argv(interval_s=INTERVAL_S))
        rest = b""
        async with borrow_session(node) as session:
            await session.connect()
            self._say("")
            pace = Pace(READ_BYTES_PER_S, BEHIND_S)
            async for chunk in session.read(argv, hold=True):
                _, lines, rest = split_lines(rest + chunk, _MOST_LINES_AT_ONCE)
                rest = rest[-_LINE_BYTES:]
                async for line in unhurried(lines):
                    self._take(line)
                await pace.keep(len(chunk))

    def _say(self, problem: str) -> None:
        self.problem = problem
        self._has_news = True

    def _take(self, line: bytes) -> None:
        measured = (
            parse_measured(line.decode(errors="replace")) if len(line) < _LINE_BYTES else None
        )
        if measured is None:
            return
        history = self._histories.get(measured.podman_id)
        if history is None:
            if len(self._histories) >= MOST_CONTAINERS:
                return
            history = self._histories[measured.podman_id] = UsageHistory()
        history.add(measured)
        self._has_news = True

    def _forget_old(self) -> None:
        # Containers come and go, and each has an ID of its own.
        old = [key for key, history in self._histories.items() if not history.is_fresh]
        for key in old:
            del self._histories[key]
            self._has_news = True


usage_feeds: Hub[int, UsageFeed] = Hub(UsageFeed)
