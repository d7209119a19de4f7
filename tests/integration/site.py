"""Drive operations as the site does, and look at the hosts themselves for the outcome."""

from __future__ import annotations

import asyncio
import time
from collections.abc import Callable
from dataclasses import dataclass
from typing import Any

from asgiref.sync import sync_to_async

from nodes.inventory.connect import open_session
from nodes.inventory.register import look_at
from nodes.inventory.site_key import load_site_key
from nodes.inventory.watcher import observe
from nodes.models import (
    Archive,
    Container,
    Leftover,
    Node,
    Operation,
    OperationState,
    PhaseState,
)
from nodes.operations import start
from nodes.operations.leftovers import tidy
from nodes.operations.runner import run_operation
from nodes.operations.start_checkpoint import start_checkpoint
from nodes.operations.start_node import start_prepare, start_selftest, start_undo
from nodes.operations.start_restore import start_restore
from nodes.podman.options import CheckpointOptions, MigrationOptions, RestoreOptions
from tests.lab import CounterReading, Host, full_check

WAIT_S = 60.0


@dataclass
class Site:
    hosts: dict[str, Host]

    def register(self, host: Host) -> None:
        """Let the site in, and add the host as a node."""
        host.authorize(load_site_key().public_key)
        Node.objects.create(
            name=host.name, host=host.address, port=host.port, host_key=host.host_key
        )
        self.hosts[host.name] = host

    async def look(self, node_name: str) -> Node:
        """Look at the node now and return its row."""
        node = await Node.objects.aget(name=node_name)
        await look_at(node)
        return node

    async def prepare(self, node_name: str, *, digest: str = "") -> Operation:
        return await self._run(start_prepare, node_name, digest=digest)

    async def undo(self, node_name: str) -> Operation:
        return await self._run(start_undo, node_name)

    async def selftest(self, node_name: str) -> Operation:
        return await self._run(start_selftest, node_name)

    async def queue_on(
        self, begin: Callable[..., Operation], node_name: str, **asked: object
    ) -> Operation:
        """Queue what ``begin`` starts on a node: start_prepare, start_undo or start_selftest."""
        node = await Node.objects.aget(name=node_name)
        return await sync_to_async(begin)(None, node, **asked)

    async def _run(
        self, begin: Callable[..., Operation], node_name: str, **asked: object
    ) -> Operation:
        return await self._ended(await self.queue_on(begin, node_name, **asked))

    async def container(self, name: str, node_name: str) -> Container:
        """Look at the node now and return the container's row."""
        node = await Node.objects.aget(name=node_name)
        async with open_session(node) as session:
            await observe(session, node.pk)
        return await Container.objects.select_related("node").aget(name=name, node=node)

    async def queue(self, name: str, source: str, destination: str, **options: object) -> Operation:
        container = await self.container(name, source)
        there = await Node.objects.aget(name=destination)
        parsed = MigrationOptions.parse(options)
        return await sync_to_async(start.start_migration)(None, container, there, parsed)

    async def queue_checkpoint(self, name: str, node: str, **options: object) -> Operation:
        container = await self.container(name, node)
        parsed = CheckpointOptions.parse(options)
        return await sync_to_async(start_checkpoint)(None, container, parsed)

    async def checkpoint(self, name: str, node: str, **options: object) -> Operation:
        """Checkpoint and return the ended operation."""
        return await self._ended(await self.queue_checkpoint(name, node, **options))

    async def queue_restore(
        self, archive: Archive | None, node: str, *, confirmed: str = "", **options: object
    ) -> Operation:
        assert archive is not None
        there = await Node.objects.aget(name=node)
        parsed = RestoreOptions.parse(options)
        return await sync_to_async(start_restore)(None, archive, there, parsed, confirmed=confirmed)

    async def restore(self, archive: Archive | None, node: str, **options: Any) -> Operation:
        """Restore and return the ended operation."""
        return await self._ended(await self.queue_restore(archive, node, **options))

    async def archive_of(self, operation: Operation) -> Archive:
        assert operation.state == OperationState.SUCCEEDED, operation.error
        return await Archive.objects.aget(pk=operation.result["archive_id"])

    async def section(self, archive: Archive, name: str) -> Any:
        return (await archive.sections.aget(name=name)).data

    async def _ended(self, operation: Operation) -> Operation:
        await run_operation(operation.pk)
        await operation.arefresh_from_db()
        return operation

    async def migrate(
        self, name: str, source: str, destination: str, **options: object
    ) -> Operation:
        """Migrate and return the ended operation."""
        return await self._ended(await self.queue(name, source, destination, **options))

    async def run_while(
        self,
        operation: Operation,
        ready: Callable[[Operation], bool],
        meddle: Callable[[asyncio.Task[None]], object],
    ) -> Operation:
        """Run a queued operation and call ``meddle`` with its task as soon as it is ``ready``."""
        task = asyncio.create_task(run_operation(operation.pk))
        async with asyncio.timeout(WAIT_S):
            while not ready(operation) and not task.done():
                await asyncio.sleep(0.01)
                await operation.arefresh_from_db()
        assert not task.done(), "the operation ended before it could be meddled with"
        await asyncio.to_thread(meddle, task)
        await asyncio.gather(task, return_exceptions=True)
        await operation.arefresh_from_db()
        return operation

    async def cancel_when(
        self, operation: Operation, ready: Callable[[Operation], bool], *, after_s: float = 0
    ) -> Operation:
        """Run a queued operation and cancel it, as the button does, soon after it is ``ready``."""
        loop = asyncio.get_running_loop()

        def cancel(task: asyncio.Task[None]) -> None:
            time.sleep(after_s)
            start.cancel_operation(None, operation)
            loop.call_soon_threadsafe(task.cancel)

        return await self.run_while(operation, ready, cancel)

    async def tidy_up(self) -> None:
        """Remove what operations had to leave on the nodes, where it can be by now."""
        for node in [each async for each in Node.objects.all()]:
            async with open_session(node) as session:
                await observe(session, node.pk)
        waiting = Leftover.objects.select_related(
            "node", "operation__source", "operation__destination"
        )
        for leftover in [each async for each in waiting]:
            await tidy(leftover)

    async def messages(self, operation: Operation) -> list[str]:
        return [event.message async for event in operation.events.all()]

    async def log(self, operation: Operation, name: str) -> str:
        """Return a log that was fetched when the operation failed."""
        return (await operation.logs.aget(name=name)).text


