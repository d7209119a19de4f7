"""Walk through an archive member by member, whatever somebody may have put into it.

Forward only and in constant memory: nothing is written to disk, nothing is kept, and no member is
read further than it is asked for. What Podman does not write is refused.
"""

from __future__ import annotations

from collections.abc import Iterator
from hashlib import blake2b
from typing import BinaryIO, Protocol

from nodes.catalog.archive_stream import ArchiveStream, Limits
from nodes.catalog.decompress import Unpacker
from nodes.catalog.errors import ArchiveCutOff, ArchiveUnreadable
from nodes.catalog.member_rules import (
    MemberType,
    check_of_archive,
    may_be_looked_into,
    plain_path,
    target_of,
    text,
    type_of,
)
from nodes.catalog.tar_header import BLOCK_BYTES, BadHeader, Header, HeaderParts, parse_header

__all__ = ["Limits", "Member", "MemberType", "read_members"]

_READ_BYTES = 256 * 1024
_SHOWN_CHARS = 120
_AGAIN = "Transfer the file again, or export the checkpoint again."


def read_members(source: BinaryIO, limits: Limits) -> Iterator[Member]:
    """Yield the members of an archive in their order, to the very end of the file.

    What is not read of a member is skipped when the next is asked for. Raises ArchiveUnreadable,
    and what the source itself raises.
    """
    stream = ArchiveStream(Unpacker(source), limits)
    yield from _Tar(stream, stream, "").members()
    stream.finish()


class _Readable(Protocol):
    def read(self, count: int) -> bytes: ...

    def skip(self, count: int) -> int: ...


class Member:
    """One member; its bytes can be read until the next member is asked for."""

    def __init__(
        self, tar: _Tar, *, name: str, type: MemberType, mode: int, size_bytes: int, target: str
    ) -> None:
        self._tar = tar
        # Relative, without "." or "..": checkpoint/core-1.img.
        self.name = name
        self.type = type
        self.mode = mode
        self.size_bytes = size_bytes
        # Of a link; that of a hard link is the name of another member.
        self.target = target
        self._left_bytes = size_bytes
        self._passed = False

    def read(self, count: int) -> bytes:
        """Return so many bytes, fewer only at the member's end and b"" there."""
        if self._passed:
            raise ValueError(f"{self.name} has been passed")
        wanted = min(count, self._left_bytes)
        data = self._tar.source.read(wanted)
        self._took(len(data), wanted)
        return data

    def skip(self, count: int) -> int:
        """Pass over so many bytes, fewer only at the member's end; return how many."""
        wanted = min(count, self._left_bytes)
        skipped = self._tar.source.skip(wanted)
        self._took(skipped, wanted)
        return skipped

    def read_all(self, most_bytes: int) -> bytes:
        """Return the rest of a member. Raises ArchiveUnreadable if it is larger than allowed."""
        if self._left_bytes > most_bytes:
            raise ArchiveUnreadable(
                f"{self._called} has {self.size_bytes} bytes, where {most_bytes} is the most that "
                "makes sense."
            )
        return self.read(self._left_bytes)

    def members(self) -> Iterator[Member]:
        """Yield the members of rootfs-diff.tar, devshm-checkpoint.tar or a volume's archive."""
        if self._tar.inside or self.type != "file" or not may_be_looked_into(self.name):
            raise ArchiveUnreadable(f"{self._called} is no archive to look into.")
        yield from _Tar(self, self._tar.stream, self.name).members()
        while rest := self.read(_READ_BYTES):
            if rest.count(0) != len(rest):
                raise ArchiveUnreadable(f"{self._called} has something after its end.")

    def pass_over(self) -> None:
        if self._left_bytes:
            self.skip(self._left_bytes)
        self._passed = True

    @property
    def _called(self) -> str:
        return self._tar.called(self.name)

    def _took(self, count: int, wanted: int) -> None:
        self._left_bytes -= count
        if count < wanted:
            raise ArchiveCutOff(
                f"The file is cut off: {self._called} ends after "
                f"{self.size_bytes - self._left_bytes} of {self.size_bytes} bytes.",
                remedy=_AGAIN,
            )


class _Tar:
    """The archive itself, or one that is a member of it and is called ``inside``."""

    def __init__(self, source: _Readable, stream: ArchiveStream, inside: str) -> None:
        self.source = source
        self.stream = stream
        self.inside = inside
        self._limits = stream.limits
        # Where we are, for messages: the header's name, else that of the member before it.
        self._header_name = b""
        self._last_name = ""
        # Digests, for names may be long.
        self._seen: set[bytes] = set()

    def members(self) -> Iterator[Member]:
        while (member := self._next_member()) is not None:
            if member.name != ".":
                yield member
            member.pass_over()
            self._exactly(-member.size_bytes % BLOCK_BYTES)
            self._last_name = member.name

    def called(self, name: str) -> str:
        """Return how a member is called in a message; its name may be anything."""
        shown = name if name.isprintable() else name.encode("unicode_escape").decode()
        shown = shown if len(shown) <= _SHOWN_CHARS else f"{shown[:_SHOWN_CHARS]}…"
        return f"{self.inside}:{shown}" if self.inside else shown

    def _place(self) -> str:
        if self._header_name:
            return self.called(text(self._header_name[: self._limits.name_chars]))
        if self._last_name:
            return f"What follows {self.called(self._last_name)}"
        return f"The first member of {self.inside}" if self.inside else "The first member"

    def _next_member(self) -> Member | None:
        self._header_name = b""
        try:
            header = self._next_header()
            if header is None:
                return None
            self.stream.count_member(nested=bool(self.inside))
            self._header_name = header.name
            return self._member(header)
        except BadHeader as error:
            raise ArchiveUnreadable(f"{self._place()} is refused: {error}.") from error

    def _next_header(self) -> Header | None:
        """Return the next header, extensions merged into it, or None at the archive's end."""
        parts = HeaderParts(self._limits.extension_bytes, self._limits.extension_records)
        while any(block := self._exactly(BLOCK_BYTES)):
            header = parse_header(block)
            if not parts.extends(header):
                return parts.merged(header)
            self.stream.count_extension(header.size_bytes)
            payload = self._exactly(header.size_bytes)
            parts.add(header, payload)
            self._exactly(-header.size_bytes % BLOCK_BYTES)
        if parts or any(self._exactly(BLOCK_BYTES)):
            raise BadHeader("a block of zeros is where a header belongs")
        return None

    def _exactly(self, count: int) -> bytes:
        if not count:
            return b""
        data = self.source.read(count)
        if len(data) < count:
            if self.inside:
                raise ArchiveUnreadable(f"{self.inside} is cut off: its end is missing.")
            raise ArchiveCutOff("The file is cut off: its end is missing.", remedy=_AGAIN)
        return data

    def _member(self, header: Header) -> Member:
        name = plain_path(header.name, "name", self._limits.name_chars)
        type_ = type_of(header)
        target = target_of(header, type_, self._limits.name_chars)
        if not self.inside and name != ".":
            strict = self._limits.known_names_only
            check_of_archive(name, type_, target, known_names_only=strict)
            self._remember(name)
        return Member(
            self,
            name=name,
            type=type_,
            mode=header.mode,
            size_bytes=header.size_bytes,
            target=target,
        )

    def _remember(self, name: str) -> None:
        digest = blake2b(name.encode(), digest_size=16).digest()
        if digest in self._seen:
            raise BadHeader("it is there twice")
        self._seen.add(digest)
