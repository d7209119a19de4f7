"""The unpacked bytes of an archive, counted against what an archive may hold."""

from __future__ import annotations

import time
from dataclasses import dataclass

from nodes.catalog.decompress import Unpacker
from nodes.catalog.errors import ArchiveUnreadable


@dataclass(frozen=True, kw_only=True)
class Limits:
    """How much an archive may hold; ``nested_members`` counts those of all archives in it."""

    members: int = 200_000
    nested_members: int = 1_000_000
    name_chars: int = 4096
    unpacked_bytes: int = 1 << 40
    # How many times its own size an archive may unpack to, once that is much. Memory may well
    # hold nothing but zeros, so our own archives have no such limit.
    ratio: int | None = None
    ratio_from_bytes: int = 1 << 30
    # Of one extended header, and of all together. Go's archive/tar takes no more than 1 MiB of one
    # either (maxSpecialFileSize, Go 1.24).
    extension_bytes: int = 1 << 20
    extension_records: int = 4096
    extensions_bytes: int = 1 << 30
    # Time of the reading thread; None for as long as it takes.
    seconds: float | None = None
    # Whether members of names that Podman does not write are refused.
    known_names_only: bool = False

    @classmethod
    def for_uploads(cls) -> Limits:
        """Return the limits for an archive that was made elsewhere."""
        return cls(
            nested_members=200_000,
            ratio=1000,
            extension_bytes=16 << 10,
            extension_records=64,
            extensions_bytes=64 << 20,
            seconds=600,
            known_names_only=True,
        )


class ArchiveStream:
    def __init__(self, unpacker: Unpacker, limits: Limits) -> None:
        self.limits = limits
        self._unpacker = unpacker
        self._chunk = b""
        self._at = 0
        self._unpacked_bytes = 0
        self._members = 0
        self._nested_members = 0
        self._extensions_bytes = 0
        self._started_s = time.thread_time()

    def count_member(self, *, nested: bool) -> None:
        self._check_time()
        if nested:
            self._nested_members += 1
        else:
            self._members += 1
        if self._members > self.limits.members:
            raise ArchiveUnreadable(f"It has more than {self.limits.members} members.")
        if self._nested_members > self.limits.nested_members:
            raise ArchiveUnreadable(
                f"The archives in it have more than {self.limits.nested_members} members."
            )

    def count_extension(self, size_bytes: int) -> None:
        self._extensions_bytes += size_bytes
        if self._extensions_bytes > self.limits.extensions_bytes:
            raise ArchiveUnreadable(
                f"Its extended headers have more than {self.limits.extensions_bytes} bytes."
            )

    def read(self, count: int) -> bytes:
        """Return so many bytes, fewer only at the end."""
        parts = []
        while count > 0 and (self._at < len(self._chunk) or self._next()):
            part = self._chunk[self._at : self._at + count]
            self._at += len(part)
            count -= len(part)
            parts.append(part)
        return parts[0] if len(parts) == 1 else b"".join(parts)

    def skip(self, count: int) -> int:
        """Pass over so many bytes, fewer only at the end; return how many."""
        left = count
        while left > 0 and (self._at < len(self._chunk) or self._next()):
            step = min(left, len(self._chunk) - self._at)
            self._at += step
            left -= step
        return count - left

    def finish(self) -> None:
        """Read what is left: padding, and the checksum at the end of a compressed stream."""
        while self._at < len(self._chunk) or self._next():
            if self._chunk.count(0, self._at) != len(self._chunk) - self._at:
                raise ArchiveUnreadable("Something follows the end of the archive.")
            self._at = len(self._chunk)

    def _check_time(self) -> None:
        seconds = self.limits.seconds
        if seconds is not None and time.thread_time() - self._started_s > seconds:
            raise ArchiveUnreadable(f"Reading it takes more than {seconds:g} seconds.")

    def _next(self) -> bool:
        self._check_time()
        self._chunk, self._at = self._unpacker.next_chunk(), 0
        self._unpacked_bytes += len(self._chunk)
        limits, unpacked_bytes = self.limits, self._unpacked_bytes
        if unpacked_bytes > limits.unpacked_bytes:
            raise ArchiveUnreadable(f"It unpacks to more than {limits.unpacked_bytes} bytes.")
        if (
            limits.ratio is not None
            and unpacked_bytes > limits.ratio_from_bytes
            and unpacked_bytes > limits.ratio * self._unpacker.packed_bytes
        ):
            raise ArchiveUnreadable(f"It unpacks to more than {limits.ratio} times its size.")
        return bool(self._chunk)