def in_phase(name: str) -> Callable[[Operation], bool]:
    """Tell when a phase has begun (and may have ended)."""

    def ready(operation: Operation) -> bool:
        states = {phase["name"]: phase["state"] for phase in operation.phases}
        return states[name] not in (PhaseState.PENDING, PhaseState.SKIPPED)

    return ready


def assert_same_program(before: CounterReading, after: CounterReading) -> None:
    """The program goes on from its memory; one that was started afresh has another nonce."""
    assert after.nonce == before.nonce
    assert after.errors == 0
    assert after.counter >= before.counter


async def assert_rolled_back(site: Site, operation: Operation, *, before: CounterReading) -> None:
    """The counter runs on alder from its memory, birch has nothing of it, the archive is kept."""
    alder, birch = site.hosts["alder"], site.hosts["birch"]
    assert running(alder) == ["counter"]
    assert_same_program(before, full_check(alder))
    assert all_containers(birch) == []
    assert volumes(birch) == []
    assert staging_is_gone(alder)
    assert staging_is_gone(birch)
    assert operation.result["rolled_back"] is True
    assert await Archive.objects.filter(pk=operation.result["archive_id"]).aexists()


def finding(node: Node, check: str) -> dict[str, Any]:
    """Return what one check found at the last look."""
    return next(found for found in node.findings if found["check"] == check)


def running(host: Host) -> list[str]:
    return host.run(["podman", "ps", "--format", "{{.Names}}"]).stdout.split()


def programs(host: Host) -> int:
    """Count the counters that run, as the kernel tells it: Podman may be wrong, or not there."""
    return len(host.run(["pgrep", "-x", "counter"], check=False).stdout.split())


def all_containers(host: Host) -> list[str]:
    return host.run(["podman", "ps", "--all", "--format", "{{.Names}}"]).stdout.split()


def volumes(host: Host) -> list[str]:
    return host.run(["podman", "volume", "ls", "--format", "{{.Name}}"]).stdout.split()


def staging_is_gone(host: Host) -> bool:
    return host.run(["test", "-e", "/var/lib/ferry"], check=False).returncode != 0
