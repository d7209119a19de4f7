"""Whoever reads an incoming file as it grows sees every byte, and then stops."""

from __future__ import annotations

import asyncio
import os
from pathlib import Path

import pytest

from nodes.catalog.members import Limits
from nodes.catalog.store import IncomingFile, Store
from tests.unit.archives import Checkpoint


@pytest.fixture
def incoming(tmp_path: Path) -> IncomingFile:
    return Store(tmp_path / "archives").receive()


async def read_all(incoming: IncomingFile) -> bytes:
    found = b""
    with incoming.path.open("rb") as file:
        while await incoming.wait_beyond(len(found)):
            found += os.pread(file.fileno(), 1000, len(found))
    return found


async def test_readers_see_all_of_a_growing_file_and_stop(incoming: IncomingFile) -> None:
    content = os.urandom(50_000)
    readers = [asyncio.create_task(read_all(incoming)) for _ in range(3)]
    for start in range(0, len(content), 7_000):
        await incoming.write(content[start : start + 7_000])
        await asyncio.sleep(0)
    assert not any(reader.done() for reader in readers)
    await incoming.end()
    async with asyncio.timeout(5):
        assert await asyncio.gather(*readers) == [content] * 3
    incoming.discard()


async def test_a_reader_who_comes_late_sees_it_all(incoming: IncomingFile) -> None:
    await incoming.write(b"all of it")
    await incoming.end()
    async with asyncio.timeout(5):
        assert await read_all(incoming) == b"all of it"
    incoming.discard()


async def test_an_empty_file_ends_too(incoming: IncomingFile) -> None:
    reader = asyncio.create_task(read_all(incoming))
    await asyncio.sleep(0)
    await incoming.end()
    async with asyncio.timeout(5):
        assert await reader == b""
    incoming.discard()


async def test_a_reader_goes_on_although_the_file_is_moved_into_the_store(
    incoming: IncomingFile,
) -> None:
    reader = asyncio.create_task(read_all(incoming))
    await incoming.write(b"kept")
    await asyncio.sleep(0)
    await incoming.end()
    incoming.keep()
    async with asyncio.timeout(5):
        assert await reader == b"kept"


async def test_whoever_stops_waiting_for_the_contents_does_not_break_the_reading(
    incoming: IncomingFile,
) -> None:
    incoming.start_reading(Limits())
    waiting = asyncio.create_task(incoming.contents())
    await asyncio.sleep(0)
    waiting.cancel()
    with pytest.raises(asyncio.CancelledError):
        await waiting
    await incoming.write(Checkpoint().pack())
    await incoming.end()
    async with asyncio.timeout(5):
        assert (await incoming.contents()).summary["container_name"] == "counter"
    incoming.discard()
