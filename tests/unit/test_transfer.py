"""An archive arrives whole in the catalog and on the destination, or the transfer fails."""

from __future__ import annotations

import asyncio
from pathlib import Path, PurePosixPath

import pytest

from nodes.catalog.store import IncomingFile, Store
from nodes.operations.errors import TransferFailed
from nodes.operations.transfer import Transfer
from tests.unit.local_session import LocalSession
from tests.unit.slow_writer import CONTENT, write_slowly


class Progress:
    """Remember what a phase was told."""

    def __init__(self) -> None:
        self.told: list[tuple[int, int | None]] = []

    async def progress(self, done_bytes: int, total_bytes: int | None) -> None:
        self.told.append((done_bytes, total_bytes))


@pytest.fixture
def archive(tmp_path: Path) -> PurePosixPath:
    return PurePosixPath(tmp_path / "archive")


@pytest.fixture
def incoming(tmp_path: Path) -> IncomingFile:
    return Store(tmp_path / "catalog").receive()


def transfer_of(
    incoming: IncomingFile, path: PurePosixPath, *, source_losses: int = 0, losses: int = 0
) -> Transfer:
    return Transfer(
        source=LocalSession("alder", losses=source_losses),  # type: ignore[arg-type]
        destination=LocalSession("birch", losses=losses),  # type: ignore[arg-type]
        path=path,
        incoming=incoming,
        phase=Progress(),
    )


@pytest.mark.parametrize("losses", [0, 1], ids=["whole connection", "broken connection"])
async def test_the_catalog_has_what_the_source_wrote(
    archive: PurePosixPath, incoming: IncomingFile, losses: int, short_pauses: None
) -> None:
    transfer = transfer_of(incoming, archive, source_losses=losses)
    writer = await write_slowly(archive)
    receiving = asyncio.create_task(transfer.receive(writer.pid))
    await writer.wait()
    transfer.is_written(len(CONTENT))
    await receiving
    assert incoming.path.read_bytes() == CONTENT
    assert incoming.complete
    incoming.discard()


async def test_an_archive_that_lacks_bytes_is_refused_and_never_looks_whole(
    archive: PurePosixPath, incoming: IncomingFile
) -> None:
    transfer = transfer_of(incoming, archive)
    writer = await write_slowly(archive)
    await writer.wait()
    transfer.is_written(len(CONTENT) + 1)
    with pytest.raises(TransferFailed) as caught:
        await transfer.receive(writer.pid)
    assert "1500000 of 1500001 bytes" in caught.value.problem.cause
    assert not incoming.complete
    incoming.discard()


async def test_the_destination_has_what_the_catalog_has(
    tmp_path: Path, incoming: IncomingFile
) -> None:
    arrived = tmp_path / "arrived"
    transfer = transfer_of(incoming, PurePosixPath(arrived))
    transfer.total_bytes = len(CONTENT)
    forwarding = asyncio.create_task(transfer.forward())
    for start in range(0, len(CONTENT), 250_000):
        await incoming.write(CONTENT[start : start + 250_000])
        await asyncio.sleep(0.01)
    await incoming.end()
    await forwarding
    assert arrived.read_bytes() == CONTENT
    assert isinstance(transfer.phase, Progress)
    assert transfer.phase.told[-1] == (len(CONTENT), len(CONTENT))
    incoming.discard()


async def test_a_half_sent_archive_is_sent_on_from_where_it_broke(
    tmp_path: Path, incoming: IncomingFile, short_pauses: None
) -> None:
    arrived = tmp_path / "arrived"
    arrived.write_bytes(CONTENT[:700_000])
    await incoming.write(CONTENT)
    await incoming.end()
    transfer = transfer_of(incoming, PurePosixPath(arrived), losses=1)
    await transfer.forward()
    assert arrived.read_bytes() == CONTENT
    assert isinstance(transfer.phase, Progress)
    assert transfer.phase.told[0][0] > 700_000
    incoming.discard()


async def test_a_full_disk_on_the_destination_is_explained(incoming: IncomingFile) -> None:
    await incoming.write(CONTENT)
    await incoming.end()
    with pytest.raises(TransferFailed) as caught:
        await transfer_of(incoming, PurePosixPath("/dev/full")).forward()
    assert "No space left on device" in caught.value.problem.cause
    assert "Free space" in caught.value.problem.remedy
    incoming.discard()
