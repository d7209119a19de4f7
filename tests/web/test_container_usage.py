"""The live figures: measured once for a node, whatever the number of pages."""

from __future__ import annotations

import asyncio
import json
from collections.abc import AsyncIterator
from pathlib import Path
from typing import Any

import pytest
from asgiref.sync import sync_to_async
from django.contrib.auth.models import User
from django.test import Client

from nodes.consumers import usage
from nodes.consumers.base import NOT_FOUND, NOT_SIGNED_IN
from nodes.feeds import usage_feed
from nodes.feeds.usage_feed import MOST_CONTAINERS, UsageFeed, usage_feeds
from nodes.models import Container
from tests.conftest import browser_of
from tests.factories import COUNTER_ID, make_container
from tests.web.podman_host import PodmanHost
from tests.web.websocket import Socket

pytestmark = pytest.mark.django_db(transaction=True)
OTHER_ID = "b" * 64
# Of one core 1 % is used in each round.
STATS = r"""
case "$*" in stats*) ;; *) exit 1;; esac
round=0
while :; do
  round=$((round+1))
  for id in {ids}; do
    printf '{{"ContainerID":"%s","CPUNano":%d,"SystemNano":%d,"MemUsage":{memory},' \
      "$id" "${{round}}0000000" "${{round}}000000000"
    echo '"MemLimit":1073741824}}'
  done
  sleep 0.05
done
"""


@pytest.fixture
async def host(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> AsyncIterator[PodmanHost]:
    monkeypatch.setattr(usage_feed, "TELL_EVERY_S", 0.05)
    host = await sync_to_async(PodmanHost)(tmp_path)
    await host.server.start()
    yield host
    await host.stop()


@pytest.fixture
async def measured(host: PodmanHost) -> Container:
    node = await sync_to_async(host.register)()
    host.podman(STATS.format(ids=f"{COUNTER_ID} {OTHER_ID}", memory=67108864))
    return await sync_to_async(make_container)(node)


@pytest.fixture
async def veras_browser(vera: User) -> Client:
    return await sync_to_async(browser_of)(vera)


def path(container: Container, podman_id: str = COUNTER_ID) -> str:
    return f"/ws/nodes/{container.node_id}/containers/{podman_id}/usage/"


async def until(socket: Socket, words: str) -> str:
    async with asyncio.timeout(10):
        while True:
            html = await socket.receive()
            if words in html:
                return html


async def test_a_page_gets_its_containers_figures_drawn(
    veras_browser: Client, measured: Container
) -> None:
    async with Socket(path(measured), veras_browser) as socket:
        html = await until(socket, "<polyline")
        assert 'id="container-usage" hx-swap-oob="true"' in html
        assert "1.0 %" in html
        assert "64.0 MiB" in html
        assert "of 1.0 GiB" in html
        assert "style=" not in html


async def test_a_node_is_measured_once_for_all_pages_and_no_longer_than_that(
    veras_browser: Client, host: PodmanHost, measured: Container
) -> None:
    async with Socket(path(measured), veras_browser) as one:
        await until(one, "<polyline")
        async with Socket(path(measured, OTHER_ID), veras_browser) as other:
            # It was measured before the page was opened.
            await until(other, "<polyline")
            assert (host.server.most_running, host.server.logins, len(usage_feeds)) == (1, 1, 1)
    assert len(usage_feeds) == 0
    assert await host.nothing_runs()


async def test_what_the_kernel_does_not_count_is_said(
    veras_browser: Client, host: PodmanHost, measured: Container
) -> None:
    host.podman(STATS.format(ids=COUNTER_ID, memory=0))
    async with Socket(path(measured), veras_browser) as socket:
        html = await until(socket, "Not counted by this kernel")
        assert "1.0 %" in html


async def test_a_container_that_does_not_run_has_no_figures(
    veras_browser: Client, measured: Container
) -> None:
    async with Socket(path(measured, "c" * 64), veras_browser) as socket:
        assert "Figures come while the container runs" in await socket.receive()


async def test_a_container_that_runs_is_asked_about_until_its_figures_come(
    vera: User, veras_browser: Client, measured: Container
) -> None:
    page = await sync_to_async(veras_browser.get)(measured.get_absolute_url())
    assert "Asking alder…" in page.text
    assert "Figures come while the container runs" not in page.text
    async with Socket(path(measured), veras_browser) as socket:
        html = await socket.receive()
        while "<polyline" not in html:
            assert "Asking alder…" in html
            html = await socket.receive()


async def test_a_node_that_cannot_be_reached_is_told_of(
    veras_browser: Client, host: PodmanHost, measured: Container
) -> None:
    await host.server.stop()
    async with Socket(path(measured), veras_browser) as socket:
        await until(socket, "alder cannot be reached")


def line_of(podman_id: str, round_: int = 1) -> bytes:
    figures = {"CPUNano": round_ * 10_000_000, "SystemNano": round_ * 10**9, "MemUsage": 1}
    return json.dumps({"ContainerID": podman_id, **figures, "MemLimit": 0}).encode()


def test_a_node_cannot_have_more_containers_than_are_kept() -> None:
    feed = UsageFeed(1)
    for number in range(MOST_CONTAINERS + 10):
        feed._take(line_of(f"{number:064x}"))
    assert len(feed._histories) == MOST_CONTAINERS
    assert feed.of("0" * 64)


async def test_pages_are_told_when_there_is_news_and_not_else(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    monkeypatch.setattr(usage_feed, "TELL_EVERY_S", 0.01)
    feed = UsageFeed(1)
    news = asyncio.Event()
    feed.listeners.add(news)
    telling = asyncio.create_task(feed._tell_now_and_then())
    try:
        await asyncio.sleep(0.1)
        assert not news.is_set()
        for _ in range(2):
            feed._take(line_of(COUNTER_ID))
            async with asyncio.timeout(5):
                await news.wait()
            news.clear()
    finally:
        telling.cancel()


async def test_pages_of_one_container_are_rendered_once_a_round(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    rendered = []
    real = usage.render_to_string

    def render(template: str, context: dict[str, Any]) -> str:
        rendered.append(template)
        return real(template, context)

    monkeypatch.setattr(usage, "render_to_string", render)
    feed = UsageFeed(1)
    pages = [usage.UsageConsumer() for _ in range(20)]
    for page in pages:
        page.podman_id, page._sent = COUNTER_ID, ""
        page._node_name, page._expected_until = "alder", 0.0
    assert len({page.message(feed) for page in pages}) == 1
    assert len(rendered) == 1


async def test_a_node_that_prints_without_end_is_left_alone_for_a_while(
    veras_browser: Client, host: PodmanHost, measured: Container, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(usage_feed, "BEHIND_S", 0.2)
    host.podman(f"exec yes '{line_of(COUNTER_ID).decode()}'")
    async with Socket(path(measured), veras_browser) as socket:
        await until(socket, "more figures than can be read")


async def test_strangers_are_refused(veras_browser: Client, measured: Container) -> None:
    assert (await Socket(path(measured)).connect())["code"] == NOT_SIGNED_IN
    nowhere = f"/ws/nodes/99/containers/{COUNTER_ID}/usage/"
    assert (await Socket(nowhere, veras_browser).connect())["code"] == NOT_FOUND
