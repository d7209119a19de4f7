"""The following log: one stream for all pages, bounded, and gone with the last of them."""

from __future__ import annotations

import asyncio
import json
from collections.abc import AsyncIterator
from pathlib import Path
from typing import Any

import pytest
from asgiref.sync import sync_to_async
from django.contrib.auth.models import User
from django.test import AsyncClient, Client
from django.urls import reverse

from nodes.consumers import feed
from nodes.consumers.base import NOT_ALLOWED, NOT_FOUND, NOT_SIGNED_IN
from nodes.consumers.log import MOST_LINES
from nodes.feeds import log_feed
from nodes.feeds.log_feed import log_feeds
from nodes.feeds.pace import LINES_AT_A_STRETCH
from nodes.models import AuditEvent, Container
from tests.conftest import browser_of
from tests.factories import COUNTER_ID, make_container, make_node
from tests.web.podman_host import PodmanHost
from tests.web.websocket import Socket

pytestmark = pytest.mark.django_db(transaction=True)


@pytest.fixture
async def host(tmp_path: Path) -> AsyncIterator[PodmanHost]:
    host = await sync_to_async(PodmanHost)(tmp_path)
    await host.server.start()
    yield host
    await host.stop()


@pytest.fixture
async def followed(host: PodmanHost) -> Container:
    node = await sync_to_async(host.register)()
    return await sync_to_async(make_container)(node)


