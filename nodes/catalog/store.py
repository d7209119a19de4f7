"""Keep archives as files named by a random key: bytes in, hash, path out.

A file is written under ``incoming`` and moved beside the others when it is whole and its row is
written: what lies outside ``incoming`` is always complete, and what lies in it without a row was
never promised to anybody. The process that writes a file holds a lock on it, so that others, on
this machine or on one that shares the folder, leave it alone.
"""

from __future__ import annotations

import asyncio
import errno
import fcntl
import hashlib
import os
import shutil
import uuid
from collections.abc import Collection, Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path
from typing import BinaryIO

from nodes.catalog.compression import HEAD_BYTES, detect_compression
from nodes.catalog.contents import Contents
from nodes.catalog.errors import ArchiveUnreadable, StoreError, StoreFull
from nodes.catalog.members import Limits
from nodes.catalog.reading import Reading
from nodes.uninterrupted import settled

READ_BYTES = 1024 * 1024


@dataclass(frozen=True, kw_only=True)
class StoredFile:
    key: str
    size_bytes: int
    sha256: str
    compression: str


class Store:
    def __init__(self, folder: Path) -> None:
        self.folder = folder
        self._incoming = folder / "incoming"

    def prepare(self, kept: Collection[str], growing: Collection[str] = ()) -> None:
        """Make the folders, and tidy up after processes that were killed.

        ``kept`` are the keys that have a row: such a file is whole and is moved to its place.
        ``growing`` are those that somebody goes on with. Any other was left half received and is
        dropped, unless a process still writes it.
        """
        self._make(self._incoming)
        for leftover in self._incoming.iterdir():
            with _unless_written(leftover) as is_left:
                if is_left and leftover.name in kept:
                    leftover.rename(self.path(leftover.name))
                elif is_left and leftover.name not in growing:
                    leftover.unlink()

    def incoming_keys(self) -> list[str]:
        """Return the keys of the files that have not been moved to their place."""
        self._make(self._incoming)
        return [path.name for path in self._incoming.iterdir()]

    def receive(self) -> IncomingFile:
        """Begin a new file. Raises StoreError if the folder cannot be written."""
        self._make(self._incoming)
        return IncomingFile(self, uuid.uuid4().hex)

    async def resume(self, key: str) -> IncomingFile:
        """Go on with a file of which a killed site left a part; what there is, is hashed again.

        Raises StoreError if there is none, or another process still writes it.
        """
        incoming = IncomingFile(self, key, is_new=False)
        await incoming.read_again()
        return incoming

    def _make(self, folder: Path) -> None:
        try:
            folder.mkdir(parents=True, exist_ok=True, mode=0o700)
        except OSError as error:
            raise _store_error(error) from error

    def path(self, key: str) -> Path:
        return self.folder / key

    def incoming_path(self, key: str) -> Path:
        return self._incoming / key

    def delete(self, key: str) -> None:
        self.path(key).unlink(missing_ok=True)

    def verify(self, key: str) -> str:
        """Read a file again and return the sha256 of what it holds now."""
        digest = hashlib.sha256()
        with self.path(key).open("rb") as file:
            while chunk := file.read(READ_BYTES):
                digest.update(chunk)
        return digest.hexdigest()

    def free_bytes(self) -> int:
        self._make(self.folder)
        return shutil.disk_usage(self.folder).free


