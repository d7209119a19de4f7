"""The catalog's store keeps whole archives, and nothing of what did not arrive whole."""

from __future__ import annotations

import asyncio
import gzip
import hashlib
import io
import os
import stat
import tarfile
import time
from pathlib import Path

import pytest

from nodes.catalog.compression import HEAD_BYTES, detect_compression
from nodes.catalog.errors import StoreError
from nodes.catalog.members import Limits
from nodes.catalog.store import Store
from tests.unit.archives import Checkpoint

ZSTD = b"\x28\xb5\x2f\xfd" + bytes(300)


@pytest.fixture
def store(tmp_path: Path) -> Store:
    return Store(tmp_path / "archives")


def tar_bytes() -> bytes:
    buffer = io.BytesIO()
    with tarfile.open(fileobj=buffer, mode="w") as tar:
        tar.addfile(tarfile.TarInfo("config.dump"))
    return buffer.getvalue()


def kept_files(store: Store) -> list[str]:
    return [path.name for path in store.folder.rglob("*") if path.is_file()]


async def test_a_kept_file_has_all_bytes_and_its_facts(store: Store) -> None:
    content = ZSTD + os.urandom(3_000_000)
    incoming = store.receive()
    for start in range(0, len(content), 700_000):
        await incoming.write(content[start : start + 700_000])
    await incoming.end()
    stored = incoming.keep()
    assert store.path(stored.key).read_bytes() == content
    assert stored.size_bytes == len(content)
    assert stored.sha256 == hashlib.sha256(content).hexdigest()
    assert stored.compression == "zstd"
    assert kept_files(store) == [stored.key]


async def test_only_the_sites_user_may_read_an_archive(store: Store) -> None:
    """It holds the memory of processes: keys and passwords."""
    incoming = store.receive()
    await incoming.write(ZSTD)
    assert stat.S_IMODE(incoming.path.stat().st_mode) == 0o600
    stored = incoming.keep()
    assert stat.S_IMODE(store.path(stored.key).stat().st_mode) == 0o600


async def test_a_discarded_file_leaves_nothing(store: Store) -> None:
    incoming = store.receive()
    await incoming.write(ZSTD)
    incoming.discard()
    assert kept_files(store) == []


async def test_discarding_a_kept_file_leaves_it(store: Store) -> None:
    incoming = store.receive()
    await incoming.write(ZSTD)
    stored = incoming.keep()
    incoming.discard()
    assert kept_files(store) == [stored.key]


async def test_preparing_drops_what_was_half_received_and_keeps_the_rest(store: Store) -> None:
    whole = store.receive()
    await whole.write(ZSTD)
    stored = whole.keep()
    store.incoming_path("half").write_bytes(ZSTD)
    store.prepare(kept=[])
    assert kept_files(store) == [stored.key]


async def test_preparing_moves_a_whole_file_whose_row_was_written_before_the_site_died(
    store: Store,
) -> None:
    incoming = store.receive()
    incoming.discard()
    store.incoming_path("promised").write_bytes(ZSTD)
    store.prepare(kept=["promised"])
    assert store.incoming_keys() == []
    assert store.path("promised").read_bytes() == ZSTD


async def test_preparing_leaves_alone_what_a_process_still_writes(store: Store) -> None:
    half, whole = store.receive(), store.receive()
    await half.write(ZSTD)
    await whole.write(ZSTD)
    # In another process this would be a start of the site.
    store.prepare(kept=[whole.key])
    await half.write(ZSTD)
    assert store.verify(half.keep().key) == hashlib.sha256(ZSTD + ZSTD).hexdigest()
    assert store.verify(whole.keep().key) == hashlib.sha256(ZSTD).hexdigest()


async def test_a_file_of_a_killed_site_is_gone_on_with_as_if_nothing_had_been(store: Store) -> None:
    content = Checkpoint().pack()
    store.receive().discard()
    store.incoming_path("half").write_bytes(content[:700])
    incoming = await store.resume("half")
    assert incoming.size_bytes == 700
    incoming.start_reading(Limits())
    await incoming.write(content[700:])
    await incoming.end()
    stored = incoming.keep()
    assert store.path("half").read_bytes() == content
    assert stored.size_bytes == len(content)
    assert stored.sha256 == hashlib.sha256(content).hexdigest()
    assert (await incoming.contents()).unpacked_bytes > 0


async def test_the_compression_of_a_file_that_was_gone_on_with_is_known(store: Store) -> None:
    store.receive().discard()
    store.incoming_path("half").write_bytes(ZSTD)
    incoming = await store.resume("half")
    assert incoming.facts().compression == "zstd"
    incoming.discard()


async def test_a_file_that_is_not_there_cannot_be_gone_on_with(store: Store) -> None:
    store.receive().discard()
    with pytest.raises(StoreError):
        await store.resume("never")


async def test_a_file_that_is_still_written_cannot_be_gone_on_with(store: Store) -> None:
    incoming = store.receive()
    with pytest.raises(StoreError):
        await store.resume(incoming.key)
    incoming.discard()


async def test_a_file_that_rotted_on_disk_has_another_hash(store: Store) -> None:
    incoming = store.receive()
    await incoming.write(ZSTD)
    stored = incoming.keep()
    assert store.verify(stored.key) == stored.sha256
    with store.path(stored.key).open("r+b") as file:
        file.seek(100)
        file.write(b"!")
    assert store.verify(stored.key) != stored.sha256


async def test_deleting_twice_is_no_error(store: Store) -> None:
    incoming = store.receive()
    await incoming.write(ZSTD)
    stored = incoming.keep()
    store.delete(stored.key)
    store.delete(stored.key)
    assert kept_files(store) == []


@pytest.mark.parametrize(
    "content, compression",
    [
        (ZSTD, "zstd"),
        (gzip.compress(b"counter", mtime=0), "gzip"),
        (tar_bytes(), "none"),
        (b"#!/bin/sh\n" + bytes(500), ""),
        (b"ustar", ""),
        (b"", ""),
    ],
)
def test_an_archive_is_named_by_what_it_holds(content: bytes, compression: str) -> None:
    assert detect_compression(content[:HEAD_BYTES]) == compression


async def test_the_compression_is_seen_in_chunks_of_any_size(store: Store) -> None:
    incoming = store.receive()
    for byte in tar_bytes()[:400]:
        await incoming.write(bytes([byte]))
    assert incoming.keep().compression == "none"


async def test_a_write_that_is_given_up_has_happened_once_and_is_counted(
    store: Store, monkeypatch: pytest.MonkeyPatch
) -> None:
    incoming = store.receive()
    write = incoming._write

    def slowly(chunk: bytes) -> None:
        time.sleep(0.2)
        write(chunk)

    monkeypatch.setattr(incoming, "_write", slowly)
    writing = asyncio.create_task(incoming.write(b"counter"))
    await asyncio.sleep(0.05)
    writing.cancel()
    with pytest.raises(asyncio.CancelledError):
        await writing
    assert (incoming.size_bytes, incoming.path.read_bytes()) == (7, b"counter")
    incoming.discard()
