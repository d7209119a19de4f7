"""An archive arrives whole in the catalog and on the destination, or the transfer fails."""

from __future__ import annotations

import asyncio
import hashlib
from pathlib import Path, PurePosixPath

import pytest

from nodes.catalog.store import IncomingFile, Store
from nodes.operations.delivery import Delivery
from nodes.operations.errors import TransferFailed
from nodes.operations.receipt import Receipt
from nodes.operations.remote_hash import require_hash
from tests.unit.local_session import LocalSession
from tests.unit.slow_writer import CONTENT, write_slowly
from tests.unit.told import Told

SHA256 = hashlib.sha256(CONTENT).hexdigest()


@pytest.fixture
def archive(tmp_path: Path) -> PurePosixPath:
    return PurePosixPath(tmp_path / "archive")


@pytest.fixture
def arrived(tmp_path: Path) -> Path:
    (tmp_path / "birch").mkdir()
    return tmp_path / "birch" / "archive"


@pytest.fixture
def incoming(tmp_path: Path) -> IncomingFile:
    return Store(tmp_path / "catalog").receive()


def receipt_of(incoming: IncomingFile, path: PurePosixPath, *, losses: int = 0) -> Receipt:
    told = Told()
    return Receipt(
        source=LocalSession("alder", losses=losses),  # type: ignore[arg-type]
        path=path,
        incoming=incoming,
        report=told,  # type: ignore[arg-type]
        phase=told,
    )


def delivery_of(incoming: IncomingFile, path: Path, *, losses: int = 0) -> Delivery:
    told = Told()
    return Delivery(
        destination=LocalSession("birch", losses=losses),  # type: ignore[arg-type]
        path=PurePosixPath(path),
        cargo=incoming,
        report=told,  # type: ignore[arg-type]
        phase=told,
        total_bytes=lambda: len(CONTENT),
    )


async def fill(incoming: IncomingFile) -> None:
    await incoming.write(CONTENT)
    await incoming.end()


@pytest.mark.parametrize("losses", [0, 3], ids=["whole connection", "broken connection"])
async def test_the_catalog_has_what_the_source_wrote(
    archive: PurePosixPath, incoming: IncomingFile, losses: int, short_pauses: None
) -> None:
    receipt = receipt_of(incoming, archive, losses=losses)
    writer = await write_slowly(archive)
    receiving = asyncio.create_task(receipt.receive(writer.pid))
    await writer.wait()
    receipt.is_written(len(CONTENT))
    await receiving
    assert incoming.path.read_bytes() == CONTENT
    assert incoming.complete
    await require_hash(receipt.source, archive, SHA256)
    incoming.discard()


async def test_an_archive_that_lacks_bytes_is_refused_and_never_looks_whole(
    archive: PurePosixPath, incoming: IncomingFile
) -> None:
    receipt = receipt_of(incoming, archive)
    writer = await write_slowly(archive)
    await writer.wait()
    receipt.is_written(len(CONTENT) + 1)
    with pytest.raises(TransferFailed) as caught:
        await receipt.receive(writer.pid)
    assert "1500000 of 1500001 bytes" in caught.value.problem.cause
    assert not incoming.complete
    incoming.discard()


async def test_the_destination_has_what_the_catalog_has(
    arrived: Path, incoming: IncomingFile
) -> None:
    delivery = delivery_of(incoming, arrived)
    delivering = asyncio.create_task(delivery.deliver())
    for start in range(0, len(CONTENT), 250_000):
        await incoming.write(CONTENT[start : start + 250_000])
        await asyncio.sleep(0.01)
    await incoming.end()
    await delivering
    assert arrived.read_bytes() == CONTENT
    assert isinstance(delivery.phase, Told)
    assert delivery.phase.progressed[-1] == (len(CONTENT), len(CONTENT))
    await require_hash(delivery.destination, delivery.path, SHA256)
    incoming.discard()


async def test_a_size_that_is_known_only_after_the_last_byte_is_told_all_the_same(
    archive: PurePosixPath, arrived: Path, incoming: IncomingFile
) -> None:
    receipt, delivery = receipt_of(incoming, archive), delivery_of(incoming, arrived)
    receipt.is_last_leg = True
    delivery.total_bytes = lambda: receipt.total_bytes
    writer = await write_slowly(archive)
    async with asyncio.TaskGroup() as together:
        together.create_task(receipt.receive(writer.pid))
        together.create_task(delivery.deliver())
        await writer.wait()
        while arrived.stat().st_size < len(CONTENT):
            await asyncio.sleep(0.01)
        receipt.is_written(len(CONTENT))
    for leg in (receipt, delivery):
        assert isinstance(leg.phase, Told)
        assert leg.phase.progressed[-1] == (len(CONTENT), len(CONTENT))
    incoming.discard()


async def test_a_half_sent_archive_is_sent_on_from_where_it_broke(
    arrived: Path, incoming: IncomingFile, short_pauses: None
) -> None:
    arrived.write_bytes(CONTENT[:700_000])
    await fill(incoming)
    delivery = delivery_of(incoming, arrived, losses=3)
    await delivery.deliver()
    assert arrived.read_bytes() == CONTENT
    assert delivery.leg.sent_bytes == len(CONTENT) - 700_000
    incoming.discard()


async def test_a_full_disk_on_the_destination_is_explained(
    arrived: Path, incoming: IncomingFile
) -> None:
    await fill(incoming)
    arrived.symlink_to("/dev/full")
    with pytest.raises(TransferFailed) as caught:
        await delivery_of(incoming, arrived).deliver()
    assert "No space left on device" in caught.value.problem.cause
    assert "Free space" in caught.value.problem.remedy
    incoming.discard()


async def test_a_byte_that_changed_on_the_destination_is_found(
    arrived: Path, incoming: IncomingFile
) -> None:
    await fill(incoming)
    delivery = delivery_of(incoming, arrived)
    changed = bytearray(CONTENT)
    changed[700_000] ^= 1
    arrived.write_bytes(changed)
    await delivery.deliver()
    with pytest.raises(TransferFailed, match="archive on birch is not the one") as caught:
        await require_hash(delivery.destination, delivery.path, SHA256)
    assert SHA256 in caught.value.problem.cause
    assert hashlib.sha256(changed).hexdigest() in caught.value.problem.cause
    incoming.discard()


@pytest.mark.parametrize("tool", ["openssl", "sha256sum"])
async def test_a_node_hashes_with_what_it_has(
    archive: PurePosixPath, tool: str, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    tools = tmp_path / "bin"
    tools.mkdir()
    for name in ("sh", "nice", tool):
        (tools / name).symlink_to(f"/usr/bin/{name}")
    monkeypatch.setenv("PATH", str(tools))
    Path(archive).write_bytes(CONTENT)
    await require_hash(LocalSession("alder"), archive, SHA256)  # type: ignore[arg-type]
