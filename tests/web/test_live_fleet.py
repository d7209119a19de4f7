"""Twenty nodes over real SSH: what they are asked does not depend on who looks at the pages."""

from __future__ import annotations

import asyncio
import re
from collections import Counter
from collections.abc import AsyncIterator, Callable, Iterator
from contextlib import AsyncExitStack, asynccontextmanager, suppress

import pytest
from django.contrib.auth.models import User
from django.test import Client

from nodes.inventory.fleet import Fleet
from nodes.models import Container, Node, NodeState
from tests.conftest import browser_of
from tests.fake_host import FakeHost, ServerLoop
from tests.simulated_host import SimulatedHost
from tests.web.websocket import Socket

pytestmark = pytest.mark.django_db(transaction=True)
NODES = 20
CONTAINERS = 5
BOARD = "/ws/fleet/?view=board"


@pytest.fixture
def hosts(
    server_loop: ServerLoop, node_of: Callable[[FakeHost, str], Node]
) -> Iterator[list[SimulatedHost]]:
    made = [SimulatedHost(server_loop, f"node-{number}", CONTAINERS) for number in range(NODES)]
    for host in made:
        host.start()
        node_of(host, host.name)
    Node.objects.update(state=NodeState.CONNECTING)
    yield made
    for host in made:
        host.stop()


@pytest.fixture(autouse=True)
def no_look_by_the_clock(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr("nodes.inventory.watcher.LOOK_EVERY_S", 600.0)


@pytest.fixture
def veras_browser(vera: User) -> Client:
    return browser_of(vera)


@asynccontextmanager
async def watched(hosts: list[SimulatedHost]) -> AsyncIterator[None]:
    """Watch the fleet, all of which is online and has been looked at as often as it takes."""
    task = asyncio.create_task(Fleet().run())
    try:
        async with asyncio.timeout(60):
            while await Node.objects.filter(state=NodeState.ONLINE).acount() < NODES:
                await asyncio.sleep(0.05)
            # Again, for what has changed before events were followed.
            while asked(hosts)["podman ps"] < 2 * NODES:
                await asyncio.sleep(0.05)
        yield
    finally:
        task.cancel()
        with suppress(asyncio.CancelledError):
            await task


def asked(hosts: list[SimulatedHost]) -> Counter[str]:
    return Counter(" ".join(argv[:2]) for host in hosts for argv in host.commands)


async def card_of(socket: Socket, node: Node) -> str:
    while f'id="node-{node.pk}-card"' not in (html := await socket.receive()):
        pass
    return html


async def commands_for_an_event(
    hosts: list[SimulatedHost], browser: Client, *, pages: int
) -> Counter[str]:
    """Open pages, stop or start a container, and wait until each of them shows it."""
    node = await Node.objects.aget(name=hosts[7].name)
    async with AsyncExitStack() as stack:
        sockets = [await stack.enter_async_context(Socket(BOARD, browser)) for _ in range(pages)]
        for socket in sockets:
            await socket.receive()
        before = asked(hosts)
        state = await asyncio.to_thread(hosts[7].flip, 0)
        for socket in sockets:
            assert re.search(
                rf'class="chip"[^>]* data-state="{state}"', await card_of(socket, node)
            )
        return asked(hosts) - before


async def test_twenty_pages_ask_the_nodes_no_more_than_one(
    hosts: list[SimulatedHost], veras_browser: Client
) -> None:
    async with watched(hosts):
        assert await Container.objects.acount() == NODES * CONTAINERS
        one = await commands_for_an_event(hosts, veras_browser, pages=1)
        twenty = await commands_for_an_event(hosts, veras_browser, pages=20)
    assert one == twenty == {"podman ps": 1}


async def test_a_fleet_is_connected_to_once_for_each_node(hosts: list[SimulatedHost]) -> None:
    async with watched(hosts):
        assert asked(hosts) == {
            "sh -c": NODES,  # the probe
            "podman events": NODES,
            "podman ps": 2 * NODES,
        }
