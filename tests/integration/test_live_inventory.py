"""What happens on a node is in the site within a second, whoever does it."""

from __future__ import annotations

import asyncio
import time
from collections.abc import AsyncIterator, Callable
from contextlib import suppress

import pytest

from nodes.inventory.fleet import Fleet
from nodes.models import Container, Node, NodeState
from tests.integration.site import Site
from tests.lab import Host

pytestmark = [pytest.mark.integration, pytest.mark.lab]
WITHIN_S = 1.0


@pytest.fixture
async def fleet(site: Site) -> AsyncIterator[Fleet]:
    fleet = Fleet()
    task = asyncio.create_task(fleet.run())
    async with asyncio.timeout(20):
        while await Node.objects.filter(state=NodeState.ONLINE).acount() < 2:
            await asyncio.sleep(0.05)
    await asyncio.sleep(1.0)  # the first look is over
    yield fleet
    task.cancel()
    with suppress(asyncio.CancelledError):
        await task


async def seen_within(condition: Callable[[], object], limit_s: float) -> float:
    started = time.monotonic()
    while time.monotonic() - started < limit_s:
        if await condition():  # type: ignore[misc]
            return time.monotonic() - started
        await asyncio.sleep(0.02)
    raise AssertionError(f"not seen within {limit_s} s")


async def test_start_stop_and_remove_on_the_node_are_seen_within_a_second(
    site: Site, fleet: Fleet, alder: Host
) -> None:
    await asyncio.to_thread(alder.start_workload, "sleep", name="napper")
    await seen_within(Container.objects.filter(name="napper", state="running").aexists, WITHIN_S)
    await asyncio.to_thread(alder.run, ["podman", "stop", "--time", "0", "napper"])
    await seen_within(Container.objects.filter(name="napper", state="exited").aexists, WITHIN_S)
    await asyncio.to_thread(alder.run, ["podman", "rm", "napper"])

    async def gone() -> bool:
        return not await Container.objects.filter(name="napper").aexists()

    await seen_within(gone, WITHIN_S)


async def test_a_node_that_is_cut_off_and_mended_is_unreachable_then_online_again(
    site: Site, fleet: Fleet, birch: Host
) -> None:
    birch.cut()
    await seen_within(Node.objects.filter(name="birch", state=NodeState.UNREACHABLE).aexists, 30)
    birch.mend()
    await seen_within(Node.objects.filter(name="birch", state=NodeState.ONLINE).aexists, 30)


async def test_a_node_added_later_is_watched_and_a_removed_one_is_not(
    site: Site, fleet: Fleet, birch: Host
) -> None:
    await Node.objects.filter(name="birch").adelete()
    fleet.wake()
    await asyncio.sleep(0.5)
    node = await Node.objects.acreate(
        name="birch-again", host=birch.address, port=birch.port, host_key=birch.host_key
    )
    fleet.wake()
    await seen_within(Node.objects.filter(pk=node.pk, state=NodeState.ONLINE).aexists, 10)
