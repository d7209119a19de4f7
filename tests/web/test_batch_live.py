"""A batch's page, the operations' page and the tray follow it over the websocket."""

from __future__ import annotations

import asyncio

import pytest
from asgiref.sync import sync_to_async
from django.contrib.auth.models import User
from django.test import Client

from nodes.live import ping_operations
from nodes.models import Batch, BatchState, Container, Node
from nodes.operations.batch_coordinator import BatchCoordinator
from tests.conftest import browser_of
from tests.factories import make_batch
from tests.web.websocket import Socket

pytestmark = pytest.mark.django_db(transaction=True)


@pytest.fixture
def veras_browser(vera: User) -> Client:
    return browser_of(vera)


@pytest.fixture
def batch(counter: Container) -> Batch:
    return make_batch([counter], Node.objects.get(name="birch"))


async def test_a_batchs_page_gets_its_state_at_first_and_after_a_ping(
    veras_browser: Client, batch: Batch
) -> None:
    async with Socket(f"/ws/fleet/?view=batch&batch={batch.pk}", veras_browser) as socket:
        html = await socket.receive()
        assert f'id="batch-{batch.pk}"' in html
        assert 'data-state="waiting"' in html
        assert 'id="tray"' in html
        await Batch.objects.aupdate(state=BatchState.PAUSED, pause_reason="web is lost.")
        await ping_operations()
        assert "web is lost." in await socket.receive()


async def test_the_operations_page_gets_the_batches_too(
    veras_browser: Client, batch: Batch
) -> None:
    async with Socket("/ws/fleet/?view=operations", veras_browser) as socket:
        assert 'id="recent-batches" hx-swap-oob="true"' in await socket.receive()


@pytest.mark.parametrize("number", ["999", "x'", "", "9" * 30])
async def test_a_batch_that_is_not_there_breaks_nothing(
    veras_browser: Client, batch: Batch, number: str
) -> None:
    async with Socket(f"/ws/fleet/?view=batch&batch={number}", veras_browser) as socket:
        assert 'id="tray"' in await socket.receive()


async def test_the_coordinator_starts_what_waits_and_tells_the_pages(
    veras_browser: Client, batch: Batch
) -> None:
    coordinator = BatchCoordinator()
    async with Socket(f"/ws/fleet/?view=batch&batch={batch.pk}", veras_browser) as socket:
        await socket.receive()
        running = asyncio.create_task(coordinator.run())
        try:
            assert 'data-state="running" data-active' in await socket.receive()
        finally:
            running.cancel()
            await asyncio.gather(running, return_exceptions=True)
    item = await batch.items.aget()
    assert await sync_to_async(lambda: item.operation.state)() == "queued"
