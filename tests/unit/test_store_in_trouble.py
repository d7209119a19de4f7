"""A disk that takes no more is called by its name, and nothing half written stays."""

from __future__ import annotations

import os
import resource
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

import pytest

from nodes.catalog.errors import StoreError, StoreFull
from nodes.catalog.store import Store


@pytest.fixture
def store(tmp_path: Path) -> Store:
    return Store(tmp_path / "archives")


async def test_a_full_disk_is_called_one(store: Store) -> None:
    incoming = store.receive()
    await incoming.write(b"begun")
    fill_the_disk_under(incoming.path)
    with pytest.raises(StoreFull) as caught:
        await incoming.write(bytes(4096))
    assert "No space left on device" in caught.value.problem.cause
    assert "Delete archives" in caught.value.problem.remedy
    assert incoming.size_bytes == len(b"begun")
    incoming.discard()
    assert [path for path in store.folder.rglob("*") if path.is_file()] == []


def fill_the_disk_under(path: Path) -> None:
    """Put /dev/full, which answers every write with ENOSPC, in the place of an open file."""
    descriptors = Path("/proc/self/fd")
    (open_one,) = (fd for fd in descriptors.iterdir() if os.path.realpath(fd) == str(path))
    full = os.open("/dev/full", os.O_WRONLY)
    os.dup2(full, int(open_one.name), inheritable=False)
    os.close(full)


async def test_another_trouble_with_the_disk_is_told_as_it_is(store: Store) -> None:
    incoming = store.receive()
    with files_of_at_most(1_000_000), pytest.raises(StoreError) as caught:
        await incoming.write(bytes(1_000_001))
    assert not isinstance(caught.value, StoreFull)
    assert "File too large" in caught.value.problem.cause
    incoming.discard()


@contextmanager
def files_of_at_most(size_bytes: int) -> Iterator[None]:
    before = resource.getrlimit(resource.RLIMIT_FSIZE)
    resource.setrlimit(resource.RLIMIT_FSIZE, (size_bytes, before[1]))
    try:
        yield
    finally:
        resource.setrlimit(resource.RLIMIT_FSIZE, before)


def test_a_folder_that_cannot_be_made_is_the_stores_trouble(tmp_path: Path) -> None:
    (tmp_path / "archives").write_text("a file stands in its place")
    store = Store(tmp_path / "archives")
    for attempt in (store.receive, store.incoming_keys, store.free_bytes):
        with pytest.raises(StoreError):
            attempt()