class IncomingFile:
    """Take one file's bytes, hashing as they come; others may read it while it grows."""

    def __init__(self, store: Store, key: str, *, is_new: bool = True) -> None:
        self._store = store
        self.key = key
        self.path = store.incoming_path(key)
        self._hash = hashlib.sha256()
        self._head = b""
        self.size_bytes = 0
        self.complete = False
        self._grown = asyncio.Condition()
        self._reading: Reading | None = None
        self._kept = False
        try:
            descriptor = _open_new(self.path) if is_new else _open_left(self.path)
        except OSError as error:
            raise _store_error(error) from error
        self._file: BinaryIO = os.fdopen(descriptor, "wb", buffering=0)

    async def write(self, chunk: bytes) -> None:
        """Append bytes, all of them although cancelled meanwhile. Raises StoreFull."""
        await settled(self._append(chunk))

    async def _append(self, chunk: bytes) -> None:
        if len(self._head) < HEAD_BYTES:
            self._head = (self._head + chunk)[:HEAD_BYTES]
        try:
            await asyncio.to_thread(self._write, chunk)
        except OSError as error:
            raise _store_error(error) from error
        async with self._grown:
            self.size_bytes += len(chunk)
            self._grown.notify_all()
        if self._reading is not None:
            self._reading.grow(self.size_bytes)

    async def read_again(self) -> None:
        """Take into the hash what an earlier process has received. Raises StoreError."""
        try:
            await asyncio.to_thread(self._read_again)
        except OSError as error:
            raise _store_error(error) from error

    def _read_again(self) -> None:
        with self.path.open("rb") as file:
            while chunk := file.read(READ_BYTES):
                self._head = (self._head + chunk)[:HEAD_BYTES]
                self._hash.update(chunk)
                self.size_bytes += len(chunk)

    def start_reading(self, limits: Limits) -> None:
        """Read what the archive holds while it arrives, in a thread."""
        self._reading = Reading(self.path, limits)
        self._reading.grow(self.size_bytes)

    @property
    def unreadable(self) -> ArchiveUnreadable | None:
        """Return why the bytes so far cannot be an archive's, as soon as that is clear."""
        return self._reading.failure if self._reading else None

    async def contents(self) -> Contents:
        """Return what the archive holds, once all of it is here. Raises ArchiveUnreadable."""
        if self._reading is None:
            raise RuntimeError("start_reading was not called")
        return await self._reading.contents()

    def _write(self, chunk: bytes) -> None:
        rest = memoryview(chunk)
        while rest:
            rest = rest[self._file.write(rest) :]
        self._hash.update(chunk)

    async def end(self) -> None:
        """Say that no more bytes will come, so that readers stop waiting."""
        async with self._grown:
            self.complete = True
            self._grown.notify_all()
        if self._reading is not None:
            self._reading.end()

    async def wait_beyond(self, offset: int) -> bool:
        """Wait until there is more than ``offset`` bytes; return False if there never will be."""
        async with self._grown:
            await self._grown.wait_for(lambda: self.size_bytes > offset or self.complete)
            return self.size_bytes > offset

    def facts(self) -> StoredFile:
        """Return what is known of the file now that it is whole, for its row."""
        return StoredFile(
            key=self.key,
            size_bytes=self.size_bytes,
            sha256=self._hash.hexdigest(),
            compression=detect_compression(self._head),
        )

    def sync(self) -> None:
        """Have the bytes on the disk itself, so that a power cut does not take them."""
        os.fsync(self._file.fileno())

    def keep(self) -> StoredFile:
        """Move the whole file to its place, after its row was written. Raises StoreError."""
        try:
            self.path = self.path.rename(self._store.path(self.key))
        except OSError as error:
            raise _store_error(error) from error
        finally:
            # Only now: the lock goes with it.
            self._file.close()
        self._kept = True
        return self.facts()

    def leave(self) -> None:
        """Let another process resume the file."""
        self._file.close()
        if self._reading is not None:
            self._reading.abandon()

    def discard(self) -> None:
        """Forget the file, unless it was kept."""
        self._file.close()
        if self._reading is not None:
            self._reading.abandon()
        if not self._kept:
            self.path.unlink(missing_ok=True)


def _open_new(path: Path) -> int:
    """Make a file and lock it for as long as this process has it open."""
    while True:
        descriptor = os.open(path, os.O_WRONLY | os.O_CREAT | os.O_EXCL, 0o600)
        # Over NFS, too: there Linux makes it a lock of the file server's.
        fcntl.flock(descriptor, fcntl.LOCK_EX)
        if path.exists():
            return descriptor
        # Somebody tidied up before it was locked.
        os.close(descriptor)


def _open_left(path: Path) -> int:
    descriptor = os.open(path, os.O_WRONLY | os.O_APPEND)
    try:
        fcntl.flock(descriptor, fcntl.LOCK_EX | fcntl.LOCK_NB)
    except OSError:
        os.close(descriptor)
        raise
    return descriptor


@contextmanager
def _unless_written(path: Path) -> Iterator[bool]:
    """Tell whether a file is there that no process writes, and keep others off it meanwhile."""
    try:
        descriptor = os.open(path, os.O_RDWR)
    except FileNotFoundError:
        yield False
        return
    try:
        fcntl.flock(descriptor, fcntl.LOCK_EX | fcntl.LOCK_NB)
        # It may have been moved to its place before it was locked.
        is_left = path.exists()
    except BlockingIOError:
        is_left = False
    try:
        yield is_left
    finally:
        os.close(descriptor)


def _store_error(error: OSError) -> StoreError:
    if error.errno in (errno.ENOSPC, errno.EDQUOT):
        return StoreFull(str(error))
    return StoreError(
        "The catalog's folder cannot be written.",
        cause=str(error),
        remedy="Give the site's user the right to write there, then try again.",
    )
