"""A watcher that fails says so on its node and goes on; one that ended is started again."""

from __future__ import annotations

import asyncio
from collections.abc import AsyncIterator, Callable
from contextlib import asynccontextmanager, suppress

import pytest
from django.db import OperationalError

from nodes.inventory import fleet as fleet_module
from nodes.inventory import watcher as watcher_module
from nodes.inventory.fleet import Fleet
from nodes.inventory.watcher import NodeWatcher
from nodes.models import Node, NodeState
from tests.factories import make_node
from tests.fake_host import FakeHost

pytestmark = pytest.mark.django_db(transaction=True)


@pytest.fixture(autouse=True)
def impatient(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(fleet_module, "LOOK_EVERY_S", 0.02)
    monkeypatch.setattr(watcher_module, "RETRY_FIRST_S", 0.02)


@asynccontextmanager
async def running(thing: Fleet | NodeWatcher) -> AsyncIterator[asyncio.Task[None]]:
    task = asyncio.create_task(thing.run())
    try:
        yield task
    finally:
        task.cancel()
        with suppress(asyncio.CancelledError):
            await task


async def until(happened: Callable[[], bool]) -> None:
    async with asyncio.timeout(5):
        while not happened():
            await asyncio.sleep(0.01)


async def state_of(node: Node, wanted: NodeState) -> None:
    async with asyncio.timeout(5):
        while node.state != wanted:
            await asyncio.sleep(0.02)
            await node.arefresh_from_db()


async def readiness_of(node: Node, wanted: str) -> None:
    async with asyncio.timeout(5):
        while node.readiness != wanted:
            await asyncio.sleep(0.02)
            await node.arefresh_from_db()


async def test_an_unforeseen_failure_is_told_on_the_node(
    fake_host: FakeHost, node_of: Callable[..., Node], monkeypatch: pytest.MonkeyPatch
) -> None:
    async def fail(*_: object) -> None:
        raise ZeroDivisionError

    monkeypatch.setattr(watcher_module, "probe_host", fail)
    node = await asyncio.to_thread(node_of, fake_host)
    async with running(NodeWatcher(node.pk)) as task:
        await state_of(node, NodeState.BLOCKED)
        assert node.problem["code"] == "internal_error"
        assert not task.done()


async def test_readiness_is_looked_at_again_after_a_day_and_a_change_is_in_the_history(
    fake_host: FakeHost, node_of: Callable[..., Node], monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(watcher_module, "CHECK_READINESS_EVERY_S", 0.05)
    fake_host.events_go_on = True
    node = await asyncio.to_thread(node_of, fake_host)
    async with running(NodeWatcher(node.pk)):
        await readiness_of(node, "ok")
        del fake_host.answers["criu --version"]
        await readiness_of(node, "error")
    changes = [(event.check_name, event.level) async for event in node.events.all()]
    assert ("criu", "error") in changes


async def test_a_watcher_outlives_a_failure_to_save_its_failure(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    tries = []

    def fail(*_: object) -> None:
        tries.append(1)
        raise OperationalError("the database is being restarted")

    node = await asyncio.to_thread(make_node)
    with monkeypatch.context() as broken:
        broken.setattr(watcher_module, "save_problem", fail)
        async with running(NodeWatcher(node.pk)) as task:
            await until(lambda: len(tries) > 1)
            assert not task.done()
            broken.undo()
            await state_of(node, NodeState.UNREACHABLE)


async def test_a_watcher_that_has_ended_is_started_again(monkeypatch: pytest.MonkeyPatch) -> None:
    starts = []

    async def end(watcher: NodeWatcher) -> None:
        starts.append(watcher)
        raise ZeroDivisionError

    monkeypatch.setattr(NodeWatcher, "run", end)
    await asyncio.to_thread(make_node)
    async with running(Fleet()) as task:
        await until(lambda: len(starts) > 2)
        assert not task.done()


async def test_the_fleet_outlives_a_database_that_does_not_answer(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    turns = []

    async def fail(fleet: Fleet) -> None:
        turns.append(1)
        raise OperationalError("the database is being restarted")

    monkeypatch.setattr(Fleet, "_follow_rows", fail)
    async with running(Fleet()) as task:
        await until(lambda: len(turns) > 2)
        assert not task.done()
