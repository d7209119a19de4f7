"""Drive operations as the site does, and look at the hosts themselves for the outcome."""

from __future__ import annotations

import asyncio
from collections.abc import Callable
from dataclasses import dataclass

from asgiref.sync import sync_to_async

from nodes.inventory.connect import open_session
from nodes.inventory.watcher import observe
from nodes.models import Container, Node, Operation, PhaseState
from nodes.operations import start
from nodes.operations.runner import run_operation
from nodes.podman.options import MigrationOptions
from tests.lab import CounterReading, Host

WAIT_S = 60.0


@dataclass
class Site:
    hosts: dict[str, Host]

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

    async def migrate(
        self, name: str, source: str, destination: str, **options: object
    ) -> Operation:
        """Migrate and return the ended operation."""
        operation = await self.queue(name, source, destination, **options)
        await run_operation(operation.pk)
        await operation.arefresh_from_db()
        return operation

    async def migrate_while(
        self,
        operation: Operation,
        ready: Callable[[Operation], bool],
        meddle: Callable[[asyncio.Task[None]], None],
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

    async def messages(self, operation: Operation) -> list[str]:
        return [event.message async for event in operation.events.all()]


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
