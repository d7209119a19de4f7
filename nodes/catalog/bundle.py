"""Pack several archives into one tar while it is sent: nothing of it is ever on the disk.

Its length is known beforehand, and a file that is shorter than it should be breaks it off.
"""

from __future__ import annotations

import asyncio
import tarfile
from collections.abc import AsyncIterator, Sequence
from dataclasses import dataclass
from pathlib import Path

from nodes.catalog.errors import ArchiveMissing
from nodes.catalog.store import READ_BYTES

SUMS_NAME = "SHA256SUMS"
_END = bytes(2 * tarfile.BLOCKSIZE)


@dataclass(frozen=True, kw_only=True)
class BundledFile:
    name: str
    path: Path
    size_bytes: int
    sha256: str
    modified_s: float


class Bundle:
    def __init__(self, files: Sequence[BundledFile]) -> None:
        self._files = files
        self._names = _unique([file.name for file in files])
        sums = [f"{file.sha256}  {name}\n" for file, name in zip(files, self._names, strict=True)]
        self._sums = "".join(sums).encode()

    @property
    def size_bytes(self) -> int:
        members = sum(
            len(self._header(file, name)) + _padded(file.size_bytes)
            for file, name in zip(self._files, self._names, strict=True)
        )
        return len(self._sums_member()) + members + len(_END)

    async def chunks(self) -> AsyncIterator[bytes]:
        """Give the tar in parts of up to READ_BYTES. Raises ArchiveMissing if a file is cut off."""
        yield self._sums_member()
        for file, name in zip(self._files, self._names, strict=True):
            yield self._header(file, name)
            async for chunk in _content(file):
                yield chunk
            yield bytes(_padded(file.size_bytes) - file.size_bytes)
        yield _END

    def _sums_member(self) -> bytes:
        size = len(self._sums)
        newest = max((file.modified_s for file in self._files), default=0.0)
        return _header(SUMS_NAME, size, newest) + self._sums + bytes(_padded(size) - size)

    def _header(self, file: BundledFile, name: str) -> bytes:
        return _header(name, file.size_bytes, file.modified_s)


def _header(name: str, size_bytes: int, modified_s: float) -> bytes:
    member = tarfile.TarInfo(name)
    member.size, member.mtime, member.mode = size_bytes, int(modified_s), 0o600
    # Pax, for files beyond 8 GiB and long names.
    return member.tobuf(tarfile.PAX_FORMAT)


def _padded(size_bytes: int) -> int:
    return -(-size_bytes // tarfile.BLOCKSIZE) * tarfile.BLOCKSIZE


async def _content(file: BundledFile) -> AsyncIterator[bytes]:
    left = file.size_bytes
    with await asyncio.to_thread(file.path.open, "rb") as source:
        while left:
            chunk = await asyncio.to_thread(source.read, min(READ_BYTES, left))
            if not chunk:
                raise ArchiveMissing(file.name)
            left -= len(chunk)
            yield chunk


def _unique(names: Sequence[str]) -> list[str]:
    """Number the names that are there more than once; two files must not overwrite one another."""
    given: list[str] = []
    for name in names:
        stem, dot, suffix = name.partition(".tar")
        number, candidate = 1, name
        while candidate in (*given, SUMS_NAME):
            number += 1
            candidate = f"{stem}-{number}{dot}{suffix}"
        given.append(candidate)
    return given
