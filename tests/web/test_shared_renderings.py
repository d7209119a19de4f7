"""Open pages that show the same to the same rights share each rendering, and nothing else."""

from __future__ import annotations

import asyncio
import re
import threading
import time
from contextlib import AsyncExitStack
from html import unescape
from typing import Any

import pytest
from asgiref.sync import async_to_sync, sync_to_async
from django.contrib.auth.models import User
from django.test import Client

from nodes.consumers import broadcast
from nodes.consumers.broadcast import MOST_WAITING, subscribed
from nodes.consumers.topic import Rendering, Topic
from nodes.live import FLEET_GROUP, ping_node, ping_operations
from nodes.models import Container
from nodes.models.role import Rights, Role, assign_role
from tests.conftest import browser_of
from tests.factories import make_node, make_user
from tests.web.websocket import Socket

pytestmark = pytest.mark.django_db(transaction=True)
BOARD = "/ws/fleet/?view=board"


@pytest.fixture
def renderings(monkeypatch: pytest.MonkeyPatch) -> list[Topic]:
    """Return the topics that are rendered, one for each time."""
    rendered: list[Topic] = []
    real = broadcast.render_topic

    def render(topic: Topic, changed: set[Any]) -> Rendering:
        rendered.append(topic)
        return real(topic, changed)

    monkeypatch.setattr(broadcast, "render_topic", render)
    return rendered


@pytest.fixture
def veras(vera: User) -> Client:
    return browser_of(vera)


@pytest.fixture
def oscars(oscar: User) -> Client:
    return browser_of(oscar)


@pytest.fixture
def browsers(vera: User) -> list[Client]:
    """Return those of three users who may do the same."""
    others = [make_user(name, Role.VIEWER) for name in ("victor", "viola")]
    return [browser_of(user) for user in (vera, *others)]


async def test_an_event_reaches_three_pages_of_three_users_with_one_rendering(
    browsers: list[Client], counter: Container, renderings: list[Topic]
) -> None:
    async with AsyncExitStack() as pages:
        sockets = [await pages.enter_async_context(Socket(BOARD, one)) for one in browsers]
        for socket in sockets:
            assert "counter" in await socket.receive()
        del renderings[:]
        await Container.objects.aupdate(name="renamed")
        await ping_node(counter.node_id)
        assert len({await socket.receive() for socket in sockets}) == 1
    assert len(renderings) == 1


async def test_each_kind_of_rights_is_sent_its_own_fragments(
    veras: Client, oscars: Client, counter: Container, renderings: list[Topic]
) -> None:
    async with Socket(BOARD, veras) as viewer, Socket(BOARD, oscars) as operator:
        assert "Migrate counter" not in await viewer.receive()
        assert "Migrate counter" in await operator.receive()
        await Container.objects.aupdate(name="renamed")
        await ping_node(counter.node_id)
        assert "Migrate renamed" not in await viewer.receive()
        assert "Migrate renamed" in await operator.receive()
    assert len({topic.rights for topic in renderings}) == 2


