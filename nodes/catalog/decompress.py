"""Unpack an archive in chunks, whatever it is compressed with, in constant memory."""

from __future__ import annotations

import sys
import zlib
from collections.abc import Callable, Iterator
from typing import BinaryIO, Final

from nodes.catalog.compression import HEAD_BYTES, detect_compression
from nodes.catalog.errors import ArchiveCutOff, ArchiveUnreadable

if sys.version_info >= (3, 14):
    from compression import zstd
else:
    from backports import zstd

CHUNK_BYTES: Final = 256 * 1024
_PACKED_BYTES = 64 * 1024
# 128 MiB, the most that zstd itself takes without --long and that `zstd --ultra -22` needs.
_WINDOW_LOG = 27
_GZIP = zlib.MAX_WBITS | 16
# Compressors that work in parallel write many frames, none of them tiny; a file of frames that
# hold nothing would keep the reader busy for hours.
_MANY_FRAMES = 1000
_FRAME_BYTES = 1024
_TAR_BLOCK_BYTES = 512


class Unpacker:
    """Give what is in a file, unpacked, and count what was taken of the file for it."""

    def __init__(self, source: BinaryIO) -> None:
        """Find out what the file is. Raises ArchiveUnreadable if it is no archive at all."""
        self._source = source
        self.packed_bytes = 0
        head = self._head()
        compression = detect_compression(head)
        if not compression:
            raise ArchiveUnreadable(_no_archive(head))
        readers: dict[str, Callable[[bytes], Iterator[bytes]]] = {
            "zstd": self._zstd,
            "gzip": self._gzip,
            "none": self._plain,
        }
        self._chunks = readers[compression](head)

    def next_chunk(self) -> bytes:
        """Return at most CHUNK_BYTES, b"" at the end. Raises ArchiveUnreadable."""
        return next(self._chunks, b"")

    def _take(self, count: int) -> bytes:
        data = self._source.read(count)
        self.packed_bytes += len(data)
        return data

    def _head(self) -> bytes:
        head = b""
        while len(head) < HEAD_BYTES and (more := self._take(HEAD_BYTES - len(head))):
            head += more
        return head

    def _plain(self, head: bytes) -> Iterator[bytes]:
        yield head
        while chunk := self._take(CHUNK_BYTES):
            yield chunk

    def _zstd(self, packed: bytes) -> Iterator[bytes]:
        frames = _Frames("zstd")
        options = {int(zstd.DecompressionParameter.window_log_max): _WINDOW_LOG}
        while packed:
            decoder = zstd.ZstdDecompressor(options=options)
            while not decoder.eof:
                if decoder.needs_input and not packed and not (packed := self._take(_PACKED_BYTES)):
                    raise _cut_off("zstd")
                try:
                    chunk = decoder.decompress(packed, CHUNK_BYTES)
                except zstd.ZstdError as error:
                    raise _damaged("zstd", frames.number, error) from error
                packed = b""
                yield from frames.counted(chunk)
            frames.end()
            packed = decoder.unused_data or self._take(_PACKED_BYTES)

    def _gzip(self, packed: bytes) -> Iterator[bytes]:
        frames = _Frames("gzip")
        while packed:
            decoder = zlib.decompressobj(_GZIP)
            while not decoder.eof:
                if not packed and not (packed := self._take(_PACKED_BYTES)):
                    raise _cut_off("gzip")
                try:
                    chunk = decoder.decompress(packed, CHUNK_BYTES)
                except zlib.error as error:
                    raise _damaged("gzip", frames.number, error) from error
                packed = decoder.unconsumed_tail
                yield from frames.counted(chunk)
            frames.end()
            packed = decoder.unused_data or self._take(_PACKED_BYTES)


class _Frames:
    """Count the frames of a compressed file, and refuse one that is nothing but frames."""

    def __init__(self, compression: str) -> None:
        self._compression = compression
        self._unpacked_bytes = 0
        self.number = 0

    def counted(self, chunk: bytes) -> Iterator[bytes]:
        if chunk:
            self._unpacked_bytes += len(chunk)
            yield chunk

    def end(self) -> None:
        self.number += 1
        if self.number > _MANY_FRAMES and self._unpacked_bytes < self.number * _FRAME_BYTES:
            raise ArchiveUnreadable(
                f"It consists of more than {_MANY_FRAMES} {self._compression} streams that hold "
                "next to nothing."
            )


def _no_archive(head: bytes) -> str:
    if not head:
        return "The file is empty."
    if len(head) < HEAD_BYTES or not any(head[:_TAR_BLOCK_BYTES]):
        return "It is too short for an archive, or begins with nothing but zeros."
    return "It begins neither as zstd nor as gzip nor as a tar archive does."


def _cut_off(compression: str) -> ArchiveCutOff:
    return ArchiveCutOff(
        f"The file is cut off: its {compression} stream does not end.",
        remedy="Transfer the file again, or export the checkpoint again.",
    )


def _damaged(compression: str, frames: int, error: Exception) -> ArchiveUnreadable:
    if frames:
        return ArchiveUnreadable(
            f"After the end of a {compression} stream comes something else: {error}."
        )
    return ArchiveUnreadable(f"Its {compression} stream is damaged: {error}.")
