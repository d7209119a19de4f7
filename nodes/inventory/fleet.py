"""Keep one watcher for each node, and follow the nodes' rows as they come, change and go."""

from __future__ import annotations

import asyncio
import logging
from contextlib import suppress

from asgiref.sync import sync_to_async
from django.db import close_old_connections

from nodes.inventory.connect import address_of
from nodes.inventory.pace import Pace
from nodes.inventory.watcher import NodeWatcher
from nodes.live import call_workers
from nodes.models import Node
from nodes.ssh.connection import NodeAddress

logger = logging.getLogger(__name__)
# Another process may have changed a row; whoever does calls wake() at once.
LOOK_EVERY_S = 2.0


class Fleet:
    def __init__(self) -> None:
        self._watchers: dict[int, tuple[NodeAddress, NodeWatcher, asyncio.Task[None]]] = {}
        self._loop: asyncio.AbstractEventLoop | None = None
        self._woken = asyncio.Event()
        self._pace = Pace()

    @property
    def is_watching(self) -> bool:
        """Tell whether this process watches the nodes."""
        return self._loop is not None

    async def run(self) -> None:
        """Watch all nodes until cancelled."""
        self._loop = asyncio.get_running_loop()
        try:
            while True:
                # Before the look: a row that changes meanwhile may be too late for it.
                self._woken.clear()
                await self._try_to_follow_rows()
                with suppress(TimeoutError):
                    await asyncio.wait_for(self._woken.wait(), LOOK_EVERY_S)
        finally:
            self._loop = None
            for node_id in list(self._watchers):
                await self._stop(node_id)

    def wake(self, node_id: int | None = None) -> None:
        """Look at the rows, and at one node, now, in whichever process; from any thread."""
        if not self.wake_here(node_id):
            call_workers("fleet", node_id)

    def wake_here(self, node_id: int | None = None) -> bool:
        """Look now if this process watches the fleet; return whether it does."""
        loop = self._loop
        if loop is None:
            return False
        loop.call_soon_threadsafe(self._wake, node_id)
        return True

    def _wake(self, node_id: int | None) -> None:
        self._woken.set()
        if node_id in self._watchers:
            self._watchers[node_id][1].retry_now()

    async def _try_to_follow_rows(self) -> None:
        try:
            # A database that was restarted leaves a connection that would never work again.
            await sync_to_async(close_old_connections)()
            await self._follow_rows()
        except Exception:
            # The next turn tries again: without this loop no node would be watched any more.
            logger.exception("the nodes' rows cannot be followed")

    async def _follow_rows(self) -> None:
        nodes = Node.objects.only("name", "host", "port", "user", "sudo", "host_key")
        addresses = {node.pk: address_of(node) async for node in nodes}
        for node_id, (address, _, task) in list(self._watchers.items()):
            if task.done() or addresses.get(node_id) != address:
                await self._stop(node_id)
        for node_id, address in addresses.items():
            if node_id not in self._watchers:
                watcher = NodeWatcher(node_id, self._pace)
                self._watchers[node_id] = (address, watcher, asyncio.create_task(watcher.run()))

    async def _stop(self, node_id: int) -> None:
        _, _, task = self._watchers.pop(node_id)
        task.cancel()
        # Unlike awaiting the task, this does not raise what ended it.
        await asyncio.wait([task])
        if not task.cancelled() and (error := task.exception()):
            logger.error("the watcher of node %s had ended", node_id, exc_info=error)


fleet = Fleet()
