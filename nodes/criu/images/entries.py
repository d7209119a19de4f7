"""Read the entries of an image one by one, whatever its bytes are."""

from __future__ import annotations

import struct
from collections.abc import Callable, Iterator
from dataclasses import dataclass
from typing import Final

from google.protobuf.message import DecodeError

from nodes.criu.images.errors import ImageUnreadable
from nodes.criu.images.message_classes import MESSAGE_CLASSES, ImageMessage

# Gives at most so many bytes of an image, b"" at its end.
Read = Callable[[int], bytes]

COMMON_MAGIC: Final = 0x54564319
SERVICE_MAGIC: Final = 0x55105940
_READ_BYTES = 64 * 1024
_ENTRY_BYTES = 1024 * 1024
# A process may have 65,530 mappings (vm.max_map_count), of about 40 bytes each.
_MM_BYTES = 4 * 1024 * 1024
# All filters are in one entry: 12 KiB of Podman's profile for each process of a container.
_SECCOMP_BYTES = 8 * 1024 * 1024


@dataclass(frozen=True, kw_only=True)
class ImageKind:
    """How an image begins, and what its entries are.

    ``leads`` are the magic numbers before its own; ``first`` is its first entry if that is of
    another kind than the rest.
    """

    magic: int
    entry: str
    first: str = ""
    leads: tuple[int, ...] = (COMMON_MAGIC,)
    entry_bytes: int = _ENTRY_BYTES


# By the beginning of an image's name: criu/include/magic.h of CRIU 4.2.
KINDS: Final = {
    # The only one of CRIU's images without a common magic number, which its version announces.
    "inventory": ImageKind(magic=0x58313116, entry="inventory", leads=()),
    "pstree": ImageKind(magic=0x50273030, entry="pstree"),
    "core": ImageKind(magic=0x55053847, entry="core"),
    "ids": ImageKind(magic=0x54432030, entry="ids"),
    "fs": ImageKind(magic=0x51403912, entry="fs"),
    "mm": ImageKind(magic=0x57492820, entry="mm", entry_bytes=_MM_BYTES),
    "pagemap": ImageKind(magic=0x56084025, entry="pagemap", first="pagemap_head"),
    "fdinfo": ImageKind(magic=0x56213732, entry="fdinfo"),
    "files": ImageKind(magic=0x56303138, entry="file"),
    "memfd": ImageKind(magic=0x48453499, entry="memfd_inode"),
    "seccomp": ImageKind(magic=0x64413049, entry="seccomp", entry_bytes=_SECCOMP_BYTES),
    "mountpoints": ImageKind(magic=0x55563928, entry="mnt"),
    "utsns": ImageKind(magic=0x54473203, entry="utsns"),
    "stats": ImageKind(magic=0x57093306, entry="stats", leads=(SERVICE_MAGIC,)),
}


def read_entries(read: Read, kind: str) -> Iterator[ImageMessage]:
    """Yield the entries of an image of a kind of KINDS. Raises ImageUnreadable, and nothing else.

    What ``read`` itself raises is not caught.
    """
    image = KINDS[kind]
    source = _Source(read)
    for expected in (*image.leads, image.magic):
        found = source.number("its magic number")
        if found != expected:
            raise ImageUnreadable(f"magic number 0x{found:08x} where 0x{expected:08x} belongs")
    name = image.first or image.entry
    while not source.at_end():
        size_bytes = source.number("the size of an entry")
        if size_bytes > image.entry_bytes:
            raise ImageUnreadable(
                f"an entry of {size_bytes} bytes, where {image.entry_bytes} is the most"
            )
        yield parse_message(name, source.exactly(size_bytes, "an entry"))
        name = image.entry


def first_entry(read: Read, kind: str) -> ImageMessage:
    """Return the only entry that matters of an image. Raises ImageUnreadable if there is none."""
    for entry in read_entries(read, kind):
        return entry
    raise ImageUnreadable("an image without an entry")


def parse_message(name: str, payload: bytes) -> ImageMessage:
    """Return one message of the table of messages. Raises ImageUnreadable."""
    message = MESSAGE_CLASSES[name]()
    try:
        message.ParseFromString(payload)
    except DecodeError as error:
        raise ImageUnreadable(f"an entry is no {name} message: {error}") from error
    return message


class _Source:
    def __init__(self, read: Read) -> None:
        self._read = read
        self._buffer = b""
        self._at = 0

    def at_end(self) -> bool:
        return not self._available(1)

    def number(self, what: str) -> int:
        value: int = struct.unpack("<I", self.exactly(4, what))[0]
        return value

    def exactly(self, count: int, what: str) -> bytes:
        if not self._available(count):
            raise ImageUnreadable(f"it ends within {what}")
        self._at += count
        return self._buffer[self._at - count : self._at]

    def _available(self, count: int) -> bool:
        if len(self._buffer) - self._at >= count:
            return True
        parts = [self._buffer[self._at :]]
        have = len(parts[0])
        while have < count:
            part = self._read(max(_READ_BYTES, count - have))
            if not part:
                break
            parts.append(part)
            have += len(part)
        self._buffer, self._at = b"".join(parts), 0
        return have >= count
