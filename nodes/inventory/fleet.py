"""Keep one watcher for each node, and follow the nodes' rows as they come, change and go."""

from __future__ import annotations

import asyncio
from contextlib import suppress

from nodes.inventory.connect import address_of
from nodes.inventory.watcher import NodeWatcher
from nodes.models import Node
from nodes.ssh.connection import NodeAddress

# Another process may have changed a row; in this one wake() is called at once.
LOOK_EVERY_S = 2.0


class Fleet:
    def __init__(self) -> None:
        self._watchers: dict[int, tuple[NodeAddress, NodeWatcher, asyncio.Task[None]]] = {}
        self._loop: asyncio.AbstractEventLoop | None = None
        self._woken = asyncio.Event()

    async def run(self) -> None:
        """Watch all nodes until cancelled."""
        self._loop = asyncio.get_running_loop()
        try:
            while True:
                await self._follow_rows()
                self._woken.clear()
                with suppress(TimeoutError):
                    await asyncio.wait_for(self._woken.wait(), LOOK_EVERY_S)
        finally:
            self._loop = None
            for node_id in list(self._watchers):
                await self._stop(node_id)

    def wake(self, node_id: int | None = None) -> None:
        """Look at the rows, and at one node, now; may be called from any thread."""
        if self._loop is not None:
            self._loop.call_soon_threadsafe(self._wake, node_id)

    def _wake(self, node_id: int | None) -> None:
        self._woken.set()
        if node_id in self._watchers:
            self._watchers[node_id][1].retry_now()

    async def _follow_rows(self) -> None:
        addresses = {node.pk: address_of(node) async for node in Node.objects.all()}
        for node_id, (address, _, _) in list(self._watchers.items()):
            if addresses.get(node_id) != address:
                await self._stop(node_id)
        for node_id, address in addresses.items():
            if node_id not in self._watchers:
                watcher = NodeWatcher(node_id)
                self._watchers[node_id] = (address, watcher, asyncio.create_task(watcher.run()))

    async def _stop(self, node_id: int) -> None:
        _, _, task = self._watchers.pop(node_id)
        task.cancel()
        with suppress(asyncio.CancelledError):
            await task


fleet = Fleet()