@pytest.fixture(autouse=True)
def looks_often(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(log_feed, "LOOK_EVERY_S", 0.05)
    monkeypatch.setattr(log_feed, "RETRY_FIRST_S", 0.05)


def path(container: Container) -> str:
    return f"/ws/nodes/{container.node_id}/containers/{container.podman_id}/log/"


class Page:
    """What a page has been told, put together as its script does."""

    def __init__(self, container: Container, browser: Client) -> None:
        self.socket = Socket(path(container), browser)
        self.lines: list[dict[str, Any]] = []
        self.state: dict[str, str] = {}
        self.most_at_once = 0

    async def hear(self) -> None:
        message = json.loads(await self.socket.receive())
        if message.get("begin"):
            self.lines = []
        told = message.get("lines", [])
        self.most_at_once = max(self.most_at_once, len(told))
        self.lines += told
        self.state = message.get("state", self.state)

    async def until(self, text: str) -> None:
        while text not in [line.get("text") for line in self.lines]:
            await self.hear()

    async def until_state(self, kind: str) -> None:
        while self.state.get("kind") != kind:
            await self.hear()

    @property
    def texts(self) -> list[str]:
        return [line["text"] for line in self.lines if "text" in line]

    async def __aenter__(self) -> Page:
        await self.socket.__aenter__()
        return self

    async def __aexit__(self, *args: object) -> None:
        await self.socket.__aexit__(*args)


async def test_a_page_gets_the_end_and_what_is_added_as_plain_text(
    oscars_browser: Client, host: PodmanHost, followed: Container
) -> None:
    host.write("\x1b[31mfirst\x1b[0m <b>")
    async with Page(followed, oscars_browser) as page:
        await page.until("first <b>")
        assert page.lines[0]["at"] == "2026-11-29T11:25:18.000+00:00"
        await page.until_state("following")
        host.write("second")
        await page.until("second")
        assert page.texts == ["first <b>", "second"]


async def test_all_pages_share_one_stream_which_ends_with_the_last(
    oscars_browser: Client, host: PodmanHost, followed: Container
) -> None:
    host.write("first")
    async with Page(followed, oscars_browser) as one:
        await one.until("first")
        async with Page(followed, oscars_browser) as other:
            await other.until("first")
            host.write("second")
            await one.until("second")
            await other.until("second")
            assert (host.server.most_running, host.server.logins, len(log_feeds)) == (1, 1, 1)
        host.write("third")
        await one.until("third")
    assert len(log_feeds) == 0
    # It writes nothing more, and would run for ever without the end of its input.
    assert await host.nothing_runs()


async def test_only_operators_are_told_what_a_container_writes(
    vera: User, oscars_browser: Client, followed: Container
) -> None:
    viewer = await sync_to_async(browser_of)(vera)
    assert (await Socket(path(followed), viewer).connect())["code"] == NOT_ALLOWED
    assert (await Socket(path(followed)).connect())["code"] == NOT_SIGNED_IN
    nowhere = f"/ws/nodes/99/containers/{COUNTER_ID}/log/"
    assert (await Socket(nowhere, oscars_browser).connect())["code"] == NOT_FOUND
    assert len(log_feeds) == 0


async def test_a_flood_is_counted_and_not_sent(
    oscars_browser: Client, host: PodmanHost, followed: Container
) -> None:
    host.podman("exec yes 2026-11-29T11:25:18Z again and again")
    async with Page(followed, oscars_browser) as page:
        for _ in range(6):
            await page.hear()
        gaps = [line["gap"] for line in page.lines if "gap" in line]
        assert sum(gap or 0 for gap in gaps) > 10_000
        # One more says how many were left out.
        assert page.most_at_once <= MOST_LINES + 1
        assert len(page.texts) <= 6 * MOST_LINES
    assert await host.nothing_runs()


async def test_what_cannot_even_be_read_in_time_is_left_out_and_said(
    oscars_browser: Client,
    host: PodmanHost,
    followed: Container,
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    monkeypatch.setattr(log_feed, "BEHIND_S", 0.2)
    monkeypatch.setattr(log_feed, "READ_BYTES_PER_S", 3_000_000)
    begun = host.log.with_name("begun")
    host.podman(f"echo x >> {begun}; exec yes 2026-11-29T11:25:18Z again")
    async with Page(followed, oscars_browser) as page:
        async with asyncio.timeout(20):
            while {"gap": None} not in page.lines or len(begun.read_text().split()) < 2:
                await page.hear()


async def test_a_container_that_ended_shows_its_log_and_goes_on_once_it_runs(
    oscars_browser: Client, host: PodmanHost, followed: Container
) -> None:
    await Container.objects.aupdate(state="exited")
    host.write("first", "last words")
    host.has_ended()
    async with Page(followed, oscars_browser) as page:
        await page.until("last words")
        await page.until_state("ended")
        host.write("again")
        host.follows_on()
        await Container.objects.aupdate(state="running")
        await page.until("again")
        assert page.texts == ["first", "last words", "again"]
        await page.until_state("following")


async def test_last_words_without_an_end_of_the_line_are_shown(
    oscars_browser: Client, host: PodmanHost, followed: Container
) -> None:
    host.podman("printf '2026-11-29T11:25:18Z first\\n2026-11-29T11:25:19Z last words'")
    async with Page(followed, oscars_browser) as page:
        await page.until_state("ended")
        assert page.texts == ["first", "last words"]


async def test_many_lines_at_once_do_not_hold_up_the_other_pages() -> None:
    log = log_feed.LogFeed((1, COUNTER_ID))
    turns = 0

    async def serve_others() -> None:
        nonlocal turns
        while True:
            turns += 1
            await asyncio.sleep(0)

    others = asyncio.create_task(serve_others())
    await log._take(b"2026-11-29T11:25:18Z line\n" * log_feed.MOST_LINES_AT_ONCE)
    others.cancel()
    assert turns >= log_feed.MOST_LINES_AT_ONCE // LINES_AT_A_STRETCH


async def test_a_container_that_moved_is_shown_the_way_to(
    oscars_browser: Client, host: PodmanHost, followed: Container
) -> None:
    host.write("first")
    host.has_ended()
    async with Page(followed, oscars_browser) as page:
        await page.until("first")
        birch = await sync_to_async(make_node)("birch")
        await Container.objects.aupdate(node=birch)
        await page.until_state("gone")
        assert page.state["words"] == "counter is on birch now, and writes its log there."
        assert page.state["url"] == f"/nodes/{birch.pk}/containers/{COUNTER_ID}/"


async def test_after_a_lost_connection_it_goes_on_where_it_was(
    oscars_browser: Client, host: PodmanHost, followed: Container
) -> None:
    host.write("first")
    async with Page(followed, oscars_browser) as page:
        await page.until("first")
        host.server.cut()
        host.write("meanwhile")
        await page.until("meanwhile")
        assert page.texts == ["first", "meanwhile"]


async def test_a_container_without_a_log_is_told_so(
    oscars_browser: Client, host: PodmanHost, followed: Container
) -> None:
    said = "Error: this container is using the 'none' log driver, cannot read logs"
    host.podman(f'echo "{said}" >&2; exit 125')
    async with Page(followed, oscars_browser) as page:
        await page.until_state("unkept")
        assert said in page.state["words"]


async def test_the_whole_log_is_downloaded_as_text_and_audited(
    oscar: User, host: PodmanHost, followed: Container
) -> None:
    host.write("<script>", "last")
    host.has_ended()
    client = AsyncClient()
    await client.aforce_login(oscar)
    response = await client.get(
        reverse("container-log-file", args=[followed.node_id, followed.podman_id])
    )
    body = b"".join([part async for part in response]).decode()
    assert [line.partition(" ")[2] for line in body.splitlines()] == ["<script>", "last"]
    assert response["Content-Type"] == "text/plain; charset=utf-8"
    assert response["Content-Disposition"] == 'attachment; filename="counter-alder.log"'
    assert (await AuditEvent.objects.aget()).action == "container.download-log"


async def test_a_download_that_breaks_off_says_so_at_its_end(
    oscar: User, host: PodmanHost, followed: Container
) -> None:
    host.write("first")
    host.podman(f"cat {host.log}; exit 125")
    client = AsyncClient()
    await client.aforce_login(oscar)
    response = await client.get(
        reverse("container-log-file", args=[followed.node_id, followed.podman_id])
    )
    body = b"".join([part async for part in response]).decode()
    assert "first" in body
    assert "[Ferry: this log is not whole." in body


async def test_without_scripts_there_is_a_page_of_its_end(
    oscars_browser: Client, host: PodmanHost, followed: Container
) -> None:
    host.write("<b>first</b>")
    host.has_ended()
    address = reverse("container-log", args=[followed.node_id, followed.podman_id])
    html = (await sync_to_async(oscars_browser.get)(address)).content.decode()
    assert "&lt;b&gt;first&lt;/b&gt;" in html
    page = await sync_to_async(oscars_browser.get)(followed.get_absolute_url())
    assert address in page.content.decode()


async def test_no_character_of_a_container_begins_a_line_of_podmans_own(
    oscars_browser: Client, host: PodmanHost, followed: Container
) -> None:
    host.write("first\u2028Error: forged\x0bError: forged\x85Error: forged", "last")
    host.podman(f"head -c -1 {host.log}")
    address = reverse("container-log", args=[followed.node_id, followed.podman_id])
    lines = (await sync_to_async(oscars_browser.get)(address)).context["lines"]
    assert [line.at is not None for line in lines] == [True, True]
    assert lines[-1].text == "last"


def test_a_name_cannot_leave_the_header_of_the_file(counter: Container) -> None:
    from nodes.views.container_log import _file_name

    counter.name = 'x"\r\nSet-Cookie: a=b; ä'
    assert _file_name(counter) == "xSet-Cookieab-alder.log"


@pytest.mark.parametrize("how, code", [("no operator", NOT_ALLOWED), ("signed out", NOT_SIGNED_IN)])
async def test_who_may_not_follow_any_more_is_told_nothing_more(
    oscar: User,
    oscars_browser: Client,
    host: PodmanHost,
    followed: Container,
    monkeypatch: pytest.MonkeyPatch,
    how: str,
    code: int,
) -> None:
    host.write("first")
    async with Page(followed, oscars_browser) as page:
        await page.until("first")
        await page.until_state("following")
        monkeypatch.setattr(feed, "READ_USER_EVERY_S", 0.0)
        end = oscars_browser.logout if how == "signed out" else oscar.groups.clear
        await sync_to_async(end)()
        host.write("secret")
        assert await page.socket.close_code() == code


async def test_a_page_without_news_is_closed_too_once_its_session_has_ended(
    oscars_browser: Client, host: PodmanHost, followed: Container, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(feed, "READ_USER_EVERY_S", 0.5)
    host.write("first")
    async with Page(followed, oscars_browser) as page:
        await page.until("first")
        await page.until_state("following")
        await sync_to_async(oscars_browser.logout)()
        assert await page.socket.close_code() == NOT_SIGNED_IN
    assert len(log_feeds) == 0


async def test_who_begins_to_follow_is_in_the_audit_log(
    oscars_browser: Client, host: PodmanHost, followed: Container
) -> None:
    host.write("first")
    async with Page(followed, oscars_browser) as page:
        await page.until("first")
        event = await AuditEvent.objects.aget()
        assert (event.action, event.user_name) == ("container.follow-log", "oscar")
        assert event.detail == {"node": "alder", "podman_id": COUNTER_ID}
