"""Open pages of the board, and time how long an event on a node takes to the last of them."""

from __future__ import annotations

import asyncio
import random
import re
import statistics
import time
from collections import Counter
from contextlib import AsyncExitStack
from dataclasses import dataclass
from html import unescape

import httpx
from websockets.asyncio.client import ClientConnection, connect
from websockets.typing import Origin

from benchmarks.fleet.process_use import ProcessUse
from benchmarks.fleet.simulator import Simulator

EVENTS = 20
# More than the rate limit of a page, so that no event waits for the one before.
BETWEEN_S = 0.6
PATIENCE_S = 30.0


@dataclass(frozen=True, kw_only=True)
class FanOut:
    pages: int
    p50_ms: float
    p99_ms: float
    cpu_s: float
    commands: Counter[str]
    seconds: float
    resident_bytes: int


async def time_events(
    url: str, cookies: dict[str, str], simulator: Simulator, pks: list[int], *,
    pages: int, use: ProcessUse,
) -> FanOut:  # fmt: skip
    """Flip containers one after the other; a page shows it once it has got that node's card."""
    address = await asyncio.to_thread(_socket_of, url, cookies)
    header = {"Cookie": "; ".join(f"{name}={value}" for name, value in cookies.items())}
    chance = random.Random(1)
    async with AsyncExitStack() as stack:
        sockets = [
            await stack.enter_async_context(
                connect(
                    address,
                    additional_headers=header,
                    origin=Origin("http://127.0.0.1"),
                    max_size=None,
                )
            )
            for _ in range(pages)
        ]
        # At first each is told what has changed since its page was rendered.
        await asyncio.gather(*(_message(socket) for socket in sockets))
        await asyncio.sleep(2 * BETWEEN_S)
        asked, cpu_s, started = simulator.commands(), use.cpu_s(), time.perf_counter()
        latencies = []
        for _ in range(EVENTS):
            node = chance.randrange(len(pks))
            arrivals = [asyncio.create_task(_arrival(socket, pks[node])) for socket in sockets]
            began = time.perf_counter()
            await asyncio.to_thread(simulator.flip, node, 0)
            latencies.append((max(await asyncio.gather(*arrivals)) - began) * 1000)
            await asyncio.sleep(BETWEEN_S)
        return FanOut(
            pages=pages,
            p50_ms=statistics.median(latencies),
            p99_ms=max(latencies),
            cpu_s=use.cpu_s() - cpu_s,
            commands=simulator.commands() - asked,
            seconds=time.perf_counter() - started,
            resident_bytes=use.resident_bytes(),
        )


def _socket_of(url: str, cookies: dict[str, str]) -> str:
    """Open the board, and return the address of its websocket."""
    html = httpx.get(url, cookies=cookies, timeout=60).text
    found = re.search(r'ws-connect="([^"]+view=board[^"]*)"', html)
    assert found is not None
    return url.replace("http", "ws", 1) + unescape(found[1])


async def _message(socket: ClientConnection) -> str:
    async with asyncio.timeout(PATIENCE_S):
        return str(await socket.recv())


async def _arrival(socket: ClientConnection, pk: int) -> float:
    while f'id="node-{pk}-card"' not in await _message(socket):
        pass
    return time.perf_counter()
