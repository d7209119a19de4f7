"""The live figures: measured once for a node, whatever the number of pages."""

from __future__ import annotations

import asyncio
from collections.abc import AsyncIterator
from pathlib import Path

import pytest
from asgiref.sync import sync_to_async
from django.contrib.auth.models import User
from django.test import Client

from nodes.consumers.base import NOT_FOUND, NOT_SIGNED_IN
from nodes.feeds import usage_feed
from nodes.feeds.usage_feed import usage_feeds
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


async def test_a_node_that_cannot_be_reached_is_told_of(
    veras_browser: Client, host: PodmanHost, measured: Container
) -> None:
    await host.server.stop()
    async with Socket(path(measured), veras_browser) as socket:
        await until(socket, "alder cannot be reached")


async def test_strangers_are_refused(veras_browser: Client, measured: Container) -> None:
    assert (await Socket(path(measured)).connect())["code"] == NOT_SIGNED_IN
    nowhere = f"/ws/nodes/99/containers/{COUNTER_ID}/usage/"
    assert (await Socket(nowhere, veras_browser).connect())["code"] == NOT_FOUND
