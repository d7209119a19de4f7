"""Serve a site with so many nodes, and measure it."""

from __future__ import annotations

import asyncio
import sys
import time
from collections import Counter
from dataclasses import dataclass
from pathlib import Path

from asgiref.sync import sync_to_async
from django.conf import settings
from django.contrib.auth.models import User
from django.db import connection
from django.test import Client
from django.test.utils import CaptureQueriesContext

from benchmarks.fleet.fan_out import FanOut, time_events
from benchmarks.fleet.pages import PageTimes, time_page
from benchmarks.fleet.process_use import ProcessUse
from benchmarks.fleet.simulator import Simulator
from nodes.inventory.site_key import load_site_key
from nodes.models import Node, NodeState
from tests.serving import ServedSite

ONLINE_WITHIN_S = 120.0
AT_REST_S = 15.0
PATHS = ("/", "/containers/", "/operations/")


@dataclass(frozen=True, kw_only=True)
class Measured:
    nodes: int
    containers: int
    online_after_s: float
    start_cpu_s: float
    rest_cpu_share: float
    rest_commands: Counter[str]
    resident_bytes: int
    pages: dict[str, PageTimes]
    queries: dict[str, int]
    fan_outs: list[FanOut]


async def measure(folder: Path, nodes: int, containers: int, most_pages: int) -> Measured:
    public_key = (await sync_to_async(load_site_key)()).public_key
    with Simulator(nodes, containers, public_key) as simulator:
        pks = await sync_to_async(_register)(simulator)
        cookies = await sync_to_async(_sign_in)()
        site = ServedSite(folder, {"FERRY_LOG_LEVEL": "WARNING"})
        began = time.monotonic()
        await asyncio.to_thread(site.start)
        try:
            assert site.process is not None
            use = ProcessUse(site.process.pid)
            await _until_online(nodes)
            online_after_s, start_cpu_s = time.monotonic() - began, use.cpu_s()
            _tell(nodes, f"online after {online_after_s:.1f} s, {start_cpu_s:.1f} s of processor")
            asked, before_s = simulator.commands(), use.cpu_s()
            await asyncio.sleep(AT_REST_S)
            rest_cpu_share = (use.cpu_s() - before_s) / AT_REST_S
            rest_commands = simulator.commands() - asked
            pages = {
                path: await asyncio.to_thread(time_page, site.url + path, cookies) for path in PATHS
            }
            _tell(nodes, f"the fleet page: {pages['/']}")
            fan_outs = []
            for count in (1, most_pages):
                one = await time_events(site.url, cookies, simulator, pks, pages=count, use=use)
                fan_outs.append(one)
                _tell(nodes, str(one))
            return Measured(
                nodes=nodes, containers=nodes * containers, online_after_s=online_after_s,
                start_cpu_s=start_cpu_s, rest_cpu_share=rest_cpu_share,
                rest_commands=rest_commands, resident_bytes=use.resident_bytes(), pages=pages,
                queries=await sync_to_async(_queries)(), fan_outs=fan_outs,
            )  # fmt: skip
        finally:
            await asyncio.to_thread(site.stop)


def _tell(nodes: int, what: str) -> None:
    """Show at once what the table will have at the end."""
    print(f"{nodes} nodes: {what}", file=sys.stderr, flush=True)


def _register(simulator: Simulator) -> list[int]:
    """Take its hosts for the site's nodes, and no other."""
    Node.objects.all().delete()
    made = [Node.objects.create(host="127.0.0.1", **host) for host in simulator.hosts]
    return [node.pk for node in made]


def _browser() -> Client:
    # The name under which the site answers by default.
    browser = Client(headers={"host": "localhost"})
    user = User.objects.filter(username="bench").first() or User.objects.create_superuser("bench")
    browser.force_login(user)
    return browser


def _sign_in() -> dict[str, str]:
    name = settings.SESSION_COOKIE_NAME
    return {name: _browser().cookies[name].value}


def _queries() -> dict[str, int]:
    browser = _browser()
    counts = {}
    for path in PATHS:
        with CaptureQueriesContext(connection) as queries:
            browser.get(path)
        counts[path] = len(queries)
    return counts


async def _until_online(nodes: int) -> None:
    async with asyncio.timeout(ONLINE_WITHIN_S):
        while await Node.objects.filter(state=NodeState.ONLINE).acount() < nodes:
            await asyncio.sleep(0.2)