async def test_a_user_who_may_less_now_is_sent_only_what_that_shows(
    oscar: User, oscars: Client, counter: Container, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr("nodes.consumers.shared.READ_USER_EVERY_S", 0.0)
    async with Socket(BOARD, oscars) as socket:
        assert "Migrate counter" in await socket.receive()
        await sync_to_async(assign_role)(oscar, Role.VIEWER)
        await Container.objects.aupdate(name="renamed")
        await ping_node(counter.node_id)
        html = await socket.receive()
        assert "renamed" in html
        assert "Migrate" not in html


async def test_what_has_not_changed_is_not_sent_again(veras: Client, counter: Container) -> None:
    async with Socket(BOARD, veras) as socket:
        await socket.receive()
        await ping_operations()
        assert await socket.is_silent(0.6)
        await Container.objects.aupdate(name="renamed")
        await ping_operations()
        html = await socket.receive()
        assert "renamed" in html
        assert "birch" not in html


async def test_a_node_that_comes_and_one_that_goes_are_sent_with_the_whole_grid(
    veras: Client, counter: Container
) -> None:
    async with Socket(BOARD, veras) as socket:
        await socket.receive()
        cedar = await sync_to_async(make_node)("cedar")
        await ping_node(cedar.pk)
        html = await socket.receive()
        assert 'id="fleet-grid"' in html
        assert "cedar" in html
        await cedar.adelete()
        await ping_operations()
        html = await socket.receive()
        assert 'id="fleet-grid"' in html
        assert "cedar" not in html


async def test_a_page_that_comes_later_gets_everything_and_the_others_nothing_twice(
    browsers: list[Client], counter: Container
) -> None:
    async with Socket(BOARD, browsers[0]) as first:
        await first.receive()
        async with Socket(BOARD, browsers[1]) as second:
            assert "birch" in await second.receive()
        assert await first.is_silent(0.4)


def socket_of(browser: Client) -> str:
    """Return the address of the websocket of a board that is opened now."""
    found = re.search(r'ws-connect="([^"]+view=board[^"]*)"', browser.get("/").content.decode())
    assert found is not None
    return unescape(found[1])


async def test_a_page_that_is_up_to_date_is_sent_no_card(veras: Client, counter: Container) -> None:
    address = await sync_to_async(socket_of)(veras)
    async with Socket(address, veras) as first:
        html = await first.receive()
        assert 'id="tray"' in html
        assert "counter" not in html
        async with Socket(address, veras) as second:
            assert "counter" not in await second.receive()
        await Container.objects.aupdate(name="renamed")
        await ping_node(counter.node_id)
        assert "renamed" in await first.receive()


async def test_pages_that_are_up_to_date_cost_no_rendering(
    browsers: list[Client], counter: Container, renderings: list[Topic]
) -> None:
    address = await sync_to_async(socket_of)(browsers[0])
    async with Socket(address, browsers[0]) as first:
        await first.receive()
        for browser in browsers[1:]:
            async with Socket(address, browser) as socket:
                await socket.receive()
    assert len(renderings) == 1


async def test_a_page_that_was_rendered_before_a_change_is_sent_everything(
    veras: Client, counter: Container
) -> None:
    address = await sync_to_async(socket_of)(veras)
    # No ping tells of it: the page had no socket yet.
    await Container.objects.aupdate(name="renamed")
    async with Socket(address, veras) as first, Socket(address, veras) as second:
        assert "renamed" in await first.receive()
        assert "renamed" in await second.receive()


async def test_a_change_during_a_rendering_is_rendered_after_it(
    veras: Client, counter: Container, monkeypatch: pytest.MonkeyPatch
) -> None:
    real = broadcast.render_topic
    pending = ["second", "first"]

    def render(topic: Topic, changed: set[Any]) -> Rendering:
        rendering = real(topic, changed)
        if pending:
            # The rows are read already.
            Container.objects.update(name=pending.pop())
            async_to_sync(ping_node)(counter.node_id)
        return rendering

    monkeypatch.setattr(broadcast, "render_topic", render)
    async with Socket(BOARD, veras) as socket:
        assert "counter" in await socket.receive()
        assert "first" in await socket.receive()
        assert "second" in await socket.receive()


async def test_a_rendering_holds_up_nothing_else_that_needs_the_database(
    veras: Client, counter: Container, monkeypatch: pytest.MonkeyPatch
) -> None:
    real = broadcast.render_topic
    begun, goes_on = threading.Event(), threading.Event()

    def render(topic: Topic, changed: set[Any]) -> Rendering:
        begun.set()
        assert goes_on.wait(10)
        return real(topic, changed)

    monkeypatch.setattr(broadcast, "render_topic", render)
    async with Socket(BOARD, veras) as socket:
        assert await asyncio.to_thread(begun.wait, 10)
        try:
            async with asyncio.timeout(5):
                await Container.objects.aupdate(name="renamed")
        finally:
            goes_on.set()
        assert "renamed" in await socket.receive()


async def test_pages_are_sent_four_renderings_a_second_at_most(
    veras: Client, counter: Container, renderings: list[Topic]
) -> None:
    async with Socket(BOARD, veras) as socket:
        await socket.receive()
        began = time.monotonic()
        del renderings[:]
        for number in range(50):
            await Container.objects.aupdate(name=f"name-{number}")
            await ping_node(counter.node_id)
            await asyncio.sleep(0.01)
        while "name-49" not in await socket.receive():
            pass
    assert len(renderings) <= (time.monotonic() - began) / 0.25 + 1


async def test_a_page_on_a_slow_connection_is_handed_the_last_state_and_no_backlog(
    counter: Container,
) -> None:
    rights = Rights(role=Role.VIEWER, permissions=frozenset())
    topic = Topic(FLEET_GROUP, "board", (), rights)
    async with asyncio.timeout(10), subscribed(topic) as slow, subscribed(topic) as other:
        await slow.next()
        await other.next()
        for number in range(MOST_WAITING + 1):
            slow.offer(f"news {number}")
        await Container.objects.aupdate(name="renamed")
        await ping_node(counter.node_id)
        assert "renamed" in await other.next()
        html = await slow.next()
        assert "renamed" in html
        assert 'id="fleet-grid"' in html
