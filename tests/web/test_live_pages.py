"""Websockets: signed-in people get the pages' own fragments, at first and after each ping."""

from __future__ import annotations

from pathlib import Path

import pytest
from asgiref.sync import sync_to_async
from django.contrib.auth.models import User
from django.test import Client

from nodes.consumers.base import INTERNAL_ERROR, NOT_FOUND, NOT_SIGNED_IN
from nodes.live import ping_archives, ping_node, ping_operation, ping_operations
from nodes.models import Container, Node, Operation, OperationState
from tests.conftest import browser_of
from tests.factories import make_archive, make_operation
from tests.web.websocket import Socket

pytestmark = pytest.mark.django_db(transaction=True)


@pytest.fixture
def operation(counter: Container) -> Operation:
    birch = Node.objects.get(name="birch")
    return make_operation(counter.node, birch, state=OperationState.RUNNING)


@pytest.fixture
def veras_browser(vera: User) -> Client:
    return browser_of(vera)


@pytest.mark.parametrize("path", ["/ws/fleet/", "/ws/operations/1/"])
async def test_strangers_are_refused(path: str) -> None:
    answer = await Socket(path).connect()
    assert (answer["type"], answer["code"]) == ("websocket.close", NOT_SIGNED_IN)


async def test_another_sites_page_is_refused(veras_browser: Client) -> None:
    socket = Socket("/ws/fleet/", veras_browser, origin="http://evil.example")
    assert (await socket.connect())["type"] == "websocket.close"


async def test_an_operations_page_gets_its_state_at_first_and_after_a_ping(
    veras_browser: Client, operation: Operation
) -> None:
    async with Socket(f"/ws/operations/{operation.pk}/", veras_browser) as socket:
        assert 'data-state="running"' in await socket.receive()

        error = {"code": "x", "message": "No room.", "cause": "", "remedy": "", "options": {}}
        await Operation.objects.aupdate(state=OperationState.FAILED, error=error)
        await ping_operation(operation.pk)

        html = await socket.receive()
        assert 'data-state="failed"' in html
        assert "No room." in html


async def test_nothing_is_sent_without_a_ping(veras_browser: Client, operation: Operation) -> None:
    async with Socket(f"/ws/operations/{operation.pk}/", veras_browser) as socket:
        await socket.receive()
        assert await socket.is_silent(0.4)


async def test_many_pings_at_once_are_one_message(
    veras_browser: Client, operation: Operation
) -> None:
    async with Socket(f"/ws/operations/{operation.pk}/", veras_browser) as socket:
        await socket.receive()
        for _ in range(50):
            await ping_operation(operation.pk)
        await socket.receive()
        assert await socket.is_silent(0.4)


async def test_only_the_card_of_the_node_that_changed_is_sent(
    veras_browser: Client, counter: Container
) -> None:
    async with Socket("/ws/fleet/?view=board", veras_browser) as socket:
        html = await socket.receive()
        assert "counter" in html
        assert "birch" in html
        await Container.objects.aupdate(name="renamed")
        await ping_node(counter.node_id)
        html = await socket.receive()
        assert "renamed" in html
        assert f"node-{(await Node.objects.aget(name='birch')).pk}" not in html


@pytest.mark.parametrize("view", ["board", "node", "containers", "container", "operations", ""])
async def test_every_view_is_rendered(
    veras_browser: Client, operation: Operation, counter: Container, view: str
) -> None:
    query = f"view={view}&node={counter.node_id}&container={counter.podman_id}"
    async with Socket(f"/ws/fleet/?{query}", veras_browser) as socket:
        assert "hx-swap-oob" in await socket.receive()
        await Operation.objects.aupdate(phase="transfer")
        await ping_operations()
        assert "hx-swap-oob" in await socket.receive()


@pytest.mark.parametrize("view", ["node", "container", "containers", "operations"])
async def test_hostile_parameters_break_nothing(veras_browser: Client, view: str) -> None:
    query = f"view={view}&node=x%27&container=%3Cscript%3E&q=%3Cscript%3E&state=%27--"
    async with Socket(f"/ws/fleet/?{query}", veras_browser) as socket:
        assert "<script>" not in await socket.receive()


async def test_an_operation_that_is_gone_is_refused(veras_browser: Client) -> None:
    answer = await Socket("/ws/operations/999/", veras_browser).connect()
    assert (answer["type"], answer["code"]) == ("websocket.close", NOT_FOUND)


async def test_a_socket_that_cannot_render_is_closed_so_that_the_page_connects_again(
    veras_browser: Client, operation: Operation
) -> None:
    async with Socket(f"/ws/operations/{operation.pk}/", veras_browser) as socket:
        await socket.receive()
        pk = operation.pk
        await operation.adelete()
        await ping_operation(pk)
        assert await socket.close_code() == INTERNAL_ERROR


@pytest.mark.parametrize("gone", [True, False])
async def test_a_user_who_may_no_longer_sign_in_is_sent_nothing_more(
    veras_browser: Client,
    vera: User,
    operation: Operation,
    gone: bool,
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    monkeypatch.setattr("nodes.consumers.base.READ_USER_EVERY_S", 0.0)
    async with Socket(f"/ws/operations/{operation.pk}/", veras_browser) as socket:
        await socket.receive()
        users = User.objects.filter(pk=vera.pk)
        await (users.adelete() if gone else users.aupdate(is_active=False))
        await ping_operation(operation.pk)
        assert await socket.close_code() == NOT_SIGNED_IN


@pytest.mark.parametrize("path", ["/ws/operations/{pk}/", "/ws/fleet/?view=operations"])
@pytest.mark.parametrize("how", ["signed out", "new password"])
async def test_a_page_is_sent_nothing_more_once_its_session_has_ended(
    veras_browser: Client,
    vera: User,
    operation: Operation,
    path: str,
    how: str,
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    monkeypatch.setattr("nodes.consumers.base.READ_USER_EVERY_S", 0.0)
    monkeypatch.setattr("nodes.consumers.shared.READ_USER_EVERY_S", 0.0)
    async with Socket(path.format(pk=operation.pk), veras_browser) as socket:
        await socket.receive()
        if how == "signed out":
            await sync_to_async(veras_browser.logout)()
        else:
            vera.set_password("another long enough one")
            await vera.asave()
        await Operation.objects.aupdate(phase="transfer")
        await ping_operation(operation.pk)
        await ping_operations()
        assert await socket.close_code() == NOT_SIGNED_IN


async def test_a_user_is_not_read_again_before_each_message(
    veras_browser: Client, vera: User, operation: Operation
) -> None:
    async with Socket(f"/ws/operations/{operation.pk}/", veras_browser) as socket:
        await socket.receive()
        await User.objects.filter(pk=vera.pk).aupdate(is_active=False)
        await ping_operation(operation.pk)
        assert await socket.receive()


async def test_a_page_of_archives_hears_that_one_has_come(
    veras_browser: Client, archives_folder: Path
) -> None:
    async with Socket("/ws/fleet/?view=archives", veras_browser) as socket:
        await socket.receive()
        await sync_to_async(make_archive)(name="the-new-one")
        await ping_archives()
        assert "the-new-one" in await socket.receive()


async def test_other_pages_are_left_in_peace_when_an_archive_changes(
    veras_browser: Client, counter: Container
) -> None:
    async with Socket("/ws/fleet/?view=board", veras_browser) as socket:
        await socket.receive()
        await ping_archives()
        assert await socket.is_silent(0.4)
        await Container.objects.aupdate(name="renamed")
        await ping_node(counter.node_id)
        assert "renamed" in await socket.receive()
