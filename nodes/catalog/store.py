"""Keep archives as files named by a random key: bytes in, hash, path out.

A file is written under ``incoming`` and moved beside the others when it is whole, so that what
lies outside ``incoming`` is always complete.
"""

from __future__ import annotations

import asyncio
import errno
import hashlib
import os
import shutil
import uuid
from dataclasses import dataclass
from pathlib import Path
from typing import BinaryIO

from nodes.catalog.compression import HEAD_BYTES, detect_compression
from nodes.catalog.errors import StoreError, StoreFull

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

    def prepare(self) -> None:
        """Make the folders, and drop what a killed site left half received."""
        self._make(self._incoming)
        for leftover in self._incoming.iterdir():
            leftover.unlink()

    def receive(self) -> IncomingFile:
        """Begin a new file. Raises StoreError if the folder cannot be written."""
        self._make(self._incoming)
        return IncomingFile(self, uuid.uuid4().hex)

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

    def __init__(self, store: Store, key: str) -> None:
        self._store = store
        self.key = key
        self.path = store.incoming_path(key)
        self._hash = hashlib.sha256()
        self._head = b""
        self.size_bytes = 0
        self.complete = False
        self._grown = asyncio.Condition()
        try:
            descriptor = os.open(self.path, os.O_WRONLY | os.O_CREAT | os.O_EXCL, 0o600)
        except OSError as error:
            raise _store_error(error) from error
        self._file: BinaryIO = os.fdopen(descriptor, "wb", buffering=0)

    async def write(self, chunk: bytes) -> None:
        """Append bytes. Raises StoreFull."""
        if len(self._head) < HEAD_BYTES:
            self._head = (self._head + chunk)[:HEAD_BYTES]
        try:
            await asyncio.to_thread(self._write, chunk)
        except OSError as error:
            raise _store_error(error) from error
        async with self._grown:
            self.size_bytes += len(chunk)
            self._grown.notify_all()

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

    async def wait_beyond(self, offset: int) -> bool:
        """Wait until there is more than ``offset`` bytes; return False if there never will be."""
        async with self._grown:
            await self._grown.wait_for(lambda: self.size_bytes > offset or self.complete)
            return self.size_bytes > offset

    def keep(self) -> StoredFile:
        """Move the whole file into the store and return its facts."""
        self._file.close()
        self.path = self.path.rename(self._store.path(self.key))
        return StoredFile(
            key=self.key,
            size_bytes=self.size_bytes,
            sha256=self._hash.hexdigest(),
            compression=detect_compression(self._head),
        )

    def discard(self) -> None:
        self._file.close()
        self.path.unlink(missing_ok=True)


def _store_error(error: OSError) -> StoreError:
    if error.errno in (errno.ENOSPC, errno.EDQUOT):
        return StoreFull(str(error))
    return StoreError(
        "The catalog's folder cannot be written.",
        cause=str(error),
        remedy="Give the site's user the right to write there, then try again.",
    )
