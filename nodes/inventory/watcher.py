"""Watch one node: keep its facts and containers as it last showed them, from `podman events`."""

from __future__ import annotations

import asyncio
import logging
from contextlib import suppress

from asgiref.sync import sync_to_async
from django.db import close_old_connections

from nodes.inventory.connect import open_session
from nodes.inventory.observation import (
    save_containers,
    save_online,
    save_problem,
    save_readiness,
)
from nodes.inventory.pace import Pace
from nodes.inventory.readiness import probe_host, require_podman
from nodes.live import ping_look, ping_node
from nodes.models import Node, NodeState
from nodes.podman.argv import events_argv, ps_argv
from nodes.podman.containers import parse_containers
from nodes.podman.events import changes_containers
from nodes.problem import FerryError, Problem
from nodes.ssh.errors import CommandTimedOut, NodeUnreachable
from nodes.ssh.session import NodeSession

logger = logging.getLogger(__name__)
# Several events come at once (a start is init, start, attach…): one look serves them all.
SETTLE_S = 0.1
# Podman's events can be lost, as when its log is rotated: look now and then all the same.
LOOK_EVERY_S = 60.0
# Nodes that came online together are not to be looked at together for ever.
_PERIODS = 40
# Somebody may have updated the host, or written its configuration. On reconnect it is checked too.
CHECK_READINESS_EVERY_S = 24 * 3600.0
RETRY_FIRST_S = 1.0
RETRY_MOST_S = 30.0
_INTERNAL_ERROR = Problem(
    code="internal_error",
    message="The site itself failed while it watched this node.",
    remedy="Look into the site's log, and report it. Ferry goes on trying.",
)


async def observe(session: NodeSession, node_id: int) -> None:
    """Ask the node for its containers now and write them down."""
    listed = parse_containers((await session.run(ps_argv())).stdout)
    news = await sync_to_async(save_containers)(node_id, listed)
    await (ping_node if news else ping_look)(node_id)


class NodeWatcher:
    def __init__(self, node_id: int, pace: Pace | None = None) -> None:
        self.node_id = node_id
        self._pace = pace or Pace()
        self._dirty = asyncio.Event()
        self._retry_now = asyncio.Event()

    def retry_now(self) -> None:
        self._retry_now.set()

    async def run(self) -> None:
        """Watch until cancelled; failures become the node's state, and are tried again."""
        delay_s = RETRY_FIRST_S
        while True:
            was_online = False
            try:
                was_online = await self._watch_until_failure()
            except Node.DoesNotExist:
                return
            except Exception:
                # Not even the failure could be saved, as without a database.
                logger.exception("watching node %s", self.node_id)
            delay_s = RETRY_FIRST_S if was_online else min(delay_s * 2, RETRY_MOST_S)
            self._retry_now.clear()
            with suppress(TimeoutError):
                await asyncio.wait_for(self._retry_now.wait(), delay_s)

    async def _watch_until_failure(self) -> bool:
        """Watch until something fails, save that, and return whether to try again soon."""
        await sync_to_async(close_old_connections)()
        node = await Node.objects.aget(pk=self.node_id)
        try:
            async with open_session(node) as session:
                await self._watch(session)
        except FerryError as error:
            unreachable = isinstance(error, (NodeUnreachable, CommandTimedOut))
            state = NodeState.UNREACHABLE if unreachable else NodeState.BLOCKED
            return await self._save_problem(state, error.problem)
        except Exception:
            logger.exception("watching node %s", self.node_id)
            # Without it the node would stay online for ever, with containers of long ago.
            await self._save_problem(NodeState.BLOCKED, _INTERNAL_ERROR)
        return False

    async def _save_problem(self, state: NodeState, problem: Problem) -> bool:
        node = await Node.objects.aget(pk=self.node_id)
        if await sync_to_async(save_problem)(self.node_id, state, problem):
            logger.info("%s is %s: %s %s", node.name, state, problem.message, problem.cause)
            await ping_node(self.node_id)
        return node.state == NodeState.ONLINE

    async def _watch(self, session: NodeSession) -> None:
        async with self._pace.turn():
            await self._check_readiness(session)
            # Its containers first: a node that is online is one whose containers are known.
            await observe(session, self.node_id)
        if await sync_to_async(save_online)(self.node_id):
            await ping_node(self.node_id)
        logger.info("%s is online", session.name)
        self._dirty.set()
        try:
            async with asyncio.TaskGroup() as together:
                together.create_task(self._follow_events(session))
                together.create_task(self._look_when_dirty(session))
                together.create_task(self._check_readiness_daily(session))
        except BaseExceptionGroup as several:
            raise several.exceptions[0] from None

    async def _check_readiness(self, session: NodeSession) -> None:
        facts = await probe_host(session)
        if await sync_to_async(save_readiness)(self.node_id, facts):
            await ping_node(self.node_id)
        require_podman(session.name, facts)

    async def _check_readiness_daily(self, session: NodeSession) -> None:
        while True:
            await asyncio.sleep(CHECK_READINESS_EVERY_S)
            await sync_to_async(close_old_connections)()
            await self._check_readiness(session)

    async def _follow_events(self, session: NodeSession) -> None:
        async for line in session.lines(events_argv()):
            if changes_containers(line):
                self._dirty.set()
        raise NodeUnreachable(
            session.name, session.address.host, session.address.port, "podman events ended"
        )

    async def _look_when_dirty(self, session: NodeSession) -> None:
        every_s = LOOK_EVERY_S * (1 - self.node_id % _PERIODS / (4 * _PERIODS))
        while True:
            with suppress(TimeoutError):
                await asyncio.wait_for(self._dirty.wait(), every_s)
            await asyncio.sleep(SETTLE_S)
            self._dirty.clear()
            await sync_to_async(close_old_connections)()
            await observe(session, self.node_id)
