"""Follow the log of one container, as long as a page shows it."""

from __future__ import annotations

import asyncio
import logging
from datetime import datetime

from asgiref.sync import sync_to_async
from django.db import close_old_connections

from nodes.feeds.hub import Feed, Hub
from nodes.feeds.log_buffer import Gap, LogBuffer
from nodes.feeds.log_state import BROKEN, CONNECTING, ENDED, FOLLOWING, LogState, gone, refused
from nodes.feeds.pace import Behind, Pace, unhurried
from nodes.feeds.retry import Retry
from nodes.feeds.sessions import borrow_session
from nodes.models import Container
from nodes.podman.follow_argv import follow_log_argv
from nodes.podman.log_lines import LogLine, parse_log_line, split_lines
from nodes.problem import FerryError
from nodes.ssh.errors import CommandFailed

logger = logging.getLogger(__name__)
# Of what comes at once only the last lines are kept: nobody reads more.
MOST_LINES_AT_ONCE = 400
# All of what comes first is shown.
TAIL_LINES = MOST_LINES_AT_ONCE
# A container may write 100 MB/s. So much is read of it, to be counted; what lags behind that for
# so long is left out altogether, and the stream begins again at the present.
READ_BYTES_PER_S = 4_000_000
BEHIND_S = 5.0
_PARTIAL_BYTES = 65_536
LOOK_EVERY_S = 2.0
RETRY_FIRST_S = 1.0
RETRY_MOST_S = 15.0
_LIVE = ("running", "paused")


class _Refused(Exception):
    """Podman gives no log now, and has said why."""


class LogFeed(Feed):
    """``lines`` is what was read lately, ``state`` whether there will be more."""

    def __init__(self, key: tuple[int, str]) -> None:
        super().__init__()
        self.node_id, self.podman_id = key
        self.state: LogState = CONNECTING
        self.lines = LogBuffer()
        self._partial = b""
        self._last_at: datetime | None = None
        self._catching_up = False

    async def run(self) -> None:
        retry = Retry(RETRY_FIRST_S, RETRY_MOST_S)
        while True:
            retry.begin()
            try:
                await sync_to_async(close_old_connections)()
                await self._follow()
                await self._wait_until_it_runs()
                retry = Retry(RETRY_FIRST_S, RETRY_MOST_S)
                continue
            except Behind:
                self.lines.keep(Gap(lines=None))
                continue
            except _Refused:
                pass
            except FerryError as error:
                problem = error.problem
                self._say(LogState(kind="lost", words=f"{problem.message} {problem.cause}".strip()))
            except Exception:
                logger.exception("following the log of %s", self.podman_id)
                self._say(BROKEN)
            await asyncio.sleep(retry.next_delay_s())

    async def _follow(self) -> None:
        """Read until the container ends. Raises Behind and what the node's session raises."""
        container = await self._container()
        if container is None:
            return
        self._partial = b""
        self._catching_up = self._last_at is not None
        async with borrow_session(container.node) as session:
            await session.connect()
            self._say(FOLLOWING)
            argv = follow_log_argv(self.podman_id, tail=TAIL_LINES)
            pace = Pace(READ_BYTES_PER_S, BEHIND_S)
            try:
                async for chunk in session.read(argv, hold=True):
                    await self._take(chunk)
                    await pace.keep(len(chunk))
            except CommandFailed as error:
                self._take_rest()
                self._say(refused(self._last_words() or error.problem.cause))
                raise _Refused from error
        self._take_rest()
        self._say(ENDED)

    def _last_words(self) -> str:
        """Return what Podman itself said: it has no timestamp."""
        last = self.lines.last
        return last.text if isinstance(last, LogLine) and last.at is None else ""

    async def _wait_until_it_runs(self) -> None:
        while True:
            await asyncio.sleep(LOOK_EVERY_S)
            await sync_to_async(close_old_connections)()
            container = await self._container()
            if container is not None and container.state in _LIVE:
                return

    async def _container(self) -> Container | None:
        rows = Container.objects.select_related("node").filter(podman_id=self.podman_id)
        here = await rows.filter(node_id=self.node_id).afirst()
        if here is None:
            self._say(gone(await rows.afirst()))
        return here

    def _say(self, state: LogState) -> None:
        if state != self.state:
            self.state = state
            self.tell()

    async def _take(self, chunk: bytes) -> None:
        skipped, lines, rest = split_lines(self._partial + chunk, MOST_LINES_AT_ONCE)
        self._partial = rest[:_PARTIAL_BYTES]
        if skipped:
            self.lines.keep(Gap(lines=skipped))
        async for raw in unhurried(lines):
            self._keep(parse_log_line(raw))
        self.tell()

    def _take_rest(self) -> None:
        """Keep what was written without an end of the line: nothing more comes."""
        rest, self._partial = self._partial, b""
        if rest:
            self._keep(parse_log_line(rest))
            self.tell()

    def _keep(self, line: LogLine) -> None:
        # After a lost connection, and when the container runs again, the same end comes again.
        if self._catching_up and line.at and self._last_at and line.at <= self._last_at:
            return
        self._catching_up = False
        self._last_at = line.at or self._last_at
        self.lines.keep(line)


log_feeds: Hub[tuple[int, str], LogFeed] = Hub(LogFeed)
