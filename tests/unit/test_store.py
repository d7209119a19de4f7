"""The catalog's store keeps whole archives, and nothing of what did not arrive whole."""

from __future__ import annotations

import gzip
import hashlib
import io
import os
import stat
import tarfile
from pathlib import Path

import pytest

from nodes.catalog.compression import HEAD_BYTES, detect_compression
from nodes.catalog.store import Store

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


async def test_preparing_drops_what_was_half_received_and_keeps_the_rest(store: Store) -> None:
    whole, half = store.receive(), store.receive()
    await whole.write(ZSTD)
    await half.write(ZSTD)
    stored = whole.keep()
    store.prepare()
    assert kept_files(store) == [stored.key]
    half.discard()


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
        (gzip.compress(b"counter"), "gzip"),
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
